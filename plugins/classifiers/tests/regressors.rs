//! Heads fitted to several columns of numbers at once, against scikit-learn; `bench/reference/regressors.py` writes what it predicts.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{DrivenClassifier, Driver, TestHost};
use topwork_sdk::{Error, Features, FitOptions, Scores};

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

/// Rows of numbers, one after the other, and how many a row has.
struct Rows {
    values: Vec<f32>,
    width: usize,
}

impl Rows {
    fn features(&self) -> Features<'_> {
        Features::new(&self.values, self.width).unwrap()
    }
}

fn rows(value: &Value) -> Rows {
    let rows: Vec<Vec<f32>> = serde_json::from_value(value.clone()).unwrap();
    Rows {
        width: rows[0].len(),
        values: rows.concat(),
    }
}

fn reference() -> Value {
    serde_json::from_str(include_str!("regressors.json")).unwrap()
}

fn fitted(
    head: &str,
    parameters: &Value,
    (features, numbers): (&Rows, &Rows),
    options: FitOptions,
) -> Result<DrivenClassifier, Error> {
    let mut fitted = Driver::new(&PLUGIN, &TestHost::new()).classifier(head, parameters)?;
    fitted.fit_numbers(features.features(), &numbers.values, numbers.width, options)?;
    Ok(fitted)
}

#[test]
fn several_columns_are_predicted_as_by_scikit_learn() {
    let reference = reference();
    let data = (&rows(&reference["features"]), &rows(&reference["numbers"]));
    for case in reference["cases"].as_array().unwrap() {
        let (head, parameters) = (case["component"].as_str().unwrap(), &case["parameters"]);
        let of = rows(&reference[case["of"].as_str().unwrap()]);
        let head_of = |options| fitted(head, parameters, data, options).unwrap();
        let one = head_of(OPTIONS);
        assert_eq!(one.scores().unwrap(), Scores::Numbers);
        let predicted = one.predict(of.features(), 3).unwrap();
        let expected = rows(&case["predicted"]).values;
        assert_eq!(predicted.len(), expected.len());
        for (found, expected) in predicted.iter().zip(&expected) {
            let near = (found - expected).abs() <= 1e-6 * expected.abs();
            assert!(near, "{head} {parameters}: {found}, {expected}");
        }
        // Neither threads nor the state change a bit of it.
        let threads = FitOptions {
            threads: 1,
            ..OPTIONS
        };
        let again = head_of(threads).predict(of.features(), 3).unwrap();
        assert_eq!(again, predicted, "{head}");
        let state = one.save().unwrap();
        let mut loaded = Driver::new(&PLUGIN, &TestHost::new())
            .classifier(head, &json!({}))
            .unwrap();
        loaded.load(&state).unwrap();
        assert_eq!(loaded.predict(of.features(), 3).unwrap(), predicted);
        assert_eq!(loaded.save().unwrap(), state, "{head}");
        assert!(loaded.layers().is_ok_and(|layers| !layers.is_empty()));
    }
}

/// The header of a file of the shipped experiment is left out; the last column is the number.
fn diabetes(text: &str) -> (Rows, Rows) {
    let (mut features, mut numbers) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let row: Vec<f32> = line.split(',').map(|cell| cell.parse().unwrap()).collect();
        features.extend(&row[..10]);
        numbers.push(row[10]);
    }
    let of = |values, width| Rows { values, width };
    (of(features, 10), of(numbers, 1))
}

#[test]
fn a_forest_predicts_diabetes_as_well_as_that_of_scikit_learn() {
    let (train, train_numbers) = diabetes(include_str!("../../../experiments/diabetes/train.csv"));
    let (test, test_numbers) = diabetes(include_str!("../../../experiments/diabetes/test.csv"));
    let truth: Vec<f64> = test_numbers.values.iter().map(|y| f64::from(*y)).collect();
    let mean = truth.iter().sum::<f64>() / truth.len() as f64;
    let all: f64 = truth.iter().map(|y| (y - mean).powi(2)).sum();
    let reference = &reference()["forest"];
    let seeds = reference["seeds"].as_u64().unwrap();
    let r2 = |seed| {
        let options = FitOptions { seed, ..OPTIONS };
        let data = (&train, &train_numbers);
        let forest = fitted("random-forest", &json!({}), data, options).unwrap();
        let predicted = forest.predict(test.features(), 1).unwrap();
        let pairs = predicted.iter().zip(&truth);
        let left: f64 = pairs.map(|(p, y)| (y - f64::from(*p)).powi(2)).sum();
        1.0 - left / all
    };
    let found: Vec<f64> = (0..seeds).map(r2).collect();
    let count = found.len() as f64;
    let own = found.iter().sum::<f64>() / count;
    let squares: f64 = found.iter().map(|r2| (r2 - own).powi(2)).sum();
    let variance = squares / (count - 1.0);
    let of = |key: &str| reference[key].as_f64().unwrap();
    // Both means vary with their seeds.
    let error = ((variance + of("deviation").powi(2)) / count).sqrt();
    let away = own - of("mean");
    let deviation = variance.sqrt();
    assert!(
        away.abs() < 4.0 * error,
        "{own} ± {deviation}, scikit-learn {reference}"
    );
    assert!(deviation < 2.0 * of("deviation"), "{deviation}");
}

/// All a forest can learn of a constant is the constant, of one sample its numbers; large and far away, they lose no digits.
#[test]
fn small_and_strange_numbers() {
    let check = |features: &[f32], numbers: &[f32], expected: &[f32]| {
        let rows = |values: &[f32], width| Rows {
            values: values.to_vec(),
            width,
        };
        let width = numbers.len() / features.len();
        let data = (&rows(features, 1), &rows(numbers, width));
        let parameters = json!({"trees": 3, "bootstrap": false});
        let forest = fitted("random-forest", &parameters, data, OPTIONS).unwrap();
        assert_eq!(forest.predict(data.0.features(), width).unwrap(), expected);
    };
    check(&[1.0, 2.0, 3.0], &[7.0; 3], &[7.0; 3]);
    check(&[1.0], &[-3.5, 1e30], &[-3.5, 1e30]);
    // Samples that no feature tells apart have their mean.
    check(&[1.0, 1.0, 2.0], &[0.0, 4.0, 9.0], &[2.0, 2.0, 9.0]);
    let far = [16_777_210.0, 16_777_211.0, 16_777_212.0, 16_777_214.0];
    check(&[1.0, 2.0, 3.0, 4.0], &far, &far);
    let largest = [f32::MAX, f32::MIN, f32::MAX];
    check(&[1.0, 2.0, 3.0], &largest, &largest);
}

#[test]
fn what_is_of_classes_alone_is_refused() {
    let reference = reference();
    let data = (&rows(&reference["features"]), &rows(&reference["numbers"]));
    let check = |head: &str, parameters: Value, expected: &str| {
        let error = fitted(head, &parameters, data, OPTIONS).err().unwrap();
        assert!(error.to_string().contains(expected), "{head}: {error}");
    };
    let weights = json!({"class-weights": "balanced"});
    let expected = "`class-weights` does not go with a target of numbers";
    check("random-forest", weights.clone(), expected);
    check("ridge", weights, expected);
}
