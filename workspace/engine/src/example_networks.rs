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

/// A small network of blocks as they occur, one for each number, and four logits. Where all of it learns, no
/// gradient is zero by its nature, as that of a bias in front of a batch normalisation would be.
pub(crate) fn blocks(kinds: &[u8]) -> Blueprint {
    const CONV: &str =
        r#""op": "conv2d", "filters": 4, "kernel": [3, 3], "padding": [1, 1], "bias": "#;
    const POINT: &str = r#""op": "conv2d", "filters": 4, "kernel": [1, 1], "bias": "#;
    const POOL: &str = r#""op": "max-pool2d", "kernel": [2, 2], "stride": [1, 1]"#;
    let mut layers: Vec<String> = Vec::new();
    let mut push = |layer: String| {
        layers.push(layer);
        layers.len()
    };
    let op = |name: &str| format!(r#""op": "{name}""#);
    let of = |layer: String, value: usize| format!(r#"{layer}, "inputs": ["{value}"]"#);
    let both =
        |name: &str, [a, b]: [usize; 2]| format!(r#""op": "{name}", "inputs": ["{a}", "{b}"]"#);
    let conv = |bias: bool| format!("{CONV}{bias}");
    let point = |bias: bool| format!("{POINT}{bias}");
    let mut last = push(conv(false));
    for kind in kinds {
        let start = last;
        last = match kind % 10 {
            0 => {
                push(conv(true));
                push(op("relu"))
            }
            1 => {
                push(conv(false));
                push(op("batch-norm2d"));
                push(op("relu"))
            }
            which @ (2 | 3) => {
                push(conv(false));
                push(op("batch-norm2d"));
                push(op("silu"));
                push(conv(false));
                let main = push(op("batch-norm2d"));
                let mut shortcut = start;
                if which == 3 {
                    push(of(point(false), start));
                    shortcut = push(op("batch-norm2d"));
                }
                push(both("add", [main, shortcut]));
                push(op("relu"))
            }
            4 => {
                let main = push(conv(true));
                push(both("add", [main, start]));
                push(op("relu6"))
            }
            5 => {
                let left = push(conv(true));
                let right = push(of(point(true), start));
                push(both("concat", [left, right]));
                push(point(true));
                push(op("tanh"))
            }
            6 => {
                push(op("global-avg-pool2d"));
                push(point(true));
                let gate = push(op("sigmoid"));
                push(both("multiply", [start, gate]))
            }
            7 => {
                push(conv(true));
                push(op("relu"));
                push(POOL.to_owned())
            }
            8 => {
                let left = push(of(r#""op": "slice", "from": 0, "to": 2"#.to_owned(), start));
                push(of(r#""op": "slice", "from": 1, "to": 3"#.to_owned(), start));
                let right = push(conv(true));
                push(both("concat", [left, right]));
                push(r#""op": "channel-shuffle", "groups": 3"#.to_owned());
                push(r#""op": "channel-shuffle", "groups": 2"#.to_owned());
                push(r#""op": "slice", "from": 1, "to": 5"#.to_owned())
            }
            _ => {
                push(op("batch-norm2d"));
                push(op("silu"))
            }
        };
    }
    push(op("global-avg-pool2d"));
    push(op("flatten"));
    push(op("batch-norm1d"));
    push(r#""op": "linear", "units": 4"#.to_owned());
    blueprint("[2, 7, 7]", &layers)
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
