//! A method as a component: what every head does the same way, whatever it fits.
//!
//! Fitted to numbers, a column of them stands in place of a class.
//!
//! Classes of which no sample is there are left out of the fit and get the lowest score there is, or the probability 0. Where all
//! samples are of one class there is nothing to fit.

use crate::linear::Linear;
use crate::method::{Fit, Model, Named, Numbers, Samples, Work};
use crate::read;
use crate::scaling::CHUNK;
use crate::state::{Reader, Writer};
use rayon::ThreadPool;
use rayon::prelude::*;
use std::sync::{Arc, OnceLock};
use topwork_sdk::{
    Classifier, ClassifierLayers, Component, Error, Facts, Features, FitOptions, FitReport, Host,
    SavedClassifier, Scores,
};

/// The component of a method.
pub struct Head<M> {
    host: Host,
    method: M,
    /// All parallel work is done in it: rayon's own pool would take every core, whatever the host grants. It is started when
    /// there is work, as instances of a path share one.
    pool: OnceLock<Arc<ThreadPool>>,
    fitted: Option<Fitted>,
    /// What the latest fit has found; of a state that was loaded nothing.
    facts: Facts,
}

/// A model, and the classes that it knows.
struct Fitted {
    model: Box<dyn Model>,
    scores: Scores,
    /// The classes, or columns of numbers, of the model's scores, ascending.
    present: Vec<u32>,
    /// The number of all classes, or columns.
    classes: usize,
}

impl<M: Named> Component for Head<M> {
    const ID: &str = M::ID;
    const ABOUT: &str = M::ABOUT;
    const SCHEMA: &str = M::SCHEMA;
    type Parameters = M;

    fn create(host: Host, method: M) -> Result<Self, Error> {
        method.check()?;
        Ok(Head {
            host,
            method,
            pool: OnceLock::new(),
            fitted: None,
            facts: Facts::default(),
        })
    }
}

impl<M: Named> Classifier for Head<M> {
    fn fit(
        &mut self,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        self.fitted = None;
        let labelled = Labelled::of(features, labels, classes)?;
        let pool = self.pool_of(options)?;
        let fit = match labelled.single::<M>() {
            Some(fit) => fit,
            None => {
                let work = Work::new(self.host, options.seed);
                pool.install(|| self.method.fit(&labelled.samples(), &work))?
            }
        };
        Ok(self.take(fit, &labelled.present, classes))
    }

    const NUMBERS: bool = M::NUMBERS;

    fn fit_numbers(
        &mut self,
        features: Features<'_>,
        numbers: &[f32],
        columns: usize,
        options: FitOptions,
    ) -> Result<FitReport, Error> {
        self.fitted = None;
        if columns == 0 {
            return Err(Error::parameters(
                "no numbers for each sample, expected some",
            ));
        }
        let samples = Labelled::in_one_class(features)?;
        let values: Vec<f64> = numbers.iter().copied().map(f64::from).collect();
        let numbers = Numbers {
            values: &values,
            columns,
        };
        let pool = self.pool_of(options)?;
        let work = Work::new(self.host, options.seed);
        let fit = pool.install(|| self.method.fit_numbers(&samples.samples(), numbers, &work))?;
        let fit = Fit {
            scores: Scores::Numbers,
            ..fit
        };
        let present: Vec<u32> = (0..).take(columns).collect();
        Ok(self.take(fit, &present, columns))
    }

    const PATH_PARAMETERS: &[&str] = M::PATH;

    fn fit_path(
        path: &mut [&mut Self],
        _: &str,
        features: Features<'_>,
        labels: &[u32],
        classes: usize,
        options: FitOptions,
    ) -> Result<Vec<FitReport>, Error> {
        path.iter_mut().for_each(|head| head.fitted = None);
        let labelled = Labelled::of(features, labels, classes)?;
        let Some((first, others)) = path.split_first_mut() else {
            return Ok(Vec::new());
        };
        let pool = first.pool_of(options)?;
        for head in others {
            head.pool = OnceLock::from(Arc::clone(&pool));
        }
        let fits = match labelled.single::<M>() {
            Some(_) => path.iter().filter_map(|_| labelled.single::<M>()).collect(),
            None => {
                let work = Work::new(path[0].host, options.seed);
                let methods: Vec<&M> = path.iter().map(|head| &head.method).collect();
                pool.install(|| M::fit_path(&methods, &labelled.samples(), &work))?
            }
        };
        let heads = path.iter_mut().zip(fits);
        Ok(heads
            .map(|(head, fit)| head.take(fit, &labelled.present, classes))
            .collect())
    }

