//! Weights of a model: within its file, or in files beside it, as exporters of large models write them.

use crate::wire::{Broken, Field, Value, fields, write_bytes, write_number};
use std::borrow::Cow;
use std::path::Path;
use topwork_onnx::{DataFile, DataFileError};
use topwork_sdk::Error;

/// The `elem_type` of tensors of 32-bit floating point numbers.
pub const FLOAT: u64 = 1;

/// The `data_type` of 64-bit whole numbers.
const INT64: u64 = 7;

/// More values than this are no setting of an operator: a rule does not look at them.
const SETTINGS: usize = 1 << 16;

/// A tensor with its values.
pub struct Weights<'a> {
    message: Cow<'a, [u8]>,
    /// Its name.
    pub name: Cow<'a, str>,
    /// Where its values are, if they are in another file.
    elsewhere: Option<Place<'a>>,
}

#[derive(Clone, Copy, Default)]
struct Place<'a> {
    file: &'a str,
    offset: u64,
    length: Option<u64>,
}

impl<'a> Weights<'a> {
    /// Reads a tensor of the model.
    pub fn read(message: &'a [u8]) -> Result<Weights<'a>, Broken> {
        let mut name = "";
        let mut place = Place::default();
        let mut elsewhere = false;
        for field in fields(message) {
            let field = field?;
            match field.number {
                8 => name = field.text()?,
                13 => place.read(field)?,
                14 => elsewhere = field.number()? == 1,
                _ => {}
            }
        }
        Ok(Weights {
            message: Cow::Borrowed(message),
            name: Cow::Borrowed(name),
            elsewhere: elsewhere.then_some(place),
        })
    }

    /// 32-bit floating point numbers of a rule's own: one, or a row.
    pub fn floats(name: String, values: &[f32], is_row: bool) -> Weights<'a> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self::own(name, FLOAT, is_row.then_some(values.len()), bytes)
    }

    /// 64-bit whole numbers of a rule's own: a row.
    pub fn integers(name: String, values: &[i64]) -> Weights<'a> {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self::own(name, INT64, Some(values.len()), bytes)
    }

    fn own(
        name: String,
        element: u64,
        length: Option<usize>,
        bytes: impl Iterator<Item = u8>,
    ) -> Weights<'a> {
        let mut message = Vec::new();
        if let Some(length) = length {
            write_number(&mut message, 1, length as u64);
        }
        write_number(&mut message, 2, element);
        write_bytes(&mut message, 8, name.as_bytes());
        write_bytes(&mut message, 9, &bytes.collect::<Vec<u8>>());
        Weights {
            message: Cow::Owned(message),
            name: Cow::Owned(name),
            elsewhere: None,
        }
    }

    /// The sizes of the tensor.
    pub fn sizes(&self) -> Vec<usize> {
        let mut sizes = Vec::new();
        for field in fields(&self.message).flatten() {
            if field.number == 1 && field.numbers(&mut sizes).is_err() {
                return Vec::new();
            }
        }
        sizes.into_iter().map(|size| size.max(0) as usize).collect()
    }

    /// The values where they are few and lie in the file itself: settings of an operator.
    pub fn values(&self) -> Option<Vec<f64>> {
        if self.elsewhere.is_some() || self.sizes().iter().product::<usize>() > SETTINGS {
            return None;
        }
        values(&self.message)
    }

    /// The file beside the model's that holds the values.
    pub fn file(&self) -> Option<&'a str> {
        self.elsewhere.map(|place| place.file)
    }

    /// Writes the tensor as a field of a message, with its values.
    pub fn write(&self, message: &mut Vec<u8>, field: u32, folder: &Path) -> Result<(), Error> {
        let Some(place) = self.elsewhere else {
            write_bytes(message, field, &self.message);
            return Ok(());
        };
        let values = place.values(folder)?;
        let mut tensor = Vec::with_capacity(values.len() + self.message.len());
        for part in fields(&self.message).flatten() {
            if !matches!(part.number, 13 | 14) {
                tensor.extend_from_slice(part.raw);
            }
        }
        write_bytes(&mut tensor, 9, &values);
        write_bytes(message, field, &tensor);
        Ok(())
    }
}

