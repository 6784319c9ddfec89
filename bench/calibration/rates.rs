//! What is simulated, and how often it comes out how.

use rayon::prelude::*;
use topwork_measure::{Estimate, Interval};

use crate::random::Random;

/// A way to draw two rows whose true figures are known, and to judge them.
pub trait Scenario: Sync {
    /// How they are judged, what there is to be judged, and how many examples: for each way to judge
    /// the same draws.
    fn cells(&self) -> Vec<[String; 3]>;

    /// One draw, with the true figure of the first row less that of the second being `difference`, 0 or
    /// below.
    fn draw(&self, random: &mut Random, difference: f64) -> Vec<Outcome>;

    /// Whether there may be another difference than 0.
    fn has_power(&self) -> bool {
        true
    }
}

/// What came of one draw.
#[derive(Clone, Copy)]
pub struct Outcome {
    /// The difference that was found.
    pub difference: f64,
    /// Told apart at level 5 %.
    pub rejected: bool,
    /// Whether the interval of the difference holds the true one.
    pub pair_held: bool,
    /// Whether the interval of the first row holds its true figure; `None` where it has none.
    pub row_held: Option<bool>,
}

impl Outcome {
    pub fn of(pair: &Estimate, difference: f64, row: Option<(Interval, f64)>) -> Self {
        let holds =
            |interval: Interval, truth: f64| interval.low <= truth && truth <= interval.high;
        Self {
            difference: pair.value,
            rejected: pair.p < 0.05,
            pair_held: holds(pair.interval, difference),
            row_held: row.map(|(interval, truth)| holds(interval, truth)),
        }
    }
}

/// Shares of draws.
pub struct Rates {
    pub rejected: f64,
    pub pair_held: f64,
    pub row_held: Option<f64>,
    /// Standard deviation of the differences found.
    pub error: f64,
}

/// For each way to judge, in the order of [`Scenario::cells`].
pub fn rates(scenario: &dyn Scenario, difference: f64, draws: u64, seed: u64) -> Vec<Rates> {
    let outcomes: Vec<Vec<Outcome>> = (0..draws)
        .into_par_iter()
        .map(|draw| scenario.draw(&mut Random::new(seed, draw), difference))
        .collect();
    let of_way = |way: usize| outcomes.iter().map(move |outcomes| outcomes[way]);
    (0..scenario.cells().len())
        .map(|way| count(of_way(way).collect()))
        .collect()
}

fn count(outcomes: Vec<Outcome>) -> Rates {
    let count = outcomes.len() as f64;
    let share = |of: &dyn Fn(&Outcome) -> bool| {
        outcomes.iter().filter(|outcome| of(outcome)).count() as f64 / count
    };
    let mean = outcomes
        .iter()
        .map(|outcome| outcome.difference)
        .sum::<f64>()
        / count;
    let squares = outcomes
        .iter()
        .map(|outcome| (outcome.difference - mean).powi(2));
    let has_row = outcomes.iter().all(|outcome| outcome.row_held.is_some());
    Rates {
        rejected: share(&|outcome| outcome.rejected),
        pair_held: share(&|outcome| outcome.pair_held),
        row_held: has_row.then(|| share(&|outcome| outcome.row_held == Some(true))),
        error: (squares.sum::<f64>() / (count - 1.0)).sqrt(),
    }
}
