//! Cases about classifier heads with samples that are few, alike or huge, and with calls out of turn.

use super::classifier::{CLASSIFIER, USUAL, clouds, fitted};
use super::{advise, case};
use crate::inputs::Clouds;
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{Ending, HostError};

pub const CASES: &[Case] = &[
    case!(
        "classifier-one-each",
        CLASSIFIER,
        "one sample of each class is enough, or is refused with a reason",
        one_each
    ),
    case!(
        "classifier-missing-class",
        CLASSIFIER,
        "a class without samples leaves finite scores, or is refused with a reason",
        missing_class
    ),
    case!(
        "classifier-constant",
        CLASSIFIER,
        "features that are all the same leave finite scores, or are refused with a reason",
        constant
    ),
    case!(
        "classifier-huge",
        CLASSIFIER,
        "features of a million leave finite scores, or are refused with a reason",
        huge
    ),
    case!(
        "classifier-wide",
        CLASSIFIER,
        "more dimensions than samples leave finite scores, or are refused with a reason",
        wide
    ),
    case!(
        "classifier-one-dimension",
        CLASSIFIER,
        "a single feature leaves finite scores, or is refused with a reason",
        one_dimension
    ),
    case!(
        beyond "classifier-unfitted",
        CLASSIFIER,
        "predicting before a fit is refused",
        unfitted
    ),
    case!(
        beyond "classifier-other-dimensions",
        CLASSIFIER,
        "predicting samples of other dimensions than those of the fit is refused",
        other_dimensions
    ),
    case!(
        beyond "classifier-null-note",
        CLASSIFIER,
        "a fit without a place for its note goes well",
        null_note
    ),
];

/// Fits and predicts. A refusal with a reason is as good; what is not is a panic, or something that breaks the contract.
fn fits_or_refuses(subject: &Subject, clouds: &Clouds) -> Tried<Outcome> {
    let mut classifier = subject.classifier()?;
    let (data, labels) = (&clouds.data, &clouds.labels);
    let (samples, dimensions) = (clouds.samples(), clouds.dimensions);
    let outcome = classifier
        .fit(data, samples, dimensions, labels, clouds.classes, USUAL)
        .and_then(|_| classifier.predict(data, samples, dimensions, clouds.classes));
    match outcome {
        Ok(_) => Ok(Outcome::Ok),
        Err(HostError::Call { ending, text, .. })
            if !text.is_empty()
                && matches!(
                    ending,
                    Ending::BadParameters | Ending::BadData | Ending::Failed
                ) =>
        {
            Ok(Outcome::Ok)
        }
        Err(error) => Err(Outcome::Failed(error.to_string())),
    }
}

fn one_each(subject: &Subject) -> Tried<Outcome> {
    fits_or_refuses(subject, &Clouds::new(11, 4, 1, 6))
}

fn missing_class(subject: &Subject) -> Tried<Outcome> {
    let mut clouds = Clouds::new(12, 3, 10, 6);
    for label in &mut clouds.labels {
        if *label == 1 {
            *label = 2;
        }
    }
    fits_or_refuses(subject, &clouds)
}

fn constant(subject: &Subject) -> Tried<Outcome> {
    for number in [0.0, 1.0] {
        let mut clouds = clouds();
        clouds.data.fill(number);
        fits_or_refuses(subject, &clouds)?;
    }
    Ok(Outcome::Ok)
}

fn huge(subject: &Subject) -> Tried<Outcome> {
    let mut clouds = clouds();
    for number in &mut clouds.data {
        *number *= 1e6;
    }
    fits_or_refuses(subject, &clouds)
}

fn wide(subject: &Subject) -> Tried<Outcome> {
    fits_or_refuses(subject, &Clouds::new(13, 2, 4, 500))
}

fn one_dimension(subject: &Subject) -> Tried<Outcome> {
    fits_or_refuses(subject, &Clouds::new(14, 2, 10, 1))
}

fn refused(what: &str, result: Result<Vec<f32>, HostError>) -> Tried<Outcome> {
    match result {
        Ok(_) => Err(Outcome::Warning(format!("{what} gives scores"))),
        Err(HostError::Call { ending, .. }) => {
            advise(ending != Ending::Panicked, || {
                format!("{what} ends in a panic")
            })?;
            Ok(Outcome::Ok)
        }
        Err(error) => Err(Outcome::Warning(error.to_string())),
    }
}

fn unfitted(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let classifier = subject.classifier()?;
    let scores = classifier.predict(
        &clouds.data,
        clouds.samples(),
        clouds.dimensions,
        clouds.classes,
    );
    refused("predicting before a fit", scores)
}

fn other_dimensions(subject: &Subject) -> Tried<Outcome> {
    let classifier = fitted(subject, &clouds())?;
    let scores = classifier.predict(&[1.0; 10], 2, 5, clouds().classes);
    refused("predicting samples of other dimensions", scores)
}

fn null_note(subject: &Subject) -> Tried<Outcome> {
    let clouds = clouds();
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    let said = instance.fit_without_note(
        &clouds.data,
        clouds.dimensions,
        &clouds.labels,
        clouds.classes,
    );
    advise(said.is_ok(), || {
        format!(
            "status {}: {}",
            said.status,
            String::from_utf8_lossy(&said.error)
        )
    })?;
    Ok(Outcome::Ok)
}
