//! A plugin's head that was put to several labels, as nodes: one for all labels at once, or one for each against the rest.

use topwork_scoring::ScoringLayers;

use crate::{
    graph::{Builder, Op, Setting},
    reduce::row_sums,
    scoring,
};

/// What computes the scores of several labels.
#[derive(Clone, Debug)]
pub enum LabelHead {
    /// Layers that give a number for each label, 1 for samples that have it and 0 for others; less a half it is the score.
    AtOnce(ScoringLayers),
    /// A head for each label, in their order.
    Each(Vec<OneLabel>),
}

/// What computes the score of one label.
#[derive(Clone, Debug)]
pub enum OneLabel {
    /// Layers that tell samples without it from those with it.
    Against {
        /// They give a score for each of the two.
        rest: ScoringLayers,
        /// What of the two scores is the label's.
        score: PairScore,
    },
    /// The same score for every sample.
    Always(f32),
}

/// The score of a label, of those of the samples without and with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PairScore {
    /// That with it less that without it.
    Difference,
    /// That with it.
    With,
    /// The logistic function of the difference.
    Logistic,
}

impl LabelHead {
    /// How many scores it gives.
    pub(crate) fn labels(&self) -> usize {
        match self {
            Self::AtOnce(layers) => layers.classes(),
            Self::Each(labels) => labels.len(),
        }
    }

    /// The layers of all heads.
    pub(crate) fn layers(&self) -> impl Iterator<Item = &ScoringLayers> {
        let (one, each) = match self {
            Self::AtOnce(layers) => (Some(layers), &[][..]),
            Self::Each(labels) => (None, labels.as_slice()),
        };
        let fitted = each.iter().filter_map(|label| match label {
            OneLabel::Against { rest, .. } => Some(rest),
            OneLabel::Always(_) => None,
        });
        one.into_iter().chain(fitted)
    }
}

/// Writes the head for rows of `width` features; gives the tensor of scores.
pub fn write(builder: &mut Builder, head: &LabelHead, row: &str, width: usize) -> String {
    let labels = match head {
        LabelHead::AtOnce(layers) => {
            let numbers = scoring::write(builder, layers, row.to_owned());
            let half = builder.floats("half", &[1], &[0.5]);
            return builder.binary("Sub", "scores", &numbers, &half);
        }
        LabelHead::Each(labels) => labels,
    };
    let mut columns = Vec::with_capacity(labels.len());
    for label in labels {
        columns.push(match label {
            OneLabel::Always(score) => {
                // A column as long as the batch.
                let sum = row_sums(builder, row, width);
                let nothing = builder.floats("nothing", &[1], &[0.0]);
                let zero = builder.binary("Mul", "zero", &sum, &nothing);
                let score = builder.floats("score", &[1], &[*score]);
                builder.binary("Add", "always", &zero, &score)
            }
            OneLabel::Against { rest, score } => {
                let pair = scoring::write(builder, rest, row.to_owned());
                let without = match score {
                    PairScore::With => 0.0,
                    PairScore::Difference | PairScore::Logistic => -1.0,
                };
                let of_pair = builder.floats("of-pair", &[2, 1], &[without, 1.0]);
                let column = builder.node(Op("MatMul", 1), "label", &[&pair, &of_pair], &[]);
                match score {
                    PairScore::Logistic => {
                        builder.node(Op("Sigmoid", 6), "probability", &[&column], &[])
                    }
                    PairScore::Difference | PairScore::With => column,
                }
            }
        });
    }
    let columns: Vec<&str> = columns.iter().map(String::as_str).collect();
    builder.node(
        Op("Concat", 4),
        "scores",
        &columns,
        &[("axis", Setting::Int(1))],
    )
}
