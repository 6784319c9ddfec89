//! Which features a plan needs, without computing any: for explaining what a cache would give.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};
use topwork_graft::{
    Backbone, GraftError, Images, Trunk, TrunkIdentity,
    data::{SplitName, TaskExamples, channels_of, draws, needed, seen, view},
    initialised, load_weights, shape,
};
use topwork_host::Plugins;
use topwork_keys::FeatureKey;
use topwork_schema::{Plan, Start, TaskRole};
use topwork_tasks::{Made, Tasks, TrunkId, Work};

/// One set of features a run would extract.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedFeatures {
    /// The stage they belong to.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// The trunk they come out of.
    pub trunk: TrunkId,
    /// Their key; its weights are empty when they are not known.
    pub key: FeatureKey,
    /// False for weights that are yet to be trained.
    pub weights_known: bool,
}

/// The features of a plan, in the order they would be extracted. Reads the target's images.
pub fn planned_features(
    plugins: &Plugins,
    plan: &Plan,
    source_weights: &[(u64, PathBuf)],
) -> Result<Vec<PlannedFeatures>, GraftError> {
    let experiment = &plan.experiment;
    let target = &experiment.target.dataset;
    let parameters = target.component.parameters.clone();
    let dataset = plugins.dataset(&target.component.component, &parameters.into())?;
    let backbone = Backbone::of_plan(plugins, plan)?;
    let seen = seen(
        experiment.backbone_input.as_ref(),
        channels_of(&backbone),
        std::thread::available_parallelism().map_or(1, usize::from),
    )?;
    let task = TaskExamples::new(
        TaskRole::Target,
        view(Arc::new(dataset), seen),
        &experiment.seen(target),
        experiment.target.folds,
    )?;
    let mut planned = Vec::new();
    // Which tasks there are does not depend on what they are made with.
    for stage in Tasks::of(plan, &Made::default()).iter() {
        let (Work::Features(trunk), Some(seed)) = (&stage.work, stage.seed) else {
            continue;
        };
        let identity = TrunkIdentity::of(plan, plugins, &trunk.cut);
        let trained = source_weights.iter().find(|(of, _)| *of == seed);
        let file = (experiment.backbone_weights.as_ref()).or(trained.map(|(_, path)| path));
        let (cut, weights_known) = match &backbone {
            Backbone::Extractor(opaque) => (Trunk::extractor(opaque, &trunk.cut), true),
            Backbone::Network(blueprint) => {
                let mut network = initialised(blueprint, seed, "backbone");
                let known = match (trunk.weights, file) {
                    (Start::Random, _) => true,
                    (Start::Source, None) => match blueprint.given() {
                        Some(given) if experiment.source.is_none() => {
                            network = given.clone();
                            true
                        }
                        _ => false,
                    },
                    (Start::Source, Some(path)) => {
                        load_weights(&mut network, path)?;
                        true
                    }
                };
                let kept = topwork_graft::cut(&network, &trunk.cut)?;
                (Trunk::Network(Box::new(kept)), known)
            }
        };
        let dim = shape(&cut.activations(), trunk.cut.reduction)
            .iter()
            .product();
        let digest = if weights_known {
            cut.digest()?
        } else {
            String::new()
        };
        let examples = needed(plan, &draws(plan, &task, seed)?, trunk);
        for (split, examples) in [
            (SplitName::Train, &examples.train),
            (SplitName::Test, &examples.test),
        ] {
            if examples.is_empty() {
                continue;
            }
            planned.push(PlannedFeatures {
                title: stage.title.clone(),
                seed,
                trunk: trunk.clone(),
                key: identity.key(&digest, dim, &Images::of(&task, split, examples)?),
                weights_known,
            });
        }
    }
    Ok(planned)
}
