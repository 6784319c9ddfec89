//! Arrays of NumPy and safetensors. Their headers say how many rows there are, so they are written at the end: over room left for
//! them, or before columns that were kept aside.

use crate::output::{Output, folder};
use crate::spool::{Spool, write_all};
use crate::text::Csv;
use crate::{Column, Format, Kind, Table, Values};
use safetensors::tensor::{Dtype, Metadata, TensorInfo};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

/// Bytes of the header of every array: the data begin at a multiple of 64, as NumPy wants it, and two sizes of 20 digits fit.
const HEADER: usize = 128;

/// The header of an array in NumPy's format 1.0.
fn header(descr: &str, rows: u64, kind: Kind) -> Vec<u8> {
    let shape = match kind {
        Kind::Vector(numbers) => format!("({rows}, {numbers})"),
        _ => format!("({rows},)"),
    };
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(((HEADER - 10) as u16).to_le_bytes());
    let words = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    bytes.extend(words.bytes());
    bytes.resize(HEADER - 1, b' ');
    bytes.push(b'\n');
    bytes
}

/// The columns that go into the file beside, and the file; `None` where there are none.
struct Manifest {
    csv: Box<Csv>,
    columns: Vec<usize>,
}

impl Manifest {
    fn begin(path: &Path, format: Format, columns: &[Column]) -> io::Result<Option<Self>> {
        let Some(path) = format.manifest(path, columns) else {
            return Ok(None);
        };
        let beside = |index: &usize| format.is_beside(columns[*index].kind);
        let positions: Vec<usize> = (0..columns.len()).filter(beside).collect();
        let beside: Vec<Column> = positions
            .iter()
            .map(|index| columns[*index].clone())
            .collect();
        Ok(Some(Manifest {
            csv: Box::new(Csv::begin(Output::file(&path)?, &beside)?),
            columns: positions,
        }))
    }

    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        let values: Vec<Values<'_>> = self.columns.iter().map(|index| values[*index]).collect();
        self.csv.rows(rows, &values)
    }
}

/// Gives the file beside its name, then the table.
fn finish(manifest: Option<Manifest>, output: Output) -> io::Result<Vec<PathBuf>> {
    let mut beside = match manifest {
        Some(manifest) => manifest.csv.finish()?,
        None => Vec::new(),
    };
    let mut files: Vec<PathBuf> = output.finish()?.into_iter().collect();
    files.append(&mut beside);
    Ok(files)
}

/// One array, and the rest beside it.
pub struct Npy {
    output: Output,
    manifest: Option<Manifest>,
    kind: Kind,
    rows: u64,
}

impl Npy {
    pub fn begin(path: &Path, columns: &[Column]) -> io::Result<Self> {
        let mut kinds = columns.iter().map(|column| column.kind);
        let mut output = Output::file(path)?;
        output.write_all(&[0; HEADER])?;
        Ok(Npy {
            output,
            manifest: Manifest::begin(path, Format::Npy, columns)?,
            // The format was checked to have one.
            kind: kinds
                .find(|kind| matches!(kind, Kind::Vector(_)))
                .unwrap_or(Kind::Vector(1)),
            rows: 0,
        })
    }
}

impl Table for Npy {
    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        for values in values {
            if let Values::Vector(values) = values {
                write_all(&mut self.output, values, |number| number.to_le_bytes())?;
            }
        }
        self.rows += rows as u64;
        match &mut self.manifest {
            Some(manifest) => manifest.rows(rows, values),
            None => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Vec<PathBuf>> {
        self.output.patch(&header("<f4", self.rows, self.kind))?;
        finish(self.manifest, self.output)
    }
}

/// Columns kept aside.
struct Kept {
    columns: Vec<(Column, Spool)>,
    /// Where their values stand in a batch.
    positions: Vec<usize>,
    rows: u64,
}

impl Kept {
    fn begin(path: &Path, format: Format, columns: &[Column]) -> io::Result<Self> {
        let inside = |index: &usize| !format.is_beside(columns[*index].kind);
        let positions: Vec<usize> = (0..columns.len()).filter(inside).collect();
        let spool = |index: &usize| {
            let column = columns[*index].clone();
            let spool = Spool::begin(folder(path), column.kind)?;
            Ok((column, spool))
        };
        Ok(Kept {
            columns: positions.iter().map(spool).collect::<io::Result<_>>()?,
            positions,
            rows: 0,
        })
    }

    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        for ((_, spool), index) in self.columns.iter_mut().zip(&self.positions) {
            spool.take(&values[*index])?;
        }
        self.rows += rows as u64;
        Ok(())
    }
}

