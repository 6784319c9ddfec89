//! A value with how sure it is, and the tails of Student's t it is judged by.

use serde::{Deserialize, Serialize};
use statrs::function::{erf::erfc, gamma::ln_gamma};

use crate::interval::{Interval, Z95, wilson_at};

/// A mean or a difference, and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Estimate {
    /// The mean, or the difference of two means, in the figure's unit.
    pub value: f64,
    /// Its standard error, in the same unit.
    pub standard_error: f64,
    /// Degrees of freedom of the t distribution it is judged by; `None` for the normal one.
    pub freedom: Option<f64>,
    /// The 95 % interval.
    pub interval: Interval,
    /// The p of the two-sided test against 0.
    pub p: f64,
}

impl Estimate {
    /// The same mean with the interval a share would have: Wilson's, with the quantile of the
    /// estimate's own distribution and as many trials as would give its standard error by themselves,
    /// `value · (1 − value) / standard_error²`. Near 0 and 1 it has its longer arm inwards. Where
    /// nothing varies it is Wilson's of so many examples.
    ///
    /// Source of the effective number: E. L. Korn, B. I. Graubard, "Confidence intervals for
    /// proportions with small expected number of positive counts estimated from survey data", Survey
    /// Methodology 24 (1998), 193–201; of Wilson's interval with it: C. Franco et al., "Comparative
    /// study of confidence intervals for proportions in complex sample surveys", J. Surv. Stat.
    /// Methodol. 7 (2019), 334–364.
    pub(crate) fn of_share(mut self, examples: usize) -> Self {
        let (value, error) = (self.value, self.standard_error);
        let effective = value * (1.0 - value) / (error * error);
        self.interval = match effective.is_finite() && effective > 0.0 {
            true => wilson_at(value, effective, self.freedom.map_or(Z95, t_quantile_95)),
            false => wilson_at(value, examples as f64, Z95),
        };
        self
    }

    /// The same with the interval as far above the value as it was below, and the other way round: the
    /// basic bootstrap interval (A. C. Davison, D. V. Hinkley, *Bootstrap Methods and their
    /// Application*, 1997, section 5.2). A symmetric one stays as it is.
    pub(crate) fn reflected(mut self) -> Self {
        let Interval { low, high } = self.interval;
        self.interval = Interval {
            low: 2.0 * self.value - high,
            high: 2.0 * self.value - low,
        };
        self
    }

    /// The same with the interval cut to the values there can be.
    pub(crate) fn within(mut self, range: Interval) -> Self {
        self.interval = self.interval.within(range.low, range.high);
        self
    }

    /// `value ± t · standard_error`, and the t test against 0.
    ///
    /// Without any spread the interval is the value alone, and p is 1 for the value 0 and 0 for any
    /// other: of a spread that was not seen, nothing can be said here.
    pub(crate) fn by_t(value: f64, standard_error: f64, freedom: f64) -> Self {
        let half = match standard_error > 0.0 {
            true => t_quantile_95(freedom) * standard_error,
            false => 0.0,
        };
        let p = match (standard_error > 0.0, value == 0.0) {
            (_, true) => 1.0,
            (true, false) => 2.0 * t_upper_tail((value / standard_error).abs(), freedom),
            (false, false) => 0.0,
        };
        Self {
            value,
            standard_error,
            freedom: Some(freedom),
            interval: Interval {
                low: value - half,
                high: value + half,
            },
            p,
        }
    }
}

/// The p of the test that a difference lies within ± `margin` (above 0, in the estimate's unit):
/// below α, the two rows are equal but for that margin. That a difference cannot be told from 0
/// says no such thing.
///
/// The larger of two one-sided p: that of the difference being −`margin` or less, and that of its
/// being `margin` or more.
///
/// Source: D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power
/// approach for assessing the equivalence of average bioavailability", J. Pharmacokin. Biopharm. 15
/// (1987), 657–680.
pub fn equivalence(estimate: &Estimate, margin: f64) -> f64 {
    let inside = margin - estimate.value.abs();
    if estimate.standard_error <= 0.0 {
        return if inside > 0.0 { 0.0 } else { 1.0 };
    }
    // The nearer end of the margin gives the larger p.
    let distance = inside / estimate.standard_error;
    match estimate.freedom {
        Some(freedom) => t_upper_tail(distance, freedom),
        None => normal_upper_tail(distance),
    }
}

