//! What labels may look like, and which classes come of it.

use crate::Place;
use crate::write::{characters, floats, integers, npy, npy_with, npz};
use serde_json::{Value, json};

/// Three samples of one number with the labels in this array.
fn read(labels: Vec<u8>, class_names: &[&str]) -> String {
    let place = Place::empty();
    let samples = npy("<f4", false, "(3, 1)", &floats(&[0.0, 0.5, 1.0]));
    place.write(
        "a.npz",
        &npz(&[("samples", samples), ("labels", labels)], true),
    );
    place.heard(
        "arrays",
        json!({ "file": "a.npz", "class-names": class_names }),
    )
}

#[test]
fn labels_of_every_kind_become_classes_or_are_told() {
    let doubles = |numbers: [f64; 3]| {
        numbers
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<_>>()
    };
    let list = |descr: &str, bytes: &[u8]| npy(descr, false, "(3,)", bytes);
    let big = |first: u64| {
        [first, first + 1, first]
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect::<Vec<_>>()
    };
    // Zeros but for a 1 in the columns 2, 0, 2.
    let ones = [0, 0, 1, 1, 0, 0, 0, 0, 1];
    let reals = ones.map(|one| one as f32);
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("floats", list("<f8", &doubles([2.0, -0.0, 2.0]))),
        ("booleans", list("|b1", &[1, 0, 1])),
        ("gaps", list("|u1", &[9, 0, 5])),
        ("negative", list("|i1", &[255, 1, 255])),
        ("unlabelled", npy("|i1", false, "(3, 1)", &[255, 0, 1])),
        ("a column", npy("|u1", false, "(3, 1)", &[4, 7, 4])),
        (
            "a column by columns",
            npy("|u1", true, "(3, 1)", &[4, 7, 4]),
        ),
        ("a row", npy("|u1", false, "(1, 3)", &[4, 7, 4])),
        ("big-endian", list(">i2", &[0, 1, 1, 0, 0, 1])),
        ("2^60", list("<u8", &big(1 << 60))),
        ("2^64 - 2", list("<u8", &big(u64::MAX - 1))),
        ("-2^63", list("<i8", &integers(&[i64::MIN, 1, i64::MIN]))),
        (
            "floats of 2^60",
            list("<f8", &doubles([2_f64.powi(60), 0.0, 1.0])),
        ),
        (
            "narrow floats",
            list("<f4", &floats(&[16_777_216.0, 0.0, 1.0])),
        ),
        ("fractions", list("<f4", &floats(&[0.0, 0.5, 1.0]))),
        ("no numbers", list("<f4", &floats(&[0.0, 1.0, f32::NAN]))),
        ("endless", list("<f4", &floats(&[0.0, f32::INFINITY, 1.0]))),
        (
            "words",
            list("<U4", &characters(&["fox", "cat ", "fox"], 4)),
        ),
        (
            "words of other scripts",
            list(
                "<U3",
                &characters(
                    &["größe", "лис", "cat"]
                        .map(|w| &w[..w.char_indices().nth(3).map_or(w.len(), |(i, _)| i)]),
                    3,
                ),
            ),
        ),
        (
            "words, big-endian",
            list(">U1", &[0, 0, 0, b'b', 0, 0, 0, b'a', 0, 0, 0, b'b']),
        ),
        ("bytes", list("|S3", b"foxcatfox")),
        (
            "a column of bytes",
            npy("|S3", false, "(3, 1)", b"ox\0catox\0"),
        ),
        ("numbers as words", list("|S2", b"109\x0010")),
        ("words and numbers", list("|S2", b"109\x00ab")),
        ("case", list("|S1", b"aAb")),
        ("an empty word", list("|S2", b"ab\0\0cd")),
        ("a missing word", list("|S3", b"foxnancat")),
        ("no words", list("|S0", b"")),
        (
            "no characters",
            list("<U1", &[0, 0, 1, 1, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
        ),
        ("no text", list("|S1", &[0xff, 0xfe, 0xfd])),
        ("one-hot", npy("|u1", false, "(3, 3)", &ones)),
        ("one-hot, booleans", npy("|b1", false, "(3, 3)", &ones)),
        (
            "one-hot, floats",
            npy("<f4", false, "(3, 3)", &floats(&reals)),
        ),
        (
            "one-hot by columns",
            npy("|u1", true, "(3, 3)", &[0, 1, 0, 0, 0, 0, 1, 0, 1]),
        ),
        (
            "several ones",
            npy("|u1", false, "(3, 3)", &[0, 0, 1, 1, 1, 0, 0, 0, 1]),
        ),
        ("no one", npy("|u1", false, "(3, 2)", &[0, 1, 0, 0, 1, 0])),
        (
            "scores",
            npy(
                "<f4",
                false,
                "(3, 2)",
                &floats(&[0.0, 1.0, 0.25, 0.75, 0.5, 0.5]),
            ),
        ),
        ("pictures", npy("|u1", false, "(3, 2, 2)", &[0; 12])),
        ("one less", npy("|u1", false, "(2,)", &[0, 1])),
        ("objects", list("|O", b"\x80\x04\x95 and so on")),
        (
            "records",
            npy_with(
                1,
                "{'descr': [('image', '|u1', (4, 6)), ('label', '<i8')], 'fortran_order': False, 'shape': (3,), }",
                &[0; 96],
            ),
        ),
        ("complex", list("<c8", &[0; 24])),
        ("dates", list("<M8[ns]", &[0; 24])),
        ("raw", list("|V2", &[0; 6])),
        ("long floats", list("<f16", &[0; 48])),
        ("unknown", list("|x3", &[0; 9])),
    ];
    let told = cases
        .into_iter()
        .map(|(name, labels)| format!("{name}: {}", read(labels, &[])));
    insta::assert_snapshot!(told.collect::<Vec<_>>().join("\n\n"));
}

#[test]
fn a_label_that_often_means_none_draws_a_line() {
    let said = |labels: &[i64]| {
        let place = Place::empty();
        let count = labels.len();
        let samples = npy("|u1", false, &format!("({count}, 1)"), &vec![255; count]);
        let labels = npy("<i8", false, &format!("({count},)"), &integers(labels));
        place.write(
            "a.npz",
            &npz(&[("samples", samples), ("labels", labels)], false),
        );
        let heard = place.heard("arrays", json!({ "file": "a.npz" }));
        heard
            .lines()
            .filter(|line| line.contains("[here]"))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let expected = "2: `[here]/a.npz` (`labels`): label -1 (2 samples) is a class like any other; \
        where it means none, leave these samples out";
    assert_eq!(said(&[0, -1, 1, 2, -1]), expected);
    // Two sides, and three moods.
    assert_eq!(said(&[1, -1, 1]), "");
    assert_eq!(said(&[1, -1, 0]), "");
    assert_eq!(said(&[1, -2, -1, 0]), "");
}

#[test]
fn class_names_are_positions_or_words() {
    let list = |descr: &str, bytes: &[u8]| npy(descr, false, "(3,)", bytes);
    let names = ["fox", "cat", "dog"];
    let told = [
        read(list("|u1", &[2, 0, 2]), &names),
        read(list("|S3", b"catfoxcat"), &names),
        read(list("|S3", b"catfoxape"), &names),
        read(npy("|u1", false, "(3, 2)", &[0, 1, 1, 0, 1, 0]), &names),
        read(list("<u8", &[0; 24].map(|_: u8| 255)), &names),
        read(list("|S3", b"0.50.70.5"), &["0.7", "0.5"]),
    ];
    insta::assert_snapshot!(told.join("\n\n"));
}

#[test]
fn both_splits_have_the_same_classes() {
    let word = |words: &[&str]| {
        npy(
            "<U3",
            false,
            &format!("({},)", words.len()),
            &characters(words, 3),
        )
    };
    let number = |labels: &[u8]| npy("|u1", false, &format!("({},)", labels.len()), labels);
    let cases: [(Vec<u8>, Vec<u8>); 4] = [
        (word(&["fox", "cat"]), word(&["dog", "fox"])),
        (word(&["3", "10"]), number(&[3, 4])),
        (word(&["fox", "cat"]), number(&[0, 1])),
        // One-hot of three columns, and its test split as numbers.
        (
            npy("|u1", false, "(2, 3)", &[0, 0, 1, 1, 0, 0]),
            number(&[0, 1]),
        ),
    ];
    let samples = npy("<f4", false, "(2, 1)", &floats(&[0.0, 1.0]));
    let read = |(train, test): (Vec<u8>, Vec<u8>)| {
        let place = Place::empty();
        let all = [
            ("samples", samples.clone()),
            ("labels", train),
            ("x", samples.clone()),
            ("y", test),
        ];
        place.write("a.npz", &npz(&all, false));
        let parameters: Value = json!({ "file": "a.npz", "test-samples": "x", "test-labels": "y" });
        place.heard("arrays", parameters)
    };
    insta::assert_snapshot!(cases.map(read).join("\n\n"));
}
