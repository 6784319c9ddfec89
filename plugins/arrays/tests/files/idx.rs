//! IDX files.

use crate::write::{gzipped, idx};
use crate::{Place, all};
use serde_json::json;

/// A place with four files in `set`: two training images of 1 × 2 pixels, one test image.
fn set(names: [&str; 4]) -> Place {
    let place = Place::empty();
    let files = [
        idx(8, &[2, 1, 2], &[0, 51, 255, 102]),
        idx(8, &[2], &[3, 9]),
        idx(8, &[1, 1, 2], &[153, 204]),
        idx(8, &[1], &[3]),
    ];
    for (name, bytes) in names.iter().zip(files) {
        let bytes = match name.ends_with(".gz") {
            true => gzipped(&bytes),
            false => bytes,
        };
        place.write(&format!("set/{name}"), &bytes);
    }
    place
}

const EXPECTED: &str = "\
[1, 1, 2] 3 9
train 3: 0 0.2
train 9: 1 0.4
test 3: 0.6 0.8";

#[test]
fn files_are_found_by_their_usual_names() {
    let cases = [
        [
            "train-images-idx3-ubyte",
            "train-labels-idx1-ubyte",
            "t10k-images-idx3-ubyte",
            "t10k-labels-idx1-ubyte",
        ],
        [
            "train-images.idx3-ubyte.gz",
            "train-labels.idx1-ubyte",
            "test-images.idx3-ubyte.gz",
            "test-labels.idx1-ubyte.gz",
        ],
        [
            "emnist-letters-train-images-idx3-ubyte.gz",
            "emnist-letters-train-labels-idx1-ubyte.gz",
            "emnist-letters-test-images-idx3-ubyte.gz",
            "emnist-letters-test-labels-idx1-ubyte.gz",
        ],
    ];
    for names in cases {
        let place = set(names);
        place.write("set/README.md", b"train images");
        let dataset = place.open("idx", json!({ "folder": "set" })).unwrap();
        assert_eq!(all(&dataset), EXPECTED, "{names:?}");
    }
}

#[test]
fn files_may_be_named() {
    let place = set(["a", "b", "c", "d"]);
    let parameters = json!({
        "folder": "set", "train-images": "a", "train-labels": "b", "test-images": "c", "test-labels": "d",
    });
    assert_eq!(all(&place.open("idx", parameters).unwrap()), EXPECTED);
    let parameters = json!({
        "folder": "set", "train-images": "a", "train-labels": "b", "scale": 51,
        "class-names": ["0", "1", "2", "drei", "4", "5", "6", "7", "8", "neun"],
    });
    let dataset = place.open("idx", parameters).unwrap();
    let classes = "0 1 2 drei 4 5 6 7 8 neun";
    let expected = format!("[1, 1, 2] {classes}\ntrain drei: 0 1\ntrain neun: 5 2");
    assert_eq!(all(&dataset), expected);
}

#[test]
fn unpacked_files_go_before_packed_ones() {
    let names = [
        "train-images-idx3",
        "train-labels-idx1",
        "t10k-images-idx3",
        "t10k-labels-idx1",
    ];
    let place = set(names);
    for name in names {
        place.write(&format!("set/{name}.gz"), b"not looked at");
    }
    let dataset = place.open("idx", json!({ "folder": "set" })).unwrap();
    assert_eq!(all(&dataset), EXPECTED);
}

