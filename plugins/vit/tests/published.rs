//! Weights with the names that timm and torchvision give them, and the features that those libraries compute.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_engine::Blueprint;
use topwork_plugin_vit::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_testkit::published;

fn blueprint(parameters: &Value) -> Value {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let backbone = driver.backbone("vit", parameters).unwrap();
    backbone.blueprint().unwrap()
}

#[test]
fn files_of_timm_and_torchvision_give_the_features_they_give_there() {
    let file = include_bytes!("published.safetensors");
    assert_eq!(
        published(file, |parameters| blueprint(parameters).to_string()),
        5
    );
}

#[test]
fn networks_have_the_published_sizes() {
    // Counted by timm 1.0 for its own networks without their last linear layers.
    for (parameters, tokens, expected) in [
        (json!({"size": "tiny"}), 197, 5_524_416),
        (json!({"size": "small"}), 197, 21_665_664),
        (json!({"size": "base"}), 197, 85_798_656),
        (
            json!({"variant": "deit3", "size": "small"}),
            197,
            21_674_496,
        ),
        (
            json!({"variant": "dinov2", "size": "small"}),
            1370,
            22_056_192,
        ),
        (
            json!({"variant": "dinov2", "size": "small", "registers": 4}),
            1374,
            22_057_344,
        ),
    ] {
        let blueprint = Blueprint::parse(&blueprint(&parameters).to_string()).unwrap();
        let summary = blueprint.summary();
        let found: usize = summary.iter().map(|layer| layer.parameters).sum();
        assert_eq!(found, expected, "{parameters}");
        let cuts: Vec<&str> = blueprint
            .cuts()
            .iter()
            .map(|cut| cut.name.as_str())
            .collect();
        assert_eq!(cuts.len(), 15, "{parameters}");
        assert_eq!(
            (cuts[0], cuts[1], cuts[12]),
            ("embedding", "block1", "block12")
        );
        for cut in &cuts[..14] {
            let trunk = blueprint.keep(blueprint.cut(cut).unwrap()).unwrap();
            let [found, _] = trunk.output().as_tokens().unwrap();
            assert_eq!(found, tokens, "{parameters}: {cut}");
        }
    }
}

#[test]
fn features_are_what_is_asked_for() {
    for (pool, features) in [
        ("class-token", 192),
        ("mean-tokens", 192),
        ("class+mean", 384),
    ] {
        let parameters = json!({"size": "tiny", "pool": pool});
        let blueprint = Blueprint::parse(&blueprint(&parameters).to_string()).unwrap();
        assert_eq!(blueprint.output().as_features(), Some(features), "{pool}");
    }
}

#[test]
fn wrong_parameters_are_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let refused = [
        json!({"resolution": 100}),
        json!({"resolution": 10}),
        json!({"heads": 5}),
        json!({"variant": "swin"}),
        json!({"pool": "max"}),
    ];
    let messages = refused.map(|parameters| {
        let error = driver.backbone("vit", &parameters).err().unwrap();
        error.to_string()
    });
    insta::assert_snapshot!(messages.join("\n"));
}
