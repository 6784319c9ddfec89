//! Splits for datasets that hold all their samples in one list: the rule that says which of them are for training and which for
//! testing, the same for every dataset that uses it.

use crate::Split;

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
