//! Figures of probabilities, and how scores become some.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{complete, mean, ranking::ordered};
use crate::{bootstrap::Statistic, scores::predicted};

/// How far a probability is kept from 0 and 1 in the log-loss: as far as single precision, in which
/// heads give them, keeps 1 from its neighbour, and as scikit-learn does with such numbers.
const CLIP: f64 = f32::EPSILON as f64;

/// Bins of the expected calibration error.
const BINS: usize = 15;

/// Probabilities of scores, `examples × classes`, taken as logits: `exp(z) / Σ exp(z)` in each row,
/// with the largest logit taken out first so that nothing overflows, computed in double precision and
/// rounded once.
pub fn softmax(logits: &[f32], classes: usize) -> Vec<f32> {
    softmax_at(logits, classes, 1.0)
}

/// The same of the logits divided by a temperature above 0.
pub fn softmax_at(logits: &[f32], classes: usize, temperature: f64) -> Vec<f32> {
    let mut probabilities = Vec::with_capacity(logits.len());
    let mut row = Vec::with_capacity(classes);
    for logits in logits.chunks_exact(classes.max(1)) {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let above = |logit: &f32| (f64::from(*logit) - f64::from(largest)) / temperature;
        row.clear();
        row.extend(logits.iter().map(|logit| above(logit).exp()));
        let total: f64 = row.iter().sum();
        probabilities.extend(row.iter().map(|part| (part / total) as f32));
    }
    probabilities
}

/// How many of the examples have a probability of their true class that the log-loss clips: what is
/// said of them is the clip.
pub fn clipped(targets: &[u32], probabilities: &[f32], classes: usize) -> u64 {
    of_truth(targets, probabilities, classes)
        .filter(|p| !(CLIP..=1.0 - CLIP).contains(p))
        .count() as u64
}

/// The probabilities of the true classes.
fn of_truth<'a>(
    targets: &'a [u32],
    probabilities: &'a [f32],
    classes: usize,
) -> impl Iterator<Item = f64> + 'a {
    (probabilities.chunks_exact(classes.max(1)).zip(targets))
        .map(|(row, target)| f64::from(row[*target as usize]))
}

/// The loss of one example, by the probability of its true class.
fn loss(probability: f64) -> f64 {
    -probability.clamp(CLIP, 1.0 - CLIP).ln()
}

pub(super) fn log_loss(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    let usable = complete(targets, scores, classes);
    usable.then(|| mean(of_truth(targets, scores, classes).map(loss)))?
}

pub(super) fn log_loss_statistic(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    let usable = complete(targets, scores, classes);
    usable.then(|| Statistic::mean(of_truth(targets, scores, classes).map(loss).collect()))
}

/// The squared distance of one example's probabilities from the truth.
fn squared_distance(probabilities: &[f32], target: u32) -> f64 {
    (probabilities.iter().zip(0_u32..))
        .map(|(p, class)| (f64::from(*p) - f64::from(u8::from(class == target))).powi(2))
        .sum()
}

/// Source: G. W. Brier, "Verification of forecasts expressed in terms of probability", Monthly
/// Weather Review 78 (1950), 1–3: the sum over all classes, for two classes twice what is often
/// given.
pub(super) fn brier(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    let rows = || scores.chunks_exact(classes).zip(targets);
    let usable = complete(targets, scores, classes);
    usable.then(|| mean(rows().map(|(row, target)| squared_distance(row, *target))))?
}

pub(super) fn brier_statistic(
    targets: &[u32],
    scores: &[f32],
    classes: usize,
) -> Option<Statistic> {
    let rows = || scores.chunks_exact(classes).zip(targets);
    let distances = || rows().map(|(row, target)| squared_distance(row, *target));
    complete(targets, scores, classes).then(|| Statistic::mean(distances().collect()))
}

/// Some of the examples, of similar confidence: a point of the reliability diagram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct ReliabilityBin {
    /// Examples in it.
    pub count: u64,
    /// Their mean confidence, that is, largest probability.
    pub confidence: f64,
    /// The share of them that are classified correctly.
    pub accuracy: f64,
}

/// The examples in bins of equal mass, in the order of their confidence: what the expected
/// calibration error is made of. Empty where there are no examples, or a probability is NaN.
///
/// With n examples in order, bin b of 15 begins at place b·n/15. Examples of equal confidence stay
/// together, in the bin of the first of them, so that the order of the examples says nothing;
/// bins that stay empty are left out.
pub fn reliability(targets: &[u32], probabilities: &[f32], classes: usize) -> Vec<ReliabilityBin> {
    let Some(binned) = Binned::of(targets, probabilities, classes) else {
        return Vec::new();
    };
    let mut sums = [(0_u64, 0.0, 0_u64); BINS];
    for (bin, example) in binned.bins.iter().zip(&binned.examples) {
        let (count, confidence, right) = &mut sums[usize::from(*bin)];
        *count += 1;
        *confidence += example.confidence;
        *right += u64::from(example.right);
    }
    (sums.into_iter().filter(|(count, ..)| *count > 0))
        .map(|(count, confidence, right)| ReliabilityBin {
            count,
            confidence: confidence / count as f64,
            accuracy: right as f64 / count as f64,
        })
        .collect()
}

