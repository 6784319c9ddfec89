//! Cases about what a classifier head says that it does as layers: exported models compute that instead of asking it.

use super::classifier::{CLASSIFIER, class, clouds, fitted, scores};
use super::{case, expect};
use crate::inputs::Clouds;
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::Classifier;

pub const CASES: &[Case] = &[
    case!(
        "classifier-layers",
        CLASSIFIER,
        "the layers that it says it is give the scores that it predicts",
        as_predicted
    ),
    case!(
        "classifier-layers-unseen",
        CLASSIFIER,
        "that holds where no training sample is of some class, or all are of one",
        unseen
    ),
];

/// The largest difference of two scores, as a share of the largest of their sample by magnitude: what single precision rounds,
/// in sums of hundreds of terms.
const TOLERANCE: f64 = 1e-4;

/// Scores as low as this stand for a class that no sample was of, and are no measure for others.
const BEYOND: f64 = 1e30;

fn as_predicted(subject: &Subject) -> Tried<Outcome> {
    for clouds in [
        clouds(),
        Clouds::new(15, 2, 10, 1),
        Clouds::new(16, 12, 5, 24),
    ] {
        let classifier = fitted(subject, &clouds)?;
        let others = Clouds::new(17, clouds.classes, 20, clouds.dimensions);
        same_scores(subject, &classifier, &others)?;
    }
    Ok(Outcome::Ok)
}

fn unseen(subject: &Subject) -> Tried<Outcome> {
    for kept in [2, 1] {
        let mut clouds = Clouds::new(12, 4, 10, 8);
        for label in &mut clouds.labels {
            *label = *label % kept + 1;
        }
        let classifier = fitted(subject, &clouds)?;
        same_scores(subject, &classifier, &clouds)?;
    }
    Ok(Outcome::Ok)
}

fn same_scores(subject: &Subject, classifier: &Classifier, clouds: &Clouds) -> Tried<()> {
    let layers = classifier
        .layers(clouds.dimensions, clouds.classes)
        .map_err(|error| subject.fault(&error))?;
    let Some(layers) = layers else {
        return Err(Outcome::Skipped(
            "it does not say what it does as layers".to_owned(),
        ));
    };
    let predicted = scores(subject, classifier, clouds)?;
    let said = layers.scores(&clouds.data);
    let rows = predicted.chunks_exact(clouds.classes);
    for (sample, (predicted, said)) in rows.zip(said.chunks_exact(clouds.classes)).enumerate() {
        let sizes = predicted.iter().map(|score| f64::from(*score).abs());
        let largest = (sizes.filter(|size| *size < BEYOND)).fold(f64::MIN_POSITIVE, f64::max);
        for (place, (predicted, said)) in predicted.iter().zip(said).enumerate() {
            let wide = f64::from(*predicted);
            let scale = if wide.abs() < BEYOND {
                largest
            } else {
                wide.abs()
            };
            expect((wide - said).abs() <= TOLERANCE * scale, || {
                format!(
                    "sample {sample} has the score {predicted} for class {place}, its layers give {said}"
                )
            })?;
        }
        let single: Vec<f32> = said.iter().map(|score| *score as f32).collect();
        let (found, wanted) = (class(&single), class(predicted));
        let tie = f64::from(predicted[wanted]) - f64::from(predicted[found]) <= TOLERANCE * largest;
        expect(found == wanted || tie, || {
            format!("sample {sample} is of class {wanted}, by its layers of class {found}")
        })?;
    }
    Ok(())
}
