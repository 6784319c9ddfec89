//! The backbone for samples that are features already.

use serde_json::{Value, json};
use topwork_plugin_arrays::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};

#[test]
fn samples_come_out_as_they_went_in() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    for shape in [json!([3]), json!([1]), json!([2, 3, 1])] {
        let identity = driver
            .extractor("identity", &json!({ "shape": shape }))
            .unwrap();
        let expected = json!({
            "format": 1,
            "input": shape,
            "cuts": [{"name": "features", "shape": shape}],
            "parallel": true
        });
        assert_eq!(*identity.description(), expected);
        let bits = [0.1, -0.0, f32::MIN_POSITIVE / 4.0, 3.4e38, -7.5, 1.0];
        let features = identity.forward("features", &bits).unwrap();
        assert_eq!(bits_of(&features), bits_of(&bits));
    }
}

fn bits_of(numbers: &[f32]) -> Vec<u32> {
    numbers.iter().map(|number| number.to_bits()).collect()
}

#[test]
fn shapes_that_are_none_are_refused() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let check = |parameters: Value, expected: &str| {
        let error = driver.extractor("identity", &parameters).err().unwrap();
        assert_eq!(error.to_string(), expected);
    };
    check(json!({}), "missing field `shape`");
    let wrong = |shape: &str| {
        format!("`shape` is {shape}, expected one size or three, and 1 to 268435456 numbers")
    };
    for shape in [
        "[]",
        "[0]",
        "[2, 3]",
        "[1, 1, 1, 1]",
        "[268435457]",
        "[4294967296, 4294967296, 2]",
    ] {
        let shape_value: Value = serde_json::from_str(shape).unwrap();
        check(json!({ "shape": shape_value }), &wrong(shape));
    }
}
