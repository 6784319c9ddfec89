//! What the fits for all folds come to together.

use topwork_keys::sha256;
use topwork_measure::FitReport;

use crate::{data::Draw, proof::Proof, strategies::Fitted};

/// The examples a row is measured on, ascending, with what is said of them.
pub struct Tested {
    /// Indices into the task's measured examples.
    pub examples: Vec<usize>,
    /// The fold each was left out with, from 1; empty without folds.
    pub folds: Vec<u32>,
    /// Scores, `examples × classes`.
    pub scores: Vec<f32>,
}

impl Tested {
    /// Joins the scores of every fit, which are in the order of its draw's test examples.
    pub fn new(draws: &[Draw], scores: Vec<Vec<f32>>, classes: usize) -> Self {
        if let [draw] = draws {
            return Self {
                examples: draw.test.clone(),
                folds: Vec::new(),
                scores: scores.concat(),
            };
        }
        let mut all: Vec<(usize, u32, &[f32])> = (1..)
            .zip(draws.iter().zip(&scores))
            .flat_map(|(fold, (draw, scores))| {
                let of_examples = draw.test.iter().zip(scores.chunks_exact(classes));
                of_examples.map(move |(example, scores)| (*example, fold, scores))
            })
            .collect();
        all.sort_unstable_by_key(|(example, ..)| *example);
        Self {
            examples: all.iter().map(|(example, ..)| *example).collect(),
            folds: all.iter().map(|(_, fold, _)| *fold).collect(),
            scores: all
                .iter()
                .flat_map(|(.., scores)| *scores)
                .copied()
                .collect(),
        }
    }
}

/// The mean of what several fits say of the same examples.
pub fn mean_scores(fits: &[Vec<f32>]) -> Vec<f32> {
    if let [only] = fits {
        return only.clone();
    }
    let mut sums = vec![0.0; fits.first().map_or(0, Vec::len)];
    for scores in fits {
        for (sum, score) in sums.iter_mut().zip(scores) {
            *sum += f64::from(*score);
        }
    }
    let count = fits.len() as f64;
    sums.into_iter().map(|sum| (sum / count) as f32).collect()
}

/// What the fits for all folds come to together, in their order; `None` without any. Times add up; scores and what can be saved belong to one fold and are not joined. What scores
/// are is promised of all folds or of none.
/// `own_features` says that every fit had features of its own making, so that what was frozen
/// differs from fold to fold.
pub fn joined(mut fits: Vec<Fitted>, own_features: bool) -> Option<Fitted> {
    let proofs = fits.iter_mut().filter_map(|fit| fit.proof.take()).collect();
    let reports = fits
        .iter_mut()
        .map(|fit| std::mem::take(&mut fit.report))
        .collect();
    let mut fits = fits.into_iter();
    let mut all = fits.next()?;
    for next in fits {
        all.fit_seconds += next.fit_seconds;
        all.evaluate_seconds += next.evaluate_seconds;
        all.scores_are = all.scores_are.and(next.scores_are);
        all.temperatures.extend(next.temperatures);
        all.selected.extend(next.selected);
        if let Some((all, next)) = all.uncalibrated.as_mut().zip(next.uncalibrated) {
            all.are = all.are.and(next.are);
        }
    }
    all.proof = proof_of_all(proofs, own_features);
    all.report = FitReport::of_folds(reports);
    Some(all)
}

/// One proof for all folds. What was frozen must be the same from the first to the last, unless
/// every fold had its own; then it is the digest of their digests that must be.
fn proof_of_all(proofs: Vec<Proof>, own: bool) -> Option<Proof> {
    let of = proofs.first()?.of;
    if own && proofs.len() > 1 {
        let all = |of: fn(&Proof) -> &str| {
            let digests: Vec<&str> = proofs.iter().map(of).collect();
            sha256(digests.concat().as_bytes())
        };
        return Some(Proof {
            before: all(|proof| &proof.before),
            after: all(|proof| &proof.after),
            of,
        });
    }
    let before = proofs.first()?.before.clone();
    let changed = (proofs.into_iter())
        .flat_map(|proof| [proof.before, proof.after])
        .find(|digest| *digest != before);
    Some(Proof {
        after: changed.unwrap_or_else(|| before.clone()),
        before,
        of,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proof::Proved;

    #[test]
    fn a_proof_over_folds_shows_any_change() {
        let proof = |[before, after]: [&str; 2]| Proof {
            before: before.to_owned(),
            after: after.to_owned(),
            of: Proved::Answers { images: 16 },
        };
        let of_all = |folds: &[[&str; 2]], own| {
            proof_of_all(folds.iter().copied().map(proof).collect(), own)
        };
        let check = |folds: &[[&str; 2]], expected| {
            assert_eq!(of_all(folds, false), Some(proof(expected)), "{folds:?}");
        };
        check(&[["x", "x"], ["x", "x"]], ["x", "x"]);
        check(&[["x", "y"], ["x", "x"]], ["x", "y"]);
        check(&[["x", "x"], ["y", "y"]], ["x", "y"]);
        check(&[["x", "x"], ["x", "x"], ["x", "z"]], ["x", "z"]);
        assert_eq!(of_all(&[], false), None);
        let own = |folds| of_all(folds, true).unwrap().holds();
        assert!(own(&[["x", "x"], ["y", "y"]]));
        assert!(!own(&[["x", "x"], ["y", "z"]]));
        assert_eq!(of_all(&[["x", "x"]], true), Some(proof(["x", "x"])));
    }

    #[test]
    fn what_scores_are_is_promised_of_all_folds_or_of_none() {
        use topwork_host::Scores::{self, Logits, Probabilities, Ranking};
        let fit = |scores_are| Fitted {
            parameters: 1,
            report: FitReport::default(),
            scores: Vec::new(),
            further: Vec::new(),
            scores_are,
            uncalibrated: None,
            temperatures: Vec::new(),
            selected: Vec::new(),
            fit_seconds: 0.0,
            evaluate_seconds: 0.0,
            saved: Vec::new(),
            proof: None,
            multipliers: None,
        };
        let cases: [(&[Scores], Scores); 6] = [
            (&[Logits], Logits),
            (&[Logits, Logits, Logits], Logits),
            (&[Probabilities, Probabilities], Probabilities),
            (&[Logits, Probabilities, Logits], Ranking),
            (&[Probabilities, Ranking, Probabilities], Ranking),
            (&[Logits, Logits, Ranking], Ranking),
        ];
        for (folds, expected) in cases {
            let all = joined(folds.iter().copied().map(fit).collect(), false).unwrap();
            assert_eq!(all.scores_are, expected, "{folds:?}");
        }
    }

    #[test]
    fn what_is_said_of_all_folds_comes_in_the_order_of_the_examples() {
        let draw = |test: &[usize]| Draw {
            train: Vec::new(),
            test: test.to_vec(),
        };
        let scores = vec![vec![0.0, 0.5, 3.0, 3.5], vec![1.0, 1.5, 2.0, 2.5]];
        let tested = Tested::new(&[draw(&[0, 3]), draw(&[1, 2])], scores, 2);
        assert_eq!(tested.examples, [0, 1, 2, 3]);
        assert_eq!(tested.folds, [1, 2, 2, 1]);
        assert_eq!(tested.scores, [0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5]);
        let alone = Tested::new(&[draw(&[4, 7])], vec![vec![1.0, 2.0]], 1);
        assert_eq!((alone.examples, alone.folds.len()), (vec![4, 7], 0));
    }
}
