//! What a head says of its fit, from the plugin to the screen.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::number::any;

/// What a head says of its fit. Whoever carries it from the plugin to a table carries it whole.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct FitReport {
    /// Whether the fit converged, with folds every one; none where the notion does not apply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub converged: Option<bool>,
    /// What the head says of its fit, one line for people; with folds of every one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// Iterations of the fit, or epochs; with folds of all fits together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub iterations: Option<u64>,
    /// What else the fit has found, by names that the head gives, such as `support-vectors`; of several fits, those of folds or
    /// of labels, what all of them tell: the means of numbers.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, Fact>,
}

/// One thing that a fit has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Fact {
    /// A finite number.
    Number(f64),
    /// A text of one line.
    Text(String),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Text(text) => f.write_str(text),
            Fact::Number(number) => f.write_str(&any(*number)),
        }
    }
}

impl FitReport {
    /// Of layers trained by gradient for so many epochs.
    pub fn of_epochs(epochs: usize) -> Self {
        Self {
            iterations: Some(epochs as u64),
            ..Self::default()
        }
    }

    /// What the reports of several folds come to together, in their order.
    pub fn of_folds(folds: Vec<Self>) -> Self {
        let together = Self::together(&folds.iter().collect::<Vec<_>>());
        let note = note_of_all(folds.into_iter().map(|fold| fold.note).collect());
        Self { note, ..together }
    }

    /// What the reports of several fits come to together, but for a note.
    pub fn together(fits: &[&Self]) -> Self {
        let Some((first, others)) = fits.split_first() else {
            return Self::default();
        };
        let converged: Option<Vec<bool>> = fits.iter().map(|fit| fit.converged).collect();
        let facts = (first.facts.keys()).filter_map(|name| {
            let of_all: Option<Vec<&Fact>> = fits.iter().map(|fit| fit.facts.get(name)).collect();
            Some((name.clone(), fact_of_all(&of_all?)))
        });
        Self {
            converged: converged.map(|all| all.into_iter().all(|converged| converged)),
            iterations: (others.iter()).fold(first.iterations, |sum, fit| {
                Some(sum?.saturating_add(fit.iterations?))
            }),
            note: None,
            facts: facts.collect(),
        }
    }
}

/// The mean of numbers; of anything else each once, in the order of the fits.
fn fact_of_all(facts: &[&Fact]) -> Fact {
    let numbers: Option<Vec<f64>> = (facts.iter())
        .map(|fact| match fact {
            Fact::Number(number) => Some(*number),
            Fact::Text(_) => None,
        })
        .collect();
    if let Some(numbers) = numbers.filter(|numbers| !numbers.is_empty()) {
        return Fact::Number(numbers.iter().sum::<f64>() / numbers.len() as f64);
    }
    let mut texts: Vec<String> = Vec::new();
    for text in facts.iter().map(|fact| fact.to_string()) {
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    Fact::Text(texts.join(", "))
}

/// What all folds say, once. Otherwise folds that say the same stand together; up to the first colon, if what follows it, the
/// figures of each fold, is not the same.
fn note_of_all(notes: Vec<Option<String>>) -> Option<String> {
    let folds = notes.len();
    let mut said: Vec<(String, Vec<usize>)> = Vec::new();
    let what = |note: &str| note.split(": ").next().unwrap_or(note).to_owned();
    for (fold, note) in (1..).zip(notes) {
        let Some(note) = note else { continue };
        match said
            .iter_mut()
            .find(|(known, _)| what(known) == what(&note))
        {
            Some((known, folds)) => {
                folds.push(fold);
                if *known != note {
                    *known = what(known);
                }
            }
            None => said.push((note, vec![fold])),
        }
    }
    if let [(note, all)] = said.as_slice()
        && all.len() == folds
    {
        return Some(note.clone());
    }
    let told = said.iter().map(|(note, folds)| {
        let numbers: Vec<String> = folds.iter().map(usize::to_string).collect();
        let word = if folds.len() == 1 { "fold" } else { "folds" };
        format!("{word} {}: {note}", numbers.join(", "))
    });
    Some(told.collect::<Vec<_>>().join("; ")).filter(|told| !told.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_are_told_once_where_they_agree() {
        let check = |notes: &[Option<&str>], expected: Option<&str>| {
            let notes = notes.iter().map(|note| note.map(str::to_owned)).collect();
            assert_eq!(note_of_all(notes).as_deref(), expected);
        };
        check(&[None, None], None);
        check(&[Some("knn")], Some("knn"));
        check(&[Some("knn"), Some("knn")], Some("knn"));
        check(&[Some("knn"), None], Some("fold 1: knn"));
        check(
            &[Some("knn"), None, Some("lda")],
            Some("fold 1: knn; fold 3: lda"),
        );
        let picked = [
            "picked lda: 97.1 %",
            "picked knn: 96.0 %",
            "picked lda: 98.0 %",
            "picked lda: 97.1 %",
            "picked knn: 96.0 %",
        ];
        check(
            &picked.map(Some),
            Some("folds 1, 3, 4: picked lda; folds 2, 5: picked knn: 96.0 %"),
        );
        check(&[picked[0], picked[2]].map(Some), Some("picked lda"));
    }

    #[test]
    fn facts_that_all_fits_tell_are_told_together() {
        let fit = |facts: &[(&str, Fact)]| FitReport {
            facts: (facts.iter().cloned())
                .map(|(name, fact)| (name.to_owned(), fact))
                .collect(),
            ..FitReport::default()
        };
        let (number, text) = (Fact::Number, |text: &str| Fact::Text(text.to_owned()));
        let check = |fits: &[FitReport], expected: &[(&str, Fact)]| {
            let all = FitReport::together(&fits.iter().collect::<Vec<_>>());
            assert_eq!(all, fit(expected));
        };
        let lda = fit(&[("depth", number(3.0)), ("picked", text("lda"))]);
        let knn = fit(&[("depth", number(4.0)), ("picked", text("knn"))]);
        check(&[], &[]);
        check(
            std::slice::from_ref(&lda),
            &[("depth", number(3.0)), ("picked", text("lda"))],
        );
        check(
            &[lda.clone(), knn.clone(), lda.clone(), knn],
            &[("depth", number(3.5)), ("picked", text("lda, knn"))],
        );
        // Not every fit tells of its depth.
        check(
            &[lda.clone(), fit(&[("picked", number(1.0))])],
            &[("picked", text("lda, 1"))],
        );
        check(&[lda, fit(&[])], &[]);
    }

    #[test]
    fn a_fold_that_does_not_converge_counts_for_all() {
        let check = |converged: &[Option<bool>], expected| {
            let folds = converged.iter().map(|converged| FitReport {
                converged: *converged,
                iterations: Some(3),
                ..Default::default()
            });
            let all = FitReport::of_folds(folds.collect());
            let iterations = (!converged.is_empty()).then_some(3 * converged.len() as u64);
            assert_eq!((all.converged, all.iterations), (expected, iterations));
        };
        check(&[], None);
        check(&[Some(true), Some(true)], Some(true));
        check(&[Some(true), Some(false)], Some(false));
        check(&[Some(true), None], None);
    }
}
