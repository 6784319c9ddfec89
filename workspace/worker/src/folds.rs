//! Cross-validation: examples cut into folds, and what the fits for all folds come to together.

use topwork_engine::Stream;

use crate::{draw::Draw, fit::Fitted, proof::Proof};

/// Cuts the examples with these labels into stratified folds, each ascending. Every fold has its
/// share of every class, and of all examples, to within one.
///
/// R. Kohavi, "A study of cross-validation and bootstrap for accuracy estimation and model
/// selection", IJCAI 1995, 1137–1143.
pub fn cut(labels: &[u32], classes: usize, folds: usize, stream: &mut Stream) -> Vec<Vec<usize>> {
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (example, label) in labels.iter().enumerate() {
        members[*label as usize].push(example);
    }
    for class in &mut members {
        stream.shuffle(class);
    }
    let mut cut = vec![Vec::new(); folds];
    // A class goes on where the one before it has ended, so that no fold gets the odd example of
    // every class.
    for (example, fold) in members.into_iter().flatten().zip((0..folds).cycle()) {
        cut[fold].push(example);
    }
    for fold in &mut cut {
        fold.sort_unstable();
    }
    cut
}

/// The examples that are not in `fold`; both ascending.
pub fn others(examples: usize, fold: &[usize]) -> Vec<usize> {
    let mut left_out = fold.iter().copied().peekable();
    (0..examples)
        .filter(|example| left_out.next_if_eq(example).is_none())
        .collect()
}

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

impl Fitted {
    /// Takes in what the fit for the next fold came to. Times and iterations add up; scores and
    /// what can be saved belong to one fold and are not taken in.
    pub fn and(mut self, next: Fitted) -> Fitted {
        self.converged = self.converged.zip(next.converged).map(|(a, b)| a && b);
        self.iterations += next.iterations;
        self.fit_seconds += next.fit_seconds;
        self.evaluate_seconds += next.evaluate_seconds;
        self.proof = (self.proof.zip(next.proof)).map(|(all, next)| all.and(next));
        self
    }
}

impl Proof {
    /// That nothing has changed from the beginning of this to the end of `next`, nor in between.
    fn and(self, next: Proof) -> Proof {
        let Proof { before, after } = self;
        let changed = [after, next.before, next.after]
            .into_iter()
            .find(|digest| *digest != before);
        Proof {
            after: changed.unwrap_or_else(|| before.clone()),
            before,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn proof(digests: [&str; 2]) -> Proof {
        let [before, after] = digests.map(str::to_owned);
        Proof { before, after }
    }

    #[test]
    fn a_proof_over_folds_shows_any_change() {
        let check = |a, b, expected| assert_eq!(proof(a).and(proof(b)), proof(expected));
        check(["x", "x"], ["x", "x"], ["x", "x"]);
        check(["x", "y"], ["x", "x"], ["x", "y"]);
        check(["x", "x"], ["y", "y"], ["x", "y"]);
        check(["x", "x"], ["x", "z"], ["x", "z"]);
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

    proptest! {
        #[test]
        fn folds_are_stratified_and_every_example_is_in_one(labels in prop::collection::vec(0_u32..5, 10..300), folds in 2_usize..10, seed: u64) {
            let cut = |seed| super::cut(&labels, 5, folds, &mut Stream::new(seed, "folds"));
            let found = cut(seed);
            prop_assert_eq!(found.len(), folds);
            let mut all = found.concat();
            all.sort_unstable();
            prop_assert!(all.iter().copied().eq(0..labels.len()));
            let even = |sizes: Vec<usize>| sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1;
            prop_assert!(even(found.iter().map(Vec::len).collect()));
            for class in 0..5 {
                let of_class = |fold: &Vec<usize>| fold.iter().filter(|example| labels[**example] == class).count();
                prop_assert!(even(found.iter().map(of_class).collect()), "class {}", class);
            }
            for fold in &found {
                prop_assert!(fold.is_sorted());
                let mut both = [&others(labels.len(), fold)[..], fold].concat();
                both.sort_unstable();
                prop_assert_eq!(&both, &all);
            }
            prop_assert_eq!(&found, &cut(seed));
        }

        #[test]
        fn another_seed_cuts_otherwise(seed: u64) {
            let labels: Vec<u32> = (0..100).map(|example| example % 4).collect();
            let cut = |seed| super::cut(&labels, 4, 5, &mut Stream::new(seed, "folds"));
            prop_assert_ne!(cut(seed), cut(seed.wrapping_add(1)));
        }
    }
}
