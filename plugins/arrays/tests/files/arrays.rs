//! NumPy and safetensors.

use crate::write::{floats, gzipped, integers, npy, npz, safetensors};
use crate::{Place, all};
use safetensors::Dtype;
use serde_json::json;

/// Three samples of two numbers.
const EXPECTED: &str = "\
[2, 1, 1] -1 7
train 7: 1 2
train -1: 3 4
train 7: 5 6.5";

const NUMBERS: [f32; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.5];

fn samples() -> Vec<u8> {
    npy("<f4", false, "(3, 2)", &floats(&NUMBERS))
}

fn labels() -> Vec<u8> {
    npy("<i8", false, "(3,)", &integers(&[7, -1, 7]))
}

#[test]
fn every_container_gives_the_same() {
    let place = Place::empty();
    place.write("x.npy", &samples());
    place.write("y.npy", &labels());
    place.write("x.npy.gz", &gzipped(&samples()));
    let both = [
        ("samples", samples()),
        ("labels", labels()),
        ("other", samples()),
    ];
    place.write("packed.npz", &npz(&both, true));
    place.write("plain.npz", &npz(&both, false));
    let (x, y) = (floats(&NUMBERS), integers(&[7, -1, 7]));
    let tensors = [
        ("samples", Dtype::F32, &[3, 2][..], &*x),
        ("labels", Dtype::I64, &[3], &y),
    ];
    place.write("both.safetensors", &safetensors(&tensors));
    let cases = [
        json!({ "file": "x.npy", "labels-file": "y.npy" }),
        json!({ "file": "x.npy.gz", "labels-file": "y.npy" }),
        json!({ "file": "packed.npz" }),
        json!({ "file": "plain.npz", "samples": "other" }),
        json!({ "file": "both.safetensors" }),
        json!({ "file": "both.safetensors", "labels-file": "packed.npz" }),
    ];
    for parameters in cases {
        let dataset = place.open("arrays", parameters.clone()).unwrap();
        assert_eq!(all(&dataset), EXPECTED, "{parameters}");
    }
}

#[test]
fn every_type_of_number_is_read() {
    // Two samples of one number each, written by every type, and what is read with `scale = 1`.
    let cases: [(&str, &[u8], &str); 15] = [
        ("|u1", &[200, 3], "200, 3"),
        ("|b1", &[1, 0], "1, 0"),
        ("|i1", &[200, 3], "-56, 3"),
        ("<u2", &[1, 200, 3, 0], "51201, 3"),
        (">u2", &[200, 1, 0, 3], "51201, 3"),
        ("<i2", &[1, 200, 3, 0], "-14335, 3"),
        ("<u4", &[0, 0, 0, 200, 3, 0, 0, 0], "3355443200, 3"),
        ("<i4", &[254, 255, 255, 255, 3, 0, 0, 0], "-2, 3"),
        (">i4", &[255, 255, 255, 254, 0, 0, 0, 3], "-2, 3"),
        ("<f2", &[0, 0xc1, 0, 0x38], "-2.5, 0.5"),
        ("<f4", &[0, 0, 0x20, 0xc0, 0, 0, 0, 0x3f], "-2.5, 0.5"),
        (">f4", &[0xc0, 0x20, 0, 0, 0x3f, 0, 0, 0], "-2.5, 0.5"),
        (
            "<f8",
            &[0, 0, 0, 0, 0, 0, 4, 0xc0, 0, 0, 0, 0, 0, 0, 0xe0, 0x3f],
            "-2.5, 0.5",
        ),
        (
            "<i8",
            &[
                255, 255, 255, 255, 255, 255, 255, 255, 9, 0, 0, 0, 0, 0, 0, 0,
            ],
            "-1, 9",
        ),
        (
            "<u8",
            &[0, 0, 0, 0, 0, 1, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0],
            "1099511600000, 9",
        ),
    ];
    for (descr, bytes, expected) in cases {
        let place = Place::empty();
        place.write("x.npy", &npy(descr, false, "(2, 1)", bytes));
        place.write("y.npy", &npy("|u1", false, "(2,)", &[0, 1]));
        let parameters = json!({ "file": "x.npy", "labels-file": "y.npy", "scale": 1.0 });
        let dataset = place.open("arrays", parameters).unwrap();
        let numbers: Vec<f32> = dataset.read("train", &[0, 1]).unwrap();
        let numbers: Vec<String> = numbers.iter().map(f32::to_string).collect();
        assert_eq!(numbers.join(", "), expected, "{descr}");
    }
}

