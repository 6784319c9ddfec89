//! Examples of several labels, cut into parts each of which has its share of every label.
//!
//! Iterative stratification: K. Sechidis, G. Tsoumakas, I. Vlahavas, "On the stratification of multi-label data", ECML PKDD 2011,
//! algorithm 1. Beyond it, parts have exact sizes: one that is full takes no more.

use topwork_engine::Stream;
use topwork_measure::Columns;

/// Cuts all examples into folds, each ascending, whose sizes differ by one at most.
pub fn cut(labels: Columns<'_>, folds: usize, stream: &mut Stream) -> Vec<Vec<usize>> {
    let count = labels.examples();
    let sizes: Vec<usize> = (0..folds)
        .map(|fold| count / folds + usize::from(fold < count % folds))
        .collect();
    let examples: Vec<usize> = (0..count).collect();
    distributed(labels, &examples, &sizes, stream)
}

/// Which `count` of the `examples`, ascending as these, are held out: all of them where there are no more.
pub fn held_out(
    labels: Columns<'_>,
    examples: &[usize],
    count: usize,
    stream: &mut Stream,
) -> Vec<usize> {
    let count = count.min(examples.len());
    let sizes = [count, examples.len() - count];
    distributed(labels, examples, &sizes, stream).swap_remove(0)
}

/// Distributes examples over parts of these sizes, which add up to their number; each part is ascending.
fn distributed(
    labels: Columns<'_>,
    examples: &[usize],
    sizes: &[usize],
    stream: &mut Stream,
) -> Vec<Vec<usize>> {
    let has = |example: usize, label: usize| labels.values[example * labels.count + label] == 1.0;
    let mut waiting = examples.to_vec();
    stream.shuffle(&mut waiting);
    // How many of each label are not in a part yet.
    let mut counts: Vec<usize> = (0..labels.count)
        .map(|label| waiting.iter().filter(|&&of| has(of, label)).count())
        .collect();
    let all = examples.len().max(1) as f64;
    let mut parts: Vec<Part> = (sizes.iter())
        .map(|&size| Part {
            examples: Vec::with_capacity(size),
            room: size,
            wanted: (counts.iter())
                .map(|&count| count as f64 * size as f64 / all)
                .collect(),
        })
        .collect();
    // The rarest label first: what is common can be made even afterwards.
    while let Some(rarest) = (0..labels.count)
        .filter(|&label| counts[label] > 0)
        .min_by_key(|&label| counts[label])
    {
        let (with, without) = waiting.into_iter().partition(|&of| has(of, rarest));
        waiting = without;
        let with: Vec<usize> = with;
        for example in with {
            let part = wanting(&mut parts, Some(rarest), stream);
            part.examples.push(example);
            part.room -= 1;
            for label in (0..labels.count).filter(|&label| has(example, label)) {
                part.wanted[label] -= 1.0;
                counts[label] -= 1;
            }
        }
    }
    for example in waiting {
        let part = wanting(&mut parts, None, stream);
        part.examples.push(example);
        part.room -= 1;
    }
    for part in &mut parts {
        part.examples.sort_unstable();
    }
    parts.into_iter().map(|part| part.examples).collect()
}

/// A part that is being filled.
struct Part {
    examples: Vec<usize>,
    /// How many more it takes.
    room: usize,
    /// Of each label how many more it should have.
    wanted: Vec<f64>,
}

