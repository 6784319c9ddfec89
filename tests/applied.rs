//! What a run has fitted, put to use: `predict`, `evaluate`, `features`.

use std::{fs, process::Stdio};

use image::{GrayImage, ImageFormat};
use topwork_testkit::{Output, Project};

use crate::small::{experiment, run};

/// All ways to a prediction: layers and classifiers, principal components, a temperature, a trunk that has learnt.
const MORE: &str = r#"
[[strategy]]
name = "components"
kind = "feature-classifier"
head = { use = "lda" }
cut  = { at = "pool2", pool = "gap", l2 = true, pca = 5 }

[[strategy]]
name      = "calibrated"
kind      = "feature-classifier"
head      = { use = "linear-svm" }
calibrate = true

[[strategy]]
name = "fine-tune"
kind = "fine-tune"
head = { use = "mlp", hidden = [20] }
train = { epochs = 1, batch-size = 10, learning-rate = 1e-3 }
cut  = { at = "pool2", pool = "gap" }

[[strategy]]
name    = "random"
kind    = "feature-classifier"
weights = "random"
head    = { use = "knn" }

[[strategy]]
name = "joined"
kind = "feature-classifier"
head = { use = "logistic-regression" }
cut  = { join = ["pool2", "pool1"], pool = "gap", l2 = true, pca = 5 }

[[strategy]]
name  = "joined and tuned"
kind  = "fine-tune"
head  = { use = "mlp", hidden = [20] }
train = { epochs = 1, batch-size = 10, learning-rate = 1e-3 }
cut   = { join = ["pool1", "pool2"], pool = "gmp" }
"#;

fn text(output: &Output) -> String {
    assert_eq!(output.code, 0, "{}", output.snapshot());
    output.stdout.clone()
}

#[test]
fn features_of_a_row_do_not_need_its_head() {
    let project = run(&(experiment("") + MORE));
    let models = project.run_folder(1).join("models");
    let folders = fs::read_dir(&models)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let of_row = folders.filter(|path| path.to_string_lossy().contains("calibrated"));
    for folder in of_row {
        let parts = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let heads = parts.filter(|path| path.file_stem().is_some_and(|stem| stem == "head"));
        heads.for_each(|path| fs::remove_file(path).unwrap());
    }
    let row = ["1", "--row", "calibrated", "--split", "test"];
    let predicted = project.topwork(&[&["predict"][..], &row].concat());
    assert_eq!(predicted.code, 2, "{}", predicted.snapshot());
    assert!(
        predicted
            .stderr
            .contains("what its classifier has learnt was not kept"),
        "{}",
        predicted.snapshot()
    );
    let features = project.topwork(&[&["features"][..], &row, &["-o", "kept.csv"]].concat());
    assert_eq!(features.code, 0, "{}", features.snapshot());
}

