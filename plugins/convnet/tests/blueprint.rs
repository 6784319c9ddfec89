//! The blueprint, through the tables that the host uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_convnet::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};

fn blueprint(parameters: Value) -> Result<Value, Error> {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    driver.backbone("convnet", &parameters)?.blueprint()
}

/// The names of the layers in order, those of convolutions with their filters.
fn in_short(blueprint: &Value) -> String {
    let layer = |layer: &Value| {
        let name = layer["name"].as_str().unwrap();
        match layer.get("filters") {
            Some(filters) => format!("{name}({filters})"),
            None => name.to_owned(),
        }
    };
    let layers = blueprint["layers"].as_array().unwrap();
    layers.iter().map(layer).collect::<Vec<_>>().join(" ")
}

#[test]
fn layers_and_cuts_of_two_blocks() {
    let parameters = json!({"blocks": 2, "dropout": 0.25});
    let blueprint = blueprint(parameters).unwrap().to_string();
    insta::assert_snapshot!(blueprint.replace("},", "},\n"));
}

#[test]
fn layers_follow_the_parameters() {
    let cases = [
        (
            json!({}),
            "conv1(32) bn1 relu1 pool1 conv2(64) bn2 relu2 pool2 conv3(128) bn3 relu3 pool3 flatten",
        ),
        (
            json!({"blocks": 1, "batch-norm": false, "filters": 7}),
            "conv1(7) relu1 pool1 flatten",
        ),
        (
            json!({"blocks": 1, "dropout": 0.5, "input": [3, 2, 9]}),
            "conv1(32) bn1 relu1 pool1 dropout1 flatten",
        ),
    ];
    for (parameters, expected) in cases {
        assert_eq!(in_short(&blueprint(parameters).unwrap()), expected);
    }
}

#[test]
fn only_batch_normalisation_replaces_the_bias() {
    let bias = |batch_norm: bool| {
        let parameters = json!({"batch-norm": batch_norm});
        blueprint(parameters).unwrap()["layers"][0]
            .get("bias")
            .cloned()
    };
    assert_eq!(bias(true), Some(json!(false)));
    assert_eq!(bias(false), None);
}

#[test]
fn wrong_parameters_are_refused() {
    let cases = [
        json!({"blocks": 0}),
        json!({"blocks": 11}),
        json!({"blocks": 5}),
        json!({"filters": 0}),
        json!({"dropout": 1.0}),
        json!({"dropout": -0.1}),
        json!({"input": [0, 28, 28]}),
        json!({"input": [1, 28, 0]}),
        json!({"input": [28, 28]}),
        json!({"batch_norm": true}),
    ];
    let mut messages = Vec::new();
    for case in cases {
        let error = blueprint(case).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameters);
        messages.push(error.to_string());
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn the_defaults_of_the_schema_are_the_defaults() {
    let listed = Driver::new(&PLUGIN, &TestHost::new()).list().unwrap();
    let properties = listed[0].schema["properties"].as_object().unwrap();
    let defaults: Value = properties
        .iter()
        .map(|(key, property)| (key.clone(), property["default"].clone()))
        .collect();
    assert_eq!(blueprint(defaults).unwrap(), blueprint(json!({})).unwrap());
}
