//! Tables of named, typed columns, written batch by batch in the formats that other programs read: CSV, JSON lines and Parquet;
//! for features NumPy's `.npy` and `.npz`, and safetensors.
//!
//! Memory does not grow with the number of rows, which need not be known ahead. A file stands under its name only once it is
//! whole: it is written under a temporary name in the same folder, and [`Writer::finish`] renames it.
//!
//! ```
//! use topwork_tables::{Column, Format, Kind, Values, Writer};
//!
//! # let folder = tempfile::tempdir()?;
//! # let path = &folder.path().join("features.csv");
//! let columns = vec![
//!     Column::new("path", Kind::Text),
//!     Column::new("label", Kind::Integer),
//!     Column::new("feature", Kind::Vector(2)),
//! ];
//! let mut writer = Writer::create(path, Format::of(path)?, columns)?;
//! writer.rows(&[
//!     Values::Text(&["a.png", "b, c.png"]),
//!     Values::Integer(&[0, 1]),
//!     Values::Vector(&[0.5, 1.0, 1.5, 2.0]),
//! ])?;
//! writer.finish()?;
//! let text = std::fs::read_to_string(path)?;
//! assert_eq!(text, "path,label,feature 0,feature 1\na.png,0,0.5,1\n\"b, c.png\",1,1.5,2\n");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod arrays;
mod error;
mod format;
mod output;
mod parquet_file;
mod spool;
mod text;

pub use error::Error;
pub use format::Format;
pub use output::Output;

use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// A column of a table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// What stands in it.
    pub kind: Kind,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text in every row.
    Text,
    /// Text, or nothing: an empty field in CSV, null in JSON and Parquet, an empty text in arrays.
    OptionalText,
    /// Integers of 64 bits.
    Integer,
    /// Floats of 64 bits. NaN stands for a number that is not there: an empty field in CSV, null in JSON and Parquet.
    Float,
    /// As many floats of 32 bits as said, at least 1. In CSV they are columns `NAME 0`, `NAME 1`, …; NaN is written as in
    /// [`Kind::Float`], except in Parquet, where it stays NaN.
    Vector(usize),
}

impl Column {
    /// A column of this name.
    pub fn new(name: impl Into<String>, kind: Kind) -> Self {
        Column {
            name: name.into(),
            kind,
        }
    }
}

