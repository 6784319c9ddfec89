//! Logits whose probabilities can be believed.

/// The range a temperature is looked for in. Beyond either end nothing changes any more for logits
/// of ordinary size: probabilities are 0 and 1, or all alike.
const LEAST: f64 = 1e-3;
const MOST: f64 = 1e3;

/// Whether a temperature is one of the ends of the range: the examples have not said how sure
/// scores should be, only that it should be as much, or as little, as can be.
pub fn is_boundless(temperature: f64) -> bool {
    !(LEAST * 1.001..MOST / 1.001).contains(&temperature)
}

/// The temperature T above 0 that minimises the mean log-loss of `softmax(logits / T)` on examples that
/// were held out: their classes, below `classes`, and logits, `labels.len() × classes`, row-major.
/// Divided by it, logits order the classes as before, and probabilities are as sure as they are
/// right.
///
/// The loss is convex in 1/T, so there is one minimum; it is found where the slope is 0, by Newton's
/// steps kept between bounds that close in. T stays within 0.001 and 1,000: where all examples are
/// classified correctly the loss falls for ever as T goes to 0, and the answer is 0.001; where the
/// logits say less than nothing it falls as T grows, and the answer is 1,000. Where T makes no
/// difference (all logits of each example alike) the answer is 1.
///
/// `None` without examples, with a label or a number of logits that does not fit, or with logits
/// that are not finite.
///
/// Source: C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks",
/// ICML 2017, section 4.2.
pub fn temperature(labels: &[u32], logits: &[f32], classes: usize) -> Option<f64> {
    let usable = crate::figures::complete(labels, logits, classes)
        && logits.iter().all(|logit| logit.is_finite());
    if !usable {
        return None;
    }
    let (mut low, mut high) = (1.0 / MOST, 1.0 / LEAST);
    let flat = |derivatives: &Derivatives| derivatives.first == 0.0 && derivatives.second == 0.0;
    if flat(&Derivatives::at(1.0, labels, logits, classes))
        && flat(&Derivatives::at(low, labels, logits, classes))
    {
        return Some(1.0);
    }
    if Derivatives::at(low, labels, logits, classes).first >= 0.0 {
        return Some(MOST);
    }
    if Derivatives::at(high, labels, logits, classes).first <= 0.0 {
        return Some(LEAST);
    }
    let mut inverse = 1.0;
    // Newton's steps converge in a dozen; every eighth one halves the logarithm of the range, in case
    // they do not.
    for step in 0..200 {
        let Derivatives { first, second } = Derivatives::at(inverse, labels, logits, classes);
        match first < 0.0 {
            true => low = inverse,
            false => high = inverse,
        }
        let newton = inverse - first / second;
        let inside = newton > low && newton < high;
        let next = match inside && (step % 8 != 7) {
            true => newton,
            false => (low * high).sqrt(),
        };
        if first == 0.0 || (next - inverse).abs() <= 1e-15 * inverse {
            break;
        }
        inverse = next;
    }
    Some(1.0 / inverse)
}

/// Of the mean log-loss by 1/T.
struct Derivatives {
    first: f64,
    second: f64,
}

impl Derivatives {
    /// With p the softmax of the logits z times `inverse`: the mean over the examples of `Σ p·z −
    /// z[label]`, and of the variance of z under p.
    fn at(inverse: f64, labels: &[u32], logits: &[f32], classes: usize) -> Self {
        let (mut first, mut second) = (0.0, 0.0);
        for (row, &label) in logits.chunks_exact(classes).zip(labels) {
            let largest = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
            // Logits less the largest one: neither derivative knows the difference.
            let (mut total, mut sum, mut squares) = (0.0, 0.0, 0.0);
            for logit in row {
                let logit = f64::from(*logit) - largest;
                let weight = (inverse * logit).exp();
                total += weight;
                sum += weight * logit;
                squares += weight * logit * logit;
            }
            let mean = sum / total;
            first += mean - (f64::from(row[label as usize]) - largest);
            second += squares / total - mean * mean;
        }
        let count = labels.len() as f64;
        Self {
            first: first / count,
            second: second / count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Figure, softmax_at};
    use proptest::prelude::*;

    #[test]
    fn ends_of_the_range() {
        let check = |labels: &[u32], logits: &[f32], expected: Option<f64>| {
            assert_eq!(
                temperature(labels, logits, 2),
                expected,
                "{labels:?} {logits:?}"
            );
        };
        check(&[], &[], None);
        check(&[0], &[1.0, f32::INFINITY], None);
        check(&[2], &[1.0, 0.0], None);
        check(&[0], &[1.0], None);
        // Separable; the other way round; nothing to choose by.
        check(&[0, 1], &[1.0, 0.0, 0.0, 2.0], Some(LEAST));
        check(&[1, 0], &[1.0, 0.0, 0.0, 2.0], Some(MOST));
        check(&[1, 0], &[0.5; 4], Some(1.0));
    }

    /// Three of four right with the same logits: p = 3/4 where their difference over T is ln 3.
    #[test]
    fn by_hand() {
        let found = temperature(&[0, 0, 0, 1], &[2.0, 0.0].repeat(4), 2).unwrap();
        assert!((found - 2.0 / 3.0_f64.ln()).abs() < 1e-12, "{found}");
    }

    proptest! {
        /// No temperature near the one found has a smaller loss.
        #[test]
        fn is_a_minimum(rows in prop::collection::vec((0_u32..3, [-9_i8..9, -9..9, -9..9]), 1..60)) {
            let labels: Vec<u32> = rows.iter().map(|row| row.0).collect();
            let logits: Vec<f32> = rows.iter().flat_map(|row| row.1).map(f32::from).collect();
            let found = temperature(&labels, &logits, 3).unwrap();
            prop_assert!((LEAST..=MOST).contains(&found));
            let loss = |temperature: f64| -> f64 {
                crate::cross_entropy(
                    &logits.iter().map(|z| (f64::from(*z) / temperature) as f32).collect::<Vec<_>>(),
                    labels.iter().copied(),
                    3,
                )
            };
            let least = loss(found);
            for factor in [0.5, 0.9, 1.1, 2.0] {
                let other = found * factor;
                if (LEAST..=MOST).contains(&other) {
                    prop_assert!(least <= loss(other) + 1e-5 * least.abs().max(1.0), "{found} {factor}");
                }
            }
            // Tempered probabilities name the same classes, wherever they tell them apart.
            let log_loss = Figure::named("log-loss").unwrap();
            let at = |temperature| (log_loss.of)(&labels, &softmax_at(&logits, 3, temperature), 3).unwrap();
            prop_assert!(found < 0.1 || at(found) <= at(1.0) + 1e-6, "{found}");
        }
    }
}
