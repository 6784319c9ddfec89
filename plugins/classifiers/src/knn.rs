//! The k nearest neighbours vote, or give the mean of their numbers, what a vote counts being the weight of each, after T. Cover and P. Hart, "Nearest neighbor pattern classification" (1967).
//!
//! Every sample is compared with every other, as with hundreds of features trees of neighbours look at nearly all of them, too. A
//! product of matrices in single precision finds somewhat more neighbours than are wanted; their distances are then computed
//! one by one in double precision, so that a sample is at distance 0 from itself. Where rounding may have left out a nearer
//! one, as between samples that are close together and far from all others, all distances are. Of equally near samples the
//! earlier one counts, of classes with as many votes the first, as in scikit-learn. By the cosine and with exponential weights it
//! is the classifier that features are judged by in M. Caron et al., "Emerging properties in self-supervised vision transformers"
//! (2021), after Z. Wu et al., "Unsupervised feature learning via non-parametric instance discrimination" (2018), section 3.4.

use crate::distance::{Metric, square};
use crate::matrix::products;
use crate::method::{Fit, Method, Model, Named, Numbers, Samples, Work};
use crate::scaling::{CHUNK, Scale, Scaling, means};
use crate::state::{Reader, Writer};
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::Map;
use std::sync::Arc;
use topwork_sdk::{ClassifierLayers, Error, Scores, Votes, parameters};

/// The name of this form of model in saved states.
pub const FORM: &str = "neighbours";

/// The name of the mean direction in saved states.
const CENTRE: &str = "centre";

/// The name of the samples' numbers in saved states.
const NUMBERS: &str = "numbers";

/// The key of the temperature in saved states and among the parameters.
const TEMPERATURE: &str = "temperature";

/// Candidates beyond the neighbours wanted, since rounding may put a few in the wrong order.
const SPARE: usize = 16;

/// Samples that a block of rows is compared with at a time: their products fit the second-level cache.
const AT_ONCE: usize = 512;

/// What the vote of a neighbour counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Weights {
    /// As much as any other.
    Uniform,
    /// 1 / distance; where some are at distance 0, they alone count.
    Distance,
    /// exp(−distance / temperature)
    Exponential,
}

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Knn {
    k: usize,
    weights: Weights,
    temperature: f64,
    metric: Metric,
    scale: Scale,
}

impl Named for Knn {
    const ID: &str = "knn";
    const ABOUT: &str = "a vote of the k nearest training samples; of numbers the mean of theirs";
    const NUMBERS: bool = true;
    // More neighbours than 1,000 are a vote of everybody.
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "k": {"type": "integer", "minimum": 1, "maximum": 1000,
            "description": "how many neighbours vote; all samples where there are fewer", "default": 5},
        "weights": {"enum": ["uniform", "distance", "exponential"],
            "description": "whether every vote counts the same, or nearer ones more: 1 / distance, or exp(-distance / temperature), by the cosine as exp(cosine / temperature)",
            "default": "uniform"},
        "temperature": {"type": "number", "exclusiveMinimum": 0,
            "description": "with exponential weights, the distance at which a vote counts 1 / e; 0.07 by the cosine in the evaluation of DINO",
            "default": 0.07},
        "metric": {"enum": ["euclidean", "cosine"],
            "description": "how distances are measured: straight, or by the angle", "default": "euclidean"},
        "scale": {"enum": ["max", "standardise", "none"],
            "description": "what is done to each feature first: largest magnitude 1 (from its value nearest to 0 on), mean 0 and deviation 1, or nothing",
            "default": "none"}
    }, "additionalProperties": false}"#;
    const SCORES: Scores = Scores::Probabilities;

    const PATH: &[&str] = &["k", "temperature"];

    fn fit_path(methods: &[&Self], samples: &Samples<'_>, _: &Work) -> Result<Vec<Fit>, Error> {
        // They differ neither in metric nor in scale, so all have the same rows.
        let [first, ..] = methods else {
            return Ok(Vec::new());
        };
        let stored = Arc::new(first.stored(samples));
        Ok((methods.iter())
            .map(|method| method.fit_of(Arc::clone(&stored)))
            .collect())
    }
}

impl Method for Knn {
    fn fit(&self, samples: &Samples<'_>, _: &Work) -> Result<Fit, Error> {
        Ok(self.fit_of(Arc::new(self.stored(samples))))
    }

    fn fit_numbers(
        &self,
        samples: &Samples<'_>,
        numbers: Numbers<'_>,
        _: &Work,
    ) -> Result<Fit, Error> {
        let mut stored = self.stored(samples);
        stored.numbers = numbers.values.to_vec();
        Ok(self.fit_of(Arc::new(stored)))
    }
}

