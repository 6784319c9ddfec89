//! One of the columns of numbers that are predicted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Against, TargetKind};

/// What the predicted numbers of a column come to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OfColumn {
    /// The figures of this column alone that are defined, by their ids.
    pub figures: BTreeMap<String, f64>,
    /// Its predicted numbers against the true ones.
    pub against: Against,
}

impl OfColumn {
    /// Of as many predicted numbers as true ones, at least one, all finite.
    pub(crate) fn of(truth: &[f32], predicted: &[f32]) -> Option<Self> {
        let figures = TargetKind::Numbers.figures().filter_map(|figure| {
            let value = (figure.numbers?.of)(truth, predicted)?;
            Some((figure.id.to_owned(), value))
        });
        Some(Self {
            figures: figures.collect(),
            against: Against::of(truth, predicted)?,
        })
    }
}
