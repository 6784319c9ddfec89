//! The random forest: L. Breiman, "Random forests" (2001).
//!
//! Every tree is grown on samples drawn with replacement, and at every node looks for the best split among a few features
//! drawn at random. As in histogram-based boosting (G. Ke et al., "LightGBM", 2017) each feature is first cut into at most 256
//! bins with as many samples each: the best split is then found by counting, not by sorting, many times as fast, and it is
//! the same where a feature has no more values than that. Scores are the mean of the shares that classes have in the leaves,
//! as in scikit-learn.
//!
//! Fitted to numbers, a tree has all columns in its leaves, and its splits lower the squared error summed over them, as in
//! `RandomForestRegressor` of scikit-learn.

mod bins;
mod criterion;
mod tree;

use crate::method::{ClassWeights, Fit, Method, Model, Named, Numbers, Samples, Work};
use crate::state::{Reader, Writer};
use bins::Bins;
use criterion::{Criterion, Gini, SquaredError};
use rayon::prelude::*;
use serde::Deserialize;
use std::sync::atomic::{AtomicU64, Ordering};
use topwork_sdk::{ClassifierLayers, Error, Facts, Scores};
use tree::{Growth, Size, Tree};

/// The name of this form of model in saved states.
pub const FORM: &str = "forest";

/// How many features a node looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum MaxFeatures {
    /// As is usual for what is predicted: the root for classes, all for numbers.
    Auto,
    Sqrt,
    Log2,
    All,
}

/// Its parameters.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct RandomForest {
    trees: usize,
    max_depth: usize,
    min_samples_leaf: usize,
    max_features: MaxFeatures,
    bootstrap: bool,
    class_weights: ClassWeights,
}

impl Named for RandomForest {
    const ID: &str = "random-forest";
    const ABOUT: &str =
        "random forest, of classes or numbers: many trees, each grown on samples drawn at random";
    const NUMBERS: bool = true;
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "trees": {"type": "integer", "minimum": 1, "maximum": 10000, "description": "how many trees are grown",
            "default": 200},
        "max-depth": {"type": "integer", "minimum": 1, "maximum": 64,
            "description": "splits from the root of a tree to a leaf, at most", "default": 64},
        "min-samples-leaf": {"type": "integer", "minimum": 1, "maximum": 1000000,
            "description": "samples in a leaf, at least", "default": 1},
        "max-features": {"enum": ["auto", "sqrt", "log2", "all"],
            "description": "how many features each node looks at for its split: square root or logarithm of their number, or all; `auto` is `sqrt` for classes and `all` for numbers, as in scikit-learn",
            "default": "auto"},
        "bootstrap": {"type": "boolean",
            "description": "whether each tree gets as many samples drawn with replacement, or all of them as they are",
            "default": true},
        "class-weights": {"enum": ["none", "balanced"],
            "description": "whether each sample counts the same, or each class", "default": "none"}
    }, "additionalProperties": false}"#;
    const SCORES: Scores = Scores::Probabilities;
}

