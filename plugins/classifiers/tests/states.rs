//! What earlier versions have saved.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::Features;
use topwork_sdk::drive::{Driver, TestHost};

/// One state of each form that the heads save, loaded and saved again to the byte.
#[test]
fn states_are_the_same_bytes() {
    for head in HEADS {
        let path = format!(
            "{}/tests/states/{head}.safetensors",
            env!("CARGO_MANIFEST_DIR")
        );
        let driver = Driver::new(&PLUGIN, &TestHost::new());
        let mut loaded = driver.classifier(head, &json!({})).unwrap();
        let state = std::fs::read(&path).unwrap();
        loaded.load(&state).unwrap();
        assert_eq!(loaded.save().unwrap(), state, "{head}");
    }
}

const HEADS: [&str; 7] = [
    "logistic-regression",
    "linear-svm",
    "lda",
    "knn",
    "nearest-centroid",
    "naive-bayes",
    "random-forest",
];

/// States as they were written before there were forms of their own for them.
#[test]
fn older_states_are_loaded() {
    use safetensors::tensor::{Dtype, TensorView, serialize};
    let arrays = |f64s: &[(&'static str, &[f64])]| -> Vec<(&'static str, Dtype, Vec<u8>)> {
        let bytes = |values: &[f64]| values.iter().flat_map(|x| x.to_le_bytes()).collect();
        let named = f64s
            .iter()
            .map(|(name, values)| (*name, Dtype::F64, bytes(values)));
        named.collect()
    };
    let state = |words: Value, mut arrays: Vec<(&'static str, Dtype, Vec<u8>)>| {
        let present = [0_u32, 1].iter().flat_map(|x| x.to_le_bytes()).collect();
        arrays.push(("present", Dtype::U32, present));
        let views = arrays.iter().map(|(name, dtype, bytes)| {
            let size = if *dtype == Dtype::F64 { 8 } else { 4 };
            let view = TensorView::new(*dtype, vec![bytes.len() / size], bytes);
            (*name, view.unwrap())
        });
        let metadata = [("classifier".to_owned(), words.to_string())];
        serialize(views.collect::<Vec<_>>(), Some(metadata.into())).unwrap()
    };
    let no_scale: [(&'static str, &[f64]); 2] = [("shift", &[0.0, 0.0]), ("factor", &[1.0, 1.0])];
    // Means (1, 0) and (0, 2) as a linear classifier; two directions as neighbours.
    let linear = [
        &no_scale[..],
        &[
            ("weights", &[1.0, 0.0, 0.0, 2.0]),
            ("biases", &[-0.5, -2.0]),
        ],
    ];
    let centroids = state(
        json!({"format": "1", "component": "nearest-centroid", "form": "linear", "classes": "2"}),
        arrays(&linear.concat()),
    );
    let mut directions = arrays(&no_scale);
    let rows = [1.0_f32, 0.0, 0.0, 1.0]
        .iter()
        .flat_map(|x| x.to_le_bytes());
    directions.push(("rows", Dtype::F32, rows.collect()));
    let labels = [0_u32, 1].iter().flat_map(|x| x.to_le_bytes()).collect();
    directions.push(("labels", Dtype::U32, labels));
    let neighbours = state(
        json!({"format": "1", "component": "knn", "form": "neighbours", "classes": "2", "k": "1",
            "weights": "uniform", "metric": "cosine", "neighbour-classes": "2"}),
        directions,
    );
    for (head, state) in [("nearest-centroid", centroids), ("knn", neighbours)] {
        let driver = Driver::new(&PLUGIN, &TestHost::new());
        let mut loaded = driver.classifier(head, &json!({})).unwrap();
        loaded.load(&state).unwrap();
        let queries = Features::new(&[0.9, 0.1, 0.1, 1.5], 2).unwrap();
        let scores = loaded.predict(queries, 2).unwrap();
        assert!(
            scores[0] > scores[1] && scores[2] < scores[3],
            "{head}: {scores:?}"
        );
    }
}
