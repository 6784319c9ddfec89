//! What keeps a model from being a network, and what is wrong with files.

use crate::small::{Is, NONE, Small, tensor};
use proptest::prelude::*;
use prost::Message;
use topwork_onnx::message::{Entry, Model, Tensor};
use topwork_onnx::{Folder, Nowhere, Numbers, Wanted, import};

pub fn refusal(model: &Model) -> String {
    import(model, &Nowhere, &Wanted::default())
        .unwrap_err()
        .to_string()
}

#[test]
fn everything_in_the_way_is_told_at_once() {
    let weights = |small: Small| small.weights("w", &[4, 4]);
    let cases = [
        (
            weights(Small::of(4, 6, 6))
                .node("norm LpNormalization", &["image"], "a", NONE)
                .node("first LpPool", &["image"], "b", NONE)
                .node("second LpPool", &["image"], "c", NONE)
                .node("Add", &["a", "b"], "d", NONE)
                .node("Add", &["d", "c"], "e", NONE)
                .node("MatMul", &["e", "w"], "y", NONE)
                .giving(&["y"]),
            "LpNormalization has no layer in topwork (\"norm\"); LpPool has no layer in topwork (\"first\" and 1 more)",
        ),
        (
            Small::of(4, 6, 6)
                .node(
                    "AveragePool",
                    &["image"],
                    "y",
                    &[
                        ("kernel_shape", Is::Ints(&[2, 2])),
                        ("dilations", Is::Ints(&[2, 2])),
                    ],
                )
                .giving(&["y"]),
            "AveragePool has a dilation of 2×2, expected 1×1 (\"y\")",
        ),
        (
            Small::of(4, 6, 6)
                .node("Conv", &["image", "image"], "y", NONE)
                .giving(&["y"]),
            "Conv computes its input 1, expected a constant (\"y\")",
        ),
        (
            Small::of(4, 6, 6)
                .weights("v", &[2, 3, 1, 1])
                .node("Conv", &["image", "v"], "y", NONE)
                .giving(&["y"]),
            "Conv has weights of 2×3×1×1 for 4 channels in 1 groups (\"y\")",
        ),
        (
            Small::of(4, 6, 6)
                .node(
                    "Transpose",
                    &["image"],
                    "y",
                    &[("perm", Is::Ints(&[0, 1, 3, 2]))],
                )
                .giving(&["y"]),
            "Transpose puts the axes of 4×6×6 in the order [0, 1, 3, 2], which no layer does (\"y\")",
        ),
        (
            Small::of(4, 6, 6)
                .node("MatMul", &["image", "image"], "y", NONE)
                .giving(&["y"]),
            "MatMul multiplies two tensors of the image, as attention does (\"y\")",
        ),
        (
            Small::of(4, 6, 6)
                .operator_set(6)
                .node("Relu", &["image"], "y", NONE)
                .giving(&["y"]),
            "the model has the operator set 6, expected 7 or later (\"image\")",
        ),
        (
            Small::new([Some(1), Some(3), None, None])
                .node("Relu", &["image"], "y", NONE)
                .giving(&["y"]),
            "`image` leaves the size of its images open",
        ),
        (
            Small::of(3, 4, 4)
                .node("Relu", &["b"], "a", NONE)
                .node("Relu", &["a"], "b", NONE)
                .giving(&["b"]),
            "is no model in the ONNX format: its nodes need one another in a circle",
        ),
        (
            Small::of(3, 4, 4).giving(&["image"]),
            "is no model in the ONNX format: it computes nothing from its image",
        ),
    ];
    for (model, expected) in cases {
        assert_eq!(refusal(&model), expected);
    }
}

