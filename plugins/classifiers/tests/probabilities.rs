//! What heads say their scores are: by it scores become probabilities, and these are scikit-learn's.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{DrivenClassifier, Driver, TestHost};
use topwork_sdk::{Features, FitOptions, Scores};

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

fn fitted(
    head: &str,
    parameters: &Value,
    features: Features<'_>,
    labels: &[u32],
    classes: usize,
) -> DrivenClassifier {
    let host = TestHost::new().threads(2);
    let mut classifier = Driver::new(&PLUGIN, &host)
        .classifier(head, parameters)
        .unwrap();
    classifier.fit(features, labels, classes, OPTIONS).unwrap();
    classifier
}

/// The probabilities that a classifier's scores stand for.
fn probabilities(
    classifier: &DrivenClassifier,
    features: Features<'_>,
    classes: usize,
) -> Vec<f64> {
    let scores = classifier.predict(features, classes).unwrap();
    let of_row = |row: &[f32]| -> Vec<f64> {
        let row = row.iter().copied().map(f64::from);
        match classifier.scores().unwrap() {
            Scores::Probabilities => row.collect(),
            Scores::Logits => {
                let most = row.clone().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = row.clone().map(|score| (score - most).exp()).sum();
                row.map(|score| (score - most).exp() / sum).collect()
            }
            Scores::Ranking | Scores::Numbers => panic!("no probabilities"),
        }
    };
    scores.chunks_exact(classes).flat_map(of_row).collect()
}

/// Two features, in which the classes 0, 2 and 3 of five overlap.
fn overlapping() -> (Vec<f32>, Vec<u32>) {
    let mut state = 1_u64;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        state as f32 / (1_u64 << 31) as f32
    };
    let labels: Vec<u32> = (0..120).map(|sample| [0, 2, 3][sample % 3]).collect();
    let features = labels.iter().flat_map(|label| {
        let far = |class: u32| if *label == class { 0.6 } else { 0.0 };
        [next() + far(2), next() + far(3)]
    });
    (features.collect(), labels)
}

/// `bench/reference/heads.py` writes what they say.
#[test]
fn the_probabilities_are_those_of_scikit_learn() {
    let reference: Value = serde_json::from_str(include_str!("scikit-learn.json")).unwrap();
    let rows = |rows: &Value| -> Vec<f64> {
        let rows = rows.as_array().unwrap().iter();
        rows.flat_map(|row| row.as_array().unwrap())
            .map(|number| number.as_f64().unwrap())
            .collect()
    };
    let single = |key: &str| -> Vec<f32> {
        let numbers = rows(&reference[key]).into_iter();
        numbers.map(|number| number as f32).collect()
    };
    let labels: Vec<u32> = serde_json::from_value(reference["labels"].clone()).unwrap();
    let (features, queries) = (single("features"), single("queries"));
    let mut compared = 0;
    for case in reference["cases"].as_array().unwrap() {
        let Some(theirs) = case.get("probabilities") else {
            continue;
        };
        let (labels, classes) = match case["kind"] == "binary" {
            true => (labels.iter().map(|label| (*label).min(1)).collect(), 2),
            false => (labels.clone(), 3),
        };
        let head = case["component"].as_str().unwrap();
        let features = Features::new(&features, 4).unwrap();
        let classifier = fitted(head, &case["parameters"], features, &labels, classes);
        let queries = Features::new(&queries, 4).unwrap();
        let ours = probabilities(&classifier, queries, classes);
        let theirs = rows(theirs);
        assert_eq!(ours.len(), theirs.len());
        for (ours, theirs) in ours.iter().zip(&theirs) {
            assert!((ours - theirs).abs() < 1e-6, "{ours} and {theirs}: {case}");
        }
        compared += 1;
    }
    assert_eq!(compared, 13);
}

#[test]
fn every_head_says_what_its_scores_are() {
    let (features, labels) = overlapping();
    let features = Features::new(&features, 2).unwrap();
    let auto = |candidate: &str| json!({ "candidates": [candidate] });
    let cases = [
        ("logistic-regression", json!({}), Scores::Logits),
        ("linear-svm", json!({}), Scores::Ranking),
        ("lda", json!({}), Scores::Logits),
        ("knn", json!({}), Scores::Probabilities),
        ("knn", json!({"weights": "distance"}), Scores::Probabilities),
        ("nearest-centroid", json!({}), Scores::Ranking),
        ("naive-bayes", json!({}), Scores::Logits),
        ("random-forest", json!({}), Scores::Probabilities),
        (
            "random-forest",
            json!({"class-weights": "balanced", "max-depth": 2}),
            Scores::Probabilities,
        ),
        ("auto", auto("logistic-regression"), Scores::Logits),
        ("auto", auto("linear-svm"), Scores::Ranking),
        ("auto", auto("lda"), Scores::Logits),
        ("auto", auto("knn"), Scores::Probabilities),
        ("auto", auto("nearest-centroid"), Scores::Ranking),
        ("auto", auto("naive-bayes"), Scores::Logits),
        ("auto", auto("random-forest"), Scores::Probabilities),
    ];
    for (head, parameters, expected) in &cases {
        let classifier = fitted(head, parameters, features, &labels, 5);
        assert_eq!(
            classifier.scores().unwrap(),
            *expected,
            "{head} {parameters}"
        );
        let mut loaded = Driver::new(&PLUGIN, &TestHost::new())
            .classifier(head, parameters)
            .unwrap();
        loaded.load(&classifier.save().unwrap()).unwrap();
        assert_eq!(loaded.scores().unwrap(), *expected, "{head} {parameters}");
        let scores = classifier.predict(features, 5).unwrap();
        assert_eq!(loaded.predict(features, 5).unwrap(), scores, "{head}");
        if *expected == Scores::Ranking {
            continue;
        }
        for row in probabilities(&classifier, features, 5).chunks_exact(5) {
            let sum: f64 = row.iter().sum();
            assert!((sum - 1.0).abs() < 1e-6, "{head} {parameters}: {row:?}");
            assert!(
                row.iter().all(|p| *p >= 0.0),
                "{head} {parameters}: {row:?}"
            );
            // No sample was of these.
            assert_eq!((row[1], row[4]), (0.0, 0.0), "{head} {parameters}");
        }
    }
}

#[test]
fn a_single_class_is_certain() {
    let features = Features::new(&[0.1, 0.2, 0.3, 0.4], 2).unwrap();
    for head in [
        "logistic-regression",
        "lda",
        "knn",
        "naive-bayes",
        "random-forest",
    ] {
        let classifier = fitted(head, &json!({}), features, &[1, 1], 3);
        let found = probabilities(&classifier, features, 3);
        assert_eq!(found, [0.0, 1.0, 0.0, 0.0, 1.0, 0.0], "{head}");
    }
}

#[test]
fn lda_promises_no_probabilities_where_nothing_varies() {
    let features = Features::new(&[0.5, 0.5, 1.5, 1.5], 1).unwrap();
    let classifier = fitted("lda", &json!({}), features, &[0, 0, 1, 1], 2);
    assert_eq!(classifier.scores().unwrap(), Scores::Ranking);
    let mut loaded = Driver::new(&PLUGIN, &TestHost::new())
        .classifier("lda", &json!({}))
        .unwrap();
    loaded.load(&classifier.save().unwrap()).unwrap();
    assert_eq!(loaded.scores().unwrap(), Scores::Ranking);
}
