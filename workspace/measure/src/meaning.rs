//! What scores mean, and scores as figures need them.

use std::cell::OnceCell;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    bootstrap::Statistic,
    column::OfColumn,
    figure::{Figure, Needs},
    figures::{Labelled, mean, softmax},
    targets::{Columns, Targets},
};

/// What the scores of a classifier are. Whatever they are, a greater one is a likelier class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Scores {
    /// They rank the classes; nothing else is promised.
    #[default]
    Ranking,
    /// None is below 0, and those of a sample add up to 1.
    Probabilities,
    /// Their softmax gives the probabilities.
    Logits,
    /// No scores of classes but the numbers that are predicted, in the unit of the target.
    Numbers,
    /// Of several labels for each a number: above 0 it is predicted; nothing else is promised.
    LabelMargins,
    /// Of several labels for each its probability, from 0 to 1: above ½ it is predicted.
    LabelProbabilities,
    /// Of several labels for each a logit: above 0 it is predicted, and the logistic function gives its probability.
    LabelLogits,
}

impl Scores {
    /// What figures can be computed from them.
    pub fn gives(self) -> Needs {
        match self {
            Self::Ranking => Needs::Scores,
            Self::Probabilities | Self::Logits => Needs::Probabilities,
            Self::Numbers => Needs::Numbers,
            Self::LabelMargins | Self::LabelProbabilities | Self::LabelLogits => Needs::Labels,
        }
    }

    /// What is promised of scores some of which are these and some others, of the same kind of target.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self.gives() {
            _ if self == other => self,
            Needs::Classes | Needs::Scores | Needs::Probabilities => Self::Ranking,
            Needs::Numbers => Self::Numbers,
            Needs::Labels => Self::LabelMargins,
        }
    }

    /// Of several labels, above which score one is predicted.
    pub fn threshold(self) -> f32 {
        match self {
            Self::LabelProbabilities => 0.5,
            _ => 0.0,
        }
    }
}

/// Scores, `examples × classes`, as each figure needs them; what is made of them is made once.
pub struct ScoresFor<'a> {
    are: Scores,
    scores: &'a [f32],
    classes: usize,
    logarithms: OnceCell<Vec<f32>>,
    probabilities: OnceCell<Vec<f32>>,
}

impl<'a> ScoresFor<'a> {
    /// Scores that are this.
    pub fn new(are: Scores, scores: &'a [f32], classes: usize) -> Self {
        Self {
            are,
            scores,
            classes,
            logarithms: OnceCell::new(),
            probabilities: OnceCell::new(),
        }
    }

    /// The scores that a figure is computed from; `None` where these cannot give them.
    ///
    /// Which class is predicted the scores say themselves, as rounding could make equals of two. What
    /// sets examples against each other needs logits on one scale, those of a sample as logarithms of
    /// probabilities, for the probabilities next to 1 cannot be told apart.
    pub fn figure(&self, figure: &Figure) -> Option<&[f32]> {
        let given = self.are.gives();
        if !figure.is_of(given.of()) || figure.needs > given {
            return None;
        }
        Some(match (self.are, figure.needs) {
            (Scores::Logits, Needs::Scores) => self
                .logarithms
                .get_or_init(|| log_softmax(self.scores, self.classes)),
            (Scores::Logits, Needs::Probabilities) => self
                .probabilities
                .get_or_init(|| softmax(self.scores, self.classes)),
            _ => self.scores,
        })
    }

    /// How many classes there are.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// The value of a figure, where it is defined and finite.
    pub fn value(&self, figure: &Figure, targets: Targets<'_>) -> Option<f64> {
        let scores = self.figure(figure)?;
        let value = match targets {
            Targets::Classes(targets) => (figure.of)(targets, scores, self.classes)?,
            Targets::Numbers(truth) => {
                let of = figure.numbers?.of;
                let values: Option<Vec<f64>> = (self.pairs(truth, scores))
                    .map(|(truth, predicted)| of(&truth, &predicted))
                    .collect();
                mean(values?)?
            }
            Targets::Multilabel(truth) => (figure.labels?.of)(&self.labelled(truth)?)?,
        };
        value.is_finite().then_some(value)
    }

    /// A figure made ready to be taken of resamples, where it is defined.
    pub fn statistic(&self, figure: &Figure, targets: Targets<'_>) -> Option<Statistic> {
        let scores = self.figure(figure)?;
        match targets {
            Targets::Classes(targets) => (figure.statistic)(targets, scores, self.classes),
            Targets::Numbers(truth) => {
                let statistic = figure.numbers?.statistic;
                let of_columns = (self.pairs(truth, scores))
                    .map(|(truth, predicted)| statistic(&truth, &predicted));
                Statistic::mean_of(of_columns.collect::<Option<_>>()?)
            }
            Targets::Multilabel(truth) => (figure.labels?.statistic)(&self.labelled(truth)?),
        }
    }

