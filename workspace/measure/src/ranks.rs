//! Several methods on several data sets: mean ranks, Friedman's test and Nemenyi's critical difference.
//!
//! Source: Demšar, Statistical Comparisons of Classifiers over Multiple Data Sets, JMLR 7 (2006), section 3.2.2.

use statrs::distribution::{ChiSquared, Continuous, ContinuousCDF, Normal};

/// From so many data sets on the test is made: with fewer the distribution that it goes by does not hold.
pub const ENOUGH: usize = 5;

/// How methods do over data sets.
#[derive(Clone, Debug, PartialEq)]
pub struct MeanRanks {
    /// For each method its mean rank, from 1 for the best; equals have the mean of their ranks.
    pub ranks: Vec<f64>,
    /// Whether the methods differ at all, and how far apart two mean ranks must be; `None` with fewer than [`ENOUGH`]
    /// data sets or fewer than two methods.
    pub friedman: Option<Friedman>,
}

/// What Friedman's test says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Friedman {
    /// How likely ranks so far apart are where all methods are equally good.
    pub p: f64,
    /// Nemenyi's critical difference at a level of 5 %: mean ranks that differ by more can be told apart.
    pub critical_difference: f64,
}

/// The mean ranks of methods, given a figure for each of them on every data set; `larger_is_better` tells which end of the figures
/// is rank 1. `None` without data sets or methods, or where a data set has another number of figures or one that is no number.
pub fn mean_ranks(data_sets: &[Vec<f64>], larger_is_better: bool) -> Option<MeanRanks> {
    let methods = data_sets.first()?.len();
    let whole =
        |figures: &Vec<f64>| figures.len() == methods && figures.iter().all(|x| !x.is_nan());
    if methods == 0 || !data_sets.iter().all(whole) {
        return None;
    }
    let mut sums = vec![0.0; methods];
    // Equal figures take from what the statistic is divided by.
    let mut ties = 0.0;
    for figures in data_sets {
        for (sum, figure) in sums.iter_mut().zip(figures) {
            let better = |other: &&f64| match larger_is_better {
                true => **other > *figure,
                false => **other < *figure,
            };
            let before = figures.iter().filter(better).count() as f64;
            let equal = figures.iter().filter(|other| *other == figure).count() as f64;
            *sum += before + (equal + 1.0) / 2.0;
            // Summed over the members of a group of t equals, t² − 1 gives t³ − t.
            ties += equal * equal - 1.0;
        }
    }
    let (n, k) = (data_sets.len() as f64, methods as f64);
    let ranks: Vec<f64> = sums.iter().map(|sum| sum / n).collect();
    let friedman = (data_sets.len() >= ENOUGH && methods > 1)
        .then(|| {
            let squares: f64 = sums.iter().map(|sum| sum * sum).sum();
            let plain = 12.0 / (n * k * (k + 1.0)) * squares - 3.0 * n * (k + 1.0);
            let statistic = plain / (1.0 - ties / (n * k * (k * k - 1.0)));
            // All equal on every data set: nothing speaks for a difference.
            let p = match statistic.is_finite() {
                true => ChiSquared::new(k - 1.0).ok()?.sf(statistic),
                false => 1.0,
            };
            let q = studentized_range(0.95, methods) / std::f64::consts::SQRT_2;
            let critical_difference = q * (k * (k + 1.0) / (6.0 * n)).sqrt();
            Some(Friedman {
                p,
                critical_difference,
            })
        })
        .flatten();
    Some(MeanRanks { ranks, friedman })
}

/// The quantile of the range of so many standard normal variables: the studentized range with infinite degrees of freedom.
fn studentized_range(level: f64, of: usize) -> f64 {
    let normal = Normal::standard();
    let (steps, end) = (2_000_u32, 8.5);
    let width = 2.0 * end / f64::from(steps);
    // P(range < q) = k ∫ φ(z) (Φ(z) − Φ(z − q))^(k − 1) dz, by Simpson's rule.
    let cumulative = |q: f64| {
        let at = |step: u32| {
            let z = -end + width * f64::from(step);
            normal.pdf(z) * (normal.cdf(z) - normal.cdf(z - q)).powi(of as i32 - 1)
        };
        let inner: f64 = (1..steps)
            .map(|step| at(step) * if step % 2 == 1 { 4.0 } else { 2.0 })
            .sum();
        of as f64 * (at(0) + inner + at(steps)) * width / 3.0
    };
    let (mut low, mut high) = (0.0, 12.0);
    for _ in 0..60 {
        let middle = (low + high) / 2.0;
        match cumulative(middle) < level {
            true => low = middle,
            false => high = middle,
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn critical_values_are_those_of_the_paper() {
        // Table 5 (a) of Demšar 2006, α = 0.05, where the second is cut off to 2.343; SciPy gives 2.3437.
        for (methods, q) in [
            (2, 1.960),
            (3, 2.344),
            (4, 2.569),
            (5, 2.728),
            (6, 2.850),
            (8, 3.031),
            (10, 3.164),
        ] {
            let found = studentized_range(0.95, methods) / std::f64::consts::SQRT_2;
            assert!((found - q).abs() < 6e-4, "{methods}: {found}");
        }
    }

    #[test]
    fn ranks_and_test_are_those_of_scipy() {
        // scipy.stats.friedmanchisquare, scipy.stats.rankdata.
        let check = |data: &[&[f64]], ranks: &[f64], p: Option<f64>| {
            let data: Vec<Vec<f64>> = data.iter().map(|row| row.to_vec()).collect();
            let found = mean_ranks(&data, true).unwrap();
            for (found, expected) in found.ranks.iter().zip(ranks) {
                assert!((found - expected).abs() < 1e-12, "{:?}", found);
            }
            match (found.friedman, p) {
                (Some(found), Some(p)) => assert!((found.p - p).abs() < 1e-9, "{}", found.p),
                (None, None) => {}
                other => panic!("{other:?}"),
            }
        };
        check(&[&[0.9, 0.8, 0.8]], &[1.0, 2.5, 2.5], None);
        let data: [&[f64]; 6] = [
            &[0.9, 0.8, 0.7],
            &[0.85, 0.86, 0.7],
            &[0.9, 0.9, 0.6],
            &[0.7, 0.6, 0.65],
            &[0.99, 0.98, 0.97],
            &[0.5, 0.4, 0.4],
        ];
        check(&data, &[7.5 / 6.0, 12.0 / 6.0, 16.5 / 6.0], Some(P_OF_SIX));
        let equal: [&[f64]; 5] = [&[0.5, 0.5]; 5];
        check(&equal, &[1.5, 1.5], Some(1.0));
        assert_eq!(mean_ranks(&[vec![0.5, f64::NAN]], true), None);
        assert_eq!(mean_ranks(&[], true), None);
    }

    const P_OF_SIX: f64 = 0.025_177_156_546_593_128;
}