impl Method for RandomForest {
    fn fit(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error> {
        let gini = Gini {
            labels: samples.labels,
            class_weights: &self.class_weights.of(samples),
        };
        self.grow(samples, &gini, Leaves::Shares, work)
    }

    fn fit_numbers(
        &self,
        samples: &Samples<'_>,
        numbers: Numbers<'_>,
        work: &Work,
    ) -> Result<Fit, Error> {
        self.class_weights.check_numbers()?;
        let error = SquaredError::of(numbers);
        self.grow(samples, &error, Leaves::Numbers, work)
    }
}

impl RandomForest {
    /// The forest whose splits a criterion judges.
    fn grow(
        &self,
        samples: &Samples<'_>,
        criterion: &impl Criterion,
        leaves: Leaves,
        work: &Work,
    ) -> Result<Fit, Error> {
        let size = samples.dimensions;
        work.progress(0, self.trees as u64, "trees");
        let bins = Bins::of(samples.features, size);
        work.check_stop()?;
        let looked_at = match (self.max_features, leaves) {
            (MaxFeatures::Sqrt, _) | (MaxFeatures::Auto, Leaves::Shares) => {
                (size as f64).sqrt() as usize
            }
            (MaxFeatures::Log2, _) => (size as f64).log2() as usize,
            (MaxFeatures::All, _) | (MaxFeatures::Auto, Leaves::Numbers) => size,
        };
        let growth = Growth {
            bins: &bins,
            criterion,
            max_depth: self.max_depth,
            min_samples_leaf: self.min_samples_leaf as u32,
            looked_at: looked_at.max(1),
            bootstrap: self.bootstrap,
        };
        let grown = AtomicU64::new(0);
        let trees = (0..self.trees as u64).into_par_iter().map(|number| {
            work.check_stop()?;
            // Each tree has a stream of its own, so that it is the same whatever thread grows it.
            let mut random = fastrand::Rng::with_seed(work.seed);
            let own = random.u64(..) ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let tree = growth.tree(&mut fastrand::Rng::with_seed(own));
            let done = grown.fetch_add(1, Ordering::Relaxed) + 1;
            work.progress(done, self.trees as u64, "trees");
            Ok(tree)
        });
        let trees = trees.collect::<Result<Vec<Tree>, Error>>()?;
        let parameters = trees.iter().map(Tree::parameters).sum();
        let sizes: Vec<Size> = trees.par_iter().map(Tree::size).collect();
        let depth = sizes.iter().map(|size| size.depth).max().unwrap_or(0);
        let all_leaves: usize = sizes.iter().map(|size| size.leaves).sum();
        let facts = Facts::default()
            .number("greatest-depth", depth as f64)
            .number(
                "leaves-per-tree",
                all_leaves as f64 / sizes.len().max(1) as f64,
            );
        let forest = Forest {
            trees,
            dimensions: size,
            outputs: criterion.outputs(),
            leaves,
        };
        Ok(Fit {
            facts,
            ..Fit::closed(forest, RandomForest::SCORES, parameters)
        })
    }
}

/// What is in the leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Leaves {
    /// The share of each class.
    Shares,
    /// The mean of each column of numbers.
    Numbers,
}

impl Leaves {
    /// The key in saved states of how many each leaf has.
    const fn key(self) -> &'static str {
        match self {
            Leaves::Shares => "leaf-classes",
            Leaves::Numbers => "leaf-numbers",
        }
    }

    /// Whether one can be this.
    fn holds(self, number: f32) -> bool {
        match self {
            Leaves::Shares => (0.0..=1.0).contains(&number),
            Leaves::Numbers => number.is_finite(),
        }
    }
}

/// Trees that were grown.
pub struct Forest {
    trees: Vec<Tree>,
    dimensions: usize,
    /// The classes, or the columns of numbers.
    outputs: usize,
    leaves: Leaves,
}

impl Forest {
    /// The model that was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let dimensions = state.number("dimensions")?;
        let leaves = match state.word(Leaves::Numbers.key()) {
            Ok(_) => Leaves::Numbers,
            Err(_) => Leaves::Shares,
        };
        let outputs = state.number(leaves.key())?;
        let nodes: Vec<u32> = state.array("nodes")?;
        let trees = Tree::read(
            &nodes,
            &state.array::<f32>("thresholds")?,
            &state.array::<u32>("features")?,
            &state.array::<u32>("children")?,
            &state.array::<f32>("leaves")?,
            (dimensions, outputs),
            |number| leaves.holds(number),
        );
        let wrong = || Error::data("the trees of the state do not hang together");
        Ok(Forest {
            trees: trees.filter(|trees| !trees.is_empty()).ok_or_else(wrong)?,
            dimensions,
            outputs,
            leaves,
        })
    }
}

impl Model for Forest {
    fn form(&self) -> &'static str {
        FORM
    }

    fn dimensions(&self) -> usize {
        self.dimensions
    }

    fn classes(&self) -> usize {
        self.outputs
    }

    fn score(&self, features: &[f32], scores: &mut [f64]) {
        scores.fill(0.0);
        for tree in &self.trees {
            let rows = features.chunks_exact(self.dimensions);
            for (row, scores) in rows.zip(scores.chunks_exact_mut(self.outputs)) {
                for (score, number) in scores.iter_mut().zip(tree.leaf(row)) {
                    *score += f64::from(*number);
                }
            }
        }
        for score in scores {
            *score /= self.trees.len() as f64;
        }
    }

    fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers {
        layers.trees(&Tree::said(&self.trees, self.outputs))
    }

    fn write(&self, state: &mut Writer) {
        state.word("dimensions", self.dimensions);
        state.word(self.leaves.key(), self.outputs);
        Tree::write(&self.trees, state);
    }
}
