//! Examples that belong together, such as images of one patient: cut into folds and held out as a whole.

use std::collections::BTreeMap;

use topwork_engine::Stream;

/// Below this difference two ways to cut are equally good.
const EQUAL: f64 = 1e-9;

/// The group of each example of a task.
pub struct Groups {
    /// What the dataset calls them; a group is a position in this list.
    pub names: Vec<String>,
    /// The group of every example, split by split.
    pub of: [Vec<u32>; 2],
}

/// The examples of a group, and how many of them are of each class.
struct Member {
    examples: Vec<usize>,
    classes: Vec<(usize, f64)>,
}

/// The groups of examples in random order.
fn shuffled(
    labels: &[u32],
    groups: &[u32],
    examples: impl Iterator<Item = usize>,
    stream: &mut Stream,
) -> Vec<Member> {
    let mut members: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for example in examples {
        members.entry(groups[example]).or_default().push(example);
    }
    let mut numbers: Vec<u32> = members.keys().copied().collect();
    stream.shuffle(&mut numbers);
    let member = |number: u32| {
        let examples = members.remove(&number).unwrap_or_default();
        let mut classes: BTreeMap<usize, f64> = BTreeMap::new();
        for example in &examples {
            *classes.entry(labels[*example] as usize).or_default() += 1.0;
        }
        Member {
            examples,
            classes: classes.into_iter().collect(),
        }
    };
    numbers.into_iter().map(member).collect()
}

fn totals(members: &[Member], classes: usize) -> Vec<f64> {
    let mut totals = vec![0.0; classes];
    for (class, count) in members.iter().flat_map(|member| &member.classes) {
        totals[*class] += count;
    }
    totals
}

/// Cuts the examples with these labels into folds, each ascending, so that every group is in one fold and
/// the classes are spread as evenly as that allows. With as many groups as folds or more, no fold is
/// empty.
///
/// The greedy rule of scikit-learn's `StratifiedGroupKFold`: groups in random order, and then those first
/// whose numbers of examples differ most between classes (by standard deviation); each goes to the fold
/// with which the shares of the classes vary least over the folds (mean over classes of the standard
/// deviation), and of equally good ones to the fold with the fewest examples.
pub fn cut(
    labels: &[u32],
    groups: &[u32],
    classes: usize,
    folds: usize,
    stream: &mut Stream,
) -> Vec<Vec<usize>> {
    let mut members = shuffled(labels, groups, 0..labels.len(), stream);
    let spread = |member: &Member| {
        let (sum, squares) = (member.classes.iter()).fold((0.0, 0.0), |(sum, squares), (_, n)| {
            (sum + n, squares + n * n)
        });
        let mean = sum / classes as f64;
        squares / classes as f64 - mean * mean
    };
    members.sort_by(|a, b| spread(b).total_cmp(&spread(a)));
    let totals = totals(&members, classes);
    // Of each class its share in every fold.
    let mut shares = vec![vec![0.0; folds]; classes];
    let mut cut: Vec<Vec<usize>> = vec![Vec::new(); folds];
    for member in members {
        // How much the group adds to the deviations when it goes to a fold; classes it has no examples of do
        // not change.
        let added = |fold: usize| -> f64 {
            let of_class = member.classes.iter().map(|(class, count)| {
                let mut shares = shares[*class].clone();
                let before = deviation(&shares);
                shares[fold] += count / totals[*class];
                deviation(&shares) - before
            });
            of_class.sum()
        };
        let mut best = (0, f64::INFINITY);
        for fold in 0..folds {
            let added = added(fold);
            let equal = (added - best.1).abs() <= EQUAL;
            if (equal && cut[fold].len() < cut[best.0].len()) || (!equal && added < best.1) {
                best = (fold, added);
            }
        }
        for (class, count) in &member.classes {
            shares[*class][best.0] += count / totals[*class];
        }
        cut[best.0].extend(member.examples);
    }
    for fold in &mut cut {
        fold.sort_unstable();
    }
    cut
}

fn deviation(numbers: &[f64]) -> f64 {
    let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
    let squares = numbers.iter().map(|number| (number - mean).powi(2));
    (squares.sum::<f64>() / numbers.len() as f64).sqrt()
}

