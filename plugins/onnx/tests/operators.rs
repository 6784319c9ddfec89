//! Operators in the forms that runtimes get wrong, against the numbers of ONNX's reference evaluator and of onnxruntime, which
//! agree: see `operators.py`, which writes `operators.json`. Another file is named by `TOPWORK_OPERATORS`.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde::Deserialize;
use serde_json::json;
use topwork_plugin_onnx::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};

/// A model of one tensor to cut at, and what must come of the image.
#[derive(Deserialize)]
struct Case {
    name: String,
    /// The bytes of the file in hexadecimal.
    model: String,
    /// The shape of the image: channels, height, width.
    image: [usize; 3],
    /// Channels last.
    #[serde(default)]
    nhwc: bool,
    /// The tensor `out` for the image.
    expected: Vec<f32>,
    /// What rten says instead, where no rule gives it the right numbers.
    #[serde(default)]
    refused: Option<String>,
}

/// The numbers of `operators.py`: multiples of an eighth between -3 and 3.
fn image(numbers: usize) -> Vec<f32> {
    (0..numbers)
        .map(|at| ((at * 37 + 11) % 49) as f32 / 8.0 - 3.0)
        .collect()
}

fn difference(case: &Case, runtime: &str) -> Result<f32, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.onnx");
    let digits = case.model.as_bytes().chunks_exact(2);
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    std::fs::write(&path, digits.map(byte).collect::<Vec<u8>>()).unwrap();
    let layout = if case.nhwc { "nhwc" } else { "nchw" };
    let parameters = json!({"file": path, "runtime": runtime, "layout": layout, "cuts": ["out"]});
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let model = driver
        .extractor("onnx", &parameters)
        .map_err(|e| e.to_string())?;
    let found = model.forward("out", &image(case.image.iter().product()));
    let found = found.map_err(|error| error.to_string())?;
    if found.len() != case.expected.len() {
        return Err(format!("{} numbers", found.len()));
    }
    let pairs = found.iter().zip(&case.expected);
    Ok(pairs
        .map(|(a, b)| (a - b).abs() / (1.0 + b.abs()))
        .fold(0.0, f32::max))
}

fn cases() -> Vec<Case> {
    let text = match std::env::var_os("TOPWORK_OPERATORS") {
        Some(path) => std::fs::read_to_string(path).unwrap(),
        None => include_str!("operators.json").to_owned(),
    };
    serde_json::from_str(&text).unwrap()
}

fn check(runtime: &str) {
    let mut wrong = Vec::new();
    for case in cases() {
        let found = difference(&case, runtime);
        let refused = case.refused.as_ref().filter(|_| runtime == "rten");
        match (&found, refused) {
            (Ok(difference), None) if *difference < 1e-5 => {}
            (Err(error), Some(expected)) if error.contains(expected) => {}
            _ => wrong.push(format!("{}: {found:?}", case.name)),
        }
    }
    assert!(wrong.is_empty(), "{runtime}:\n{}", wrong.join("\n"));
}

#[test]
fn rten_gives_what_the_format_says() {
    check("rten");
}

#[test]
fn onnxruntime_gives_what_the_format_says() {
    let there = std::env::var_os("ORT_DYLIB_PATH").is_some_and(|path| !path.is_empty());
    if there {
        check("onnxruntime");
    }
}
