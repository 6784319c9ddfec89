//! Parquet, by the low-level writer: rows are gathered until they make a group worth writing.

use crate::output::Output;
use crate::{Column, Kind, Table, Values};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical};
use parquet::data_type::{ByteArray, ByteArrayType, DoubleType, FloatType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, PrimitiveTypeBuilder, Type, TypePtr};
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// A group of rows is written once its values take so many bytes.
const GROUP_BYTES: usize = 32 << 20;

/// A table as Parquet.
pub struct Parquet {
    writer: SerializedFileWriter<Output>,
    gathered: Vec<Gathered>,
    /// Of what is gathered.
    bytes: usize,
}

/// Values of one column that are not written yet.
enum Gathered {
    Text(Vec<ByteArray>),
    Integer(Vec<i64>),
    /// Those that are there, and for every row whether one is.
    OptionalText(Vec<ByteArray>, Vec<i16>),
    Float(Vec<f64>, Vec<i16>),
    /// With how many numbers a row has.
    Vector(Vec<f32>, usize),
}

impl Parquet {
    pub fn begin(output: Output, columns: &[Column]) -> io::Result<Self> {
        let mut properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("topwork ", env!("CARGO_PKG_VERSION")).to_owned());
        for column in columns {
            if let Kind::Vector(_) = column.kind {
                // No number comes twice often enough for a dictionary to be worth its bytes.
                let path = [&*column.name, "list", "element"].map(str::to_owned);
                let path = ColumnPath::new(path.into());
                properties = properties.set_column_dictionary_enabled(path, false);
            }
        }
        let schema = schema(columns).map_err(io_error)?;
        let writer = SerializedFileWriter::new(output, schema, Arc::new(properties.build()));
        let empty = |column: &Column| match column.kind {
            Kind::Text => Gathered::Text(Vec::new()),
            Kind::OptionalText => Gathered::OptionalText(Vec::new(), Vec::new()),
            Kind::Integer => Gathered::Integer(Vec::new()),
            Kind::Float => Gathered::Float(Vec::new(), Vec::new()),
            Kind::Vector(numbers) => Gathered::Vector(Vec::new(), numbers),
        };
        Ok(Parquet {
            writer: writer.map_err(io_error)?,
            gathered: columns.iter().map(empty).collect(),
            bytes: 0,
        })
    }

    fn write_group(&mut self) -> Result<(), ParquetError> {
        if self.bytes == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group()?;
        for gathered in &mut self.gathered {
            let Some(mut column) = group.next_column()? else {
                break;
            };
            gathered.write(&mut column)?;
            column.close()?;
        }
        group.close()?;
        self.bytes = 0;
        Ok(())
    }
}

impl Gathered {
    /// Takes the values of a batch, and says how many bytes they are.
    fn take(&mut self, values: &Values<'_>) -> usize {
        match (self, values) {
            (Gathered::Text(all), Values::Text(values)) => {
                all.extend(values.iter().map(|text| ByteArray::from(*text)));
                values.iter().map(|text| text.len() + 8).sum()
            }
            (Gathered::OptionalText(all, there), Values::OptionalText(values)) => {
                all.extend(values.iter().flatten().map(|text| ByteArray::from(*text)));
                there.extend(values.iter().map(|text| i16::from(text.is_some())));
                values.iter().map(|text| text.map_or(2, str::len) + 8).sum()
            }
            (Gathered::Integer(all), Values::Integer(values)) => {
                all.extend_from_slice(values);
                size_of_val(*values)
            }
            (Gathered::Float(all, there), Values::Float(values)) => {
                all.extend(values.iter().filter(|value| !value.is_nan()));
                there.extend(values.iter().map(|value| i16::from(!value.is_nan())));
                size_of_val(*values)
            }
            (Gathered::Vector(all, _), Values::Vector(values)) => {
                all.extend_from_slice(values);
                size_of_val(*values)
            }
            // The writer has checked that values are of their column's kind.
            _ => 0,
        }
    }

