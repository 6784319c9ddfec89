//! `feature-classifier`: a classifier head, fitted once by its plugin to the features of a frozen trunk.

use std::time::Instant;

use topwork_host::{Fit, FitOptions, Level};

use super::Fitted;
use crate::{
    GraftError, Progress,
    features::{Features, Rows},
    heads::Learning,
    model::{STATE, Saved},
    proof::Proof,
};

impl super::Fit<'_> {
    /// A classifier head, fitted once by its plugin.
    pub(super) fn feature_classifier(&self, trunk: &Features) -> Result<Fitted, GraftError> {
        let head = &self.strategy.head;
        // The plugin is native code and is lent the features themselves: they belong to what
        // must not change.
        let before = trunk.with_features(&trunk.digest);
        let (dim, classes) = (trunk.dim, self.task.classes);
        let options = FitOptions {
            seed: self.seed,
            threads: self.tools.compute.threads(),
        };
        let begun = Instant::now();
        let all = self.task.train.targets();
        let learning = Learning {
            plugins: self.tools.plugins,
            head,
            features: &[],
            dim,
            targets: all,
            names: &self.task.names,
            options,
        };
        let temperature = self.temperature(|learnt, held_out| {
            let mut features = Vec::new();
            trunk.train.gather(learnt, &mut features);
            let truth = all.of(learnt);
            let learning = Learning {
                features: &features,
                targets: truth.targets(),
                ..learning
            };
            let (fitted, _) = learning.fit(|_| Ok(()))?;
            trunk.train.gather(held_out, &mut features);
            let scores = fitted.predict(&features, held_out.len(), dim, classes)?;
            Ok((scores, fitted.scores_are()))
        })?;
        let mut gathered = Vec::new();
        let features = trunk.train.all_of(&self.draw.train).unwrap_or_else(|| {
            trunk.train.gather(&self.draw.train, &mut gathered);
            &gathered
        });
        let truth = all.of(&self.draw.train);
        let learning = Learning {
            features,
            targets: truth.targets(),
            ..learning
        };
        let (fitted, Fit { parameters, report }) = learning.fit(|done| {
            Ok(self.tools.services.step(Progress {
                done,
                done_before: 0,
                total: classes as u64,
                unit: "labels",
                epoch: 0,
                loss: None,
            })?)
        })?;
        let fit_seconds = begun.elapsed().as_secs_f64();
        if let (Some(false), Some(note)) = (report.converged, &report.note) {
            (self.tools.services).log(Level::Warning, head.plugin(), note.clone())?;
        }
        let begun = Instant::now();
        let mut gathered = Vec::new();
        let tested = trunk.tested();
        let features = tested.all_of(&self.draw.test).unwrap_or_else(|| {
            tested.gather(&self.draw.test, &mut gathered);
            &gathered
        });
        let scores = fitted.predict(features, self.draw.test.len(), dim, classes)?;
        let evaluate_seconds = begun.elapsed().as_secs_f64();
        let score = |rows: &Rows| fitted.predict(&rows.values, rows.examples.len(), dim, classes);
        let further: Result<_, _> = trunk.further.iter().map(score).collect();
        let saved = fitted.save()?;
        let fitted = Fitted {
            parameters,
            report,
            scores,
            further: further?,
            scores_are: fitted.scores_are(),
            uncalibrated: None,
            temperatures: Vec::new(),
            selected: Vec::new(),
            fit_seconds,
            evaluate_seconds,
            saved: saved
                .map(|bytes| Saved {
                    part: "head",
                    extension: STATE,
                    bytes,
                })
                .into_iter()
                .collect(),
            proof: Some(Proof {
                before,
                after: trunk.with_features(&trunk.digest_after(&self.strategy.name)?),
                of: trunk.proved(),
            }),
            multipliers: None,
        };
        Ok(fitted.at(temperature, self.task.classes))
    }
}
