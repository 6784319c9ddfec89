//! `frozen-backbone`: a network head, trained by gradient on the features of a frozen trunk.

use std::time::Instant;

use topwork_engine::Part;
use topwork_host::Scores;
use topwork_measure::FitReport;

use super::{Fit, Fitted, parameters, scores_of};
use crate::{
    GraftError,
    features::{Features, Rows},
    network::initialised,
    proof::Proof,
    services::Quiet,
    training::{Trained, Training},
};

impl Fit<'_> {
    /// The trunk is frozen and nothing changes its input
    /// from epoch to epoch, so its features stand for it: training on them gives the same head.
    pub(super) fn frozen_backbone(&self, trunk: &Features) -> Result<Fitted, GraftError> {
        let settings = self.train_settings()?;
        let before = trunk.digest.clone();
        let blueprint = self.head(&trunk.shape, trunk.layers())?;
        let begun = Instant::now();
        // Every strategy of a seed starts from the same head and sees the same order, so that
        // strategies with the same head differ in nothing but their trunk.
        let network = initialised(&blueprint, self.seed, "head");
        let temperature = self.temperature(|learnt, held_out| {
            let quiet = Quiet(self.tools.services);
            let training = Training {
                services: &quiet,
                examples: learnt,
                ..self.training(settings, &trunk.train, None)
            };
            let networks = training.run(vec![Part::trained(network.clone())])?.networks;
            let scores = self.scores(&networks, &trunk.train, held_out)?;
            Ok((scores, Scores::Logits))
        })?;
        let training = self.training(settings, &trunk.train, None);
        let Trained {
            networks,
            standardised,
            epochs,
            earlier_seconds,
        } = training.run(vec![Part::trained(network)])?;
        let parameters = parameters(&networks);
        let networks = self.in_unit(networks, standardised)?;
        let fit_seconds = earlier_seconds + begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let scores = self.scores(&networks, trunk.tested(), &self.draw.test)?;
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        let score = |rows: &Rows| self.scores(&networks, rows, &rows.examples);
        let further: Result<_, _> = trunk.further.iter().map(score).collect();
        let fitted = Fitted {
            parameters,
            report: FitReport::of_epochs(epochs),
            scores,
            further: further?,
            scores_are: scores_of(self.task.targets),
            uncalibrated: None,
            temperatures: Vec::new(),
            selected: Vec::new(),
            fit_seconds,
            evaluate_seconds,
            saved: self.save(networks.iter().map(|head| ("head", head)))?,
            proof: Some(Proof {
                before,
                after: trunk.digest_after(&self.strategy.name)?,
                of: trunk.proved(),
            }),
            multipliers: None,
        };
        Ok(fitted.at(temperature, self.task.classes))
    }
}
