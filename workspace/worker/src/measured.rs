//! What the scores of some examples, or their predicted numbers, come to.

use std::{collections::BTreeMap, iter};

use topwork_events::Judging;
use topwork_measure::{
    ACCURACY, Bits, Confusion, Figure, OfColumn, ReliabilityBin, Scores, ScoresFor, Targets,
    clipped, figures_of, predicted, reliability,
};

/// Labels and scores, and all that is counted and computed of them.
pub struct Measured {
    /// The predicted class of every example; none of numbers and of several labels.
    pub predicted: Vec<usize>,
    /// Which classes were taken for which; of no classes where these are not predicted.
    pub confusion: Confusion,
    /// The figures, by their ids: those asked for that nobody computes otherwise among them.
    pub figures: BTreeMap<String, f64>,
    /// Which examples count for figures that are a share of them, by the same ids.
    pub right: BTreeMap<String, Bits>,
    /// The points of the reliability diagram, where the scores give probabilities.
    pub reliability: Vec<ReliabilityBin>,
    /// For how many examples the log-loss, where it is asked for, does not take the probability of the true class as it is: a
    /// single 0 would make it infinite.
    pub clipped: u64,
    /// What each column of numbers, or each of several labels, comes to; none of classes.
    pub columns: Vec<OfColumn>,
}

impl Measured {
    /// Of scores, `targets × classes`; of numbers or labels as many for each as there are columns.
    pub fn of(
        targets: Targets<'_>,
        scores: &[f32],
        are: Scores,
        classes: usize,
        judging: &Judging,
    ) -> Self {
        match targets {
            Targets::Classes(labels) => Self::of_classes(labels, scores, are, classes, judging),
            Targets::Numbers(_) | Targets::Multilabel(_) => {
                let scores = ScoresFor::new(are, scores, classes);
                Self {
                    predicted: Vec::new(),
                    confusion: Confusion::new(0),
                    figures: figures_of(targets, &scores),
                    right: BTreeMap::new(),
                    reliability: Vec::new(),
                    clipped: 0,
                    columns: scores.of_columns(targets),
                }
            }
        }
    }

    fn of_classes(
        labels: &[u32],
        scores: &[f32],
        are: Scores,
        classes: usize,
        judging: &Judging,
    ) -> Self {
        let predicted: Vec<usize> = scores.chunks_exact(classes).map(predicted).collect();
        let mut confusion = Confusion::new(classes);
        for (predicted, label) in predicted.iter().zip(labels) {
            confusion.add(*label as usize, *predicted);
        }
        let scores = ScoresFor::new(are, scores, classes);
        let targets = Targets::Classes(labels);
        let mut figures = figures_of(targets, &scores);
        let mut right = BTreeMap::new();
        let shown = judging.shown(&confusion.of_classes());
        for figure in iter::once(&ACCURACY).chain(shown) {
            let id = || figure.id.to_owned();
            if let Some(value) = scores.value(figure, targets) {
                figures.insert(id(), value);
                if let Some((bits, needed)) = figure.bits.zip(scores.figure(figure)) {
                    right.insert(id(), bits(labels, needed, classes));
                }
            }
        }
        let log_loss = (judging.shown(&[]).into_iter()).find(|figure| figure.id == "log-loss");
        let probabilities = log_loss.and_then(|figure| scores.figure(figure));
        let ece = Figure::named("ece").and_then(|figure| scores.figure(figure));
        Self {
            predicted,
            confusion,
            figures,
            right,
            reliability: ece.map_or(Vec::new(), |p| reliability(labels, p, classes)),
            columns: Vec::new(),
            clipped: probabilities.map_or(0, |p| clipped(labels, p, classes) as u64),
        }
    }
}
