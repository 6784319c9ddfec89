//! Networks and data the tests share.

use crate::{Blueprint, Network, Stream};

/// LeNet as its plugin describes it.
pub(crate) const LENET: &str = r#"{"format": 1, "input": [1, 28, 28], "layers": [
    {"name": "conv1", "op": "conv2d", "filters": 20, "kernel": [5, 5]},
    {"name": "relu1", "op": "relu"},
    {"name": "pool1", "op": "max-pool2d", "kernel": [2, 2]},
    {"name": "conv2", "op": "conv2d", "filters": 50, "kernel": [5, 5], "stride": [1, 1], "padding": [0, 0]},
    {"name": "relu2", "op": "relu"},
    {"name": "pool2", "op": "max-pool2d", "kernel": [2, 2], "stride": [2, 2]},
    {"name": "flatten", "op": "flatten"}],
  "cuts": [{"name": "pool1", "after": "pool1"}, {"name": "features", "after": "flatten"}]}"#;

/// A head for LeNet's features.
pub(crate) const HEAD: &str = r#"{"format": 1, "input": [800], "layers": [
    {"name": "hidden1", "op": "linear", "units": 100},
    {"name": "relu1", "op": "relu"},
    {"name": "logits", "op": "linear", "units": 5}]}"#;

/// A blueprint from its input and its layers, which are named after their place: `1`, `2`, …
pub(crate) fn blueprint(input: &str, layers: &[String]) -> Blueprint {
    let layers: Vec<String> = layers
        .iter()
        .enumerate()
        .map(|(index, layer)| format!(r#"{{"name": "{}", {layer}}}"#, index + 1))
        .collect();
    let json = format!(
        r#"{{"format": 1, "input": {input}, "layers": [{}]}}"#,
        layers.join(", ")
    );
    match Blueprint::parse(&json) {
        Ok(blueprint) => blueprint,
        Err(error) => panic!("{error}\n{json}"),
    }
}

/// A network with random weights.
pub(crate) fn network(json: &str, seed: u64) -> Network {
    Network::init(
        &Blueprint::parse(json).unwrap(),
        &mut Stream::new(seed, "init"),
    )
}

/// Numbers evenly spread over -1 to 1.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, "numbers");
    (0..count).map(|_| stream.uniform(-1.0, 1.0)).collect()
}

/// Classes from 0 to `classes - 1`.
pub(crate) fn labels(count: usize, classes: usize, seed: u64) -> Vec<u32> {
    let mut stream = Stream::new(seed, "labels");
    (0..count).map(|_| stream.below(classes) as u32).collect()
}
