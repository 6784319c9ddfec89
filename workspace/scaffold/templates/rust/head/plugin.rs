//! The plugin through the tables that topwork uses, in this process.

use serde_json::json;
use topwork_plugin_@LIBRARY@::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

#[test]
fn there_is_a_logit_for_each_class() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let head = driver.network_head("@NAME@", &json!({})).unwrap();
    let row = head.layers(&[50], 7).unwrap();
    assert_eq!(row["layers"][1]["units"], 7);
    let map = head.layers(&[8, 4, 4], 7).unwrap();
    assert_eq!(map["layers"][0]["op"], "flatten");
}

#[test]
fn a_parameter_that_nobody_knows_is_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let error = driver
        .network_head("@NAME@", &json!({"units": 3}))
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Parameters);
}
