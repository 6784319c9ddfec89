//! Any bytes in the place of MNIST's gzipped IDX files are told from the published ones.
#![no_main]

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use topwork_plugin_arrays::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for name in [
        "train-images-idx3",
        "train-labels-idx1",
        "t10k-images-idx3",
        "t10k-labels-idx1",
    ] {
        let file = folder.path().join(format!("{name}-ubyte.gz"));
        std::fs::write(file, bytes).expect("a written file");
    }
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let Ok(dataset) = driver.dataset("mnist", &json!({ "folder": folder.path() })) else {
        return;
    };
    let mut pixels = 0;
    for split in ["train", "test"] {
        if let Ok(labels) = dataset.labels(split) {
            assert!(labels.iter().all(|label| *label < 10));
        }
        if let Ok(image) = dataset.read::<u8>(split, &[0]) {
            pixels += image.len();
        }
    }
    assert_eq!(pixels, 0, "one file cannot hold images of both splits");
});
