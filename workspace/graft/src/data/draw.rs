//! Which examples a row uses: all, or a subset in which every class, or every tenth of numbers ordered by size, keeps its share.

use std::collections::BTreeSet;

use topwork_engine::Stream;
use topwork_measure::{Targets, thousands};
use topwork_schema::{Plan, Strategy};

use topwork_tasks::TrunkId;

use crate::{
    GraftError,
    data::{SplitName, TaskExamples, folds, groups, iterative},
};

/// Which examples a row uses, as indices into the task's examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// For fitting.
    pub train: Vec<usize>,
    /// For measuring.
    pub test: Vec<usize>,
}

/// Test examples are the same for every seed, so that seeds differ in nothing but training.
const TEST_SEED: u64 = 0;

/// The examples of every row, fold by fold; without folds there is one [`Draw`] for a row. Rows
/// that want the same number get the same ones, and those of a smaller number are among those of a
/// larger one.
pub fn draws(plan: &Plan, target: &TaskExamples, seed: u64) -> Result<Vec<Vec<Draw>>, GraftError> {
    let folds = match plan.experiment.target.folds {
        Some(folds) => cut_target(target, folds, seed),
        None => Vec::new(),
    };
    let all: Vec<usize> = (0..target.train.labels.len()).collect();
    (plan.rows.iter())
        .map(|row| {
            let strategy = plan.strategy(row);
            let train = |from: &[usize]| match row.train_per_class {
                Some(count) => of_every_class(strategy, count, target, from, seed),
                None => {
                    let wanted = ("train-samples", row.train_samples);
                    subset(strategy, wanted, target, SplitName::Train, from, seed)
                }
            };
            if folds.is_empty() {
                let wanted = ("test-samples", strategy.test_samples);
                let from: Vec<usize> = (0..target.measured().labels.len()).collect();
                return Ok(vec![Draw {
                    train: train(&all)?,
                    test: subset(strategy, wanted, target, SplitName::Test, &from, TEST_SEED)?,
                }]);
            }
            (folds.iter())
                .map(|fold| {
                    Ok(Draw {
                        train: train(&folds::others(all.len(), fold))?,
                        test: fold.clone(),
                    })
                })
                .collect()
        })
        .collect()
}

/// The folds of a seed, the same for every row.
fn cut_target(target: &TaskExamples, folds: usize, seed: u64) -> Vec<Vec<usize>> {
    let mut stream = Stream::new(seed, "folds");
    let (targets, groups) = (target.train.targets(), target.groups());
    folds::of_targets(targets, target.classes, groups, folds, &mut stream)
}

/// Draws as many of the examples `from`, ascending, as the key asks for: all when it is not there.
fn subset(
    strategy: &Strategy,
    (key, count): (&str, Option<usize>),
    target: &TaskExamples,
    split: SplitName,
    from: &[usize],
    seed: u64,
) -> Result<Vec<usize>, GraftError> {
    let Some(count) = count else {
        return Ok(from.to_vec());
    };
    let (labels, strata) = target.examples(split).targets().strata(target.classes);
    let labels: Vec<u32> = from.iter().map(|&example| labels[example]).collect();
    let mut stream = Stream::new(seed, &format!("subset/{key}"));
    let drawn = stratified(&labels, strata, count, &mut stream);
    let drawn = drawn.ok_or_else(|| GraftError::Experiment {
        message: format!(
            "strategy `{}`: `{key} = {count}`, but the target has {} such samples in its classes",
            strategy.name,
            thousands(labels.len() as u64)
        ),
        hint: Some(format!("leave `{key}` out to use all of them")),
    })?;
    Ok(drawn.into_iter().map(|position| from[position]).collect())
}