impl Knn {
    fn stored(&self, samples: &Samples<'_>) -> Stored {
        let size = samples.dimensions;
        let scaling = self.scale.measure(samples.features, size);
        // Distances stay the same around the mean, and squares of small numbers lose fewer digits.
        let (scaling, centre) = match self.metric {
            Metric::Euclidean => (scaling.centred(samples.features).0, vec![0.0; size]),
            Metric::Cosine => {
                let none = vec![0.0; size];
                let directions = Space::of(self.metric, &scaling, &none).rows(samples.features);
                (scaling, means(&directions, size))
            }
        };
        let rows = Space::of(self.metric, &scaling, &centre).rows(samples.features);
        let labels = samples.labels.to_vec();
        Stored::new(self.metric, scaling, centre, rows, labels, samples.classes)
    }

    fn fit_of(&self, stored: Arc<Stored>) -> Fit {
        let count = stored.labels.len();
        let neighbours = Neighbours {
            parameters: self.clone(),
            stored,
        };
        let mut fit = Fit::closed(neighbours, Knn::SCORES, 0);
        if self.k > count {
            fit.note = format!("all {count} samples vote, as `k` is {}", self.k);
        }
        fit
    }
}

/// Where rows are brought, so that distances are straight and lose few digits.
struct Space<'a> {
    metric: Metric,
    scaling: &'a Scaling,
    /// What is taken from rows of unit length.
    centre: &'a [f64],
}

impl<'a> Space<'a> {
    fn of(metric: Metric, scaling: &'a Scaling, centre: &'a [f64]) -> Self {
        Space {
            metric,
            scaling,
            centre,
        }
    }

    fn rows(&self, features: &[f32]) -> Vec<f32> {
        if self.metric == Metric::Euclidean {
            return self.scaling.apply(features);
        }
        let size = self.scaling.dimensions();
        let mut rows = vec![0.0; features.len()];
        let rows_of = |rows: &mut [f32], features: &[f32]| {
            let mut scaled = Vec::with_capacity(size);
            let pairs = rows.chunks_exact_mut(size).zip(features.chunks_exact(size));
            for (row, features) in pairs {
                scaled.clear();
                scaled.extend(self.scaling.row(features));
                self.metric.prepare(&mut scaled);
                for ((x, scaled), centre) in row.iter_mut().zip(&scaled).zip(self.centre) {
                    *x = (scaled - centre) as f32;
                }
            }
        };
        rows.par_chunks_mut(CHUNK * size)
            .zip(features.par_chunks(CHUNK * size))
            .for_each(|(rows, features)| rows_of(rows, features));
        rows
    }
}

/// The samples, which are all there is to learn, and how they vote.
pub struct Neighbours {
    parameters: Knn,
    /// Shared by those that differ in nothing else.
    stored: Arc<Stored>,
}

/// The samples as they are compared.
struct Stored {
    metric: Metric,
    scaling: Scaling,
    /// The mean of the samples' directions for the cosine, otherwise 0.
    centre: Vec<f64>,
    /// samples × dimensions, in their [`Space`]
    rows: Vec<f32>,
    /// ½ ‖row‖² of each, by which products are told apart from distances.
    halves: Vec<f32>,
    /// The greatest of them.
    farthest: f64,
    /// Which rows have no direction.
    without: Vec<bool>,
    labels: Vec<u32>,
    classes: usize,
    /// samples × columns, where numbers are predicted; then all samples are of one class.
    numbers: Vec<f64>,
}

/// ½ ‖row‖²
fn half(row: &[f32]) -> f64 {
    0.5 * row.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>()
}

impl Neighbours {
    /// The model that was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let mut written = Map::new();
        written.insert(
            "k".into(),
            state.word("k")?.parse::<usize>().unwrap_or(0).into(),
        );
        for key in ["weights", "metric"] {
            written.insert(key.into(), state.word(key)?.into());
        }
        if let Ok(temperature) = state.word(TEMPERATURE) {
            let number = temperature.parse::<f64>().unwrap_or(f64::NAN);
            written.insert(TEMPERATURE.into(), number.into());
        }
        let parameters: Knn = parameters(Knn::SCHEMA, written)
            .map_err(|error| Error::data(format!("the state does not fit: {error}")))?;
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
        // States of before have rows that nothing was taken from.
        let centre = match state.has(CENTRE) {
            true => state.finite(CENTRE, scaling.dimensions())?,
            false => vec![0.0; scaling.dimensions()],
        };
        let labels = state.array_of("labels", count)?;
        let mut stored = Stored::new(parameters.metric, scaling, centre, rows, labels, classes);
        if state.has(NUMBERS) {
            let all = state.array::<f64>(NUMBERS)?.len();
            stored.numbers = state.finite(NUMBERS, count * all.div_ceil(count).max(1))?;
        }
        Ok(Neighbours {
            parameters,
            stored: Arc::new(stored),
        })
    }
}

