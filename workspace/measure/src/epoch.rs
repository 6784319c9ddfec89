//! What one epoch of a training came to.

use serde::{Deserialize, Serialize};

/// What one epoch came to.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct EpochFigures {
    /// The fold left out, from 1, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// From 1.
    pub epoch: u32,
    /// Epochs in all.
    pub epochs: u32,
    /// Mean cross-entropy over the epoch's batches, measured before each update.
    pub loss: f64,
    /// Proportion of training samples classified correctly, measured before each update.
    pub accuracy: f64,
    /// Mean cross-entropy on the samples held out, after the epoch.
    #[serde(default)]
    pub validation_loss: Option<f64>,
    /// Proportion of the samples held out that are classified correctly, after the epoch.
    #[serde(default)]
    pub validation_accuracy: Option<f64>,
    /// Images a second.
    pub per_second: f64,
    /// Wall-clock time.
    pub seconds: f64,
}
