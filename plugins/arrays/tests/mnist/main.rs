//! `mnist`, through the tables that the host uses, on the real files and on broken copies of them.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::io::Write;
use std::path::{Path, PathBuf};
use topwork_plugin_arrays::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data")
}

fn real() -> Driver {
    Driver::new(&PLUGIN, &TestHost::new().data_folder(data()))
}

#[test]
fn it_says_what_it_holds() {
    let dataset = real().dataset("mnist", &json!({})).unwrap();
    let description = dataset.description();
    assert_eq!(description.classes.join(" "), "0 1 2 3 4 5 6 7 8 9");
    assert_eq!(description.shape, [1, 28, 28]);
    let splits = description.splits.iter().map(|s| (&*s.name, s.len));
    assert_eq!(
        splits.collect::<Vec<_>>(),
        [("train", 60_000), ("test", 10_000)]
    );
}

#[test]
fn labels_have_the_published_counts() {
    let dataset = real().dataset("mnist", &json!({})).unwrap();
    // The counts of the digits 0 to 9 as the database is described everywhere.
    let cases = [
        (
            "train",
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
        ),
        (
            "test",
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
        ),
    ];
    for (split, expected) in cases {
        let mut counts = [0; 10];
        for label in dataset.labels(split).unwrap() {
            counts[label as usize] += 1;
        }
        assert_eq!(counts, expected, "{split}");
    }
}

#[test]
fn the_training_images_are_the_published_ones() {
    let dataset = real().dataset("mnist", &json!({})).unwrap();
    // The digest of the whole file is checked on the way; the last image is an 8.
    let last: Vec<u8> = dataset.read("train", &[59_999]).unwrap();
    assert!(last.iter().any(|&pixel| pixel > 200));
    assert_eq!(dataset.labels("train").unwrap()[59_999], 8);
}

#[test]
fn any_order_and_any_thread_gives_the_same_images() {
    let dataset = real().dataset("mnist", &json!({})).unwrap();
    let together: Vec<u8> = dataset.read("test", &[9999, 0, 9999, 7]).unwrap();
    assert_eq!(together[..784], together[1568..2352]);
    std::thread::scope(|scope| {
        for (position, index) in [9999, 0, 9999, 7].into_iter().enumerate() {
            let (dataset, together) = (&dataset, &together);
            scope.spawn(move || {
                let alone: Vec<u8> = dataset.read("test", &[index]).unwrap();
                assert_eq!(alone, together[position * 784..(position + 1) * 784]);
            });
        }
    });
    // The first test image is a 7; its ink lies in the middle and its border is empty.
    let seven = &together[784..1568];
    assert_eq!(dataset.labels("test").unwrap()[0], 7);
    assert!(seven[..28].iter().all(|&pixel| pixel == 0));
    assert_eq!(seven.iter().filter(|&&pixel| pixel > 0).count(), 116);
}

/// A folder with the four files, of which `name` has been changed by `change`.
fn with_changed(name: &str, change: impl FnOnce(Vec<u8>) -> Vec<u8>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(data().join("mnist")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "gz") {
            std::fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let path = folder.path().join(name);
    let changed = change(std::fs::read(&path).unwrap());
    std::fs::write(&path, changed).unwrap();
    folder
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// The error of reading the test labels from this folder.
fn refused(folder: &Path) -> Error {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let dataset = driver.dataset("mnist", &json!({ "folder": folder }));
    dataset
        .and_then(|dataset| dataset.labels("test"))
        .unwrap_err()
}

#[test]
fn broken_files_are_named_with_both_digests() {
    const NAME: &str = "t10k-labels-idx1-ubyte.gz";
    let truncated = |mut bytes: Vec<u8>| {
        bytes.truncate(2000);
        bytes
    };
    let other_bytes = |_| packed(&[0; 10_008]);
    let endless = |_| packed(&[0; 1_000_000]);
    let not_gzip = |_| b"<html>404 not found</html>".to_vec();
    let flipped = |mut bytes: Vec<u8>| {
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0xff;
        bytes
    };
    let folders = [
        with_changed(NAME, truncated),
        with_changed(NAME, other_bytes),
        with_changed(NAME, endless),
        with_changed(NAME, not_gzip),
        with_changed(NAME, flipped),
    ];
    let mut messages = Vec::new();
    for folder in &folders {
        let error = refused(folder.path());
        assert_eq!(error.kind(), ErrorKind::Data);
        let text = error.to_string();
        messages.push(text.replace(&folder.path().display().to_string(), "[folder]"));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_missing_file_is_found_missing_on_creation() {
    let folder = tempfile::tempdir().unwrap();
    let by_folder = refused(folder.path());
    let nowhere = Driver::new(&PLUGIN, &TestHost::new().data_folder(folder.path()));
    let by_search = nowhere.dataset("mnist", &json!({})).err().unwrap();
    let mut messages = Vec::new();
    for error in [by_folder, by_search] {
        assert_eq!(error.kind(), ErrorKind::Data);
        let text = format!("{error}\n  hint: {}", error.hint().unwrap());
        messages.push(text.replace(&folder.path().display().to_string(), "[folder]"));
    }
    insta::assert_snapshot!(messages.join("\n"));
}
