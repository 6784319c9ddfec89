//! Fits through the tables that the host uses.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{DrivenClassifier, Driver, TestHost};
use topwork_sdk::{Error, ErrorKind, Features, FitOptions, FitReport};

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

fn classifier(parameters: Value) -> Result<DrivenClassifier, Error> {
    linear("logistic-regression", parameters)
}

fn linear(head: &str, parameters: Value) -> Result<DrivenClassifier, Error> {
    // More than any test asks for.
    let host = TestHost::new().threads(8);
    Driver::new(&PLUGIN, &host).classifier(head, &parameters)
}

/// Numbers without a pattern, in −1..1: a linear congruential generator that is easily written again in other languages.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        (state as f64 / f64::from(1 << 30) - 1.0) as f32
    };
    (0..count).map(|_| next()).collect()
}

/// 20 samples of three features in three classes that no straight line divides without an error.
fn tiny() -> (Vec<f32>, Vec<u32>) {
    let features = noise(60);
    let label = |x: &[f32]| match x {
        [a, b, _] if a + b > 0.3 => 0,
        [_, _, c] if *c > 0.0 => 1,
        _ => 2,
    };
    let labels = features.chunks(3).map(label).collect();
    (features, labels)
}

fn fit(
    parameters: Value,
    data: &(Vec<f32>, Vec<u32>),
    dimensions: usize,
    classes: usize,
    options: FitOptions,
) -> Result<(FitReport, Vec<f32>, Vec<u8>), Error> {
    let mut classifier = classifier(parameters)?;
    let features = Features::new(&data.0, dimensions)?;
    let report = classifier.fit(features, &data.1, classes, options)?;
    let scores = classifier.predict(features, classes)?;
    Ok((report, scores, classifier.save()?))
}

/// The scores of the first four samples are those of scikit-learn 1.9.1, from this script:
///
/// ```python
/// import numpy as np
/// from sklearn.linear_model import LogisticRegression
/// state = 1
/// def noise():
///     global state
///     state = (state * 1103515245 + 12345) % 2**31
///     return state / 2**30 - 1
/// X = np.array([[noise() for _ in range(3)] for _ in range(20)], dtype=np.float32).astype(float)
/// y = np.array([0 if x[0] + x[1] > 0.3 else 1 if x[2] > 0 else 2 for x in X])
/// m = LogisticRegression(C=1 / 0.5, tol=1e-12, max_iter=10000).fit(X, y)
/// print((X[:4] @ m.coef_.T + m.intercept_).round(6).tolist())
/// ```
///
/// Biases are not penalised, so all of a sample's scores may be moved together: differences are compared.
#[test]
fn it_agrees_with_scikit_learn() {
    let expected = [
        [-0.570193, -1.000343, 1.570535],
        [2.043361, -2.020352, -0.023009],
        [0.153263, -0.895149, 0.741886],
        [-2.147525, 0.132254, 2.015271],
    ];
    let parameters = json!({"l2": 0.5, "scale": "none", "tolerance": 1e-9});
    let (report, scores, _) = fit(parameters, &tiny(), 3, 3, OPTIONS).unwrap();
    assert!(report.converged);
    for (scores, expected) in scores.chunks(3).zip(expected) {
        for class in 1..3 {
            let found = f64::from(scores[class] - scores[0]);
            let wanted = expected[class] - expected[0];
            assert!((found - wanted).abs() < 5e-6, "{scores:?} and {expected:?}");
        }
    }
}

/// The class with the greater score, of each row.
fn predicted(scores: &[f32], classes: usize) -> Vec<usize> {
    let best = |row: &[f32]| {
        (0..classes)
            .rev()
            .max_by(|&a, &b| row[a].total_cmp(&row[b]))
    };
    scores.chunks(classes).filter_map(best).collect()
}

