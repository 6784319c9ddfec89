//! Cases about classifier heads that are fitted for several values of a parameter at once.

use super::classifier::{CLASSIFIER, USUAL, class, clouds, fit_with, scores};
use super::{advise, case, expect, same};
use crate::inputs::Clouds;
use crate::subject::{Instance, Subject, Tried, classifier};
use crate::{Case, Outcome};
use serde_json::{Value, json};
use topwork_host::{Classifier, FittedClassifier};

pub const CASES: &[Case] = &[
    case!(
        "classifier-path",
        CLASSIFIER,
        "fitted for several values at once it is what a fit for each gives",
        as_alone
    ),
    case!(
        "classifier-path-order",
        CLASSIFIER,
        "the order of the values means nothing, and neither does the number of threads",
        order
    ),
    case!(
        "classifier-path-unseen",
        CLASSIFIER,
        "that holds where no training sample is of some class, or all are of one",
        unseen
    ),
    case!(
        "classifier-path-names",
        CLASSIFIER,
        "each parameter that it names is one of its schema",
        names
    ),
];

/// The largest difference from a score of the fit alone, as a share of the largest of the sample: what two searches that end by
/// the same tolerance may differ by.
const TOLERANCE: f64 = 2e-2;

/// Scores as low as this stand for a class that no sample was of, and are no measure for others.
const BEYOND: f32 = 1e30;

/// The parameters that it names; an early end where there are none.
fn named(subject: &Subject) -> Tried<(Classifier, Vec<String>)> {
    let classifier = subject.classifier()?;
    let names = classifier.path_parameters().to_vec();
    match names.is_empty() {
        true => Err(Outcome::Skipped(
            "it is not fitted for several values at once".to_owned(),
        )),
        false => Ok((classifier, names)),
    }
}

/// What the schema says of a parameter.
fn property<'a>(subject: &'a Subject, name: &str) -> Tried<&'a Value> {
    Ok(&subject.component()?.schema["properties"][name])
}

/// Values around the default that the component takes.
fn values(subject: &Subject, name: &str) -> Tried<Vec<Value>> {
    let property = property(subject, name)?;
    let wished: Vec<Value> = match (property["enum"].as_array(), &property["default"]) {
        (Some(words), _) => words.clone(),
        (None, Value::Number(default)) => match default.as_u64() {
            Some(whole) if property["type"] == "integer" => {
                [2, 1, 4].map(|times| json!(whole.max(1) * times)).into()
            }
            _ => {
                let default = default.as_f64().filter(|x| *x > 0.0).unwrap_or(1.0);
                [1.0, 8.0, 0.5, 2.0]
                    .map(|times| json!(default * times))
                    .into()
            }
        },
        _ => Vec::new(),
    };
    let taken = wished
        .into_iter()
        .filter(|value| made(subject, name, value).is_ok());
    let taken: Vec<Value> = taken.collect();
    match taken.len() {
        0 | 1 => Err(Outcome::Skipped(format!(
            "the schema tells of `{name}` no default from which values can be taken"
        ))),
        _ => Ok(taken),
    }
}

fn made(subject: &Subject, name: &str, value: &Value) -> Tried<Classifier> {
    let mut parameters = subject.parameters();
    parameters.insert(name.to_owned(), value.clone());
    let instance: Instance =
        (subject.create_with(&Value::Object(parameters))).map_err(|error| subject.fault(&error))?;
    classifier(instance)
}

fn fit_path(
    subject: &Subject,
    of: &Classifier,
    (name, values): (&str, &[Value]),
    clouds: &Clouds,
    threads: usize,
) -> Tried<Vec<FittedClassifier>> {
    let options = topwork_host::FitOptions { threads, ..USUAL };
    of.fit_path(
        name,
        values,
        &clouds.data,
        clouds.samples(),
        clouds.dimensions,
        &clouds.labels,
        clouds.classes,
        options,
    )
    .map_err(|error| subject.fault(&error))
}

fn as_alone(subject: &Subject) -> Tried<Outcome> {
    let (of, names) = named(subject)?;
    for name in names {
        let values = values(subject, &name)?;
        // More samples than features, and fewer.
        for clouds in [
            clouds(),
            Clouds::new(15, 2, 10, 1),
            Clouds::new(16, 12, 2, 30),
        ] {
            let fitted = fit_path(subject, &of, (&name, &values), &clouds, 1)?;
            expect(fitted.len() == values.len(), || {
                format!("{} fits for {} values", fitted.len(), values.len())
            })?;
            for (value, fitted) in values.iter().zip(&fitted) {
                let what = format!("`{name}` = {value}");
                as_fitted_alone(subject, (&name, value, &what), fitted, &clouds)?;
            }
        }
    }
    Ok(Outcome::Ok)
}

