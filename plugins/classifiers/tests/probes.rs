//! Ridge regression and the vote of neighbours against published ways to judge features; `bench/reference/probes.py` writes what
//! these say.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{Driver, TestHost};
use topwork_sdk::{Features, FitOptions, tensors};

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

/// As `blobs` of the script.
fn blobs(samples: usize, dimensions: usize, classes: usize) -> (Vec<f32>, Vec<u32>) {
    let mut state = 1_u64;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        (state as f64 / f64::from(1 << 30) - 1.0) as f32
    };
    let mut features: Vec<f32> = (0..samples * dimensions).map(|_| next()).collect();
    let labels: Vec<u32> = (0..samples)
        .map(|sample| {
            if sample % 5 == 0 {
                0
            } else {
                (sample % classes) as u32
            }
        })
        .collect();
    for (row, &label) in features.chunks_mut(dimensions).zip(&labels) {
        row[label as usize] += 0.5;
    }
    (features, labels)
}

fn reference() -> Value {
    serde_json::from_str(include_str!("probes.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    serde_json::from_value(value.clone()).unwrap()
}

fn shape(case: &Value) -> [usize; 3] {
    ["samples", "dimensions", "classes"].map(|key| case[key].as_u64().unwrap() as usize)
}

/// Weights and biases of the features as they are, from a saved state.
fn coefficients(state: &[u8]) -> (Vec<f64>, Vec<f64>) {
    let file = tensors::File::read(state).unwrap();
    let array = |name: &str| -> Vec<f64> { tensors::numbers(&file.array(name).unwrap()).unwrap() };
    let (shift, factor) = (array("shift"), array("factor"));
    let mut biases = array("biases");
    let mut weights = array("weights");
    for (row, bias) in weights.chunks_mut(shift.len()).zip(&mut biases) {
        for ((weight, factor), shift) in row.iter_mut().zip(&factor).zip(&shift) {
            *weight *= factor;
            *bias -= *weight * shift;
        }
    }
    (weights, biases)
}

#[test]
fn ridge_is_that_of_scikit_learn_and_of_big_vision() {
    let reference = reference();
    let cases = reference["ridge"].as_array().unwrap();
    assert!(cases.len() >= 36);
    for case in cases {
        let [samples, dimensions, classes] = shape(case);
        let (features, labels) = blobs(samples, dimensions, classes);
        let driver = Driver::new(&PLUGIN, &TestHost::new().threads(2));
        let mut ridge = driver.classifier("ridge", &case["parameters"]).unwrap();
        let features = Features::new(&features, dimensions).unwrap();
        let report = ridge.fit(features, &labels, classes, OPTIONS).unwrap();
        assert_eq!((report.converged, &*report.note), (true, ""));
        let (weights, biases) = coefficients(&ridge.save().unwrap());
        for (found, expected) in [(weights, &case["weights"]), (biases, &case["biases"])] {
            let expected = numbers(expected);
            assert_eq!(found.len(), expected.len());
            let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
            for (found, expected) in found.iter().zip(&expected) {
                let apart = (found - expected).abs() / largest;
                assert!(
                    apart < 1e-9,
                    "{} {} {samples} × {dimensions}: {found}, {expected}",
                    case["by"],
                    case["parameters"]
                );
            }
        }
    }
}

#[test]
fn neighbours_vote_as_in_dino() {
    let case = &reference()["neighbours"];
    let [samples, dimensions, classes] = shape(case);
    let learnt = case["learnt"].as_u64().unwrap() as usize;
    let (features, labels) = blobs(samples, dimensions, classes);
    let (to_learn, test) = features.split_at(learnt * dimensions);
    for (k, winners) in case["winners"].as_object().unwrap() {
        let k: u64 = k.parse().unwrap();
        let parameters = json!({"k": k, "metric": "cosine", "weights": "exponential",
            "temperature": case["temperature"]});
        let driver = Driver::new(&PLUGIN, &TestHost::new().threads(2));
        let mut knn = driver.classifier("knn", &parameters).unwrap();
        let to_learn = Features::new(to_learn, dimensions).unwrap();
        knn.fit(to_learn, &labels[..learnt], classes, OPTIONS)
            .unwrap();
        // What is loaded votes the same.
        let mut loaded = driver.classifier("knn", &json!({})).unwrap();
        loaded.load(&knn.save().unwrap()).unwrap();
        let test = Features::new(test, dimensions).unwrap();
        let scores = knn.predict(test, classes).unwrap();
        assert_eq!(scores, loaded.predict(test, classes).unwrap());
        let found: Vec<u64> = (scores.chunks(classes))
            .map(|row| {
                let most = row.iter().copied().fold(0.0, f32::max);
                row.iter().position(|score| *score == most).unwrap() as u64
            })
            .collect();
        let expected: Vec<u64> = serde_json::from_value(winners.clone()).unwrap();
        assert_eq!(found, expected, "k = {k}");
    }
}

#[test]
fn a_deviation_floor_needs_deviations() {
    let driver = Driver::new(&PLUGIN, &TestHost::new());
    let refused = driver.classifier("ridge", &json!({"deviation-floor": 1e-5}));
    assert_eq!(
        refused.err().unwrap().to_string(),
        "`deviation-floor` is 0.00001, expected 0 unless `scale` is \"standardise\""
    );
}
