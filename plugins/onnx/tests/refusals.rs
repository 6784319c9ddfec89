//! Files and parameters that are refused, and damaged files, which must end in an error or in a working model, never in a crash.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod small;

use serde_json::{Value, json};
use small::{layers, small};
use std::path::Path;
use topwork_plugin_onnx::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};
use topwork_testkit::{Attribute, OnnxFile};

/// Writes a model file and opens it, with rten unless another runtime is named.
fn opened(folder: &Path, model: &[u8], mut parameters: Value) -> Result<Value, Error> {
    let path = folder.join("model.onnx");
    std::fs::write(&path, model).unwrap();
    parameters["file"] = json!(path);
    if parameters["runtime"].is_null() {
        parameters["runtime"] = json!("rten");
    }
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let extractor = driver.extractor("onnx", &parameters)?;
    Ok(extractor.description().clone())
}

fn refusal(model: &[u8], parameters: Value) -> String {
    let folder = tempfile::tempdir().unwrap();
    let error = opened(folder.path(), model, parameters).unwrap_err();
    let hint = error.hint().unwrap_or("(no hint)");
    let text = format!("{:?}: {error}\n  {hint}", error.kind());
    text.replace(&folder.path().display().to_string(), "[folder]")
}

#[test]
fn every_refusal_says_what_is_wrong_and_what_may_help() {
    let whole = small(None, Some(3)).ending_at("logits");
    let of = |element, sizes: &[Option<i64>]| {
        layers(OnnxFile::default().input("image", element, sizes), "image").ending_at("logits")
    };
    let open = [None, Some(3), None, None];
    let square = [None, Some(1), Some(3), Some(3)];
    let last = [None, Some(224), Some(224), Some(3)];
    let beside = |file: &str, length| {
        small(None, Some(3))
            .weights_in("scale", &[1, 2, 1, 1], file, [4, length])
            .node("Mul", &["relu", "scale"], "scaled", &[])
            .ending_at("scaled")
    };
    let unknown = small(None, Some(3)).node("NoSuchOperator", &["flat"], "nothing", &[]);
    let images = small(None, Some(3)).input("second", OnnxFile::FLOAT, &square);
    let cases: Vec<(&str, String)> = vec![
        (
            "a provider of another runtime",
            refusal(&whole, json!({"provider": "openvino"})),
        ),
        (
            "a device of the processor",
            refusal(
                &whole,
                json!({"runtime": "auto", "provider": "openvino", "device": 1}),
            ),
        ),
        (
            "a provider that nobody knows",
            refusal(&whole, json!({"provider": "coreml"})),
        ),
        (
            "not a model",
            refusal(b"<html>404 not found</html>", json!({})),
        ),
        (
            "a pointer",
            refusal(
                b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
                json!({}),
            ),
        ),
        (
            "a pickle",
            refusal(b"PK\x03\x04 archive/data.pkl", json!({})),
        ),
        ("nothing", refusal(b"", json!({}))),
        ("cut off", refusal(&whole[..whole.len() / 2], json!({}))),
        (
            "open sizes",
            refusal(&of(OnnxFile::FLOAT, &open), json!({})),
        ),
        ("other sizes", refusal(&whole, json!({"input": [3, 3, 3]}))),
        (
            "channels last",
            refusal(&of(OnnxFile::FLOAT, &last), json!({})),
        ),
        ("bytes", refusal(&of(OnnxFile::UINT8, &square), json!({}))),
        (
            "halves",
            refusal(&of(OnnxFile::FLOAT16, &square), json!({})),
        ),
        (
            "a row",
            refusal(&of(OnnxFile::FLOAT, &[None, Some(784)]), json!({})),
        ),
        (
            "no input",
            refusal(
                &layers(OnnxFile::default(), "image").ending_at("flat"),
                json!({}),
            ),
        ),
        (
            "two images",
            refusal(&images.ending_at("logits"), json!({})),
        ),
        (
            "a giant",
            refusal(
                &of(
                    OnnxFile::FLOAT,
                    &[None, Some(3), Some(1 << 40), Some(1 << 40)],
                ),
                json!({}),
            ),
        ),
        (
            "an unknown operator",
            refusal(&unknown.ending_at("nothing"), json!({})),
        ),
        (
            "a typing error",
            refusal(&whole, json!({"cuts": ["relu", "logit"]})),
        ),
        (
            "not of floats",
            refusal(
                &small(None, Some(3))
                    .node("ArgMax", &["relu"], "class", &[])
                    .ending_at("class"),
                json!({"cuts": ["class"]}),
            ),
        ),
        (
            "weights that are missing",
            refusal(&beside("model.onnx.data", 8), json!({})),
        ),
        (
            "weights out of the folder",
            refusal(&beside("../secret", 8), json!({})),
        ),
        (
            "weights in the wrong file",
            refusal(&beside("model.onnx", 80_000), json!({})),
        ),
    ];
    let text: Vec<String> = cases
        .iter()
        .map(|(name, text)| format!("# {name}\n{text}"))
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

/// Three models that somebody has still to call `eval()` on, and one that is random by design.
fn unsettled() -> Vec<(&'static str, Vec<u8>)> {
    let image = |side| {
        let sizes = [None, Some(2), Some(side), Some(side)];
        OnnxFile::default()
            .input("image", OnnxFile::FLOAT, &sizes)
            .weights("one", &[2], &[1.0, 1.0])
            .weights("half", &[], &[0.5])
            .truth("yes", true)
    };
    let learnt = ["image", "one", "one", "one", "one"];
    let trains = [("training_mode", Attribute::Int(1))];
    vec![
        (
            "batch normalisation",
            image(3)
                .of_set(17)
                .node_of("BatchNormalization", &learnt, &["norm", "m", "v"], &trains)
                .ending_at("norm"),
        ),
        (
            "batch normalisation of old",
            image(3)
                .of_set(9)
                .node_of(
                    "BatchNormalization",
                    &learnt,
                    &["norm", "m", "v", "sm", "sv"],
                    &[],
                )
                .ending_at("norm"),
        ),
        (
            "dropout",
            image(3)
                .node("Dropout", &["image", "half", "yes"], "dropped", &[])
                .ending_at("dropped"),
        ),
        (
            "noise",
            image(3)
                .node("RandomNormalLike", &["image"], "noise", &[])
                .node("Add", &["image", "noise"], "noisy", &[])
                .ending_at("noisy"),
        ),
    ]
}

#[test]
fn what_is_random_or_in_training_is_refused_by_both_runtimes() {
    let mut text = String::new();
    for (name, model) in unsettled() {
        let told = refusal(&model, json!({}));
        if std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| !path.is_empty()) {
            assert_eq!(refusal(&model, json!({"runtime": "onnxruntime"})), told);
        }
        text.push_str(&format!("# {name}\n{told}\n"));
    }
    insta::assert_snapshot!(text);
}