#[test]
fn numbers_are_divided() {
    let place = Place::empty();
    place.write("bytes.npy", &npy("|u1", false, "(1, 3)", &[0, 51, 255]));
    place.write(
        "floats.npy",
        &npy("<f4", false, "(1, 3)", &floats(&[0.0, 51.0, 255.0])),
    );
    place.write("y.npy", &npy("|u1", false, "(1,)", &[0]));
    let cases = [
        ("bytes.npy", json!({}), [0.0, 0.2, 1.0]),
        ("bytes.npy", json!({ "scale": 51.0 }), [0.0, 1.0, 5.0]),
        ("floats.npy", json!({}), [0.0, 51.0, 255.0]),
        ("floats.npy", json!({ "scale": 255 }), [0.0, 0.2, 1.0]),
    ];
    for (file, scale, expected) in cases {
        let mut parameters = json!({ "file": file, "labels-file": "y.npy" });
        parameters
            .as_object_mut()
            .unwrap()
            .extend(scale.as_object().unwrap().clone());
        let dataset = place.open("arrays", parameters).unwrap();
        assert_eq!(dataset.read::<f32>("train", &[0]).unwrap(), expected);
    }
}

#[test]
fn dimensions_are_put_in_order() {
    let count: Vec<u8> = (0..12).collect();
    // One sample; its numbers as channels, height, width.
    let cases = [
        (
            "(1, 12)",
            false,
            "chw",
            [12, 1, 1],
            "0 1 2 3 4 5 6 7 8 9 10 11",
        ),
        (
            "(1, 3, 4)",
            false,
            "hwc",
            [1, 3, 4],
            "0 1 2 3 4 5 6 7 8 9 10 11",
        ),
        (
            "(1, 3, 2, 2)",
            false,
            "chw",
            [3, 2, 2],
            "0 1 2 3 4 5 6 7 8 9 10 11",
        ),
        (
            "(1, 2, 2, 3)",
            false,
            "hwc",
            [3, 2, 2],
            "0 3 6 9 1 4 7 10 2 5 8 11",
        ),
        // Column by column: the first column holds 0, 1, 2.
        (
            "(1, 3, 4)",
            true,
            "chw",
            [1, 3, 4],
            "0 3 6 9 1 4 7 10 2 5 8 11",
        ),
    ];
    for (shape, column_major, layout, expected_shape, expected) in cases {
        let place = Place::empty();
        place.write("x.npy", &npy("|u1", column_major, shape, &count));
        place.write("y.npy", &npy("|u1", false, "(1, 1)", &[4]));
        let parameters =
            json!({ "file": "x.npy", "labels-file": "y.npy", "layout": layout, "scale": 1 });
        let dataset = place.open("arrays", parameters).unwrap();
        let [c, h, w] = expected_shape;
        assert_eq!(
            all(&dataset),
            format!("[{c}, {h}, {w}] 4\ntrain 4: {expected}")
        );
    }
}

#[test]
fn splits_are_those_of_the_files_or_drawn() {
    let place = Place::empty();
    place.write("x.npy", &samples());
    place.write("y.npy", &labels());
    let test = npy("<f4", false, "(1, 2)", &floats(&[8.0, 9.0]));
    let test_label = npy("<i8", false, "(1,)", &integers(&[5]));
    place.write("test-x.npy", &test);
    place.write("test-y.npy", &test_label);
    let four = [
        ("x_train", samples()),
        ("y_train", labels()),
        ("x_test", test),
        ("y_test", test_label),
    ];
    place.write("all.npz", &npz(&four, true));
    let expected = "\
[2, 1, 1] -1 5 7
train 7: 1 2
train -1: 3 4
train 7: 5 6.5
test 5: 8 9";
    let cases = [
        json!({
            "train-file": "x.npy", "train-labels-file": "y.npy",
            "test-file": "test-x.npy", "test-labels-file": "test-y.npy",
        }),
        json!({
            "file": "all.npz", "samples": "x_train", "labels": "y_train",
            "test-samples": "x_test", "test-labels": "y_test",
        }),
    ];
    for parameters in cases {
        assert_eq!(all(&place.open("arrays", parameters).unwrap()), expected);
    }
    let parameters = json!({ "file": "x.npy", "labels-file": "y.npy", "test-fraction": 0.5 });
    let dataset = place.open("arrays", parameters).unwrap();
    let mut train = dataset.labels("train").unwrap();
    train.sort_unstable();
    assert_eq!(train, [0, 1]);
    assert_eq!(dataset.labels("test").unwrap(), [1]);
}

