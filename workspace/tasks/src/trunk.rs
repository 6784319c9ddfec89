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
    /// The trunks whose features a row works on, each once: one, or where the row chooses its cut one for each it chooses from; none
    /// where trunk and head are trained together.
    pub fn of(plan: &Plan, row: &Row) -> Vec<Self> {
        let strategy = plan.strategy(row);
        let mut trunks: Vec<Self> = Vec::new();
        if !strategy.kind.trains_the_trunk() {
            for cut in row.cuts() {
                let trunk = Self {
                    weights: strategy.weights,
                    cut: cut.unfitted(),
                };
                if !trunks.contains(&trunk) {
                    trunks.push(trunk);
                }
            }
        }
        trunks
    }
}