/// Of the parts with room that which wants most of a label, of equals that with the most room, of equals one at random. As sizes add up
/// to the number of examples, one has room as long as there are examples.
fn wanting<'p>(parts: &'p mut [Part], label: Option<usize>, stream: &mut Stream) -> &'p mut Part {
    let want = |part: &Part| match (part.room, label) {
        (0, _) => (f64::NEG_INFINITY, 0),
        (room, None) => (0.0, room),
        (room, Some(label)) => (part.wanted[label], room),
    };
    let most = (parts.iter().map(want))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)))
        .unwrap_or((0.0, 0));
    let equal: Vec<usize> = (0..parts.len())
        .filter(|&part| want(&parts[part]) == most)
        .collect();
    // The greatest is equal to itself: none of these is a NaN.
    let chosen = match equal.len() {
        0 | 1 => 0,
        several => stream.below(several),
    };
    &mut parts[equal[chosen]]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::data::folds;
    use topwork_measure::Targets;

    /// Rows of 0 and 1 whose labels are the rarer the further to the right.
    fn rows() -> impl Strategy<Value = (Vec<f32>, usize)> {
        (1_usize..7).prop_flat_map(|count| {
            let row = prop::collection::vec(0.0_f32..1.0, count);
            let rows = prop::collection::vec(row, 1..120);
            rows.prop_map(move |rows| {
                let has = |(label, draw): (usize, &f32)| {
                    f32::from(u8::from(*draw < 0.6_f32.powi(1 + label as i32)))
                };
                let values = rows.iter().flat_map(|row| row.iter().enumerate().map(has));
                (values.collect(), count)
            })
        })
    }

    /// How far the shares of labels in folds are from those in all of them, on average (Sechidis et al., "label distribution").
    fn distance(labels: Columns<'_>, folds: &[Vec<usize>]) -> f64 {
        let odds = |column: &[f32], of: &mut dyn Iterator<Item = usize>| {
            let (mut with, mut without) = (0.0, 0.0);
            for example in of {
                match column[example] == 1.0 {
                    true => with += 1.0,
                    false => without += 1.0,
                }
            }
            with / f64::max(without, 1.0)
        };
        let mut sum = 0.0;
        for column in labels.each() {
            let all = odds(&column, &mut (0..column.len()));
            for fold in folds {
                sum += (odds(&column, &mut fold.iter().copied()) - all).abs();
            }
        }
        sum / (labels.count * folds.len()) as f64
    }

    proptest! {
        #[test]
        fn every_example_is_in_one_fold((values, count) in rows(), folds in 2_usize..8, seed: u64) {
            let labels = Columns { values: &values, count };
            let of = |seed| cut(labels, folds, &mut Stream::new(seed, "folds"));
            let found = of(seed);
            prop_assert_eq!(found.len(), folds);
            let sizes: Vec<usize> = found.iter().map(Vec::len).collect();
            prop_assert!(sizes.iter().max().unwrap() - sizes.iter().min().unwrap() <= 1);
            prop_assert!(found.iter().all(|fold| fold.is_sorted()));
            let mut all = found.concat();
            all.sort_unstable();
            prop_assert!(all.into_iter().eq(0..labels.examples()));
            prop_assert_eq!(found, of(seed));
        }

        #[test]
        fn the_rarest_label_is_spread_to_within_one((values, count) in rows(), folds in 2_usize..8, seed: u64) {
            let labels = Columns { values: &values, count };
            let found = cut(labels, folds, &mut Stream::new(seed, "folds"));
            let columns: Vec<Vec<f32>> = labels.each().collect();
            let total = |column: &&Vec<f32>| column.iter().filter(|has| **has == 1.0).count();
            let rarest = columns.iter().filter(|column| total(column) > 0).min_by_key(total);
            if let Some(column) = rarest {
                let with = found.iter().map(|fold| fold.iter().filter(|of| column[**of] == 1.0).count());
                let with: Vec<usize> = with.collect();
                prop_assert!(with.iter().max().unwrap() - with.iter().min().unwrap() <= 1, "{:?}", with);
            }
        }

        #[test]
        fn as_many_as_wanted_are_held_out((values, count) in rows(), wanted in 0_usize..40, seed: u64) {
            let labels = Columns { values: &values, count };
            let examples: Vec<usize> = (0..labels.examples()).filter(|of| of % 3 != 0).collect();
            let held = held_out(labels, &examples, wanted, &mut Stream::new(seed, "x"));
            prop_assert_eq!(held.len(), wanted.min(examples.len()));
            prop_assert!(held.is_sorted() && held.iter().all(|of| examples.contains(of)));
        }
    }

    /// On 40 sets of 120 examples with eight labels: folds that keep the shares of the rarest label that an example has are further
    /// from those of all labels.
    #[test]
    fn labels_are_spread_more_evenly_than_by_the_rarest_alone() {
        let (mut iterative, mut rarest) = (0.0, 0.0);
        for seed in 0..40 {
            let mut draws = Stream::new(seed, "labels");
            let count = 8;
            let values: Vec<f32> = (0..120 * count)
                .map(|place| {
                    let share = 0.6_f32.powi(1 + (place % count) as i32);
                    f32::from(u8::from(draws.uniform(0.0, 1.0) < share))
                })
                .collect();
            let labels = Columns {
                values: &values,
                count,
            };
            iterative += distance(labels, &cut(labels, 5, &mut Stream::new(seed, "folds")));
            let (strata, of) = Targets::Multilabel(labels).strata(count);
            let cut = folds::cut(&strata, of, 5, &mut Stream::new(seed, "folds"));
            rarest += distance(labels, &cut);
        }
        assert!(iterative < 0.75 * rarest, "{iterative} {rarest}");
    }
}
