//! Numbers to be predicted from pictures: lists of images, and the shipped experiment whose pictures are made first.

use std::io::Cursor;
use std::path::Path;

use image::{GrayImage, ImageFormat, Luma};
use topwork_testkit::Project;

/// A picture with a bright bar at this place, of 28 × 28 pixels; no two are the same.
fn bar(number: usize, left: u32) -> Vec<u8> {
    let pixel = |x: u32, y: u32| {
        let shade = 155 + (number * 31 + (28 * y + x) as usize * 17) % 100;
        Luma([if (left..left + 3).contains(&x) {
            shade as u8
        } else {
            0
        }])
    };
    let mut bytes = Cursor::new(Vec::new());
    GrayImage::from_fn(28, 28, pixel)
        .write_to(&mut bytes, ImageFormat::Png)
        .unwrap();
    bytes.into_inner()
}

/// Pictures with a list that says where their bars are, and an experiment.
fn project() -> (Project, String) {
    let project = Project::new();
    let mut list = "file,width,left,split\n".to_owned();
    std::fs::create_dir(project.path().join("bars")).unwrap();
    for number in 0..80 {
        let left = number * 7 % 25;
        let name = format!("bars/{number}.png");
        std::fs::write(project.path().join(&name), bar(number, left as u32)).unwrap();
        let split = if number < 60 { "train" } else { "test" };
        list.push_str(&format!("{name},3,{},{split}\n", left as f32 * 4.5 - 30.0));
    }
    project.write("list.csv", &list);
    project.write(
        "bars.toml",
        r#"name = "bars"
[backbone]
use = "lenet"
[target]
cut = "pool1"
dataset = { use = "image-folder", list = "list.csv", label = "left", targets = "numbers", size = 28, channels = 1 }
[[strategy]]
name = "forest"
kind = "feature-classifier"
weights = "random"
head = { use = "random-forest", trees = 50 }
[[strategy]]
name = "mean"
kind = "feature-classifier"
weights = "random"
head = { use = "mean" }
"#,
    );
    (project, list)
}

#[test]
fn a_column_of_a_list_is_predicted() {
    let (project, _) = project();
    let run = project.topwork(&["run", "bars.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    let r2 = |row: usize| results["strategies"][row]["figures"]["r2"]["mean"].as_f64();
    assert!(r2(0) > Some(0.9), "{:?}", r2(0));
    assert!(r2(1) < Some(0.0), "{:?}", r2(1));
    let output = [
        "--row",
        "forest",
        "--split",
        "test",
        "--output",
        "there.csv",
    ];
    let predicted = project.topwork(&[&["predict", "1"], &output[..]].concat());
    assert_eq!(predicted.code, 0, "{}", predicted.snapshot());
    let there = std::fs::read_to_string(project.path().join("there.csv")).unwrap();
    let mut lines = there.lines();
    assert_eq!(lines.next(), Some("example,true,predicted,name"));
    // The bar of picture 60 begins at 60 · 7 mod 25 = 20.
    let first = lines.next().unwrap();
    let has = |first: &str| first.starts_with("0,60,") && first.ends_with(",bars/60.png");
    assert!(has(first), "{first}");
    assert_eq!(lines.count(), 19);
}

#[test]
fn what_is_wrong_with_a_list_is_told_by_check() {
    let (project, list) = project();
    let check = |expected: &[&str]| {
        let found = project.topwork(&["check", "bars.toml"]);
        assert_ne!(found.code, 0, "{}", found.snapshot());
        for expected in expected {
            assert!(found.stderr.contains(expected), "{}", found.stderr);
        }
    };
    project.write("list.csv", &list.replacen("3,-30,", "3,far left,", 1));
    check(&["line 2: label \"far left\" of column \"left\", expected a finite number"]);
    project.write("list.csv", &list.replacen("left", "lfet", 1));
    check(&[
        "line 1: no column \"left\" (`label`), expected one of file, width, lfet, split",
        "did you mean `lfet`?",
    ]);
}

#[test]
fn the_shipped_experiment_says_where_its_pictures_come_from() {
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../experiments/mnist-angle.toml");
    let project = Project::new();
    let text = std::fs::read_to_string(shipped).unwrap();
    std::fs::create_dir_all(project.path().join("experiments")).unwrap();
    project.write("experiments/mnist-angle.toml", &text);
    let found = project.topwork(&["check", "experiments/mnist-angle.toml"]);
    assert_eq!(found.code, 4, "{}", found.snapshot());
    let told = found.stderr;
    let expected = [
        "mnist-angle/train-pictures.npy",
        "`just fetch mnist-angle` in the folder of the project makes it",
    ];
    assert!(expected.iter().all(|part| told.contains(part)), "{told}");
}

/// Several labels of pictures, in columns of a list, and what is neither 1 nor 0.
#[test]
fn labels_come_from_columns_of_a_list() {
    let (project, list) = project();
    let mut labels = "file,left,near,split\n".to_owned();
    for line in list.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let place: f32 = cells[2].parse().unwrap();
        let has = [place < 24.0, place > -10.0].map(u8::from);
        labels.push_str(&format!(
            "{},{},{},{}\n",
            cells[0], has[0], has[1], cells[3]
        ));
    }
    project.write("labels.csv", &labels);
    let text = std::fs::read_to_string(project.path().join("bars.toml")).unwrap();
    let text = text.replace("list.csv", "labels.csv").replace(
        "label = \"left\", targets = \"numbers\"",
        "label = [\"left\", \"near\"], targets = \"multilabel\"",
    );
    project.write("bars.toml", &text);
    let run = project.topwork(&["run", "bars.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let forest = &project.results(1)["strategies"][0];
    assert!(forest["figures"]["map"]["mean"].as_f64().unwrap() > 0.9);
    let names: Vec<&str> = (0..2)
        .map(|column| forest["columns"][column]["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["left", "near"]);
    project.write("labels.csv", &labels.replacen(",1,", ",yes,", 1));
    let refused = project.topwork(&["check", "bars.toml"]);
    assert_ne!(refused.code, 0);
    let said = "label \"yes\" of column \"left\", expected 1 or 0";
    assert!(refused.stderr.contains(said), "{}", refused.snapshot());
}