#[test]
fn what_is_wrong_is_told() {
    let place = Place::empty();
    place.write("x.npy", &samples());
    place.write("y.npy", &labels());
    place.write("two.npy", &npy("<i8", false, "(2,)", &integers(&[0, 1])));
    place.write(
        "half.npy",
        &npy("<f4", false, "(3,)", &floats(&[0.0, 0.5, 1.0])),
    );
    place.write(
        "nan.npy",
        &npy("<f4", false, "(1, 2)", &floats(&[0.0, f32::NAN])),
    );
    place.write("one.npy", &npy("|u1", false, "(1,)", &[0]));
    place.write("text.npy", &npy("<U5", false, "(3,)", &[0; 60]));
    place.write("none.npy", &npy("<f4", false, "(0, 2)", &[]));
    place.write("flat.npy", &npy("<f4", false, "()", &[0; 4]));
    let short = samples();
    place.write("short.npy", &short[..short.len() - 3]);
    place.write("cut.npy", &short[..40]);
    place.write("odd.npy", &npy("<f4", false, "(3, -2)", &[]));
    let huge = "(4294967295, 4294967295, 4294967295)";
    place.write("huge.npy", &npy("<f4", false, huge, &[]));
    place.write(
        "both.npz",
        &npz(&[("samples", samples()), ("y", labels())], true),
    );
    place.write("broken.npz", b"PK\x03\x04 and so on");
    place.write("page.safetensors", b"<html>404 not found</html>");
    let strange = [("samples", Dtype::F8_E4M3, &[3, 2][..], &[0; 6][..])];
    place.write("strange.safetensors", &safetensors(&strange));
    let of = |file: &str| json!({ "file": file, "labels-file": "y.npy" });
    let cases = [
        json!({}),
        json!({ "file": "x.npy", "train-file": "x.npy", "test-file": "x.npy" }),
        json!({ "file": "x.npy", "train-labels-file": "y.npy" }),
        json!({ "file": "both.npz", "test-samples": "samples" }),
        json!({ "file": "gone.npy", "labels-file": "y.npy" }),
        json!({ "file": ".", "labels-file": "y.npy" }),
        json!({ "file": "x.npy" }),
        json!({ "file": "x.npy", "labels-file": "two.npy" }),
        json!({ "file": "x.npy", "labels-file": "half.npy" }),
        json!({ "file": "x.npy", "labels-file": "text.npy" }),
        json!({ "file": "x.npy", "labels-file": "y.npy", "class-names": ["a", "b"] }),
        json!({ "file": "nan.npy", "labels-file": "one.npy" }),
        of("none.npy"),
        of("flat.npy"),
        of("short.npy"),
        of("cut.npy"),
        of("odd.npy"),
        of("huge.npy"),
        json!({ "file": "both.npz" }),
        of("broken.npz"),
        of("page.safetensors"),
        of("strange.safetensors"),
        json!({ "train-file": "x.npy", "train-labels-file": "y.npy", "test-file": "nan.npy", "test-labels-file": "one.npy", "test-fraction": 0.5 }),
        json!({ "train-file": "x.npy", "train-labels-file": "y.npy", "test-file": "two.npy", "test-labels-file": "two.npy" }),
    ];
    let told = cases.map(|parameters| place.refused("arrays", parameters));
    insta::assert_snapshot!(told.join("\n"));
}
