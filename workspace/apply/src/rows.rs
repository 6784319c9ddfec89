//! A table that is written line by line, to a file or to standard output.
#![allow(clippy::unwrap_used)]

use std::io::Write;

use crate::{ApplyError, Output};

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    Integer,
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
    csv: csv::Writer<Box<dyn Write + Send>>,
}

impl Table {
    pub fn create(
        output: &Output,
        columns: &[(String, Kind)],
        features: Option<usize>,
        stdout: Box<dyn Write + Send>,
    ) -> Result<Self, ApplyError> {
        let out: Box<dyn Write + Send> = match &output.path {
            Some(path) => Box::new(std::fs::File::create(path).unwrap()),
            None => stdout,
        };
        let mut csv = csv::Writer::from_writer(out);
        for (name, _) in columns {
            csv.write_field(name).unwrap();
        }
        for index in 0..features.unwrap_or(0) {
            csv.write_field(format!("feature {index}")).unwrap();
        }
        csv.write_record(None::<&[u8]>).unwrap();
        Ok(Self { csv })
    }

    pub fn line(&mut self, cells: &[Cell<'_>], features: &[f32]) -> Result<(), ApplyError> {
        for cell in cells {
            match cell {
                Cell::Nothing => self.csv.write_field("").unwrap(),
                Cell::Text(text) => self.csv.write_field(text).unwrap(),
                Cell::Integer(n) => self.csv.write_field(n.to_string()).unwrap(),
                Cell::Float(n) => self.csv.write_field(n.to_string()).unwrap(),
            }
        }
        for n in features {
            self.csv.write_field(n.to_string()).unwrap();
        }
        self.csv.write_record(None::<&[u8]>).unwrap();
        Ok(())
    }

    pub fn finish(mut self) -> Result<(), ApplyError> {
        self.csv.flush().unwrap();
        Ok(())
    }
}
