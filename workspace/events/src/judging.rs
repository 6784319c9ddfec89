//! What the rows of a run are judged by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use topwork_measure::{ACCURACY, Figure, unevenness};

/// How many times as many examples as the smallest the largest class may have before that figure
/// is shown.
const UNEVEN: f64 = 3.0;

/// Id of the figure that is shown beside others where classes are uneven.
const BALANCED: &str = "balanced-accuracy";

/// What the rows of a run are judged by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Judging {
    /// Ids of the figures that have columns; accuracy alone if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// Id of the figure that ranks and compares; the first of `metrics` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank_by: Option<String>,
    /// Name of the strategy that the others are compared with; rows of a family with each other if
    /// `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_to: Option<String>,
    /// How far apart two rows may be and still count as equally good, in the unit of the figure that
    /// compares, a share as a fraction.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivalent_within: Option<f64>,
}

impl Judging {
    /// Whether the experiment says nothing of it.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The figure that ranks and compares.
    pub fn ranked_by(&self) -> &'static Figure {
        let id = self.rank_by.as_ref().or(self.metrics.first());
        id.and_then(|id| Figure::named(id)).unwrap_or(&ACCURACY)
    }

    /// The figures that have columns, the one that ranks among them, for test examples of which the
    /// classes have so many: never none.
    pub fn shown(&self, of_classes: &[u64]) -> Vec<&'static Figure> {
        let mut shown: Vec<&'static Figure> = (self.metrics.iter())
            .filter_map(|id| Figure::named(id))
            .collect();
        let ranked_by = self.ranked_by();
        if !has(&shown, ranked_by) {
            shown.insert(0, ranked_by);
        }
        if let Some(balanced) = Figure::named(BALANCED).filter(|_| is_uneven(of_classes))
            && !has(&shown, balanced)
        {
            shown.push(balanced);
        }
        shown
    }
}

/// Whether classes with so many examples are so uneven that accuracy alone misleads.
pub fn is_uneven(of_classes: &[u64]) -> bool {
    unevenness(of_classes).is_some_and(|times| times > UNEVEN)
}

fn has(figures: &[&'static Figure], wanted: &Figure) -> bool {
    figures.iter().any(|figure| figure.id == wanted.id)
}
