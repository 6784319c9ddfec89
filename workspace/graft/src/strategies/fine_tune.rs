//! `fine-tune`: trunk and head learn together, every layer by its own multiplier of the learning rate.

use topwork_engine::{Blueprint, Network};
use topwork_schema::CutPoint;

use super::{Fit, Fitted};
use crate::GraftError;

impl Fit<'_> {
    pub(super) fn fine_tune(&self, trunk: Network, cut: &CutPoint) -> Result<Fitted, GraftError> {
        self.whole_network(trunk, cut, |trunk, head| self.multipliers(trunk, head))
    }

    /// One multiplier per layer, trunk first.
    fn multipliers(&self, trunk: &Blueprint, head: &Blueprint) -> Result<Vec<f32>, GraftError> {
        let names = |blueprint: &Blueprint| -> Vec<String> {
            blueprint
                .layers()
                .iter()
                .map(|layer| layer.name.clone())
                .collect()
        };
        let multipliers = self.strategy.multipliers(&names(trunk), &names(head));
        let multipliers = multipliers.map_err(|error| GraftError::Experiment {
            message: format!("strategy `{}`: {error}", self.strategy.name),
            hint: None,
        })?;
        Ok(multipliers
            .into_iter()
            .map(|multiplier| multiplier as f32)
            .collect())
    }
}
