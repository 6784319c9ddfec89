//! The k nearest neighbours vote, after T. Cover and P. Hart, "Nearest neighbor pattern classification" (1967).
//!
//! Every sample is compared with every other, as with hundreds of features trees of neighbours look at nearly all of them, too. A
//! product of matrices in single precision finds somewhat more neighbours than are wanted; their distances are then computed
//! one by one in double precision, so that a sample is at distance 0 from itself. Of equally near samples the earlier
//! one counts, of classes with as many votes the first, as in scikit-learn.

use crate::matrix::products;
use crate::method::{Fit, Method, Model, Named, Samples, Work};
use crate::scaling::{Scale, Scaling};
use crate::state::{Reader, Writer};
use serde::Deserialize;
use topwork_sdk::Error;

/// The name of this form of model in saved states.
pub const FORM: &str = "neighbours";

/// More neighbours than this are a vote of everybody; the number is also in the schema.
const MOST: usize = 1000;

/// Candidates beyond the neighbours wanted, since rounding may put a few in the wrong order.
const SPARE: usize = 16;

/// Samples that a block of rows is compared with at a time: their products fit the second-level cache.
const AT_ONCE: usize = 512;

/// How distances are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// ‖a − b‖
    Euclidean,
    /// 1 − a·b / (‖a‖ ‖b‖); 1 where one of them is 0.
    Cosine,
}

/// What the vote of a neighbour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Weights {
    /// As much as any other.
    Uniform,
    /// 1 / distance; where some are at distance 0, they alone count.
    Distance,
}

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "kebab-case")]
pub struct Knn {
    k: usize,
    weights: Weights,
    metric: Metric,
    scale: Scale,
}

impl Default for Knn {
    fn default() -> Self {
        Knn {
            k: 5,
            weights: Weights::Uniform,
            metric: Metric::Euclidean,
            scale: Scale::None,
        }
    }
}

impl Named for Knn {
    const ID: &str = "knn";
    const ABOUT: &str = "a vote of the k nearest training samples";
    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "k": {
                "type": "integer",
                "minimum": 1,
                "maximum": 1000,
                "description": "how many neighbours vote; all samples where there are fewer",
                "default": 5
            },
            "weights": {
                "enum": ["uniform", "distance"],
                "description": "whether every vote counts the same, or nearer ones more: 1 / distance",
                "default": "uniform"
            },
            "metric": {
                "enum": ["euclidean", "cosine"],
                "description": "how distances are measured: straight, or by the angle",
                "default": "euclidean"
            },
            "scale": {
                "enum": ["max", "standardise", "none"],
                "description": "what is done to each feature first: largest magnitude 1, mean 0 and deviation 1, or nothing",
                "default": "none"
            }
        },
        "additionalProperties": false
    }"#;

    fn check(&self) -> Result<(), Error> {
        match self.k {
            1..=MOST => Ok(()),
            k => Err(Error::parameters(format!(
                "`k` is {k}, expected 1 to {MOST}"
            ))),
        }
    }
}

impl Method for Knn {
    fn fit(&self, samples: &Samples<'_>, _: &Work) -> Result<Fit, Error> {
        let size = samples.dimensions;
        let mut scaling = self.scale.measure(samples.features, size);
        if self.metric == Metric::Euclidean {
            // Distances stay the same around the mean, and squares of small numbers lose fewer digits.
            scaling.shift = Scale::Standardise.measure(samples.features, size).shift;
        }
        let mut rows = scaling.apply(samples.features);
        if self.metric == Metric::Cosine {
            rows.chunks_exact_mut(size).for_each(to_unit_length);
        }
        let mut fit = Fit::closed(
            Neighbours {
                parameters: self.clone(),
                scaling,
                halves: halves(self.metric, &rows, size),
                rows,
                labels: samples.labels.to_vec(),
                classes: samples.classes,
            },
            0,
        );
        if self.k > samples.count() {
            fit.note = format!("all {} samples vote, as `k` is {}", samples.count(), self.k);
        }
        Ok(fit)
    }
}

/// The samples, which are all there is to learn.
pub struct Neighbours {
    parameters: Knn,
    scaling: Scaling,
    /// samples × dimensions, scaled; of unit length for the cosine
    rows: Vec<f32>,
    /// ½ ‖row‖² of each, by which products are told apart from distances; 0 for the cosine.
    halves: Vec<f32>,
    labels: Vec<u32>,
    classes: usize,
}

fn halves(metric: Metric, rows: &[f32], dimensions: usize) -> Vec<f32> {
    let half = |row: &[f32]| match metric {
        Metric::Euclidean => 0.5 * row.iter().map(|x| x * x).sum::<f32>(),
        Metric::Cosine => 0.0,
    };
    rows.chunks_exact(dimensions).map(half).collect()
}

/// A row of zeros stays one.
fn to_unit_length(row: &mut [f32]) {
    let square: f64 = row.iter().map(|&x| f64::from(x).powi(2)).sum();
    if square > 0.0 {
        let length = square.sqrt();
        row.iter_mut()
            .for_each(|x| *x = (f64::from(*x) / length) as f32);
    }
}

impl Metric {
    fn word(self) -> &'static str {
        match self {
            Metric::Euclidean => "euclidean",
            Metric::Cosine => "cosine",
        }
    }

    /// The distance of two rows, those of the cosine of unit length.
    fn distance(self, a: &[f32], b: &[f32]) -> f64 {
        let pairs = a.iter().zip(b).map(|(&a, &b)| (f64::from(a), f64::from(b)));
        match self {
            Metric::Euclidean => pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>().sqrt(),
            Metric::Cosine => {
                let cosine: f64 = pairs.map(|(a, b)| a * b).sum();
                // What is left of equal rows is rounding of their length.
                Some(1.0 - cosine).filter(|d| *d > 1e-7).unwrap_or(0.0)
            }
        }
    }
}