/// P(Z > z) of the standard normal distribution.
pub(crate) fn normal_upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / std::f64::consts::SQRT_2)
}

/// P(T > t) of Student's t with `freedom` degrees of freedom, above 0 and not necessarily whole.
///
/// For t ≥ 0 it is half of the incomplete beta function `I(ν / (ν + t²); ν/2, 1/2)` (M. Abramowitz,
/// I. A. Stegun, *Handbook of Mathematical Functions*, 26.7.1), which keeps its digits far out in the
/// tail; above a million degrees of freedom the normal tail at 26.7.8, of which no more than 1e-12 is
/// missing there.
pub(crate) fn t_upper_tail(t: f64, freedom: f64) -> f64 {
    if t.is_nan() || freedom.is_nan() || freedom <= 0.0 {
        return f64::NAN;
    }
    if t < 0.0 {
        return 1.0 - t_upper_tail(-t, freedom);
    }
    if freedom > 1e6 {
        let z = t * (1.0 - 0.25 / freedom) / (1.0 + t * t / (2.0 * freedom)).sqrt();
        return normal_upper_tail(z);
    }
    0.5 * both_tails(t, freedom)
}

/// `I(x; a, 1/2)` with x = ν / (ν + t²) and a = ν/2, by its continued fraction (26.5.8) on the side
/// where that converges fast.
fn both_tails(t: f64, freedom: f64) -> f64 {
    let a = freedom / 2.0;
    let (x, rest) = (freedom / (freedom + t * t), t * t / (freedom + t * t));
    if rest == 0.0 {
        return 1.0;
    }
    if x == 0.0 {
        return 0.0;
    }
    // xᵃ (1 − x)^½ / B(a, 1/2).
    let logarithm = ln_gamma_step(a) - 0.5 * std::f64::consts::PI.ln() + 0.5 * rest.ln()
        - a * (t * t / freedom).ln_1p();
    let front = logarithm.exp();
    match x < (a + 1.0) / (a + 2.5) {
        true => front * beta_fraction(a, 0.5, x) / a,
        false => 1.0 - front * beta_fraction(0.5, a, rest) / 0.5,
    }
}

/// ln Γ(a + 1/2) − ln Γ(a). The difference of two large logarithms has few digits left: for large
/// a it is its asymptotic series.
fn ln_gamma_step(a: f64) -> f64 {
    if a < 20.0 {
        return ln_gamma(a + 0.5) - ln_gamma(a);
    }
    let (inverse, square) = (1.0 / a, 1.0 / (a * a));
    let series =
        -1.0 / 8.0 + square * (1.0 / 192.0 + square * (-1.0 / 640.0 + square * 17.0 / 14336.0));
    0.5 * a.ln() + inverse * series
}

/// The continued fraction of the incomplete beta function, evaluated by Lentz's method (W. H. Press
/// et al., *Numerical Recipes*, section 6.4).
fn beta_fraction(a: f64, b: f64, x: f64) -> f64 {
    let away_from_zero = |value: f64| match value.abs() < 1e-300 {
        true => 1e-300,
        false => value,
    };
    let mut c = 1.0;
    let mut d = 1.0 / away_from_zero(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    // It takes some √max(a, b) steps, and a is at most 500,000.
    for m in 1..10_000 {
        let m = f64::from(m);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / away_from_zero(1.0 + even * d);
        c = away_from_zero(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / away_from_zero(1.0 + odd * d);
        c = away_from_zero(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    fraction
}

/// The t beyond which 2.5 % lie on either side.
pub(crate) fn t_quantile_95(freedom: f64) -> f64 {
    // The tail falls in t: the quantile is kept between two bounds that are halved.
    let (mut low, mut high) = (0.0, Z95);
    while t_upper_tail(high, freedom) > 0.025 && high < 1e300 {
        (low, high) = (high, high * 2.0);
    }
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        match t_upper_tail(middle, freedom) > 0.025 {
            true => low = middle,
            false => high = middle,
        }
    }
    0.5 * (low + high)
}
