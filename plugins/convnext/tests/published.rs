//! Weights with the names that timm and torchvision give them, and the features that those libraries compute.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_engine::Blueprint;
use topwork_plugin_convnext::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_testkit::published;

fn blueprint(parameters: &Value) -> Value {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let backbone = driver.backbone("convnext", parameters).unwrap();
    backbone.blueprint().unwrap()
}

#[test]
fn files_of_timm_and_torchvision_give_the_features_they_give_there() {
    let file = include_bytes!("published.safetensors");
    assert_eq!(
        published(file, |parameters| blueprint(parameters).to_string()),
        3
    );
}

#[test]
fn networks_have_the_published_sizes() {
    // Counted by torchvision 0.24 for its own networks without their last linear layers.
    for (parameters, expected, features) in [
        (json!({}), 27_820_128, 768),
        (json!({"size": "small"}), 49_454_688, 768),
        (json!({"size": "base"}), 87_566_464, 1024),
        (json!({"size": "large"}), 196_230_336, 1536),
    ] {
        let blueprint = Blueprint::parse(&blueprint(&parameters).to_string()).unwrap();
        let summary = blueprint.summary();
        let found: usize = summary.iter().map(|layer| layer.parameters).sum();
        assert_eq!(found, expected, "{parameters}");
        assert_eq!(
            blueprint.output().as_features(),
            Some(features),
            "{parameters}"
        );
    }
}

#[test]
fn cuts_are_behind_blocks_and_stages() {
    let blueprint = Blueprint::parse(&blueprint(&json!({})).to_string()).unwrap();
    let cuts: Vec<String> = (blueprint.cuts().iter())
        .map(|cut| {
            let trunk = blueprint.keep(blueprint.cut(&cut.name).unwrap()).unwrap();
            format!("{}: {}", cut.name, trunk.output())
        })
        .collect();
    insta::assert_snapshot!(cuts.join("\n"));
}

#[test]
fn wrong_parameters_are_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let refused = [
        json!({"size": "huge"}),
        json!({"resolution": 16}),
        json!({"depth": 3}),
    ];
    let messages = refused.map(|parameters| {
        let error = driver.backbone("convnext", &parameters).err().unwrap();
        error.to_string()
    });
    insta::assert_snapshot!(messages.join("\n"));
}
