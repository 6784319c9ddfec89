//! What the rules choose for backbones of several shapes.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_cuts::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};

/// A backbone with these places: name, shape, whether it is declared as a cut point.
fn backbone(places: &[(&str, &[usize], bool)]) -> Value {
    let place = |(name, shape, declared): &(&str, &[usize], bool)| json!({ "name": name, "op": "conv2d", "shape": shape, "declared": declared });
    let places: Vec<Value> = places.iter().map(place).collect();
    json!({ "format": 1, "input": [1, 8, 8], "places": places })
}

fn check(rule: &str, parameters: Value, backbone: &Value, expected: Result<&[&str], &str>) {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let chosen = driver
        .cut_rule(rule, &parameters)
        .and_then(|rule| rule.cuts(backbone));
    let names = chosen.map(|chosen| -> Vec<String> {
        let cuts = chosen["cuts"].as_array().unwrap().iter();
        cuts.map(|cut| {
            assert_eq!(cut["name"], cut["after"]);
            cut["name"].as_str().unwrap().to_owned()
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
        ("conv1", &[4, 8, 8], false),
        ("relu1", &[4, 8, 8], true),
        ("conv2", &[8, 4, 4], true),
        ("relu2", &[8, 4, 4], true),
        ("flatten", &[128], true),
        ("hidden", &[10], true),
    ]);
    let undeclared = backbone(&[
        ("a", &[4, 8, 8], false),
        ("b", &[6, 8, 8], false),
        ("c", &[6, 8, 4], false),
    ]);
    let one = backbone(&[("only", &[7], false)]);
    check(
        "every-stage",
        json!({}),
        &net,
        Ok(&["relu1", "relu2", "hidden"]),
    );
    check("every-stage", json!({}), &undeclared, Ok(&["b", "c"]));
    check("every-stage", json!({}), &one, Ok(&["only"]));
    check(
        "last-n",
        json!({}),
        &net,
        Ok(&["relu2", "flatten", "hidden"]),
    );
    check("last-n", json!({ "n": 1 }), &net, Ok(&["hidden"]));
    check(
        "last-n",
        json!({ "n": 6, "of": "layers" }),
        &net,
        Ok(&["conv1", "relu1", "conv2", "relu2", "flatten", "hidden"]),
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
        Err("`n` is 0, expected at least 1"),
    );
}
