//! Whether two classifiers, tried on the same examples, can be told apart.

use statrs::distribution::{Binomial, Discrete, DiscreteCDF};

use crate::{
    bits::Bits,
    estimate::Estimate,
    interval::{Interval, Z95},
    two_way::implied_error,
};

/// On which shared test examples two classifiers disagree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disagreement {
    /// Examples only the first one classifies correctly.
    pub only_a: u64,
    /// Examples only the second one classifies correctly.
    pub only_b: u64,
}

impl Disagreement {
    /// Counts the disagreements of two rows of outcomes (`true` = correct) on the same
    /// examples in the same order. `None` when the rows differ in length.
    pub fn count(a: &[bool], b: &[bool]) -> Option<Self> {
        if a.len() != b.len() {
            return None;
        }
        let mut found = Self::default();
        for (a, b) in a.iter().zip(b) {
            found.only_a += u64::from(*a && !*b);
            found.only_b += u64::from(*b && !*a);
        }
        Some(found)
    }

    /// The same of bitmaps.
    pub fn of(a: &Bits, b: &Bits) -> Option<Self> {
        let both = a.overlap(b);
        (a.len() == b.len()).then(|| Self {
            only_a: a.count_ones() - both,
            only_b: b.count_ones() - both,
        })
    }
}

/// McNemar's test with the mid-p correction, two-sided: the probability, were the two
/// classifiers equally good, of disagreements at least this lopsided.
///
/// With `n = only_a + only_b` and `k = min(only_a, only_b)`:
/// `p = 2·P(X < k) + P(X = k)` for `X ~ Binomial(n, 1/2)`, at most 1.
///
/// Source: M. W. Fagerland, S. Lydersen, P. Laake, "The McNemar test for binary matched-pairs
/// data: mid-p and asymptotic are better than exact conditional", BMC Med. Res. Methodol. 13 (2013), 91.
pub fn mcnemar_mid_p(disagreement: Disagreement) -> f64 {
    let Disagreement { only_a, only_b } = disagreement;
    let n = only_a + only_b;
    let k = only_a.min(only_b);
    let Ok(binomial) = Binomial::new(0.5, n) else {
        return 1.0; // cannot happen: 0.5 is a probability
    };
    if only_a == only_b {
        return 1.0; // the mid-p of a perfect balance is 1, and the sum below would only approximate it
    }
    let below = if k == 0 { 0.0 } else { binomial.cdf(k - 1) };
    (2.0 * below + binomial.pmf(k)).min(1.0)
}

/// The difference `a − b` of two shares of the same `total` examples: of two models as they were
/// fitted, say, one each. The interval is Tango's score interval, p is McNemar's mid-p, and the
/// standard error the interval's half-width over 1.96, which is above 0 even where the two never
/// disagree. The two methods can differ in which side of 5 % they come down on.
///
/// The interval holds the differences Δ that the score test does not reject,
/// `|only_a − only_b − total·Δ| ≤ 1.96 · √(total · (2q + Δ(1 − Δ)))`, where q is the probability of
/// `only_b` that is most likely given Δ, the larger root of `2·total·q² + (−only_a − only_b +
/// (2·total − only_a + only_b)·Δ)·q − only_b·Δ(1 − Δ) = 0`.
///
/// `None` without examples, or with more disagreements than examples.
///
/// Source: T. Tango, "Equivalence test and confidence interval for the difference in proportions for
/// the paired-sample design", Statist. Med. 17 (1998), 891–908.
pub fn paired_shares(disagreement: Disagreement, total: u64) -> Option<Estimate> {
    let Disagreement { only_a, only_b } = disagreement;
    if total == 0 || only_a.checked_add(only_b)? > total {
        return None;
    }
    let (b, c, n) = (only_a as f64, only_b as f64, total as f64);
    let value = (b - c) / n;
    // The score falls in Δ: the ends are found by halving the range on either side of the value.
    let score = |difference: f64| {
        let linear = -b - c + (2.0 * n - b + c) * difference;
        let constant = -c * difference * (1.0 - difference);
        let root = (linear * linear - 8.0 * n * constant).max(0.0).sqrt();
        let likely = (root - linear) / (4.0 * n);
        let variance = n * (2.0 * likely + difference * (1.0 - difference));
        (b - c - n * difference) / variance.max(f64::MIN_POSITIVE).sqrt()
    };
    let end = |mut inside: f64, mut outside: f64, quantile: f64| {
        for _ in 0..100 {
            let middle = 0.5 * (inside + outside);
            match score(middle).abs() <= quantile {
                true => inside = middle,
                false => outside = middle,
            }
        }
        inside
    };
    let interval = Interval {
        low: end(value, -1.0, Z95),
        high: end(value, 1.0, Z95),
    };
    Some(Estimate {
        value,
        standard_error: implied_error(interval),
        freedom: None,
        interval,
        p: mcnemar_mid_p(disagreement),
    })
}

