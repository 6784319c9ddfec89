//! How well estimates of transferability order features, once it is measured what comes of them.

use topwork_measure::{Better, Figure, Transferability, weighted_tau};

use crate::{Results, RowResult};

/// Of fewer features an order says nothing.
const FEWEST: usize = 3;

/// Rows of one strategy that differ in their features alone, in the order that an estimate gives them.
#[derive(Clone, Debug)]
pub struct Ordered {
    /// The strategy's name.
    pub strategy: String,
    /// Training samples of each row.
    pub train_samples: u64,
    /// The estimate's name.
    pub estimate: &'static str,
    /// The figure that ranks.
    pub figure: &'static Figure,
    /// How many rows.
    pub rows: usize,
    /// Weighted Kendall's τ of both orders (Vigna, WWW 2015, hyperbolic weights): 1 for the same one, -1 for its reverse.
    pub tau: f64,
}

/// How well each estimate orders the rows of each strategy that learn from as many samples, three at least.
pub fn ordered(results: &Results) -> Vec<Ordered> {
    let figure = results.ranked_by();
    let mut groups: Vec<((&str, u64), Vec<&RowResult>)> = Vec::new();
    for row in &results.strategies {
        let Some(samples) = row.train_samples.filter(|_| row.figure(figure).is_some()) else {
            continue;
        };
        let key = (row.name.as_str(), samples);
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, rows)) => rows.push(row),
            None => groups.push((key, vec![row])),
        }
    }
    let mut all = Vec::new();
    for ((strategy, train_samples), rows) in groups {
        for estimate in &topwork_measure::TRANSFERABILITY {
            all.extend(tau(&rows, estimate, figure).map(|(rows, tau)| Ordered {
                strategy: strategy.to_owned(),
                train_samples,
                estimate: estimate.name,
                figure,
                rows,
                tau,
            }));
        }
    }
    all
}

/// Of the rows that have the estimate, with their number.
fn tau(rows: &[&RowResult], estimate: &Transferability, figure: &Figure) -> Option<(usize, f64)> {
    let known = rows.iter().filter_map(|row| {
        let estimated = *row.transferability.get(estimate.id)?;
        let measured = row.figure(figure)?.mean;
        let measured = match figure.better {
            Better::Higher => measured,
            Better::Lower => -measured,
        };
        Some((estimated, measured))
    });
    let (estimated, measured): (Vec<f64>, Vec<f64>) = known.unzip();
    let tau = (estimated.len() >= FEWEST).then(|| weighted_tau(&estimated, &measured));
    Some((estimated.len(), tau??))
}