/// The expected calibration error: the mean over the examples of how far the accuracy of their bin is
/// from its mean confidence.
///
/// Source: M. P. Naeini, G. F. Cooper, M. Hauskrecht, "Obtaining well calibrated probabilities using
/// Bayesian binning", AAAI 2015, 2901–2907; bins of equal mass as in J. Nixon et al., "Measuring
/// calibration in deep learning", CVPR Workshops 2019.
pub(super) fn ece(targets: &[u32], scores: &[f32], classes: usize) -> Option<f64> {
    let bins = reliability(targets, scores, classes);
    let total: u64 = bins.iter().map(|bin| bin.count).sum();
    (total > 0).then(|| {
        let gap = |bin: &ReliabilityBin| (bin.accuracy - bin.confidence).abs() * bin.count as f64;
        bins.iter().map(gap).sum::<f64>() / total as f64
    })
}

/// The examples, in their order, with the bins they are in.
#[derive(Clone, Debug)]
pub(crate) struct Binned {
    pub(crate) bins: Vec<u8>,
    pub(crate) examples: Vec<Confident>,
}

/// What one example is taken for, as far as its calibration goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Confident {
    /// The largest probability.
    pub(crate) confidence: f64,
    /// Whether its class is the true one.
    pub(crate) right: bool,
}

impl Binned {
    pub(crate) fn of(targets: &[u32], probabilities: &[f32], classes: usize) -> Option<Self> {
        let usable = complete(targets, probabilities, classes)
            && !probabilities.iter().any(|probability| probability.is_nan());
        if !usable {
            return None;
        }
        let examples: Vec<Confident> = (probabilities.chunks_exact(classes).zip(targets))
            .map(|(row, target)| {
                let class = predicted(row);
                Confident {
                    confidence: f64::from(row[class]),
                    right: class == *target as usize,
                }
            })
            .collect();
        let mut order: Vec<(u64, u32)> = (examples.iter().zip(0_u32..))
            .map(|(example, index)| (ordered(example.confidence), index))
            .collect();
        order.sort_unstable();
        let mut bins = vec![0; examples.len()];
        let mut first = 0;
        for group in order.chunk_by(|a, b| a.0 == b.0) {
            // Below BINS, since the place of the first is below the number of examples.
            let bin = (first * BINS / order.len()) as u8;
            for (_, example) in group {
                bins[*example as usize] = bin;
            }
            first += group.len();
        }
        Some(Self { bins, examples })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logits_become_probabilities() {
        let check = |logits: &[f32], temperature: f64, expected: &[f32]| {
            assert_eq!(
                softmax_at(logits, logits.len(), temperature),
                expected,
                "{logits:?}"
            );
        };
        check(&[0.0, 0.0], 1.0, &[0.5, 0.5]);
        check(&[1000.0, 0.0], 1.0, &[1.0, 0.0]);
        check(&[-1000.0, -1000.0], 3.0, &[0.5, 0.5]);
        check(&[3.0_f32.ln(), 0.0], 1.0, &[0.75, 0.25]);
        check(&[9.0_f32.ln(), 0.0], 2.0, &[0.75, 0.25]);
        assert_eq!(softmax(&[], 3), [0.0_f32; 0]);
    }

    #[test]
    fn sure_and_wrong_is_clipped() {
        let targets = [0, 0, 1];
        let probabilities = [1.0, 0.0, 0.0, 1.0, 0.5, 0.5];
        assert_eq!(clipped(&targets, &probabilities, 2), 2);
        let expected = (-(1.0 - CLIP).ln() - CLIP.ln() + 2.0_f64.ln()) / 3.0;
        let found = log_loss(&targets, &probabilities, 2).unwrap();
        assert!((found - expected).abs() < 1e-15, "{found} {expected}");
    }

    /// Of examples with the same confidence there is one bin, however many there are.
    #[test]
    fn equal_confidences_stay_together() {
        let mut targets = vec![0; 30];
        targets[..10].fill(1);
        let probabilities = [0.75, 0.25].repeat(30);
        let bins = reliability(&targets, &probabilities, 2);
        let expected = ReliabilityBin {
            count: 30,
            confidence: 0.75,
            accuracy: 20.0 / 30.0,
        };
        assert_eq!(bins, [expected]);
        let found = ece(&targets, &probabilities, 2).unwrap();
        assert!((found - (0.75 - 20.0 / 30.0)).abs() < 1e-15, "{found}");
        assert!(reliability(&[0], &[f32::NAN, 0.0], 2).is_empty());
    }

    #[test]
    fn bins_have_equal_mass() {
        let count = |examples: usize| -> Vec<u64> {
            let rows = (0..examples).flat_map(|i| {
                let p = 0.5 + 0.4 * i as f32 / examples as f32;
                [p, 1.0 - p]
            });
            let probabilities: Vec<f32> = rows.collect();
            let bins = reliability(&vec![0; examples], &probabilities, 2);
            bins.iter().map(|bin| bin.count).collect()
        };
        assert_eq!(count(4), [1; 4]);
        assert_eq!(count(15), [1; 15]);
        assert_eq!(count(150), [10; 15]);
        let uneven = count(100);
        assert_eq!((uneven.len(), uneven.iter().sum()), (15, 100));
        assert!(
            uneven.iter().all(|count| (6..=7).contains(count)),
            "{uneven:?}"
        );
    }
}
