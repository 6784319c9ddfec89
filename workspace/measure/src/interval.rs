//! Where a figure lies.

use std::ops::Neg;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The standard normal quantile at 0.975: two-sided 95 %.
pub(crate) const Z95: f64 = 1.959_963_984_540_054;

/// A closed range of a figure's values.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(from = "[f64; 2]", into = "[f64; 2]")]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Interval {
    /// What of it lies between these two.
    pub fn within(self, low: f64, high: f64) -> Self {
        Self {
            low: self.low.clamp(low, high),
            high: self.high.clamp(low, high),
        }
    }
}

/// That of the value with the other sign.
impl Neg for Interval {
    type Output = Self;

    fn neg(self) -> Self {
        Self {
            low: -self.high,
            high: -self.low,
        }
    }
}

impl From<[f64; 2]> for Interval {
    fn from([low, high]: [f64; 2]) -> Self {
        Self { low, high }
    }
}

impl From<Interval> for [f64; 2] {
    fn from(interval: Interval) -> Self {
        [interval.low, interval.high]
    }
}

/// The 95 % Wilson score interval of a proportion observed as `proportion` over `total` trials.
///
/// `proportion` may be the mean over several seeds measured on the same `total` examples:
/// the interval then speaks of the test examples, the spread over seeds is told separately.
/// Without trials the interval is the whole range.
///
/// Source: E. B. Wilson, "Probable inference, the law of succession, and statistical
/// inference", JASA 22 (1927), 209–212, without continuity correction.
pub fn wilson(proportion: f64, total: u64) -> Interval {
    if total == 0 {
        return Interval {
            low: 0.0,
            high: 1.0,
        };
    }
    wilson_at(proportion, total as f64, Z95)
}

/// Wilson's interval for so many trials, not necessarily a whole number, and the quantile of
/// another distribution than the normal one.
pub(crate) fn wilson_at(proportion: f64, trials: f64, quantile: f64) -> Interval {
    let square = quantile * quantile;
    let centre = (proportion + square / (2.0 * trials)) / (1.0 + square / trials);
    let half = quantile / (1.0 + square / trials)
        * (proportion * (1.0 - proportion) / trials + square / (4.0 * trials * trials)).sqrt();
    let (low, high) = (centre - half, centre + half);
    Interval { low, high }.within(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Expected values: `scipy.stats.binomtest(k, n).proportion_ci(0.95, method="wilson")`.
    #[test]
    fn agrees_with_published_values() {
        let check = |k: u64, n: u64, low: f64, high: f64| {
            let found = wilson(k as f64 / n as f64, n);
            assert!(
                (found.low - low).abs() < 1e-8 && (found.high - high).abs() < 1e-8,
                "{k}/{n}: found {found:?}, expected {low}..{high}"
            );
        };
        check(96, 100, 0.901629286, 0.984336696);
        check(0, 10, 0.0, 0.2775328);
        check(10, 10, 0.7224672, 1.0);
        check(4796, 4861, 0.982993578, 0.989494434);
    }

    #[test]
    fn no_trials_say_nothing() {
        assert_eq!(
            wilson(0.0, 0),
            Interval {
                low: 0.0,
                high: 1.0
            }
        );
    }

    proptest! {
        #[test]
        fn holds_the_proportion_and_narrows(k in 0u64..1000, extra in 1u64..1000) {
            let n = k + extra;
            let p = k as f64 / n as f64;
            let small = wilson(p, n);
            let large = wilson(p, n * 10);
            prop_assert!(small.low <= p + 1e-12 && p <= small.high + 1e-12);
            prop_assert!(large.high - large.low < small.high - small.low);
        }
    }
}
