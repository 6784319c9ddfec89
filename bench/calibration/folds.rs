//! Real refits: two nearest-centroid classifiers, each of which sees features of its own, in cross-validation on
//! the same examples. Equal signals make them equally good by symmetry, whatever the folds do; how good
//! they are with so many training samples is known from many fits, each with its exact accuracy.

use rayon::prelude::*;
use statrs::distribution::{ContinuousCDF, Normal};
use topwork_measure::{Bits, Disagreement, corrected_t, paired_shares, wilson};

use crate::{
    random::Random,
    rates::{Outcome, Scenario},
};

/// Features of each classifier.
const DIMS: usize = 8;

/// How the two are judged.
#[derive(Clone, Copy, PartialEq)]
pub enum By {
    /// The corrected resampled t test over folds.
    Folds,
    /// McNemar's test and Wilson's interval of all examples, pooled.
    Pooled,
}

pub struct Folds {
    pub examples: usize,
    pub folds: usize,
    pub repeats: usize,
    pub by: By,
    /// Distance of a class's mean from 0, in each feature, of the second classifier.
    signal: f64,
    /// The expected accuracy for some signals.
    known: Vec<(f64, f64)>,
}

/// Labels, and for both classifiers the features.
struct Data {
    labels: Vec<f64>,
    features: [Vec<[f64; DIMS]>; 2],
}

/// Class means, as what decides: the side of a plane.
struct Fitted {
    weights: [f64; DIMS],
    offset: f64,
}

impl Fitted {
    fn to(labels: &[f64], features: &[[f64; DIMS]], train: impl Iterator<Item = usize>) -> Self {
        let mut sums = [[0.0; DIMS]; 2];
        let mut counts = [0.0; 2];
        for example in train {
            let class = usize::from(labels[example] > 0.0);
            counts[class] += 1.0;
            for (sum, value) in sums[class].iter_mut().zip(&features[example]) {
                *sum += value;
            }
        }
        let mean = |class: usize, dim: usize| sums[class][dim] / f64::max(counts[class], 1.0);
        let weights = std::array::from_fn(|dim| mean(1, dim) - mean(0, dim));
        let middle = |dim: usize| 0.5 * (mean(1, dim) + mean(0, dim));
        let offset = (0..DIMS).map(|dim| weights[dim] * middle(dim)).sum();
        Self { weights, offset }
    }

    fn is_right(&self, label: f64, features: &[f64; DIMS]) -> bool {
        let score: f64 = self.weights.iter().zip(features).map(|(w, x)| w * x).sum();
        (score - self.offset) * label > 0.0
    }

    /// On all examples there could be: features are normal about the class's mean, with variance 1.
    fn accuracy(&self, signal: f64) -> f64 {
        let along = signal * self.weights.iter().sum::<f64>();
        let length = self.weights.iter().map(|w| w * w).sum::<f64>().sqrt();
        let below = |value: f64| Normal::standard().cdf(value / length);
        0.5 * (below(along - self.offset) + below(along + self.offset))
    }
}

/// Two classes of the same size.
fn label(example: usize) -> f64 {
    if example.is_multiple_of(2) { 1.0 } else { -1.0 }
}

fn data(random: &mut Random, examples: usize, signals: [f64; 2]) -> Data {
    let labels: Vec<f64> = (0..examples).map(label).collect();
    let mut features = [Vec::new(), Vec::new()];
    for label in &labels {
        // Half of the noise is common: what is hard for one is hard for the other.
        let common: [f64; DIMS] = std::array::from_fn(|_| random.normal());
        for (features, signal) in features.iter_mut().zip(signals) {
            let value =
                |dim: usize| label * signal + 0.5_f64.sqrt() * (common[dim] + random.normal());
            let row: Vec<f64> = (0..DIMS).map(value).collect();
            features.push(std::array::from_fn(|dim| row[dim]));
        }
    }
    Data { labels, features }
}

