//! Files that are not what their names promise, and files that are so in an unusual way.

use crate::Place;
use crate::write::{floats, gzipped, idx, npy, npy_with, npz, zip};
use serde_json::json;

const POINTER: &[u8] =
    b"version https://git-lfs.github.com/spec/v1\noid sha256:77\nsize 102400000\n";

#[test]
fn a_file_that_is_something_else_is_told_as_what_it_is() {
    let array = npy("|u1", false, "(1, 2)", &[0, 1]);
    let sheet = zip(&[
        ("[Content_Types].xml", b"<x/>"),
        ("xl/workbook.xml", b"<x/>"),
    ]);
    let files: [(&str, Vec<u8>); 14] = [
        ("pointer", POINTER.to_vec()),
        (
            "page",
            b"<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head></html>\n".to_vec(),
        ),
        ("refusal", b"{\"error\": \"Entry not found\"}".to_vec()),
        ("empty", Vec::new()),
        ("text", b"samples of no use\n".to_vec()),
        ("unknown", b"\x00\x01\x02PAR1 and more".to_vec()),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec()),
        ("picture", b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec()),
        ("pickle", b"\x80\x04\x95\x10\0\0\0\0\0\0\0".to_vec()),
        ("hdf5", b"\x89HDF\r\n\x1a\n\0".to_vec()),
        ("packed page", gzipped(b"<html>404</html>")),
        ("array", array),
        ("sheet", sheet),
        (
            "weights",
            zip(&[
                ("archive/data.pkl", b"\x80\x02}q\0."),
                ("archive/data/0", b"\0\0\0\0"),
            ]),
        ),
    ];
    let mut told = Vec::new();
    for (name, bytes) in files {
        let place = Place::empty();
        place.write("train-images", &bytes);
        place.write("train-labels", &idx(8, &[1], &[0]));
        place.write("y.npy", &npy("|u1", false, "(1,)", &[0]));
        told.push(format!("{name}:"));
        told.push(place.heard("idx", json!({ "folder": "." })));
        if name != "array" {
            told.push(place.heard(
                "arrays",
                json!({ "file": "train-images", "labels-file": "y.npy" }),
            ));
        }
        told.push(place.heard("csv", json!({ "file": "train-images" })));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn headers_that_numpy_reads_are_read() {
    // NumPy 2 reads each of these as two rows of two bytes; the last is Python 2's.
    let headers = [
        (
            1,
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), }",
        ),
        (
            1,
            "{\"descr\": \"|u1\", \"fortran_order\": False, \"shape\": (2, 2)}",
        ),
        (
            2,
            "{'shape': (2, 2), 'fortran_order': False, 'descr': '|u1'}",
        ),
        (
            3,
            "{ 'shape':(2,2,),'descr' : 'uint8','fortran_order':False }",
        ),
        (
            1,
            "{'descr': '|u1', 'fortran_order': False, 'shape': (2L, 2L), }",
        ),
    ];
    for (version, header) in headers {
        let place = Place::empty();
        place.write("x.npy", &npy_with(version, header, &[0, 51, 102, 255]));
        place.write("y.npy", &npy("|u1", false, "(2,)", &[0, 1]));
        let read = place.heard("arrays", json!({ "file": "x.npy", "labels-file": "y.npy" }));
        assert_eq!(
            read, "[2, 1, 1] 0 1\ntrain 0: 0 0.2\ntrain 1: 0.4 1",
            "{header}"
        );
    }
}

#[test]
fn archives_whose_first_name_is_of_any_length_are_read() {
    // With `.npy` behind it, 26 letters make the 30 bytes that the library for archives stumbles over.
    for letters in 20..32 {
        let name = "a".repeat(letters);
        let place = Place::empty();
        let samples = npy("<f4", false, "(2, 1)", &floats(&[0.0, 1.0]));
        let labels = npy("|u1", false, "(2,)", &[0, 1]);
        place.write(
            "a.npz",
            &npz(&[(&name, samples), ("labels", labels)], false),
        );
        let read = place.heard("arrays", json!({ "file": "a.npz", "samples": name }));
        assert_eq!(read, "[1, 1, 1] 0 1\ntrain 0: 0\ntrain 1: 1", "{letters}");
    }
}

#[test]
fn idx_files_are_found_however_they_were_unpacked() {
    let images = idx(8, &[2, 1, 2], &[0, 51, 102, 255]);
    let labels = idx(8, &[2], &[3, 9]);
    let twice = |bytes: &[u8]| gzipped(&gzipped(bytes));
    let zipped = |bytes: &[u8]| zip(&[("__MACOSX/._x", b"more"), ("x", bytes)]);
    let (first, second) = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte");
    // The files, and what is said about them besides the samples.
    let cases: [[(String, Vec<u8>); 2]; 9] = [
        // Into folders of their own names.
        [
            (format!("{first}/{first}"), images.clone()),
            (format!("{second}/{second}"), labels.clone()),
        ],
        [
            (format!("MNIST/raw/{first}"), images.clone()),
            (format!("MNIST/raw/{second}"), labels.clone()),
        ],
        [
            (format!("{first}.gz"), twice(&images)),
            (format!("{second}.gz"), twice(&labels)),
        ],
        [
            (format!("{first}.zip"), zipped(&images)),
            (format!("{second}.zip"), zipped(&gzipped(&labels))),
        ],
        [
            ("train-images.idx3-ubyte".into(), images.clone()),
            ("train-labels.idx1-ubyte".into(), labels.clone()),
        ],
        [
            ("TRAIN-IMAGES-IDX3-UBYTE".into(), images.clone()),
            ("Train_Labels_idx1.GZ".into(), gzipped(&labels)),
        ],
        // Two levels that do not fit together.
        [
            (first.into(), images.clone()),
            (format!("labels/{second}"), labels.clone()),
        ],
        [
            (first.into(), zip(&[("a", &images), ("b", &images)])),
            (second.into(), labels.clone()),
        ],
        [
            ("images".into(), images.clone()),
            ("labels".into(), labels.clone()),
        ],
    ];
    let mut told = Vec::new();
    for files in cases {
        let place = Place::empty();
        for (name, bytes) in &files {
            place.write(&format!("set/{name}"), bytes);
        }
        let names = files.map(|(name, _)| name);
        told.push(format!(
            "{}:\n{}",
            names.join(" "),
            place.heard("idx", json!({ "folder": "set" }))
        ));
    }
    // A folder in place of a file; test labels without images.
    let place = Place::empty();
    place.write(&format!("set/{first}/{first}"), &images);
    place.write("set/train-labels", &labels);
    let parameters = json!({ "folder": "set", "train-images": first });
    told.push(place.heard("idx", parameters));
    place.write("set/train-images", &images);
    place.write("set/t10k-labels", &labels);
    told.push(place.heard("idx", json!({ "folder": "set" })));
    insta::assert_snapshot!(told.join("\n"));
}
