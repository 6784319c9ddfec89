//! One of the columns of numbers, or one of several labels, that are predicted.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Against, ClassCount, Labelled, TargetKind};

/// The figure of a label by itself.
const AVERAGE_PRECISION: &str = "average-precision";

/// What is predicted of a column comes to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct OfColumn {
    /// The figures of this column alone that are defined, by their ids: those of numbers, or of a label the average precision.
    pub figures: BTreeMap<String, f64>,
    /// Its predicted numbers against the true ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub against: Option<Against>,
    /// Of a label how many examples have it, are said to, and both.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counts: Option<ClassCount>,
}

impl OfColumn {
    /// Of as many predicted numbers as true ones, at least one, all finite.
    pub(crate) fn of_numbers(truth: &[f32], predicted: &[f32]) -> Option<Self> {
        let figures = TargetKind::Numbers.figures().filter_map(|figure| {
            let value = (figure.numbers?.of)(truth, predicted)?;
            Some((figure.id.to_owned(), value))
        });
        Some(Self {
            figures: figures.collect(),
            against: Some(Against::of(truth, predicted)?),
            counts: None,
        })
    }

    /// One for each label.
    pub(crate) fn of_labels(labelled: &Labelled<'_>) -> Vec<Self> {
        let precisions = labelled.average_precisions().into_iter();
        let of_label = |(precision, counts): (Option<f64>, ClassCount)| {
            let figure = precision.map(|precision| (AVERAGE_PRECISION.to_owned(), precision));
            Self {
                figures: figure.into_iter().collect(),
                against: None,
                counts: Some(counts),
            }
        };
        precisions.zip(labelled.counts()).map(of_label).collect()
    }
}
