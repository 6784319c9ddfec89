//! Features with a large common offset, and samples close together and far from others: what is computed loses no more
//! digits than single precision has already lost.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{DrivenClassifier, Driver, TestHost};
use topwork_sdk::{Features, FitOptions};

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

fn fitted(
    head: &str,
    parameters: &Value,
    features: &[f32],
    labels: &[u32],
    dimensions: usize,
) -> DrivenClassifier {
    let host = TestHost::new().threads(2);
    let mut classifier = Driver::new(&PLUGIN, &host)
        .classifier(head, parameters)
        .unwrap();
    let features = Features::new(features, dimensions).unwrap();
    let classes = 1 + *labels.iter().max().unwrap() as usize;
    let report = classifier.fit(features, labels, classes, OPTIONS).unwrap();
    assert!(report.converged, "{head} {parameters}: {}", report.note);
    classifier
}

/// The class with the greatest score of each row, of equal ones the first.
fn predicted(classifier: &DrivenClassifier, queries: &[f32], dimensions: usize) -> Vec<u32> {
    let classes = 3;
    let queries = Features::new(queries, dimensions).unwrap();
    let scores = classifier.predict(queries, classes).unwrap();
    let best = |row: &[f32]| {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter().position(|score| *score == most).unwrap() as u32
    };
    scores.chunks(classes).map(best).collect()
}

/// Whole sixteenths, on which an offset of a million leaves no trace in single precision.
struct Reference {
    content: Value,
    labels: Vec<u32>,
}

const DIMENSIONS: usize = 5;

impl Reference {
    /// `bench/reference/heads.py` has written it.
    fn read() -> Self {
        let content: Value = serde_json::from_str(include_str!("offsets.json")).unwrap();
        Reference {
            labels: serde_json::from_value(content["labels"].clone()).unwrap(),
            content,
        }
    }

    fn rows(&self, key: &str, case: &Value) -> Vec<f32> {
        let rows: Vec<[f64; DIMENSIONS]> =
            serde_json::from_value(self.content[key].clone()).unwrap();
        let offset: [f64; DIMENSIONS] = serde_json::from_value(case["offset"].clone()).unwrap();
        let factor = case["factor"].as_f64().unwrap();
        let moved = rows.iter().flat_map(|row| {
            let columns = row.iter().zip(offset);
            columns.map(move |(x, offset)| (x / 16.0 * factor + offset) as f32)
        });
        moved.collect()
    }
}

/// Every head with every scale and offset, beside scikit-learn on the same features without the offset.
#[test]
fn predictions_are_those_of_scikit_learn() {
    let reference = Reference::read();
    let cases = reference.content["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 7);
    for case in cases {
        let features = reference.rows("sixteenths", case);
        let queries = reference.rows("queries", case);
        let heads = case["heads"].as_array().unwrap();
        assert_eq!(heads.len(), 16);
        for told in heads {
            let head = told["component"].as_str().unwrap();
            let classifier = fitted(
                head,
                &told["parameters"],
                &features,
                &reference.labels,
                DIMENSIONS,
            );
            let ours: String = (predicted(&classifier, &queries, DIMENSIONS).iter())
                .map(u32::to_string)
                .collect();
            assert_eq!(ours, told["classes"], "{} {told}", case["offset"]);
        }
    }
}

/// Heads that have no counterpart there, or one whose answer depends on the offset: as good as without it, by less than a
/// tenth of the queries.
#[test]
fn an_offset_costs_the_others_nothing_either() {
    let reference = Reference::read();
    let cases = reference.content["cases"].as_array().unwrap();
    for (head, parameters) in [
        ("linear-svm", json!({"scale": "none"})),
        ("random-forest", json!({})),
        ("auto", json!({})),
    ] {
        let right = |case: &Value| {
            let features = reference.rows("sixteenths", case);
            let queries = reference.rows("queries", case);
            let classifier = fitted(head, &parameters, &features, &reference.labels, DIMENSIONS);
            let found = predicted(&classifier, &queries, DIMENSIONS);
            let right = (found.iter().enumerate()).filter(|(n, class)| n % 3 == **class as usize);
            right.count()
        };
        let without = right(&cases[0]);
        assert!(without > 28, "{head}: {without}");
        for case in cases {
            let with = right(case);
            assert!(with + 4 > without, "{head} {case}: {with} and {without}");
        }
    }
}

/// Two heaps far from each other and from their mean. Within a heap classes lie close together, and a product of single
/// precision cannot tell which of its samples are near.
#[test]
fn near_neighbours_far_from_the_mean_are_found() {
    for (metric, far) in [("euclidean", 4096.0), ("cosine", 1.0)] {
        let mut features = Vec::new();
        let mut labels = Vec::new();
        for sample in 0..120_u8 {
            let heap = if sample % 2 == 0 { far } else { -far };
            let class = sample / 2 % 3;
            let within = f32::from(class) + f32::from(sample / 6) / 64.0;
            let small = if metric == "cosine" {
                1.0 / 8192.0
            } else {
                1.0
            };
            features.extend([heap, within * small, heap]);
            labels.push(u32::from(class));
        }
        for scale in ["none", "standardise"] {
            // Standardised, the second feature counts as much as the others and angles are others.
            if (metric, scale) == ("cosine", "standardise") {
                continue;
            }
            for weights in ["uniform", "distance"] {
                let parameters = json!({"metric": metric, "scale": scale, "weights": weights});
                let classifier = fitted("knn", &parameters, &features, &labels, 3);
                let found = predicted(&classifier, &features, 3);
                assert_eq!(found, labels, "{parameters}");
            }
        }
    }
}

/// A query so far from all classes that their scores are the same in single precision: the nearest is still found.
#[test]
fn rounding_of_scores_decides_nothing() {
    let features: Vec<f32> = (0..30_u8).map(|sample| f32::from(sample % 3)).collect();
    let labels: Vec<u32> = (0..30).map(|sample| sample % 3).collect();
    for head in ["nearest-centroid", "lda", "logistic-regression"] {
        let classifier = fitted(head, &json!({}), &features, &labels, 1);
        let found = predicted(&classifier, &[1e9, -1e9, 1e4], 1);
        assert_eq!(found, [2, 0, 2], "{head}");
    }
}