/// An archive of arrays.
pub struct Npz {
    output: Output,
    kept: Kept,
}

impl Npz {
    pub fn begin(path: &Path, columns: &[Column]) -> io::Result<Self> {
        Ok(Npz {
            output: Output::file(path)?,
            kept: Kept::begin(path, Format::Npz, columns)?,
        })
    }
}

impl Table for Npz {
    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        self.kept.rows(rows, values)
    }

    fn finish(self: Box<Self>) -> io::Result<Vec<PathBuf>> {
        let mut archive = ZipWriter::new(self.output);
        let options = SimpleFileOptions::default()
            .compression_method(zip::CompressionMethod::Stored)
            // Whether an array will pass 4 GiB is not known before it is written.
            .large_file(true);
        for (column, spool) in self.kept.columns {
            archive.start_file(format!("{}.npy", column.name), options)?;
            archive.write_all(&header(&spool.descr(), self.kept.rows, column.kind))?;
            spool.copy(&mut archive)?;
        }
        finish(None, archive.finish()?)
    }
}

/// Tensors, and text beside them.
pub struct Tensors {
    output: Output,
    manifest: Option<Manifest>,
    kept: Kept,
}

impl Tensors {
    pub fn begin(path: &Path, columns: &[Column]) -> io::Result<Self> {
        Ok(Tensors {
            output: Output::file(path)?,
            manifest: Manifest::begin(path, Format::Safetensors, columns)?,
            kept: Kept::begin(path, Format::Safetensors, columns)?,
        })
    }
}

impl Table for Tensors {
    fn rows(&mut self, rows: usize, values: &[Values<'_>]) -> io::Result<()> {
        self.kept.rows(rows, values)?;
        match &mut self.manifest {
            Some(manifest) => manifest.rows(rows, values),
            None => Ok(()),
        }
    }

    fn finish(mut self: Box<Self>) -> io::Result<Vec<PathBuf>> {
        let rows = self.kept.rows as usize;
        let mut columns = self.kept.columns;
        // Elements of 8 bytes first, so that every tensor begins at a multiple of its elements' size.
        columns.sort_by_key(|(column, _)| matches!(column.kind, Kind::Vector(_)));
        let mut end = 0;
        let mut tensors = Vec::new();
        for (column, _) in &columns {
            let (dtype, width, shape) = match column.kind {
                Kind::Vector(numbers) => (Dtype::F32, 4, vec![rows, numbers]),
                Kind::Float => (Dtype::F64, 8, vec![rows]),
                _ => (Dtype::I64, 8, vec![rows]),
            };
            let begin = end;
            end += width * shape.iter().product::<usize>();
            let data_offsets = (begin, end);
            tensors.push((
                column.name.clone(),
                TensorInfo {
                    dtype,
                    shape,
                    data_offsets,
                },
            ));
        }
        let header = Metadata::new(None, tensors).map_err(io::Error::other)?;
        let mut header = serde_json::to_vec(&header)?;
        header.resize(header.len().next_multiple_of(8), b' ');
        self.output
            .write_all(&(header.len() as u64).to_le_bytes())?;
        self.output.write_all(&header)?;
        for (_, spool) in columns {
            spool.copy(&mut self.output)?;
        }
        finish(self.manifest, self.output)
    }
}
