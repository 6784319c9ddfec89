//! Cases about what a classifier head says its scores are. That what it calls probabilities are some is checked by the host
//! whenever it predicts, in the other cases, too.

use super::classifier::{CLASSIFIER, class, clouds, fitted, scores, state};
use super::{advise, case, expect};
use crate::inputs::{Clouds, numbers};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{Classifier, Scores};

pub const CASES: &[Case] = &[
    case!(
        "classifier-scores",
        CLASSIFIER,
        "what it says of its scores is known, and what it calls probabilities are some",
        are_what_is_said
    ),
    case!(
        "classifier-scores-unseen",
        CLASSIFIER,
        "a class without training samples has the probability 0, in logits as good as 0",
        unseen
    ),
    case!(
        "classifier-scores-saved",
        CLASSIFIER,
        "a loaded classifier says the same of its scores as the one that was saved",
        saved
    ),
    case!(
        "classifier-scores-unsure",
        CLASSIFIER,
        "where labels are noise, probabilities and logits do not say that they are known",
        unsure
    ),
];

/// How much more sure than right scores may be on labels that are noise. Votes of five neighbours are by 0.13 to 0.22, forests by
/// 0.11 to 0.15 (three draws, with scikit-learn); counts or distances taken for logits are by 0.4 and more.
const MOST_OVERCONFIDENT: f64 = 0.3;

/// The probabilities of each sample; an early end where the scores promise none.
fn probabilities(classifier: &Classifier, scores: &[f32], classes: usize) -> Tried<Vec<f64>> {
    let wide = |score: &f32| f64::from(*score);
    match classifier.scores() {
        Scores::Probabilities => Ok(scores.iter().map(wide).collect()),
        Scores::Logits => Ok((scores.chunks_exact(classes))
            .flat_map(|row| {
                let most = row.iter().map(wide).fold(f64::NEG_INFINITY, f64::max);
                let powers: Vec<f64> = row.iter().map(|s| (wide(s) - most).exp()).collect();
                let sum: f64 = powers.iter().sum();
                powers.into_iter().map(move |power| power / sum)
            })
            .collect()),
        _ => Err(Outcome::Skipped(
            "it does not say that its scores are probabilities or logits".to_owned(),
        )),
    }
}

fn are_what_is_said(subject: &Subject) -> Tried<Outcome> {
    for clouds in [
        clouds(),
        Clouds::new(15, 2, 10, 1),
        Clouds::new(16, 12, 5, 24),
    ] {
        let classifier = fitted(subject, &clouds)?;
        let others = Clouds::new(17, clouds.classes, 20, clouds.dimensions);
        let scores = scores(subject, &classifier, &others)?;
        probabilities(&classifier, &scores, clouds.classes)?;
    }
    Ok(Outcome::Ok)
}

fn unseen(subject: &Subject) -> Tried<Outcome> {
    let mut clouds = Clouds::new(12, 4, 10, 8);
    for label in &mut clouds.labels {
        if *label == 1 {
            *label = 2;
        }
    }
    let classifier = fitted(subject, &clouds)?;
    let scores = scores(subject, &classifier, &clouds)?;
    let found = probabilities(&classifier, &scores, clouds.classes)?;
    let most = (found.chunks_exact(clouds.classes).map(|row| row[1])).fold(0.0, f64::max);
    let limit = match classifier.scores() {
        Scores::Probabilities => 0.0,
        _ => 1e-6,
    };
    expect(most <= limit, || {
        format!("a class that no sample was of has the probability {most}")
    })?;
    Ok(Outcome::Ok)
}

fn saved(subject: &Subject) -> Tried<Outcome> {
    let classifier = fitted(subject, &clouds())?;
    let state = state(subject, &classifier)?;
    let mut loaded = subject.classifier()?;
    let Some(result) = loaded.load(&state) else {
        return Err(Outcome::Failed("it saves, but does not load".to_owned()));
    };
    result.map_err(|error| subject.fault(&error))?;
    let (before, after) = (classifier.scores(), loaded.scores());
    expect(before == after, || {
        format!("its scores were said to be {before:?}, after loading {after:?}")
    })?;
    Ok(Outcome::Ok)
}

fn unsure(subject: &Subject) -> Tried<Outcome> {
    // Three of five samples are of class 0, whatever their features.
    let noise = |seed: u64| Clouds {
        data: numbers(seed, 1000 * 2),
        labels: (numbers(seed + 100, 1000).iter())
            .map(|number| u32::from(*number > 0.2))
            .collect(),
        dimensions: 2,
        classes: 2,
    };
    let classifier = fitted(subject, &noise(18))?;
    let test = noise(19);
    let scores = scores(subject, &classifier, &test)?;
    let found = probabilities(&classifier, &scores, 2)?;
    let sure: f64 = found.chunks_exact(2).map(|row| row[0].max(row[1])).sum();
    let right = (scores.chunks_exact(2).zip(&test.labels))
        .filter(|(row, label)| class(row) == **label as usize)
        .count();
    let samples = test.samples() as f64;
    let (sure, right) = (sure / samples, right as f64 / samples);
    advise(sure - right <= MOST_OVERCONFIDENT, || {
        format!(
            "of labels that are noise it is sure to {:.1} % on average, and has {:.1} % right",
            100.0 * sure,
            100.0 * right
        )
    })?;
    Ok(Outcome::Ok)
}
