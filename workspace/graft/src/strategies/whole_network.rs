//! Trunk and head trained together: what fine-tuning and a start from scratch have in common.

use std::time::Instant;

use serde_json::json;
use topwork_engine::{Blueprint, Network, Part};
use topwork_host::Scores;
use topwork_measure::FitReport;
use topwork_schema::{CutPoint, Pool};

use super::{Fit, Fitted, scores_of};
use crate::{
    GraftError,
    data::{Augment, Images, SplitName},
    error::out_of_order,
    network::initialised,
    proof::{Frozen, Proof, Proved},
    services::Quiet,
    training::{Trained, Training},
};

impl Fit<'_> {
    /// Trained on images. `multipliers` gives one for every layer of trunk and head.
    pub(super) fn whole_network(
        &self,
        trunk: Network,
        cut: &CutPoint,
        multipliers: impl FnOnce(&Blueprint, &Blueprint) -> Result<Vec<f32>, GraftError>,
    ) -> Result<Fitted, GraftError> {
        let settings = self.train_settings()?;
        let activations = trunk.blueprint().output();
        let pooling = pooling(trunk.blueprint(), cut)?;
        let features = pooling.as_ref().map_or(activations, Blueprint::output);
        let blueprint = self.head(features.dims(), trunk.blueprint().layers().len())?;
        let multipliers = multipliers(trunk.blueprint(), &blueprint)?;
        let (of_trunk, of_head) = multipliers.split_at(trunk.blueprint().layers().len());
        let head = initialised(&blueprint, self.seed, "head");
        let frozen = Frozen::of([(&trunk, of_trunk), (&head, of_head)]);
        let before = frozen.digest(&[&trunk, &head])?;
        let of = trunk.parameters() as u64;
        let proved = Proved::Weights {
            frozen: of - learning(&trunk, of_trunk),
            of,
        };
        let used = named(trunk.blueprint(), of_trunk)
            .chain(named(&blueprint, of_head).map(|(name, used)| (format!("head {name}"), used)))
            .collect();
        let begun = Instant::now();
        let unfreeze = self
            .strategy
            .unfreeze_after
            .map(|after| (after, of_trunk.to_vec()));
        let at_first = match unfreeze {
            Some(_) => vec![0.0; of_trunk.len()],
            None => of_trunk.to_vec(),
        };
        let fail = |source| GraftError::Engine {
            stage: self.strategy.name.clone(),
            source,
        };
        let learnt =
            [(&trunk, of_trunk), (&head, of_head)].map(|(network, of)| learning(network, of));
        let parts = || -> Result<Vec<Part>, GraftError> {
            // Pooling has no weights; it stands between as a network of its own.
            let pooling = (pooling.as_ref())
                .map(|pooling| Part::trained(initialised(pooling, self.seed, "pool")));
            Ok([Part::with(trunk.clone(), at_first.clone()).map_err(fail)?]
                .into_iter()
                .chain(pooling)
                .chain([Part::with(head.clone(), of_head.to_vec()).map_err(fail)?])
                .collect())
        };
        let images = |split, augment| Images {
            task: self.task,
            split,
            augment,
        };
        let augment = settings.augment.as_ref().map(Augment::from);
        let samples = images(SplitName::Train, augment);
        let temperature = self.temperature(|learnt, held_out| {
            let quiet = Quiet(self.tools.services);
            let training = Training {
                services: &quiet,
                examples: learnt,
                ..self.training(settings, &samples, unfreeze.clone())
            };
            let networks = training.run(parts()?)?.networks;
            let plain = images(SplitName::Train, None);
            let scores = self.scores(&networks, &plain, held_out)?;
            Ok((scores, Scores::Logits))
        })?;
        let training = self.training(settings, &samples, unfreeze);
        let Trained {
            networks,
            standardised,
            epochs,
            earlier_seconds,
        } = training.run(parts()?)?;
        let fit_seconds = earlier_seconds + begun.elapsed().as_secs_f64();
        let [trunk, head] = ends(&networks)?;
        let after = frozen.digest(&[trunk, head])?;
        let networks = self.in_unit(networks, standardised)?;
        let begun = Instant::now();
        let scores = self.scores(&networks, &images(SplitName::Test, None), &self.draw.test)?;
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        let further = self.further.iter().map(|task| {
            let images = Images {
                task,
                split: SplitName::Test,
                augment: None,
            };
            self.scores(&networks, &images, &task.measured().all())
        });
        let further: Result<_, _> = further.collect();
        let [trunk, head] = ends(&networks)?;
        let fitted = Fitted {
            parameters: learnt.iter().sum(),
            report: FitReport::of_epochs(epochs),
            scores,
            further: further?,
            scores_are: scores_of(self.task.targets),
            uncalibrated: None,
            temperatures: Vec::new(),
            selected: Vec::new(),
            fit_seconds,
            evaluate_seconds,
            saved: self.save([("trunk", trunk), ("head", head)])?,
            proof: before.zip(after).map(|(before, after)| Proof {
                before,
                after,
                of: proved,
            }),
            multipliers: Some(used),
        };
        Ok(fitted.at(temperature, self.task.classes))
    }
}

