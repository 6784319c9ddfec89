//! Features of images: what a trunk makes of them.

use std::{iter::repeat_n, time::Instant};

use topwork_graft::FeaturePass;
use topwork_measure::TargetKind;
use topwork_worker::true_columns;

use crate::{
    ApplyError, Done,
    images::{Item, Source, each_block},
    rows::{Cell, Kind, Table},
};

/// Which columns a table of features has beside them.
pub struct Described<'a> {
    /// What is true of images, and what its classes, columns of numbers or labels are called: none where nothing is.
    pub targets: (TargetKind, &'a [String]),
    /// Whether they are of examples, which have positions, or of files, which may not be readable.
    pub labelled: bool,
    /// Whether images have names.
    pub named: bool,
    /// Whether they are of several splits.
    pub splits: bool,
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
        match self.targets {
            (_, []) => {}
            (TargetKind::Classes, _) => {
                add("label", Kind::Integer);
                add("class", Kind::Text);
            }
            (targets, names) => {
                for name in true_columns(names, targets) {
                    add(&name, Kind::Float);
                }
            }
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
        match self.targets {
            (_, []) => {}
            (TargetKind::Classes, names) => {
                let label = item.label;
                cells.push(label.map_or(Cell::Nothing, |label| Cell::Integer(label.into())));
                let class = label.and_then(|label| names.get(label as usize));
                cells.push(class.map_or(Cell::Nothing, |class| Cell::Text(class)));
            }
            (_, names) if item.numbers.is_empty() => {
                cells.extend(repeat_n(Cell::Nothing, names.len()));
            }
            _ => cells.extend(item.numbers.iter().copied().map(Cell::Float)),
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
