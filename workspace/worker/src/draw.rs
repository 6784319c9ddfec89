//! Which examples a strategy uses: all, or a subset in which every class keeps its share.

use std::collections::BTreeSet;

use topwork_engine::Stream;
use topwork_report::thousands;
use topwork_schema::{Experiment, Strategy, Weights};

use crate::{
    WorkerError,
    stages::on_features,
    task::{SplitName, Task},
};

/// Which examples a strategy uses, as indices into the task's examples.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draw {
    /// For fitting.
    pub train: Vec<usize>,
    /// For measuring.
    pub test: Vec<usize>,
}

/// Test examples are the same for every seed, so that seeds differ in nothing but training.
const TEST_SEED: u64 = 0;

/// The examples of every strategy. Strategies that want the same number get the same ones.
pub fn draws(experiment: &Experiment, target: &Task, seed: u64) -> Result<Vec<Draw>, WorkerError> {
    let draw = |strategy: &Strategy, split, key: &str, count: Option<usize>, seed| {
        let labels = &target.examples(split).labels;
        let Some(count) = count else {
            return Ok((0..labels.len()).collect());
        };
        let mut stream = Stream::new(seed, &format!("subset/{key}"));
        stratified(labels, target.classes, count, &mut stream).ok_or_else(|| {
            WorkerError::Experiment {
                message: format!(
                    "strategy `{}`: `{key} = {count}`, but the target has {} such samples in its classes",
                    strategy.name,
                    thousands(labels.len() as u64)
                ),
                hint: Some(format!("leave `{key}` out to use all of them")),
            }
        })
    };
    (experiment.strategies.iter())
        .map(|strategy| {
            let (train, test) = (strategy.train_samples, strategy.test_samples);
            Ok(Draw {
                train: draw(strategy, SplitName::Train, "train-samples", train, seed)?,
                test: draw(strategy, SplitName::Test, "test-samples", test, TEST_SEED)?,
            })
        })
        .collect()
}

/// The examples whose features the strategies with these weights need, ascending.
pub fn needed(experiment: &Experiment, draws: &[Draw], weights: Weights) -> Draw {
    let union = |pick: fn(&Draw) -> &Vec<usize>| -> Vec<usize> {
        let examples: BTreeSet<usize> = (experiment.strategies.iter().zip(draws))
            .filter(|(strategy, _)| on_features(strategy) && strategy.weights == weights)
            .flat_map(|(_, draw)| pick(draw).iter().copied())
            .collect();
        examples.into_iter().collect()
    };
    Draw {
        train: union(|draw| &draw.train),
        test: union(|draw| &draw.test),
    }
}

/// Splits examples into those to learn from and a stratified share held out for validation,
/// both ascending. Without a share, or with too few examples for one, nothing is held out.
pub fn hold_out(
    labels: &[u32],
    examples: &[usize],
    classes: usize,
    share: f64,
    stream: &mut Stream,
) -> (Vec<usize>, Vec<usize>) {
    let chosen: Vec<u32> = examples.iter().map(|&example| labels[example]).collect();
    let count = (examples.len() as f64 * share).round() as usize;
    let Some(held) = stratified(&chosen, classes, count, stream) else {
        return (examples.to_vec(), Vec::new());
    };
    let (mut learnt, mut held_out) = (Vec::new(), Vec::new());
    let mut held = held.into_iter().peekable();
    for (position, &example) in examples.iter().enumerate() {
        match held.next_if_eq(&position) {
            Some(_) => held_out.push(example),
            None => learnt.push(example),
        }
    }
    (learnt, held_out)
}

/// Draws `count` of the samples with these labels, stratified: every class gets its share of
/// `count` to within one, the places left over going to the classes that came off worst.
/// The positions come back in ascending order. `None` when there are fewer than `count`.
///
/// With one stream, a smaller draw takes from each class the first of those a larger one takes.
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

/// How many of `count` places each class gets: largest remainders (Hamilton's method), ties to
/// the class that comes first.
fn shares(labels: &[u32], classes: usize, count: usize) -> Vec<usize> {
    let mut sizes = vec![0_u128; classes];
    for &label in labels {
        sizes[label as usize] += 1;
    }
    let (all, wanted) = (labels.len().max(1) as u128, count as u128);
    let mut shares: Vec<usize> = sizes
        .iter()
        .map(|size| (size * wanted / all) as usize)
        .collect();
    let mut order: Vec<usize> = (0..classes).collect();
    order.sort_by_key(|&class| std::cmp::Reverse(sizes[class] * wanted % all));
    let missing = count - shares.iter().sum::<usize>();
    for &class in &order[..missing] {
        shares[class] += 1;
    }
    shares
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn places_left_over_go_to_the_largest_remainders() {
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
            &[185, 201, 213, 199, 202],
        );
    }

    #[test]
    fn more_than_there_are_cannot_be_drawn() {
        assert_eq!(stratified(&[0, 1], 2, 3, &mut Stream::new(1, "x")), None);
    }

    #[test]
    fn what_is_held_out_is_not_learnt_from() {
        let labels: Vec<u32> = (0..40).map(|i| i % 4).collect();
        let examples: Vec<usize> = (0..40).filter(|i| i % 5 != 0).collect();
        let (learnt, held_out) = hold_out(&labels, &examples, 4, 0.25, &mut Stream::new(1, "x"));
        assert_eq!((learnt.len(), held_out.len()), (24, 8));
        let mut all = [learnt, held_out.clone()].concat();
        all.sort_unstable();
        assert_eq!(all, examples);
        let of_class = |class| held_out.iter().filter(|i| labels[**i] == class).count();
        assert_eq!([0, 1, 2, 3].map(of_class), [2; 4]);
        let (learnt, held_out) = hold_out(&labels, &examples, 4, 0.0, &mut Stream::new(1, "x"));
        assert_eq!((learnt, held_out), (examples, Vec::new()));
    }

    proptest! {
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
