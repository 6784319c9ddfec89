//! Picks the method that classifies best what it has not seen, by cross-validation on the samples of the fit alone.
//!
//! Stratified k-fold cross-validation: R. Kohavi, "A study of cross-validation and bootstrap for accuracy estimation and model
//! selection" (1995). The candidate with the most samples right over all folds is fitted again to all samples; of equals
//! the one that stands first. All candidates see the same folds. How each did is told in the log; the note is short, as it
//! stands in tables.

mod folds;

use crate::knn::Knn;
use crate::lda::Lda;
use crate::linear_svm::LinearSvm;
use crate::logistic_regression::LogisticRegression;
use crate::method::{Fit, Method, Named, Samples, Work};
use crate::naive_bayes::NaiveBayes;
use crate::nearest_centroid::NearestCentroid;
use crate::random_forest::RandomForest;
use crate::ridge::Ridge;
use crate::scaling::CHUNK;
use folds::Folds;
use rayon::prelude::*;
use serde::Deserialize;
use serde_json::{Map, Value};
use topwork_sdk::{Error, ErrorKind, Scores, parameters};

/// Makes a method of its parameters.
type Make = fn(Map<String, Value>) -> Result<Box<dyn Method>, String>;

/// What may be a candidate.
const METHODS: [(&str, Make); 8] = [
    (LogisticRegression::ID, make::<LogisticRegression>),
    (LinearSvm::ID, make::<LinearSvm>),
    (Ridge::ID, make::<Ridge>),
    (Lda::ID, make::<Lda>),
    (Knn::ID, make::<Knn>),
    (NearestCentroid::ID, make::<NearestCentroid>),
    (NaiveBayes::ID, make::<NaiveBayes>),
    (RandomForest::ID, make::<RandomForest>),
];

fn make<M: Named>(written: Map<String, Value>) -> Result<Box<dyn Method>, String> {
    let method: M = parameters(M::SCHEMA, written).map_err(|error| error.to_string())?;
    method.check().map_err(|error| error.to_string())?;
    Ok(Box::new(method))
}

/// Its parameters, as they are written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    candidates: Vec<Value>,
    folds: usize,
}

/// Its parameters.
#[derive(Deserialize)]
#[serde(try_from = "Written")]
pub struct Auto {
    candidates: Vec<Candidate>,
    folds: usize,
}

/// A method to try.
struct Candidate {
    /// Its id, and what was said of its parameters.
    name: String,
    method: Box<dyn Method>,
}

impl TryFrom<Written> for Auto {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        if written.candidates.is_empty() {
            return Err("`candidates` is empty, expected at least one method".to_owned());
        }
        let candidates = written.candidates.into_iter().map(Candidate::read);
        Ok(Auto {
            candidates: candidates.collect::<Result<_, _>>()?,
            folds: written.folds,
        })
    }
}

impl Candidate {
    /// From an id, or a table with the id under `use` and parameters beside it.
    fn read(written: Value) -> Result<Self, String> {
        let mut parameters = match written {
            Value::String(id) => Map::from_iter([("use".to_owned(), Value::String(id))]),
            Value::Object(table) => table,
            other => {
                return Err(format!(
                    "`candidates` has {other}, expected an id, or a table with `use` and parameters"
                ));
            }
        };
        let Some(Value::String(id)) = parameters.remove("use") else {
            return Err("a table of `candidates` has no id under `use`".to_owned());
        };
        let Some((id, make)) = METHODS.iter().find(|(known, _)| *known == id) else {
            let known = METHODS.map(|(id, _)| format!("`{id}`")).join(", ");
            return Err(format!("`candidates` has `{id}`, expected one of {known}"));
        };
        let said: Vec<String> = (parameters.iter())
            .map(|(key, value)| match value {
                Value::String(word) => format!("{key} {word}"),
                value => format!("{key} {value}"),
            })
            .collect();
        let name = match said.as_slice() {
            [] => (*id).to_owned(),
            said => format!("{id} ({})", said.join(", ")),
        };
        let method = make(parameters);
        Ok(Candidate {
            name,
            method: method.map_err(|error| format!("candidate `{id}`: {error}"))?,
        })
    }
}

impl Named for Auto {
    const ID: &str = "auto";
    const ABOUT: &str =
        "the method of several that cross-validation on the training samples finds best";
    // Trees take long where there are many features, and naive Bayes suits few of them. Of methods that measure distances one
    // has features standardised: unscaled, the largest decide alone.
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "candidates": {"type": "array", "minItems": 1, "maxItems": 32,
            "description": "the methods to try: ids, or tables with `use` and parameters; of equals the first is picked",
            "items": {"anyOf": [
                {"enum": ["logistic-regression", "linear-svm", "ridge", "lda", "knn", "nearest-centroid", "naive-bayes", "random-forest"]},
                {"type": "object", "properties": {
                    "use": {"enum": ["logistic-regression", "linear-svm", "ridge", "lda", "knn", "nearest-centroid", "naive-bayes", "random-forest"]}
                }, "required": ["use"]}]},
            "default": ["logistic-regression", "linear-svm", "lda", "knn", "nearest-centroid",
                {"use": "logistic-regression", "scale": "standardise"}, {"use": "knn", "scale": "standardise"}]},
        "folds": {"type": "integer", "minimum": 2, "maximum": 20,
            "description": "parts that are held out in turn, equal samples together; at most as many as the smallest class has samples",
            "default": 5}
    }, "additionalProperties": false}"#;
    // Those of what was picked may be more; its fit says so.
    const SCORES: Scores = Scores::Ranking;
}

/// How a candidate did.
enum Tried {
    /// So many samples right.
    Right(usize),
    /// Why it could not be fitted.
    Failed(Error),
}

