//! Temperature scaling: a head's logits are divided by the number that makes its probabilities as sure as they are right.
//!
//! C. Guo, G. Pleiss, Y. Sun, K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017, section 4.2. The number
//! is found on training examples that a first fit has not seen; the head itself learns from all of them, as it does without.

use topwork_engine::Stream;
use topwork_host::{Level, Scores};
use topwork_measure::{is_boundless, temperature};

use super::{Fit, Fitted};
use crate::{GraftError, error::out_of_order};

/// The share of every class that is held out.
const HELD_OUT: f64 = 0.2;

/// The least probability that has a logarithm here, as in the log-loss: the machine epsilon of the scores.
const LEAST: f32 = f32::EPSILON;

/// Scores as a head gave them.
#[derive(Clone, Debug, PartialEq)]
pub struct Uncalibrated {
    /// `test × classes`; with folds joined in [`MeasuredRow`](crate::MeasuredRow).
    pub scores: Vec<f32>,
    /// What they are.
    pub are: Scores,
}

impl Fit<'_> {
    /// The temperature for this fit's scores, where the strategy wants one and the examples held out say which: with few of them, all
    /// may be right, or one far off may outweigh the others, and then scores are left as they are, with a warning. `first` fits the head to the first examples alone and
    /// scores the second.
    ///
    /// # Errors
    ///
    /// Those of `first`, and when no class has two training examples.
    pub(super) fn temperature(
        &self,
        first: impl FnOnce(&[usize], &[usize]) -> Result<(Vec<f32>, Scores), GraftError>,
    ) -> Result<Option<f64>, GraftError> {
        if !self.strategy.calibrate {
            return Ok(None);
        }
        let (labels, classes) = (&self.task.train.labels, self.task.classes);
        let mut stream = Stream::new(self.seed, "calibration/held-out");
        let (learnt, held_out) = held_out(labels, &self.draw.train, classes, HELD_OUT, &mut stream);
        if held_out.is_empty() {
            return Err(GraftError::Experiment {
                message: format!(
                    "`calibrate` of strategy `{}`: no class has two training examples, one to hold out",
                    self.strategy.name
                ),
                hint: Some("train on more samples, or leave `calibrate` out".to_owned()),
            });
        }
        let (scores, are) = first(&learnt, &held_out)?;
        let labels: Vec<u32> = held_out.iter().map(|&example| labels[example]).collect();
        let found = temperature(&labels, &logits(&scores, are), classes);
        let found = found.ok_or_else(|| out_of_order("held-out scores have no temperature"))?;
        if !is_boundless(found) {
            return Ok(Some(found));
        }
        let why = match found < 1.0 {
            true => "have all been recognised, which does not say how sure to be",
            false => "say that the less sure the better: some lie far on the wrong side",
        };
        self.tools.services.log(
            Level::Warning,
            "topwork",
            format!(
                "`{}` is not calibrated: the {} training examples held out {why}",
                self.strategy.name,
                held_out.len()
            ),
        )?;
        Ok(None)
    }
}

impl Fitted {
    /// The same with its scores brought to a temperature: they are logits then, whatever they were.
    pub(super) fn at(mut self, temperature: Option<f64>, classes: usize) -> Self {
        let Some(temperature) = temperature else {
            return self;
        };
        let calibrated = tempered(&self.scores, self.scores_are, temperature, classes);
        for scores in &mut self.further {
            *scores = tempered(scores, self.scores_are, temperature, classes);
        }
        self.uncalibrated = Some(Uncalibrated {
            scores: std::mem::replace(&mut self.scores, calibrated),
            are: self.scores_are,
        });
        self.scores_are = Scores::Logits;
        self.temperatures = vec![temperature];
        self
    }
}

/// Scores, `examples × classes`, as logits brought to a temperature.
pub(crate) fn tempered(scores: &[f32], are: Scores, temperature: f64, classes: usize) -> Vec<f32> {
    let mut logits = logits(scores, are);
    for row in logits.chunks_exact_mut(classes) {
        temper(row, temperature);
    }
    logits
}

/// Scores as logits: of probabilities the logarithms; what promises nothing is taken as it is.
fn logits(scores: &[f32], are: Scores) -> Vec<f32> {
    match are {
        Scores::Probabilities => scores.iter().map(|p| p.max(LEAST).ln()).collect(),
        _ => scores.to_vec(),
    }
}

/// Divides the logits of an example by a temperature, less the greatest of them, which then cannot overflow and stays the
/// greatest alone where it was that: rounding decides nothing.
fn temper(logits: &mut [f32], temperature: f64) {
    let most = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    for logit in logits {
        let less = (f64::from(*logit) - f64::from(most)) / temperature;
        *logit = match *logit == most {
            true => 0.0,
            false => (less as f32).clamp(f32::MIN, 0.0_f32.next_down()),
        };
    }
}

