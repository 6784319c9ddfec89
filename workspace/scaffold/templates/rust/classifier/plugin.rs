//! The plugin through the tables that topwork uses, in this process.

use serde_json::json;
use topwork_plugin_@LIBRARY@::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{ErrorKind, Features, FitOptions};

const FEATURES: [f32; 8] = [0.0, 0.0, 4.0, 4.0, 0.0, 1.0, 4.0, 5.0];
const LABELS: [u32; 4] = [0, 1, 0, 1];
const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 1,
};

#[test]
fn samples_get_the_class_of_the_nearest_mean_also_after_saving() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let features = Features::new(&FEATURES, 2).unwrap();
    let mut head = driver.classifier("@NAME@", &json!({})).unwrap();
    head.fit(features, &LABELS, 2, OPTIONS).unwrap();
    let scores = head.predict(features, 2).unwrap();
    assert_eq!(scores[..2], [-0.25, -36.25]);
    for (row, &label) in scores.chunks_exact(2).zip(&LABELS) {
        assert_eq!(row[1] > row[0], label == 1);
    }
    let mut loaded = driver.classifier("@NAME@", &json!({})).unwrap();
    loaded.load(&head.save().unwrap()).unwrap();
    assert_eq!(loaded.predict(features, 2).unwrap(), scores);
}

#[test]
fn a_stop_is_heard() {
    let driver = Driver::new(&PLUGIN, &TestHost::new().stop_at(0));
    let mut head = driver.classifier("@NAME@", &json!({})).unwrap();
    let features = Features::new(&FEATURES, 2).unwrap();
    let error = head.fit(features, &LABELS, 2, OPTIONS).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Stopped);
}
