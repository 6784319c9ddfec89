//! Which trunk features come out of.

use serde::{Deserialize, Serialize};
use topwork_schema::{CutPoint, Plan, Row, Start};

/// What tells a frozen trunk from the others of a run: rows with equal ones share its features.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct TrunkId {
    /// Whose weights it has.
    pub weights: Start,
    /// Where it ends.
    pub cut: CutPoint,
}

impl TrunkId {
    /// The trunk whose features a row works on; `None` where trunk and head are trained together.
    pub fn of(plan: &Plan, row: &Row) -> Option<Self> {
        let strategy = plan.strategy(row);
        (!strategy.kind.trains_the_trunk()).then(|| Self {
            weights: strategy.weights,
            cut: row.cut.unfitted(),
        })
    }
}
