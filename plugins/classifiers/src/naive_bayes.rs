//! Gaussian naive Bayes: every feature of a class is normally distributed, and independent of the others.
//!
//! As scikit-learn's `GaussianNB`: to every variance a share of the largest variance of a feature is added, so that
//! none is 0. The scores are logarithms of the classes' probabilities.

use crate::distance::centred;
use crate::method::{ClassWeights, Fit, Method, Model, Named, Samples, Work};
use crate::scaling::Scaling;
use crate::state::{Reader, Writer};
use serde::Deserialize;
use topwork_sdk::{ClassifierLayers, Error, Scores};

/// The name of this form of model in saved states.
pub const FORM: &str = "normals";

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct NaiveBayes {
    variance_smoothing: f64,
    class_weights: ClassWeights,
}

impl Named for NaiveBayes {
    const ID: &str = "naive-bayes";
    const ABOUT: &str = "Gaussian naive Bayes: features as independent normal distributions";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "variance-smoothing": {"type": "number", "exclusiveMinimum": 0, "maximum": 1e9,
            "description": "share of the largest variance of a feature that is added to every variance",
            "default": 1e-9},
        "class-weights": {"enum": ["none", "balanced"],
            "description": "whether each sample counts the same, or each class: the priors", "default": "none"}
    }, "additionalProperties": false}"#;
    const SCORES: Scores = Scores::Logits;
}

impl Method for NaiveBayes {
    fn fit(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error> {
        let size = samples.dimensions;
        let counts = samples.per_class();
        let divide = |sums: &mut [f64], counts: &[usize]| {
            for (sums, &count) in sums.chunks_exact_mut(size).zip(counts) {
                sums.iter_mut().for_each(|sum| *sum /= count as f64);
            }
        };
        // The last row of each is over all classes.
        let all = samples.classes;
        let counts = [counts, vec![samples.count()]].concat();
        let mut means = vec![0.0; (all + 1) * size];
        for (row, label) in samples.rows() {
            for class in [label, all] {
                for (sum, &x) in means[class * size..].iter_mut().zip(row) {
                    *sum += f64::from(x);
                }
            }
        }
        divide(&mut means, &counts);
        work.check_stop()?;
        let mut variances = vec![0.0; means.len()];
        for (row, label) in samples.rows() {
            for class in [label, all] {
                let (variances, means) = (&mut variances[class * size..], &means[class * size..]);
                for ((sum, mean), &x) in variances.iter_mut().zip(means).zip(row) {
                    *sum += (f64::from(x) - mean).powi(2);
                }
            }
        }
        divide(&mut variances, &counts);
        let largest = (variances.drain(all * size..)).fold(0.0, f64::max);
        means.truncate(all * size);
        // Where nothing varies, any variance gives the same scores for the samples met.
        let largest = if largest > 0.0 { largest } else { 1.0 };
        for variance in &mut variances {
            *variance += self.variance_smoothing * largest;
        }
        let priors = self.class_weights.priors(samples);
        let normals = Normals {
            means,
            variances,
            log_priors: priors.iter().map(|prior| prior.ln()).collect(),
        };
        Ok(Fit::closed(
            normals,
            NaiveBayes::SCORES,
            (2 * size + 1) * all,
        ))
    }
}

/// A normal distribution for each class and feature.
pub struct Normals {
    /// classes × dimensions
    means: Vec<f64>,
    /// classes × dimensions
    variances: Vec<f64>,
    /// One for each class.
    log_priors: Vec<f64>,
}

impl Normals {
    /// −2 ln of each class's density, less Σ (x − mean)² / variance, which depends on the sample.
    fn constants(&self) -> Vec<f64> {
        let classes = self.variances.chunks_exact(self.dimensions());
        let logarithms = classes.map(|variances| {
            let each = variances.iter().map(|v| (std::f64::consts::TAU * v).ln());
            each.sum()
        });
        logarithms.collect()
    }

    /// The model that was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let dimensions = state.number("dimensions")?;
        let log_priors: Vec<f64> = state.array("log-priors")?;
        let classes = log_priors.len().max(1);
        let variances = state.finite("variances", classes * dimensions)?;
        if variances.iter().any(|&variance| variance <= 0.0) {
            return Err(Error::data("the state has a variance that is not above 0"));
        }
        Ok(Normals {
            means: state.finite("means", classes * dimensions)?,
            variances,
            log_priors: state.finite("log-priors", classes)?,
        })
    }
}

impl Model for Normals {
    fn form(&self) -> &'static str {
        FORM
    }

    fn dimensions(&self) -> usize {
        self.means.len() / self.classes()
    }

    fn classes(&self) -> usize {
        self.log_priors.len()
    }

    fn score(&self, features: &[f32], scores: &mut [f64]) {
        let size = self.dimensions();
        let constants = self.constants();
        let precisions: Vec<f64> = self.variances.iter().map(|v| 1.0 / v).collect();
        let mut logarithms = vec![0.0; self.classes()];
        let rows = features.chunks_exact(size);
        for (row, scores) in rows.zip(scores.chunks_exact_mut(self.classes())) {
            for (class, logarithm) in logarithms.iter_mut().enumerate() {
                let means = &self.means[class * size..][..size];
                let precisions = &precisions[class * size..][..size];
                let distance = squares(row, means, precisions);
                *logarithm = self.log_priors[class] - 0.5 * (constants[class] + distance);
            }
            let most = logarithms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            let sum: f64 = logarithms.iter().map(|x| (x - most).exp()).sum();
            for (score, logarithm) in scores.iter_mut().zip(&logarithms) {
                *score = logarithm - most - sum.ln();
            }
        }
    }

    fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers {
        let size = self.dimensions();
        let (centre, rows) = centred(&self.means, size);
        let precisions: Vec<f64> = self.variances.iter().map(|v| 1.0 / v).collect();
        let constants = self.constants();
        let biases = self.log_priors.iter().zip(&constants);
        let biases: Vec<f64> = biases
            .map(|(prior, constant)| prior - 0.5 * constant)
            .collect();
        (Scaling::none(size).around(&centre).layers(layers))
            .weighted_distances(&rows, &precisions, &biases)
            .log_softmax()
    }

    fn write(&self, state: &mut Writer) {
        state.word("dimensions", self.dimensions());
        state.array("means", &self.means);
        state.array("variances", &self.variances);
        state.array("log-priors", &self.log_priors);
    }
}

/// Σ (x − mean)² · precision, in eight strands that can share an instruction.
fn squares(row: &[f32], means: &[f64], precisions: &[f64]) -> f64 {
    let term = |x: f32, mean: f64, precision: f64| {
        let centred = f64::from(x) - mean;
        centred * centred * precision
    };
    let (rows, row) = row.as_chunks::<8>();
    let (all_means, means) = means.as_chunks::<8>();
    let (all_precisions, precisions) = precisions.as_chunks::<8>();
    let mut strands = [0.0; 8];
    for ((x, mean), precision) in rows.iter().zip(all_means).zip(all_precisions) {
        for lane in 0..8 {
            strands[lane] += term(x[lane], mean[lane], precision[lane]);
        }
    }
    let rest = row.iter().zip(means).zip(precisions);
    let rest = rest.map(|((&x, &mean), &precision)| term(x, mean, precision));
    strands.iter().sum::<f64>() + rest.sum::<f64>()
}