    fn predict(
        &self,
        features: Features<'_>,
        classes: usize,
        scores: &mut [f32],
    ) -> Result<(), Error> {
        let fitted = self.fitted()?;
        let dimensions = fitted.model.dimensions();
        if (features.dimensions(), classes) != (dimensions, fitted.classes) {
            return Err(Error::parameters(format!(
                "{} features and {classes} classes, expected {dimensions} and {}, as in the fit",
                features.dimensions(),
                fitted.classes
            )));
        }
        let pool = self.pool(self.host.threads())?;
        pool.install(|| fitted.score(features.data(), scores));
        Ok(())
    }

    fn scores(&self) -> Result<Scores, Error> {
        Ok(self.fitted()?.scores)
    }

    fn facts(&self) -> Result<Facts, Error> {
        Ok(self.facts.clone())
    }

    fn layers(&self) -> Result<Option<ClassifierLayers>, Error> {
        Ok(Some(self.fitted()?.layers()))
    }
}

/// What a fit has been given, checked, with the classes that have samples counted from 0.
struct Labelled<'a> {
    features: Features<'a>,
    /// Numbers within `present`.
    labels: Vec<u32>,
    /// The classes with samples, ascending.
    present: Vec<u32>,
}

impl<'a> Labelled<'a> {
    fn of(features: Features<'a>, labels: &[u32], classes: usize) -> Result<Self, Error> {
        if classes < 2 {
            return Err(Error::parameters(format!(
                "{classes} classes, expected at least 2"
            )));
        }
        finite(features)?;
        let mut numbers = vec![None; classes];
        let mut present = labels.to_vec();
        present.sort_unstable();
        present.dedup();
        for (number, &class) in (0..).zip(&present) {
            numbers[class as usize] = Some(number);
        }
        let labels = (labels.iter())
            .filter_map(|&label| numbers[label as usize])
            .collect();
        Ok(Labelled {
            features,
            labels,
            present,
        })
    }

    /// Samples whose targets are numbers.
    fn in_one_class(features: Features<'a>) -> Result<Self, Error> {
        finite(features)?;
        Ok(Labelled {
            features,
            labels: vec![0; features.samples()],
            present: vec![0],
        })
    }

    fn samples(&self) -> Samples<'_> {
        Samples {
            features: self.features.data(),
            dimensions: self.features.dimensions(),
            labels: &self.labels,
            classes: self.present.len(),
        }
    }

    /// The fit where all samples are of one class.
    fn single<M: Named>(&self) -> Option<Fit> {
        let [class] = self.present[..] else {
            return None;
        };
        Some(Fit {
            note: format!("every sample is of class {class}"),
            ..Fit::closed(Linear::constant(self.features.dimensions()), M::SCORES, 0)
        })
    }
}

/// Refuses features that are no numbers.
fn finite(features: Features<'_>) -> Result<(), Error> {
    let dimensions = features.dimensions();
    match features.data().iter().position(|x| !x.is_finite()) {
        None => Ok(()),
        Some(position) => Err(Error::data(format!(
            "feature {} of sample {} is {}, expected finite numbers",
            position % dimensions,
            position / dimensions,
            features.data()[position]
        ))),
    }
}

impl Fitted {
    /// What a class has that no sample was of.
    fn of_unknown(&self) -> f32 {
        match self.scores {
            Scores::Probabilities => 0.0,
            Scores::Ranking | Scores::Logits | Scores::Numbers => f32::MIN,
        }
    }

    /// The layers of the model, and where it does not know all classes one that gives each its place.
    fn layers(&self) -> ClassifierLayers {
        let (dimensions, known) = (self.model.dimensions(), self.present.len());
        let layers = ClassifierLayers::of(dimensions);
        if known == self.classes {
            return self.model.layers(layers);
        }
        let mut biases = vec![f64::from(self.of_unknown()); self.classes];
        for &class in &self.present {
            biases[class as usize] = 0.0;
        }
        if known == 1 {
            if self.scores == Scores::Probabilities {
                biases[self.present[0] as usize] = 1.0;
            }
            // Nothing depends on the features.
            return layers.linear(&vec![0.0; self.classes * dimensions], &biases);
        }
        let mut places = vec![0.0; self.classes * known];
        for (number, &class) in self.present.iter().enumerate() {
            places[class as usize * known + number] = 1.0;
        }
        self.model.layers(layers).linear(&places, &biases)
    }

    fn score(&self, features: &[f32], scores: &mut [f32]) {
        let features = features.par_chunks(CHUNK * self.model.dimensions());
        let known = self.present.len();
        let of_unknown = self.of_unknown();
        let blocks = scores.par_chunks_mut(CHUNK * self.classes).zip(features);
        blocks.for_each(|(scores, features)| {
            let mut of_known = vec![0.0; scores.len() / self.classes * known];
            self.model.score(features, &mut of_known);
            if known == 1 && self.scores == Scores::Probabilities {
                // The model of a single class has no probabilities of its own.
                of_known.fill(1.0);
            }
            scores.fill(of_unknown);
            let rows = scores.chunks_exact_mut(self.classes);
            for (row, of_known) in rows.zip(of_known.chunks_exact(known)) {
                self.round(of_known, row);
            }
        });
    }

