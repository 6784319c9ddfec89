//! A table written line by line, to a file or to standard output.

use std::io::Write;

use topwork_tables::{Column, Error as TableError, Format, Kind as Held, Values, Writer};

use crate::{ApplyError, Output};

/// Lines that are written at once.
const LINES: usize = 1024;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text, or nothing.
    Text,
    Integer,
    /// Numbers, or nothing.
    Float,
}

/// One value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cell<'a> {
    Nothing,
    Text(&'a str),
    Integer(u64),
    Float(f32),
}

/// A table in the making.
pub struct Table {
    writer: Writer,
    waiting: Vec<Waiting>,
    features: Option<Vec<f32>>,
    lines: usize,
}

/// What a column has that is not written yet.
enum Waiting {
    Texts(Vec<Option<String>>),
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

impl Table {
    /// Begins a table with these columns, behind them feature vectors of so many numbers.
    pub fn create(
        output: &Output,
        columns: &[(String, Kind)],
        features: Option<usize>,
        stdout: Box<dyn Write + Send>,
    ) -> Result<Self, ApplyError> {
        let held = columns.iter().map(|(name, kind)| {
            let kind = match kind {
                Kind::Text => Held::OptionalText,
                Kind::Integer => Held::Integer,
                Kind::Float => Held::Float,
            };
            Column::new(name.clone(), kind)
        });
        let format = Format::named(&output.format).ok_or_else(|| TableError::Ending {
            name: output.format.clone(),
        })?;
        let vectors = features.map(|dim| {
            // In CSV each number has a column of its own.
            let name = if format == Format::Csv {
                "feature"
            } else {
                "features"
            };
            Column::new(name, Held::Vector(dim))
        });
        let held: Vec<Column> = held.chain(vectors).collect();
        let writer = match &output.path {
            Some(path) => Writer::create(path, format, held)?,
            None => Writer::stream(stdout, format, held)?,
        };
        let waiting = columns.iter().map(|(_, kind)| match kind {
            Kind::Text => Waiting::Texts(Vec::new()),
            Kind::Integer => Waiting::Integers(Vec::new()),
            Kind::Float => Waiting::Floats(Vec::new()),
        });
        Ok(Self {
            writer,
            waiting: waiting.collect(),
            features: features.map(|_| Vec::new()),
            lines: 0,
        })
    }

    /// Takes one line: its cells, and its features where there are some.
    pub fn line(&mut self, cells: &[Cell<'_>], features: &[f32]) -> Result<(), ApplyError> {
        for (waiting, cell) in self.waiting.iter_mut().zip(cells) {
            match (waiting, cell) {
                (Waiting::Texts(texts), Cell::Text(text)) => texts.push(Some((*text).to_owned())),
                (Waiting::Texts(texts), _) => texts.push(None),
                (Waiting::Integers(all), Cell::Integer(number)) => {
                    all.push(i64::try_from(*number).unwrap_or(i64::MAX));
                }
                (Waiting::Integers(all), _) => all.push(0),
                (Waiting::Floats(all), Cell::Float(number)) => all.push(decimal(*number)),
                (Waiting::Floats(all), _) => all.push(f64::NAN),
            }
        }
        if let Some(all) = &mut self.features {
            all.extend_from_slice(features);
        }
        self.lines += 1;
        if self.lines == LINES {
            self.write()
        } else {
            Ok(())
        }
    }

    /// Writes what waits.
    fn write(&mut self) -> Result<(), ApplyError> {
        let texts: Vec<Vec<Option<&str>>> = (self.waiting.iter())
            .map(|waiting| match waiting {
                Waiting::Texts(texts) => texts.iter().map(Option::as_deref).collect(),
                _ => Vec::new(),
            })
            .collect();
        let columns = self
            .waiting
            .iter()
            .zip(&texts)
            .map(|(waiting, texts)| match waiting {
                Waiting::Texts(_) => Values::OptionalText(texts),
                Waiting::Integers(all) => Values::Integer(all),
                Waiting::Floats(all) => Values::Float(all),
            });
        let features = self.features.iter().map(|all| Values::Vector(all));
        let values: Vec<Values<'_>> = columns.chain(features).collect();
        self.writer.rows(&values)?;
        for waiting in &mut self.waiting {
            match waiting {
                Waiting::Texts(all) => all.clear(),
                Waiting::Integers(all) => all.clear(),
                Waiting::Floats(all) => all.clear(),
            }
        }
        if let Some(all) = &mut self.features {
            all.clear();
        }
        self.lines = 0;
        Ok(())
    }

    /// The last line was taken: the file gets its name.
    pub fn finish(mut self) -> Result<(), ApplyError> {
        if self.lines > 0 {
            self.write()?;
        }
        self.writer.finish()?;
        Ok(())
    }
}

/// The double that is written with the same digits: a score of 0.1 is no 0.10000000149011612.
fn decimal(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| number.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_keep_their_digits_and_their_bits() {
        for number in [
            0.1_f32,
            1.0 / 3.0,
            -2.5e-12,
            f32::MAX,
            f32::MIN_POSITIVE,
            0.0,
        ] {
            assert_eq!(decimal(number).to_string(), number.to_string());
            assert_eq!((decimal(number) as f32).to_bits(), number.to_bits());
        }
    }
}