#[test]
fn numbers_of_every_type_are_read() {
    let half = |x: f32| half::f16::from_f32(x).to_bits();
    let upper = |x: f32| half::bf16::from_f32(x).to_bits();
    let floats = Numbers::Floats(vec![1.5, -2.0]);
    let wholes = Numbers::Integers(vec![1, -2]);
    let positive = Numbers::Integers(vec![1, 2]);
    let raw = |data_type, bytes: Vec<u8>| tensor("t", data_type, &[2], bytes);
    let typed = |data_type: i32, fill: fn(&mut Tensor)| {
        let mut tensor = tensor("t", data_type, &[2], Vec::new());
        fill(&mut tensor);
        tensor
    };
    let all = |values: [Vec<u8>; 2]| values.concat();
    let cases = [
        (
            raw(1, all([1.5f32, -2.0].map(|x| x.to_le_bytes().to_vec()))),
            &floats,
        ),
        (
            raw(11, all([1.5f64, -2.0].map(|x| x.to_le_bytes().to_vec()))),
            &floats,
        ),
        (
            raw(10, all([1.5, -2.0].map(|x| half(x).to_le_bytes().to_vec()))),
            &floats,
        ),
        (
            raw(
                16,
                all([1.5, -2.0].map(|x| upper(x).to_le_bytes().to_vec())),
            ),
            &floats,
        ),
        (
            raw(7, all([1i64, -2].map(|x| x.to_le_bytes().to_vec()))),
            &wholes,
        ),
        (
            raw(6, all([1i32, -2].map(|x| x.to_le_bytes().to_vec()))),
            &wholes,
        ),
        (
            raw(5, all([1i16, -2].map(|x| x.to_le_bytes().to_vec()))),
            &wholes,
        ),
        (raw(3, vec![1, 254]), &wholes),
        (raw(2, vec![1, 2]), &positive),
        (raw(4, vec![1, 0, 2, 0]), &positive),
        (raw(12, vec![1, 0, 0, 0, 2, 0, 0, 0]), &positive),
        (
            raw(13, all([1u64, 2].map(|x| x.to_le_bytes().to_vec()))),
            &positive,
        ),
        (typed(1, |t| t.float_data = vec![1.5, -2.0]), &floats),
        (typed(11, |t| t.double_data = vec![1.5, -2.0]), &floats),
        (
            typed(10, |t| {
                t.int32_data = [1.5, -2.0]
                    .map(|x| half::f16::from_f32(x).to_bits().into())
                    .to_vec()
            }),
            &floats,
        ),
        (
            typed(16, |t| {
                t.int32_data = [1.5, -2.0]
                    .map(|x| half::bf16::from_f32(x).to_bits().into())
                    .to_vec()
            }),
            &floats,
        ),
        (typed(7, |t| t.int64_data = vec![1, -2]), &wholes),
        (typed(6, |t| t.int32_data = vec![1, -2]), &wholes),
        (typed(3, |t| t.int32_data = vec![1, -2]), &wholes),
        (
            typed(9, |t| t.int32_data = vec![1, 0]),
            &Numbers::Integers(vec![1, 0]),
        ),
        (typed(13, |t| t.uint64_data = vec![1, 2]), &positive),
    ];
    for (tensor, numbers) in cases {
        let read = tensor.array(&Nowhere).unwrap();
        assert_eq!(
            (&read.shape[..], &read.numbers),
            (&[2][..], numbers),
            "type {}",
            tensor.data_type
        );
    }
}

#[test]
fn tensors_that_lie_are_refused() {
    let cases = [
        (
            tensor("t", 1, &[3], vec![0; 8]),
            "tensor `t` has 8 bytes for shape [3] of float32",
        ),
        (
            tensor("t", 1, &[-1], vec![]),
            "tensor `t` has the shape [-1]",
        ),
        (
            tensor("t", 1, &[i64::MAX, i64::MAX], vec![]),
            "tensor `t` has the shape [9223372036854775807, 9223372036854775807]",
        ),
        (
            tensor("t", 1, &[1 << 40], vec![0; 4]),
            "tensor `t` has 4 bytes for shape [1099511627776] of float32",
        ),
        (
            tensor("t", 8, &[1], vec![0; 4]),
            "tensor `t` has elements of type 8, which are not read; expected floating-point or whole numbers",
        ),
    ];
    for (tensor, problem) in cases {
        assert_eq!(tensor.array(&Nowhere).unwrap_err().to_string(), problem);
    }
}

#[test]
fn values_in_other_files_are_read_from_the_folder_alone() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u8> = [0.0f32, 1.5, -2.0]
        .iter()
        .flat_map(|x| x.to_le_bytes())
        .collect();
    std::fs::write(folder.path().join("w.data"), values).unwrap();
    let elsewhere = |entries: &[(&str, &str)]| {
        let mut tensor = tensor("t", 1, &[2], Vec::new());
        tensor.data_location = Tensor::EXTERNAL;
        tensor.external_data = entries
            .iter()
            .map(|(key, value)| Entry {
                key: (*key).to_owned(),
                value: (*value).to_owned(),
            })
            .collect();
        tensor
            .array(&Folder(folder.path().to_owned()))
            .map(|array| array.numbers)
            .map_err(|error| {
                error
                    .to_string()
                    .replace(&folder.path().display().to_string(), "FOLDER")
            })
    };
    let good = Ok(Numbers::Floats(vec![1.5, -2.0]));
    assert_eq!(
        elsewhere(&[("location", "w.data"), ("offset", "4"), ("length", "8")]),
        good
    );
    assert_eq!(
        elsewhere(&[("location", "./w.data"), ("offset", "4")]),
        good
    );
    for (entries, problem) in [
        (
            &[("location", "../w.data")][..],
            "expected a file in the model's folder",
        ),
        (
            &[("location", "/etc/hostname")],
            "expected a file in the model's folder",
        ),
        (&[], "expected a file in the model's folder"),
        (&[("location", "v.data")], "cannot be read"),
        (
            &[("location", "w.data"), ("offset", "8")],
            "which has 12 bytes, but they end at byte 16",
        ),
        (
            &[("location", "w.data"), ("offset", "18446744073709551615")],
            "which has 12 bytes",
        ),
        (
            &[("location", "w.data"), ("offset", "-1")],
            "at the offset `-1`, expected a number of bytes",
        ),
        (
            &[("location", "w.data"), ("length", "18446744073709551615")],
            "18446744073709551615 bytes of it, expected 8",
        ),
    ] {
        let found = elsewhere(entries).unwrap_err();
        assert!(found.contains(problem), "{found}");
    }
}