/// Draws so many training examples of every class from those of `from`, ascending.
fn of_every_class(
    strategy: &Strategy,
    count: usize,
    target: &TaskExamples,
    from: &[usize],
    seed: u64,
) -> Result<Vec<usize>, GraftError> {
    let labels = &target.train.labels;
    let mut stream = Stream::new(seed, "subset/train-per-class");
    per_class(labels, from, target.classes, count, &mut stream).map_err(|(class, there)| {
        GraftError::Experiment {
            message: format!(
                "strategy `{}`: `train-per-class = {count}`, but the class `{}` has {} training samples to draw from",
                strategy.name,
                target.names.get(class).map_or("", String::as_str),
                thousands(there as u64)
            ),
            hint: Some(match there {
                0 => "leave it out".to_owned(),
                there => format!("write {there} or less"),
            }),
        }
    })
}

/// Draws `count` of the examples `from`, ascending, of every class; they come back in ascending order. Else the class with
/// the fewest and how many it has.
///
/// With one stream, all of a smaller draw are in a larger one.
pub fn per_class(
    labels: &[u32],
    from: &[usize],
    classes: usize,
    count: usize,
    stream: &mut Stream,
) -> Result<Vec<usize>, (usize, usize)> {
    let mut members = vec![Vec::new(); classes];
    for &example in from {
        members[labels[example] as usize].push(example);
    }
    let sizes = members.iter().map(Vec::len).enumerate();
    if let Some((class, there)) = sizes.min_by_key(|(_, size)| *size)
        && there < count
    {
        return Err((class, there));
    }
    let mut drawn = Vec::with_capacity(classes * count);
    for members in &mut members {
        stream.shuffle(members);
        drawn.extend_from_slice(&members[..count]);
    }
    drawn.sort_unstable();
    Ok(drawn)
}

/// The examples a row passes through a trunk: with folds every one once, as a training example.
pub fn passed(draws: &[Draw]) -> Draw {
    if let [draw] = draws {
        return draw.clone();
    }
    let examples: BTreeSet<usize> = (draws.iter())
        .flat_map(|draw| draw.test.iter().copied())
        .collect();
    Draw {
        train: examples.into_iter().collect(),
        test: Vec::new(),
    }
}

/// The examples whose features the rows with this trunk need, ascending.
pub fn needed(plan: &Plan, draws: &[Vec<Draw>], trunk: &TrunkId) -> Draw {
    let rows: Vec<Draw> = (plan.rows.iter().zip(draws))
        .filter(|(row, _)| TrunkId::of(plan, row).contains(trunk))
        .map(|(_, draws)| passed(draws))
        .collect();
    let union = |pick: fn(&Draw) -> &Vec<usize>| -> Vec<usize> {
        let examples: BTreeSet<usize> = (rows.iter())
            .flat_map(|draw| pick(draw).iter().copied())
            .collect();
        examples.into_iter().collect()
    };
    Draw {
        train: union(|draw| &draw.train),
        test: union(|draw| &draw.test),
    }
}

/// Splits examples into those to learn from and a stratified share held out for validation,
/// both ascending. Without a share, or with too few examples for one, nothing is held out. Examples of
/// one group, where there are `groups`, stay together.
pub fn hold_out(
    (targets, groups): (Targets<'_>, Option<&[u32]>),
    examples: &[usize],
    classes: usize,
    share: f64,
    stream: &mut Stream,
) -> (Vec<usize>, Vec<usize>) {
    let count = (examples.len() as f64 * share).round() as usize;
    let held_out = match (groups, targets) {
        (Some(groups), _) => {
            let (strata, strata_count) = targets.strata(classes);
            groups::held_out(&strata, groups, examples, strata_count, share, stream)
        }
        (None, Targets::Multilabel(labels)) => iterative::held_out(labels, examples, count, stream),
        (None, _) => {
            let (strata, strata_count) = targets.strata(classes);
            let chosen: Vec<u32> = examples.iter().map(|&example| strata[example]).collect();
            let held = stratified(&chosen, strata_count, count, stream).unwrap_or_default();
            held.into_iter()
                .map(|position| examples[position])
                .collect()
        }
    };
    let mut held = held_out.iter().peekable();
    let learnt = (examples.iter().copied()).filter(|example| held.next_if_eq(&example).is_none());
    (learnt.collect(), held_out)
}

/// Draws `count` of the samples with these labels, stratified: every class gets its share of
/// `count` to within one. The positions come back in ascending order. `None` when there are
/// fewer than `count`.
///
/// With one stream, all of a smaller draw are in a larger one: a curve over numbers of samples
/// shows what more samples give, not other samples.
pub fn stratified(
    labels: &[u32],
    classes: usize,
    count: usize,
    stream: &mut Stream,
) -> Option<Vec<usize>> {
    if count > labels.len() {
        return None;
    }
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); classes];
    for (position, &label) in labels.iter().enumerate() {
        members.get_mut(label as usize)?.push(position);
    }
    let mut drawn = Vec::with_capacity(count);
    for (members, take) in members.iter_mut().zip(shares(labels, classes, count)) {
        stream.shuffle(members);
        drawn.extend_from_slice(&members[..take]);
    }
    drawn.sort_unstable();
    Some(drawn)
}

