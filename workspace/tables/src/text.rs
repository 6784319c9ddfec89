//! CSV and JSON lines.

use crate::format::fields;
use crate::output::Output;
use crate::{Column, Kind, Table, Values};
use std::fmt::{Display, Write as _};
use std::io::{self, Write};
use std::path::PathBuf;

/// A table as CSV.
pub struct Csv {
    writer: csv::Writer<Output>,
    /// How many numbers of each column stand in a row.
    widths: Vec<usize>,
    field: String,
}

impl Csv {
    pub fn begin(output: Output, columns: &[Column]) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(output);
        for column in columns {
            match column.kind {
                Kind::Vector(numbers) => {
                    for field in fields(&column.name, numbers) {
                        writer.write_field(field)?;
                    }
                }
                _ => writer.write_field(&column.name)?,
            }
        }
        writer.write_record(None::<&[u8]>)?;
        Ok(Csv {
            writer,
            widths: widths(columns),
            field: String::new(),
        })
    }

    /// A number, or nothing where it is NaN.
    fn number(&mut self, number: impl Display, is_missing: bool) -> io::Result<()> {
        self.field.clear();
        if !is_missing {
            // Writing to a text cannot fail.
            let _ = write!(self.field, "{number}");
        }
        Ok(self.writer.write_field(&self.field)?)
    }
}

/// How many numbers of each column stand in a row.
fn widths(columns: &[Column]) -> Vec<usize> {
    let width = |column: &Column| match column.kind {
        Kind::Vector(numbers) => numbers,
        _ => 1,
    };
    columns.iter().map(width).collect()
}

impl Table for Csv {
    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        for row in 0..rows {
            for (column, values) in values.iter().enumerate() {
                match values {
                    Values::Text(values) => self.writer.write_field(values[row])?,
                    Values::OptionalText(values) => {
                        self.writer.write_field(values[row].unwrap_or_default())?;
                    }
                    Values::Integer(values) => self.number(values[row], false)?,
                    Values::Float(values) => self.number(values[row], values[row].is_nan())?,
                    Values::Vector(values) => {
                        let width = self.widths[column];
                        for number in &values[row * width..][..width] {
                            self.number(number, number.is_nan())?;
                        }
                    }
                }
            }
            self.writer.write_record(None::<&[u8]>)?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<PathBuf>> {
        let output = self.writer.into_inner();
        let output = output.map_err(|error| error.into_error())?;
        Ok(output.finish()?.into_iter().collect())
    }
}

/// A table as JSON lines.
pub struct JsonLines {
    output: Output,
    /// Names as JSON texts.
    keys: Vec<String>,
    widths: Vec<usize>,
}

impl JsonLines {
    pub fn new(output: Output, columns: &[Column]) -> Self {
        let key = |column: &Column| serde_json::Value::from(&*column.name).to_string();
        JsonLines {
            output,
            keys: columns.iter().map(key).collect(),
            widths: widths(columns),
        }
    }
}

impl Table for JsonLines {
    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        let output = &mut self.output;
        for row in 0..rows {
            for (column, values) in values.iter().enumerate() {
                let mark = if column == 0 { '{' } else { ',' };
                write!(output, "{mark}{}:", self.keys[column])?;
                match values {
                    Values::Text(values) => serde_json::to_writer(&mut *output, values[row])?,
                    Values::OptionalText(values) => {
                        serde_json::to_writer(&mut *output, &values[row])?;
                    }
                    Values::Integer(values) => write!(output, "{}", values[row])?,
                    // NaN becomes null.
                    Values::Float(values) => serde_json::to_writer(&mut *output, &values[row])?,
                    Values::Vector(values) => {
                        let width = self.widths[column];
                        let numbers = &values[row * width..][..width];
                        serde_json::to_writer(&mut *output, numbers)?;
                    }
                }
            }
            output.write_all(b"}\n")?;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<PathBuf>> {
        Ok(self.output.finish()?.into_iter().collect())
    }
}