/// The rows of one column in a batch.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values<'a> {
    /// Of a [`Kind::Text`].
    Text(&'a [&'a str]),
    /// Of a [`Kind::OptionalText`].
    OptionalText(&'a [Option<&'a str>]),
    /// Of a [`Kind::Integer`].
    Integer(&'a [i64]),
    /// Of a [`Kind::Float`].
    Float(&'a [f64]),
    /// Of a [`Kind::Vector`]: rows × dimensions, row after row.
    Vector(&'a [f32]),
}

/// Writes a table. Dropped without [`finish`](Writer::finish), it leaves nothing behind under the name of the file.
pub struct Writer {
    /// What is written, for messages.
    place: String,
    format: Format,
    columns: Vec<Column>,
    table: Box<dyn Table>,
    rows: u64,
}

/// A table being written in one of the formats; the batches have been checked.
trait Table: Send {
    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()>;
    /// Writes what is left to write, and gives the files their names.
    fn finish(self: Box<Self>) -> io::Result<Vec<PathBuf>>;
}

impl Writer {
    /// Begins a table in a file. What the format has no place for goes into a CSV file beside it, see [`Format::manifest`].
    ///
    /// # Errors
    /// When the columns are not ones that the format can hold, or no file can be made in the folder.
    pub fn create(path: &Path, format: Format, columns: Vec<Column>) -> Result<Self, Error> {
        format.check(&columns)?;
        if !format.is_streamed() && output::replaced(path).is_none() {
            return Err(Error::NeedsFile(format));
        }
        let place = format!("`{}`", path.display());
        let output = || Output::file(path);
        let table: io::Result<Box<dyn Table>> = match format {
            Format::Csv | Format::JsonLines | Format::Parquet => {
                output().and_then(|output| streamed(output, format, &columns))
            }
            Format::Npy => arrays::Npy::begin(path, &columns).map(|table| Box::new(table) as _),
            Format::Npz => arrays::Npz::begin(path, &columns).map(|table| Box::new(table) as _),
            Format::Safetensors => {
                arrays::Tensors::begin(path, &columns).map(|table| Box::new(table) as _)
            }
        };
        Writer::of(place, format, columns, table)
    }

    /// Begins a table on a stream such as standard output, in CSV, JSON lines or Parquet.
    ///
    /// # Errors
    /// When the columns or the format are not ones that a stream can hold, or the beginning cannot be written.
    pub fn stream(
        stream: impl Write + Send + 'static,
        format: Format,
        columns: Vec<Column>,
    ) -> Result<Self, Error> {
        format.check(&columns)?;
        if !format.is_streamed() {
            return Err(Error::NeedsFile(format));
        }
        let table = streamed(Output::stream(stream), format, &columns);
        Writer::of("the output".to_owned(), format, columns, table)
    }

    fn of(
        place: String,
        format: Format,
        columns: Vec<Column>,
        table: io::Result<Box<dyn Table>>,
    ) -> Result<Self, Error> {
        match table {
            Ok(table) => Ok(Writer {
                place,
                format,
                columns,
                table,
                rows: 0,
            }),
            Err(source) => Err(Error::Write { place, source }),
        }
    }

    /// Writes some rows: values for every column, in the columns' order.
    ///
    /// # Errors
    /// When they are not values of these columns, or cannot be written; no row can be written after that.
    pub fn rows(&mut self, values: &[Values<'_>]) -> Result<(), Error> {
        let rows = self.check(values)?;
        let result = self.table.rows(rows, values);
        result.map_err(|source| self.failed(source))?;
        self.rows += rows as u64;
        Ok(())
    }

    /// How many rows have been written.
    pub fn len(&self) -> u64 {
        self.rows
    }

    /// Whether no row has been written.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Ends the table: the file gets its name, in place of one that was there. Gives the files that now stand there, none for
    /// a stream. A file beside is in place before the table is.
    ///
    /// # Errors
    /// When the rest cannot be written, or a file cannot be given its name.
    pub fn finish(self) -> Result<Vec<PathBuf>, Error> {
        let Writer { place, table, .. } = self;
        table
            .finish()
            .map_err(|source| Error::Write { place, source })
    }

    fn failed(&self, source: io::Error) -> Error {
        let place = self.place.clone();
        Error::Write { place, source }
    }

    /// The number of rows in these values, which are those of the columns.
    fn check(&self, values: &[Values<'_>]) -> Result<usize, Error> {
        if values.len() != self.columns.len() {
            return Err(Error::Batch(format!(
                "values for {} columns, expected {}",
                values.len(),
                self.columns.len()
            )));
        }
        let mut rows = None;
        for (column, values) in self.columns.iter().zip(values) {
            let name = &column.name;
            let found = match (column.kind, values) {
                (Kind::Text, Values::Text(values)) => values.len(),
                (Kind::OptionalText, Values::OptionalText(values)) => values.len(),
                (Kind::Integer, Values::Integer(values)) => values.len(),
                (Kind::Float, Values::Float(values)) => values.len(),
                (Kind::Vector(numbers), Values::Vector(values)) => {
                    if values.len() % numbers != 0 {
                        return Err(Error::Batch(format!(
                            "{} numbers in column `{name}`, expected a multiple of {numbers}",
                            values.len()
                        )));
                    }
                    values.len() / numbers
                }
                (kind, _) => {
                    return Err(Error::Batch(format!(
                        "values of another kind in column `{name}`, expected {kind:?}"
                    )));
                }
            };
            match rows {
                Some(rows) if rows != found => {
                    return Err(Error::Batch(format!(
                        "{found} rows in column `{name}`, expected {rows} as in `{}`",
                        self.columns[0].name
                    )));
                }
                _ => rows = Some(found),
            }
            self.check_finite(name, column.kind, values)?;
        }
        Ok(rows.unwrap_or(0))
    }

    /// JSON has no word for infinity.
    fn check_finite(&self, name: &str, kind: Kind, values: &Values<'_>) -> Result<(), Error> {
        let infinite = match (self.format, values) {
            (Format::JsonLines, Values::Float(values)) => {
                values.iter().position(|value| value.is_infinite())
            }
            (Format::JsonLines, Values::Vector(values)) => {
                values.iter().position(|value| value.is_infinite())
            }
            _ => None,
        };
        let numbers = match kind {
            Kind::Vector(numbers) => numbers,
            _ => 1,
        };
        match infinite {
            Some(position) => Err(Error::Infinite {
                column: name.to_owned(),
                row: self.rows + (position / numbers) as u64,
            }),
            None => Ok(()),
        }
    }
}

/// A table that is written from its beginning to its end.
fn streamed(output: Output, format: Format, columns: &[Column]) -> io::Result<Box<dyn Table>> {
    Ok(match format {
        Format::JsonLines => Box::new(text::JsonLines::new(output, columns)),
        Format::Parquet => Box::new(parquet_file::Parquet::begin(output, columns)?),
        _ => Box::new(text::Csv::begin(output, columns)?),
    })
}

#[cfg(test)]
mod tests;
