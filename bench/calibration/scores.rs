//! Rows with scores: a logit for each of three uneven classes, from the true class, the example, the seed and a
//! rest. What a figure truly is, is its mean over many seeds on many examples.

use rayon::prelude::*;
use topwork_measure::{Figure, Resamples, Statistic, bootstrap_difference, softmax};

use crate::{
    random::Random,
    rates::{Outcome, Scenario},
};

const CLASSES: usize = 3;
/// Of 0.6, 0.3 and 0.1.
const BELOW: [f64; CLASSES] = [0.6, 0.9, 1.0];

pub struct Scores {
    pub figures: Vec<&'static Figure>,
    pub examples: usize,
    pub seeds: usize,
    /// What each figure truly is.
    truth: Vec<f64>,
}

impl Scores {
    /// So many draws of 20,000 examples tell what the figures truly are.
    pub fn new(ids: &[&str], examples: usize, seeds: usize, draws: u64) -> Self {
        let figures: Vec<&Figure> = ids.iter().filter_map(|id| Figure::named(id)).collect();
        let of_draws: Vec<Vec<f64>> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                let mut random = Random::new(2, draw);
                let targets = targets(&mut random, 20_000);
                let [a, b] = rows(&mut random, &targets, 1, spread(seeds));
                let of = |figure: &&Figure| {
                    let of = |scores: &Vec<f32>| (figure.of)(&targets, scores, CLASSES);
                    a.iter().chain(&b).filter_map(of).sum::<f64>() / 2.0
                };
                figures.iter().map(of).collect()
            })
            .collect();
        let mean =
            |index: usize| of_draws.iter().map(|draw| draw[index]).sum::<f64>() / draws as f64;
        let truth = (0..figures.len()).map(mean).collect();
        Self {
            figures,
            examples,
            seeds,
            truth,
        }
    }
}

/// How far seeds shift logits. One seed speaks of the two models as they are fitted: they are equal.
fn spread(seeds: usize) -> f64 {
    if seeds > 1 { 0.1 } else { 0.0 }
}

fn targets(random: &mut Random, examples: usize) -> Vec<u32> {
    let class = |uniform: f64| {
        BELOW
            .iter()
            .position(|below| uniform <= *below)
            .unwrap_or(0) as u32
    };
    (0..examples).map(|_| class(random.uniform())).collect()
}

/// The probabilities of two rows, with every seed.
fn rows(random: &mut Random, targets: &[u32], seeds: usize, spread: f64) -> [Vec<Vec<f32>>; 2] {
    let count = targets.len() * CLASSES;
    let common = random.normals(count);
    [(); 2].map(|()| {
        let own: Vec<f64> = common
            .iter()
            .map(|common| common + 0.5 * random.normal())
            .collect();
        (0..seeds)
            .map(|_| {
                let (strength, shifts) = (2.5 + spread * random.normal(), random.normals(CLASSES));
                let logit = |(place, own): (usize, &f64)| {
                    let (example, class) = (place / CLASSES, place % CLASSES);
                    let signal = if targets[example] as usize == class {
                        strength
                    } else {
                        0.0
                    };
                    (signal + own + spread * shifts[class] + 0.7 * random.normal()) as f32
                };
                let logits: Vec<f32> = own.iter().enumerate().map(logit).collect();
                softmax(&logits, CLASSES)
            })
            .collect()
    })
}

impl Scenario for Scores {
    fn cells(&self) -> Vec<[String; 3]> {
        let seeds = match self.seeds {
            1 => "one seed: bootstrap".to_owned(),
            seeds => format!("{seeds} seeds: bootstrap and two-way t"),
        };
        let cells = |figure: &&Figure| {
            [
                seeds.clone(),
                figure.id.to_owned(),
                self.examples.to_string(),
            ]
        };
        self.figures.iter().map(cells).collect()
    }

    fn draw(&self, random: &mut Random, difference: f64) -> Vec<Outcome> {
        let targets = targets(random, self.examples);
        let rows = rows(random, &targets, self.seeds, spread(self.seeds));
        let all = || rows.iter().flatten();
        let statistics: Vec<Statistic> = (self.figures.iter())
            .flat_map(|figure| {
                all().filter_map(|scores| (figure.statistic)(&targets, scores, CLASSES))
            })
            .collect();
        let resamples = Resamples::new(&targets, 3);
        let replicates = resamples.replicates(&statistics).expect("as many examples");
        let replicates = replicates.chunks_exact(2 * self.seeds);
        (self.figures.iter().zip(&self.truth).zip(replicates))
            .map(|((figure, truth), replicates)| {
                let of = |scores: &Vec<f32>| (figure.of)(&targets, scores, CLASSES);
                let values: Vec<f64> = all().filter_map(of).collect();
                let (of_a, of_b) = values.split_at(self.seeds);
                let (a, b) = replicates.split_at(self.seeds);
                let pair = bootstrap_difference((of_a, a), (of_b, b), self.examples);
                let row = figure.bootstrap_mean(of_a, a, self.examples);
                let row = row.expect("every seed has its own").interval;
                Outcome::of(
                    &pair.expect("every seed has its own"),
                    difference,
                    Some((row, *truth)),
                )
            })
            .collect()
    }

    fn has_power(&self) -> bool {
        false
    }
}
