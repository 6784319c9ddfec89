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

/// What has no form in ONNX here.
const REFUSED: [&str; 3] = ["layer-norm", "tokens", "attention"];

#[test]
fn what_cannot_be_written_is_named() {
    let tokens = r#""op": "tokens""#;
    let attention = r#""op": "attention", "heads": 1"#;
    for (layers, told) in [
        (
            &[r#""op": "layer-norm""#][..],
            "layer `1` (layer-norm) cannot be written in ONNX",
        ),
        (
            &[tokens, attention],
            "layer `1` (tokens) cannot be written in ONNX",
        ),
    ] {
        let trunk = network(MAP, layers, 1);
        let outputs = trunk.blueprint().output().elements();
        let (head, classes) = (nothing(outputs), names(outputs));
        let refused = model(&trunk, &head, &classes).to_onnx().unwrap_err();
        assert_eq!(refused.to_string(), told);
    }
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
    ];
    for case in cases {
        check(case);
    }
    // No operation is left out: activations have a test of their own, and so has what cannot be written.
    for name in layers::names().filter(|name| !REFUSED.contains(name)) {
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