/// The kept predictions of a run, by the titles of their rows.
fn kept(project: &Project) -> Vec<(String, String)> {
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let titles = rows
        .iter()
        .map(|row| row["title"].as_str().unwrap().to_owned());
    let mut files: Vec<_> = fs::read_dir(project.run_folder(1).join("predictions"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    titles
        .zip(files.iter().map(|file| fs::read_to_string(file).unwrap()))
        .collect()
}

#[test]
fn predicting_the_run_s_own_test_examples_gives_its_predictions_to_the_bit() {
    for extra in ["", "folds"] {
        let mut text_of = experiment("") + MORE;
        if extra == "folds" {
            text_of = text_of.replace("\"pool2\"\n\n", "\"pool2\"\nfolds = 3\n\n");
            assert!(text_of.contains("folds = 3"));
        }
        let project = run(&text_of);
        let kept = kept(&project);
        assert_eq!(kept.len(), 8);
        for (title, expected) in &kept {
            let line = [
                "predict",
                "--last",
                "--row",
                title,
                "--split",
                "test",
                "--threads",
                "1",
            ];
            assert_eq!(&text(&project.topwork(&line)), expected, "{extra} {title}");
        }
        // The best row, where none is named, into a file.
        let line = ["predict", "1", "--split", "test", "-o", "all.csv", "--json"];
        let done = text(&project.topwork(&line));
        let images = expected_lines(&kept[0].1);
        assert!(done.contains(&format!("\"images\": {images}")), "{done}");
        let written = fs::read_to_string(project.path().join("all.csv")).unwrap();
        assert!(kept.iter().any(|(_, kept)| *kept == written));
    }
}

fn expected_lines(csv: &str) -> usize {
    csv.lines().count() - 1
}

/// Files of the dataset's own kind, text that holds the position of a sample, and two that are none.
fn photos(project: &Project) {
    let folder = project.path().join("photos/more");
    fs::create_dir_all(&folder).unwrap();
    for (name, position) in [("a.png", 3), ("more/ü, b.png", 17), ("more/c.bmp", 40)] {
        fs::write(
            project.path().join("photos").join(name),
            position.to_string(),
        )
        .unwrap();
    }
    fs::write(folder.join("broken.jpg"), "no image").unwrap();
    fs::write(folder.join("note.txt"), "no image, and no name of one").unwrap();
}

#[test]
fn files_are_classified_and_broken_ones_are_lines() {
    let project = run(&experiment(""));
    photos(&project);
    let output = project.topwork(&["predict", "1", "photos", "--row", "logistic"]);
    assert_eq!(output.code, 4, "{}", output.snapshot());
    assert!(
        output
            .stderr
            .contains("error: 1 of 4 files could not be read"),
        "{}",
        output.snapshot()
    );
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!(
        lines[0],
        "path,predicted,logit 5,logit 6,logit 7,logit 8,logit 9,error"
    );
    assert!(
        lines[1].starts_with("photos/a.png,") && lines[1].ends_with(','),
        "{lines:?}"
    );
    assert_eq!(lines[2], "photos/more/broken.jpg,,,,,,,holds no position");
    assert!(lines[3].starts_with("photos/more/c.bmp,"), "{lines:?}");
    assert!(
        lines[4].starts_with("\"photos/more/ü, b.png\","),
        "{lines:?}"
    );
    // A list on standard input, as JSON lines, in the order of the list.
    let mut child = project
        .command(&["predict", "1", "-", "--row", "2", "--format", "jsonl"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let list = b"photos/more/c.bmp\nphotos/a.png\nphotos/gone.png\n";
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), list).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(4));
    let lines = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let paths: Vec<_> = lines
        .iter()
        .map(|line| line["path"].as_str().unwrap())
        .collect();
    assert_eq!(
        paths,
        ["photos/more/c.bmp", "photos/a.png", "photos/gone.png"]
    );
    assert!(
        lines[0]["predicted"].is_string() && lines[0]["error"].is_null(),
        "{lines:?}"
    );
    assert!(
        lines[2]["predicted"].is_null() && lines[2]["error"].is_string(),
        "{lines:?}"
    );
}

#[test]
fn what_cannot_be_used_is_said() {
    let project = run(&experiment(""));
    project.write(
        "data.toml",
        "use = \"misbehave\"\nclass-map = { \"5\" = \"cat\" }\n",
    );
    project.write("broken.toml", "folder = 3\n");
    let mut told = String::new();
    for line in [
        &["predict", "1"][..],
        &["predict", "1", "nowhere.png"],
        &["predict", "1", "small.toml", "--row", "logistc"],
        &["predict", "1", "small.toml", "--seed", "7"],
        &["predict", "1", "small.toml", "--fold", "1"],
        &["predict", "1", "small.toml", "-o", "out.xlsx"],
        &["predict", "1", "--dataset", "data.toml"],
        &["evaluate", "1", "--dataset", "broken.toml"],
        &["evaluate", "1", "--dataset", "gone.toml"],
        &[
            "evaluate",
            "1",
            "--dataset",
            "data.toml",
            "--metric",
            "acuracy",
        ],
        &["features", "-o", "x.npz"],
        &["features", "1", "--cut", "pool3", "-o", "x.npz"],
        &["features", "small.toml", "--seed", "9", "-o", "x.npz"],
        &[
            "features",
            "--backbone",
            "lenet",
            "small.toml",
            "-o",
            "x.npz",
        ],
        &[
            "features",
            "--backbone",
            "lenett",
            "small.toml",
            "-o",
            "x.npz",
        ],
    ] {
        let output = project.topwork(line);
        assert_ne!(output.code, 0, "{line:?}");
        told += &format!("$ topwork {}\n{}\n", line.join(" "), output.snapshot());
    }
    insta::assert_snapshot!("applied_refusals", told);
    assert!(!project.path().join("x.npz").exists());
}

#[test]
fn rows_are_measured_on_other_data() {
    let project = run(&experiment(""));
    project.write("data.toml", "use = \"misbehave\"\nsplit = \"test\"\n");
    let output = project.topwork(&["evaluate", "latest", "--dataset", "data.toml"]);
    let said = Output {
        stderr: String::new(),
        ..output
    };
    insta::assert_snapshot!(
        "evaluate",
        topwork_testkit::without_widths(&said.snapshot())
    );
    // On the run's own test examples the figures are those of the run.
    let line = ["evaluate", "latest", "--dataset", "data.toml", "--json"];
    let found: serde_json::Value = serde_json::from_str(&text(&project.topwork(&line))).unwrap();
    let results = project.results(1);
    for row in 0..2 {
        let figures = |results: &serde_json::Value| results["strategies"][row]["figures"].clone();
        assert_eq!(figures(&found), figures(&results));
    }
    assert_eq!(found["pairs"][0]["p"], results["pairs"][0]["p"]);
}

#[test]
fn features_come_out_as_the_heads_got_them() {
    let project = run(&(experiment("") + MORE));
    for name in [
        "all.csv",
        "all.npz",
        "all.parquet",
        "all.safetensors",
        "all.jsonl",
        "all.npy",
    ] {
        let output = project.topwork(&["features", "small.toml", "--cut", "pool2", "-o", name]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(
            output.stderr.contains("from the cache"),
            "{}",
            output.snapshot()
        );
    }
    let csv = |name: &str| fs::read_to_string(project.path().join(name)).unwrap();
    let all = csv("all.csv");
    assert_eq!(expected_lines(&all), 150);
    assert!(
        all.starts_with("split,example,label,class,"),
        "{}",
        &all[..80]
    );
    assert!(csv("all.manifest.csv").starts_with("split,example,label,class\n"));
    // The same features by another way: the run's own trunk, in blocks, without a cache.
    let line = [
        "features",
        "1",
        "--row",
        "frozen",
        "-o",
        "row.csv",
        "--no-cache",
    ];
    assert_eq!(project.topwork(&line).code, 0);
    assert_eq!(csv("row.csv"), all);
    // What a head gets behind principal components.
    let line = [
        "features",
        "1",
        "--row",
        "components",
        "--split",
        "test",
        "-o",
        "few.csv",
    ];
    let output = project.topwork(&line);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert_eq!(
        csv("few.csv").lines().next().unwrap().split(',').count(),
        4 + 5
    );
    photos(&project);
    let line = [
        "features",
        "1",
        "--cut",
        "pool2",
        "photos",
        "-o",
        "photos.csv",
    ];
    let output = project.topwork(&line);
    assert_eq!(output.code, 4, "{}", output.snapshot());
    assert_eq!(expected_lines(&csv("photos.csv")), 3);
    // Without an experiment files are images.
    let image = GrayImage::from_fn(40, 30, |x, y| [(x * 6 + y) as u8].into());
    let path = project.path().join("picture.webp");
    image.save_with_format(&path, ImageFormat::WebP).unwrap();
    let weights = project
        .run_folder(1)
        .join("checkpoints/backbone-seed-1.safetensors");
    let line = [
        "features",
        "--backbone",
        "lenet",
        "--weights",
        weights.to_str().unwrap(),
        "--cut",
        "pool1",
        "--pool",
        "gap",
        "picture.webp",
        "-o",
        "one.jsonl",
        "--json",
    ];
    let done = text(&project.topwork(&line));
    assert!(done.contains("\"dim\": 20"), "{done}");
    let one: serde_json::Value = serde_json::from_str(&csv("one.jsonl")).unwrap();
    assert_eq!(one["path"], "picture.webp");
    assert_eq!(one["features"].as_array().unwrap().len(), 20);
}

#[test]
fn every_head_comes_out_as_a_file_that_proves_itself() {
    let mut text_of = experiment("") + MORE;
    for head in ["nearest-centroid", "naive-bayes", "random-forest", "auto"] {
        text_of += &format!(
            "\n[[strategy]]\nname = \"{head}\"\nkind = \"feature-classifier\"\nhead = {{ use = \"{head}\" }}\n"
        );
    }
    text_of += "\n[[strategy]]\nname = \"pyramid\"\nkind = \"feature-classifier\"\nhead = { use = \"linear-svm\" }\ncut = { at = \"pool1\", pool = \"pyramid\" }\n";
    text_of += "\n[[strategy]]\nname = \"silent\"\nkind = \"feature-classifier\"\nhead = { use = \"misbehave/misbehave\" }\n";
    let project = run(&text_of);
    for (title, predictions) in kept(&project) {
        let output = project.topwork(&["export", "1", "--row", &title, "-o", "model.onnx"]);
        let file = project.path().join("model.onnx");
        if title == "silent" {
            assert_eq!(output.code, 2, "{}", output.snapshot());
            assert!(
                output.stderr.contains("was not kept"),
                "{}",
                output.snapshot()
            );
            assert!(!file.exists());
            continue;
        }
        assert_eq!(output.code, 0, "{title}\n{}", output.snapshot());
        let images = expected_lines(&predictions);
        let said = format!("rten: {images} of {images} test images have the same class");
        assert!(
            output.stdout.contains(&said),
            "{title}\n{}",
            output.snapshot()
        );
        fs::remove_file(file).unwrap();
    }
    for (row, ending, extra) in [
        ("frozen", "onnx", &["--bytes"][..]),
        ("fine-tune", "safetensors", &[]),
    ] {
        let name = format!("model.{ending}");
        let line = [&["export", "1", "--row", row, "-o", &name][..], extra].concat();
        let output = project.topwork(&line);
        assert_eq!(output.code, 0, "{}", output.snapshot());
    }
    let weights = fs::read(project.path().join("model.safetensors")).unwrap();
    let weights = safetensors::SafeTensors::deserialize(&weights).unwrap();
    let names = weights.names();
    assert!(
        names.iter().any(|name| name.starts_with("trunk.conv1")),
        "{names:?}"
    );
    assert!(
        names.iter().any(|name| name.starts_with("head.")),
        "{names:?}"
    );
    for (line, told) in [
        (
            &["export", "1", "-o", "model.pb"][..],
            "does not say its format",
        ),
        (
            &["export", "1", "--row", "frozzen", "-o", "m.onnx"],
            "did you mean `frozen`",
        ),
    ] {
        let output = project.topwork(line);
        assert_eq!(output.code, 2, "{}", output.snapshot());
        assert!(output.stderr.contains(told), "{}", output.snapshot());
    }
}