    /// Writes what was gathered, and forgets it.
    fn write(&mut self, column: &mut SerializedColumnWriter<'_>) -> Result<(), ParquetError> {
        match self {
            Gathered::Text(all) => {
                column
                    .typed::<ByteArrayType>()
                    .write_batch(all, None, None)?;
                all.clear();
            }
            Gathered::OptionalText(all, there) => {
                let writer = column.typed::<ByteArrayType>();
                writer.write_batch(all, Some(there), None)?;
                all.clear();
                there.clear();
            }
            Gathered::Integer(all) => {
                column.typed::<Int64Type>().write_batch(all, None, None)?;
                all.clear();
            }
            Gathered::Float(all, there) => {
                let writer = column.typed::<DoubleType>();
                writer.write_batch(all, Some(there), None)?;
                all.clear();
                there.clear();
            }
            Gathered::Vector(all, numbers) => {
                let writer = column.typed::<FloatType>();
                // In slices, so that the levels take little memory: every number is there, and the first begins a list.
                let rows = (GROUP_BYTES / 256 / *numbers).max(1);
                let mut levels = vec![1_i16; rows * *numbers];
                levels
                    .iter_mut()
                    .step_by(*numbers)
                    .for_each(|level| *level = 0);
                let there = vec![1_i16; rows * *numbers];
                for slice in all.chunks(rows * *numbers) {
                    let count = slice.len();
                    writer.write_batch(slice, Some(&there[..count]), Some(&levels[..count]))?;
                }
                all.clear();
            }
        }
        Ok(())
    }
}

impl Table for Parquet {
    fn rows(&mut self, _: usize, values: &[Values<'_>]) -> io::Result<()> {
        for (gathered, values) in self.gathered.iter_mut().zip(values) {
            self.bytes += gathered.take(values);
        }
        if self.bytes >= GROUP_BYTES {
            self.write_group().map_err(io_error)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> io::Result<Vec<PathBuf>> {
        self.write_group().map_err(io_error)?;
        let output = self.writer.into_inner().map_err(io_error)?;
        Ok(output.finish()?.into_iter().collect())
    }
}

fn schema(columns: &[Column]) -> Result<TypePtr, ParquetError> {
    let text = Some(LogicalType::String);
    let column = |column: &Column| {
        let name = &*column.name;
        let of = match column.kind {
            Kind::Text => primitive(name, Physical::BYTE_ARRAY, Repetition::REQUIRED)
                .with_logical_type(text.clone())
                .build()?,
            Kind::OptionalText => primitive(name, Physical::BYTE_ARRAY, Repetition::OPTIONAL)
                .with_logical_type(text.clone())
                .build()?,
            Kind::Integer => primitive(name, Physical::INT64, Repetition::REQUIRED).build()?,
            Kind::Float => primitive(name, Physical::DOUBLE, Repetition::OPTIONAL).build()?,
            // The three levels that the format's document "LogicalTypes" asks of a list.
            Kind::Vector(_) => {
                let element =
                    primitive("element", Physical::FLOAT, Repetition::REQUIRED).build()?;
                let list = Type::group_type_builder("list")
                    .with_repetition(Repetition::REPEATED)
                    .with_fields(vec![Arc::new(element)])
                    .build()?;
                Type::group_type_builder(name)
                    .with_repetition(Repetition::REQUIRED)
                    .with_logical_type(Some(LogicalType::List))
                    .with_fields(vec![Arc::new(list)])
                    .build()?
            }
        };
        Ok(Arc::new(of))
    };
    let fields = columns
        .iter()
        .map(column)
        .collect::<Result<Vec<_>, ParquetError>>()?;
    let schema = Type::group_type_builder("table")
        .with_fields(fields)
        .build()?;
    Ok(Arc::new(schema))
}

fn primitive(name: &str, physical: Physical, repetition: Repetition) -> PrimitiveTypeBuilder<'_> {
    Type::primitive_type_builder(name, physical).with_repetition(repetition)
}

/// The system's error where there is one behind it.
fn io_error(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        error => io::Error::other(error),
    }
}
