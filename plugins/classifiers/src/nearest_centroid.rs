//! The nearest class mean, after T. Hastie et al., "The Elements of Statistical Learning" (2009), section 13.2.1.

use crate::distance::{Metric, centred, square};
use crate::method::{Fit, Method, Model, Named, Samples, Work};
use crate::scaling::{Scale, Scaling};
use crate::state::{Reader, Writer};
use serde::Deserialize;
use topwork_sdk::{ClassifierLayers, Error, Scores};

/// The name of this form of model in saved states.
pub const FORM: &str = "centroids";

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NearestCentroid {
    metric: Metric,
    scale: Scale,
}

impl Named for NearestCentroid {
    const ID: &str = "nearest-centroid";
    const ABOUT: &str = "the class whose mean is nearest";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "metric": {"enum": ["euclidean", "cosine"],
            "description": "how distances are measured: straight, or by the angle", "default": "euclidean"},
        "scale": {"enum": ["max", "standardise", "none"],
            "description": "what is done to each feature first: largest magnitude 1 (from its value nearest to 0 on), mean 0 and deviation 1, or nothing",
            "default": "none"}
    }, "additionalProperties": false}"#;
    const SCORES: Scores = Scores::Ranking;
}

impl Method for NearestCentroid {
    fn fit(&self, samples: &Samples<'_>, _: &Work) -> Result<Fit, Error> {
        let size = samples.dimensions;
        let scaling = self.scale.measure(samples.features, size);
        let mut means = vec![0.0; samples.classes * size];
        for (row, label) in samples.rows() {
            for (sum, x) in means[label * size..].iter_mut().zip(scaling.row(row)) {
                *sum += x;
            }
        }
        for (mean, count) in means.chunks_exact_mut(size).zip(samples.per_class()) {
            mean.iter_mut().for_each(|sum| *sum /= count as f64);
            self.metric.prepare(mean);
        }
        let parameters = means.len();
        let centroids = Centroids {
            metric: self.metric,
            scaling,
            means,
        };
        Ok(Fit::closed(centroids, NearestCentroid::SCORES, parameters))
    }
}

/// The mean of each class.
pub struct Centroids {
    metric: Metric,
    scaling: Scaling,
    /// classes × dimensions, scaled; of unit length for the cosine
    means: Vec<f64>,
}

impl Centroids {
    /// The model that was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let scaling = Scaling::read(state)?;
        Ok(Centroids {
            metric: Metric::read(state)?,
            means: state.finite(
                "means",
                scaling.dimensions() * state.number("centroid-classes")?,
            )?,
            scaling,
        })
    }
}

impl Model for Centroids {
    fn form(&self) -> &'static str {
        FORM
    }

    fn dimensions(&self) -> usize {
        self.scaling.dimensions()
    }

    fn classes(&self) -> usize {
        self.means.len() / self.dimensions()
    }

    /// −½ ‖x − m‖²; for the cosine that is its distance with the sign turned.
    fn score(&self, features: &[f32], scores: &mut [f64]) {
        let size = self.dimensions();
        let mut scaled = Vec::with_capacity(size);
        let is_zero = |row: &[f64]| row.iter().all(|x| *x == 0.0);
        let rows = features.chunks_exact(size);
        for (row, scores) in rows.zip(scores.chunks_exact_mut(self.classes())) {
            scaled.clear();
            scaled.extend(self.scaling.row(row));
            self.metric.prepare(&mut scaled);
            for (score, mean) in scores.iter_mut().zip(self.means.chunks_exact(size)) {
                *score = match self.metric {
                    Metric::Cosine if is_zero(&scaled) || is_zero(mean) => -1.0,
                    _ => -0.5 * square(&scaled, mean),
                };
            }
        }
    }

    fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers {
        let none = vec![0.0; self.classes()];
        let metric = self.metric.said();
        match self.metric {
            Metric::Euclidean => {
                let (centre, rows) = centred(&self.means, self.dimensions());
                (self.scaling.around(&centre).layers(layers)).distances(metric, &rows, &none)
            }
            Metric::Cosine => {
                (self.scaling.layers(layers).unit_length()).distances(metric, &self.means, &none)
            }
        }
    }

    fn write(&self, state: &mut Writer) {
        state.word("metric", self.metric.word());
        state.word("centroid-classes", self.classes());
        self.scaling.write(state);
        state.array("means", &self.means);
    }
}
