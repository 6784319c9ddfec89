//! Cases about numbers as targets: datasets that have them, heads that are fitted to them.

use super::classifier::{CLASSIFIER, USUAL, clouds};
use super::{case, expect, same};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{Classifier, Kind};

pub const CASES: &[Case] = &[
    case!(
        "dataset-numbers",
        &[Kind::Dataset],
        "where it has numbers, every split has them, finite and the same at every call",
        of_dataset
    ),
    case!(
        "classifier-numbers",
        CLASSIFIER,
        "fitted to numbers it predicts finite ones, the same at every fit",
        of_classifier
    ),
];

fn of_dataset(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let mut any = false;
    for split in &dataset.describe().splits {
        let read = || {
            let read = dataset.numbers(&split.name);
            read.map_err(|error| subject.fault(&error))
        };
        let numbers = read()?;
        any |= !numbers.is_empty();
        expect(same(&numbers, &read()?), || {
            format!("the numbers of `{}` change from call to call", split.name)
        })?;
    }
    Ok(match any {
        true => Outcome::Ok,
        false => Outcome::Skipped("it has classes".to_owned()),
    })
}

fn of_classifier(subject: &Subject) -> Tried<Outcome> {
    if !subject.component()?.numbers {
        return Ok(Outcome::Skipped("it is fitted to classes alone".to_owned()));
    }
    let clouds = clouds();
    let (samples, dimensions) = (clouds.samples(), clouds.dimensions);
    // Any function of the features.
    let numbers: Vec<f32> = (clouds.data.chunks_exact(dimensions))
        .map(|row| 100.0 + row[0] - 2.0 * row[dimensions - 1])
        .collect();
    let fitted = || -> Tried<Classifier> {
        let mut head = subject.classifier()?;
        head.fit_numbers(&clouds.data, samples, dimensions, (&numbers, 1), USUAL)
            .map_err(|error| subject.fault(&error))?;
        Ok(head)
    };
    let predicted = |head: &Classifier| {
        (head.predict(&clouds.data, samples, dimensions, 1)).map_err(|error| subject.fault(&error))
    };
    let first = predicted(&fitted()?)?;
    expect(same(&first, &predicted(&fitted()?)?), || {
        "the same fit predicts other numbers".to_owned()
    })?;
    Ok(Outcome::Ok)
}
