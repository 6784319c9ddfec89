//! Classifier heads in Python.

use crate::instance::{Instance, read};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use topwork_sdk::{
    Component, Error, Facts, Features, FitOptions, FitReport, Host, NoParameters, SavedClassifier,
    Scores,
};

/// An object with `predict`, and `fit` or, where it learns `NUMBERS`, `fit_numbers`.
pub struct Classifier<const NUMBERS: bool> {
    instance: Instance,
    /// Whether the latest fit was to numbers.
    of_numbers: bool,
    /// What that fit has found.
    facts: Facts,
}

/// What `fit` may report.
#[derive(Deserialize)]
struct Report {
    converged: Option<u64>,
    #[serde(default)]
    iterations: u64,
    #[serde(default)]
    parameters: u64,
    #[serde(default)]
    note: String,
    #[serde(default)]
    facts: Map<String, Value>,
}

impl<const NUMBERS: bool> Classifier<NUMBERS> {
    /// Keeps what the fit of a report is asked for later.
    fn take(&mut self, report: Report, of_numbers: bool) -> FitReport {
        self.of_numbers = of_numbers;
        self.facts = report.facts.into();
        FitReport {
            // A method that has no criterion meets it.
            converged: report.converged != Some(0),
            iterations: report.iterations,
            parameters: report.parameters,
            note: report.note,
        }
    }
}

/// A state of more bytes than this is taken for garbage.
const LARGEST_STATE: usize = 1 << 32;

impl<const NUMBERS: bool> Component for Classifier<NUMBERS> {
    const ID: &str = "python-classifier";
    const ABOUT: &str = "a classifier head in Python";
    const SCHEMA: &str = NoParameters::SCHEMA;
    type Parameters = Map<String, Value>;

    fn read(written: Map<String, Value>) -> Result<Self::Parameters, Error> {
        Ok(written)
    }

    fn create(host: Host, written: Self::Parameters) -> Result<Self, Error> {
        Ok(Classifier {
            instance: Instance::create(host, written)?,
            of_numbers: false,
            facts: Facts::default(),
        })
    }
}

impl<const NUMBERS: bool> topwork_sdk::Classifier for Classifier<NUMBERS> {
    const NUMBERS: bool = NUMBERS;

    fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        let mut turn = self.instance.turn()?;
        let shape = [features.samples(), features.dimensions()];
        let arguments = json!({
            "features": turn.array(features.data(), &shape)?,
            "labels": turn.array(labels, &[labels.len()])?,
            "classes": classes,
            "seed": options.seed,
            "threads": options.threads,
        });
        let report: Report = read("fit", self.instance.ask(&mut turn, "fit", arguments)?)?;
        drop(turn);
        Ok(self.take(report, false))
    }

    fn fit_numbers(
        &mut self,
        features: Features<'_>,
        numbers: &[f32],
        columns: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        let mut turn = self.instance.turn()?;
        let shape = [features.samples(), features.dimensions()];
        let arguments = json!({
            "features": turn.array(features.data(), &shape)?,
            "numbers": turn.array(numbers, &[features.samples(), columns])?,
            "seed": options.seed,
            "threads": options.threads,
        });
        let call = "fit_numbers";
        let report: Report = read(call, self.instance.ask(&mut turn, call, arguments)?)?;
        drop(turn);
        Ok(self.take(report, true))
    }

    fn predict(
        &self,
        features: Features<'_>,
        classes: usize,
        scores: &mut [f32],
    ) -> Result<(), Error> {
        let mut turn = self.instance.turn()?;
        let shape = [features.samples(), features.dimensions()];
        let features = turn.array(features.data(), &shape)?;
        let arguments = json!({"features": features, "classes": classes, "output": turn.output()});
        self.instance.ask(&mut turn, "predict", arguments)?;
        turn.written(scores)
    }

    fn facts(&self) -> Result<Facts, Error> {
        Ok(self.facts.clone())
    }

    fn scores(&self) -> Result<Scores, Error> {
        if self.of_numbers {
            return Ok(Scores::Numbers);
        }
        let word: String = read("scores", self.instance.ask_alone("scores", json!({}))?)?;
        match &*word {
            "ranking" => Ok(Scores::Ranking),
            "probabilities" => Ok(Scores::Probabilities),
            "logits" => Ok(Scores::Logits),
            // After a fit that was kept.
            "numbers" if NUMBERS => Ok(Scores::Numbers),
            _ => Err(Error::failed(format!(
                "`scores` is {word:?}, expected \"ranking\", \"probabilities\" or \"logits\""
            ))),
        }
    }
}

impl<const NUMBERS: bool> SavedClassifier for Classifier<NUMBERS> {
    fn save(&self) -> Result<Vec<u8>, Error> {
        let mut turn = self.instance.turn()?;
        let arguments = json!({"output": turn.output()});
        let bytes: usize = read("save", self.instance.ask(&mut turn, "save", arguments)?)?;
        if bytes > LARGEST_STATE {
            return Err(Error::failed(format!("`save` gave {bytes} bytes")));
        }
        let mut state = vec![0_u8; bytes];
        turn.written(&mut state)?;
        Ok(state)
    }

    fn load(&mut self, state: &[u8]) -> Result<(), Error> {
        let mut turn = self.instance.turn()?;
        let state = turn.array(state, &[state.len()])?;
        self.instance
            .ask(&mut turn, "load", json!({"state": state}))
            .map(|_| ())
    }
}
