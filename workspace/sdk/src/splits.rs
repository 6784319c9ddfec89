//! Splits for datasets that hold all their samples in one list: the rule that says which of them are for training and which for
//! testing, the same for every dataset that uses it.

use std::collections::BTreeMap;

use crate::{Error, Split};

/// Which samples of a list belong to which split. Within a split the order is that of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Splits(Vec<(&'static str, Vec<u64>)>);

impl Splits {
    /// One split `train` with all samples: for experiments that divide them themselves.
    pub fn whole(samples: usize) -> Self {
        Splits(vec![("train", (0..samples as u64).collect())])
    }

    /// Splits `train` and `test` as the files say; `is_test` has an entry for every sample.
    pub fn given(is_test: &[bool]) -> Self {
        let of = |test: bool| {
            let positions = (0..).zip(is_test).filter(|(_, is)| **is == test);
            positions.map(|(position, _)| position).collect()
        };
        Splits(vec![("train", of(false)), ("test", of(true))])
    }

    /// Splits `train` and `test`, drawn class by class: of every class `fraction` of the samples, rounded, are for testing, but at
    /// least one and never all of them. A class with a single sample is for training only. `labels` has an entry for every
    /// sample. The same labels, fraction and seed give the same splits on every machine.
    pub fn stratified(labels: &[u32], fraction: f64, seed: u64) -> Self {
        let mut drawn: Vec<(u32, u64, u64)> = (0..)
            .zip(labels)
            .map(|(position, &label)| (label, mixed(seed ^ mixed(position)), position))
            .collect();
        drawn.sort_unstable();
        let mut is_test = vec![false; labels.len()];
        for class in drawn.chunk_by(|a, b| a.0 == b.0) {
            let share = (class.len() as f64 * fraction).round() as usize;
            let tested = share.max(1).min(class.len() - 1);
            for (_, _, position) in class.iter().take(tested) {
                is_test[*position as usize] = true;
            }
        }
        Splits::given(&is_test)
    }

    /// Splits `train` and `test` that keep groups together: the groups are taken in an order drawn with `seed`, and each goes to
    /// `test` when that brings the tested parts of the classes nearer to `fraction` (the sum over classes of the squared
    /// distance). Both splits have at least one group. `labels` and `groups` have an entry for every sample; samples with the
    /// same text are a group. The same labels, groups, fraction and seed give the same splits on every machine.
    ///
    /// # Errors
    ///
    /// With fewer than two groups there are no two splits.
    pub fn grouped(
        labels: &[u32],
        groups: &[String],
        fraction: f64,
        seed: u64,
    ) -> Result<Self, Error> {
        let mut members: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (sample, group) in groups.iter().enumerate() {
            members.entry(group).or_default().push(sample);
        }
        if members.len() < 2 {
            let message = "`test-fraction` sets whole groups apart, but all samples are in one";
            return Err(Error::data(message));
        }
        let classes = labels.iter().max().map_or(0, |label| *label as usize + 1);
        let mut of_class = vec![0_u64; classes];
        for label in labels {
            of_class[*label as usize] += 1;
        }
        let mut order: Vec<(u64, Vec<usize>)> = (0..)
            .zip(members.into_values())
            .map(|(number, samples)| (mixed(seed ^ mixed(number)), samples))
            .collect();
        order.sort();
        let mut tested = vec![0_u64; classes];
        let mut is_test = vec![false; labels.len()];
        let mut left = order.len();
        // How far a group takes the parts of its classes from where they are to be, less how far they are now.
        let change = |tested: &[u64], samples: &[usize]| -> f64 {
            let mut added: BTreeMap<u32, u64> = BTreeMap::new();
            for sample in samples {
                *added.entry(labels[*sample]).or_default() += 1;
            }
            let changes = added.into_iter().map(|(label, added)| {
                let (all, now) = (of_class[label as usize], tested[label as usize]);
                let distance = |count: u64| (count as f64 / all as f64 - fraction).powi(2);
                distance(now + added) - distance(now)
            });
            changes.sum()
        };
        let mut take = |tested: &mut [u64], samples: &[usize]| {
            for sample in samples {
                is_test[*sample] = true;
                tested[labels[*sample] as usize] += 1;
            }
        };
        for (_, samples) in &order {
            if left > 1 && change(&tested, samples) < 0.0 {
                take(&mut tested, samples);
                left -= 1;
            }
        }
        if left == order.len() {
            let nearest = order.iter().map(|(_, samples)| samples);
            let nearest = nearest.min_by(|a, b| change(&tested, a).total_cmp(&change(&tested, b)));
            take(&mut tested, nearest.map_or(&[], |samples| samples));
        }
        Ok(Splits::given(&is_test))
    }

    /// Of a text for every sample of the list those of a split's samples.
    pub fn texts(&self, split: usize, texts: &[String]) -> Vec<String> {
        let positions = self.positions(split).iter();
        positions
            .map(|&position| texts[position as usize].clone())
            .collect()
    }

    /// Names and lengths, for a [`Description`](crate::Description).
    pub fn describe(&self) -> Vec<Split> {
        let split = |(name, positions): &(&str, Vec<u64>)| Split {
            name: (*name).to_owned(),
            len: positions.len() as u64,
        };
        self.0.iter().map(split).collect()
    }

    /// The positions in the list of the samples of a split. Splits are counted as in [`describe`](Splits::describe).
    pub fn positions(&self, split: usize) -> &[u64] {
        self.0.get(split).map_or(&[], |(_, positions)| positions)
    }

