//! Names that are not UTF-8, that hide something, or that are one name in two spellings.
#![cfg(unix)]

use crate::{BLUE, Place, RED, encoded, plain, splits};
use image::ImageFormat;
use serde_json::json;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

/// "é" in one piece and in two.
const COMPOSED: &str = "caf\u{e9}";
const DECOMPOSED: &str = "cafe\u{301}";

impl Place {
    /// Adds an image under a path of bytes.
    fn raw(&self, name: &[u8]) {
        let path = self.path("").join(OsStr::from_bytes(name));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, encoded(&plain(2, 2, RED), ImageFormat::Png)).unwrap();
    }
}

/// The classes of `images`, with a folder of one image for each name; an `Err` is the message.
fn classes(names: &[&[u8]]) -> Result<Vec<String>, String> {
    let place = Place::empty();
    for name in names {
        place.raw(&[b"images/", *name, b"/1.png"].concat());
    }
    let dataset = place.open(json!({})).map_err(|error| place.told(&error))?;
    assert_eq!(splits(&dataset)[0].1, names.len() as u64);
    Ok(dataset.description().classes.clone())
}

#[test]
fn every_folder_is_a_class_that_can_be_told_from_the_others() {
    let cases: [(&[&[u8]], &[&str]); 8] = [
        (
            &[b"caf\xe9", b"caf\xe8", b"tea"],
            &[r"caf\xE8", r"caf\xE9", "tea"],
        ),
        (&[b"\x1b[31mred", b"red"], &[r"\x1B[31mred", "red"]),
        (&[b"a\nb", b"a\tb", b"a b"], &["a b", r"a\x09b", r"a\x0Ab"]),
        (&[b" a", b"a", b"a "], &[r"\x20a", "a", r"a\x20"]),
        (&["a\u{202e}b".as_bytes(), b"ab"], &[r"a\u{202E}b", "ab"]),
        (&["a\u{200b}".as_bytes(), b"a"], &["a", r"a\u{200B}"]),
        (
            &["a\u{a0}".as_bytes(), "\u{2028}a".as_bytes()],
            &[r"\u{2028}a", r"a\u{A0}"],
        ),
        (&["می‌خواهم".as_bytes(), "👩‍🍳".as_bytes()], &["می‌خواهم", "👩‍🍳"]),
    ];
    for (names, expected) in cases {
        assert_eq!(classes(names).unwrap(), expected, "{names:?}");
    }
}

#[test]
fn what_would_look_alike_is_refused_with_both_folders() {
    let mut messages = vec![classes(&[b"caf\xe9", br"caf\xE9"]).unwrap_err()];
    messages.push(classes(&[&[0xff; 100]]).unwrap_err());
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn two_spellings_are_one_class() {
    let place = Place::empty();
    for (folder, spelling) in [("train", COMPOSED), ("test", DECOMPOSED)] {
        place.plain(&format!("{folder}/{spelling}/1.png"), RED);
        place.plain(&format!("{folder}/tea/1.png"), BLUE);
    }
    let folders = json!({ "train-folder": place.path("train"), "test-folder": place.path("test") });
    let list = format!(
        "train/{DECOMPOSED}/1.png,{COMPOSED}\ntest/{COMPOSED}/1.png,{DECOMPOSED}\ntrain/tea/1.png,tea\n"
    );
    let list = json!({ "list": place.write("list.csv", list.as_bytes()) });
    for parameters in [folders, list] {
        let dataset = place.open(parameters).unwrap();
        assert_eq!(dataset.description().classes, [COMPOSED, "tea"]);
        assert_eq!(dataset.labels("train").unwrap()[0], 0);
    }
    let told = "3: `café` in two spellings (letters with their accents in one piece and in two): each is one class";
    assert_eq!(place.lines().first().unwrap(), told);
    // Within one folder, too; and patterns and tables of classes may be spelled either way.
    place.plain(&format!("images/{COMPOSED}/1.png"), RED);
    place.plain(&format!("images/{DECOMPOSED}/2.png"), RED);
    for parameters in [json!({}), json!({ "include": [format!("{DECOMPOSED}/*")] })] {
        let dataset = place.open(parameters).unwrap();
        assert_eq!(dataset.description().classes, [COMPOSED]);
        assert_eq!(splits(&dataset)[0].1, 2);
    }
    let parameters = json!({ "classes-from": { DECOMPOSED: [COMPOSED, DECOMPOSED] } });
    assert_eq!(
        place.open(parameters).unwrap().description().classes,
        [COMPOSED]
    );
}

#[test]
fn files_of_any_name_are_samples() {
    let place = Place::empty();
    for name in [
        b"images/a/\xe9.png".as_slice(),
        b"images/a/\xe8.png",
        b"images/a/\x1b[2J.png",
    ] {
        place.raw(name);
    }
    place.raw(b"images/a/broken\xe9.png");
    std::fs::write(
        place
            .path("images/a")
            .join(OsStr::from_bytes(b"broken\xe9.png")),
        b"",
    )
    .unwrap();
    for _ in 0..2 {
        let dataset = place.open(json!({})).unwrap();
        assert_eq!(splits(&dataset)[0].1, 3);
    }
    let told = r"2: 1 of 4 images in `[here]/images` is left out: `a/broken\xE9.png`: is empty";
    assert!(
        place.lines().contains(&told.to_owned()),
        "{:?}",
        place.lines()
    );
    // A list may name them by their bytes, and labels it cannot.
    let list = |text: &[u8]| place.open(json!({ "list": place.write("images/list.csv", text) }));
    assert_eq!(
        splits(&list(b"a/\xe9.png,x\na/\xe8.png,y\n").unwrap())[0].1,
        2
    );
    let error = list(b"a/\xe9.png,caf\xe9\n").err().unwrap();
    assert_eq!(
        place.told(&error),
        r"Data: `[here]/images/list.csv`, line 1: the label `caf\xE9` is not UTF-8"
    );
}

#[test]
fn classes_that_differ_in_capital_letters_are_told() {
    let place = Place::empty();
    place.plain("images/Cat/1.png", RED);
    place.plain("images/cat/1.png", BLUE);
    place.open(json!({})).unwrap();
    let told = "2: `Cat` and `cat` differ in capital letters alone, and are classes of their own";
    assert_eq!(place.lines()[0], told);
}