#[test]
fn every_type_and_colour_images_are_read() {
    // Numbers of each type, big-endian: 1 and -2 (bytes know no sign: 254).
    let cases: [(u8, &[u8], &str); 6] = [
        (0x08, &[1, 254], "1 254"),
        (0x09, &[1, 254], "1 -2"),
        (0x0b, &[0, 1, 255, 254], "1 -2"),
        (0x0c, &[0, 0, 0, 1, 255, 255, 255, 254], "1 -2"),
        (0x0d, &[0x3f, 0x80, 0, 0, 0xc0, 0, 0, 0], "1 -2"),
        (
            0x0e,
            &[0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0],
            "1 -2",
        ),
    ];
    for (kind, bytes, expected) in cases {
        let place = Place::empty();
        place.write("train-images", &idx(kind, &[1, 2], bytes));
        place.write("train-labels", &idx(8, &[1], &[0]));
        let dataset = place
            .open("idx", json!({ "folder": ".", "scale": 1 }))
            .unwrap();
        assert_eq!(all(&dataset), format!("[2, 1, 1] 0\ntrain 0: {expected}"));
    }
    let place = Place::empty();
    place.write("train-images", &idx(8, &[1, 2, 1, 3], &[1, 2, 3, 4, 5, 6]));
    place.write("train-labels", &idx(8, &[1], &[0]));
    let parameters = json!({ "folder": ".", "scale": 1, "layout": "hwc" });
    let dataset = place.open("idx", parameters).unwrap();
    assert_eq!(all(&dataset), "[3, 2, 1] 0\ntrain 0: 1 4 2 5 3 6");
}

#[test]
fn the_published_files_of_mnist_are_read_as_mnist_reads_them() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../data/mnist");
    let place = Place::empty();
    let dataset = place.open("idx", json!({ "folder": folder })).unwrap();
    let mnist = place.open("mnist", json!({ "folder": folder })).unwrap();
    assert_eq!(dataset.description(), mnist.description());
    let some = [0, 1, 4_321, 9_999];
    let floats: Vec<f32> = dataset.read("test", &some).unwrap();
    let bytes: Vec<u8> = mnist.read("test", &some).unwrap();
    let divided: Vec<f32> = bytes.iter().map(|&byte| f32::from(byte) / 255.0).collect();
    assert_eq!(floats, divided);
    assert_eq!(
        dataset.labels("test").unwrap(),
        mnist.labels("test").unwrap()
    );
}

#[test]
fn what_is_wrong_is_told() {
    let good = (idx(8, &[2, 1, 2], &[0; 4]), idx(8, &[2], &[0, 1]));
    let damaged = |images: &[u8], labels: &[u8]| {
        let place = Place::empty();
        place.write("train-images", images);
        place.write("train-labels", labels);
        place.refused("idx", json!({ "folder": "." }))
    };
    let packed = gzipped(&good.0);
    let mut told = vec![
        damaged(b"", &good.1),
        damaged(b"<html>404</html>", &good.1),
        damaged(&idx(7, &[2], &[0, 0]), &good.1),
        damaged(&good.0[..10], &good.1),
        damaged(&good.0[..18], &good.1),
        damaged(&[&*good.0, b"more"].concat(), &good.1),
        damaged(&idx(8, &[u32::MAX; 4], &[]), &good.1),
        damaged(&idx(8, &[1; 5], &[1]), &good.1),
        damaged(&packed[..packed.len() - 12], &good.1),
        damaged(&[&packed[..10], &[0xff; 30]].concat(), &good.1),
        damaged(&good.0, &idx(8, &[3], &[0, 1, 2])),
        damaged(&good.0, &good.0),
        damaged(&good.1, &good.1),
    ];
    let place = set(["train-images", "train-labels", "t10k-images", "x"]);
    told.push(place.refused("idx", json!({ "folder": "set" })));
    told.push(place.refused("idx", json!({ "folder": "gone" })));
    told.push(place.refused("idx", json!({ "folder": "set", "test-images": "x" })));
    place.write("set/train-images-2", b"");
    told.push(place.refused("idx", json!({ "folder": "set" })));
    let parameters = json!({
        "folder": "set", "train-images": "train-images", "test-labels": "x", "test-images": "t10k-images", "test-fraction": 0.5,
    });
    told.push(place.refused("idx", parameters));
    insta::assert_snapshot!(told.join("\n"));
}
