//! Cross-validation: examples cut into folds.

use topwork_engine::Stream;
use topwork_measure::Targets;

use super::{groups, iterative};

/// Cuts examples of which this is true into folds, each ascending: each has its share of every class, of every tenth of numbers, of
/// every label. Examples of one group, where there are `groups`, stay together.
pub fn of_targets(
    targets: Targets<'_>,
    classes: usize,
    groups: Option<&[u32]>,
    folds: usize,
    stream: &mut Stream,
) -> Vec<Vec<usize>> {
    if let (Targets::Multilabel(labels), None) = (targets, groups) {
        return iterative::cut(labels, folds, stream);
    }
    let (strata, count) = targets.strata(classes);
    match groups {
        Some(groups) => groups::cut(&strata, groups, count, folds, stream),
        None => cut(&strata, count, folds, stream),
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