/// With the default tolerance of the linear heads 999 of 1,000 predictions are those of the optimum.
#[test]
fn the_default_tolerance_comes_to_the_optimum() {
    // Nearly Gaussian, as sums of four; the labels those of a linear map of them, with noise.
    let normal = |count: usize| -> Vec<f32> {
        let four = noise(4 * count);
        let deviation = (4.0_f32 / 3.0).sqrt();
        four.chunks(4)
            .map(|x| x.iter().sum::<f32>() / deviation)
            .collect()
    };
    let dimensions = 256;
    let (samples, learnt) = (1600, 600);
    for classes in [2, 10] {
        let numbers = normal(samples * dimensions + (dimensions + samples) * classes);
        let (features, rest) = numbers.split_at(samples * dimensions);
        let (map, errors) = rest.split_at(dimensions * classes);
        let labels = features.chunks(dimensions).zip(errors.chunks(classes));
        let labels = labels.map(|(row, errors)| {
            let score = |class: usize| {
                let map = &map[class * dimensions..][..dimensions];
                let sum: f32 = row.iter().zip(map).map(|(x, w)| x * w).sum();
                sum / (dimensions as f32).sqrt() + errors[class]
            };
            let best = (0..classes).max_by(|&a, &b| score(a).total_cmp(&score(b)));
            best.unwrap() as u32
        });
        // What was learnt is predicted by all; others are what decides.
        let labels: Vec<u32> = labels.take(learnt).collect();
        let train = Features::new(&features[..learnt * dimensions], dimensions).unwrap();
        let test = Features::new(&features[learnt * dimensions..], dimensions).unwrap();
        let heads = ["logistic-regression", "linear-svm"];
        let scales = ["none", "max", "standardise"];
        for (head, scale) in heads
            .into_iter()
            .flat_map(|head| scales.map(|scale| (head, scale)))
        {
            let by = |parameters: Value| {
                let mut classifier = linear(head, parameters).unwrap();
                let report = classifier.fit(train, &labels, classes, OPTIONS).unwrap();
                assert!(report.converged, "{head}, {scale}: {}", report.note);
                predicted(&classifier.predict(test, classes).unwrap(), classes)
            };
            let optimum = by(json!({"scale": scale, "tolerance": 1e-8, "max-iterations": 5000}));
            let found = by(json!({"scale": scale}));
            let off = optimum.iter().zip(&found).filter(|(a, b)| a != b).count();
            assert!(
                off * 1000 <= optimum.len(),
                "{head}, {scale}, {classes} classes: {off}"
            );
        }
    }
}

#[test]
fn the_report_says_what_happened() {
    let data = tiny();
    let (report, ..) = fit(json!({}), &data, 3, 3, OPTIONS).unwrap();
    assert!(report.converged && report.iterations > 2, "{report:?}");
    assert_eq!((report.parameters, &*report.note), (12, ""));

    let few = json!({"max-iterations": 2, "tolerance": 1e-9});
    let (report, ..) = fit(few, &data, 3, 3, OPTIONS).unwrap();
    assert!(!report.converged);
    assert_eq!(report.iterations, 2);
    let start = "not converged after 2 iterations: largest gradient ";
    assert!(report.note.starts_with(start), "{}", report.note);
    assert!(
        report.note.ends_with(", tolerance 1.0e-9"),
        "{}",
        report.note
    );

    // Finer than rounding can tell: it ends, at the minimum as far as that can be known, and says so.
    let fine = json!({"tolerance": 1e-300, "max-iterations": 100_000});
    let (report, ..) = fit(fine, &data, 3, 3, OPTIONS).unwrap();
    assert!(!report.converged && report.iterations < 1000, "{report:?}");
    assert!(
        report.note.starts_with("no lower point was found"),
        "{}",
        report.note
    );
}

