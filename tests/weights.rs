//! Weights of other programs: listed, imported, used.

use std::{fs, path::Path};

use topwork_testkit::Project;

/// A project with a file of `bench/reference`.
fn project(files: &[&str]) -> Project {
    let project = Project::new();
    for file in files {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../bench/reference");
        fs::copy(folder.join(file), project.path().join(file)).unwrap();
    }
    project
}

#[test]
fn tensors_are_listed_with_types_and_shapes() {
    let project = project(&["weights-zip.pth"]);
    let output = project.topwork(&["weights", "list", "weights-zip.pth"]);
    insta::assert_snapshot!(output.snapshot());
}

/// Weights of half the usual precision for LeNet.
fn halves(project: &Project, name: &str) {
    use safetensors::{Dtype, tensor::TensorView};
    let tensors = [
        ("conv1.weight", vec![20, 1, 5, 5]),
        ("conv1.bias", vec![20]),
        ("conv2.weight", vec![50, 20, 5, 5]),
        ("conv2.bias", vec![50]),
    ];
    // Numbers from 0.0 to 0.5 have 0x38 and below as their higher byte.
    let bytes = tensors.clone().map(|(_, shape)| {
        let count: usize = shape.iter().product();
        (0..count)
            .flat_map(|index| [0, (index % 0x38) as u8])
            .collect::<Vec<u8>>()
    });
    let views = tensors
        .into_iter()
        .zip(&bytes)
        .map(|((name, shape), bytes)| (name, TensorView::new(Dtype::F16, shape, bytes).unwrap()));
    let file = safetensors::serialize(views, None).unwrap();
    fs::write(project.path().join(name), file).unwrap();
}