    fn labelled<'b>(&'b self, truth: Columns<'b>) -> Option<Labelled<'b>> {
        Labelled::new(truth, self.scores, self.are.threshold())
    }

    /// True and predicted numbers, column by column; none where they do not go together.
    fn pairs(
        &self,
        truth: Columns<'_>,
        scores: &[f32],
    ) -> impl Iterator<Item = (Vec<f32>, Vec<f32>)> {
        let predicted = Columns {
            values: scores,
            count: self.classes.max(1),
        };
        let fits = truth.count == predicted.count && truth.values.len() == scores.len();
        let columns = truth.each().zip(predicted.each());
        columns.take(if fits { truth.count } else { 0 })
    }

    /// What is true and predicted of every column of numbers or labels, as far as it is for pictures and tables; of classes there are none.
    pub fn of_columns(&self, targets: Targets<'_>) -> Vec<OfColumn> {
        match targets {
            Targets::Classes(_) => Vec::new(),
            Targets::Numbers(truth) => self
                .pairs(truth, self.scores)
                .map(|(truth, predicted)| OfColumn::of_numbers(&truth, &predicted))
                .collect::<Option<_>>()
                .unwrap_or_default(),
            Targets::Multilabel(truth) => {
                let labelled = self.labelled(truth);
                labelled.map_or_else(Vec::new, |labelled| OfColumn::of_labels(&labelled))
            }
        }
    }
}

/// Natural logarithms of the probabilities that logits, `examples × classes`, give:
/// `z − ln Σ exp(z)`, with the largest logit taken out first.
fn log_softmax(logits: &[f32], classes: usize) -> Vec<f32> {
    let mut logarithms = Vec::with_capacity(logits.len());
    for row in logits.chunks_exact(classes.max(1)) {
        let largest = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let largest = f64::from(largest);
        let of = |logit: &f32| f64::from(*logit) - largest;
        // Without the largest, whose part is 1: next to 0 the logarithm keeps its digits.
        let first = row.iter().position(|logit| f64::from(*logit) == largest);
        let others = (row.iter().enumerate()).filter(|(class, _)| Some(*class) != first);
        let rest: f64 = others.map(|(_, logit)| of(logit).exp()).sum();
        let sum = rest.ln_1p();
        logarithms.extend(row.iter().map(|logit| (of(logit) - sum) as f32));
    }
    logarithms
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::figures::FIGURES;

    #[test]
    fn logits_next_to_certainty_are_told_apart() {
        let found = log_softmax(&[0.0, 30.0, 0.0, 40.0, 1.0, 1.0], 2);
        let expected = [-30.0, -(-30.0_f64).exp(), -40.0, -(-40.0_f64).exp()];
        for (found, expected) in found.iter().zip(expected) {
            let near = (f64::from(*found) - expected).abs() <= 1e-6 * expected.abs();
            assert!(near, "{found} {expected}");
        }
        assert!((f64::from(found[4]) + 2.0_f64.ln()).abs() < 1e-7);
        assert_eq!(found[4], found[5]);
    }

    #[test]
    fn a_figure_gets_what_it_needs_or_nothing() {
        let scores = [2.0, 1.0, -1.0, 3.0];
        for figure in FIGURES {
            let of = |are| {
                let scores = ScoresFor::new(are, &scores, 2);
                scores.figure(figure).map(<[f32]>::to_vec)
            };
            let (ranking, logits) = (of(Scores::Ranking), of(Scores::Logits));
            match figure.needs {
                Needs::Classes => assert_eq!(ranking, logits),
                Needs::Scores => {
                    assert_eq!(ranking.as_deref(), Some(&scores[..]));
                    assert!(logits.unwrap().iter().all(|score| *score < 0.0));
                }
                Needs::Probabilities => {
                    assert_eq!(ranking, None);
                    let sum: f32 = logits.unwrap()[..2].iter().sum();
                    assert!((sum - 1.0).abs() < 1e-6);
                }
                Needs::Numbers => {
                    assert_eq!((ranking, logits), (None, None));
                    assert_eq!(of(Scores::Numbers).as_deref(), Some(&scores[..]));
                }
                Needs::Labels => {
                    assert_eq!((ranking, logits), (None, None));
                    assert_eq!(of(Scores::LabelLogits).as_deref(), Some(&scores[..]));
                }
            }
        }
    }
}