impl Folds {
    pub fn new(examples: usize, folds: usize, repeats: usize, by: By, fits: u64) -> Self {
        let signal = 0.35;
        let train = examples - examples / folds;
        // The same draws for every signal, so that the accuracy grows with it.
        let expected = |signal: f64| {
            let accuracy = |fit: u64| {
                let mut random = Random::new(1, fit);
                let labels: Vec<f64> = (0..train).map(label).collect();
                let row = |label: &f64| std::array::from_fn(|_| label * signal + random.normal());
                let features: Vec<[f64; DIMS]> = labels.iter().map(row).collect();
                Fitted::to(&labels, &features, 0..train).accuracy(signal)
            };
            let accuracies: Vec<f64> = (0..fits).into_par_iter().map(accuracy).collect();
            accuracies.iter().sum::<f64>() / fits as f64
        };
        let signals = (0..=10).map(|step| signal * f64::from(step) / 10.0);
        let known = signals.map(|signal| (signal, expected(signal))).collect();
        Self {
            examples,
            folds,
            repeats,
            by,
            signal,
            known,
        }
    }

    /// The signal with which the accuracy is so much less, between two that are known.
    fn weaker(&self, difference: f64) -> (f64, f64) {
        let full = self.known.last().copied().unwrap_or_default();
        let wanted = full.1 + difference;
        let pair = self
            .known
            .windows(2)
            .find(|pair| pair[0].1 <= wanted && wanted <= pair[1].1);
        match pair {
            Some(&[low, high]) if difference < 0.0 => {
                let part = (wanted - low.1) / (high.1 - low.1);
                (low.0 + part * (high.0 - low.0), wanted)
            }
            _ => full,
        }
    }
}

impl Scenario for Folds {
    fn cells(&self) -> Vec<[String; 3]> {
        let by = match self.by {
            By::Folds => "folds: corrected resampled t",
            By::Pooled => "folds, pooled: McNemar mid-p, Tango, Wilson",
        };
        let times = if self.repeats > 1 {
            format!(", {} times", self.repeats)
        } else {
            String::new()
        };
        vec![[
            by.to_owned(),
            format!("nearest centroid, {} folds{times}", self.folds),
            self.examples.to_string(),
        ]]
    }

    fn draw(&self, random: &mut Random, difference: f64) -> Vec<Outcome> {
        let (weaker, accuracy) = self.weaker(difference);
        let Data { labels, features } = data(random, self.examples, [weaker, self.signal]);
        let mut order: Vec<usize> = (0..self.examples).collect();
        let (mut shares, mut differences) = (Vec::new(), Vec::new());
        let mut right = [vec![false; self.examples], vec![false; self.examples]];
        for _ in 0..self.repeats {
            random.shuffle(&mut order);
            for fold in 0..self.folds {
                let is_of_fold = |place: &usize| place % self.folds == fold;
                let train = || (0..self.examples).filter(|place| !is_of_fold(place));
                let test = || (0..self.examples).filter(is_of_fold);
                let count = test().count() as f64;
                let [a, b] = [0, 1].map(|row: usize| {
                    let fitted =
                        Fitted::to(&labels, &features[row], train().map(|place| order[place]));
                    let mut correct = 0.0;
                    for example in test().map(|place| order[place]) {
                        right[row][example] =
                            fitted.is_right(labels[example], &features[row][example]);
                        correct += f64::from(u8::from(right[row][example]));
                    }
                    correct / count
                });
                shares.push(a);
                differences.push(a - b);
            }
        }
        match self.by {
            By::Folds => {
                let ratio = 1.0 / (self.folds as f64 - 1.0);
                let pair = corrected_t(&differences, ratio).expect("there are folds");
                let row = corrected_t(&shares, ratio).expect("there are folds");
                vec![Outcome::of(
                    &pair,
                    difference,
                    Some((row.interval, accuracy)),
                )]
            }
            By::Pooled => {
                let [a, b] = right.map(Bits::from_bools);
                let total = self.examples as u64;
                let disagreement = Disagreement::of(&a, &b).unwrap_or_default();
                let pair = paired_shares(disagreement, total).expect("there are examples");
                let row = wilson(a.count_ones() as f64 / total as f64, total);
                vec![Outcome::of(&pair, difference, Some((row, accuracy)))]
            }
        }
    }
}
