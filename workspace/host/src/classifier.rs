//! Classifier heads as the rest of topwork sees them.

mod facts;
mod layers;
mod numbers;
mod path;

use crate::HostError;
use crate::call::{Instance, Written, collect};
use crate::library::Opened;
use crate::open;
use crate::text::{clean, utf8};
pub(crate) use numbers::takes_numbers;
pub use path::FittedClassifier;
use serde_json::Value;
use std::sync::Arc;
use topwork_abi as abi;
use topwork_measure::TargetKind;
pub use topwork_measure::{FitReport, Scores};

/// The longest note on a fit, in bytes.
const LONGEST_NOTE: usize = 4096;

/// Saved states above this are taken for garbage, in bytes.
const LARGEST_STATE: usize = 1 << 30;

/// How far the probabilities of a sample may add up to something else than 1: what sums in single precision are off by with
/// tens of thousands of classes, and nothing that a figure shows.
const PROBABILITY_TOLERANCE: f64 = 1e-3;

/// An instance of a classifier head. Any number of threads may predict at once; the other calls wait until they are alone.
pub struct Classifier {
    instance: Instance,
    table: abi::ClassifierTable,
    saving: Option<abi::ClassifierSaveTable>,
    telling: Option<abi::ClassifierScoresTable>,
    numbers: Option<abi::ClassifierNumbersTable>,
    finding: Option<abi::ClassifierFactsTable>,
    /// Which parameters a path can vary, and how, where the plugin offers that.
    path: Option<path::Path>,
    /// What it was made of: others that differ in one parameter are made of it, too.
    made_of: (Arc<Opened>, usize, Value),
    /// Of the present fit or state.
    scores: Scores,
}

/// What is wished for a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitOptions {
    /// The seed of everything random in it.
    pub seed: u64,
    /// How many threads it may keep busy; 0 counts as 1.
    pub threads: usize,
}

impl FitOptions {
    fn table(self) -> abi::FitOptions {
        abi::FitOptions {
            size: size_of::<abi::FitOptions>(),
            seed: self.seed,
            threads: self.threads.max(1),
        }
    }
}

/// What a plugin fills.
const EMPTY_REPORT: abi::FitReport = abi::FitReport {
    size: size_of::<abi::FitReport>(),
    iterations: 0,
    parameters: 0,
    converged: 0,
    reserved: 0,
};

/// What a fit came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The number of parameters it fitted.
    pub parameters: u64,
    /// What else the head says of it; the note is to be shown as a warning when the fit did not converge.
    pub report: FitReport,
}

impl Classifier {
    pub(crate) fn create(
        plugin: &Arc<Opened>,
        component: usize,
        parameters: &Value,
    ) -> Result<Classifier, HostError> {
        let instance = Instance::create(plugin, component, parameters)?;
        // SAFETY: this is a component of the kind with this table.
        let table = unsafe { instance.table() }?;
        // SAFETY: each id gives its table the type named.
        let (saving, telling, numbers, finding) = unsafe {
            (
                ability(&instance, abi::CLASSIFIER_SAVE, "offering to be saved")?,
                ability(
                    &instance,
                    abi::CLASSIFIER_SCORES,
                    "offering to say what its scores are",
                )?,
                ability(
                    &instance,
                    abi::CLASSIFIER_NUMBERS,
                    "offering to be fitted to numbers",
                )?,
                ability(
                    &instance,
                    abi::CLASSIFIER_FACTS,
                    "offering to tell what a fit has found",
                )?,
            )
        };
        Ok(Classifier {
            path: path::Path::offered(&instance)?,
            made_of: (Arc::clone(plugin), component, parameters.clone()),
            instance,
            table,
            saving,
            telling,
            numbers,
            finding,
            scores: Scores::default(),
        })
    }

