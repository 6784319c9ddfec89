//! `topwork check` says what it will learn from, and refuses what a run would refuse.

use std::{
    collections::BTreeSet,
    ffi::OsStr,
    fs,
    io::Cursor,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use image::{DynamicImage, ImageFormat, Rgb, RgbImage};
use topwork_testkit::Project;

/// A picture unlike all others.
fn picture(number: u32) -> Vec<u8> {
    let image: DynamicImage = RgbImage::from_fn(16, 16, |x, y| {
        let noise = (x * 31 + y * 17 + number * 7919 + (x * y * number) % 13) % 200;
        Rgb([noise as u8, (number % 251) as u8, (number / 251) as u8])
    })
    .into();
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// A folder of pictures with a folder for each class.
fn pictures(root: &Path, classes: &[(&str, u32)]) {
    let mut number = 0;
    for (class, count) in classes {
        let folder = root.join(class);
        fs::create_dir_all(&folder).unwrap();
        for picture_number in 0..*count {
            number += 1;
            fs::write(
                folder.join(format!("{picture_number}.png")),
                picture(number),
            )
            .unwrap();
        }
    }
}

fn experiment(dataset: &str, folds: &str) -> String {
    format!(
        r#"name = "pictures"
[backbone]
use = "convnet"
input = [3, 16, 16]
filters = 4
blocks = 2
[target]
dataset = {{ use = "image-folder", size = 16, {dataset} }}
cut = "block2"
{folds}
[[strategy]]
name = "centroid"
kind = "feature-classifier"
head = {{ use = "nearest-centroid" }}
weights = "random"
"#
    )
}

/// What `check` says, and that `run` agrees on whether it can be done.
fn checked(project: &Project, text: &str) -> String {
    project.write("pictures.toml", text);
    let check = project.topwork(&["check", "pictures.toml"]);
    let run = project.topwork(&["run", "pictures.toml", "--ui", "none"]);
    assert_eq!(
        check.code,
        run.code,
        "{}\n{}",
        check.snapshot(),
        run.snapshot()
    );
    assert_eq!(
        project.path().join("runs").exists(),
        run.code == 0,
        "refused before anything is made"
    );
    check.snapshot()
}

fn fresh(classes: &[(&str, u32)]) -> Project {
    let project = Project::new();
    pictures(&project.path().join("pictures"), classes);
    project
}

#[test]
fn what_is_learnt_from_is_told() {
    let flowers = [("daisy", 9), ("rose", 6), ("tulip", 9)];
    let project = fresh(&flowers);
    let broken = project.path().join("pictures/rose/page.png");
    fs::write(broken, "<html>404 not found</html>").unwrap();
    let text = experiment("folder = \"pictures\", test-fraction = 0.34", "");
    let told = checked(&project, &text);
    insta::assert_snapshot!("told", told);

    // A level too high: the names of the classes stand there before any figure.
    let project = Project::new();
    for (folder, count) in [("train", 4), ("val", 2)] {
        for class in ["a", "b"] {
            pictures(
                &project.path().join("pictures").join(folder),
                &[(class, count)],
            );
        }
    }
    let told = checked(&project, &experiment("folder = \"pictures\"", "folds = 2"));
    assert!(told.contains("train (8), val (4)"), "{told}");
}

#[test]
fn places_of_classes_are_told_from_their_names() {
    let numbered = [("1", 3), ("2", 3), ("10", 3)];
    let of = |classes: &str| {
        let dataset = format!("folder = \"pictures\", test-fraction = 0.34, classes = {classes}");
        checked(&fresh(&numbered), &experiment(&dataset, ""))
    };
    insta::assert_snapshot!("by_place", of("[1, 2]"));
    let by_name = of("[\"1\", \"2\"]");
    assert!(
        by_name.contains("1, 2: 2 + 1 each") && !by_name.contains("warning"),
        "{by_name}"
    );
}

#[test]
fn classes_in_one_split_only_are_named() {
    let project = Project::new();
    pictures(
        &project.path().join("train"),
        &[("a", 4), ("b", 4), ("c", 4)],
    );
    pictures(
        &project.path().join("test"),
        &[("a", 2), ("c", 2), ("d", 2)],
    );
    // The same pictures would be told as well.
    for class in ["a", "c", "d"] {
        for number in 0..2 {
            let path = project.path().join(format!("test/{class}/{number}.png"));
            let code = u32::from(class.as_bytes()[0]) * 100 + number;
            fs::write(path, picture(code)).unwrap();
        }
    }
    let dataset = "train-folder = \"train\", test-folder = \"test\"";
    let told = checked(&project, &experiment(dataset, ""));
    insta::assert_snapshot!("one_split_only", told);
    let shown = project.topwork(&["runs", "show", "1"]).stdout;
    let never = shown.find("`d` of `image-folder` is tested and never learnt");
    assert!(never.is_some() && never < shown.find("strategy"), "{shown}");
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    let warned = |line: &&str| line.contains("\"warning\"") && line.contains("never");
    assert_eq!(events.lines().filter(warned).count(), 2, "{events}");
}

#[test]
fn what_cannot_be_run_is_refused() {
    /// A name, classes with their numbers of images, the dataset's parameters, what else the target has.
    type Case = (
        &'static str,
        &'static [(&'static str, u32)],
        &'static str,
        &'static str,
    );
    let cases: [Case; 6] = [
        (
            "fewer_than_folds",
            &[("a", 5), ("b", 3), ("c", 1)],
            "folder = \"pictures\"",
            "folds = 4",
        ),
        (
            "one_class",
            &[("a", 5)],
            "folder = \"pictures\"",
            "folds = 2",
        ),
        (
            "one_class_has_all",
            &[("a", 5), ("b", 1)],
            "folder = \"pictures\", test-fraction = 0.2, classes = [\"b\", \"a\"]",
            "",
        ),
        (
            "more_than_are_taken",
            &[("a", 5), ("b", 5), ("c", 5)],
            "folder = \"pictures\", test-fraction = 0.2, classes = [0, 1]",
            "",
        ),
        (
            "variable_not_set",
            &[("a", 5), ("b", 5)],
            "folder = \"$TOPWORK_NO_SUCH_VARIABLE/pictures\"",
            "folds = 2",
        ),
        (
            "home_of_another",
            &[("a", 5), ("b", 5)],
            "folder = \"~nobody/pictures\"",
            "folds = 2",
        ),
    ];
    for (name, classes, dataset, folds) in cases {
        let project = fresh(classes);
        let mut text = experiment(dataset, folds);
        if name == "more_than_are_taken" {
            text.push_str("train-samples = 9\n");
        }
        insta::assert_snapshot!(name, checked(&project, &text));
    }
}

