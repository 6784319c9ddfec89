//! What columns say as raw values, for files that programs read: numbers as they are, without units.

use topwork_measure::{ACCURACY, FIGURES, Figure};

use crate::{Column, Results, RowResult, Value, columns::all_columns};

/// One raw value.
#[derive(Clone, Debug, PartialEq)]
pub enum Raw {
    /// Nothing is known.
    Empty,
    /// Words.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number: a share as a fraction, a time in seconds.
    Number(f64),
    /// Yes or no.
    Flag(bool),
}

/// The names of all raw fields that rows of these results have, and the values row by row. The names do
/// not depend on what the rows have in common, as the columns of a page do.
///
/// `correct` is summed over `seeds`, `examples` are those of one seed; `-std` is the sample standard
/// deviation over seeds, `-low` and `-high` are the ends of the 95 % interval; times are in seconds.
pub fn raw(results: &Results) -> (Vec<String>, Vec<Vec<Raw>>) {
    let known = |figure: &&'static Figure| {
        let mut rows = results.strategies.iter();
        rows.any(|row| row.figure(figure).is_some()) || results.ranked_by().id == figure.id
    };
    let figures: Vec<&'static Figure> = FIGURES.iter().filter(known).collect();
    // What is left of a figure without duplicates, and over the folds, is known of the accuracy alone.
    let told = |column: &Column| {
        let of_accuracy = column.figure.is_none_or(|figure| figure.id == ACCURACY.id);
        let further = results.test.is_some() || column.own_id() != "own";
        further && (of_accuracy || !["no-duplicates", "folds"].contains(&column.own_id()))
    };
    let rows: Vec<&RowResult> = results.strategies.iter().collect();
    let columns = all_columns(&figures, &rows);
    let columns: Vec<Column> = columns.into_iter().filter(told).collect();
    let mut names: Vec<String> = ["run", "target", "test", "title", "kind"]
        .map(str::to_owned)
        .to_vec();
    names.extend(columns.iter().flat_map(Column::raw_names));
    names.extend(["failed-seeds", "test-set"].map(str::to_owned));
    let row = |row: &RowResult| {
        let text = |text: &str| Raw::Text(text.to_owned());
        let mut values = vec![
            text(&results.run),
            results.target.as_deref().map_or(Raw::Empty, text),
            results.test.as_deref().map_or(Raw::Empty, text),
            text(&row.title),
            text(&row.kind),
        ];
        for column in &columns {
            values.extend(column.raw(row));
        }
        values.push(Raw::Count(row.failed.len() as u64));
        values.push(row.test_set.as_deref().map_or(Raw::Empty, text));
        values
    };
    let rows = results.strategies.iter().map(row).collect();
    (names, rows)
}

impl Column {
    /// What the values of [`Column::raw`] are called.
    fn raw_names(&self) -> Vec<String> {
        let id = self.id();
        match (self.figure, self.own_id()) {
            (Some(_), "mean" | "folds" | "no-duplicates") => vec![id.clone(), format!("{id}-std")],
            (Some(figure), "interval") => {
                vec![format!("{}-low", figure.id), format!("{}-high", figure.id)]
            }
            (None, "correct") => ["correct", "seeds", "examples"].map(str::to_owned).to_vec(),
            (None, "extract" | "fit" | "evaluate") => vec![format!("{id}-seconds")],
            _ => vec![id],
        }
    }

    /// What it says of a row, as many values as there are names.
    fn raw(&self, row: &RowResult) -> Vec<Raw> {
        let number = |value: Option<f64>| value.map_or(Raw::Empty, Raw::Number);
        let values = match self.cell(row, row.rank).value {
            Value::Blank | Value::Missing | Value::NotAvailable => {
                match (self.figure, self.own_id(), row.seeds.first()) {
                    // Numbers and labels are not right or wrong, and there are as many examples of them.
                    (None, "correct", Some(first)) => vec![
                        Raw::Empty,
                        Raw::Count(row.seeds.len() as u64),
                        Raw::Count(first.total),
                    ],
                    _ => Vec::new(),
                }
            }
            // In place of a figure stands why there is none; that is told by `failed-seeds`.
            Value::Text(_) if self.figure.is_some() => Vec::new(),
            Value::Text(text) => vec![Raw::Text(text)],
            Value::Rank(rank) => vec![Raw::Count(rank as u64)],
            Value::Count(count) => vec![Raw::Count(count)],
            Value::Part { sum, seeds, of } => [sum, seeds, of].map(Raw::Count).to_vec(),
            Value::Figure { mean, std, .. } => vec![Raw::Number(mean), number(std)],
            Value::Range { interval, .. } => {
                [interval.low, interval.high].map(Raw::Number).to_vec()
            }
            Value::Seconds(seconds) => vec![Raw::Number(seconds)],
            Value::Frozen { intact, .. } => vec![Raw::Flag(intact)],
        };
        let names = self.raw_names().len();
        values
            .into_iter()
            .chain(std::iter::repeat(Raw::Empty))
            .take(names)
            .collect()
    }
}