    /// Fits the classifier to features, row-major `samples` × `dims`, with one label below `classes` for each sample.
    pub fn fit(
        &mut self,
        features: &[f32],
        samples: usize,
        dims: usize,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<Fit, HostError> {
        let call = format!("fitting to {samples} samples");
        let features = self.features(&call, features, samples, dims)?;
        self.check_labels(&call, samples, labels, classes)?;
        let options = options.table();
        let mut report = EMPTY_REPORT;
        let (result, note) = collect(LONGEST_NOTE, |note| {
            self.instance
                .call(&call, |instance, error| match self.table.fit {
                    // SAFETY: features and labels have the lengths said, and all pointers live during the call.
                    Some(fit) => unsafe {
                        fit(
                            instance,
                            &raw const features,
                            labels.as_ptr(),
                            classes,
                            &raw const options,
                            &raw mut report,
                            note,
                            error,
                        )
                    },
                    None => abi::Status::UNSUPPORTED,
                })
        });
        result?;
        self.fitted(&call, &report, &note, TargetKind::Classes)
    }

    fn check_labels(
        &self,
        call: &str,
        samples: usize,
        labels: &[u32],
        classes: usize,
    ) -> Result<(), HostError> {
        if labels.len() != samples {
            let problem = format!("{} labels, expected {samples}", labels.len());
            return Err(self.instance.request(call, problem));
        }
        match labels.iter().find(|&&label| label as usize >= classes) {
            None => Ok(()),
            Some(label) => {
                let problem = format!("label {label}, expected less than {classes}");
                Err(self.instance.request(call, problem))
            }
        }
    }

    /// Reads what a fit has reported, and asks what the scores are by now.
    fn fitted(
        &mut self,
        call: &str,
        report: &abi::FitReport,
        note: &Written,
        learnt: TargetKind,
    ) -> Result<Fit, HostError> {
        if note.overflowed {
            let problem = format!("a note of more than {LONGEST_NOTE} bytes");
            return Err(self.instance.broken(call, problem));
        }
        let note = utf8(&note.bytes)
            .map_err(|problem| self.instance.broken(call, format!("a note that {problem}")))?;
        if report.converged > 1 {
            let problem = format!("converged = {}, expected 0 or 1", report.converged);
            return Err(self.instance.broken(call, problem));
        }
        let told = self.told_scores()?;
        if told.gives().of() != learnt {
            let problem = match learnt.is_classes() {
                true => "that it has predicted numbers after a fit to classes",
                false => "that it has scores of classes after a fit to numbers",
            };
            return Err(self.instance.broken(call, problem.to_owned()));
        }
        self.scores = told;
        Ok(Fit {
            parameters: report.parameters,
            report: FitReport {
                converged: Some(report.converged == 1),
                note: Some(clean(note)).filter(|note| !note.is_empty()),
                iterations: Some(report.iterations),
                facts: self.told_facts()?,
            },
        })
    }

    /// What the scores of the present fit, or of the state that was loaded, are.
    pub fn scores(&self) -> Scores {
        self.scores
    }

    /// Asks the plugin for it.
    fn told_scores(&self) -> Result<Scores, HostError> {
        let Some(tell) = self.telling.and_then(|table| table.scores) else {
            return Ok(Scores::Ranking);
        };
        let call = "saying what its scores are";
        let mut told = abi::Scores::RANKING;
        // SAFETY: instance, place and sink live during the call.
        self.instance.call(call, |instance, error| unsafe {
            tell(instance, &raw mut told, error)
        })?;
        match told {
            abi::Scores::RANKING => Ok(Scores::Ranking),
            abi::Scores::PROBABILITIES => Ok(Scores::Probabilities),
            abi::Scores::LOGITS => Ok(Scores::Logits),
            abi::Scores::NUMBERS => Ok(Scores::Numbers),
            abi::Scores(number) => Err(self.instance.broken(
                call,
                format!(
                    "scores = {number}, expected 0 (a ranking), 1 (probabilities), 2 (logits) or 3 (numbers)"
                ),
            )),
        }
    }

    /// Scores of features, row-major `samples` × `classes`, all finite, and probabilities where it says so; the greatest of a
    /// row is the predicted class.
    pub fn predict(
        &self,
        features: &[f32],
        samples: usize,
        dims: usize,
        classes: usize,
    ) -> Result<Vec<f32>, HostError> {
        let call = format!("predicting {samples} samples");
        let features = self.features(&call, features, samples, dims)?;
        // What the plugin does not write stays NaN and is found below.
        let mut scores = vec![f32::NAN; samples * classes];
        self.instance
            .call_in_parallel(&call, |instance, error| match self.table.predict {
                // SAFETY: `scores` has room for samples × classes, and all pointers live during the call.
                Some(predict) => unsafe {
                    predict(
                        instance,
                        &raw const features,
                        classes,
                        scores.as_mut_ptr(),
                        error,
                    )
                },
                None => abi::Status::UNSUPPORTED,
            })?;
        if let Some(position) = scores.iter().position(|score| !score.is_finite()) {
            let problem = format!(
                "score {} for class {} of sample {}, expected finite numbers",
                scores[position],
                position % classes,
                position / classes
            );
            return Err(self.instance.broken(&call, problem));
        }
        if self.scores == Scores::Probabilities
            && let Some(problem) = no_probabilities(&scores, classes)
        {
            return Err(self.instance.broken(&call, problem));
        }
        Ok(scores)
    }

    /// The fitted state as bytes for [`load`](Classifier::load); `None` when the plugin does not offer it.
    pub fn save(&self) -> Option<Result<Vec<u8>, HostError>> {
        let save = self.saving?.save?;
        let call = "saving its state";
        let (result, written) = collect(LARGEST_STATE, |state| {
            // SAFETY: instance and sinks live during the call.
            self.instance.call(call, |instance, error| unsafe {
                save(instance, state, error)
            })
        });
        Some(match result {
            Err(error) => Err(error),
            Ok(()) if written.overflowed => Err(self
                .instance
                .broken(call, format!("more than {LARGEST_STATE} bytes of state"))),
            Ok(()) => Ok(written.bytes),
        })
    }

    /// Puts the classifier into a saved state; `None` when the plugin does not offer it.
    pub fn load(&mut self, state: &[u8]) -> Option<Result<(), HostError>> {
        let load = self.saving?.load?;
        // SAFETY: instance, bytes and sink live during the call.
        let loaded = self
            .instance
            .call("loading a state", |instance, error| unsafe {
                load(instance, state.as_ptr(), state.len(), error)
            });
        Some(loaded.and_then(|()| {
            self.scores = self.told_scores()?;
            Ok(())
        }))
    }

    fn features(
        &self,
        call: &str,
        features: &[f32],
        samples: usize,
        dims: usize,
    ) -> Result<abi::Features, HostError> {
        if samples.checked_mul(dims) != Some(features.len()) || samples == 0 || dims == 0 {
            let problem = format!("{} features, expected {samples} × {dims}", features.len());
            return Err(self.instance.request(call, problem));
        }
        Ok(abi::Features {
            data: features.as_ptr(),
            samples,
            dimensions: dims,
        })
    }
}

/// The table of an ability, where the plugin offers it; `call` says what it does by that.
///
/// # Safety
///
/// `T` is the table of the ability with this id.
unsafe fn ability<T: abi::Table>(
    instance: &Instance,
    id: &str,
    call: &str,
) -> Result<Option<T>, HostError> {
    let table = instance.extension(id);
    if table.is_null() {
        return Ok(None);
    }
    // SAFETY: passed on.
    let table = unsafe { open::table::<T>(table) };
    table
        .map(Some)
        .map_err(|problem| instance.broken(call, format!("the table `{id}` {problem}")))
}

/// What keeps finite scores from being probabilities.
fn no_probabilities(scores: &[f32], classes: usize) -> Option<String> {
    if let Some(position) = scores.iter().position(|score| *score < 0.0) {
        return Some(format!(
            "probability {} for class {} of sample {}, expected 0 to 1",
            scores[position],
            position % classes,
            position / classes
        ));
    }
    for (sample, row) in scores.chunks_exact(classes).enumerate() {
        let sum: f64 = row.iter().copied().map(f64::from).sum();
        if (sum - 1.0).abs() > PROBABILITY_TOLERANCE {
            let largest = row.iter().copied().fold(0.0, f32::max);
            let class = row.iter().position(|score| *score == largest).unwrap_or(0);
            return Some(format!(
                "probabilities of sample {sample} that add up to {sum}, the largest {largest} for class {class}, expected a sum of 1"
            ));
        }
    }
    None
}

#[cfg(test)]
mod tests;