    /// Scores of the known classes in single precision. The first of the greatest stays that: what is rounded to as much
    /// and stands before it is put just below, so that rounding decides nothing. Numbers are but rounded, column by column.
    fn round(&self, scores: &[f64], rounded: &mut [f32]) {
        let limit = f64::from(f32::MAX);
        if self.scores == Scores::Numbers {
            for (rounded, number) in rounded.iter_mut().zip(scores) {
                *rounded = number.clamp(-limit, limit) as f32;
            }
            return;
        }
        let greatest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        // Where it is beyond what can be written, how far the others are from it is still told.
        let base = match greatest.abs() < f32::MAX.into() {
            true => 0.0,
            false => greatest,
        };
        let single = |score: f64| (score - base).clamp(-limit, limit) as f32;
        let first = scores.iter().position(|score| *score == greatest);
        for (place, (&class, &score)) in self.present.iter().zip(scores).enumerate() {
            let before = first.is_some_and(|first| place < first);
            rounded[class as usize] = match single(score) {
                score if before => score.min(single(greatest).next_down()),
                score => score,
            };
        }
    }
}

impl<M: Named> SavedClassifier for Head<M> {
    fn save(&self) -> Result<Vec<u8>, Error> {
        let fitted = self.fitted()?;
        let mut state = Writer::new(M::ID);
        state.word("form", fitted.model.form());
        state.word("classes", fitted.classes);
        state.array("present", &fitted.present);
        if fitted.scores != M::SCORES {
            state.word(SCORES, word(fitted.scores));
        }
        fitted.model.write(&mut state);
        state.finish()
    }

    fn load(&mut self, state: &[u8]) -> Result<(), Error> {
        let state = Reader::new(state, M::ID)?;
        let model = read(state.word("form")?, &state)?;
        let classes = state.number("classes")?;
        let present: Vec<u32> = state.array_of("present", model.classes())?;
        let ascending = present.is_sorted_by(|a, b| a < b);
        if !ascending || present.last().is_some_and(|&last| last as usize >= classes) {
            return Err(Error::data(format!(
                "the state knows the classes {present:?}, expected ascending ones below {classes}"
            )));
        }
        let scores = match state.word(SCORES) {
            Ok(told) => (KNOWN.into_iter())
                .find(|scores| word(*scores) == told)
                .ok_or_else(|| {
                    Error::data(format!(
                        "the state has `{SCORES}` {told}, expected ranking, probabilities, logits or numbers"
                    ))
                })?,
            Err(_) => M::SCORES,
        };
        self.fitted = Some(Fitted {
            model,
            scores,
            present,
            classes,
        });
        Ok(())
    }
}

/// The key in saved states of what the scores are, where it is not what the method's are as a rule.
const SCORES: &str = "scores";

/// What scores can be.
const KNOWN: [Scores; 4] = [
    Scores::Ranking,
    Scores::Probabilities,
    Scores::Logits,
    Scores::Numbers,
];

fn word(scores: Scores) -> &'static str {
    match scores {
        Scores::Ranking => "ranking",
        Scores::Probabilities => "probabilities",
        Scores::Logits => "logits",
        Scores::Numbers => "numbers",
    }
}

fn start_threads(count: usize) -> Result<ThreadPool, Error> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(count)
        .build()
        .map_err(|error| Error::failed(format!("cannot start threads: {error}")))
}

impl<M> Head<M> {
    /// The pool, started with so many threads where there is none yet.
    fn pool(&self, threads: usize) -> Result<&Arc<ThreadPool>, Error> {
        if let Some(pool) = self.pool.get() {
            return Ok(pool);
        }
        let started = Arc::new(start_threads(threads)?);
        Ok(self.pool.get_or_init(|| started))
    }

    /// The pool for a fit, with as many threads as that may keep busy.
    fn pool_of(&mut self, options: FitOptions) -> Result<Arc<ThreadPool>, Error> {
        let threads = options.threads.min(self.host.threads());
        if (self.pool.get()).is_some_and(|pool| pool.current_num_threads() != threads) {
            self.pool = OnceLock::new();
        }
        self.pool(threads).map(Arc::clone)
    }

    /// Keeps what a fit came to, and reports it.
    fn take(&mut self, fit: Fit, present: &[u32], classes: usize) -> FitReport {
        self.fitted = Some(Fitted {
            model: fit.model,
            scores: fit.scores,
            present: present.to_vec(),
            classes,
        });
        self.facts = fit.facts;
        FitReport {
            converged: fit.converged,
            iterations: fit.iterations,
            parameters: fit.parameters,
            note: fit.note,
        }
    }

    fn fitted(&self) -> Result<&Fitted, Error> {
        let message = "the classifier has neither been fitted nor loaded";
        self.fitted.as_ref().ok_or_else(|| Error::failed(message))
    }
}
