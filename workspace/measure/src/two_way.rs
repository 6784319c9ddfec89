//! Means over seeds and test examples at once. Both are samples: another seed trains another model,
//! and other test examples would have been as good. A model's score varies with both, so the
//! standard error of the mean has a part from each.

use std::borrow::Borrow;

use crate::{
    bits::Bits,
    estimate::Estimate,
    interval::{Interval, Z95},
    paired::{Disagreement, paired_shares},
};

/// The three parts of the variance of a mean over `seeds × examples` scores, each divided already by
/// what it is averaged over.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct VarianceParts {
    /// The variance (ddof 1) between the examples' means over the seeds, divided by the number of
    /// examples.
    pub examples: f64,
    /// The variance (ddof 1) between the seeds' means over the examples, divided by the number of
    /// seeds.
    pub seeds: f64,
    /// The residual mean square, divided by both numbers: it is in each of the other two.
    pub residual: f64,
}

impl VarianceParts {
    /// The variance of the mean, `examples + seeds − residual`: the expectation of that is the
    /// variance in the model `score = mean + seed + example + residual`, all three random. It is
    /// never below the larger of its first two parts.
    ///
    /// Source: S. R. Searle, G. Casella, C. E. McCulloch, *Variance Components*, 1992, chapter 4
    /// (expected mean squares of the two-way crossed classification).
    pub fn total(&self) -> f64 {
        (self.examples + self.seeds - self.residual).max(self.examples.max(self.seeds))
    }

    /// Degrees of freedom of t for the mean: with w the part of the seeds in the total variance,
    /// `1 / freedom = w / (seeds − 1) + (1 − w) / (examples − 1)`.
    ///
    /// Not Satterthwaite's, `total² / Σ (part² / freedom of the part)`: where most of the variance is
    /// between seeds but not all of it, a few seeds that happen to be alike make both the variance
    /// small and those degrees of freedom large. With 3 seeds that rejected a true null in up to
    /// 8.2 % of draws at level 5 %, over a grid of all mixtures of the three parts. Weights that are
    /// linear in w rejected it in 1.0 to 6.0 % with 3 seeds, 1.1 to 5.2 % with 5, 2.1 to 5.1 % with 10;
    /// with 2 in up to 8.9 % (Satterthwaite's: 12.5 %). The low end is where seeds and examples have
    /// no effects of their own: the price of never going below a one-way part.
    pub fn freedom(&self, seeds: usize, examples: usize) -> f64 {
        let total = self.total();
        let weight = if total > 0.0 { self.seeds / total } else { 0.0 };
        let of = |count: usize| count.saturating_sub(1).max(1) as f64;
        1.0 / (weight / of(seeds) + (1.0 - weight) / of(examples))
    }

    /// The estimate of a mean with this variance.
    pub fn estimate(&self, mean: f64, seeds: usize, examples: usize) -> Estimate {
        Estimate::by_t(mean, self.total().sqrt(), self.freedom(seeds, examples))
    }
}

/// Sums over seeds and examples that the mean and all parts of its variance follow from; whole
/// numbers, so that nothing is lost by rounding.
struct Sums {
    seeds: usize,
    examples: usize,
    /// Sum of each seed.
    of_seeds: Vec<i128>,
    /// Of the squares of the examples' sums over the seeds.
    squares_of_examples: i128,
    /// Of the squares of all scores.
    squares: i128,
}

impl Sums {
    fn mean(&self) -> f64 {
        let sum: i128 = self.of_seeds.iter().sum();
        sum as f64 / (self.seeds as f64 * self.examples as f64)
    }

    fn parts(&self) -> VarianceParts {
        let (s, n) = (self.seeds as i128, self.examples as i128);
        let sum: i128 = self.of_seeds.iter().sum();
        let squares_of_seeds: i128 = self.of_seeds.iter().map(|sum| sum * sum).sum();
        // Sums of squares, all times s · n.
        let between_seeds = s * squares_of_seeds - sum * sum;
        let between_examples = n * self.squares_of_examples - sum * sum;
        let residual = s * n * self.squares - sum * sum - between_seeds - between_examples;
        let all = (s * n) as f64 * (s * n) as f64;
        let (seeds_freedom, examples_freedom) = ((s - 1) as f64, (n - 1) as f64);
        VarianceParts {
            examples: between_examples as f64 / (all * examples_freedom),
            seeds: between_seeds as f64 / (all * seeds_freedom),
            residual: residual as f64 / (all * seeds_freedom * examples_freedom),
        }
    }
}

