//! Results by what they depend on, so that a run can take over those of another.

use serde::{Deserialize, Serialize};

/// The keys of everything a run measures.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cells {
    /// The source task, for every seed.
    pub sources: Vec<KeyedSource>,
    /// The rows of the table, each with every seed.
    pub rows: Vec<KeyedCell>,
}

/// The source task with one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyedSource {
    /// The seed.
    pub seed: u64,
    /// SHA-256 over all the result depends on, but for the data itself.
    pub key: String,
}

/// A row with one seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct KeyedCell {
    /// Index of the row.
    pub row: usize,
    /// The seed.
    pub seed: u64,
    /// SHA-256 over all the result depends on, but for the data itself.
    pub key: String,
}

/// What a run takes over from others beside it, instead of measuring it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Adopted {
    /// The source task.
    pub sources: Vec<AdoptedSource>,
    /// Rows.
    pub rows: Vec<AdoptedRow>,
}

/// The source task of another run with the same seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AdoptedSource {
    /// The seed.
    pub seed: u64,
    /// The other run's id; for a part of one its place among the runs.
    pub run: String,
}

/// A row of another run with the same seed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct AdoptedRow {
    /// Index of our row.
    pub row: usize,
    /// The seed.
    pub seed: u64,
    /// The other run's id; for a part of one its place among the runs.
    pub run: String,
    /// Index of the row there.
    pub from: usize,
    /// The row's name there.
    pub name: String,
}