/// Splits training examples into those to learn from and a share held out of every class that has two or more, at least one and
/// not all of them; both ascending.
pub(super) fn held_out(
    labels: &[u32],
    examples: &[usize],
    classes: usize,
    share: f64,
    stream: &mut Stream,
) -> (Vec<usize>, Vec<usize>) {
    let mut members = vec![Vec::new(); classes];
    for &example in examples {
        members[labels[example] as usize].push(example);
    }
    let (mut learnt, mut held) = (Vec::new(), Vec::new());
    for mut members in members {
        stream.shuffle(&mut members);
        let count = match members.len() {
            0 | 1 => 0,
            several => ((several as f64 * share).round() as usize).clamp(1, several - 1),
        };
        held.extend(members.drain(..count));
        learnt.extend(members);
    }
    learnt.sort_unstable();
    held.sort_unstable();
    (learnt, held)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use topwork_measure::predicted;

    #[test]
    fn every_class_with_two_examples_has_some_held_out() {
        // Examples of each class, and how many of them are held out.
        let cases: [(&[usize], &[usize]); 5] = [
            (&[10, 20, 30], &[2, 4, 6]),
            (&[1, 2, 3], &[0, 1, 1]),
            (&[0, 7, 8], &[0, 1, 2]),
            (&[1, 1, 1], &[0, 0, 0]),
            (&[0, 0, 0], &[0, 0, 0]),
        ];
        for (sizes, expected) in cases {
            let labels: Vec<u32> = (0..)
                .zip(sizes)
                .flat_map(|(class, size)| vec![class; *size])
                .collect();
            let all: Vec<usize> = (0..labels.len()).collect();
            let draw = |seed| {
                held_out(
                    &labels,
                    &all,
                    3,
                    HELD_OUT,
                    &mut Stream::new(seed, "calibration"),
                )
            };
            let (learnt, held) = draw(1);
            let of = |class: u32| held.iter().filter(|held| labels[**held] == class).count();
            assert_eq!([of(0), of(1), of(2)], expected, "{sizes:?}");
            let mut both = [learnt.clone(), held.clone()].concat();
            both.sort_unstable();
            assert_eq!(both, all, "{sizes:?}");
            assert_eq!(draw(1), (learnt, held), "{sizes:?}");
        }
    }

    #[test]
    fn scores_become_logits() {
        let ln = |p: f32| p.ln();
        let cases: [(&[f32], Scores, [f32; 2]); 4] = [
            (&[0.25, 0.75], Scores::Probabilities, [ln(0.25), ln(0.75)]),
            (&[0.0, 1.0], Scores::Probabilities, [ln(f32::EPSILON), 0.0]),
            (&[-3.0, 5.0], Scores::Logits, [-3.0, 5.0]),
            (&[-3.0, 5.0], Scores::Ranking, [-3.0, 5.0]),
        ];
        for (scores, are, expected) in cases {
            assert_eq!(logits(scores, are), expected, "{scores:?} {are:?}");
        }
    }

    #[test]
    fn logits_are_divided() {
        let cases: [(&[f32], f64, &[f32]); 5] = [
            (&[1.0, 3.0, 2.0], 2.0, &[-1.0, 0.0, -0.5]),
            (&[1.0, 3.0, 3.0], 0.5, &[-4.0, 0.0, 0.0]),
            (&[f32::MIN, 5.0], 0.001, &[f32::MIN, 0.0]),
            (&[f32::MIN, f32::MAX], 1.0, &[f32::MIN, 0.0]),
            (&[f32::MIN, f32::MIN], 1.0, &[0.0, 0.0]),
        ];
        for (logits, temperature, expected) in cases {
            let mut found = logits.to_vec();
            temper(&mut found, temperature);
            assert_eq!(found, expected, "{logits:?}");
        }
    }

    proptest! {
        #[test]
        fn the_predicted_class_stays(
            mut logits in prop::collection::vec(-1e30_f32..1e30, 2..6),
            near in 0_usize..6,
            temperature in 0.001_f64..1000.0,
        ) {
            // The closest there is to a tie.
            let last = logits.len() - 1;
            logits[near.min(last)] = logits[0].next_up();
            let before = predicted(&logits);
            temper(&mut logits, temperature);
            prop_assert_eq!(predicted(&logits), before);
            prop_assert!(logits.iter().all(|logit| logit.is_finite() && *logit <= 0.0));
        }
    }
}