/// The p-values of several tests, each raised for their number, in the same order: where what comes out is below α, the
/// probability that chance alone does this to even one of them is below α, however they hang together.
///
/// In ascending order, the i-th of m (from 0) is multiplied by m − i; none is smaller than the one before it, or larger
/// than 1.
///
/// Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979), 65–70.
pub fn holm(p: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p.len()).collect();
    order.sort_by(|&a, &b| p[a].total_cmp(&p[b]));
    let mut raised = vec![0.0; p.len()];
    let mut before = 0.0_f64;
    for (rank, index) in order.into_iter().enumerate() {
        before = before.max(p[index] * (p.len() - rank) as f64).min(1.0);
        raised[index] = before;
    }
    raised
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As `p.adjust(p, "holm")` of R gives them.
    #[test]
    fn several_tests_need_smaller_p() {
        let check = |p: &[f64], expected: &[f64]| {
            let found = holm(p);
            assert_eq!(found.len(), expected.len());
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-12, "{p:?}: {found}");
            }
        };
        check(&[], &[]);
        check(&[0.04], &[0.04]);
        check(&[0.01, 0.04, 0.03, 0.005], &[0.03, 0.06, 0.06, 0.02]);
        check(&[0.5, 0.9, 0.5], &[1.0, 1.0, 1.0]);
        check(&[0.02, 0.02, 0.02], &[0.06, 0.06, 0.06]);
    }

    /// The same sum over exact binomial terms, by hand: k of n with probability C(n, k) / 2^n.
    #[test]
    fn agrees_with_exact_sums() {
        let check = |only_a, only_b, expected: f64| {
            let found = mcnemar_mid_p(Disagreement { only_a, only_b });
            assert!(
                (found - expected).abs() < 1e-9,
                "{only_a}/{only_b}: {found} ≠ {expected}"
            );
        };
        check(0, 0, 1.0);
        check(3, 3, 1.0);
        check(0, 5, 1.0 / 32.0);
        check(5, 0, 1.0 / 32.0);
        check(1, 4, (2.0 * 1.0 + 5.0) / 32.0);
        check(2, 8, (2.0 * (1.0 + 10.0) + 45.0) / 1024.0);
    }

    #[test]
    fn large_counts_stay_finite() {
        let p = mcnemar_mid_p(Disagreement {
            only_a: 20,
            only_b: 4000,
        });
        assert!((0.0..1e-300).contains(&p) || p < 1e-100, "{p}");
    }

    #[test]
    fn counts_only_disagreements_of_equal_rows() {
        let a = [true, true, false, false, true];
        let b = [true, false, true, false, false];
        assert_eq!(
            Disagreement::count(&a, &b),
            Some(Disagreement {
                only_a: 2,
                only_b: 1
            })
        );
        assert_eq!(Disagreement::count(&a, &b[..4]), None);
    }

    proptest! {
        #[test]
        fn raised_p_are_in_the_same_order(p in prop::collection::vec(0.0..=1.0, 1..40)) {
            let raised = holm(&p);
            for (a, &raised_a) in raised.iter().enumerate() {
                prop_assert!(raised_a >= p[a] && raised_a <= (p[a] * p.len() as f64).min(1.0));
                for (b, &raised_b) in raised.iter().enumerate() {
                    prop_assert!(p[a] > p[b] || raised_a <= raised_b);
                }
            }
        }

        #[test]
        fn is_a_symmetric_probability(only_a in 0u64..400, only_b in 0u64..400) {
            let p = mcnemar_mid_p(Disagreement { only_a, only_b });
            let mirrored = mcnemar_mid_p(Disagreement { only_a: only_b, only_b: only_a });
            prop_assert!((0.0..=1.0).contains(&p));
            prop_assert_eq!(p, mirrored);
        }
    }
}
