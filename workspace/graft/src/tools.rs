//! What all tasks of a run work with.

use topwork_engine::{Compute, Network};
use topwork_host::Plugins;
use topwork_schema::{CutPoint, Plan, Start};

use crate::{
    GraftError, Services,
    backbone::Backbone,
    error::out_of_order,
    network::{cut, initialised, load_weights},
};

/// The plan, and what computes it.
#[derive(Clone, Copy)]
pub struct Tools<'a> {
    /// The checked experiment.
    pub plan: &'a Plan,
    /// Where components come from.
    pub plugins: &'a Plugins,
    /// The pool.
    pub compute: &'a Compute,
    /// The backbone, without weights.
    pub backbone: &'a Backbone,
    /// Who hears of it.
    pub services: &'a dyn Services,
}

impl Tools<'_> {
    /// The backbone as the source left it, `trained`, as a file or its plugin has it, or as it was initialised.
    pub fn backbone_with(
        &self,
        seed: u64,
        weights: Start,
        trained: Option<&Network>,
    ) -> Result<Network, GraftError> {
        let blueprint = self.backbone.blueprint()?;
        let initial = || initialised(blueprint, seed, "backbone");
        if weights == Start::Random {
            return Ok(initial());
        }
        if let Some(trained) = trained {
            return Ok(trained.clone());
        }
        let Some(path) = &self.plan.experiment.backbone_weights else {
            let given = self.backbone.given().cloned();
            return given.ok_or_else(|| out_of_order("the source was not trained"));
        };
        let mut network = initial();
        load_weights(&mut network, path)?;
        Ok(network)
    }

    /// The backbone with these weights, cut here.
    pub fn trunk_with(
        &self,
        seed: u64,
        weights: Start,
        trained: Option<&Network>,
        at: &CutPoint,
    ) -> Result<Network, GraftError> {
        cut(&self.backbone_with(seed, weights, trained)?, at)
    }
}
