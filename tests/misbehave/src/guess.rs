//! The classifier head: it guesses the class that was most frequent in the fit.

use crate::{At, Fault, Parameters, SCHEMA, Trouble};
use topwork_sdk::{Classifier, Component, Error, Features, FitOptions, FitReport, Host};

pub struct Guess {
    trouble: Trouble,
    counts: Vec<f32>,
}

impl Component for Guess {
    const ID: &str = "misbehave";
    const ABOUT: &str = "the most frequent class, going wrong on request";
    const SCHEMA: &str = SCHEMA;
    type Parameters = Parameters;

    fn create(host: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(Guess {
            trouble: Trouble::new(host, parameters)?,
            counts: Vec::new(),
        })
    }
}

impl Classifier for Guess {
    fn fit(
        &mut self,
        _: Features<'_>,
        labels: &[u32],
        classes: usize,
        _: FitOptions,
    ) -> Result<FitReport, Error> {
        self.trouble.strike(At::Work)?;
        self.counts = vec![0.0; classes];
        for &label in labels {
            self.counts[label as usize] += 1.0;
        }
        let note = if self.trouble.is(Fault::ControlCharacters) {
            "counted\u{1b}[2J"
        } else {
            "counted"
        };
        let huge = self.trouble.is(Fault::HugeCounts);
        Ok(FitReport {
            converged: true,
            iterations: if huge { u64::MAX } else { 1 },
            parameters: if huge { u64::MAX } else { classes as u64 },
            note: note.to_owned(),
        })
    }

    fn predict(&self, _: Features<'_>, classes: usize, scores: &mut [f32]) -> Result<(), Error> {
        self.trouble.strike(At::Second)?;
        for row in scores.chunks_exact_mut(classes) {
            row.copy_from_slice(&self.counts);
        }
        if self.trouble.is(Fault::Nan) {
            scores[classes + 1] = f32::INFINITY;
        }
        if self.trouble.is(Fault::WrongLengths) {
            let last = scores.len() - classes;
            // What a method that stops one sample early leaves behind: the host's own NaN.
            scores[last..].fill(f32::NAN);
        }
        Ok(())
    }
}