    /// The labels of a split, out of those of the whole list.
    pub fn labels(&self, split: usize, labels: &[u32]) -> Vec<u32> {
        let positions = self.positions(split).iter();
        positions
            .map(|&position| labels[position as usize])
            .collect()
    }

    /// The numbers to be predicted of a split, out of those of the whole list: as many for each sample as there are columns.
    pub fn numbers(&self, split: usize, numbers: &[f32], columns: usize) -> Vec<f32> {
        let positions = self.positions(split).iter();
        positions
            .flat_map(|&position| &numbers[position as usize * columns..][..columns])
            .copied()
            .collect()
    }
}

/// A number that looks random and depends on all bits of `number`: the output function of SplitMix64 (G. L. Steele, D. Lea and
/// C. H. Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014). A generator from a library may change with its
/// version, and the splits of published results with it.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lengths(splits: &Splits) -> Vec<(String, u64)> {
        let splits = splits.describe().into_iter();
        splits.map(|split| (split.name, split.len)).collect()
    }

    #[test]
    fn a_fraction_of_every_class_is_for_testing() {
        // Samples per class, fraction, and how many of each class are for testing.
        let cases: [(&[usize], f64, &[usize]); 5] = [
            (&[10, 20, 5], 0.2, &[2, 4, 1]),
            (&[1, 2, 3], 0.5, &[0, 1, 2]),
            (&[2, 2], 0.01, &[1, 1]),
            (&[3, 1], 0.99, &[2, 0]),
            (&[], 0.5, &[]),
        ];
        for (sizes, fraction, expected) in cases {
            let labels: Vec<u32> = (0..)
                .zip(sizes)
                .flat_map(|(class, &size)| std::iter::repeat_n(class, size))
                .collect();
            let splits = Splits::stratified(&labels, fraction, 7);
            let tested = splits.labels(1, &labels);
            let counts: Vec<usize> = (0..sizes.len() as u32)
                .map(|class| tested.iter().filter(|&&label| label == class).count())
                .collect();
            assert_eq!(counts, expected, "{sizes:?} {fraction}");
            let mut all = [splits.positions(0), splits.positions(1)].concat();
            all.sort_unstable();
            assert_eq!(all, (0..labels.len() as u64).collect::<Vec<_>>());
            assert!(splits.positions(1).is_sorted());
        }
    }

    #[test]
    fn the_seed_decides_which() {
        let labels: Vec<u32> = (0..100).map(|sample| sample % 2).collect();
        let drawn = |seed| Splits::stratified(&labels, 0.3, seed);
        assert_eq!(drawn(1), drawn(1));
        assert_ne!(drawn(1), drawn(2));
        // Results have been measured with these: they must not change.
        assert_eq!(drawn(1).positions(1)[..8], [0, 6, 7, 8, 11, 15, 21, 22]);
        // The first number of SplitMix64 from the seed 0, as its reference implementation gives it.
        assert_eq!(mixed(0), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn groups_stay_in_one_split() {
        let check = |sizes: &[usize], fraction: f64, expected: &[f64; 2]| {
            // Every group has samples of both classes.
            let samples = || {
                (0_u32..)
                    .zip(sizes)
                    .flat_map(|(group, &size)| vec![group; size])
            };
            let groups: Vec<String> = samples().map(|group| format!("g{group}")).collect();
            let labels: Vec<u32> = (0..groups.len() as u32).map(|sample| sample % 2).collect();
            for seed in 0..20 {
                let splits = Splits::grouped(&labels, &groups, fraction, seed).unwrap();
                let [train, test] = [0, 1].map(|split| splits.texts(split, &groups));
                assert!(!train.is_empty() && !test.is_empty(), "{sizes:?}");
                assert!(test.iter().all(|group| !train.contains(group)), "{sizes:?}");
                let part = test.len() as f64 / groups.len() as f64;
                let [low, high] = expected;
                assert!((low..=high).contains(&&part), "{sizes:?} {seed}: {part}");
                assert_eq!(
                    Ok(splits),
                    Splits::grouped(&labels, &groups, fraction, seed)
                );
            }
        };
        check(&[4; 25], 0.2, &[0.2, 0.2]);
        check(&[1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 0.3, &[0.2, 0.4]);
        check(&[10, 10], 0.99, &[0.5, 0.5]);
        check(&[10, 10], 0.01, &[0.5, 0.5]);
        check(&[90, 10], 0.2, &[0.1, 0.1]);
        let drawn = |seed| {
            let groups: Vec<String> = (0..100).map(|sample| format!("{}", sample / 4)).collect();
            Splits::grouped(&[0; 100], &groups, 0.2, seed).unwrap()
        };
        assert_ne!(drawn(1), drawn(2));
        // Results are measured with these: they must not change.
        assert_eq!(drawn(1).positions(1)[..8], [0, 1, 2, 3, 24, 25, 26, 27]);
        let one = Splits::grouped(&[0, 1], &["a".into(), "a".into()], 0.5, 1);
        let message = "`test-fraction` sets whole groups apart, but all samples are in one";
        assert_eq!(one.unwrap_err().to_string(), message);
    }

    #[test]
    fn files_may_say_it() {
        let splits = Splits::given(&[true, false, false, true, true]);
        let named = |name: &str, len| (name.to_owned(), len);
        assert_eq!(lengths(&splits), [named("train", 2), named("test", 3)]);
        assert_eq!(splits.positions(1), [0, 3, 4]);
        assert_eq!(splits.labels(0, &[9, 8, 7, 6, 5]), [8, 7]);
        assert_eq!(lengths(&Splits::whole(3)), [named("train", 3)]);
        assert_eq!(Splits::whole(3).positions(1), [0; 0]);
    }
}
