//! Cases about numbers as targets: datasets that have them, heads that are fitted to them.

use super::classifier::{CLASSIFIER, USUAL, clouds};
use super::{case, expect, same};
use crate::inputs::Clouds;
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::Kind;

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
    case!(
        "classifier-number-columns",
        CLASSIFIER,
        "fitted to two columns of numbers it keeps them apart, in either order",
        columns
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
    let [numbers, _] = targets(&clouds);
    let first = predicted(subject, &clouds, &[&numbers])?;
    expect(
        same(&first, &predicted(subject, &clouds, &[&numbers])?),
        || "the same fit predicts other numbers".to_owned(),
    )?;
    Ok(Outcome::Ok)
}

fn columns(subject: &Subject) -> Tried<Outcome> {
    if !subject.component()?.numbers {
        return Ok(Outcome::Skipped("it is fitted to classes alone".to_owned()));
    }
    let clouds = clouds();
    let [first, second] = targets(&clouds);
    let found = predicted(subject, &clouds, &[&first, &second])?;
    let mean = |numbers: &[f32], column: usize, columns: usize| {
        let own = numbers.iter().skip(column).step_by(columns);
        own.map(|number| f64::from(*number)).sum::<f64>() / clouds.samples() as f64
    };
    let truth = [mean(&first, 0, 1), mean(&second, 0, 1)];
    for (column, own) in truth.iter().enumerate() {
        let (predicted, other) = (mean(&found, column, 2), truth[1 - column]);
        expect((predicted - own).abs() < (predicted - other).abs(), || {
            format!(
                "numbers of column {column} with the mean {own:.0} are predicted with the mean {predicted:.0}; those of the other have {other:.0}"
            )
        })?;
    }
    let exchanged = predicted(subject, &clouds, &[&second, &first])?;
    let rows = found.chunks_exact(2).zip(exchanged.chunks_exact(2));
    for (sample, (found, exchanged)) in rows.enumerate() {
        for column in 0..2 {
            let (one, other) = (found[column], exchanged[1 - column]);
            // What sums in another order may be wrong by.
            expect((one - other).abs() <= 1e-6 * one.abs().max(1.0), || {
                format!(
                    "sample {sample}, column {column}: {one}, but {other} where the columns are exchanged"
                )
            })?;
        }
    }
    Ok(Outcome::Ok)
}

/// Two functions of the features, far apart.
fn targets(clouds: &Clouds) -> [Vec<f32>; 2] {
    let rows = || clouds.data.chunks_exact(clouds.dimensions);
    [
        rows()
            .map(|row| 100.0 + row[0] - 2.0 * row[clouds.dimensions - 1])
            .collect(),
        rows().map(|row| 3.0 * row[1] - 500.0).collect(),
    ]
}

/// What a new head predicts of the clouds that it was fitted to with these columns, samples × columns.
fn predicted(subject: &Subject, clouds: &Clouds, columns: &[&[f32]]) -> Tried<Vec<f32>> {
    let (samples, dimensions, count) = (clouds.samples(), clouds.dimensions, columns.len());
    let numbers: Vec<f32> = (0..samples)
        .flat_map(|sample| columns.iter().map(move |column| column[sample]))
        .collect();
    let mut head = subject.classifier()?;
    head.fit_numbers(&clouds.data, samples, dimensions, (&numbers, count), USUAL)
        .map_err(|error| subject.fault(&error))?;
    (head.predict(&clouds.data, samples, dimensions, count)).map_err(|error| subject.fault(&error))
}
