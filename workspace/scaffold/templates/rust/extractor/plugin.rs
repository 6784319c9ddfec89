//! The plugin through the tables that topwork uses, in this process.

use serde_json::json;
use topwork_plugin_@LIBRARY@::PLUGIN;
use topwork_sdk::ErrorKind;
use topwork_sdk::drive::{Driver, TestHost};

#[test]
fn a_bright_half_is_seen_in_cells_and_changes() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let extractor = driver.extractor("@NAME@", &json!({"cell": 14})).unwrap();
    let image: Vec<f32> = (0..784).map(|pixel| f32::from(pixel % 28 >= 14)).collect();
    let cells = extractor.forward("cells", &image).unwrap();
    assert_eq!(cells, [0.0, 1.0, 0.0, 1.0]);
    // To the right and below: of the upper left cell, the upper right one, and the lower left one.
    let changes = extractor.forward("changes", &image).unwrap();
    assert_eq!(changes, [1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn cells_that_do_not_fit_are_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let error = driver
        .extractor("@NAME@", &json!({"cell": 5}))
        .err()
        .unwrap();
    assert_eq!(error.kind(), ErrorKind::Parameters);
}
