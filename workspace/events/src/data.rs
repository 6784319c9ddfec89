//! What is to be known of the data before any figure made from it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is odd about the data: stops nothing, and stands before the table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DataRemarks {
    /// In sentences.
    pub remarks: Vec<String>,
    /// Identical images, task by task where there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub duplicates: Vec<Duplicates>,
    /// Examples that are measured whose features are nearly those of one that is learnt from; none where
    /// nobody looked, or nothing is to be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub near: Option<Near>,
}

/// Identical images among the examples of a task that matter: measured and learnt from, too, or of
/// several classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Duplicates {
    /// `source` or `target`.
    pub task: String,
    /// Test examples whose image is a training example, too; with folds examples whose image is
    /// another example, too.
    pub examples: u64,
    /// Images that are examples of several classes, or of different numbers or labels.
    pub contrary: u64,
    /// The first of these images, each with all of its examples.
    pub images: Vec<Vec<Copy>>,
}

/// Examples with nearly the same features on both sides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Near {
    /// The cut that the features come from.
    pub cut: String,
    /// Whether they were looked for between folds.
    pub folds: bool,
    /// How many examples that are measured have such another.
    pub examples: u64,
    /// How many examples are measured.
    pub of: u64,
    /// The first of them, each with the nearest that is learnt from.
    pub pairs: Vec<[Copy; 2]>,
}

/// What the examples of a run are recognised by, whatever files they came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DataContent {
    /// Those of the source, split by split; empty where there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source: Vec<SplitContent>,
    /// Those of the target; with folds the split `train` alone.
    pub target: Vec<SplitContent>,
}

/// The examples of a split that a task takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SplitContent {
    /// `train` or `test`.
    pub split: String,
    /// How many there are.
    pub examples: u64,
    /// What they are recognised by, made like the digest of test examples in an outcome.
    pub digest: String,
}

/// One example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Copy {
    /// The dataset's split.
    pub split: String,
    /// Its position there, from 0.
    pub position: u64,
    /// Name of its class, or its numbers or labels.
    pub class: String,
}

/// Correct of some test examples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counts {
    /// Classified correctly.
    pub correct: u64,
    /// All of them.
    pub total: u64,
}
