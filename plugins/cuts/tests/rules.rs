//! What the rules choose for backbones of several shapes.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_cuts::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};

/// A backbone with these places: name, shape, the name of the cut point there.
fn backbone(places: &[(&str, &[usize], Option<&str>)]) -> Value {
    let place = |(name, shape, cut): &(&str, &[usize], Option<&str>)| {
        let op = name.trim_end_matches(|c: char| c.is_ascii_digit());
        json!({ "name": name, "op": op, "shape": shape, "cut": cut })
    };
    let places: Vec<Value> = places.iter().map(place).collect();
    json!({ "format": 1, "input": [1, 8, 8], "places": places })
}

/// An extractor with these places: name, sizes, which of them counts channels, whether it ends a block.
fn laid_out(places: &[(&str, &[usize], Option<usize>, bool)]) -> Value {
    let place = |(name, dims, channels, block): &(&str, &[usize], Option<usize>, bool)| {
        let numbers = [dims.iter().product()];
        let (shape, plain) = match dims.len() {
            3 => (*dims, *name == "patches"),
            1 => (*dims, true),
            _ => (numbers.as_slice(), false),
        };
        let mut place =
            json!({ "name": name, "op": "extractor", "shape": shape, "cut": name, "block": block });
        if !plain {
            place["dims"] = json!(dims);
            place["channels"] = json!(channels);
        }
        place
    };
    let places: Vec<Value> = places.iter().map(place).collect();
    json!({ "format": 1, "input": [3, 8, 8], "places": places })
}

fn check(rule: &str, parameters: Value, backbone: &Value, expected: Result<&[&str], &str>) {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let chosen = driver
        .cut_rule(rule, &parameters)
        .and_then(|rule| rule.cuts(backbone));
    let names = chosen.map(|chosen| -> Vec<String> {
        let cuts = chosen["cuts"].as_array().unwrap().iter();
        cuts.map(|cut| match (cut["name"].as_str(), cut["after"].as_str()) {
            (Some(name), Some(after)) if name == after => name.to_owned(),
            (Some(name), Some(after)) => format!("{name} after {after}"),
            (name, after) => panic!("{name:?} {after:?}"),
        })
        .collect()
    });
    match (names, expected) {
        (Ok(names), Ok(expected)) => assert_eq!(names, expected, "{rule} {parameters}"),
        (Err(error), Err(expected)) => assert_eq!(error.to_string(), expected),
        (found, _) => panic!("{rule} {parameters}: {found:?}, expected {expected:?}"),
    }
}

#[test]
fn rules_choose() {
    let net = backbone(&[
        ("conv1", &[4, 8, 8], None),
        ("relu1", &[4, 8, 8], Some("one")),
        ("conv2", &[8, 4, 4], Some("conv2")),
        ("relu2", &[8, 4, 4], Some("two")),
        ("flatten", &[128], Some("features")),
        ("hidden", &[10], Some("hidden")),
    ]);
    let undeclared = backbone(&[
        ("a", &[4, 8, 8], None),
        ("b", &[6, 8, 8], None),
        ("c", &[6, 8, 4], None),
    ]);
    let squeezed = backbone(&[
        ("conv1", &[4, 8, 8], None),
        ("GlobalAveragePool1", &[4, 1, 1], None),
        ("Mul1", &[4, 8, 8], None),
        ("conv2", &[8, 4, 4], None),
        ("GlobalAveragePool2", &[8, 1, 1], None),
        ("Flatten", &[8], None),
        ("logits", &[10], None),
    ]);
    let one = backbone(&[("only", &[7], None)]);
    // Two blocks of a transformer on 4 patches and a class token.
    let transformer = laid_out(&[
        ("patches", &[8, 2, 2], None, false),
        ("flat", &[8, 4], Some(0), false),
        ("tokens", &[4, 8], Some(1), false),
        ("with class", &[5, 8], Some(1), false),
        ("query", &[2, 5, 4], None, false),
        ("attention", &[2, 5, 5], None, false),
        ("attended", &[5, 8], Some(1), false),
        ("block0", &[5, 8], Some(1), true),
        ("hidden", &[5, 32], Some(1), false),
        ("block1", &[5, 8], Some(1), true),
        ("norm", &[5, 8], Some(1), false),
        ("class", &[8], None, false),
        ("logits", &[3], None, false),
    ]);
    check(
        "every-stage",
        json!({}),
        &transformer,
        Ok(&["tokens", "block0", "block1", "norm", "logits"]),
    );
    // Channels last, with a block in every stage: the sizes of the maps decide.
    let last = laid_out(&[
        ("a", &[4, 4, 2], Some(2), true),
        ("b", &[2, 4, 4], Some(0), false),
        ("c", &[2, 2, 8], Some(2), true),
        ("d", &[2, 2, 8], Some(2), true),
    ]);
    check("every-stage", json!({}), &last, Ok(&["b", "d"]));
    let unknown = laid_out(&[("weights", &[2, 5, 5], None, false)]);
    let nothing =
        "nothing tells which axis of the backbone's tensors counts channels: list the cuts by name";
    check("every-stage", json!({}), &unknown, Err(nothing));
    check(
        "every-stage",
        json!({}),
        &net,
        Ok(&["one after relu1", "features after flatten", "hidden"]),
    );
    check("every-stage", json!({}), &undeclared, Ok(&["b", "c"]));
    check(
        "every-stage",
        json!({}),
        &squeezed,
        Ok(&["Mul1", "conv2", "Flatten", "logits"]),
    );
    check("every-stage", json!({}), &one, Ok(&["only"]));
    check(
        "last-n",
        json!({}),
        &net,
        Ok(&["two after relu2", "features after flatten", "hidden"]),
    );
    check("last-n", json!({ "n": 1 }), &net, Ok(&["hidden"]));
    check(
        "last-n",
        json!({ "n": 6, "of": "layers" }),
        &net,
        Ok(&[
            "conv1",
            "one after relu1",
            "conv2",
            "two after relu2",
            "features after flatten",
            "hidden",
        ]),
    );
    check("last-n", json!({ "n": 2 }), &undeclared, Ok(&["b", "c"]));
    check(
        "last-n",
        json!({ "n": 6 }),
        &net,
        Err("`n` is 6, but the backbone has 5 cut points"),
    );
    check(
        "last-n",
        json!({ "n": 2, "of": "layers" }),
        &one,
        Err("`n` is 2, but the backbone has 1 layers"),
    );
    check(
        "last-n",
        json!({ "n": 0 }),
        &one,
        Err("`n` is 0, expected 1 to 1000"),
    );
}