/// Files that were made to do harm: they end, in a sentence or a network.
#[test]
fn hostile_models_end_soon() {
    let huge = Small::of(3, 4, 4)
        .integers("s", &[1 << 30, 1 << 30])
        .node("ConstantOfShape", &["s"], "c", NONE)
        .node("Add", &["image", "c"], "y", NONE)
        .giving(&["y"]);
    let mut growing = Small::of(3, 4, 4).floats("n0", &[2], &[1.0, 2.0]);
    for n in 0..60 {
        let (from, to) = (format!("n{n}"), format!("n{}", n + 1));
        growing = growing.node("Concat", &[&from, &from], &to, &[("axis", Is::Int(0))]);
    }
    let growing = growing
        .node("Add", &["image", "n60"], "y", NONE)
        .giving(&["y"]);
    let mut doubling = Small::of(3, 4, 4);
    let mut last = "image".to_owned();
    for n in 0..200 {
        let next = format!("d{n}");
        doubling = doubling.node("Add", &[&last, &last], &next, NONE);
        last = next;
    }
    let doubling = doubling.giving(&[&last]);
    let empty = Small::of(3, 4, 4)
        .floats("e", &[1 << 40, 0], &[])
        .integers("i", &[0])
        .node("Gather", &["e", "i"], "g", NONE)
        .node("Transpose", &["g"], "t", NONE)
        .node("Add", &["image", "t"], "y", NONE)
        .giving(&["y"]);
    let wide = Small::of(3, 4, 4)
        .integers("s", &[1, 3, 1 << 40, 4])
        .integers("b", &[0])
        .integers("f", &[i64::MAX])
        .node("Expand", &["image", "s"], "x", NONE)
        .node("Slice", &["x", "b", "f"], "y", NONE)
        .giving(&["y"]);
    // Moved about without end: each pair leaves what was moved where it was.
    let mut moving = Small::of(3, 4, 4)
        .integers("s", &[1, 3, 2048, 2048])
        .integers("one", &[1, 3, 4, 1, 4, 1])
        .integers("many", &[1, 3, 4, 512, 4, 512])
        .node("Reshape", &["image", "one"], "o", NONE)
        .node("Expand", &["o", "many"], "x", NONE)
        .node("Reshape", &["x", "s"], "m0", NONE);
    for n in 0..200 {
        let (from, turned, to) = (format!("m{n}"), format!("t{n}"), format!("m{}", n + 1));
        let order = || ("perm", Is::Ints(&[0, 1, 3, 2]));
        moving = moving
            .node("Transpose", &[&from], &turned, &[order()])
            .node("Transpose", &[&turned], &to, &[order()]);
    }
    let moving = moving.giving(&["m200"]);
    for model in [huge, growing, doubling, empty, wide, moving] {
        let begun = std::time::Instant::now();
        let _ = import(&model, &Nowhere, &Wanted::default());
        assert!(begun.elapsed().as_secs() < 10);
    }
}

fn sound() -> Vec<u8> {
    Small::of(3, 4, 4)
        .weights("w", &[2, 3, 3, 3])
        .integers("p", &[1, -1])
        .node(
            "Conv",
            &["image", "w"],
            "c",
            &[("pads", Is::Ints(&[1, 1, 1, 1]))],
        )
        .node("Relu", &["c"], "r", NONE)
        .node("Reshape", &["r", "p"], "y", NONE)
        .giving(&["y"])
        .encode_to_vec()
}

/// Reads bytes as a model and imports what there is: it may fail, and must end.
fn survives(bytes: &[u8]) {
    if let Ok(model) = Model::decode(bytes) {
        let _ = import(
            &model,
            &Nowhere,
            &Wanted {
                input: Some([3, 4, 4]),
                ..Wanted::default()
            },
        );
    }
}

#[test]
fn truncated_models_are_survived() {
    let whole = sound();
    for length in 0..whole.len() {
        survives(&whole[..length]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn altered_models_are_survived(at in 0usize..10_000, byte in any::<u8>(), other in 0usize..10_000, second in any::<u8>()) {
        let mut bytes = sound();
        let length = bytes.len();
        bytes[at % length] = byte;
        bytes[other % length] = second;
        survives(&bytes);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        survives(&bytes);
    }
}