impl Stored {
    fn new(
        metric: Metric,
        scaling: Scaling,
        centre: Vec<f64>,
        rows: Vec<f32>,
        labels: Vec<u32>,
        classes: usize,
    ) -> Self {
        let size = scaling.dimensions();
        let halves: Vec<f64> = rows.chunks_exact(size).map(half).collect();
        let mut stored = Stored {
            metric,
            farthest: halves.iter().copied().fold(0.0, f64::max),
            halves: halves.into_iter().map(|half| half as f32).collect(),
            without: Vec::new(),
            scaling,
            centre,
            rows,
            labels,
            classes,
            numbers: Vec::new(),
        };
        let rows = stored.rows.chunks_exact(size);
        stored.without = rows.map(|row| stored.no_direction(row)).collect();
        stored
    }

    /// How many numbers each sample has; 0 where it has a class.
    fn columns(&self) -> usize {
        self.numbers.len() / self.labels.len()
    }

    /// Whether nothing but the centre was taken from a row: for the cosine it is at distance 1 from all.
    fn no_direction(&self, row: &[f32]) -> bool {
        let mut columns = row.iter().zip(&self.centre);
        self.metric == Metric::Cosine && columns.all(|(x, c)| *x == (0.0 - c) as f32)
    }

    /// The samples likely to be nearest to each of the rows, more of them than the `k` that vote.
    fn candidates(&self, rows: &[f32], k: usize) -> Vec<Vec<(f32, usize)>> {
        let size = self.scaling.dimensions();
        let wanted = (k + SPARE).min(self.labels.len());
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

    /// The nearest samples with their distances, nearest first.
    fn nearest(&self, row: &[f32], candidates: &[(f32, usize)], k: usize) -> Vec<(f64, usize)> {
        let of = Query {
            row,
            half: half(row),
            without: self.no_direction(row),
        };
        let mut nearest: Vec<(f64, usize)> = (candidates.iter())
            .map(|&(_, sample)| (self.half_square(&of, sample), sample))
            .collect();
        let nearer = |a: &(f64, usize), b: &(f64, usize)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        nearest.sort_unstable_by(nearer);
        nearest.truncate(k);
        if let (Some(last), Some((worst, _))) = (nearest.last(), candidates.last())
            && candidates.len() < self.labels.len()
        {
            // What products of single precision may be wrong by, N. J. Higham, "Accuracy and Stability of Numerical
            // Algorithms" (2002), section 3.1. Only what is surely farther than the last neighbour may be left out.
            let terms = (row.len() + 2) as f64;
            let size = 2.0 * (of.half * self.farthest).sqrt() + self.farthest;
            let rounding = terms * f64::from(f32::EPSILON) * size;
            let surely = f64::from(*worst) - rounding;
            // What is no number is not sure, either.
            let certain = last.0 - of.half < surely;
            if !certain {
                nearest.clear();
                nearest.extend((0..self.labels.len()).map(|s| (self.half_square(&of, s), s)));
                nearest.select_nth_unstable_by(k - 1, nearer);
                nearest.truncate(k);
                nearest.sort_unstable_by(nearer);
            }
        }
        for (distance, _) in &mut nearest {
            *distance = match self.metric {
                Metric::Euclidean => (2.0 * *distance).sqrt(),
                Metric::Cosine => *distance,
            };
        }
        nearest
    }

    /// ½ ‖a − b‖², which for the cosine is the distance.
    fn half_square(&self, of: &Query<'_>, sample: usize) -> f64 {
        let size = self.scaling.dimensions();
        let half = 0.5 * square(of.row, &self.rows[sample * size..][..size]);
        match self.metric {
            Metric::Euclidean => half,
            Metric::Cosine if of.without || self.without[sample] => 1.0,
            // What is left of equal directions is rounding.
            Metric::Cosine if half < 1e-14 * (of.half + f64::from(self.halves[sample])) => 0.0,
            Metric::Cosine => half,
        }
    }
}

impl Neighbours {
    /// The share of each class in the vote of a row's neighbours, or the mean of each column of their numbers.
    fn vote(&self, row: &[f32], candidates: &[(f32, usize)], votes: &mut [f64]) {
        let neighbours = self.stored.nearest(row, candidates, self.parameters.k);
        let least = neighbours.first().map_or(0.0, |(distance, _)| *distance);
        let same = neighbours.iter().any(|(distance, _)| *distance == 0.0);
        let counts = |distance: f64| match (self.parameters.weights, same) {
            (Weights::Uniform, _) => 1.0,
            (Weights::Distance, true) => f64::from(distance == 0.0),
            (Weights::Distance, false) => 1.0 / distance,
            // As a share, what the nearest counts cancels; so nothing is too small to be told from 0.
            (Weights::Exponential, _) => ((least - distance) / self.parameters.temperature).exp(),
        };
        let all: f64 = neighbours
            .iter()
            .map(|(distance, _)| counts(*distance))
            .sum();
        let columns = self.stored.columns();
        if columns > 0 {
            for (column, vote) in votes.iter_mut().enumerate() {
                let weighed = neighbours.iter().map(|&(distance, sample)| {
                    counts(distance) * self.stored.numbers[sample * columns + column]
                });
                *vote = weighed.sum::<f64>() / all;
            }
            return;
        }
        let mut sums = vec![0.0; votes.len()];
        for (distance, sample) in neighbours {
            sums[self.stored.labels[sample] as usize] += counts(distance);
        }
        for (vote, sum) in votes.iter_mut().zip(sums) {
            *vote = sum / all;
        }
    }
}

/// A row whose neighbours are looked for, in its [`Space`].
struct Query<'a> {
    row: &'a [f32],
    half: f64,
    without: bool,
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
        self.stored.scaling.dimensions()
    }

    fn classes(&self) -> usize {
        match self.stored.columns() {
            0 => self.stored.classes,
            columns => columns,
        }
    }

    fn score(&self, features: &[f32], scores: &mut [f64]) {
        let stored = &*self.stored;
        let size = stored.scaling.dimensions();
        let space = Space::of(stored.metric, &stored.scaling, &stored.centre);
        let rows = space.rows(features);
        let candidates = stored.candidates(&rows, self.parameters.k);
        let rows = rows.chunks_exact(size).zip(candidates);
        for ((row, candidates), votes) in rows.zip(scores.chunks_exact_mut(self.classes())) {
            self.vote(row, &candidates, votes);
        }
    }

    fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers {
        let Knn {
            k,
            weights,
            temperature,
            metric,
            ..
        } = self.parameters;
        let stored = &*self.stored;
        let size = stored.scaling.dimensions();
        let scaled = stored.scaling.layers(layers);
        let (scaled, rows) = match metric {
            Metric::Euclidean => (scaled, stored.rows.clone()),
            // Directions themselves: single precision has rounded those of the images before the centre could be taken away.
            Metric::Cosine => {
                let rows = stored.rows.chunks_exact(size).zip(&stored.without);
                let rows = rows.flat_map(|(row, without)| {
                    let columns = row.iter().zip(&stored.centre);
                    columns.map(move |(x, centre)| match without {
                        true => 0.0,
                        false => (f64::from(*x) + centre) as f32,
                    })
                });
                (scaled.unit_length(), rows.collect())
            }
        };
        let votes = match weights {
            Weights::Uniform => Votes::Uniform,
            Weights::Distance => Votes::Distance,
            Weights::Exponential => Votes::Exponential(temperature),
        };
        let columns = stored.columns();
        if columns == 0 {
            let labels = (&*stored.labels, stored.classes);
            return scaled.neighbours(k, metric.said(), votes, &rows, labels);
        }
        // Every sample is a class of its own, so that its share of the votes is what its numbers count.
        let samples: Vec<u32> = (0..stored.labels.len() as u32).collect();
        let labels = (&*samples, samples.len());
        let shares = scaled.neighbours(k, metric.said(), votes, &rows, labels);
        let weights = (0..columns).flat_map(|column| {
            let numbers = stored.numbers.iter().skip(column);
            numbers.step_by(columns).copied()
        });
        shares.linear(&weights.collect::<Vec<f64>>(), &vec![0.0; columns])
    }

    fn write(&self, state: &mut Writer) {
        let weights = match self.parameters.weights {
            Weights::Uniform => "uniform",
            Weights::Distance => "distance",
            Weights::Exponential => "exponential",
        };
        let stored = &*self.stored;
        state.word("k", self.parameters.k);
        state.word("weights", weights);
        state.word("metric", self.parameters.metric.word());
        if self.parameters.weights == Weights::Exponential {
            state.word(TEMPERATURE, self.parameters.temperature);
        }
        state.word("neighbour-classes", stored.classes);
        stored.scaling.write(state);
        state.array("rows", &stored.rows);
        state.array("labels", &stored.labels);
        if stored.metric == Metric::Cosine {
            state.array(CENTRE, &stored.centre);
        }
        if !stored.numbers.is_empty() {
            state.array(NUMBERS, &stored.numbers);
        }
    }
}
