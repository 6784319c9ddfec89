//! What every method is: fitted to samples it gives a model, which gives scores. [`Head`](crate::head::Head) makes a
//! component of a method, and `auto` tries several.

use crate::state::Writer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use topwork_sdk::{ClassifierLayers, Error, Facts, Host, Level, Scores};

/// A way to fit a classifier, with its parameters.
pub trait Method: Send + Sync {
    /// The same samples and seed give the same model to the bit, whatever the number of threads.
    fn fit(&self, samples: &Samples<'_>, work: &Work) -> Result<Fit, Error>;

    /// The same with numbers in place of labels; all samples are in one class then, and the model has a score for each column of
    /// the numbers. Only asked of a method that is [`Named::NUMBERS`].
    fn fit_numbers(
        &self,
        samples: &Samples<'_>,
        numbers: Numbers<'_>,
        work: &Work,
    ) -> Result<Fit, Error> {
        let _ = (samples, numbers, work);
        Err(Error::unsupported("the method is one for classes alone"))
    }
}

/// A method as users name it.
pub trait Named: Method + DeserializeOwned + 'static {
    /// The id after `use =`.
    const ID: &str;
    /// One line for people.
    const ABOUT: &str;
    /// The JSON Schema of its parameters, with their defaults and bounds.
    const SCHEMA: &str;
    /// What the scores of its fits are, where nothing else is said. Saved states leave it out.
    const SCORES: Scores;
    /// Whether it can be fitted to numbers, too.
    const NUMBERS: bool = false;
    /// Refuses what the bounds of the schema let through.
    fn check(&self) -> Result<(), Error> {
        Ok(())
    }
    /// The parameters for several values of which [`fit_path`](Named::fit_path) has its own way.
    const PATH: &[&str] = &[];
    /// The fits of several methods that differ in nothing but one parameter named in [`PATH`](Named::PATH), in their order,
    /// which means nothing. Each is what [`fit`](Method::fit) gives, closed forms to rounding, searches to their tolerance.
    fn fit_path(methods: &[&Self], samples: &Samples<'_>, work: &Work) -> Result<Vec<Fit>, Error> {
        let within = work.within();
        let fits = (0..).zip(methods).map(|(done, method)| {
            work.progress(done, methods.len() as u64, "values");
            method.fit(samples, &within)
        });
        fits.collect()
    }
}

/// What a method has learnt.
pub trait Model: Send + Sync {
    /// The form that [`read`](crate::read) knows it by.
    fn form(&self) -> &'static str;
    /// The number of features of a row.
    fn dimensions(&self) -> usize;
    /// The number of classes, or of columns of numbers.
    fn classes(&self) -> usize;
    /// Fills `scores`, rows × classes, for row-major features; greater is likelier. Called for several blocks of rows at a
    /// time.
    fn score(&self, features: &[f32], scores: &mut [f64]);
    /// Adds the layers that [`score`](Model::score) comes to.
    fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers;
    /// Writes all that [`read`](crate::read) needs.
    fn write(&self, state: &mut Writer);
}

/// What a fit came to.
pub struct Fit {
    /// What was learnt.
    pub model: Box<dyn Model>,
    /// What the model's scores are.
    pub scores: Scores,
    /// Whether the method met its own criterion.
    pub converged: bool,
    /// The iterations made.
    pub iterations: u64,
    /// The number of parameters fitted.
    pub parameters: u64,
    /// One line for people, or nothing.
    pub note: String,
    /// What else was found.
    pub facts: Facts,
}

impl Fit {
    /// The fit of a method that computes its result in one go.
    pub fn closed(model: impl Model + 'static, scores: Scores, parameters: usize) -> Self {
        Fit {
            model: Box::new(model),
            scores,
            converged: true,
            iterations: 1,
            parameters: parameters as u64,
            note: String::new(),
            facts: Facts::default(),
        }
    }
}

