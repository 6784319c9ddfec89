//! How sure a figure is that is no mean over examples: by measuring it again on test examples drawn
//! from those there are, with replacement.

mod estimates;
mod labels;
mod statistic;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng, SeedableRng},
};
use rayon::prelude::*;

pub use estimates::bootstrap_difference;
pub(crate) use estimates::bootstrap_mean;
pub(crate) use labels::LabelRow;
pub use statistic::Statistic;

/// How often test examples are drawn again.
pub const RESAMPLES: usize = BLOCKS * LANES;

/// Resamples that are gone through together: as many counts as a vector register of every machine
/// holds.
const LANES: usize = 16;
const BLOCKS: usize = 125;

/// How often each resample of a block has an example, for every example.
type Counts = [[u8; LANES]];

/// [`RESAMPLES`] draws of test examples with replacement, class by class: every resample has as many
/// examples of each class as there are. The same seed and labels give the same draws, so that rows
/// measured on the same test examples have paired replicates.
///
/// Source: B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, 1993; stratified by class
/// because figures such as the recall of a rare class are not defined without examples of it.
#[derive(Clone, Debug)]
pub struct Resamples {
    seed: u64,
    examples: usize,
    /// The examples of each class that occurs.
    strata: Vec<Vec<u32>>,
}

impl Resamples {
    /// Of test examples with these labels. No draw is kept: a block of them is drawn when it is
    /// needed, and goes when all statistics have been taken of it.
    pub fn new(labels: &[u32], seed: u64) -> Self {
        let classes = labels.iter().max().map_or(0, |&label| label as usize + 1);
        let mut strata = vec![Vec::new(); classes];
        for (&label, example) in labels.iter().zip(0..) {
            strata[label as usize].push(example);
        }
        strata.retain(|stratum| !stratum.is_empty());
        Self {
            seed,
            examples: labels.len(),
            strata,
        }
    }

    /// What each statistic comes to on every resample: [`RESAMPLES`] values each, in the order of
    /// the statistics. The values do not depend on the number of threads.
    ///
    /// Drawing takes as long as a few statistics: they are best handed over together, all figures of
    /// all rows and seeds with the same test examples. `None` where one of them is of another number
    /// of examples.
    pub fn replicates(&self, statistics: &[Statistic]) -> Option<Vec<Vec<f64>>> {
        if statistics
            .iter()
            .any(|statistic| statistic.examples() != self.examples)
        {
            return None;
        }
        let blocks: Vec<Vec<[f64; LANES]>> = (0..BLOCKS as u64)
            .into_par_iter()
            .map(|block| {
                let counts = self.draw(block);
                statistics
                    .iter()
                    .map(|statistic| statistic.of(&counts))
                    .collect()
            })
            .collect();
        let of_statistic =
            |index: usize| -> Vec<f64> { blocks.iter().flat_map(|block| block[index]).collect() };
        Some((0..statistics.len()).map(of_statistic).collect())
    }

    /// A block of resamples: each block has a stream of its own, so that threads may take them in any
    /// order.
    fn draw(&self, block: u64) -> Vec<[u8; LANES]> {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        key[8..24].copy_from_slice(b"bootstrap stream");
        let mut words = ChaCha8Rng::from_seed(key);
        words.set_stream(block);
        let mut counts = vec![[0; LANES]; self.examples];
        (0..LANES).for_each(|lane| self.draw_lane(&mut words, lane, &mut counts));
        counts
    }

    fn draw_lane(&self, words: &mut ChaCha8Rng, lane: usize, counts: &mut Counts) {
        for stratum in &self.strata {
            // Fits: examples are numbered by 32 bits.
            let size = stratum.len() as u32;
            let favoured = size.wrapping_neg() % size;
            for _ in 0..size {
                let count = &mut counts[stratum[below(words, size, favoured)] as usize][lane];
                // That one example is drawn more than 255 times has a probability below 1/255!.
                *count = count.saturating_add(1);
            }
        }
    }
}

/// A whole number from 0 to `size − 1`, each equally likely (D. Lemire, "Fast random integer
/// generation in an interval", ACM Trans. Model. Comput. Simul. 29, 2019). `favoured` is 2³² mod `size`.
fn below(words: &mut ChaCha8Rng, size: u32, favoured: u32) -> usize {
    loop {
        let product = u64::from(words.next_u32()) * u64::from(size);
        if product as u32 >= favoured {
            return (product >> 32) as usize;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_keep_their_sizes() {
        let labels: Vec<u32> = (0..200)
            .map(|i| u32::from(i % 7 == 0) + u32::from(i % 11 == 0) * 2)
            .collect();
        let resamples = Resamples::new(&labels, 5);
        for block in [0, 1, 124] {
            let counts = resamples.draw(block);
            for lane in 0..LANES {
                for class in 0..4 {
                    let of_class = || {
                        labels
                            .iter()
                            .zip(&counts)
                            .filter(|(label, _)| **label == class)
                    };
                    let drawn: u32 = of_class().map(|(_, count)| u32::from(count[lane])).sum();
                    assert_eq!(drawn as usize, of_class().count(), "{block} {lane} {class}");
                }
            }
        }
    }

    /// Every example is drawn as often as chance has it, over all blocks: 2,000 draws of 50 of 50.
    #[test]
    fn draws_are_even_and_differ() {
        let resamples = Resamples::new(&[0; 50], 1);
        let mut sums = [0_u32; 50];
        let mut blocks = std::collections::BTreeSet::new();
        for block in 0..BLOCKS as u64 {
            let counts = resamples.draw(block);
            for (sum, count) in sums.iter_mut().zip(&counts) {
                *sum += count.iter().map(|count| u32::from(*count)).sum::<u32>();
            }
            blocks.insert(counts);
        }
        assert_eq!(blocks.len(), BLOCKS);
        // Standard deviation √(2000 · 0.98) = 44; five of them either way.
        assert!(sums.iter().all(|sum| sum.abs_diff(2000) < 222), "{sums:?}");
        assert_ne!(resamples.draw(0), Resamples::new(&[0; 50], 2).draw(0));
    }
}
