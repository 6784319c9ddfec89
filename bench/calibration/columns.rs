//! Rows that predict two numbers, or five labels from common to rare: the truth, and an error that both rows have in part. What a
//! figure truly is, is its mean over many draws of many examples.

use rayon::prelude::*;
use topwork_measure::{
    Columns, Figure, Resamples, Scores, ScoresFor, Statistic, TargetKind, Targets,
    bootstrap_difference,
};

use crate::{
    random::Random,
    rates::{Outcome, Scenario},
};

/// The share of the examples that has each label.
const SHARES: [f64; 5] = [0.5, 0.3, 0.2, 0.1, 0.05];

pub struct OfColumns {
    kind: TargetKind,
    /// How far the logits of examples with a label are from those of others, whose spread is 0.7.
    distance: f64,
    figures: Vec<&'static Figure>,
    examples: usize,
    /// What each figure truly is.
    truth: Vec<f64>,
}

/// What is true of examples, and what two equally good rows say of them.
struct Data {
    kind: TargetKind,
    values: Vec<f32>,
    rows: [Vec<f32>; 2],
}

impl Data {
    fn new(random: &mut Random, (kind, distance): (TargetKind, f64), examples: usize) -> Self {
        let columns = columns(kind);
        let mut values = Vec::with_capacity(examples * columns);
        let mut rows: [Vec<f32>; 2] = Default::default();
        for _ in 0..examples {
            for share in SHARES.iter().take(columns) {
                let (value, center) = match kind {
                    TargetKind::Multilabel => {
                        let has = f64::from(u8::from(random.uniform() < *share));
                        (has, distance * (has - 0.5))
                    }
                    _ => {
                        let number = random.normal();
                        (number, 0.8 * number)
                    }
                };
                let common = random.normal();
                values.push(value as f32);
                for row in &mut rows {
                    row.push((center + 0.5 * common + 0.5 * random.normal()) as f32);
                }
            }
        }
        Self { kind, values, rows }
    }

    fn targets(&self) -> Targets<'_> {
        let columns = Columns {
            values: &self.values,
            count: columns(self.kind),
        };
        match self.kind {
            TargetKind::Multilabel => Targets::Multilabel(columns),
            _ => Targets::Numbers(columns),
        }
    }

    fn scores(&self) -> [ScoresFor<'_>; 2] {
        let are = match self.kind {
            TargetKind::Multilabel => Scores::LabelLogits,
            _ => Scores::Numbers,
        };
        [0, 1].map(|row| ScoresFor::new(are, &self.rows[row], columns(self.kind)))
    }
}

fn columns(kind: TargetKind) -> usize {
    match kind {
        TargetKind::Multilabel => SHARES.len(),
        _ => 2,
    }
}

impl OfColumns {
    /// So many draws of 20,000 examples tell what the figures truly are.
    pub fn new(kind: TargetKind, distance: f64, ids: &[&str], examples: usize, draws: u64) -> Self {
        let figures: Vec<&Figure> = ids.iter().filter_map(|id| Figure::named(id)).collect();
        let of_draws: Vec<Vec<f64>> = (0..draws)
            .into_par_iter()
            .map(|draw| {
                let data = Data::new(&mut Random::new(2, draw), (kind, distance), 20_000);
                let scores = data.scores();
                let of = |figure: &&Figure| {
                    let values = scores
                        .iter()
                        .filter_map(|of| of.value(figure, data.targets()));
                    values.sum::<f64>() / 2.0
                };
                figures.iter().map(of).collect()
            })
            .collect();
        let mean =
            |index: usize| of_draws.iter().map(|draw| draw[index]).sum::<f64>() / draws as f64;
        let truth = (0..figures.len()).map(mean).collect();
        Self {
            kind,
            distance,
            figures,
            examples,
            truth,
        }
    }
}

impl Scenario for OfColumns {
    fn cells(&self) -> Vec<[String; 3]> {
        let what = match self.kind {
            TargetKind::Multilabel if self.distance > 2.0 => "five labels told apart nearly always",
            TargetKind::Multilabel => "five labels",
            _ => "two numbers",
        };
        let cells = |figure: &&Figure| {
            [
                "one seed: bootstrap".to_owned(),
                format!("{}, {what}", figure.id),
                self.examples.to_string(),
            ]
        };
        self.figures.iter().map(cells).collect()
    }

    fn draw(&self, random: &mut Random, difference: f64) -> Vec<Outcome> {
        let data = Data::new(random, (self.kind, self.distance), self.examples);
        let (scores, targets) = (data.scores(), data.targets());
        let statistics: Vec<Statistic> = (self.figures.iter())
            .flat_map(|figure| scores.iter().filter_map(|of| of.statistic(figure, targets)))
            .collect();
        let resamples = Resamples::new(&targets.strata_of_resamples(), 3);
        let replicates = resamples.replicates(&statistics).expect("as many examples");
        (self
            .figures
            .iter()
            .zip(&self.truth)
            .zip(replicates.chunks_exact(2)))
        .map(|((figure, truth), replicates)| {
            let values = scores
                .each_ref()
                .map(|of| of.value(figure, targets).unwrap_or(f64::NAN));
            let (a, b) = (
                (&values[..1], &replicates[..1]),
                (&values[1..], &replicates[1..]),
            );
            let pair = bootstrap_difference(a, b, self.examples);
            let row = figure.bootstrap_mean(a.0, a.1, self.examples);
            Outcome::of(
                &pair.expect("both have a value"),
                difference,
                Some((row.expect("it has a value").interval, *truth)),
            )
        })
        .collect()
    }

    fn has_power(&self) -> bool {
        false
    }
}