impl Method for Auto {
    fn fit(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error> {
        let Some(folds) = Folds::of(samples, self.folds, work.seed) else {
            return self.first(samples, work);
        };
        let tried = self.try_all(samples, &folds, work)?;
        self.log(&tried, &folds, work);
        let mut best: Option<(usize, usize)> = None;
        for (candidate, tried) in tried.iter().enumerate() {
            if let Tried::Right(right) = tried
                && best.is_none_or(|(_, most)| *right > most)
            {
                best = Some((candidate, *right));
            }
        }
        let Some((best, right)) = best else {
            // All of them failed; the reason of the first is as good as any.
            let first = tried.into_iter().find_map(|tried| match tried {
                Tried::Failed(error) => Some(error),
                Tried::Right(_) => None,
            });
            return Err(first.unwrap_or_else(|| Error::failed("no candidate could be tried")));
        };
        let mut fit = self.candidates[best].method.fit(samples, &work.within())?;
        fit.note = joined(self.says(best, right, &folds), &fit.note);
        fit.facts = fit.facts.text("picked", &self.candidates[best].name);
        Ok(fit)
    }
}

impl Auto {
    /// With nothing to hold out there is nothing to pick by: the first candidate that can be fitted.
    fn first(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error> {
        let mut failed = None;
        for candidate in &self.candidates {
            match candidate.method.fit(samples, &work.within()) {
                Ok(mut fit) => {
                    let says = format!(
                        "picked {}: no class has two different samples to hold one out",
                        candidate.name
                    );
                    fit.note = joined(says, &fit.note);
                    fit.facts = fit.facts.text("picked", &candidate.name);
                    return Ok(fit);
                }
                Err(error) if error.kind() == ErrorKind::Stopped => return Err(error),
                Err(error) => {
                    work.log(&format!("tried {}: {error}", candidate.name));
                    failed.get_or_insert(error);
                }
            }
        }
        Err(failed.unwrap_or_else(|| Error::failed("no candidate could be tried")))
    }

    /// Every candidate on every fold. An error only when the host asks to stop.
    fn try_all(
        &self,
        samples: &Samples<'_>,
        folds: &Folds,
        work: &Work,
    ) -> Result<Vec<Tried>, Error> {
        let mut tried: Vec<Tried> = self.candidates.iter().map(|_| Tried::Right(0)).collect();
        let steps = (folds.count * tried.len()) as u64;
        for fold in 0..folds.count {
            let (learnt, held_out) = folds.split(samples, fold);
            let (learnt, held_out) = (learnt.of(samples), held_out.of(samples));
            for (number, candidate) in self.candidates.iter().enumerate() {
                work.check_stop()?;
                let done = (fold * self.candidates.len() + number) as u64;
                work.progress(done, steps, &candidate.name);
                let Tried::Right(right) = &mut tried[number] else {
                    continue;
                };
                match candidate.method.fit(&learnt, &work.within()) {
                    Ok(fit) => *right += correct(&fit, &held_out),
                    Err(error) if error.kind() == ErrorKind::Stopped => return Err(error),
                    Err(error) => tried[number] = Tried::Failed(error),
                }
            }
        }
        Ok(tried)
    }

    /// How every candidate did, best first, a line for each.
    fn log(&self, tried: &[Tried], folds: &Folds, work: &Work) {
        let all = folds.held_out();
        let mut best_first: Vec<(&Candidate, &Tried)> = self.candidates.iter().zip(tried).collect();
        best_first.sort_by_key(|(_, tried)| match tried {
            Tried::Right(right) => (0, all - right),
            Tried::Failed(_) => (1, 0),
        });
        for (candidate, tried) in best_first {
            let name = &candidate.name;
            work.log(&match tried {
                Tried::Right(right) => format!(
                    "tried {name}: {} right, {} of {} in {} folds",
                    share(*right, all),
                    thousands(*right),
                    thousands(all),
                    folds.count
                ),
                Tried::Failed(error) => format!("tried {name}: {error}"),
            });
        }
        match folds.single() {
            0 => {}
            1 => work.log("the samples of 1 class were never held out: they are all the same"),
            classes => work.log(&format!(
                "the samples of {classes} classes were never held out: within each they are all the same"
            )),
        }
    }

    /// What was picked, and how much it had right.
    fn says(&self, best: usize, right: usize, folds: &Folds) -> String {
        let all = folds.held_out();
        format!(
            "picked {}: {} in cross-validation",
            self.candidates[best].name,
            share(right, all)
        )
    }
}

fn share(right: usize, all: usize) -> String {
    format!("{:.1} %", right as f64 / all as f64 * 100.0)
}

/// How many of the samples a fit gets right; of equal scores the first counts, as everywhere.
fn correct(fit: &Fit, samples: &Samples<'_>) -> usize {
    let features = samples.features.par_chunks(CHUNK * samples.dimensions);
    let blocks = features.zip(samples.labels.par_chunks(CHUNK));
    let right = blocks.map(|(features, labels)| {
        let mut scores = vec![0.0; labels.len() * samples.classes];
        fit.model.score(features, &mut scores);
        let rows = scores.chunks_exact(samples.classes).zip(labels);
        let is_right = |(row, label): &(&[f64], &u32)| {
            let own = row[**label as usize];
            let before = row[..**label as usize].iter().all(|score| *score < own);
            before && row.iter().all(|score| *score <= own)
        };
        rows.filter(is_right).count()
    });
    right.sum()
}

fn joined(says: String, note: &str) -> String {
    match note {
        "" => says,
        note => format!("{says}; {note}"),
    }
}

/// With a comma every three digits.
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