/// How many of `count` places each class gets, to within one of its share and never fewer than of
/// a smaller count: places are given one after the other, each to the class that would first fall
/// behind its share among those that are not ahead of it. Largest remainders would not do: with
/// them a class can lose a place when there are more (the Alabama paradox).
///
/// R. Tijdeman, "The chairman assignment problem", Discrete Mathematics 32 (1980) 323–330.
fn shares(labels: &[u32], classes: usize, count: usize) -> Vec<usize> {
    let mut sizes = vec![0_u128; classes];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    let all = labels.len().max(1) as u128;
    // The bound of the paper: no class is ever further from its share than 1 - 1 / scale.
    let scale = 2 * (classes.max(2) as u128 - 1);
    let mut given = vec![0_u128; classes];
    for place in 1..=count as u128 {
        let due = |class: usize| scale * (given[class] + 1) - 1;
        let open =
            |&class: &usize| scale * sizes[class] * place >= (scale * given[class] + 1) * all;
        // The deadline of a class is due / size; compared without division.
        let first = (0..classes)
            .filter(open)
            .min_by(|&a, &b| (due(a) * sizes[b]).cmp(&(due(b) * sizes[a])));
        if let Some(class) = first {
            given[class] += 1;
        }
    }
    given.into_iter().map(|given| given as usize).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn shares_are_kept_to_within_one() {
        let check = |sizes: &[usize], count, expected: &[usize]| {
            let labels: Vec<u32> = (0..)
                .zip(sizes)
                .flat_map(|(class, n)| vec![class; *n])
                .collect();
            assert_eq!(
                shares(&labels, sizes.len(), count),
                expected,
                "{sizes:?} {count}"
            );
        };
        check(&[50, 30, 20], 10, &[5, 3, 2]);
        check(&[50, 30, 20], 11, &[6, 3, 2]);
        check(&[1, 1, 1], 2, &[1, 1, 0]);
        check(&[0, 4], 4, &[0, 4]);
        check(
            &[5421, 5918, 6265, 5851, 5949],
            1000,
            &[184, 201, 213, 199, 203],
        );
        // One of every rare class would leave the large one far behind.
        check(&[8, 1, 1, 1, 1], 6, &[4, 1, 1, 0, 0]);
    }

    #[test]
    fn more_than_there_are_cannot_be_drawn() {
        assert_eq!(stratified(&[0, 1], 2, 3, &mut Stream::new(1, "x")), None);
    }

    #[test]
    fn what_is_held_out_is_not_learnt_from() {
        let labels: Vec<u32> = (0..40).map(|i| i % 4).collect();
        let examples: Vec<usize> = (0..40).filter(|i| i % 5 != 0).collect();
        let targets = Targets::Classes(&labels);
        let (learnt, held_out) = hold_out(
            (targets, None),
            &examples,
            4,
            0.25,
            &mut Stream::new(1, "x"),
        );
        assert_eq!((learnt.len(), held_out.len()), (24, 8));
        let mut all = [learnt, held_out.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, examples);
        let of_class = |class| held_out.iter().filter(|i| labels[**i] == class).count();
        assert_eq!([0, 1, 2, 3].map(of_class), [2; 4]);
        let (learnt, held_out) =
            hold_out((targets, None), &examples, 4, 0.0, &mut Stream::new(1, "x"));
        assert_eq!((learnt, held_out), (examples, Vec::new()));
    }

    #[test]
    fn a_class_with_too_few_examples_is_named() {
        let labels = [0, 1, 1, 0, 2, 1, 2, 0];
        let check = |count, expected: Result<usize, (usize, usize)>| {
            let from: Vec<usize> = (0..labels.len()).collect();
            let drawn = per_class(&labels, &from, 3, count, &mut Stream::new(1, "x"));
            assert_eq!(drawn.map(|drawn| drawn.len()), expected, "{count}");
        };
        check(1, Ok(3));
        check(2, Ok(6));
        check(3, Err((2, 2)));
        check(9, Err((2, 2)));
    }

    proptest! {
        #[test]
        fn fewer_of_every_class_are_part_of_more(
            labels in prop::collection::vec(0_u32..4, 40..200),
            counts in (1_usize..6, 1_usize..6),
            seed: u64,
        ) {
            let from: Vec<usize> = (0..labels.len()).filter(|example| example % 7 != 0).collect();
            let drawn = |count| per_class(&labels, &from, 4, count, &mut Stream::new(seed, "x"));
            let (small, large) = (drawn(counts.0.min(counts.1)), drawn(counts.0.max(counts.1)));
            prop_assume!(large.is_ok());
            let (small, large) = (small.unwrap(), large.unwrap());
            prop_assert!(small.iter().all(|example| large.binary_search(example).is_ok()));
            prop_assert!(large.is_sorted() && large.iter().all(|example| from.contains(example)));
            for class in 0..4 {
                let of = |drawn: &[usize]| drawn.iter().filter(|example| labels[**example] == class).count();
                prop_assert_eq!((of(&small), of(&large)), (counts.0.min(counts.1), counts.0.max(counts.1)));
            }
        }

        #[test]
        fn a_smaller_draw_is_part_of_a_larger_one(labels in prop::collection::vec(0_u32..6, 1..200), parts in (0.0_f64..=1.0, 0.0_f64..=1.0), seed: u64) {
            let count = |part: f64| (labels.len() as f64 * part) as usize;
            let drawn = |part| stratified(&labels, 6, count(part), &mut Stream::new(seed, "x")).unwrap();
            let (one, other) = (drawn(parts.0), drawn(parts.1));
            let (small, large) = if one.len() < other.len() { (one, other) } else { (other, one) };
            prop_assert!(small.iter().all(|position| large.binary_search(position).is_ok()));
        }

        #[test]
        fn draws_are_stratified_sorted_and_repeatable(labels in prop::collection::vec(0_u32..4, 1..300), part in 0.0_f64..=1.0, seed: u64) {
            let count = (labels.len() as f64 * part) as usize;
            let drawn = stratified(&labels, 4, count, &mut Stream::new(seed, "x")).unwrap();
            prop_assert_eq!(drawn.len(), count);
            prop_assert!(drawn.windows(2).all(|pair| pair[0] < pair[1]));
            prop_assert_eq!(&drawn, &stratified(&labels, 4, count, &mut Stream::new(seed, "x")).unwrap());
            for class in 0..4 {
                let size = labels.iter().filter(|label| **label == class).count();
                let taken = drawn.iter().filter(|position| labels[**position] == class).count();
                let share = size as f64 * count as f64 / labels.len() as f64;
                prop_assert!((taken as f64 - share).abs() < 1.0, "{} of {}", taken, size);
            }
        }
    }
}