/// Compares one of a path with a fit of its own, also once it has been saved and loaded.
fn as_fitted_alone(
    subject: &Subject,
    (name, value, what): (&str, &Value, &str),
    fitted: &FittedClassifier,
    clouds: &Clouds,
) -> Tried<()> {
    let mut alone = made(subject, name, value)?;
    let report = fit_with(subject, &mut alone, clouds, USUAL)?.report;
    advise(fitted.fit.report.converged == report.converged, || {
        format!(
            "{what}: converged is {:?}, alone {:?}",
            fitted.fit.report.converged, report.converged
        )
    })?;
    expect(fitted.classifier.scores() == alone.scores(), || {
        format!("{what}: its scores are something else than those of a fit alone")
    })?;
    let test = Clouds::new(17, clouds.classes, 20, clouds.dimensions);
    let found = scores(subject, &fitted.classifier, &test)?;
    let expected = scores(subject, &alone, &test)?;
    let rows = found.chunks_exact(clouds.classes);
    for (sample, (found, expected)) in rows.zip(expected.chunks_exact(clouds.classes)).enumerate() {
        let sizes = expected.iter().map(|score| score.abs());
        let largest = sizes
            .filter(|size| *size < BEYOND)
            .fold(f32::MIN_POSITIVE, f32::max);
        let tolerance = TOLERANCE * f64::from(largest);
        let near =
            |(a, b): (&f32, &f32)| a == b || (f64::from(*a) - f64::from(*b)).abs() <= tolerance;
        expect(found.iter().zip(expected).all(near), || {
            format!("{what}: sample {sample} has the scores {found:?}, by a fit alone {expected:?}")
        })?;
        let (by_path, by_itself) = (class(found), class(expected));
        let tie = f64::from(expected[by_itself] - expected[by_path]) <= 2.0 * tolerance;
        expect(by_path == by_itself || tie, || {
            format!("{what}: sample {sample} is of class {by_path}, by a fit alone of {by_itself}")
        })?;
    }
    let Some(state) = fitted.classifier.save() else {
        return Ok(());
    };
    let state = state.map_err(|error| subject.fault(&error))?;
    let mut loaded = subject.classifier()?;
    match loaded.load(&state) {
        Some(Ok(())) => {}
        Some(Err(error)) => return Err(Outcome::Failed(error.to_string())),
        None => return Ok(()),
    }
    expect(same(&found, &scores(subject, &loaded, &test)?), || {
        format!("{what}: saved and loaded it gives other scores")
    })
}

fn order(subject: &Subject) -> Tried<Outcome> {
    let (of, names) = named(subject)?;
    // Enough samples that work is shared.
    let clouds = Clouds::new(5, 4, 300, 24);
    for name in names {
        let mut values = values(subject, &name)?;
        let mut expected = Vec::new();
        for fitted in fit_path(subject, &of, (&name, &values), &clouds, 1)? {
            expected.push(scores(subject, &fitted.classifier, &clouds)?);
        }
        values.reverse();
        expected.reverse();
        let fitted = fit_path(subject, &of, (&name, &values), &clouds, 4)?;
        for ((value, fitted), expected) in values.iter().zip(&fitted).zip(&expected) {
            let found = scores(subject, &fitted.classifier, &clouds)?;
            expect(same(&found, expected), || {
                format!(
                    "`{name}` = {value}: other scores with four threads and the values in another order"
                )
            })?;
        }
    }
    Ok(Outcome::Ok)
}

fn unseen(subject: &Subject) -> Tried<Outcome> {
    let (of, names) = named(subject)?;
    for name in names {
        let values = values(subject, &name)?;
        for kept in [2, 1] {
            let mut clouds = Clouds::new(12, 4, 10, 8);
            for label in &mut clouds.labels {
                *label = *label % kept + 1;
            }
            let fitted = fit_path(subject, &of, (&name, &values), &clouds, 1)?;
            for (value, fitted) in values.iter().zip(&fitted) {
                let what = format!("`{name}` = {value}");
                as_fitted_alone(subject, (&name, value, &what), fitted, &clouds)?;
            }
        }
    }
    Ok(Outcome::Ok)
}

fn names(subject: &Subject) -> Tried<Outcome> {
    let (_, names) = named(subject)?;
    for name in names {
        expect(property(subject, &name)?.is_object(), || {
            format!("`{name}` is no parameter of its schema")
        })?;
    }
    Ok(Outcome::Ok)
}
