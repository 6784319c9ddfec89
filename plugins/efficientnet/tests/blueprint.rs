//! The blueprint, through the tables that the host uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_efficientnet::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Error, ErrorKind};

fn blueprint(parameters: Value) -> Result<Value, Error> {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    driver
        .backbone("efficientnet-lite", &parameters)?
        .blueprint()
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
    lines.join("\n")
}

#[test]
fn the_layers_and_cuts_are_those_of_lite_0() {
    let lite = blueprint(json!({})).unwrap();
    insta::assert_snapshot!(in_short(&lite));
    let names = lite["weights"].to_string().replace("],[", "],\n[");
    insta::assert_snapshot!("weight_names", names);
}

/// Weights and biases of convolutions and batch normalisations, by the blueprint's own settings.
fn parameters(blueprint: &Value) -> u64 {
    let mut channels = std::collections::HashMap::from([("input".to_owned(), 3)]);
    let mut before = "input".to_owned();
    let mut sum = 0;
    for layer in blueprint["layers"].as_array().unwrap() {
        let first = layer["inputs"][0].as_str().unwrap_or(&before);
        let input: u64 = channels[first];
        let output = match layer["op"].as_str().unwrap() {
            "conv2d" => {
                let filters = layer["filters"].as_u64().unwrap();
                let kernel = layer["kernel"][0].as_u64().unwrap();
                sum += filters * input / layer["groups"].as_u64().unwrap_or(1) * kernel * kernel;
                filters
            }
            "batch-norm2d" => {
                sum += 2 * input;
                input
            }
            _ => input,
        };
        before = layer["name"].as_str().unwrap().to_owned();
        channels.insert(before.clone(), output);
    }
    sum
}

/// Counted by `efficientnet_lite_pytorch` 0.1.0 for its own networks, without the last linear layer.
#[test]
fn every_variant_has_the_published_size() {
    for (variant, blocks, resolution, expected) in [
        (0, 16, 224, 3_371_008),
        (1, 21, 240, 4_135_680),
        (2, 21, 260, 4_811_072),
        (3, 24, 280, 6_916_096),
        (4, 30, 300, 11_725_568),
    ] {
        let lite = blueprint(json!({"variant": variant})).unwrap();
        assert_eq!(lite["input"], json!([3, resolution, resolution]));
        let cuts = lite["cuts"].as_array().unwrap();
        assert_eq!(cuts.len(), blocks + 3, "variant {variant}");
        assert_eq!(parameters(&lite), expected, "variant {variant}");
    }
}

#[test]
fn wrong_parameters_are_refused() {
    let cases = [
        json!({"variant": 5}),
        json!({"variant": "lite0"}),
        json!({"resolution": 16}),
        json!({"resolution": 4096}),
        json!({"width": 1.1}),
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
    assert_eq!(defaults, json!({"variant": 0}));
    assert_eq!(blueprint(defaults).unwrap(), blueprint(json!({})).unwrap());
}
