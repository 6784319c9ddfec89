//! Columns kept in files without a name until the number of rows and the longest text are known.

use crate::{Kind, Values};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// One column.
pub struct Spool {
    file: BufWriter<File>,
    kind: Kind,
    /// Characters of the longest text.
    longest: usize,
}

impl Spool {
    /// A spool in this folder.
    pub fn begin(folder: &Path, kind: Kind) -> io::Result<Self> {
        Ok(Spool {
            file: BufWriter::new(tempfile::tempfile_in(folder)?),
            kind,
            longest: 0,
        })
    }

    /// Numbers are kept as they will stand in the file, texts with their length before them.
    pub fn take(&mut self, values: &Values<'_>) -> io::Result<()> {
        match values {
            Values::Text(values) => values.iter().try_for_each(|text| self.text(text)),
            Values::OptionalText(values) => {
                let mut texts = values.iter().map(|text| text.unwrap_or_default());
                texts.try_for_each(|text| self.text(text))
            }
            Values::Integer(values) => write_all(&mut self.file, values, |v| v.to_le_bytes()),
            Values::Float(values) => write_all(&mut self.file, values, |v| v.to_le_bytes()),
            Values::Vector(values) => write_all(&mut self.file, values, |v| v.to_le_bytes()),
        }
    }

    fn text(&mut self, text: &str) -> io::Result<()> {
        self.longest = self.longest.max(text.chars().count());
        self.file.write_all(&(text.len() as u64).to_le_bytes())?;
        self.file.write_all(text.as_bytes())
    }

    /// What NumPy calls the type of an element. An array of text has room for one character at least.
    pub fn descr(&self) -> String {
        match self.kind {
            Kind::Text | Kind::OptionalText => format!("<U{}", self.longest.max(1)),
            Kind::Integer => "<i8".to_owned(),
            Kind::Float => "<f8".to_owned(),
            Kind::Vector(_) => "<f4".to_owned(),
        }
    }

    /// Writes the column as an array: numbers little-endian, texts in UTF-32 filled up with zeros.
    pub fn copy(self, to: &mut impl Write) -> io::Result<()> {
        let room = 4 * self.longest.max(1);
        let mut file = self
            .file
            .into_inner()
            .map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        let mut from = BufReader::new(file);
        if !matches!(self.kind, Kind::Text | Kind::OptionalText) {
            io::copy(&mut from, to)?;
            return Ok(());
        }
        let (mut length, mut text, mut wide) = ([0; 8], String::new(), Vec::new());
        while !std::io::BufRead::fill_buf(&mut from)?.is_empty() {
            from.read_exact(&mut length)?;
            text.clear();
            (&mut from)
                .take(u64::from_le_bytes(length))
                .read_to_string(&mut text)?;
            wide.clear();
            wide.extend(
                text.chars()
                    .flat_map(|character| u32::from(character).to_le_bytes()),
            );
            wide.resize(room, 0);
            to.write_all(&wide)?;
        }
        Ok(())
    }
}

/// Writes numbers, each as its bytes.
pub fn write_all<T: Copy, const N: usize>(
    to: &mut impl Write,
    values: &[T],
    bytes: impl Fn(T) -> [u8; N],
) -> io::Result<()> {
    values
        .iter()
        .try_for_each(|value| to.write_all(&bytes(*value)))
}
