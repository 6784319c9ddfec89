//! Whatever bytes a file holds, it becomes samples or an error that names it.

use crate::write::{floats, gzipped, idx, integers, npy, npz, safetensors};
use crate::{Place, all};
use proptest::prelude::*;
use safetensors::Dtype;
use serde_json::{Value, json};
use topwork_sdk::ErrorKind;

/// Reads all there is, or makes sure that the data is blamed.
fn survive(place: &Place, id: &str, parameters: Value) {
    match place.open(id, parameters) {
        Ok(dataset) => {
            // Floats of any bytes may be no numbers.
            for split in &dataset.description().splits {
                let labels = dataset.labels(&split.name).unwrap();
                assert_eq!(labels.len() as u64, split.len);
                for index in 0..split.len.min(20) {
                    if let Err(error) = dataset.read::<f32>(&split.name, &[index]) {
                        assert_eq!(error.kind(), ErrorKind::Data, "{error}");
                    }
                }
            }
        }
        Err(error) => assert_eq!(error.kind(), ErrorKind::Data, "{error}"),
    }
}

fn read(bytes: &[u8]) {
    let place = Place::empty();
    place.write("train-images", bytes);
    place.write("train-labels", &idx(8, &[3], &[0, 1, 0]));
    place.write("labels.npy", &npy("|u1", false, "(3,)", &[0, 1, 0]));
    survive(&place, "idx", json!({ "folder": "." }));
    survive(&place, "csv", json!({ "file": "train-images" }));
    survive(
        &place,
        "csv",
        json!({ "file": "train-images", "header": true }),
    );
    let parameters = json!({ "file": "train-images", "labels-file": "labels.npy" });
    survive(&place, "arrays", parameters);
}

/// Sound files of every format, three samples of two numbers.
fn sound() -> Vec<Vec<u8>> {
    let numbers = floats(&[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let samples = npy("<f4", false, "(3, 2)", &numbers);
    let labels = npy("<i8", false, "(3,)", &integers(&[0, 1, 0]));
    let both = [("samples", samples.clone()), ("labels", labels)];
    let tensors = [("samples", Dtype::F32, &[3, 2][..], &*numbers)];
    let images = idx(8, &[3, 1, 2], &[1, 2, 3, 4, 5, 6]);
    vec![
        samples,
        npy("<f4", true, "(3, 2)", &numbers),
        npz(&both, true),
        npz(&both, false),
        safetensors(&tensors),
        gzipped(&images),
        images,
        b"1,2,0\n3,4,1\n5,6,0\n".to_vec(),
    ]
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        read(&bytes);
    }

    #[test]
    fn any_text_is_survived(text in "[0-9a-z,;\n\r\"'.<>(){}: -]{0,200}") {
        read(text.as_bytes());
    }

    #[test]
    fn damaged_files_are_survived(
        file in any::<prop::sample::Index>(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in any::<prop::sample::Index>(),
        is_cut in any::<bool>(),
    ) {
        let all = sound();
        let mut bytes = all[file.index(all.len())].clone();
        for (place, byte) in changes {
            let place = place.index(bytes.len());
            bytes[place] = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        read(&bytes);
    }

    #[test]
    fn numbers_come_back(rows in proptest::collection::vec((any::<i16>(), -1e6_f32..1e6), 1..20)) {
        let place = Place::empty();
        let lines: Vec<String> = rows.iter().map(|(label, number)| format!("{number},{label}")).collect();
        place.write("a.csv", lines.join("\n").as_bytes());
        let dataset = place.open("csv", json!({ "file": "a.csv" })).unwrap();
        let read = all(&dataset);
        let expected = rows.iter().map(|(label, number)| format!("train {label}: {number}"));
        prop_assert_eq!(read.lines().skip(1).collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
}
