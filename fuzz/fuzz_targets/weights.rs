//! Any bytes are weights for a network, which it then gives back, or they leave it as it was.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use topwork_engine::{Blueprint, Network, Stream};

static NETWORK: LazyLock<Network> = LazyLock::new(|| {
    let json = r#"{"format": 1, "input": [1, 4, 4], "layers": [
        {"name": "conv", "op": "conv2d", "filters": 2, "kernel": [3, 3]},
        {"name": "norm", "op": "batch-norm2d"},
        {"name": "flatten", "op": "flatten"},
        {"name": "logits", "op": "linear", "units": 2}]}"#;
    let blueprint = Blueprint::parse(json).expect("a sound blueprint");
    Network::init(&blueprint, &mut Stream::new(1, "init"))
});

fuzz_target!(|bytes: &[u8]| {
    let mut network = NETWORK.clone();
    match network.load_safetensors(bytes) {
        Ok(()) => {
            let written = network.to_safetensors().expect("weights that were read can be written");
            let mut again = NETWORK.clone();
            again.load_safetensors(&written).expect("weights that were written can be read");
            assert_eq!(again.digest(), network.digest());
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            assert_eq!(network.digest(), NETWORK.digest());
        }
    }
});
