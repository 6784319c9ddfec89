//! The plugin through the tables that topwork uses, in this process.

use serde_json::{Value, json};
use topwork_plugin_@LIBRARY@::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

fn backbone() -> Value {
    json!({
        "format": 1,
        "input": [1, 28, 28],
        "places": [
            {"name": "conv1", "op": "conv2d", "shape": [8, 24, 24]},
            {"name": "relu1", "op": "relu", "shape": [8, 24, 24]},
            {"name": "flatten", "op": "flatten", "shape": [4608], "cut": "features"}
        ]
    })
}

#[test]
fn it_cuts_behind_every_layer_of_the_sort() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let rule = driver.cut_rule("@NAME@", &json!({})).unwrap();
    let expected = json!({"cuts": [{"name": "relu1", "after": "relu1", "pool": "gap"}]});
    assert_eq!(rule.cuts(&backbone()).unwrap(), expected);
}

#[test]
fn a_backbone_without_such_a_layer_is_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let rule = driver.cut_rule("@NAME@", &json!({"op": "tanh"})).unwrap();
    let error = rule.cuts(&backbone()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Parameters);
}
