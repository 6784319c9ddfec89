//! From a folder of photos to a table, predictions and a page: `topwork new`, and the page of the documentation that begins with it.

use std::{fs, path::Path};

use topwork_testkit::{Output, Project};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/first-hour.md");

/// A picture of a kind: stripes of another width for each, with noise.
fn picture(path: &Path, kind: u32, number: u32) {
    let size = 40 + 4 * (number % 3);
    let image = image::RgbImage::from_fn(size, size, |x, y| {
        let noise =
            (x * 7919 + y * 104_729 + number * 15_485_863 + kind).wrapping_mul(2_654_435_761) >> 26;
        let stripe = if (x / (2 + 3 * kind)).is_multiple_of(2) {
            180
        } else {
            40
        };
        image::Rgb([
            (stripe + noise) as u8,
            (120 + noise) as u8,
            (200 - stripe + noise / 2) as u8,
        ])
    });
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    image.save(path).unwrap();
}

/// `count` pictures of each of some classes in a folder.
fn photos(folder: &Path, classes: &[(&str, u32)]) {
    for (kind, (class, count)) in classes.iter().enumerate() {
        for number in 0..*count {
            picture(
                &folder.join(class).join(format!("{number:02}.png")),
                kind as u32,
                number,
            );
        }
    }
}

fn read(project: &Project, file: &str) -> String {
    fs::read_to_string(project.path().join(file)).unwrap()
}

fn new(project: &Project, arguments: &[&str]) -> Output {
    // Whatever was fetched into the checkout is not part of the test.
    let backbone = ["--backbone", "convnet", "--set", "input=[3, 32, 32]"];
    project.topwork(&[&["new"], arguments, &backbone[..]].concat())
}

#[test]
fn the_first_hour_is_as_it_is_told() {
    let project = Project::new();
    photos(
        &project.path().join("photos"),
        &[("cats", 12), ("dogs", 12), ("horses", 12)],
    );
    photos(&project.path().join("new-photos"), &[("a", 3), ("b", 3)]);
    let guide = fs::read_to_string(GUIDE).unwrap();
    let mut in_block = false;
    let mut commands = 0;
    for line in guide.lines() {
        match line.strip_prefix("```") {
            Some(language) => in_block = language == "sh",
            None if in_block => {
                let line = line.strip_prefix("topwork ").unwrap();
                let line = line.replace("\"logistic regression\"", "logistic\u{a0}regression");
                let words: Vec<String> = (line.split(' '))
                    .map(|word| word.replace('\u{a0}', " "))
                    .collect();
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                let output = match words.as_slice() {
                    ["new", rest @ ..] => new(&project, rest),
                    words => project.topwork(words),
                };
                assert_eq!(output.code, 0, "{line}\n{}", output.snapshot());
                commands += 1;
            }
            None => {}
        }
    }
    assert_eq!(commands, 9);
    for file in [
        "photos.toml",
        "classes.csv",
        "features.npy",
        "classifier.onnx",
    ] {
        assert!(project.path().join(file).exists(), "{file}");
    }
    let classes = fs::read_to_string(project.path().join("classes.csv")).unwrap();
    assert_eq!(classes.lines().count(), 1 + 6, "{classes}");
    let pages = fs::read_dir(project.path().join("pages")).unwrap();
    assert!(pages.count() > 0);
}

#[test]
fn what_is_written_says_what_was_seen() {
    let project = Project::new();
    photos(&project.path().join("photos"), &[("cats", 3), ("dogs", 8)]);
    let output = new(&project, &["photos"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    insta::assert_snapshot!(read(&project, "photos.toml"));
    insta::assert_snapshot!("told", output.snapshot());

    // Splits that are there are taken, and a path is written as seen from the file.
    photos(
        &project.path().join("sets/train"),
        &[("cats", 4), ("dogs", 4)],
    );
    photos(
        &project.path().join("sets/val"),
        &[("cats", 2), ("dogs", 2)],
    );
    photos(
        &project.path().join("sets/Test"),
        &[("cats", 2), ("dogs", 2)],
    );
    fs::create_dir(project.path().join("files")).unwrap();
    let output = new(
        &project,
        &["sets", "--output", "files/sets.toml", "--name", "my sets"],
    );
    assert_eq!(output.code, 0, "{}", output.snapshot());
    insta::assert_snapshot!("splits", read(&project, "files/sets.toml"));
}

#[test]
fn what_is_no_folder_of_photos_is_told() {
    let project = Project::new();
    photos(&project.path().join("photos"), &[("cats", 3), ("dogs", 3)]);
    photos(&project.path().join("one"), &[("cats", 3)]);
    photos(&project.path().join("few"), &[("cats", 3), ("dogs", 1)]);
    fs::create_dir_all(project.path().join("none/a")).unwrap();
    fs::create_dir_all(project.path().join("none/b")).unwrap();
    assert_eq!(new(&project, &["photos"]).code, 0);
    let told: Vec<String> = [&["photos"][..], &["photoes"], &["one"], &["few"], &["none"]]
        .iter()
        .map(|arguments| {
            let output = new(&project, arguments);
            assert_ne!(output.code, 0, "{arguments:?}");
            format!("{arguments:?}\n{}", output.snapshot())
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
    assert!(!project.path().join("few.toml").exists());
    // The file that was there is replaced when that is asked for, and runs as it is written.
    let again = new(&project, &["photos", "--force"]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
}
