//! What the splits of a tree are judged by, and what its leaves hold: the part in which trees of classes and of numbers differ.

use super::tree::{Drawn, Side};
use crate::method::Numbers;

/// Of samples it knows sums, one for each output of a leaf, and of these which are the better ones.
pub trait Criterion: Sync {
    /// What samples are added up to before it is weighed.
    type Tally: Copy + Default;

    /// How many numbers a leaf holds.
    fn outputs(&self) -> usize;

    /// What decides how a sample is added up; samples of the same key are as good as one drawn several times.
    fn key(&self, sample: u32) -> u32;

    /// Adds a sample drawn so many times to the tallies, one for each output.
    fn tally(&self, tallies: &mut [Self::Tally], key: u32, times: u32);

    /// What a tally adds to the sum of its output.
    fn weigh(&self, output: usize, tally: Self::Tally) -> f64;

    /// What a sample drawn so many times adds to the sums.
    fn each(&self, key: u32, times: u32, add: impl FnMut(usize, f64));

    /// How good it is to have these together on one side, summed over both sides of a split: the greater the better.
    fn purity(&self, sums: &[f64], times: u32) -> f64;

    /// Whether there is nothing to tell apart.
    fn is_pure(&self, samples: &[Drawn], sums: &[f64]) -> bool;

    /// What a leaf of these samples holds.
    fn leaf(&self, samples: &Side) -> impl Iterator<Item = f32>;
}

/// Classes, told apart by the Gini impurity. Leaves hold the share of each.
pub struct Gini<'a> {
    /// The class of every sample.
    pub labels: &'a [u32],
    /// What a sample of each class counts.
    pub class_weights: &'a [f64],
}

impl Criterion for Gini<'_> {
    type Tally = u32;

    fn outputs(&self) -> usize {
        self.class_weights.len()
    }

    fn key(&self, sample: u32) -> u32 {
        self.labels[sample as usize]
    }

    fn tally(&self, tallies: &mut [u32], key: u32, times: u32) {
        tallies[key as usize] += times;
    }

    fn weigh(&self, output: usize, tally: u32) -> f64 {
        f64::from(tally) * self.class_weights[output]
    }

    fn each(&self, key: u32, times: u32, mut add: impl FnMut(usize, f64)) {
        let class = key as usize;
        add(class, self.weigh(class, times));
    }

    /// The impurity of a side with counts cᵢ and sum c is 1 − Σ (cᵢ / c)². Weighted by c and summed over both sides it is least
    /// where Σ lᵢ² / l + Σ rᵢ² / r is greatest.
    fn purity(&self, sums: &[f64], _: u32) -> f64 {
        let (mut sum, mut squares) = (0.0, 0.0);
        for count in sums {
            sum += count;
            squares += count * count;
        }
        squares / sum
    }

    fn is_pure(&self, _: &[Drawn], sums: &[f64]) -> bool {
        sums.iter().filter(|&&count| count > 0.0).count() < 2
    }

    fn leaf(&self, samples: &Side) -> impl Iterator<Item = f32> {
        let all: f64 = samples.sums.iter().sum();
        samples.sums.iter().map(move |count| (count / all) as f32)
    }
}

/// Numbers, told apart by their squared error, summed over the columns as they are: one of larger numbers counts for more, as in
/// scikit-learn. Leaves hold the mean of each column.
pub struct SquaredError<'a> {
    numbers: Numbers<'a>,
    /// The mean of each column, which is taken from the numbers so that squares of sums lose few digits.
    means: Vec<f64>,
}

impl<'a> SquaredError<'a> {
    /// Of the numbers of all samples.
    pub fn of(numbers: Numbers<'a>) -> Self {
        SquaredError {
            means: numbers.means(),
            numbers,
        }
    }

    fn row(&self, sample: u32) -> &'a [f64] {
        let columns = self.numbers.columns;
        &self.numbers.values[sample as usize * columns..][..columns]
    }
}

impl Criterion for SquaredError<'_> {
    type Tally = f64;

    fn outputs(&self) -> usize {
        self.numbers.columns
    }

    fn key(&self, sample: u32) -> u32 {
        sample
    }

    fn tally(&self, tallies: &mut [f64], key: u32, times: u32) {
        self.each(key, times, |column, number| tallies[column] += number);
    }

    fn weigh(&self, _: usize, tally: f64) -> f64 {
        tally
    }

    fn each(&self, key: u32, times: u32, mut add: impl FnMut(usize, f64)) {
        let columns = self.row(key).iter().zip(&self.means);
        for (column, (number, mean)) in columns.enumerate() {
            add(column, f64::from(times) * (number - mean));
        }
    }

    /// The squared error of a side with n samples of sum s around their mean is Σ y² − s² / n, of which the first is the same for
    /// all splits.
    fn purity(&self, sums: &[f64], times: u32) -> f64 {
        let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
        squares / f64::from(times)
    }

    fn is_pure(&self, samples: &[Drawn], _: &[f64]) -> bool {
        match samples {
            [] => true,
            [first, others @ ..] => {
                let first = self.row(first.sample);
                others.iter().all(|drawn| self.row(drawn.sample) == first)
            }
        }
    }

    fn leaf(&self, samples: &Side) -> impl Iterator<Item = f32> {
        let count = f64::from(samples.times);
        let columns = samples.sums.iter().zip(&self.means);
        columns.map(move |(sum, mean)| (mean + sum / count) as f32)
    }
}
