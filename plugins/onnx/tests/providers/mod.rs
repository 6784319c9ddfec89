//! Execution providers of onnxruntime.

use crate::small::small;
use crate::{attempt, folder, opened};
use serde_json::{Value, json};

/// What a provider computes is never taken for what another did.
pub fn other(_: &str) {
    let file = small(None, Some(3)).ending_at("logits");
    let digest = |parameters: Value| opened(&file, parameters).description()["digest"].to_string();
    let of_cpu = digest(json!({"runtime": "onnxruntime"}));
    let of_openvino = digest(json!({"runtime": "openvino"}));
    assert_ne!(of_cpu, of_openvino);
    let both = json!({"runtime": "onnxruntime", "provider": "openvino"});
    assert_eq!(digest(both), of_openvino);
}

/// A provider that the library lacks is told with those that it has.
pub fn names(_: &str) {
    let folder = folder(&small(None, Some(3)).ending_at("logits"));
    let path = folder.path().join("model.onnx");
    for (provider, package) in [
        ("cuda", "onnxruntime-gpu"),
        ("openvino", "onnxruntime-openvino"),
    ] {
        let Err(error) = attempt(&path, json!({"provider": provider})) else {
            continue;
        };
        let told = error.to_string();
        if told.contains("was built without") {
            let hint = error.hint().unwrap();
            assert!(hint.contains("it has \"cpu\""), "{hint}");
            assert!(hint.contains(package), "{hint}");
        } else {
            // Built with it, on a machine that has no such device.
            assert!(
                told.contains("onnxruntime on") && told.contains("cannot compute"),
                "{told}"
            );
        }
    }
}