/// The values of a tensor's message, of the elements that settings have.
pub fn values(message: &[u8]) -> Option<Vec<f64>> {
    let mut element = 0;
    let (mut numbers, mut all) = (Vec::new(), Vec::new());
    for field in fields(message).flatten() {
        match (field.number, field.value) {
            (2, _) => element = field.number().ok()?,
            // 32-bit and 64-bit floating point numbers, one or packed.
            (4, Value::Bytes(bytes) | Value::Fixed(bytes)) => all.extend(read_floats(bytes)),
            (10, Value::Bytes(bytes) | Value::Fixed(bytes)) => all.extend(read_doubles(bytes)),
            (5 | 7 | 11, _) => field.numbers(&mut numbers).ok()?,
            (9, Value::Bytes(bytes)) => match element {
                1 => all.extend(read_floats(bytes)),
                2 | 9 => all.extend(bytes.iter().map(|byte| f64::from(*byte))),
                3 => all.extend(bytes.iter().map(|byte| f64::from(*byte as i8))),
                6 => all.extend(
                    (bytes.as_chunks().0.iter()).map(|four| f64::from(i32::from_le_bytes(*four))),
                ),
                INT64 => all.extend(
                    (bytes.as_chunks().0.iter()).map(|eight| i64::from_le_bytes(*eight) as f64),
                ),
                11 => all.extend(read_doubles(bytes)),
                _ => return None,
            },
            _ => {}
        }
    }
    // Halves keep their bits in whole numbers.
    if matches!(element, 10 | 16) {
        return None;
    }
    all.extend(numbers.into_iter().map(|number| number as f64));
    Some(all)
}

fn read_floats(bytes: &[u8]) -> impl Iterator<Item = f64> {
    let numbers = bytes.as_chunks().0.iter();
    numbers.map(|four| f64::from(f32::from_le_bytes(*four)))
}

fn read_doubles(bytes: &[u8]) -> impl Iterator<Item = f64> {
    let numbers = bytes.as_chunks().0.iter();
    numbers.map(|eight| f64::from_le_bytes(*eight))
}

impl<'a> Place<'a> {
    /// Takes in one of the entries, a key with its value.
    fn read(&mut self, entry: Field<'a>) -> Result<(), Broken> {
        let (mut key, mut value) = ("", "");
        for field in fields(entry.bytes()?) {
            let field = field?;
            match field.number {
                1 => key = field.text()?,
                2 => value = field.text()?,
                _ => {}
            }
        }
        let number = || value.parse().map_err(|_| Broken::Kind(2));
        match key {
            "location" => self.file = value,
            "offset" => self.offset = number()?,
            "length" => self.length = Some(number()?),
            _ => {}
        }
        Ok(())
    }

    fn values(&self, folder: &Path) -> Result<Vec<u8>, Error> {
        let values = DataFile::open(folder, self.file)
            .and_then(|mut file| file.values(self.offset, self.length));
        values.map_err(|error| told(self.file, error))
    }
}

/// What is wrong with a file of weights that a model names.
pub fn told(name: &str, error: DataFileError) -> Error {
    match error {
        DataFileError::Outside => Error::data(format!(
            "the model has weights in `{name}`, expected a file in the model's folder"
        )),
        DataFileError::Unreadable { path, source } => {
            Error::data(format!("cannot read `{}`: {source}", path.display()))
                .with_hint("the model's weights lie in this file; keep it beside the model file")
        }
        DataFileError::Short { path, size, end } => Error::data(format!(
            "`{}` has {size} bytes, but the model's weights end at byte {end}",
            path.display()
        ))
        .with_hint("the file is truncated or belongs to another model"),
    }
}
