//! Files and parameters that are refused, and damaged files, which must end in an error or in a working model, never in a crash.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod small;

use serde_json::{Value, json};
use small::{layers, small};
use std::path::Path;
use topwork_plugin_onnx::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};
use topwork_testkit::OnnxFile;

/// Writes a model file and opens it, with rten.
fn opened(folder: &Path, model: &[u8], mut parameters: Value) -> Result<Value, Error> {
    let path = folder.join("model.onnx");
    std::fs::write(&path, model).unwrap();
    parameters["file"] = json!(path);
    parameters["runtime"] = json!("rten");
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
            "not a model",
            refusal(b"<html>404 not found</html>", json!({})),
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
                    .node("Shape", &["relu"], "sizes", &[])
                    .ending_at("sizes"),
                json!({"cuts": ["sizes"]}),
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
