//! The head's layers, through the tables that the host uses.

#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_mlp::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};

fn layers(parameters: Value, feature_shape: &[usize], classes: usize) -> Result<Value, Error> {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let head = driver.network_head("mlp", &parameters)?;
    head.layers(feature_shape, classes)
}

/// Name, op and units of every layer in one line.
fn in_short(blueprint: &Value) -> String {
    let layer = |layer: &Value| {
        let units = match layer.get("units") {
            Some(units) => format!(" {units}"),
            None => String::new(),
        };
        let text = |key: &str| layer[key].as_str().unwrap().to_owned();
        format!("{} = {}{units}", text("name"), text("op"))
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
    ];
    for (parameters, shape, classes, expected) in cases {
        let blueprint = layers(parameters, shape, classes).unwrap();
        assert_eq!(in_short(&blueprint), expected);
        assert_eq!(blueprint["input"], json!(shape));
        assert_eq!(blueprint["format"], 1);
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
        layers(json!({}), &[800], 1),
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
fn the_default_of_the_schema_is_the_default() {
    let listed = Driver::new(&PLUGIN, &TestHost::new()).list().unwrap();
    let hidden = &listed[0].schema["properties"]["hidden"]["default"];
    let by_schema = layers(json!({"hidden": hidden}), &[800], 5).unwrap();
    assert_eq!(by_schema, layers(json!({}), &[800], 5).unwrap());
}