impl Neighbours {
    /// The model that was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let words = ["k", "weights", "metric"].map(|key| state.word(key));
        let [k, weights, metric] = words;
        let parameters = serde_json::json!({
            "k": k?.parse::<usize>().unwrap_or(0), "weights": weights?, "metric": metric?
        });
        let parameters: Knn = serde_json::from_value(parameters)
            .map_err(|error| Error::data(format!("the state does not fit: {error}")))?;
        parameters
            .check()
            .map_err(|error| Error::data(error.to_string()))?;
        let scaling = Scaling::read(state)?;
        let labels: Vec<u32> = state.array("labels")?;
        let classes = state.number("neighbour-classes")?;
        let count = labels.len().max(1);
        if let Some(label) = labels.iter().find(|&&label| label as usize >= classes) {
            return Err(Error::data(format!(
                "the state has a label {label}, expected less than {classes}"
            )));
        }
        let rows: Vec<f32> = state.array_of("rows", count * scaling.dimensions())?;
        if rows.iter().any(|x| !x.is_finite()) {
            return Err(Error::data("the state has rows that are not finite"));
        }
        Ok(Neighbours {
            halves: halves(parameters.metric, &rows, scaling.dimensions()),
            parameters,
            scaling,
            rows,
            labels: state.array_of("labels", count)?,
            classes,
        })
    }

    /// The samples likely to be nearest to each of the rows, more of them than vote.
    fn candidates(&self, rows: &[f32]) -> Vec<Vec<(f32, usize)>> {
        let size = self.scaling.dimensions();
        let wanted = (self.parameters.k + SPARE).min(self.labels.len());
        let mut nearest = vec![Vec::with_capacity(wanted + 1); rows.len() / size];
        let mut found = Vec::new();
        let blocks = self.rows.chunks(AT_ONCE * size).enumerate();
        for ((block, others), halves) in blocks.zip(self.halves.chunks(AT_ONCE)) {
            found.resize(nearest.len() * halves.len(), 0.0);
            products(rows, others, size, &mut found);
            let first = block * AT_ONCE;
            for (nearest, found) in nearest.iter_mut().zip(found.chunks_exact(halves.len())) {
                for (offset, (product, half)) in found.iter().zip(halves).enumerate() {
                    // ½ ‖a − b‖² − ½ ‖a‖²
                    closer(nearest, (half - product, first + offset), wanted);
                }
            }
        }
        nearest
    }

    /// The share of each class in the vote of a row's neighbours.
    fn vote(&self, row: &[f32], candidates: &[(f32, usize)], votes: &mut [f32]) {
        let size = self.scaling.dimensions();
        let mut neighbours: Vec<(f64, usize)> = (candidates.iter())
            .map(|&(_, sample)| {
                let other = &self.rows[sample * size..][..size];
                (self.parameters.metric.distance(row, other), sample)
            })
            .collect();
        neighbours.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        neighbours.truncate(self.parameters.k);
        let same = neighbours.iter().any(|(distance, _)| *distance == 0.0);
        let counts = |distance: f64| match (self.parameters.weights, same) {
            (Weights::Uniform, _) => 1.0,
            (Weights::Distance, true) => f64::from(distance == 0.0),
            (Weights::Distance, false) => 1.0 / distance,
        };
        let all: f64 = neighbours
            .iter()
            .map(|(distance, _)| counts(*distance))
            .sum();
        let mut sums = vec![0.0; votes.len()];
        for (distance, sample) in neighbours {
            sums[self.labels[sample] as usize] += counts(distance);
        }
        for (vote, sum) in votes.iter_mut().zip(sums) {
            *vote = (sum / all) as f32;
        }
    }
}

/// Keeps the `wanted` nearest of what it is shown, in order; of equals those shown first.
fn closer(nearest: &mut Vec<(f32, usize)>, shown: (f32, usize), wanted: usize) {
    if nearest.len() == wanted && nearest.last().is_some_and(|last| last.0 <= shown.0) {
        return;
    }
    let place = nearest.partition_point(|known| known.0 <= shown.0);
    nearest.insert(place, shown);
    nearest.truncate(wanted);
}

impl Model for Neighbours {
    fn form(&self) -> &'static str {
        FORM
    }

    fn dimensions(&self) -> usize {
        self.scaling.dimensions()
    }

    fn classes(&self) -> usize {
        self.classes
    }

    fn score(&self, features: &[f32], scores: &mut [f32]) {
        let size = self.scaling.dimensions();
        let mut rows = self.scaling.apply(features);
        if self.parameters.metric == Metric::Cosine {
            rows.chunks_exact_mut(size).for_each(to_unit_length);
        }
        let candidates = self.candidates(&rows);
        let rows = rows.chunks_exact(size).zip(candidates);
        for ((row, candidates), votes) in rows.zip(scores.chunks_exact_mut(self.classes)) {
            self.vote(row, &candidates, votes);
        }
    }

    fn write(&self, state: &mut Writer) {
        let weights = match self.parameters.weights {
            Weights::Uniform => "uniform",
            Weights::Distance => "distance",
        };
        state.word("k", self.parameters.k);
        state.word("weights", weights);
        state.word("metric", self.parameters.metric.word());
        state.word("neighbour-classes", self.classes);
        self.scaling.write(state);
        state.array("rows", &self.rows);
        state.array("labels", &self.labels);
    }
}