#[test]
fn weights_are_imported_and_an_experiment_uses_them() {
    let mut project = project(&[]);
    project.install("misbehave");
    halves(&project, "halves.safetensors");
    let import = |file: &str, output: &str| {
        project.topwork(&[
            "weights",
            "import",
            file,
            "--backbone",
            "lenet",
            "-o",
            output,
        ])
    };
    let output = import("halves.safetensors", "lenet.safetensors");
    insta::assert_snapshot!(output.snapshot());
    // What was written is a file of weights like any other.
    let again = import("lenet.safetensors", "again.safetensors");
    assert_eq!(again.code, 0, "{}", again.snapshot());
    let read = |name: &str| fs::read(project.path().join(name)).unwrap();
    assert_eq!(read("lenet.safetensors"), read("again.safetensors"));
    project.write("imported.toml", IMPORTED);
    let run = project.topwork(&["run", "imported.toml"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    // The whole network is the trunk, which is told by the same digest.
    let mut import_again = project.command(&["weights", "import", "lenet.safetensors"]);
    import_again.args(["--backbone", "lenet", "-o", "again.safetensors"]);
    let told = String::from_utf8(import_again.output().unwrap().stdout).unwrap();
    let results = project.results(1);
    let digest = results["strategies"][0]["seeds"][0]["frozen-before"]
        .as_str()
        .unwrap();
    assert!(told.contains(digest), "{digest}\n{told}");
    // It would replace what it reads.
    let same = import("lenet.safetensors", "./lenet.safetensors");
    assert_eq!(same.code, 2, "{}", same.snapshot());
}

/// What is there already stays, unless it is the same or `--force` is given.
#[test]
fn a_file_is_not_replaced_unasked() {
    let project = project(&[]);
    halves(&project, "halves.safetensors");
    project.write("mine.txt", "mine");
    let import = |more: &[&str]| {
        let start = [
            "weights",
            "import",
            "halves.safetensors",
            "--backbone",
            "lenet",
        ];
        project.topwork(&[&start[..], more].concat())
    };
    let mine = || fs::read(project.path().join("mine.txt")).unwrap();
    insta::assert_snapshot!(import(&["-o", "mine.txt"]).snapshot());
    assert_eq!(mine(), b"mine");
    // By default it would be named as what it is made from.
    assert_eq!(import(&[]).code, 2);
    for more in [&["-o", "mine.txt", "--force"][..], &["-o", "mine.txt"]] {
        let output = import(more);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(mine().len() > 1000);
    }
}

/// Weights of LeNet behind a key, and another set behind another one.
#[test]
fn keys_and_prefixes_are_told_and_chosen() {
    let project = project(&[]);
    halves(&project, "plain.safetensors");
    let bytes = fs::read(project.path().join("plain.safetensors")).unwrap();
    let plain = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let write = |name: &str, prefixes: &[&str]| {
        let named = prefixes.iter().flat_map(|prefix| {
            let tensors = plain.iter();
            tensors.map(move |(name, view)| (format!("{prefix}{name}"), view))
        });
        let file = safetensors::serialize(named, None).unwrap();
        fs::write(project.path().join(name), file).unwrap();
    };
    write("module.safetensors", &["module."]);
    write("pair.safetensors", &["student.", "teacher.module."]);
    write("model-00001-of-00002.safetensors", &["vision."]);
    let cases: [&[&str]; 5] = [
        &["import", "module.safetensors", "-o", "1.safetensors"],
        &["import", "pair.safetensors", "-o", "2.safetensors"],
        &[
            "import",
            "pair.safetensors",
            "--prefix",
            "teacher",
            "-o",
            "3.safetensors",
        ],
        &[
            "import",
            "pair.safetensors",
            "--key",
            "techer",
            "-o",
            "4.safetensors",
        ],
        &["list", "model-00001-of-00002.safetensors"],
    ];
    let told = cases.map(|case| {
        let backbone: &[&str] = if case[0] == "import" {
            &["--backbone", "lenet"]
        } else {
            &[]
        };
        let output = project.topwork(&[&["weights"], case, backbone].concat());
        format!("# {}\n{}", case.join(" "), output.snapshot())
    });
    insta::assert_snapshot!(told.join("\n"));
    let written = |name: &str| fs::read(project.path().join(name)).unwrap();
    assert_eq!(written("1.safetensors"), written("3.safetensors"));
    assert!(!project.path().join("2.safetensors").exists());
}

const IMPORTED: &str = r#"name = "imported"
[backbone]
use = "lenet"
weights = "lenet.safetensors"
[target]
dataset = { use = "misbehave", classes = [5, 6, 7, 8, 9] }
cut = "features"
[[strategy]]
name = "frozen"
kind = "frozen-backbone"
head = { use = "mlp", hidden = [20] }
train = { epochs = 1, batch-size = 10, learning-rate = 1e-3 }
"#;

#[test]
fn what_cannot_be_imported_is_told() {
    let project = project(&["resnet18-tiny.safetensors", "weights-legacy.pth"]);
    project.write("text.pth", "no weights");
    project.write(
        "pointer.pth",
        "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n",
    );
    let tiny = project.path().join("resnet18-tiny.safetensors");
    fs::copy(
        &tiny,
        project.path().join("model-00001-of-00002.safetensors"),
    )
    .unwrap();
    let cases: [&[&str]; 11] = [
        &["list", "missing.pth"],
        &["list", "text.pth"],
        &["list", "pointer.pth"],
        &["import", "weights-legacy.pth", "--backbone", "onnx"],
        &["import", "weights-legacy.pth", "--backbone", "resnett"],
        &[
            "import",
            "weights-legacy.pth",
            "--backbone",
            "resnet",
            "--set",
            "depth=19",
        ],
        &["import", "weights-legacy.pth", "--backbone", "mlp"],
        &["import", "weights-legacy.pth", "--backbone", "lenet"],
        &[
            "import",
            "resnet18-tiny.safetensors",
            "--backbone",
            "resnet",
        ],
        &[
            "import",
            "resnet18-tiny.safetensors",
            "--backbone",
            "resnet",
            "--set",
            "width=4",
            "--set",
            "depth=34",
        ],
        &[
            "import",
            "model-00001-of-00002.safetensors",
            "--backbone",
            "lenet",
        ],
    ];
    let told = cases.map(|case| {
        let output = project.topwork(&[&["weights"], case].concat());
        format!("# {}\n{}", case.join(" "), output.snapshot())
    });
    insta::assert_snapshot!(told.join("\n"));
}
