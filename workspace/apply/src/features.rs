//! Features of images: what a trunk makes of them.

use std::time::Instant;

use topwork_graft::FeaturePass;
use topwork_measure::TargetKind;
use topwork_schema::Plan;

use crate::{
    ApplyError, Done,
    images::{Item, Source, each_block},
    rows::{Cell, Kind, Table},
};

/// Which columns a table of features has beside them.
pub struct Described<'a> {
    /// Names of the classes; empty where images have none.
    pub classes: &'a [String],
    /// Whether they are of examples, which have positions, or of files, which may not be readable.
    pub labelled: bool,
    /// Whether images have names.
    pub named: bool,
    /// Whether they are of several splits.
    pub splits: bool,
}

/// The classes that examples of a target have: none of numbers and of several labels.
pub fn classes_of(plan: &Plan) -> &[String] {
    match plan.targets {
        TargetKind::Classes => &plan.target_classes,
        TargetKind::Numbers | TargetKind::Multilabel => &[],
    }
}

impl Described<'_> {
    /// The columns before the features.
    pub fn columns(&self) -> Vec<(String, Kind)> {
        let mut columns = Vec::new();
        let mut add = |name: &str, kind| columns.push((name.to_owned(), kind));
        if self.splits {
            add("split", Kind::Text);
        }
        if self.labelled {
            add("example", Kind::Integer);
        }
        match self.labelled {
            true if self.named => add("name", Kind::Text),
            true => {}
            false => add("path", Kind::Text),
        }
        if !self.classes.is_empty() {
            add("label", Kind::Integer);
            add("class", Kind::Text);
        }
        columns
    }

    /// The cells of one line before its features.
    pub fn cells<'b>(&'b self, item: &'b Item) -> Vec<Cell<'b>> {
        let mut cells = Vec::new();
        if self.splits {
            cells.push(item.split.map_or(Cell::Nothing, Cell::Text));
        }
        if self.labelled {
            cells.push(item.position.map_or(Cell::Nothing, Cell::Integer));
        }
        if self.named || !self.labelled {
            cells.push(item.path.as_deref().map_or(Cell::Nothing, Cell::Text));
        }
        if !self.classes.is_empty() {
            let label = item.label;
            cells.push(label.map_or(Cell::Nothing, |label| Cell::Integer(label.into())));
            let class = label.and_then(|label| self.classes.get(label as usize));
            cells.push(class.map_or(Cell::Nothing, |class| Cell::Text(class)));
        }
        cells
    }

    /// Writes the features of all images that can be read; the others are told to `unreadable`.
    pub fn write(
        &self,
        pass: &FeaturePass<'_>,
        source: &mut dyn Source,
        table: &mut Table,
        said: &dyn Fn(u64, Option<u64>),
        unreadable: &dyn Fn(&Item),
    ) -> Result<Done, ApplyError> {
        let began = Instant::now();
        let mut done = Done {
            dim: pass.dim() as u64,
            ..Done::default()
        };
        let total = source.total();
        let mut features = Vec::new();
        each_block(source, pass.block(), |mut block| {
            if !block.images.is_empty() {
                pass.run(&mut block.images, &mut features)?;
            }
            let mut each = features.chunks_exact(pass.dim());
            for item in &block.items {
                if item.error.is_some() {
                    done.unreadable += 1;
                    unreadable(item);
                } else if let Some(features) = each.next() {
                    done.images += 1;
                    table.line(&self.cells(item), features)?;
                }
            }
            said(done.images + done.unreadable, total);
            Ok(())
        })?;
        done.seconds = began.elapsed().as_secs_f64();
        Ok(done)
    }
}
