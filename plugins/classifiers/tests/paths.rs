//! Several values of a parameter at once come to what each comes to alone.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{DrivenClassifier, Driver, TestHost};
use topwork_sdk::{ErrorKind, Features, FitOptions, FitReport};

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

/// Noise with one feature raised in each class, all features moved by `offset`; the first class is larger than the others.
fn samples(count: usize, dimensions: usize, classes: usize, offset: f32) -> (Vec<f32>, Vec<u32>) {
    let mut random = fastrand::Rng::with_seed(3);
    let labels: Vec<u32> = (0..count)
        .map(|sample| {
            if sample % 4 == 0 {
                0
            } else {
                (sample % classes) as u32
            }
        })
        .collect();
    let mut features = Vec::new();
    for label in &labels {
        for feature in 0..dimensions {
            let raised = if feature == *label as usize { 0.6 } else { 0.0 };
            features.push(offset + raised + random.f32() * 2.0 - 1.0);
        }
    }
    (features, labels)
}

fn made(head: &str, parameters: &Value, vary: (&str, &Value)) -> DrivenClassifier {
    let mut parameters = parameters.clone();
    parameters[vary.0] = vary.1.clone();
    let driver = Driver::new(&PLUGIN, &TestHost::new().threads(4));
    driver.classifier(head, &parameters).unwrap()
}

