//! The blueprint, through the tables that the host uses.

use serde_json::json;
use topwork_plugin_lenet::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

#[test]
fn the_layers_and_cuts_are_those_of_lenet() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let blueprint = driver.backbone("lenet", &json!({})).unwrap().blueprint();
    let blueprint = serde_json::to_string_pretty(&blueprint.unwrap()).unwrap();
    insta::assert_snapshot!(blueprint);
}

#[test]
fn a_parameter_is_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let error = driver
        .backbone("lenet", &json!({"depth": 3}))
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Parameters);
    insta::assert_snapshot!(error, @"unknown field `depth`, there are no fields");
}

#[test]
fn it_is_listed_with_a_schema_that_takes_no_parameters() {
    let listed = Driver::new(&PLUGIN, &TestHost::new()).list().unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].id, "lenet");
    assert_eq!(listed[0].schema["additionalProperties"], json!(false));
}
