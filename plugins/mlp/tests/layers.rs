//! The heads' layers, through the tables that the host uses.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_mlp::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};

fn layers(parameters: Value, feature_shape: &[usize], classes: usize) -> Result<Value, Error> {
    layers_of("mlp", parameters, feature_shape, classes)
}

fn layers_of(
    head: &str,
    parameters: Value,
    feature_shape: &[usize],
    classes: usize,
) -> Result<Value, Error> {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let head = driver.network_head(head, &parameters)?;
    head.layers(feature_shape, classes)
}

/// Name, op and units or rate of every layer in one line.
fn in_short(blueprint: &Value) -> String {
    let layer = |layer: &Value| {
        let size = match layer.get("units").or(layer.get("rate")) {
            Some(size) => format!(" {size}"),
            None => String::new(),
        };
        let bias = match layer.get("bias") {
            Some(bias) => format!(" bias {bias}"),
            None => String::new(),
        };
        let text = |key: &str| layer[key].as_str().unwrap().to_owned();
        format!("{} = {}{size}{bias}", text("name"), text("op"))
    };
    let layers = blueprint["layers"].as_array().unwrap();
    layers.iter().map(layer).collect::<Vec<_>>().join(", ")
}

#[test]
fn layers_follow_the_parameters_and_the_shape() {
    let hidden1 = "hidden1 = linear 500, relu1 = relu, logits = linear 5";
    let cases = [
        (json!({}), &[800][..], 5, hidden1),
        (json!({"hidden": []}), &[800], 2, "logits = linear 2"),
        (
            json!({"hidden": [30, 20]}),
            &[50, 4, 4],
            10,
            "flatten = flatten, hidden1 = linear 30, relu1 = relu, hidden2 = linear 20, relu2 = relu, logits = linear 10",
        ),
        (
            json!({"hidden": [30, 20], "batch-norm": true, "dropout": 0.5}),
            &[50],
            3,
            "hidden1 = linear 30 bias false, bn1 = batch-norm1d, relu1 = relu, dropout1 = dropout 0.5, \
             hidden2 = linear 20 bias false, bn2 = batch-norm1d, relu2 = relu, dropout2 = dropout 0.5, logits = linear 3",
        ),
    ];
    for (parameters, shape, classes, expected) in cases {
        let blueprint = layers(parameters, shape, classes).unwrap();
        assert_eq!(in_short(&blueprint), expected);
        assert_eq!(blueprint["input"], json!(shape));
        assert_eq!(blueprint["format"], 1);
    }
}

#[test]
fn the_linear_head_is_one_layer() {
    let cases = [
        (json!({}), &[800][..], "logits = linear 4"),
        (
            json!({"dropout": 0.2}),
            &[50, 4, 4],
            "flatten = flatten, dropout = dropout 0.2, logits = linear 4",
        ),
        (
            json!({"batch-norm": true}),
            &[800],
            "bn = batch-norm1d, logits = linear 4",
        ),
    ];
    for (parameters, shape, expected) in cases {
        let blueprint = layers_of("linear", parameters, shape, 4).unwrap();
        assert_eq!(in_short(&blueprint), expected);
    }
}

#[test]
fn wrong_parameters_and_shapes_are_refused() {
    let cases = [
        layers(json!({"hidden": [500, 0]}), &[800], 5),
        layers(json!({"hidden": [70_000]}), &[800], 5),
        layers(json!({"hidden": vec![1; 17]}), &[800], 5),
        layers(json!({"hidden": [-1]}), &[800], 5),
        layers(json!({"hidden": "500"}), &[800], 5),
        layers(json!({"hiden": [500]}), &[800], 5),
        layers(json!({"dropout": 1}), &[800], 5),
        layers(json!({"batch-norm": 1}), &[800], 5),
        layers_of("linear", json!({"dropout": -0.1}), &[800], 5),
        layers_of("linear", json!({}), &[800], 0),
        layers(json!({}), &[800], 0),
        layers(json!({}), &[20, 40], 5),
        layers(json!({}), &[], 5),
    ];
    let mut messages = Vec::new();
    for case in cases {
        let error = case.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Parameters);
        messages.push(error.to_string());
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn the_defaults_of_the_schemas_are_the_defaults() {
    for listed in Driver::new(&PLUGIN, &TestHost::new()).list().unwrap() {
        let properties = listed.schema["properties"].as_object().unwrap();
        let defaults = properties
            .iter()
            .map(|(key, value)| (key.clone(), value["default"].clone()));
        let by_schema = layers_of(&listed.id, Value::Object(defaults.collect()), &[800], 5);
        let plain = layers_of(&listed.id, json!({}), &[800], 5);
        assert_eq!(by_schema.unwrap(), plain.unwrap());
    }
}
