//! Rows under the headings of their targets.

use std::ops::Range;

use topwork_measure::{Figure, thousands};
use topwork_results::{Results, RowResult};

use crate::{
    columns::Cell,
    theme::Theme,
    watched::{TargetTable, Watched},
};

/// A line of a list of groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// What stands above a group.
    Heading,
    /// A row, counted over all groups.
    Row(usize),
}

/// Rows that stand together.
#[derive(Clone, Debug)]
pub struct Group {
    /// What stands above them; nothing where all rows are of one group.
    pub heading: Option<String>,
    /// Which they are, as they are shown.
    pub rows: Range<usize>,
}

/// The lines of all groups.
pub fn lines(groups: &[Group]) -> Vec<Line> {
    let of_group = |group: &Group| {
        let heading = group.heading.is_some().then_some(Line::Heading);
        heading
            .into_iter()
            .chain(group.rows.clone().map(Line::Row))
            .collect::<Vec<Line>>()
    };
    groups.iter().flat_map(of_group).collect()
}

/// The same as drawn, of rows as they are drawn.
pub fn cells(theme: Theme, groups: &[Group], rows: &[Vec<Cell>]) -> Vec<Vec<Cell>> {
    let of_group = |group: &Group| {
        let heading = group.heading.clone();
        let heading = heading.map(|words| vec![Cell::new(words, theme.title())]);
        let rows = rows.get(group.rows.clone()).unwrap_or_default();
        heading
            .into_iter()
            .chain(rows.iter().cloned())
            .collect::<Vec<Vec<Cell>>>()
    };
    groups.iter().flat_map(of_group).collect()
}

/// Where a row stands among the lines.
pub fn line_of(lines: &[Line], row: usize) -> usize {
    let found = lines.iter().position(|line| *line == Line::Row(row));
    found.unwrap_or(0)
}

/// What is told of a group before its rows: how many are measured, and on what.
pub struct Head<'a> {
    /// The target's name, or what stands for it.
    pub name: String,
    /// The run and the table of its first rows.
    pub run: &'a Watched,
    pub table: &'a TargetTable,
    /// The figure that ranks, where not all groups have the same.
    pub by: Option<&'static Figure>,
}

impl Head<'_> {
    /// The heading, for a group of these rows with so many planned seeds each.
    pub fn words<'b>(&self, rows: impl Iterator<Item = (&'b RowResult, usize)>) -> String {
        let (mut done, mut failed, mut all) = (0, 0, 0);
        for (row, planned) in rows {
            all += 1;
            done += usize::from(planned > 0 && row.seeds.len() >= planned);
            failed += usize::from(!row.failed.is_empty());
        }
        let mut parts = vec![self.name.clone(), format!("{done}/{all} rows")];
        if failed > 0 {
            parts.push(format!("{failed} failed"));
        }
        parts.extend(self.by.map(|figure| format!("by {}", figure.name)));
        parts.extend(data(self.run, self.table));
        parts.join(" · ")
    }
}

/// Classes and test examples of a target, as far as they are known.
fn data(run: &Watched, table: &TargetTable) -> Option<String> {
    let results = &table.results;
    let count = |count: usize| thousands(count as u64);
    let classes = match results.classes.len() {
        0 => None,
        1 => Some("1 class".to_owned()),
        classes => Some(format!("{} classes", count(classes))),
    };
    let (part, _) = run.state.part_of_row(*table.rows.first()?);
    let folds = run.state.parts.get(part).and_then(|part| part.plan.folds);
    let examples = test_examples(results, folds.is_some()).map(|examples| {
        let examples = thousands(examples);
        match folds {
            Some(folds) => format!("{examples} in {folds} folds"),
            None => format!("{examples} test examples"),
        }
    });
    let parts: Vec<String> = [classes, examples].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// How many examples the first measured row was measured on; before there is one, those that the data has for it.
fn test_examples(results: &Results, folds: bool) -> Option<u64> {
    let measured = (results.strategies.iter()).find_map(|row| Some(row.seeds.first()?.total));
    let split = if folds { "train" } else { "test" };
    let mut known = results.data.iter().flat_map(|data| &data.target);
    measured.or_else(|| Some(known.find(|content| content.split == split)?.examples))
}
