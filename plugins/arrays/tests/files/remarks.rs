//! Numbers far from 0 to 1 where nobody said that they are meant.

use crate::Place;
use crate::write::{floats, idx, npy, npz};
use serde_json::{Value, json};

/// What is said about two samples of this type and shape whose last number is the greatest.
fn said(descr: &str, sample: &str, numbers: &[f64], parameters: Value) -> String {
    let place = Place::empty();
    let bytes: Vec<u8> = match descr {
        "|u1" | "|b1" => numbers.iter().map(|n| *n as u8).collect(),
        "<i2" => numbers
            .iter()
            .flat_map(|n| (*n as i16).to_le_bytes())
            .collect(),
        "<u2" => numbers
            .iter()
            .flat_map(|n| (*n as u16).to_le_bytes())
            .collect(),
        "<i8" => numbers
            .iter()
            .flat_map(|n| (*n as i64).to_le_bytes())
            .collect(),
        _ => floats(&numbers.iter().map(|n| *n as f32).collect::<Vec<_>>()),
    };
    let samples = npy(descr, false, &format!("(2, {sample})"), &bytes);
    let labels = npy("|u1", false, "(2,)", &[0, 1]);
    place.write(
        "a.npz",
        &npz(&[("samples", samples), ("labels", labels)], false),
    );
    let mut all = json!({ "file": "a.npz" });
    all.as_object_mut()
        .unwrap()
        .extend(parameters.as_object().unwrap().clone());
    let heard = place.heard("arrays", all);
    let lines: Vec<&str> = heard
        .lines()
        .filter(|line| line.contains("[here]"))
        .collect();
    lines.join("\n")
}

#[test]
fn pictures_that_reach_far_beyond_1_draw_a_line() {
    let picture = |last: f64| [0.0, 0.0, 1.0, 2.0, 0.0, 1.0, 0.0, last];
    let row = |last: f64| {
        let mut numbers = [0.0; 2 * 64];
        numbers[127] = last;
        numbers
    };
    let none = || json!({});
    let scale = json!({ "scale": 1 });
    let cases = [
        ("floats", said("<f4", "2, 2", &picture(179.0), none())),
        (
            "with fractions",
            said("<f4", "2, 2", &picture(254.5), none()),
        ),
        ("integers", said("<i8", "2, 2", &picture(255.0), none())),
        ("12 bits", said("<i2", "2, 2", &picture(4_000.0), none())),
        ("16 bits", said("<u2", "2, 2", &picture(65_535.0), none())),
        ("beyond", said("<i8", "2, 2", &picture(70_000.0), none())),
        ("16 greys", said("<f4", "2, 2", &picture(16.0), none())),
        (
            "around zero",
            said("<i2", "2, 2", &picture(-1_024.0), none()),
        ),
        ("standardised", said("<f4", "2, 2", &picture(-2.5), none())),
        ("channels", said("<f4", "1, 2, 2", &picture(255.0), none())),
        ("a row of pixels", said("<f4", "64", &row(255.0), none())),
        ("a row of fractions", said("<f4", "64", &row(254.5), none())),
        ("a row of counts", said("<f4", "4", &picture(255.0), none())),
        ("0 to 2", said("<f4", "2, 2", &picture(2.0), none())),
        ("meant", said("<f4", "2, 2", &picture(255.0), scale.clone())),
        ("bytes", said("|u1", "2, 2", &picture(179.0), none())),
        (
            "bytes of 16 greys",
            said("|u1", "2, 2", &picture(16.0), none()),
        ),
        ("booleans", said("|b1", "2, 2", &picture(1.0), none())),
        ("black", said("|u1", "2, 2", &[0.0; 8], none())),
        ("meant, bytes", said("|u1", "2, 2", &picture(16.0), scale)),
    ];
    let lines = cases.map(|(name, said)| format!("{name}: {said}").trim_end().to_owned());
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn so_do_files_of_the_other_formats_and_every_file_by_itself() {
    let place = Place::empty();
    place.write("train-images", &idx(9, &[2, 1, 2], &[0, 1, 2, 127]));
    place.write("train-labels", &idx(8, &[2], &[0, 1]));
    let mut told = vec![place.heard("idx", json!({ "folder": "." }))];
    let line = |last: u8| format!("{}{last},0\n", "0,".repeat(63));
    place.write("a.csv", [line(1), line(255)].concat().as_bytes());
    let heard = place.heard("csv", json!({ "file": "a.csv", "shape": [1, 8, 8] }));
    told.extend(heard.lines().last().map(str::to_owned));
    // One split as bytes, the other as floats.
    let labels = || npy("|u1", false, "(1,)", &[0]);
    let all = [
        ("samples", npy("|u1", false, "(1, 2, 2)", &[0, 1, 2, 255])),
        ("labels", labels()),
        (
            "x",
            npy("<f4", false, "(1, 2, 2)", &floats(&[0.0, 1.0, 2.0, 255.0])),
        ),
        ("y", labels()),
    ];
    place.write("b.npz", &npz(&all, false));
    let parameters = json!({ "file": "b.npz", "test-samples": "x", "test-labels": "y" });
    told.push(place.heard("arrays", parameters));
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn booleans_are_0_and_1() {
    let place = Place::empty();
    place.write("x.npy", &npy("|b1", false, "(1, 3)", &[0, 1, 1]));
    place.write("y.npy", &npy("|b1", false, "(1,)", &[1]));
    let read = place.heard("arrays", json!({ "file": "x.npy", "labels-file": "y.npy" }));
    assert_eq!(read, "[3, 1, 1] 1\ntrain 1: 0 1 1");
}