/// Trunk and head of the networks that were trained together.
fn ends(networks: &[Network]) -> Result<[&Network; 2], GraftError> {
    match networks {
        [trunk, .., head] => Ok([trunk, head]),
        _ => Err(out_of_order("training lost a part of the network")),
    }
}

/// The layers that pool what a trunk gives as the cut says, for one that is trained.
pub(crate) fn pooling(trunk: &Blueprint, cut: &CutPoint) -> Result<Option<Blueprint>, GraftError> {
    let (output, leading) = (trunk.output(), trunk.leading_tokens(trunk.layers().len()));
    let activations = output.dims();
    let flatten = json!({ "name": "flatten", "op": "flatten" });
    let class = json!({ "name": "class", "op": "select-token", "inputs": ["input"] });
    let mean = |skip: usize| json!({ "name": "mean", "op": "mean-tokens", "skip": skip, "inputs": ["input"] });
    let layers = match (cut.reduction.pool, activations) {
        (None, _) | (_, [_]) => return Ok(None),
        (Some(Pool::Flatten), _) => json!([flatten]),
        (Some(Pool::Gap), [_, _, _]) => {
            json!([{ "name": "gap", "op": "global-avg-pool2d" }, flatten])
        }
        (Some(Pool::Gmp), [_, height, width]) => {
            json!([{ "name": "gmp", "op": "max-pool2d", "kernel": [height, width] }, flatten])
        }
        (Some(Pool::Gap), [_, _]) => json!([mean(0)]),
        (Some(Pool::ClassToken), [_, _]) => json!([class]),
        (Some(Pool::MeanTokens), [_, _]) => json!([mean(leading)]),
        (Some(Pool::ClassMean), [_, _]) => {
            let both = json!({ "name": "both", "op": "concat", "inputs": ["class", "mean"] });
            json!([class, mean(leading), both])
        }
        (Some(pool), _) => {
            let message = format!("`{}` of {output} was to be trained", pool.as_str());
            return Err(out_of_order(&message));
        }
    };
    let layers = json!({ "format": 1, "input": activations, "layers": layers }).to_string();
    let blueprint = Blueprint::parse(&layers).map_err(|source| GraftError::Blueprint {
        component: format!("the pooling at `{}`", cut.name),
        source,
    })?;
    Ok(Some(blueprint))
}

/// Parameters of the layers that learn.
fn learning(network: &Network, multipliers: &[f32]) -> u64 {
    (network.blueprint().summary().iter().zip(multipliers))
        .filter(|(_, multiplier)| **multiplier != 0.0)
        .map(|(layer, _)| layer.parameters as u64)
        .sum()
}

/// The layers with weights, each with its multiplier.
fn named<'a>(
    blueprint: &Blueprint,
    multipliers: &'a [f32],
) -> impl Iterator<Item = (String, f64)> + use<'a> {
    (blueprint.summary().into_iter().zip(multipliers))
        .filter(|(layer, _)| layer.parameters > 0)
        .map(|(layer, multiplier)| (layer.name, f64::from(*multiplier)))
}
