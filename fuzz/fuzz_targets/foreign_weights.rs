//! Any bytes are a file of weights, whose tensors can be read, or an error.
#![no_main]

use libfuzzer_sys::fuzz_target;
use topwork_weights::{WeightsFile, import};

const NETWORK: &str = r#"{"format": 1, "input": [2, 4, 4], "layers": [
    {"name": "conv", "op": "conv2d", "filters": 2, "kernel": [3, 3], "bias": false},
    {"name": "norm", "op": "batch-norm2d"},
    {"name": "flatten", "op": "flatten"},
    {"name": "logits", "op": "linear", "units": 2}],
    "weights": {"ignore": ["*"]}}"#;

fuzz_target!(|bytes: &[u8]| {
    let file = match WeightsFile::read(bytes.to_vec()) {
        Ok(file) => file,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for tensor in file.tensors() {
        // Shapes of types that are only listed may be anything; where there are values they are as many.
        let fits = |values: Vec<f32>| values.len() == tensor.shape().iter().product::<usize>();
        assert!(tensor.values().is_none_or(fits));
    }
    match import(&file, NETWORK, None) {
        Ok(imported) => assert!(imported.taken + imported.ignored.len() == file.tensors().len()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
