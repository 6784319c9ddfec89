//! The blueprint, through the tables that the host uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_resnet::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};
use topwork_testkit::published;

fn blueprint(parameters: Value) -> Result<Value, Error> {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    driver.backbone("resnet", &parameters)?.blueprint()
}

/// A line for each layer, with what is not the usual, and the cuts behind it.
fn in_short(blueprint: &Value) -> String {
    let mut lines = vec![format!("input {}", blueprint["input"])];
    for layer in blueprint["layers"].as_array().unwrap() {
        let layer = layer.as_object().unwrap();
        let mut line = layer["name"].as_str().unwrap().to_owned();
        for (key, value) in layer.iter().filter(|(key, _)| *key != "name") {
            let text = value
                .as_str()
                .map_or_else(|| format!("{key} {value}"), str::to_owned);
            line += &format!("  {text}");
        }
        for cut in blueprint["cuts"].as_array().unwrap() {
            if cut["after"] == layer["name"] {
                line += &format!("  ✂ {}", cut["name"].as_str().unwrap());
            }
        }
        lines.push(line);
    }
    lines.push(format!("weights {}", blueprint["weights"]));
    lines.join("\n")
}

fn count(blueprint: &Value, op: &str) -> usize {
    let layers = blueprint["layers"].as_array().unwrap();
    layers.iter().filter(|layer| layer["op"] == op).count()
}

#[test]
fn the_layers_and_cuts_are_those_of_resnet_18() {
    insta::assert_snapshot!(in_short(&blueprint(json!({})).unwrap()));
}

#[test]
fn the_small_one_keeps_the_size_at_first() {
    let parameters = json!({"size": "small", "width": 16, "input": [1, 28, 28]});
    let small = in_short(&blueprint(parameters).unwrap());
    let beginning: Vec<_> = small.lines().take(6).collect();
    insta::assert_snapshot!(beginning.join("\n"));
}

#[test]
fn the_depth_counts_convolutions_and_the_last_linear_layer() {
    for (depth, shortcuts, of_a_block) in
        [(18, 3, 2), (34, 3, 2), (50, 4, 3), (101, 4, 3), (152, 4, 3)]
    {
        let blueprint = blueprint(json!({"depth": depth})).unwrap();
        assert_eq!(count(&blueprint, "conv2d") - shortcuts + 1, depth);
        assert_eq!(count(&blueprint, "batch-norm2d"), depth - 1 + shortcuts);
        assert_eq!(count(&blueprint, "add"), (depth - 2) / of_a_block);
    }
}

/// The file is what the arrays in its folder were computed from with PyTorch.
#[test]
fn it_is_the_network_of_the_reference_arrays() {
    let file = "../../bench/reference/resnet18-tiny.json";
    let text = std::fs::read_to_string(file).unwrap();
    let mut expected: Value = serde_json::from_str(&text).unwrap();
    let fc = expected["layers"].as_array_mut().unwrap().pop().unwrap();
    assert_eq!(fc["name"], "fc");
    let parameters = json!({"width": 4, "input": [3, 64, 64]});
    assert_eq!(blueprint(parameters).unwrap()["layers"], expected["layers"]);
}

#[test]
fn files_of_timm_and_torchvision_give_the_features_they_give_there() {
    let file = include_bytes!("published.safetensors");
    let blueprint = |parameters: &Value| blueprint(parameters.clone()).unwrap().to_string();
    assert_eq!(published(file, blueprint), 4);
}

#[test]
fn wrong_parameters_are_refused() {
    let cases = [
        json!({"depth": 20}),
        json!({"width": 0}),
        json!({"width": 2000}),
        json!({"size": "large"}),
        json!({"input": [3, 224]}),
        json!({"input": [3, 0, 224]}),
        json!({"heads": 3}),
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
        .filter_map(|(key, property)| Some((key.clone(), property.get("default")?.clone())))
        .collect();
    assert_eq!(defaults.as_object().unwrap().len(), 3);
    assert_eq!(blueprint(defaults).unwrap(), blueprint(json!({})).unwrap());
}
