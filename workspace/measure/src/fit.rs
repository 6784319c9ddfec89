//! What a head says of its fit, from the plugin to the screen.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a head says of its fit. Whoever carries it from the plugin to a table carries it whole.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
        let all = |of: fn(&Self) -> Option<bool>| {
            let said: Option<Vec<bool>> = folds.iter().map(of).collect();
            said.filter(|said| !said.is_empty())
                .map(|said| said.into_iter().all(|said| said))
        };
        let sum: Option<u64> = folds.iter().map(|fold| fold.iterations).sum();
        Self {
            converged: all(|fold| fold.converged),
            iterations: sum.filter(|_| !folds.is_empty()),
            note: note_of_all(folds.into_iter().map(|fold| fold.note).collect()),
        }
    }
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
    fn a_fold_that_does_not_converge_counts_for_all() {
        let check = |converged: &[Option<bool>], expected| {
            let folds = converged.iter().map(|converged| FitReport {
                converged: *converged,
                note: None,
                iterations: Some(3),
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
