//! The plugin through the tables that topwork uses, in this process.

use serde_json::json;
use topwork_plugin_@LIBRARY@::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

#[test]
fn the_layers_have_as_many_filters_as_asked_for() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let backbone = driver.backbone("@NAME@", &json!({"filters": 3})).unwrap();
    let blueprint = backbone.blueprint().unwrap();
    assert_eq!(blueprint["layers"][0]["filters"], 3);
    assert_eq!(blueprint["layers"][3]["filters"], 6);
    assert_eq!(blueprint["cuts"][1]["name"], "features");
}

#[test]
fn a_parameter_that_nobody_knows_is_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let error = driver
        .backbone("@NAME@", &json!({"depth": 3}))
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Parameters);
}
