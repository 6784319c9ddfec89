//! What scores say: the class they name, how far they are from the truth.

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

/// The classes with the largest scores, the largest first; of equals the first.
pub fn highest(scores: &[f32], count: usize) -> Vec<usize> {
    // 0 and -0 are equals.
    let score = |class: &usize| scores[*class] + 0.0;
    let order = |a: &usize, b: &usize| score(b).total_cmp(&score(a)).then(a.cmp(b));
    let mut classes: Vec<usize> = (0..scores.len()).collect();
    if count < classes.len() {
        classes.select_nth_unstable_by(count, order);
        classes.truncate(count);
    }
    classes.sort_by(order);
    classes
}

/// How many of the scores, `examples × classes`, name the right label.
pub fn correct(scores: &[f32], labels: impl Iterator<Item = u32>, classes: usize) -> u64 {
    (scores.chunks_exact(classes).zip(labels))
        .filter(|(scores, label)| predicted(scores) == *label as usize)
        .count() as u64
}

/// Mean cross-entropy in nats of scores, `examples × classes`, taken as logits:
/// `log Σ exp(z) − z[label]`, with the largest logit taken out first so that nothing overflows.
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
    fn scores_by_hand() {
        let scores = [0.0, 0.0, 1000.0, 0.0];
        let labels = || [0, 1].into_iter();
        assert_eq!(correct(&scores, labels(), 2), 1);
        // ln 2 for the undecided example, 1000 for the one that is sure and wrong.
        let expected = (2_f64.ln() + 1000.0) / 2.0;
        assert!((cross_entropy(&scores, labels(), 2) - expected).abs() < 1e-9);
    }

    #[test]
    fn the_first_of_equal_scores_wins() {
        let check = |scores: &[f32], expected: &[usize]| {
            assert_eq!(highest(scores, scores.len()), expected);
            for count in 1..=scores.len() {
                assert_eq!(
                    highest(scores, count),
                    expected[..count],
                    "{count} of {scores:?}"
                );
            }
            assert_eq!(predicted(scores), expected[0]);
        };
        check(&[0.0, 1.0, 1.0], &[1, 2, 0]);
        check(&[2.0], &[0]);
        check(&[-0.0, 0.0], &[0, 1]);
        check(&[-1.0, 3.0, -2.0, 3.0, 5.0], &[4, 1, 3, 0, 2]);
    }
}