#[test]
fn home_and_variables_in_paths_are_replaced() {
    // The home of a project's commands is its folder.
    let folders = ["~/pictures", "$HOME/pictures", "${HOME}/pictures"];
    for folder in folders {
        let project = fresh(&[("a", 3), ("b", 3)]);
        let told = checked(
            &project,
            &experiment(&format!("folder = \"{folder}\""), "folds = 2"),
        );
        assert!(told.contains("a, b: 3 each"), "{told}");
        let resolved = fs::read_to_string(project.run_folder(1).join("experiment.toml")).unwrap();
        assert!(!resolved.contains(folder), "{resolved}");
    }
}

#[test]
fn weights_that_are_none_are_refused() {
    let project = fresh(&[("a", 3), ("b", 3)]);
    let text = experiment("folder = \"pictures\"", "folds = 2")
        .replace("blocks = 2", "blocks = 2\nweights = \"~/net.pth\"")
        .replace("weights = \"random\"\n", "");
    let zip = b"PK\x03\x04\x14\0\0\0\0\0archive/data.pkl";
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 44\n";
    let cases: [(&str, &[u8]); 4] = [
        ("weights_of_pytorch", zip),
        ("weights_not_fetched", pointer),
        ("weights_of_a_server", b"<!DOCTYPE html><html>404</html>"),
        ("weights_cut_off", b"\x40\0\0\0\0\0\0\0{}"),
    ];
    for (name, bytes) in cases {
        fs::write(project.path().join("net.pth"), bytes).unwrap();
        insta::assert_snapshot!(name, checked(&project, &text));
    }
    // Those of a network with other layers.
    project.write(
        "other.toml",
        &experiment("folder = \"pictures\"", "folds = 2")
            .replace("filters = 4", "filters = 5")
            .replace("weights = \"random\"", "train = { epochs = 1 }")
            .replace("feature-classifier", "from-scratch")
            .replace("nearest-centroid", "mlp"),
    );
    let output = project.topwork(&["run", "other.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let models = fs::read_dir(project.run_folder(1).join("models"));
    let model = models.unwrap().flatten().next().unwrap().path();
    let trunk = model.join("fold-1/trunk.safetensors");
    fs::copy(trunk, project.path().join("net.pth")).unwrap();
    fs::remove_dir_all(project.path().join("runs")).unwrap();
    let told = checked(&project, &text);
    assert!(told.contains("do not fit the network"), "{told}");
    assert!(told.contains("weights = \"~/net.pth\""), "{told}");
}

#[test]
fn a_folder_whose_name_is_not_utf8_is_named() {
    let project = Project::new();
    let folder: PathBuf = project.path().join(OsStr::from_bytes(b"caf\xe9"));
    fs::create_dir(&folder).unwrap();
    fs::write(
        folder.join("pictures.toml"),
        experiment("folder = \"pictures\"", ""),
    )
    .unwrap();
    for command in ["check", "plan", "run"] {
        let mut command = project.command(&[command]);
        let output = command.arg(folder.join("pictures.toml")).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{told}");
        assert!(
            told.contains("caf\\xE9") && told.contains("UTF-8"),
            "{told}"
        );
    }
}

#[test]
fn numbers_and_their_normalisation_go_together() {
    let project = Project::new();
    let pixels: Vec<f32> = (0..40 * 3 * 64)
        .map(|pixel| ((pixel * 37) % 256) as f32)
        .collect();
    let npy = |shape: &str, kind: &str, bytes: &[u8]| {
        let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n");
        let length = (header.len() as u16).to_le_bytes();
        [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), bytes].concat()
    };
    let numbers: Vec<u8> = pixels
        .iter()
        .flat_map(|pixel| pixel.to_le_bytes())
        .collect();
    let bytes: Vec<u8> = pixels.iter().map(|pixel| *pixel as u8).collect();
    let write = |name: &str, bytes: &[u8]| fs::write(project.path().join(name), bytes).unwrap();
    write("floats.npy", &npy("(40, 3, 8, 8)", "<f4", &numbers));
    write("bytes.npy", &npy("(40, 3, 8, 8)", "|u1", &bytes));
    write("labels.npy", &npy("(40,)", "|u1", &[0, 1].repeat(20)));
    let narrow = "{ mean = [0.485, 0.456, 0.406], std = [0.229, 0.224, 0.225] }";
    let wide = "{ mean = [123.7, 116.3, 103.5], std = [58.4, 57.1, 57.4] }";
    let one = "{ mean = [0.0, 0.0, 0.0], std = [1.0, 1.0, 1.0] }";
    let cases = [
        ("floats", narrow, Some("the samples reach 255")),
        ("floats\", scale = 255, layout = \"chw", narrow, None),
        ("floats", wide, None),
        ("floats", one, Some("the samples reach 255")),
        ("bytes", narrow, None),
        ("bytes", one, None),
        ("bytes", wide, Some("the samples are from 0 to 1")),
    ];
    for (file, normalise, expected) in cases {
        let (file, more) = file.split_once('"').unwrap_or((file, ""));
        let more = if more.is_empty() {
            String::new()
        } else {
            format!("{more}\"")
        };
        let dataset = format!(
            "use = \"arrays\", file = \"{file}.npy\", labels-file = \"labels.npy\"{more}, normalise = {normalise}"
        );
        let text = experiment("", "folds = 2")
            .replace("use = \"image-folder\", size = 16, ", &dataset)
            .replace("[3, 16, 16]", "[3, 8, 8]");
        let _ = fs::remove_dir_all(project.path().join("runs"));
        let told = checked(&project, &text);
        let shown = project.topwork(&["runs", "show", "1"]).stdout;
        match expected {
            Some(expected) => assert!(
                told.contains(expected) && shown.contains(expected),
                "{told}\n{shown}"
            ),
            None => assert!(
                !told.contains("normalise` is made"),
                "{file} {normalise}\n{told}"
            ),
        }
    }
}

#[test]
fn what_belongs_together_stays_together() {
    let project = fresh(&[
        ("daisy/p1", 4),
        ("daisy/p2", 3),
        ("rose/p3", 2),
        ("rose/p4", 5),
        ("rose/p1", 2),
    ]);
    let grouped = |more: &str| format!("folder = \"pictures\", groups = \"^[^/]+/([^/]+)/\"{more}");
    // Which groups are used for what, by the file that a run leaves.
    let used = |run: usize, file: &str, column: &str| -> BTreeSet<(String, String)> {
        let path = project.run_folder(run).join("examples").join(file);
        let text = fs::read_to_string(path).unwrap();
        let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
        assert_eq!(rows.len(), 17);
        let place = |name: &str| rows[0].iter().position(|heading| *heading == name).unwrap();
        let [column, group, name] = [column, "group", "name"].map(place);
        let row = |row: &Vec<&str>| {
            assert_eq!(row[name].split('/').nth(1), Some(row[group]));
            (row[group].to_owned(), row[column].to_owned())
        };
        rows[1..].iter().map(row).collect()
    };
    checked(&project, &experiment(&grouped(""), "folds = 2"));
    let folds = used(1, "seed-1.csv", "fold 1");
    assert_eq!(folds.len(), 4, "a group is in both folds: {folds:?}");
    checked(&project, &experiment(&grouped(", test-fraction = 0.3"), ""));
    let splits = used(2, "all.csv", "use");
    assert_eq!(splits.len(), 4, "a group is in both splits: {splits:?}");
    let few = fresh(&[("daisy/p1", 6), ("rose/p2", 6), ("rose/p1", 2)]);
    let told = checked(&few, &experiment(&grouped(""), "folds = 3"));
    let refused = "`target.folds` is 3, but the examples of `image-folder` are in 2 groups: every fold needs one at least";
    assert!(told.contains(refused), "{told}");
}
