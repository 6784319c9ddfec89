//! Datasets as a user meets them: files on disk, through the real binary. The examples of `docs/datasets.md` are among them.

use std::{fmt::Write, fs, io::Cursor, path::Path};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use topwork_testkit::Project;

/// A picture of class 0 (dark above) or 1 (dark below), with noise that differs from number to number.
fn picture(class: usize, number: u32) -> DynamicImage {
    RgbImage::from_fn(40, 24, |x, y| {
        let dark = (y < 12) == (class == 0);
        let noise = (x * 31 + y * 17 + number * 7) % 60;
        let [r, g, b] = if dark { [20, 10, 40] } else { [190, 180, 150] };
        Rgb([r, g, b].map(|colour: u8| colour + noise as u8))
    })
    .into()
}

fn png(image: &DynamicImage) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn write(project: &Project, name: &str, bytes: &[u8]) {
    let path = project.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

/// Two classes of ten flowers.
fn flowers(project: &Project) {
    for (class, name) in ["daisy", "rose"].into_iter().enumerate() {
        for number in 0..10 {
            let image = png(&picture(class, number));
            write(project, &format!("flowers/{name}/{number}.png"), &image);
        }
    }
}

const EXPERIMENT: &str = r#"
name = "flowers"
[backbone]
use = "convnet"
input = [3, 16, 16]
filters = 4
blocks = 2
[target]
cut = "block2"
[target.dataset]
use = "image-folder"
folder = "flowers"
size = 16
test-fraction = 0.3
[[strategy]]
name  = "from scratch"
kind  = "from-scratch"
head  = { use = "mlp", hidden = [] }
train = { epochs = 20, batch-size = 7, learning-rate = 1e-2 }
"#;

#[test]
fn a_network_learns_from_a_folder_of_images_and_broken_files_are_told() {
    let project = Project::new();
    flowers(&project);
    project.write("flowers.toml", EXPERIMENT);
    write(&project, "flowers/daisy/empty.png", b"");
    write(
        &project,
        "flowers/rose/page.jpg",
        b"<html>404 not found</html>",
    );
    let half = png(&picture(0, 99));
    write(&project, "flowers/rose/half.png", &half[..half.len() / 2]);
    let output = project.topwork(&["run", "flowers.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let row = &project.results(1)["strategies"][0]["seeds"][0];
    assert_eq!(
        (row["correct"].as_u64(), row["total"].as_u64()),
        (Some(6), Some(6))
    );
    let lines = output.stderr.lines();
    let told: Vec<&str> = lines.filter(|line| line.starts_with("warning")).collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn a_folder_without_a_readable_image_is_an_error_of_the_data() {
    let project = Project::new();
    project.write("flowers.toml", EXPERIMENT);
    for name in ["daisy/a.png", "daisy/b.jpg", "rose/c.gif"] {
        write(
            &project,
            &format!("flowers/{name}"),
            b"<html>404 not found</html>",
        );
    }
    for command in ["check", "run"] {
        let output = project.topwork(&[command, "flowers.toml"]);
        assert_eq!(output.code, 4, "{}", output.snapshot());
        insta::assert_snapshot!("nothing_readable", output.stderr);
    }
}

#[test]
fn wrong_parameters_are_shown_in_the_file() {
    let project = Project::new();
    flowers(&project);
    let text = EXPERIMENT
        .replace(
            "size = 16",
            "size = [16, 16, 16]\nfit = \"squeeze\"\nbackground = \"mauve\"\nmax-pixel = 3",
        )
        .replace("test-fraction = 0.3", "test-fraction = 3");
    project.write("wrong.toml", &text);
    let output = project.topwork(&["check", "wrong.toml"]);
    assert_eq!(output.code, 2);
    insta::assert_snapshot!(output.stderr);
}

#[test]
fn numbers_that_may_be_meant_otherwise_are_told_in_the_run() {
    let project = Project::new();
    let mut digits = String::new();
    for digit in (0..10).cycle().take(40) {
        let numbers: Vec<String> = (0..64)
            .map(|pixel| ((pixel * digit) % 17).to_string())
            .collect();
        writeln!(digits, "{};{digit}", numbers.join(";")).unwrap();
    }
    project.write("digits.csv", &digits);
    let told = |scale: &str| {
        let text = EXPERIMENT
            .replace("input = [3, 16, 16]", "input = [1, 8, 8]")
            .replace("use = \"image-folder\"", "use = \"csv\"\nshape = [1, 8, 8]")
            .replace("folder = \"flowers\"", "file = \"digits.csv\"")
            .replace("size = 16", scale)
            .replace("epochs = 20", "epochs = 1");
        project.write("digits.toml", &text);
        let output = project.topwork(&["run", "digits.toml"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let lines = output.stderr.lines();
        let told: Vec<String> = (lines.filter(|line| line.starts_with("warning")))
            .map(|line| line.replace(&project.path().display().to_string(), "[PROJECT]"))
            .collect();
        told.join("\n")
    };
    insta::assert_snapshot!(told(""));
    assert!(!told("scale = 16").contains("samples reach"));
}

/// The files that the examples name.
fn files_of_the_examples(project: &Project) {
    flowers(project);
    let mut list = String::from("path,label,split\n");
    for number in 0..10 {
        let split = if number < 7 { "train" } else { "test" };
        for class in ["daisy", "rose"] {
            writeln!(list, "flowers/{class}/{number}.png,{class},{split}").unwrap();
        }
    }
    project.write("labels.csv", &list);
    for number in 0..4 {
        for folder in ["animals/birds", "animals/mammals/cats", "food/fruit"] {
            let class = usize::from(folder.starts_with("food"));
            write(
                project,
                &format!("stamps/{folder}/{number}.png"),
                &png(&picture(class, number)),
            );
        }
    }
    for (name, count) in [("train", 8_u32), ("t10k", 4)] {
        let images = (0..count * 28 * 28)
            .map(|pixel| (pixel % 251) as u8)
            .collect();
        let labels = (0..count).map(|sample| (sample % 2) as u8).collect();
        let idx = |shape: &[u32], numbers: Vec<u8>| {
            let mut bytes = vec![0, 0, 8, shape.len() as u8];
            bytes.extend(shape.iter().flat_map(|size| size.to_be_bytes()));
            bytes.extend(numbers);
            bytes
        };
        let folder = "fashion-mnist";
        write(
            project,
            &format!("{folder}/{name}-images-idx3-ubyte"),
            &idx(&[count, 28, 28], images),
        );
        write(
            project,
            &format!("{folder}/{name}-labels-idx1-ubyte"),
            &idx(&[count], labels),
        );
    }
    let npy = |shape: &str, bytes: Vec<u8>| {
        let header = format!("{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = header.len() as u16;
        [
            b"\x93NUMPY\x01\x00",
            &length.to_le_bytes()[..],
            header.as_bytes(),
            &bytes,
        ]
        .concat()
    };
    let pixels = |count: usize| {
        (0..count * 32 * 32 * 3)
            .map(|pixel| (pixel % 251) as u8)
            .collect()
    };
    let mut archive =
        zip::ZipWriter::new(fs::File::create(project.path().join("images.npz")).unwrap());
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [
        ("x_train", npy("(8, 32, 32, 3)", pixels(8))),
        ("y_train", npy("(8,)", [0, 1].repeat(4))),
        ("x_test", npy("(4, 32, 32, 3)", pixels(4))),
        ("y_test", npy("(4,)", [0, 1].repeat(2))),
    ] {
        archive.start_file(format!("{name}.npy"), options).unwrap();
        std::io::Write::write_all(&mut archive, &bytes).unwrap();
    }
    archive.finish().unwrap();
    own_features(project);
    let mut digits = String::new();
    for digit in (0..10).cycle().take(80) {
        let numbers: Vec<String> = (0..64)
            .map(|pixel| ((pixel * digit) % 17).to_string())
            .collect();
        writeln!(digits, "{},{digit}", numbers.join(",")).unwrap();
    }
    // What is not packed is read all the same, whatever its name.
    project.write("digits.csv.gz", &digits);
}

/// Six numbers for each of forty samples, with words for labels; the first number tells them apart.
fn own_features(project: &Project) {
    let npy = |descr: &str, shape: &str, bytes: Vec<u8>| {
        let header =
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), &bytes].concat()
    };
    let number = |position: u32| {
        let (sample, dimension) = (position / 6, position % 6);
        let noise = (position * 7919 % 97) as f32 / 97.0;
        let far = if dimension == 0 {
            4.0 * (sample % 2) as f32
        } else {
            -3.0
        };
        (noise + far).to_le_bytes()
    };
    let word = |sample: u32| ["katze", "zebra"][sample as usize % 2].chars();
    let words = (0..40)
        .flat_map(word)
        .flat_map(|c| u32::from(c).to_le_bytes());
    let file = fs::File::create(project.path().join("features.npz")).unwrap();
    let mut archive = zip::ZipWriter::new(file);
    let options =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, bytes) in [
        (
            "features.npy",
            npy("<f4", "(40, 6)", (0..240).flat_map(number).collect()),
        ),
        ("kind.npy", npy("<U5", "(40,)", words.collect())),
    ] {
        archive.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut archive, &bytes).unwrap();
    }
    archive.finish().unwrap();
}

const OWN_FEATURES: &str = r#"
name = "own-features"
[backbone]
use = "identity"
shape = [6]
[target]
cut = "features"
dataset = { use = "arrays", file = "features.npz", samples = "features", labels = "kind", test-fraction = 0.5 }
[[strategy]]
name = "head"
kind = "feature-classifier"
head = { use = "lda" }
"#;

#[test]
fn heads_are_compared_on_features_of_somebody_else() {
    let project = Project::new();
    own_features(&project);
    let normalised = OWN_FEATURES.replace(
        "test-fraction = 0.5 }",
        "test-fraction = 0.5, normalise = { mean = [0, 0, 0, 0, 0, 0], std = [2, 2, 2, 2, 2, 2] } }",
    );
    for (run, text) in [(1, OWN_FEATURES), (2, &normalised)] {
        project.write("own.toml", text);
        let output = project.topwork(&["run", "own.toml", "--ui", "none"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let results = project.results(run);
        let row = &results["strategies"][0];
        assert_eq!(row["feature-dim"], 6, "{row}");
        assert_eq!(row["frozen-intact"], true, "{row}");
        assert_eq!(row["seeds"][0]["correct"], 20, "{row}");
        let predictions = project
            .run_folder(run)
            .join("predictions/1-head-seed-1.csv");
        let predictions = fs::read_to_string(predictions).unwrap();
        let header = predictions.lines().next().unwrap();
        assert_eq!(
            header,
            "example,class,predicted,name,logit katze,logit zebra"
        );
    }
}

#[test]
fn what_features_of_somebody_else_cannot_do_is_told() {
    let project = Project::new();
    own_features(&project);
    let train = "train = { epochs = 1, batch-size = 8, learning-rate = 1e-2 }";
    let cases = [
        ("shape = [6]", "shape = [7]".to_owned(), "have the shape 6"),
        (
            "shape = [6]",
            "shape = [2, 3]".to_owned(),
            "`shape` is [2, 3], expected one size or three",
        ),
        (
            "kind = \"feature-classifier\"",
            "kind = \"feature-classifier\"\nweights = \"random\"".to_owned(),
            "random",
        ),
        (
            "kind = \"feature-classifier\"\nhead = { use = \"lda\" }",
            format!("kind = \"fine-tune\"\nhead = {{ use = \"linear\" }}\n{train}"),
            "fine-tune",
        ),
        (
            "kind = \"feature-classifier\"\nhead = { use = \"lda\" }",
            format!("kind = \"from-scratch\"\nhead = {{ use = \"linear\" }}\n{train}"),
            "from-scratch",
        ),
    ];
    for (from, to, told) in cases {
        let text = OWN_FEATURES.replace(from, &to);
        assert_ne!(text, OWN_FEATURES, "{from}");
        project.write("own.toml", &text);
        let output = project.topwork(&["check", "own.toml"]);
        assert_eq!(output.code, 2, "{}", output.snapshot());
        assert!(
            output.stderr.contains(told),
            "{told}: {}",
            output.snapshot()
        );
    }
}

#[test]
fn predictions_have_the_paths_of_images() {
    let project = Project::new();
    flowers(&project);
    project.write("flowers.toml", EXPERIMENT);
    let output = project.topwork(&["run", "flowers.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let file = project
        .run_folder(1)
        .join("predictions/1-from-scratch-seed-1.csv");
    let text = fs::read_to_string(file).unwrap();
    let mut lines = text.lines();
    let header = lines.next().unwrap();
    assert!(
        header.starts_with("example,class,predicted,name,"),
        "{header}"
    );
    let mut names = Vec::new();
    for line in lines {
        let fields: Vec<&str> = line.split(',').collect();
        let (folder, number) = fields[3].split_once('/').unwrap();
        assert_eq!(folder, fields[1], "{line}");
        assert!(number.ends_with(".png"), "{line}");
        names.push(fields[3]);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), 6, "{text}");
}

#[test]
fn the_examples_of_the_documentation_hold() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/datasets.md");
    let page = fs::read_to_string(page).unwrap();
    let project = Project::new();
    files_of_the_examples(&project);
    let examples: Vec<&str> = (page.split("```toml\n").skip(1))
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 8);
    for example in examples {
        project.write("example.toml", example);
        let output = project.topwork(&["check", "example.toml"]);
        assert_eq!(output.code, 0, "{example}\n{}", output.snapshot());
        // A minute of MNIST would show nothing that other tests do not.
        if !example.contains("mnist\"\nclasses") {
            let output = project.topwork(&["run", "example.toml", "--ui", "none"]);
            assert_eq!(output.code, 0, "{example}\n{}", output.snapshot());
        }
    }
}