/// The share of bits that are 1, over seeds (one bitmap each) and examples, with its two-way standard
/// error. `p` is that of a share of 0, which is of no interest.
///
/// The interval is Wilson's with t in place of the normal quantile and, in place of the number of
/// examples, as many as would give the standard error by themselves: it stays within 0 and 1, and
/// near either its longer arm points inwards. Where no bit differs from another (all right with every
/// seed), it is Wilson's of the examples, and the standard error is its half-width over 1.96.
///
/// `None` with fewer than two seeds or two examples, or bitmaps that differ in length.
pub fn two_way<B: Borrow<Bits>>(row: &[B]) -> Option<Estimate> {
    let sums = sums_of(&borrowed(row))?;
    let (mean, parts) = (sums.mean(), sums.parts());
    let estimate = parts.estimate(mean, sums.seeds, sums.examples);
    let mut estimate = estimate.of_share(sums.examples);
    if parts.total() <= 0.0 {
        estimate.standard_error = implied_error(estimate.interval);
        estimate.freedom = None;
    }
    Some(estimate)
}

/// The difference `a − b` of the shares of two rows on the same examples, over seeds (one bitmap each,
/// seed by seed in the same order, since rows share the draws of a seed) and examples, with its
/// two-way standard error; interval and p by t, the interval within −1 and 1.
///
/// Where every example has the same difference with every seed there is no variance to judge by; with
/// more seeds like these nothing new would be seen, so they count as one, and the estimate is that
/// of [`paired_shares`].
///
/// `None` with fewer than two seeds or two examples, or bitmaps that differ in number or length.
pub fn two_way_pair<B: Borrow<Bits>>(a: &[B], b: &[B]) -> Option<Estimate> {
    let (a, b) = (borrowed(a), borrowed(b));
    let sums = sums_of_pair(&a, &b)?;
    let parts = sums.parts();
    if parts.total() <= 0.0 {
        let disagreement = Disagreement::of(a.first()?, b.first()?)?;
        return paired_shares(disagreement, sums.examples as u64);
    }
    let mut estimate = parts.estimate(sums.mean(), sums.seeds, sums.examples);
    estimate.interval = estimate.interval.within(-1.0, 1.0);
    Some(estimate)
}

/// The mean of any scores, one slice for each seed with one score for each example, with its two-way
/// standard error; for a pair, of the differences. Interval and p by t. Where nothing varies the
/// interval is the mean alone, and p is 0 unless that is 0.
///
/// `None` with fewer than two seeds or two examples, slices that differ in length, or scores that are
/// not finite.
pub fn two_way_scores(scores: &[&[f64]]) -> Option<Estimate> {
    let (parts, mean) = parts_of_scores(scores)?;
    Some(parts.estimate(mean, scores.len(), scores.first()?.len()))
}

/// The half-width of a 95 % interval as a standard error: of what has no variance of its own.
pub(crate) fn implied_error(interval: Interval) -> f64 {
    (interval.high - interval.low) / (2.0 * Z95)
}

fn borrowed<B: Borrow<Bits>>(bits: &[B]) -> Vec<&Bits> {
    bits.iter().map(Borrow::borrow).collect()
}

fn sums_of(row: &[&Bits]) -> Option<Sums> {
    let examples = enough(row)?;
    let mut squares_of_examples = 0;
    for one in row {
        for other in row {
            squares_of_examples += i128::from(one.overlap(other));
        }
    }
    let of_seeds: Vec<i128> = row.iter().map(|bits| bits.count_ones().into()).collect();
    Some(Sums {
        seeds: row.len(),
        examples,
        squares: of_seeds.iter().sum(),
        of_seeds,
        squares_of_examples,
    })
}

fn sums_of_pair(a: &[&Bits], b: &[&Bits]) -> Option<Sums> {
    let examples = enough(a)?;
    if a.len() != b.len() || enough(b)? != examples {
        return None;
    }
    let overlap = |one: &Bits, other: &Bits| i128::from(one.overlap(other));
    // Σ over examples of (Σ over seeds of a − b)², multiplied out.
    let mut squares_of_examples = 0;
    for (one_a, one_b) in a.iter().zip(b) {
        for (other_a, other_b) in a.iter().zip(b) {
            squares_of_examples += overlap(one_a, other_a) + overlap(one_b, other_b)
                - overlap(one_a, other_b)
                - overlap(one_b, other_a);
        }
    }
    let ones = |bits: &Bits| i128::from(bits.count_ones());
    let pairs = || a.iter().zip(b);
    Some(Sums {
        seeds: a.len(),
        examples,
        of_seeds: pairs().map(|(a, b)| ones(a) - ones(b)).collect(),
        squares_of_examples,
        squares: pairs()
            .map(|(a, b)| ones(a) + ones(b) - 2 * overlap(a, b))
            .sum(),
    })
}

