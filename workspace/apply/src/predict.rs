//! Images classified by what a row has fitted.

use std::{iter::repeat_n, time::Instant};

use topwork_graft::Predictor;
use topwork_host::Scores;
use topwork_measure::{TargetKind, highest, predicted};
use topwork_worker::{ALL_SCORES, PREDICTED, TOP, column_names, labels_predicted, word};

use crate::{
    ApplyError, Done,
    images::{Block, Item, Source, each_block},
    rows::{Cell, Kind, Table},
};

/// The scores of images, `images × classes`: of one model, or the mean of several.
pub fn mean_scores(
    predictors: &[Predictor<'_>],
    images: &mut [f32],
) -> Result<Vec<f32>, ApplyError> {
    let mut features = Vec::new();
    if let [only] = predictors {
        only.features.run(images, &mut features)?;
        return Ok(only.scores(&features)?);
    }
    let mut all = Vec::new();
    let mut normalised = Vec::new();
    for predictor in predictors {
        normalised.clear();
        normalised.extend_from_slice(images);
        predictor.features.run(&mut normalised, &mut features)?;
        all.push(predictor.scores(&features)?);
    }
    Ok(topwork_graft::mean_scores(&all))
}

/// Which columns a table of predictions has.
pub struct Predictions<'a> {
    /// Names of the classes.
    pub classes: &'a [String],
    /// What the scores are.
    pub are: Scores,
    /// Whether they are of examples, which have positions and classes, or of files, which may not be readable.
    pub labelled: bool,
    /// Whether the dataset says what examples are called.
    pub named: bool,
    /// Whether examples were left out with folds.
    pub folds: bool,
}