/// The path, with what each fit reported.
fn fit_path(
    head: &str,
    parameters: &Value,
    (parameter, values): (&str, &[Value]),
    data: (Features<'_>, &[u32], usize),
) -> (Vec<DrivenClassifier>, Vec<FitReport>) {
    let made = values
        .iter()
        .map(|value| made(head, parameters, (parameter, value)));
    let mut path: Vec<DrivenClassifier> = made.collect();
    let (features, labels, classes) = data;
    let mut borrowed: Vec<&mut DrivenClassifier> = path.iter_mut().collect();
    let reports =
        DrivenClassifier::fit_path(&mut borrowed, parameter, features, labels, classes, OPTIONS);
    (path, reports.unwrap())
}

/// The largest difference of scores from those of fits alone, as a share of the largest score where that is above 1: below, all
/// classes are nearly as likely, and the tolerance of a search leaves open by how little they differ.
fn apart(
    head: &str,
    parameters: &Value,
    vary: (&str, &[Value]),
    (count, dimensions, classes, offset): (usize, usize, usize, f32),
) -> f64 {
    let (features, labels) = samples(count, dimensions, classes, offset);
    let features = Features::new(&features, dimensions).unwrap();
    let data = (features, &*labels, classes);
    let (path, reports) = fit_path(head, parameters, vary, data);
    let mut most = 0.0_f64;
    for ((fitted, report), value) in path.iter().zip(&reports).zip(vary.1) {
        let mut alone = made(head, parameters, (vary.0, value));
        let expected = alone.fit(features, &labels, classes, OPTIONS).unwrap();
        let what = format!("{head} {parameters} {} {value} {count}", vary.0);
        assert!(report.converged, "{what}: {report:?}");
        assert_eq!(report.parameters, expected.parameters, "{what}");
        assert_eq!(fitted.scores().unwrap(), alone.scores().unwrap(), "{what}");
        let found = fitted.predict(features, classes).unwrap();
        let expected = alone.predict(features, classes).unwrap();
        let largest = expected
            .iter()
            .fold(1.0, |most: f32, score| most.max(score.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            most = most.max(f64::from((found - expected).abs() / largest));
        }
    }
    most
}

/// Up and down, with one twice. For weaker ones the minimum is so flat that the tolerance lets searches end far apart.
fn penalties() -> Vec<Value> {
    [1e4, 0.1, 3.0, 300.0, 3.0, 1e7, 20.0]
        .map(Value::from)
        .into()
}

/// The same as weights of the loss.
fn losses() -> Vec<Value> {
    [1e-4, 10.0, 0.3, 3e-3, 0.3, 1e-7, 0.05]
        .map(Value::from)
        .into()
}

#[test]
fn searches_come_to_the_same_minima() {
    let shapes = [
        (400, 12, 4, 0.0),
        (400, 12, 2, 0.0),
        (300, 5, 3, 1000.0),
        // Fewer samples than features.
        (30, 40, 3, 0.0),
        (30, 40, 2, 0.0),
    ];
    for shape in shapes {
        for weights in ["none", "balanced"] {
            for scale in ["max", "none"] {
                let parameters =
                    json!({"tolerance": 1e-9, "class-weights": weights, "scale": scale});
                for (head, parameter, values) in [
                    ("logistic-regression", "l2", penalties()),
                    ("linear-svm", "c", losses()),
                ] {
                    let found = apart(head, &parameters, (parameter, &values), shape);
                    // Weights are off by 400 · 1e-9 · √parameters / 0.1 at most, l2 / samples being the least curvature.
                    assert!(found < 1e-4, "{head} {shape:?} {parameters}: {found:e}");
                }
            }
        }
    }
}

#[test]
fn closed_forms_are_the_same_to_the_bit() {
    for shape in [(400, 12, 4, 0.0), (30, 40, 3, 10.0)] {
        for constant in [0.0, 100.0] {
            let parameters = json!({"constant": constant});
            let found = apart("ridge", &parameters, ("l2", &penalties()), shape);
            assert_eq!(found, 0.0, "{shape:?}");
        }
        let ks = [5, 1, 20, 1000].map(Value::from);
        let found = apart("knn", &json!({"metric": "cosine"}), ("k", &ks), shape);
        assert_eq!(found, 0.0, "{shape:?}");
        let parameters = json!({"metric": "cosine", "weights": "exponential"});
        let temperatures = [0.07, 1.0, 0.001].map(Value::from);
        let found = apart("knn", &parameters, ("temperature", &temperatures), shape);
        assert_eq!(found, 0.0, "{shape:?}");
    }
}

/// Many penalties share a decomposition of another kind.
#[test]
fn many_penalties_of_ridge_come_to_what_few_do() {
    let values: Vec<Value> = (-20..=20)
        .map(|power| Value::from(2_f64.powi(power)))
        .collect();
    for shape in [(400, 12, 4, 0.0), (400, 12, 2, 100.0), (30, 40, 3, 10.0)] {
        for constant in [0.0, 100.0] {
            let parameters = json!({"constant": constant, "scale": "standardise"});
            let found = apart("ridge", &parameters, ("l2", &values), shape);
            // As near as scores in single precision are told apart.
            assert!(found < 2e-7, "{shape:?}: {found:e}");
        }
    }
}

/// No penalty at all, where the samples cannot be told apart without an error.
#[test]
fn a_path_may_end_without_a_penalty() {
    let parameters = json!({"tolerance": 1e-8});
    let values = [0.0, 10.0, 1e-6].map(Value::from);
    let shape = (400, 6, 3, 0.0);
    let found = apart("logistic-regression", &parameters, ("l2", &values), shape);
    assert!(found < 1e-4, "{found:e}");
}

#[test]
fn many_values_take_little_more_than_one() {
    let (features, labels) = samples(2000, 60, 5, 0.0);
    let features = Features::new(&features, 60).unwrap();
    let values: Vec<Value> = (0..45)
        .map(|place| Value::from(10_f64.powf(6.0 - 0.25 * f64::from(place))))
        .collect();
    let data = (features, &*labels, 5);
    let (_, reports) = fit_path("logistic-regression", &json!({}), ("l2", &values), data);
    let iterations: u64 = reports.iter().map(|report| report.iterations).sum();
    assert!(iterations < 200, "{iterations}");
}

#[test]
fn what_cannot_be_fitted_together_is_refused() {
    let (features, labels) = samples(40, 4, 3, 0.0);
    let features = Features::new(&features, 4).unwrap();
    let l2 = Value::from(1.0);
    let cases = [
        (
            "logistic-regression",
            "tolerance",
            3,
            ErrorKind::Call,
            "the parameter `tolerance`, expected one of l2",
        ),
        (
            "lda",
            "shrinkage",
            3,
            ErrorKind::Unsupported,
            "`topwork.classifier.path/1` is not offered",
        ),
        (
            "ridge",
            "l2",
            1,
            ErrorKind::Call,
            "label 1, expected less than 1",
        ),
    ];
    for (head, parameter, classes, kind, message) in cases {
        let value = if head == "lda" {
            json!("auto")
        } else {
            l2.clone()
        };
        let name = if head == "lda" { "shrinkage" } else { "l2" };
        let mut one = made(head, &json!({}), (name, &value));
        let mut path = [&mut one];
        let refused =
            DrivenClassifier::fit_path(&mut path, parameter, features, &labels, classes, OPTIONS);
        let error = refused.unwrap_err();
        assert_eq!(
            (error.kind(), &*error.to_string()),
            (kind, message),
            "{head}"
        );
    }
}

#[test]
fn a_path_stops_when_asked_to() {
    let (features, labels) = samples(40, 4, 3, 0.0);
    let features = Features::new(&features, 4).unwrap();
    for head in ["logistic-regression", "ridge"] {
        let host = TestHost::new().stop_at(1);
        let driver = Driver::new(&PLUGIN, &host);
        let mut made: Vec<DrivenClassifier> = [1.0, 2.0]
            .map(|l2| driver.classifier(head, &json!({"l2": l2})).unwrap())
            .into();
        let mut path: Vec<&mut DrivenClassifier> = made.iter_mut().collect();
        let ended = DrivenClassifier::fit_path(&mut path, "l2", features, &labels, 3, OPTIONS);
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Stopped, "{head}");
        assert!(made[0].predict(features, 3).is_err());
    }
}
