//! What is to be known of the data before any figure made from it.

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
}

/// Identical images among the examples of a task that matter: measured and learnt from, too, or of
/// several classes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Duplicates {
    /// `source` or `target`.
    pub task: String,
    /// Test examples whose image is a training example, too; with folds examples whose image is
    /// another example, too.
    pub examples: u64,
    /// Images that are examples of several classes.
    pub contrary: u64,
    /// The first of these images, each with all of its examples.
    pub images: Vec<Vec<Copy>>,
}

/// One example.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Copy {
    /// The dataset's split.
    pub split: String,
    /// Its position there, from 0.
    pub position: u64,
    /// Name of its class.
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
