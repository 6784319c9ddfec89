//! Trying networks on examples, without learning from them.

use topwork_engine::{Compute, Network};

use crate::{GraftError, data::Samples};

/// Examples read and classified at once.
const BLOCK: usize = 512;

/// The scores of these examples, `examples × classes`: the output of the last of `networks`,
/// each taking what the one before gives. `step` hears how many are done.
pub fn scores(
    compute: &Compute,
    networks: &[&Network],
    samples: &dyn Samples,
    examples: &[usize],
    classes: usize,
    mut step: impl FnMut(usize) -> Result<(), GraftError>,
) -> Result<Vec<f32>, GraftError> {
    let mut scores = vec![0.0; examples.len() * classes];
    let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
    let mut done = 0;
    for (block, scores) in examples
        .chunks(BLOCK)
        .zip(scores.chunks_mut(BLOCK * classes))
    {
        samples.read(block, &mut inputs, None)?;
        for network in networks {
            let len = network.blueprint().output().elements();
            outputs.resize(block.len() * len, 0.0);
            network
                .forward(compute, &inputs, &mut outputs)
                .map_err(|source| GraftError::Engine {
                    stage: "evaluating".to_owned(),
                    source,
                })?;
            std::mem::swap(&mut inputs, &mut outputs);
        }
        scores.copy_from_slice(&inputs);
        done += block.len();
        step(done)?;
    }
    Ok(scores)
}

/// The class with the largest score; the first of equals.
pub fn predicted(scores: &[f32]) -> usize {
    let mut best = 0;
    for (class, score) in scores.iter().enumerate() {
        if *score > scores[best] {
            best = class;
        }
    }
    best
}

/// How many of the scores name the right label.
pub fn correct(scores: &[f32], labels: impl Iterator<Item = u32>, classes: usize) -> u64 {
    (scores.chunks_exact(classes).zip(labels))
        .filter(|(scores, label)| predicted(scores) == *label as usize)
        .count() as u64
}

/// Mean cross-entropy in nats of scores taken as logits: `log Σ exp(z) − z[label]`, with the
/// largest logit taken out first so that nothing overflows.
pub fn cross_entropy(scores: &[f32], labels: impl Iterator<Item = u32>, classes: usize) -> f64 {
    let mut sum = 0.0;
    let mut count = 0_u64;
    for (logits, label) in scores.chunks_exact(classes).zip(labels) {
        let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let largest = f64::from(largest);
        let total: f64 = logits
            .iter()
            .map(|logit| (f64::from(*logit) - largest).exp())
            .sum();
        sum += total.ln() + largest - f64::from(logits[label as usize]);
        count += 1;
    }
    sum / count.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_by_hand() {
        let scores = [0.0, 0.0, 1000.0, 0.0];
        let labels = || [0, 1].into_iter();
        assert_eq!(correct(&scores, labels(), 2), 1);
        // ln 2 for the undecided example, 1000 for the one that is sure and wrong.
        let expected = (2_f64.ln() + 1000.0) / 2.0;
        assert!((cross_entropy(&scores, labels(), 2) - expected).abs() < 1e-9);
    }
}