/// What a method is fitted to: finite features, at least two classes, and of each class at least one sample.
#[derive(Clone, Copy)]
pub struct Samples<'a> {
    /// samples × dimensions
    pub features: &'a [f32],
    /// The number of features of a sample.
    pub dimensions: usize,
    /// One below `classes` for each sample.
    pub labels: &'a [u32],
    /// The number of classes.
    pub classes: usize,
}

impl<'a> Samples<'a> {
    /// The number of samples.
    pub fn count(&self) -> usize {
        self.labels.len()
    }

    /// The features of each sample with its label.
    pub fn rows(&self) -> impl Iterator<Item = (&'a [f32], usize)> {
        let rows = self.features.chunks_exact(self.dimensions);
        rows.zip(self.labels.iter().map(|&label| label as usize))
    }

    /// The number of samples of each class.
    pub fn per_class(&self) -> Vec<usize> {
        let mut counts = vec![0; self.classes];
        for &label in self.labels {
            counts[label as usize] += 1;
        }
        counts
    }
}

/// What is predicted in place of classes: finite numbers, a row of them for each sample.
#[derive(Clone, Copy)]
pub struct Numbers<'a> {
    /// samples × columns
    pub values: &'a [f64],
    /// How many a sample has, at least 1.
    pub columns: usize,
}

impl<'a> Numbers<'a> {
    /// A column, sample by sample.
    pub fn column(self, column: usize) -> impl Iterator<Item = f64> + 'a {
        self.values
            .iter()
            .skip(column)
            .step_by(self.columns)
            .copied()
    }

    /// The mean of each column.
    pub fn means(self) -> Vec<f64> {
        let samples = (self.values.len() / self.columns).max(1) as f64;
        let columns = 0..self.columns;
        columns
            .map(|column| self.column(column).sum::<f64>() / samples)
            .collect()
    }
}

/// How much the samples of each class count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// Every sample counts 1.
    #[default]
    None,
    /// Every class counts the same: a sample counts n / (classes · samples of its class).
    Balanced,
}

impl ClassWeights {
    /// Refuses them where there are no classes.
    pub fn check_numbers(self) -> Result<(), Error> {
        match self {
            ClassWeights::None => Ok(()),
            ClassWeights::Balanced => Err(Error::parameters(
                "`class-weights` does not go with a target of numbers, which have no classes",
            )
            .with_hint("leave it out")),
        }
    }

    /// What a sample of each class counts. The sum over all samples is their number.
    pub fn of(self, samples: &Samples<'_>) -> Vec<f64> {
        let all = samples.count() as f64;
        let share = all / samples.classes as f64;
        let weight = |count: usize| match self {
            ClassWeights::None => 1.0,
            ClassWeights::Balanced => share / count as f64,
        };
        samples.per_class().into_iter().map(weight).collect()
    }

    /// The prior probability of each class: its share of the weighted samples.
    pub fn priors(self, samples: &Samples<'_>) -> Vec<f64> {
        let weights = self.of(samples);
        let counts = samples.per_class();
        let share = |(weight, count)| weight * count as f64 / samples.count() as f64;
        weights.into_iter().zip(counts).map(share).collect()
    }
}

/// What a fit works with besides its samples.
#[derive(Clone, Copy)]
pub struct Work {
    host: Host,
    /// Whether progress is shown: not that of one fit of many.
    shown: bool,
    /// The seed of everything random.
    pub seed: u64,
}

impl Work {
    /// The work of a fit that the host asked for.
    pub fn new(host: Host, seed: u64) -> Self {
        Work {
            host,
            shown: true,
            seed,
        }
    }

    /// The same for a part of it, whose progress is not shown.
    pub fn within(&self) -> Self {
        Work {
            shown: false,
            ..*self
        }
    }

    /// An error when the host wishes to stop.
    pub fn check_stop(&self) -> Result<(), Error> {
        self.host.check_stop()
    }

    /// A line for the log.
    pub fn log(&self, text: &str) {
        self.host.log(Level::Info, text);
    }

    /// Tells how far the fit is.
    pub fn progress(&self, done: u64, total: u64, text: &str) {
        if self.shown {
            self.host.progress(done, total, text);
        }
    }
}