/// Inputs whose layout is stated wrongly or not at all.
#[test]
fn the_layout_is_hinted_at() {
    let of = |sizes: [Option<i64>; 4]| {
        OnnxFile::default()
            .input("image", OnnxFile::FLOAT, &sizes)
            .node("Relu", &["image"], "relu", &[])
            .ending_at("relu")
    };
    let last = of([None, None, None, Some(3)]);
    let first = of([None, Some(3), None, None]);
    let cases = [
        (&last, json!({"input": [3, 8, 8]})),
        (&last, json!({"input": [3, 3, 8]})),
        (&last, json!({})),
        (&first, json!({"input": [8, 8, 3], "layout": "nhwc"})),
        (&first, json!({"layout": "nhwc"})),
    ];
    let text: Vec<String> = (cases.into_iter())
        .map(|(model, parameters)| {
            format!("# {parameters}\n{}", refusal(model, parameters.clone()))
        })
        .collect();
    insta::assert_snapshot!(text.join("\n"));
}

/// Eight images at once, and what of that is written into the graph.
#[test]
fn a_batch_that_is_built_in_is_told() {
    let to = |sizes: &[i64]| {
        let batch = [Some(8), Some(3), Some(8), Some(8)];
        OnnxFile::default()
            .input("image", OnnxFile::FLOAT, &batch)
            .integers("shape", &[sizes.len() as u64], sizes)
            .node("Relu", &["image"], "maps", &[])
            .node("Reshape", &["maps", "shape"], "flat", &[])
            .node("Sigmoid", &["flat"], "out", &[])
            .ending_at("out")
    };
    let told =
        "has its batch of 8 images built in: \"flat\" is 8×192, however many images there are";
    for shape in [[8, 192], [8, -1]] {
        let text = refusal(&to(&shape), json!({}));
        assert!(text.contains(told), "{shape:?}: {text}");
    }
    // As many rows as there are images.
    let folder = tempfile::tempdir().unwrap();
    opened(folder.path(), &to(&[-1, 192]), json!({})).unwrap();
}

#[test]
fn a_file_that_is_not_there_is_told_on_creation() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let error = driver
        .extractor("onnx", &json!({"file": "/no/such/model.onnx"}))
        .err();
    let error = error.unwrap();
    assert_eq!(error.kind(), ErrorKind::Data);
    assert_eq!(error.to_string(), "there is no file `/no/such/model.onnx`");
}

#[test]
fn no_truncated_file_is_a_model() {
    let whole = small(None, Some(3)).ending_at("logits");
    let folder = tempfile::tempdir().unwrap();
    for length in 0..whole.len() {
        let error = opened(folder.path(), &whole[..length], json!({})).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Data, "{length}: {error}");
    }
}

#[test]
fn graphs_within_graphs_end_somewhere() {
    let mut attribute = Vec::new();
    for _ in 0..10_000 {
        let graph = field(1, &field(5, &attribute));
        attribute = field(6, &graph);
    }
    let model = field(7, &field(1, &field(5, &attribute)));
    let folder = tempfile::tempdir().unwrap();
    let error = opened(folder.path(), &model, json!({})).unwrap_err();
    let expected = "its graphs are nested too deeply";
    assert!(error.to_string().ends_with(expected), "{error}");
}

/// A field with these bytes.
fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2];
    let mut length = bytes.len();
    while length >= 0x80 {
        field.push(length as u8 | 0x80);
        length >>= 7;
    }
    field.push(length as u8);
    field.extend_from_slice(bytes);
    field
}