/// How many examples the bitmaps have, if that is enough, as are the bitmaps.
fn enough(row: &[&Bits]) -> Option<usize> {
    let examples = row.first()?.len();
    let alike = row.iter().all(|bits| bits.len() == examples);
    (alike && row.len() > 1 && examples > 1).then_some(examples)
}

fn parts_of_scores(scores: &[&[f64]]) -> Option<(VarianceParts, f64)> {
    let (s, n) = (scores.len(), scores.first()?.len());
    let fit = |scores: &&[f64]| scores.len() == n && scores.iter().all(|score| score.is_finite());
    if s < 2 || n < 2 || !scores.iter().all(fit) {
        return None;
    }
    let mean_of = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let of_seeds: Vec<f64> = scores.iter().map(|scores| mean_of(scores)).collect();
    let mean = mean_of(&of_seeds);
    let of_examples: Vec<f64> = (0..n)
        .map(|example| scores.iter().map(|scores| scores[example]).sum::<f64>() / s as f64)
        .collect();
    let spread = |means: &[f64]| {
        means
            .iter()
            .map(|value| (value - mean).powi(2))
            .sum::<f64>()
    };
    let mut residual = 0.0;
    for (scores, of_seed) in scores.iter().zip(&of_seeds) {
        for (score, of_example) in scores.iter().zip(&of_examples) {
            residual += (score - of_seed - of_example + mean).powi(2);
        }
    }
    let (s, n) = (s as f64, n as f64);
    let parts = VarianceParts {
        examples: spread(&of_examples) / ((n - 1.0) * n),
        seeds: spread(&of_seeds) / ((s - 1.0) * s),
        residual: residual / ((s - 1.0) * (n - 1.0) * s * n),
    };
    Some((parts, mean))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bits(text: &str) -> Bits {
        text.bytes().map(|bit| bit == b'1').collect()
    }

    fn near(a: f64, b: f64) -> bool {
        (a - b).abs() <= 1e-12 * a.abs().max(b.abs()).max(1e-3)
    }

    /// Two seeds on four examples: 1 1 1 0 and 1 0 0 0. Means of seeds 3/4 and 1/4, of examples 1,
    /// 1/2, 1/2, 0; mean squares 1/2 between seeds (1 degree of freedom), 1/3 between examples (3)
    /// and 1/6 of the residual (3).
    #[test]
    fn by_hand() {
        let row = [bits("1110"), bits("1000")];
        let parts = sums_of(&borrowed(&row)).unwrap().parts();
        let expected = [(1.0 / 3.0) / 8.0, (1.0 / 2.0) / 8.0, (1.0 / 6.0) / 8.0];
        for (found, expected) in [parts.examples, parts.seeds, parts.residual]
            .iter()
            .zip(expected)
        {
            assert!(near(*found, expected), "{parts:?}");
        }
        let found = two_way(&row).unwrap();
        assert_eq!(found.value, 0.5);
        assert!(
            near(found.standard_error, (1.0_f64 / 12.0).sqrt()),
            "{found:?}"
        );
        // w = 3/4, so 1 / freedom = 3/4 + 1/12.
        assert!(near(found.freedom.unwrap(), 1.2), "{found:?}");
    }

    #[test]
    fn what_cannot_be_judged() {
        let check = |row: &[&str], other: &[&str]| {
            let row: Vec<Bits> = row.iter().map(|text| bits(text)).collect();
            let other: Vec<Bits> = other.iter().map(|text| bits(text)).collect();
            assert_eq!(two_way_pair(&row, &other), None, "{row:?} {other:?}");
        };
        check(&[], &[]);
        check(&["10"], &["01"]);
        check(&["1", "0"], &["1", "0"]);
        check(&["10", "101"], &["10", "101"]);
        check(&["10", "10"], &["101", "101"]);
        check(&["10", "10"], &["10"]);
        assert_eq!(two_way(&[bits("10")]), None);
        assert_eq!(two_way_scores(&[&[0.0, f64::NAN], &[0.0, 1.0]]), None);
        assert_eq!(two_way_scores(&[&[0.0, 1.0], &[0.0]]), None);
    }

    /// Without any variance seeds that are alike count as one.
    #[test]
    fn nothing_varies() {
        let (ones, zeros) = (
            vec![bits(&"1".repeat(100)); 3],
            vec![bits(&"0".repeat(100)); 3],
        );
        let all_right = two_way(&ones).unwrap();
        assert_eq!(all_right.value, 1.0);
        assert_eq!(all_right.interval, crate::wilson(1.0, 100));
        let same = two_way_pair(&ones, &ones).unwrap();
        assert_eq!((same.value, same.p), (0.0, 1.0));
        assert!(same.standard_error > 0.0 && same.interval.low < 0.0 && same.interval.high > 0.0);
        let opposite = two_way_pair(&ones, &zeros).unwrap();
        assert_eq!(opposite.value, 1.0);
        assert!(opposite.p < 1e-29 && opposite.p > 0.0, "{opposite:?}");
        assert!(
            opposite.interval.low > 0.9 && opposite.interval.high == 1.0,
            "{opposite:?}"
        );
    }

    /// Two rows with the same seeds and examples.
    fn rows() -> impl Strategy<Value = (Vec<Vec<bool>>, Vec<Vec<bool>>)> {
        (2_usize..6, 2_usize..80).prop_flat_map(|(seeds, examples)| {
            let row =
                || prop::collection::vec(prop::collection::vec(any::<bool>(), examples), seeds);
            (row(), row())
        })
    }

    proptest! {
        /// Counts of bits give what the sums over all scores give.
        #[test]
        fn bitmaps_are_scores((a, b) in rows()) {
            let bitmaps = |row: &[Vec<bool>]| -> Vec<Bits> {
                row.iter().map(|seed| seed.iter().copied().collect()).collect()
            };
            let number = |bit: bool| f64::from(u8::from(bit));
            let difference = |(a, b): (&Vec<bool>, &Vec<bool>)| -> Vec<f64> {
                a.iter().zip(b).map(|(a, b)| number(*a) - number(*b)).collect()
            };
            let check = |parts: VarianceParts, mean: f64, scores: &[Vec<f64>]| {
                let scores: Vec<&[f64]> = scores.iter().map(Vec::as_slice).collect();
                let (expected, expected_mean) = parts_of_scores(&scores).unwrap();
                let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
                assert!(close(mean, expected_mean), "{mean} {expected_mean}");
                assert!(close(parts.examples, expected.examples), "{parts:?} {expected:?}");
                assert!(close(parts.seeds, expected.seeds), "{parts:?} {expected:?}");
                assert!(close(parts.residual, expected.residual), "{parts:?} {expected:?}");
            };
            let row: Vec<Vec<f64>> = a.iter().map(|seed| seed.iter().map(|bit| number(*bit)).collect()).collect();
            let sums = sums_of(&borrowed(&bitmaps(&a))).unwrap();
            check(sums.parts(), sums.mean(), &row);
            let differences: Vec<Vec<f64>> = a.iter().zip(&b).map(difference).collect();
            let sums = sums_of_pair(&borrowed(&bitmaps(&a)), &borrowed(&bitmaps(&b))).unwrap();
            check(sums.parts(), sums.mean(), &differences);
        }

        /// A pair the other way round is the same with the other sign; a row against itself is
        /// no different; intervals stay where the values can be.
        #[test]
        fn pairs_are_symmetric((a, b) in rows()) {
            let bitmaps = |row: &[Vec<bool>]| -> Vec<Bits> {
                row.iter().map(|seed| seed.iter().copied().collect()).collect()
            };
            let (a, b) = (bitmaps(&a), bitmaps(&b));
            let (one, other) = (two_way_pair(&a, &b).unwrap(), two_way_pair(&b, &a).unwrap());
            prop_assert!(near(one.value, -other.value) && near(one.p, other.p), "{one:?} {other:?}");
            prop_assert!((one.interval.low + other.interval.high).abs() < 1e-9);
            prop_assert!(one.interval.low >= -1.0 && one.interval.high <= 1.0);
            prop_assert_eq!(two_way_pair(&a, &a).unwrap().p, 1.0);
            let row = two_way(&a).unwrap();
            prop_assert!(0.0 <= row.interval.low && row.interval.high <= 1.0);
            prop_assert!(row.interval.low <= row.value + 1e-12 && row.value <= row.interval.high + 1e-12);
        }
    }
}
