//! `feature-classifier`: a classifier head, fitted once by its plugin to the features of a frozen trunk.

use std::time::Instant;

use topwork_host::{Fit, FitOptions, Level};
use topwork_measure::Targets;

use super::Fitted;
use crate::{
    GraftError, Progress,
    features::{Features, Rows},
    labels::{FittedHead, Learning},
    model::{STATE, Saved},
    proof::Proof,
};

impl super::Fit<'_> {
    /// A classifier head, fitted once by its plugin.
    pub(super) fn feature_classifier(&self, trunk: &Features) -> Result<Fitted, GraftError> {
        let head = &self.strategy.head;
        let parameters = head.parameters.clone();
        let mut classifier = self
            .tools
            .plugins
            .classifier(&head.component, &parameters.into())?;
        // The plugin is native code and is lent the features themselves: they belong to what
        // must not change.
        let before = trunk.with_features(&trunk.digest);
        let (dim, classes) = (trunk.dim, self.task.classes);
        let options = FitOptions {
            seed: self.seed,
            threads: self.tools.compute.threads(),
        };
        let begun = Instant::now();
        let temperature = self.temperature(|learnt, held_out| {
            let labels: Vec<u32> = (learnt.iter())
                .map(|&example| self.task.train.labels[example])
                .collect();
            let mut features = Vec::new();
            trunk.train.gather(learnt, &mut features);
            classifier.fit(&features, labels.len(), dim, &labels, classes, options)?;
            trunk.train.gather(held_out, &mut features);
            let scores = classifier.predict(&features, held_out.len(), dim, classes)?;
            Ok((scores, classifier.scores()))
        })?;
        let mut gathered = Vec::new();
        let features = trunk.train.all_of(&self.draw.train).unwrap_or_else(|| {
            trunk.train.gather(&self.draw.train, &mut gathered);
            &gathered
        });
        let truth = self.task.train.targets().of(&self.draw.train);
        let samples = self.draw.train.len();
        let (fitted, Fit { parameters, report }) = match truth.targets() {
            Targets::Classes(labels) => {
                let fit = classifier.fit(features, samples, dim, labels, classes, options)?;
                (FittedHead::Whole(Box::new(classifier)), fit)
            }
            Targets::Numbers(numbers) => {
                let numbers = (numbers.values, numbers.count);
                let fit = classifier.fit_numbers(features, samples, dim, numbers, options)?;
                (FittedHead::Whole(Box::new(classifier)), fit)
            }
            Targets::Multilabel(labels) => {
                let learning = Learning {
                    plugins: self.tools.plugins,
                    head,
                    features,
                    dim,
                    labels,
                    names: &self.task.names,
                    options,
                };
                let (head, fit) = learning.fit(|done| {
                    Ok(self.tools.services.step(Progress {
                        done,
                        done_before: 0,
                        total: labels.count as u64,
                        unit: "labels",
                        epoch: 0,
                        loss: None,
                    })?)
                })?;
                (FittedHead::Labels(head), fit)
            }
        };
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
