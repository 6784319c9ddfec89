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
    let cases: [&[&str]; 7] = [
        &["list", "missing.pth"],
        &["list", "text.pth"],
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
    ];
    let told = cases.map(|case| {
        let output = project.topwork(&[&["weights"], case].concat());
        format!("# {}\n{}", case.join(" "), output.snapshot())
    });
    insta::assert_snapshot!(told.join("\n"));
}