impl Predictions<'_> {
    /// The columns, those of `predictions/*.csv` for examples.
    pub fn columns(&self) -> Vec<(String, Kind)> {
        let mut columns = Vec::new();
        let mut add = |name: &str, kind| columns.push((name.to_owned(), kind));
        if self.labelled {
            add("example", Kind::Integer);
        }
        let numbers = column_names(self.classes, self.are);
        let of_columns = self.are.gives().of() != TargetKind::Classes;
        let (truth, predicted) = numbers.split_at(numbers.len() / 2);
        match (self.labelled, of_columns) {
            (true, true) => {}
            (true, false) => add("class", Kind::Text),
            (false, _) => add("path", Kind::Text),
        }
        if self.are.gives().of() != TargetKind::Numbers {
            add(PREDICTED, Kind::Text);
        }
        if of_columns {
            let truth = truth.iter().filter(|_| self.labelled);
            truth
                .chain(predicted)
                .for_each(|name| add(name, Kind::Float));
        }
        if self.folds {
            add("fold", Kind::Integer);
        }
        if self.named {
            add("name", Kind::Text);
        }
        let word = word(self.are);
        if of_columns {
            // What is predicted of each column is all there is.
        } else if self.classes.len() <= ALL_SCORES {
            for class in self.classes {
                add(&format!("{word} {class}"), Kind::Float);
            }
        } else {
            for place in 1..=TOP {
                add(&format!("top {place}"), Kind::Text);
                add(&format!("{word} {place}"), Kind::Float);
            }
        }
        if !self.labelled {
            add("error", Kind::Text);
        }
        columns
    }

    /// The cells of one line; `labels` are the names of those predicted, of several labels.
    fn cells<'b>(
        &'b self,
        item: &'b Item,
        scores: Option<&'b [f32]>,
        labels: Option<&'b str>,
    ) -> Vec<Cell<'b>> {
        let name = |class: usize| Cell::Text(&self.classes[class]);
        let of_columns = self.are.gives().of() != TargetKind::Classes;
        let mut cells = Vec::new();
        if self.labelled {
            cells.push(Cell::Integer(item.position.unwrap_or_default()));
        }
        let called = item.path.as_deref().map_or(Cell::Nothing, Cell::Text);
        let nothing = || repeat_n(Cell::Nothing, self.classes.len());
        match self.labelled {
            true if of_columns => {}
            true => cells.push(
                item.label
                    .map_or(Cell::Nothing, |label| name(label as usize)),
            ),
            false => cells.push(called),
        }
        if self.are.gives().of() == TargetKind::Multilabel {
            cells.push(labels.map_or(Cell::Nothing, Cell::Text));
        }
        match (self.labelled && of_columns, item.numbers.is_empty()) {
            (false, _) => {}
            (true, true) => cells.extend(nothing()),
            (true, false) => cells.extend(item.numbers.iter().copied().map(Cell::Float)),
        }
        match scores {
            None if of_columns => cells.extend(nothing()),
            None => cells.push(Cell::Nothing),
            Some(scores) if of_columns => cells.extend(scores.iter().copied().map(Cell::Float)),
            Some(scores) => cells.push(name(predicted(scores))),
        }
        if self.folds {
            let fold = item.fold.map(u64::from);
            cells.push(fold.map_or(Cell::Nothing, Cell::Integer));
        }
        if self.named {
            cells.push(called);
        }
        let all = self.classes.len() <= ALL_SCORES;
        match scores {
            _ if of_columns => {}
            Some(scores) if all => cells.extend(scores.iter().copied().map(Cell::Float)),
            Some(scores) => {
                for class in highest(scores, TOP) {
                    cells.extend([name(class), Cell::Float(scores[class])]);
                }
            }
            None => {
                let count = if all { self.classes.len() } else { 2 * TOP };
                cells.extend(repeat_n(Cell::Nothing, count));
            }
        }
        if !self.labelled {
            cells.push(item.error.as_deref().map_or(Cell::Nothing, Cell::Text));
        }
        cells
    }

    /// Classifies all images of a source. With several models the mean of their scores counts, but an example that was left out with
    /// a fold is classified by what was fitted on the others.
    pub fn write(
        &self,
        predictors: &[Predictor<'_>],
        source: &mut dyn Source,
        table: &mut Table,
        said: &dyn Fn(u64, Option<u64>),
    ) -> Result<Done, ApplyError> {
        let began = Instant::now();
        let mut done = Done::default();
        let total = source.total();
        let size = predictors.first().map_or(1, |first| first.features.block());
        each_block(source, size, |mut block| {
            let scores = match (block.images.is_empty(), self.folds) {
                (true, _) => Vec::new(),
                (false, true) => scores_of_folds(predictors, &block)?,
                (false, false) => mean_scores(predictors, &mut block.images)?,
            };
            let mut each = scores.chunks_exact(self.classes.len());
            for item in &block.items {
                let scores = match item.error {
                    None => each.next(),
                    Some(_) => None,
                };
                done.unreadable += u64::from(item.error.is_some());
                done.images += u64::from(item.error.is_none());
                let labels = scores.map(|scores| labels_predicted(scores, self.are, self.classes));
                table.line(&self.cells(item, scores, labels.as_deref()), &[])?;
            }
            said(done.images + done.unreadable, total);
            Ok(())
        })?;
        done.seconds = began.elapsed().as_secs_f64();
        Ok(done)
    }
}

/// Every example's scores by what was fitted without it.
fn scores_of_folds(predictors: &[Predictor<'_>], block: &Block) -> Result<Vec<f32>, ApplyError> {
    let image = block.images.len() / block.items.len().max(1);
    let mut all: Vec<Vec<f32>> = vec![Vec::new(); block.items.len()];
    for (fold, predictor) in (1..).zip(predictors) {
        let of_fold: Vec<usize> = (block.items.iter().enumerate())
            .filter(|(_, item)| item.fold == Some(fold))
            .map(|(index, _)| index)
            .collect();
        if of_fold.is_empty() {
            continue;
        }
        let mut images = Vec::with_capacity(of_fold.len() * image);
        for &index in &of_fold {
            images.extend_from_slice(&block.images[index * image..(index + 1) * image]);
        }
        let scores = mean_scores(std::slice::from_ref(predictor), &mut images)?;
        let classes = scores.len() / of_fold.len();
        for (index, scores) in of_fold.into_iter().zip(scores.chunks_exact(classes)) {
            all[index] = scores.to_vec();
        }
    }
    Ok(all.concat())
}
