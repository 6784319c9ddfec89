//! What a fitted classifier does from a feature vector to its scores, as layers of a small closed vocabulary: read from the
//! file that a plugin writes, checked, and computed in double precision as a reference.
//!
//! The form of the file is the contract of the ability `topwork.classifier.layers/1`.
//!
//! This crate must not know plugins or the engine: bytes come in, values go out.

mod compute;
mod read;

use serde::Deserialize;

/// The layers of a fitted classifier, checked: every array has the length that the layers before it ask for, all numbers are
/// finite, and trees end.
#[derive(Clone, Debug, PartialEq)]
pub struct ScoringLayers {
    features: usize,
    classes: usize,
    layers: Vec<Layer>,
}

/// One layer: from the row of numbers before it to another one. `d` is how many numbers it gets.
#[derive(Clone, Debug, PartialEq)]
pub enum Layer {
    /// `(x − shift) · factor`, number by number.
    Scale {
        /// `d` numbers.
        shift: Vec<f32>,
        /// `d` numbers.
        factor: Vec<f32>,
    },
    /// `x / ‖x‖`; a row of zeros stays.
    UnitLength,
    /// `W x + b`.
    Linear {
        /// outputs × `d`
        weight: Vec<f32>,
        /// One for each output.
        bias: Vec<f32>,
    },
    /// For each stored row r: `−½ Σ p (x − r)² + b`, with precisions p that are 1 where there are none. By the cosine it is
    /// `−1 + b` if x or r is 0.
    Distances {
        /// How distances are measured.
        metric: Metric,
        /// rows × `d`
        rows: Vec<f32>,
        /// rows × `d`, none below 0; only with [`Metric::Euclidean`].
        precision: Option<Vec<f32>>,
        /// One for each row.
        bias: Vec<f32>,
    },
    /// The share of each class in the vote of the `k` stored rows that are nearest, all of them where there are fewer; of
    /// equally near ones the earlier counts.
    Neighbours {
        /// How many vote.
        k: usize,
        /// How distances are measured: `‖x − r‖`; by the cosine `½ ‖x − r‖²`, and 1 if x or r is 0.
        metric: Metric,
        /// What a vote counts.
        weights: Votes,
        /// rows × `d`
        rows: Vec<f32>,
        /// The class of each row.
        labels: Vec<u32>,
        /// How many classes there are.
        classes: usize,
    },
    /// The mean over trees of the leaf that x falls into.
    Trees(Trees),
    /// `exp(x) / Σ exp(x)`
    Softmax,
    /// `x − ln Σ exp(x)`
    LogSoftmax,
}

/// How distances are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// Straight.
    Euclidean,
    /// By the angle: a [`Layer::UnitLength`] stands before it, and stored rows have a length of 1 or are 0.
    Cosine,
}

/// What the vote of a neighbour counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Votes {
    /// As much as any other.
    Uniform,
    /// 1 / distance; where some are at distance 0, they alone count.
    Distance,
    /// exp(−distance / temperature)
    Exponential {
        /// Above 0 and finite.
        temperature: f32,
    },
}

/// Decision trees in arrays: entry n of the first three is node n, over all trees.
#[derive(Clone, Debug, PartialEq)]
pub struct Trees {
    /// The first node of each tree.
    pub roots: Vec<u32>,
    /// Which number a node looks at; of a leaf its row of `leaves`.
    pub feature: Vec<u32>,
    /// The way goes to the right child where the number is greater than this.
    pub threshold: Vec<f32>,
    /// The left child, behind its parent; the right one is the next node. 0 in a leaf.
    pub child: Vec<u32>,
    /// leaves × outputs
    pub leaves: Vec<f32>,
    /// How many numbers a leaf has.
    pub outputs: usize,
}

/// Why a file is not the layers of a classifier; completes "the layers …".
#[derive(Debug, thiserror::Error)]
pub enum ScoringError {
    /// It is no file of arrays, or one of them is not there or has another shape.
    #[error("cannot be read: {0}")]
    File(#[from] topwork_tensors::TensorsError),
    /// They are of a form this version does not know.
    #[error("have the format {0}, expected 1")]
    Format(u32),
    /// They do not fit the classifier.
    #[error("lead from {} features to {} classes, expected {} and {}", found.0, found.1, expected.0, expected.1)]
    Ends {
        /// Features and classes of the layers.
        found: (usize, usize),
        /// Those of the fit.
        expected: (usize, usize),
    },
    /// A layer is wrong.
    #[error("are wrong at layer {layer}, `{op}`: {problem}")]
    Layer {
        /// Its position from 0.
        layer: usize,
        /// Its kind.
        op: &'static str,
        /// What is wrong.
        problem: String,
    },
}

impl ScoringLayers {
    /// How many numbers a row of features has.
    pub fn features(&self) -> usize {
        self.features
    }

    /// How many scores come out.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The layers in order; none where the features are the scores.
    pub fn layers(&self) -> &[Layer] {
        &self.layers
    }
}

impl Layer {
    /// The kind as written in the file.
    pub fn name(&self) -> &'static str {
        match self {
            Layer::Scale { .. } => "scale",
            Layer::UnitLength => "unit-length",
            Layer::Linear { .. } => "linear",
            Layer::Distances { .. } => "distances",
            Layer::Neighbours { .. } => "neighbours",
            Layer::Trees(_) => "trees",
            Layer::Softmax => "softmax",
            Layer::LogSoftmax => "log-softmax",
        }
    }

    /// How many numbers come out when `width` enter.
    pub fn outputs(&self, width: usize) -> usize {
        match self {
            Layer::Linear { bias, .. } | Layer::Distances { bias, .. } => bias.len(),
            Layer::Neighbours { classes, .. } => *classes,
            Layer::Trees(trees) => trees.outputs,
            Layer::Scale { .. } | Layer::UnitLength | Layer::Softmax | Layer::LogSoftmax => width,
        }
    }
}
