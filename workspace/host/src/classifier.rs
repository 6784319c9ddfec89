//! Classifier heads as the rest of topwork sees them.

use crate::HostError;
use crate::call::{Instance, collect};
use crate::library::Opened;
use crate::open;
use crate::text::{clean, utf8};
use serde_json::Value;
use std::sync::Arc;
use topwork_abi as abi;

/// The longest note on a fit, in bytes.
const LONGEST_NOTE: usize = 4096;

/// Saved states above this are taken for garbage, in bytes.
const LARGEST_STATE: usize = 1 << 30;

/// An instance of a classifier head. Any number of threads may predict at once; the other calls wait until they are alone.
pub struct Classifier {
    instance: Instance,
    table: abi::ClassifierTable,
    saving: Option<abi::ClassifierSaveTable>,
}

/// What is wished for a fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FitOptions {
    /// The seed of everything random in it.
    pub seed: u64,
    /// How many threads it may keep busy; 0 counts as 1.
    pub threads: usize,
}

/// What a fit came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FitReport {
    /// Whether the method met its own criterion of convergence.
    pub converged: bool,
    /// The iterations it made.
    pub iterations: u64,
    /// The number of parameters it fitted.
    pub parameters: u64,
    /// One line for people, to be shown as a warning when the fit did not converge; may be empty.
    pub note: String,
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
        let saving = instance.extension(abi::CLASSIFIER_SAVE);
        let saving = if saving.is_null() {
            None
        } else {
            // SAFETY: the id asked for gives the table this type.
            let table =
                unsafe { open::table::<abi::ClassifierSaveTable>(saving) }.map_err(|problem| {
                    let problem = format!("the table `{}` {problem}", abi::CLASSIFIER_SAVE);
                    instance.broken("offering to be saved", problem)
                })?;
            Some(table)
        };
        Ok(Classifier {
            instance,
            table,
            saving,
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
    ) -> Result<FitReport, HostError> {
        let call = format!("fitting to {samples} samples");
        let features = self.features(&call, features, samples, dims)?;
        if labels.len() != samples {
            let problem = format!("{} labels, expected {samples}", labels.len());
            return Err(self.instance.request(&call, problem));
        }
        if let Some(label) = labels.iter().find(|&&label| label as usize >= classes) {
            let problem = format!("label {label}, expected less than {classes}");
            return Err(self.instance.request(&call, problem));
        }
        let options = abi::FitOptions {
            size: size_of::<abi::FitOptions>(),
            seed: options.seed,
            threads: options.threads.max(1),
        };
        let mut report = abi::FitReport {
            size: size_of::<abi::FitReport>(),
            iterations: 0,
            parameters: 0,
            converged: 0,
            reserved: 0,
        };
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
        if note.overflowed {
            let problem = format!("a note of more than {LONGEST_NOTE} bytes");
            return Err(self.instance.broken(&call, problem));
        }
        let note = utf8(&note.bytes).map_err(|problem| {
            self.instance
                .broken(&call, format!("a note that {problem}"))
        })?;
        if report.converged > 1 {
            let problem = format!("converged = {}, expected 0 or 1", report.converged);
            return Err(self.instance.broken(&call, problem));
        }
        Ok(FitReport {
            converged: report.converged == 1,
            iterations: report.iterations,
            parameters: report.parameters,
            note: clean(note),
        })
    }

    /// Scores of features, row-major `samples` × `classes`, all finite; the greatest of a row is the predicted class.
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
        Some(
            self.instance
                .call("loading a state", |instance, error| unsafe {
                    load(instance, state.as_ptr(), state.len(), error)
                }),
        )
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

#[cfg(test)]
mod tests;