#[test]
fn a_known_class_is_told_apart_with_any_scale() {
    // 500 samples of 33 features, two of them without information: one constant, one always 0.
    let mut features = noise(500 * 33);
    let mut labels = Vec::new();
    for (sample, row) in features.chunks_mut(33).enumerate() {
        row[31] = 0.3;
        row[32] = 0.0;
        row[sample % 4] += 3.0;
        labels.push((sample % 4) as u32);
    }
    let data = (features, labels);
    for scale in ["standardise", "max", "none"] {
        let (report, scores, _) = fit(json!({"scale": scale}), &data, 33, 4, OPTIONS).unwrap();
        assert!(report.converged, "{scale}: {report:?}");
        for (row, &label) in scores.chunks(4).zip(&data.1) {
            let best = (0..4).max_by(|&a, &b| row[a].total_cmp(&row[b])).unwrap();
            assert_eq!(best as u32, label, "{scale}");
        }
    }
}

#[test]
fn a_stop_is_obeyed_between_iterations() {
    let data = tiny();
    let features = Features::new(&data.0, 3).unwrap();
    // Early, and in the middle of a line search.
    for question in [0, 5, 6, 7] {
        let host = TestHost::new().stop_at(question);
        let driver = Driver::new(&PLUGIN, &host);
        let mut classifier = driver
            .classifier("logistic-regression", &json!({}))
            .unwrap();
        let error = classifier.fit(features, &data.1, 3, OPTIONS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
    let host = TestHost::new();
    let driver = Driver::new(&PLUGIN, &host);
    let mut classifier = driver
        .classifier("logistic-regression", &json!({}))
        .unwrap();
    let report = classifier.fit(features, &data.1, 3, OPTIONS).unwrap();
    assert_eq!(host.progress(), report.iterations + 1);
}

#[test]
fn mistakes_end_in_messages() {
    let data = tiny();
    let with_nan = {
        let mut data = tiny();
        data.0[7] = f32::NAN;
        data
    };
    let features = Features::new(&data.0, 3).unwrap();
    let wider = Features::new(&data.0, 4).unwrap();
    let fitted = || {
        let mut classifier = classifier(json!({})).unwrap();
        classifier.fit(features, &data.1, 3, OPTIONS).unwrap();
        classifier
    };
    let load = |state: &[u8]| fitted().load(state).unwrap_err();
    let mut own = classifier(json!({})).unwrap();
    own.fit(features, &data.1, 3, OPTIONS).unwrap();
    let state = own.save().unwrap();
    let newer = {
        let mut newer = state.clone();
        let key = br#"format\":\"1"#;
        let place = newer.windows(key.len()).position(|part| part == key);
        newer[place.unwrap() + key.len() - 1] = b'2';
        newer
    };
    let of_another = {
        let host = TestHost::new();
        let mut lda = Driver::new(&PLUGIN, &host)
            .classifier("lda", &json!({}))
            .unwrap();
        lda.fit(features, &data.1, 3, OPTIONS).unwrap();
        lda.save().unwrap()
    };
    let errors = [
        classifier(json!({"l2": -1})).err().unwrap(),
        classifier(json!({"tolerance": 0})).err().unwrap(),
        classifier(json!({"max-iterations": 0})).err().unwrap(),
        classifier(json!({"scale": "log"})).err().unwrap(),
        classifier(json!({"c": 1})).err().unwrap(),
        fit(json!({}), &data, 3, 1, OPTIONS).unwrap_err(),
        fit(json!({}), &with_nan, 3, 3, OPTIONS).unwrap_err(),
        classifier(json!({}))
            .unwrap()
            .predict(features, 3)
            .unwrap_err(),
        classifier(json!({})).unwrap().save().unwrap_err(),
        fitted().predict(features, 2).unwrap_err(),
        fitted().predict(wider, 3).unwrap_err(),
        load(b"nonsense"),
        load(&state[..state.len() - 1]),
        load(&newer),
        load(&of_another),
    ];
    let told = |error: &Error| format!("{:?}: {error}", error.kind());
    let messages: Vec<String> = errors.iter().map(told).collect();
    insta::assert_snapshot!(messages.join("\n"));
}
