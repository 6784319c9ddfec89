//! Rows that are right or wrong: an example is classified correctly where a level, an effect of the example, one
//! of the seed and a rest, all normal, come to more than 0. The true share is known exactly, as that of a
//! normal distribution.
//!
//! Rows have effects in common, as rows of a run do: hard examples are hard for all, and a seed draws
//! the same training samples for all.

use statrs::distribution::{Continuous, ContinuousCDF, Normal};
use topwork_measure::{Bits, Disagreement, paired_shares, two_way, two_way_pair, wilson};

use crate::{
    random::Random,
    rates::{Outcome, Scenario},
};

/// The standard normal quantile.
fn quantile(share: f64) -> f64 {
    Normal::standard().inverse_cdf(share)
}

/// Two models as they are fitted, on test examples that are drawn.
pub struct OneSeed {
    pub share: f64,
    pub examples: usize,
}

impl Scenario for OneSeed {
    fn cells(&self) -> Vec<[String; 3]> {
        vec![[
            "one seed: McNemar mid-p, Tango, Wilson".to_owned(),
            format!("{:.0} % right", self.share * 100.0),
            self.examples.to_string(),
        ]]
    }

    fn draw(&self, random: &mut Random, difference: f64) -> Vec<Outcome> {
        let share = self.share + difference;
        let levels = [quantile(share), quantile(self.share)];
        // Of the variance, 0.7 is common to both.
        let common = random.normals(self.examples);
        let [a, b] = levels.map(|level| -> Bits {
            common
                .iter()
                .map(|common| {
                    level + 0.7_f64.sqrt() * common + 0.3_f64.sqrt() * random.normal() > 0.0
                })
                .collect()
        });
        let total = self.examples as u64;
        let disagreement = Disagreement::of(&a, &b).unwrap_or_default();
        let pair = paired_shares(disagreement, total).expect("there are examples");
        let row = wilson(a.count_ones() as f64 / total as f64, total);
        vec![Outcome::of(&pair, difference, Some((row, share)))]
    }
}

/// Two rows with several seeds each.
pub struct Seeds {
    pub share: f64,
    /// Standard deviation of the true share over seeds.
    pub spread: f64,
    /// Variance of the effects that examples have on one row alone, where that of their common effects
    /// is 1 and that of the rest 1/2. Without any the rows are one strategy, set against itself.
    pub own: f64,
    pub examples: usize,
    pub seeds: usize,
}

impl Scenario for Seeds {
    fn cells(&self) -> Vec<[String; 3]> {
        let rows = if self.own > 0.0 {
            "two strategies"
        } else {
            "one strategy twice"
        };
        vec![[
            format!("{} seeds: two-way t", self.seeds),
            format!(
                "{:.0} % right, ± {:.1} points over seeds, {rows}",
                self.share * 100.0,
                self.spread * 100.0
            ),
            self.examples.to_string(),
        ]]
    }

    fn draw(&self, random: &mut Random, difference: f64) -> Vec<Outcome> {
        let fixed = 1.0 + self.own + 0.5;
        // The share moves with a seed's effect by the normal density at the level.
        let density = Normal::standard().pdf(quantile(self.share));
        let of_seeds = (self.spread / density).powi(2);
        let total = fixed / (1.0 - of_seeds);
        let of_seeds = total * of_seeds;
        let common = random.normals(self.examples);
        let common_seeds = random.normals(self.seeds);
        let share = self.share + difference;
        let mut row = |share: f64| -> Vec<Bits> {
            let level = quantile(share) * total.sqrt();
            let examples: Vec<f64> = common
                .iter()
                .map(|common| common + self.own.sqrt() * random.normal())
                .collect();
            (common_seeds.iter())
                .map(|common| {
                    let seed = (of_seeds / 2.0).sqrt() * (common + random.normal());
                    (examples.iter())
                        .map(|example| {
                            level + seed + example + 0.5_f64.sqrt() * random.normal() > 0.0
                        })
                        .collect()
                })
                .collect()
        };
        let (a, b) = (row(share), row(self.share));
        let pair = two_way_pair(&a, &b).expect("there are seeds and examples");
        let of_row = two_way(&a).expect("there are seeds and examples");
        vec![Outcome::of(
            &pair,
            difference,
            Some((of_row.interval, share)),
        )]
    }
}