/// Which of the `examples`, ascending, are held out for validation when groups stay together: groups in
/// random order, each of which is held out when that brings the parts of the classes nearer to `share` (by
/// the sum of the squared distances). At least one group is learnt from.
pub fn held_out(
    labels: &[u32],
    groups: &[u32],
    examples: &[usize],
    classes: usize,
    share: f64,
    stream: &mut Stream,
) -> Vec<usize> {
    let members = shuffled(labels, groups, examples.iter().copied(), stream);
    let totals = totals(&members, classes);
    let mut parts = vec![0.0; classes];
    let mut held = Vec::new();
    let mut left = members.len();
    for member in members {
        let distance = |part: f64| (part - share).powi(2);
        let change = member.classes.iter().map(|(class, count)| {
            let part: f64 = parts[*class];
            distance(part + count / totals[*class]) - distance(part)
        });
        if left > 1 && change.sum::<f64>() < 0.0 {
            for (class, count) in &member.classes {
                parts[*class] += count / totals[*class];
            }
            held.extend(member.examples);
            left -= 1;
        }
    }
    held.sort_unstable();
    held
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn examples() -> impl Strategy<Value = Vec<(u32, u32)>> {
        prop::collection::vec((0_u32..4, 0_u32..25), 1..200)
    }

    proptest! {
        #[test]
        fn no_group_is_in_two_folds(examples in examples(), folds in 2_usize..8, seed: u64) {
            let (labels, groups): (Vec<u32>, Vec<u32>) = examples.into_iter().unzip();
            let cut = |seed| super::cut(&labels, &groups, 4, folds, &mut Stream::new(seed, "folds"));
            let found = cut(seed);
            let mut all = found.concat();
            all.sort_unstable();
            prop_assert!(all.iter().copied().eq(0..labels.len()));
            let mut fold_of = BTreeMap::new();
            for (fold, examples) in found.iter().enumerate() {
                prop_assert!(examples.is_sorted());
                for example in examples {
                    prop_assert_eq!(*fold_of.entry(groups[*example]).or_insert(fold), fold);
                }
            }
            if fold_of.len() >= folds {
                prop_assert!(found.iter().all(|fold| !fold.is_empty()));
            }
            prop_assert_eq!(&found, &cut(seed));
        }

        #[test]
        fn groups_are_held_out_as_a_whole(examples in examples(), share in 0.0_f64..0.9, seed: u64) {
            let (labels, groups): (Vec<u32>, Vec<u32>) = examples.into_iter().unzip();
            let all: Vec<usize> = (0..labels.len()).filter(|example| example % 3 != 1).collect();
            let held = held_out(&labels, &groups, &all, 4, share, &mut Stream::new(seed, "x"));
            prop_assert!(held.is_sorted() && held.iter().all(|example| all.contains(example)));
            let of = |held_out: bool| -> Vec<u32> {
                let those = all.iter().filter(|example| held.contains(example) == held_out);
                those.map(|example| groups[*example]).collect()
            };
            prop_assert!(of(true).iter().all(|group| !of(false).contains(group)));
            prop_assert!(held.len() < all.len());
            if share == 0.0 {
                prop_assert!(held.is_empty());
            }
        }
    }

    #[test]
    fn groups_of_one_are_cut_as_evenly_as_examples() {
        let labels: Vec<u32> = (0..60).map(|example| u32::from(example % 3 == 0)).collect();
        let groups: Vec<u32> = (0..60).collect();
        let cut = cut(&labels, &groups, 2, 5, &mut Stream::new(7, "folds"));
        for fold in cut {
            let ones = fold.iter().filter(|example| labels[**example] == 1).count();
            assert_eq!((fold.len(), ones), (12, 4));
        }
    }

    #[test]
    fn uneven_groups_are_spread_by_size() {
        // Sizes of groups with examples of one class, and of the folds that come out.
        let check = |sizes: &[usize], folds: usize, expected: &[usize]| {
            let groups: Vec<u32> = (0_u32..)
                .zip(sizes)
                .flat_map(|(group, size)| vec![group; *size])
                .collect();
            let labels = vec![0; groups.len()];
            for seed in 0..10 {
                let cut = cut(&labels, &groups, 1, folds, &mut Stream::new(seed, "folds"));
                let mut found: Vec<usize> = cut.iter().map(Vec::len).collect();
                found.sort_unstable();
                assert_eq!(found, expected, "{sizes:?}");
            }
        };
        check(&[1, 1, 1, 1], 2, &[2, 2]);
        check(&[9, 1, 1], 3, &[1, 1, 9]);
        // With one class all groups count as equally spread, so their order is random but for ties in size.
        check(&[4, 4, 4, 4, 4, 4], 4, &[4, 4, 8, 8]);
    }
}
