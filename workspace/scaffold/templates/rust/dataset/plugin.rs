//! The plugin through the tables that topwork uses, in this process.

use serde_json::json;
use topwork_plugin_@LIBRARY@::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

#[test]
fn every_class_is_there_and_images_do_not_depend_on_their_order() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let dataset = driver.dataset("@NAME@", &json!({"samples": 40})).unwrap();
    assert_eq!(dataset.description().shape, [1, 28, 28]);
    let labels = dataset.labels("train").unwrap();
    assert_eq!(labels.len(), 40);
    assert_eq!(labels.iter().filter(|&&label| label == 3).count(), 10);
    let forward = dataset.read::<u8>("train", &[1, 2]).unwrap();
    let back = dataset.read::<u8>("train", &[2, 1]).unwrap();
    assert_eq!(forward[..784], back[784..]);
    assert_ne!(forward[..784], forward[784..]);
}

#[test]
fn a_parameter_that_nobody_knows_is_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let error = driver.dataset("@NAME@", &json!({"size": 3})).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Parameters);
}
