//! Weights with the names that timm and torchvision give them, and the features that those libraries compute.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use safetensors::SafeTensors;
use safetensors::tensor::TensorView;
use serde_json::{Value, json};
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_plugin_vit::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_weights::{Match, WeightsFile, import};

/// Written by `bench/vit.py`.
const REFERENCE: &[u8] = include_bytes!("reference.safetensors");

fn blueprint(parameters: &Value) -> Value {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let backbone = driver.backbone("vit", parameters).unwrap();
    backbone.blueprint().unwrap()
}

fn numbers(tensor: &TensorView<'_>) -> Vec<f32> {
    let values = tensor.data().as_chunks::<4>().0.iter();
    values.map(|&value| f32::from_le_bytes(value)).collect()
}

#[test]
fn files_of_timm_and_torchvision_give_the_features_they_give_there() {
    let reference = SafeTensors::deserialize(REFERENCE).unwrap();
    let (_, metadata) = SafeTensors::read_metadata(REFERENCE).unwrap();
    let cases = metadata
        .metadata()
        .clone()
        .unwrap()
        .remove("cases")
        .unwrap();
    let cases: Vec<Value> = serde_json::from_str(&cases).unwrap();
    assert_eq!(cases.len(), 5);
    let images = numbers(&reference.tensor("images").unwrap());
    let compute = Compute::new(2).unwrap();
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let prefix = format!("{name}/");
        let own = reference.iter();
        let own = own.filter_map(|(key, tensor)| Some((key.strip_prefix(&prefix)?, tensor)));
        let file = safetensors::serialize(own, None).unwrap();
        let file = WeightsFile::read(file).unwrap();

        let json = blueprint(&case["parameters"]).to_string();
        let imported = import(&file, &json, None).unwrap_or_else(|e| panic!("{name}: {e}"));
        assert_eq!(imported.found, Match::Names, "{name}");
        let mut ignored = imported.ignored.clone();
        ignored.retain(|name| !name.starts_with("head"));
        assert!(ignored.is_empty(), "{name}: {ignored:?}");
        assert_eq!(imported.taken + 2, file.tensors().len(), "{name}");

        let blueprint = Blueprint::parse(&json).unwrap();
        let mut network = Network::init(&blueprint, &mut Stream::new(1, "init"));
        network.load_safetensors(&imported.safetensors).unwrap();
        let expected = numbers(&reference.tensor(&format!("{name}: features")).unwrap());
        let mut found = vec![0.0; expected.len()];
        network.forward(&compute, &images, &mut found).unwrap();
        let scale = expected.iter().fold(0f32, |most, x| most.max(x.abs()));
        let apart = found.iter().zip(&expected).map(|(a, b)| (a - b).abs());
        let apart = apart.fold(0f32, f32::max);
        println!("{name}: {apart:e} of {scale}");
        assert!(apart <= 1e-5 * scale, "{name}: off by {apart:e} of {scale}");
    }
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
