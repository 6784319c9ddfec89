//! Classifier heads, called through their tables.

use super::instance::{Driven, call, offered};
use crate::enter::{append, collect};
use crate::{Error, Features, FitOptions, FitReport, Scores};
use topwork_abi as abi;

/// A classifier head.
pub struct DrivenClassifier(Driven);

impl DrivenClassifier {
    pub(super) fn new(driven: Driven) -> Self {
        DrivenClassifier(driven)
    }

    /// Fits it.
    pub fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        if labels.len() != features.samples() {
            return Err(Error::call("the number of labels is not that of samples"));
        }
        let raw = lend(features);
        let options = fit_options(options);
        let mut report = EMPTY_REPORT;
        // SAFETY: a classifier has this table.
        let fit = offered(unsafe { self.0.table::<abi::ClassifierTable>() }.fit)?;
        let (result, note) = collect(|note| {
            // SAFETY: lengths fit, and all pointers live during the call.
            call(|error| unsafe {
                fit(
                    self.0.pointer,
                    &raw const raw,
                    labels.as_ptr(),
                    classes,
                    &raw const options,
                    &raw mut report,
                    note,
                    error,
                )
            })
        });
        result?;
        Ok(read_report(&report, &note))
    }

    /// Fits it to so many numbers for each sample, in place of a label.
    pub fn fit_numbers(
        &mut self,
        features: Features<'_>,
        numbers: &[f32],
        columns: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        if Some(numbers.len()) != features.samples().checked_mul(columns) {
            return Err(Error::call("the count of numbers is not samples × columns"));
        }
        // SAFETY: the id decides the type of the table.
        let table =
            unsafe { (self.0).ability::<abi::ClassifierNumbersTable>(abi::CLASSIFIER_NUMBERS) }?;
        let fit = offered(table.fit)?;
        let raw = lend(features);
        let options = fit_options(options);
        let mut report = EMPTY_REPORT;
        let (result, note) = collect(|note| {
            // SAFETY: lengths fit, and all pointers live during the call.
            call(|error| unsafe {
                fit(
                    self.0.pointer,
                    &raw const raw,
                    numbers.as_ptr(),
                    columns,
                    &raw const options,
                    &raw mut report,
                    note,
                    error,
                )
            })
        });
        result?;
        Ok(read_report(&report, &note))
    }

    /// Fits several of them, made with the same parameters but for this one.
    pub fn fit_path(
        path: &mut [&mut DrivenClassifier],
        parameter: &str,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<Vec<FitReport>, Error> {
        if labels.len() != features.samples() {
            return Err(Error::call("the number of labels is not that of samples"));
        }
        let Some(first) = path.first() else {
            return Ok(Vec::new());
        };
        // SAFETY: the id decides the type of the table.
        let table = unsafe { (first.0).ability::<abi::ClassifierPathTable>(abi::CLASSIFIER_PATH) }?;
        let fit = offered(table.fit)?;
        let raw = lend(features);
        let options = fit_options(options);
        let instances: Vec<abi::Instance> = path.iter().map(|one| one.0.pointer).collect();
        let mut reports = vec![EMPTY_REPORT; path.len()];
        let places: Vec<*mut abi::FitReport> = reports.iter_mut().map(std::ptr::from_mut).collect();
        let mut notes = vec![Vec::<u8>::new(); path.len()];
        let sinks: Vec<abi::Sink> = (notes.iter_mut())
            .map(|note| abi::Sink {
                context: std::ptr::from_mut(note).cast(),
                write: append,
            })
            .collect();
        // SAFETY: lengths fit, the instances differ as the borrows of them do, and all pointers live during the call.
        call(|error| unsafe {
            fit(
                instances.as_ptr(),
                instances.len(),
                abi::Text::new(parameter),
                &raw const raw,
                labels.as_ptr(),
                classes,
                &raw const options,
                places.as_ptr(),
                sinks.as_ptr(),
                error,
            )
        })?;
        let told = reports.iter().zip(&notes);
        Ok(told
            .map(|(report, note)| read_report(report, note))
            .collect())
    }

    /// Scores, samples × classes.
    pub fn predict(&self, features: Features<'_>, classes: usize) -> Result<Vec<f32>, Error> {
        let raw = lend(features);
        let mut scores = vec![f32::NAN; features.samples() * classes];
        // SAFETY: a classifier has this table.
        let predict = offered(unsafe { self.0.table::<abi::ClassifierTable>() }.predict)?;
        // SAFETY: `scores` has room for samples × classes, and all pointers live during the call.
        call(|error| unsafe {
            predict(
                self.0.pointer,
                &raw const raw,
                classes,
                scores.as_mut_ptr(),
                error,
            )
        })?;
        Ok(scores)
    }

    /// The fitted state.
    pub fn save(&self) -> Result<Vec<u8>, Error> {
        let save = offered(self.saving()?.save)?;
        let (result, state) = collect(|state| {
            // SAFETY: instance and sinks live during the call.
            call(|error| unsafe { save(self.0.pointer, state, error) })
        });
        result?;
        Ok(state)
    }

    /// Puts it into a saved state.
    pub fn load(&mut self, state: &[u8]) -> Result<(), Error> {
        let load = offered(self.saving()?.load)?;
        // SAFETY: instance, bytes and sink live during the call.
        call(|error| unsafe { load(self.0.pointer, state.as_ptr(), state.len(), error) })
    }

    /// What its scores are.
    pub fn scores(&self) -> Result<Scores, Error> {
        // SAFETY: the id decides the type of the table.
        let table = unsafe {
            self.0
                .ability::<abi::ClassifierScoresTable>(abi::CLASSIFIER_SCORES)
        }?;
        let scores = offered(table.scores)?;
        let mut number = abi::Scores::RANKING;
        // SAFETY: instance, place and sink live during the call.
        call(|error| unsafe { scores(self.0.pointer, &raw mut number, error) })?;
        Scores::of_number(number)
            .ok_or_else(|| Error::failed(format!("scores are {}, expected 0 to 2", number.0)))
    }

    /// What its latest fit has found.
    pub fn facts(&self) -> Result<serde_json::Map<String, serde_json::Value>, Error> {
        // SAFETY: the id decides the type of the table.
        let table = unsafe {
            self.0
                .ability::<abi::ClassifierFactsTable>(abi::CLASSIFIER_FACTS)
        }?;
        let tell = offered(table.facts)?;
        let (result, facts) = collect(|facts| {
            // SAFETY: instance and sinks live during the call.
            call(|error| unsafe { tell(self.0.pointer, facts, error) })
        });
        result?;
        serde_json::from_slice(&facts)
            .map_err(|error| Error::failed(format!("its facts are no JSON object: {error}")))
    }

    /// What it does as layers, as the file of the contract. [`Error::unsupported`] where it says none.
    pub fn layers(&self) -> Result<Vec<u8>, Error> {
        // SAFETY: the id decides the type of the table.
        let table = unsafe {
            self.0
                .ability::<abi::ClassifierLayersTable>(abi::CLASSIFIER_LAYERS)
        }?;
        let say = offered(table.layers)?;
        let (result, layers) = collect(|layers| {
            // SAFETY: instance and sinks live during the call.
            call(|error| unsafe { say(self.0.pointer, layers, error) })
        });
        result?;
        Ok(layers)
    }

    fn saving(&self) -> Result<&'static abi::ClassifierSaveTable, Error> {
        // SAFETY: the id decides the type of the table.
        unsafe { self.0.ability(abi::CLASSIFIER_SAVE) }
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

fn fit_options(options: FitOptions) -> abi::FitOptions {
    abi::FitOptions {
        size: size_of::<abi::FitOptions>(),
        seed: options.seed,
        threads: options.threads,
    }
}

fn read_report(report: &abi::FitReport, note: &[u8]) -> FitReport {
    FitReport {
        converged: report.converged == 1,
        iterations: report.iterations,
        parameters: report.parameters,
        note: String::from_utf8_lossy(note).into_owned(),
    }
}

fn lend(features: Features<'_>) -> abi::Features {
    abi::Features {
        data: features.data().as_ptr(),
        samples: features.samples(),
        dimensions: features.dimensions(),
    }
}
