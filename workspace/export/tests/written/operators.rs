//! One case for every operation that a blueprint can have.

use topwork_engine::{Blueprint, layers};

use crate::{agrees, forward, model, names, network, nothing, numbers};

const MAP: &[usize] = &[4, 7, 6];

fn check(layers: &[&str]) {
    let trunk = network(MAP, layers, 1);
    let outputs = trunk.blueprint().output().elements();
    let (head, classes) = (nothing(outputs), names(outputs));
    let images = numbers(3 * MAP.iter().product::<usize>(), 2);
    let scores = forward(&trunk, &images);
    agrees(
        &model(&trunk, &head, &classes),
        &images,
        &scores,
        &layers.join(", "),
    );
}

#[test]
fn every_operation_is_written_as_the_engine_computes_it() {
    let cases: &[&[&str]] = &[
        &[r#""op": "conv2d", "filters": 3, "kernel": [3, 2]"#],
        &[r#""op": "conv2d", "filters": 3, "kernel": [3, 3], "bias": false, "stride": [2, 1]"#],
        &[r#""op": "conv2d", "filters": 6, "kernel": [3, 3], "groups": 2, "padding": [1, 2]"#],
        &[r#""op": "conv2d", "filters": 8, "kernel": [3, 3], "groups": 4, "padding": [1, 1]"#],
        &[r#""op": "conv2d", "filters": 3, "kernel": [3, 3], "dilation": [2, 1]"#],
        &[
            r#""op": "conv2d", "filters": 3, "kernel": [3, 3], "padding": [0, 1, 2, 0], "stride": [2, 2]"#,
        ],
        &[r#""op": "conv2d", "filters": 5, "kernel": [1, 1]"#],
        &[
            r#""op": "conv2d", "filters": 4, "kernel": [1, 1]"#,
            r#""op": "resize", "size": [4, 6]"#,
            r#""op": "window-attention", "heads": 2, "window": [2, 3]"#,
            r#""op": "window-attention", "heads": 2, "window": [2, 3], "shift": [1, 2], "bias": false"#,
            r#""op": "space-to-depth", "block": 2"#,
        ],
        &[
            r#""op": "resize", "size": [4, 6]"#,
            r#""op": "space-to-depth", "block": 2, "order": "columns""#,
        ],
        &[r#""op": "max-pool2d", "kernel": [2, 3]"#],
        &[r#""op": "max-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]"#],
        &[r#""op": "avg-pool2d", "kernel": [2, 3], "stride": [1, 2]"#],
        &[r#""op": "avg-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]"#],
        &[r#""op": "global-avg-pool2d""#],
        &[r#""op": "batch-norm2d""#],
        &[r#""op": "batch-norm2d", "epsilon": 1e-2"#],
        &[
            r#""op": "flatten""#,
            r#""op": "batch-norm1d", "epsilon": 1e-3"#,
        ],
        &[r#""op": "batch-norm2d", "affine": false"#],
        &[
            r#""op": "flatten""#,
            r#""op": "batch-norm1d", "affine": false"#,
        ],
        &[r#""op": "scale", "initial": 0.7"#],
        &[r#""op": "flatten""#, r#""op": "scale", "initial": 0.7"#],
        &[r#""op": "leaky-relu", "slope": 0.3"#],
        &[r#""op": "dropout", "rate": 0.3"#],
        &[r#""op": "flatten""#],
        &[r#""op": "flatten""#, r#""op": "linear", "units": 5"#],
        &[
            r#""op": "flatten""#,
            r#""op": "linear", "units": 5, "bias": false"#,
        ],
        &[
            r#""op": "relu""#,
            r#""op": "add", "inputs": ["1", "input"]"#,
        ],
        &[
            r#""op": "relu""#,
            r#""op": "tanh""#,
            r#""op": "add", "inputs": ["1", "2", "input"]"#,
        ],
        &[
            r#""op": "tanh""#,
            r#""op": "multiply", "inputs": ["1", "input"]"#,
        ],
        &[
            r#""op": "global-avg-pool2d""#,
            r#""op": "sigmoid""#,
            r#""op": "multiply", "inputs": ["input", "2"]"#,
        ],
        &[
            r#""op": "tanh""#,
            r#""op": "concat", "inputs": ["1", "input", "1"]"#,
        ],
        &[
            r#""op": "max-pool2d", "kernel": [2, 3], "stride": [3, 2], "padding": [1, 1], "ceil-mode": true"#,
        ],
        &[
            r#""op": "max-pool2d", "kernel": [2, 3], "stride": [1, 2], "padding": [1, 2], "dilation": [3, 2]"#,
        ],
        &[
            r#""op": "max-pool2d", "kernel": [2, 2], "stride": [2, 2], "dilation": [2, 2], "ceil-mode": true"#,
        ],
        &[
            r#""op": "avg-pool2d", "kernel": [3, 3], "stride": [3, 2], "padding": [1, 1], "ceil-mode": true"#,
        ],
        &[
            r#""op": "avg-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "count-include-pad": false"#,
        ],
        &[
            r#""op": "avg-pool2d", "kernel": [3, 3], "stride": [3, 2], "padding": [1, 1], "ceil-mode": true,
                "count-include-pad": false"#,
        ],
        &[r#""op": "adaptive-avg-pool2d", "size": [3, 4]"#],
        &[r#""op": "pad", "padding": [1, 2]"#],
        &[r#""op": "pad", "padding": [0, 1, 2, 3], "value": -0.5"#],
        &[r#""op": "pad", "padding": [2, 0, 1, 3], "mode": "reflect""#],
        &[r#""op": "pad", "padding": [2, 0, 1, 3], "mode": "replicate""#],
        &[r#""op": "resize", "size": [9, 4]"#],
        &[r#""op": "resize", "size": [9, 4], "mode": "bilinear""#],
        &[r#""op": "slice", "from": 1, "to": 3"#],
        &[
            r#""op": "flatten""#,
            r#""op": "slice", "from": 7, "to": 30"#,
        ],
        &[r#""op": "channel-shuffle", "groups": 2"#],
        &[r#""op": "layer-norm""#],
        &[
            r#""op": "flatten""#,
            r#""op": "layer-norm", "epsilon": 1e-2"#,
        ],
        &[r#""op": "tokens""#, r#""op": "layer-norm""#],
        &[r#""op": "group-norm", "groups": 2"#],
        &[r#""op": "group-norm", "groups": 1, "affine": false, "epsilon": 1e-2"#],
        &[r#""op": "flatten""#, r#""op": "group-norm", "groups": 4"#],
        &[r#""op": "instance-norm""#],
        &[r#""op": "instance-norm", "affine": true, "epsilon": 1e-2"#],
        &[r#""op": "local-response-norm", "size": 3, "alpha": 0.5"#],
        &[r#""op": "local-response-norm", "size": 4, "alpha": 0.5, "beta": 0.6, "k": 2"#],
        &[r#""op": "local-response-norm", "size": 15, "alpha": 0.5"#],
        &[r#""op": "softmax""#],
        &[r#""op": "tokens""#, r#""op": "softmax""#],
        &[r#""op": "scale", "initial": -1"#, r#""op": "prelu""#],
        &[
            r#""op": "scale", "initial": -1"#,
            r#""op": "prelu", "per-channel": true"#,
        ],
        &[
            r#""op": "tokens""#,
            r#""op": "scale", "initial": -1"#,
            r#""op": "prelu", "per-channel": true"#,
        ],
        &[
            r#""op": "scale", "initial": -1"#,
            r#""op": "elu", "alpha": 0.3"#,
        ],
        &[r#""op": "tokens""#, r#""op": "linear", "units": 5"#],
        &[
            r#""op": "tokens""#,
            r#""op": "linear", "units": 5, "bias": false"#,
        ],
        &[r#""op": "tokens""#, r#""op": "class-token""#],
        &[
            r#""op": "tokens""#,
            r#""op": "class-token", "registers": 2"#,
            r#""op": "position-embedding", "skip": 3"#,
        ],
        &[r#""op": "tokens""#, r#""op": "position-embedding""#],
        &[r#""op": "tokens""#, r#""op": "select-token", "index": 5"#],
        &[r#""op": "tokens""#, r#""op": "mean-tokens", "skip": 2"#],
        &[r#""op": "tokens""#, r#""op": "attention", "heads": 2"#],
        &[
            r#""op": "tokens""#,
            r#""op": "attention", "heads": 1, "bias": false, "position-bias": true"#,
        ],
        // A small vision transformer.
        &[
            r#""op": "conv2d", "filters": 8, "kernel": [2, 2], "stride": [2, 2]"#,
            r#""op": "tokens""#,
            r#""op": "class-token", "registers": 1"#,
            r#""op": "position-embedding""#,
            r#""op": "layer-norm""#,
            r#""op": "attention", "heads": 2"#,
            r#""op": "scale", "initial": 0.5"#,
            r#""op": "add", "inputs": ["4", "7"]"#,
            r#""op": "layer-norm""#,
            r#""op": "linear", "units": 16"#,
            r#""op": "gelu""#,
            r#""op": "linear", "units": 8"#,
            r#""op": "add", "inputs": ["8", "12"]"#,
            r#""op": "layer-norm""#,
            r#""op": "select-token""#,
            r#""op": "mean-tokens", "inputs": ["14"], "skip": 2"#,
            r#""op": "concat", "inputs": ["15", "16"]"#,
        ],
    ];
    for case in cases {
        check(case);
    }
    // No operation is left out: activations have a test of their own.
    for name in layers::names() {
        let written = cases.iter().flat_map(|case| case.iter());
        let op = format!(r#""op": "{name}""#);
        assert!(
            written.clone().any(|layer| layer.contains(&op)) || activations().contains(&name),
            "{name} has no case"
        );
    }
}

/// What needs no key, keeps nothing and takes a flat vector as it is.
fn activations() -> Vec<&'static str> {
    let activations = layers::names().filter(|name| {
        let json = format!(
            r#"{{"format": 1, "input": [4], "layers": [{{"name": "a", "op": "{name}"}}]}}"#
        );
        Blueprint::parse(&json).is_ok_and(|blueprint| blueprint.summary()[0].parameters == 0)
    });
    activations.filter(|name| *name != "flatten").collect()
}

#[test]
fn every_activation_is_written_as_the_engine_computes_it() {
    let activations = activations();
    assert!(activations.len() >= 6, "{activations:?}");
    for activation in activations {
        // Values of both signs, some beyond 6.
        let convolution = r#""op": "conv2d", "filters": 9, "kernel": [5, 5]"#;
        let spread = r#""op": "batch-norm2d""#;
        let op = format!(r#""op": "{activation}""#);
        check(&[convolution, spread, &op]);
        check(&[&op]);
    }
}
