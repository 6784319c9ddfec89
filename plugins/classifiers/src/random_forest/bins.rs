//! Features cut into bins.

use rayon::prelude::*;

/// A bin's number has to fit a byte.
const MOST: usize = 256;

/// More samples than this, evenly spaced, need not be looked at to find where the bins end.
const LOOKED_AT: usize = 1 << 16;

/// Every feature's values as numbers of bins, and where these end.
pub struct Bins {
    /// features × samples
    numbers: Vec<u8>,
    samples: usize,
    /// For each feature the last value of every bin but the last, ascending.
    ends: Vec<Vec<f32>>,
}

impl Bins {
    /// Of row-major features.
    pub fn of(features: &[f32], dimensions: usize) -> Self {
        let samples = features.len() / dimensions;
        let mut numbers = vec![0; features.len()];
        let columns = numbers.par_chunks_mut(samples).enumerate();
        let ends = columns.map(|(feature, numbers)| {
            let column = features.iter().skip(feature).step_by(dimensions);
            let column: Vec<f32> = column.copied().collect();
            let ends = ends(&column);
            for (number, x) in numbers.iter_mut().zip(&column) {
                *number = ends.partition_point(|end| end < x) as u8;
            }
            ends
        });
        Bins {
            ends: ends.collect(),
            numbers,
            samples,
        }
    }

    /// The number of features.
    pub fn features(&self) -> usize {
        self.ends.len()
    }

    /// The number of samples.
    pub fn samples(&self) -> usize {
        self.samples
    }

    /// The bin of every sample.
    pub fn of_feature(&self, feature: usize) -> &[u8] {
        &self.numbers[feature * self.samples..][..self.samples]
    }

    /// How many bins a feature has.
    pub fn count(&self, feature: usize) -> usize {
        self.ends[feature].len() + 1
    }

    /// The greatest value that is still in this bin, which is not the last.
    pub fn end(&self, feature: usize, bin: u8) -> f32 {
        self.ends[feature][bin as usize]
    }
}

/// Where the bins of a column end: half-way between neighbouring values, with about as many samples in each bin.
fn ends(column: &[f32]) -> Vec<f32> {
    let step = column.len().div_ceil(LOOKED_AT);
    let mut sorted: Vec<f32> = column.iter().step_by(step).copied().collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let between = |a: f32, b: f32| {
        let middle = a + (b - a) * 0.5;
        // Of neighbouring numbers there is none between; and what is too large for a number must not be an end.
        if middle < b && middle >= a { middle } else { a }
    };
    let places = (1..sorted.len()).filter(|&place| sorted[place - 1] < sorted[place]);
    let all: Vec<usize> = places.collect();
    let chosen: Vec<usize> = if all.len() < MOST {
        all
    } else {
        let at = |bin: usize| {
            // The first change of value at or behind the quantile.
            let quantile = bin * sorted.len() / MOST;
            all.get(all.partition_point(|&place| place < quantile))
                .copied()
        };
        let mut chosen: Vec<usize> = (1..MOST).filter_map(at).collect();
        chosen.dedup();
        chosen
    };
    chosen
        .into_iter()
        .map(|place| between(sorted[place - 1], sorted[place]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_have_a_bin_each() {
        let column = [3.0, -1.0, 3.0, 0.0, f32::MAX, f32::MIN, -0.0];
        let bins = Bins::of(&column, 1);
        assert_eq!(bins.of_feature(0), [3, 1, 3, 2, 4, 0, 2]);
        assert_eq!(bins.count(0), 5);
        assert_eq!((bins.end(0, 1), bins.end(0, 2)), (-0.5, 1.5));
        assert_eq!(Bins::of(&[7.0; 9], 1).count(0), 1);
    }

    #[test]
    fn many_values_share_bins_evenly() {
        let column: Vec<f32> = (0..10_000).map(|x| ((x * 7919) % 10_000) as f32).collect();
        let bins = Bins::of(&column, 1);
        assert_eq!(bins.count(0), 256);
        for bin in 0..=255 {
            let within = bins.of_feature(0).iter().filter(|&&b| b == bin).count();
            assert!((38..=41).contains(&within), "{within}");
        }
        // A value that half of the samples have takes one bin alone.
        let column: Vec<f32> = (0..1000).map(|x: i32| (x - 500).max(0) as f32).collect();
        let bins = Bins::of(&column, 1);
        let first = bins.of_feature(0).iter().filter(|&&b| b == 0).count();
        assert_eq!(first, 501);
        assert!((125..=256).contains(&bins.count(0)), "{}", bins.count(0));
    }
}
