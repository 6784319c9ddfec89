//! The saved form of a fitted classifier: the safetensors format, with what is no array as its metadata. Numbers are read
//! back to the bit.

use safetensors::tensor::{Dtype, SafeTensors, TensorView, serialize};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Display;
use topwork_sdk::Error;

/// The number of the form described here.
const FORMAT: &str = "1";

/// The one key of the metadata. More than one would stand there in an order that changes from process to process.
const WORDS: &str = "classifier";

/// Collects what is saved.
pub struct Writer {
    words: BTreeMap<String, String>,
    arrays: Vec<(&'static str, Dtype, usize, Vec<u8>)>,
}

/// A number that states are made of.
pub trait Number: Copy {
    /// Its type in the file.
    const DTYPE: Dtype;
    /// Appends its bytes.
    fn put(self, bytes: &mut Vec<u8>);
    /// From as many bytes as it has.
    fn get(bytes: &[u8]) -> Self;
}

macro_rules! number {
    ($($number:ty: $dtype:ident),+) => {$(
        impl Number for $number {
            const DTYPE: Dtype = Dtype::$dtype;

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn get(bytes: &[u8]) -> Self {
                let mut own = [0; size_of::<Self>()];
                own.copy_from_slice(bytes);
                Self::from_le_bytes(own)
            }
        }
    )+};
}

number!(f32: F32, f64: F64, u32: U32);

impl Writer {
    /// The state of a component.
    pub fn new(component: &str) -> Self {
        let mut writer = Writer {
            words: BTreeMap::new(),
            arrays: Vec::new(),
        };
        writer.word("format", FORMAT);
        writer.word("component", component);
        writer
    }

    /// Adds a word or a number under a key.
    pub fn word(&mut self, key: &str, value: impl ToString) {
        self.words.insert(key.to_owned(), value.to_string());
    }

    /// Adds numbers under a name.
    pub fn array<T: Number>(&mut self, name: &'static str, values: &[T]) {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        for &value in values {
            value.put(&mut bytes);
        }
        self.arrays.push((name, T::DTYPE, values.len(), bytes));
    }

    /// All of it as bytes.
    pub fn finish(self) -> Result<Vec<u8>, Error> {
        let failed =
            |error: &dyn Display| Error::failed(format!("cannot write the state: {error}"));
        let views = (self.arrays.iter())
            .map(|(name, dtype, len, bytes)| {
                let view = TensorView::new(*dtype, vec![*len], bytes);
                view.map(|view| (*name, view))
                    .map_err(|error| failed(&error))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let words = serde_json::to_string(&self.words).map_err(|error| failed(&error))?;
        let metadata = HashMap::from([(WORDS.to_owned(), words)]);
        serialize(views, Some(metadata)).map_err(|error| failed(&error))
    }
}

/// A saved state that is being read.
pub struct Reader<'a> {
    words: BTreeMap<String, String>,
    arrays: SafeTensors<'a>,
}

impl<'a> Reader<'a> {
    /// An error unless the bytes are a state of this component.
    pub fn new(bytes: &'a [u8], component: &str) -> Result<Self, Error> {
        let none = || Error::data("the bytes are no state that this classifier has saved");
        let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|_| none())?;
        let words = metadata.metadata().as_ref().and_then(|all| all.get(WORDS));
        let words = words.and_then(|words| serde_json::from_str(words).ok());
        let reader = Reader {
            words: words.ok_or_else(none)?,
            arrays: SafeTensors::deserialize(bytes).map_err(|_| none())?,
        };
        let format = reader.word("format")?;
        if format != FORMAT {
            return Err(Error::data(format!(
                "the state has format {format}, expected {FORMAT}"
            )));
        }
        let saved_by = reader.word("component")?;
        if saved_by != component {
            return Err(Error::data(format!(
                "the state is one of `{saved_by}`, expected one of `{component}`"
            )));
        }
        Ok(reader)
    }

    /// The word under a key.
    pub fn word(&self, key: &str) -> Result<&str, Error> {
        let word = self.words.get(key);
        let missing = || Error::data(format!("the state has no `{key}`"));
        word.map(String::as_str).ok_or_else(missing)
    }

    /// The whole number under a key, above 0.
    pub fn number(&self, key: &str) -> Result<usize, Error> {
        let word = self.word(key)?;
        let number = word.parse().ok().filter(|&number| number > 0);
        number.ok_or_else(|| {
            Error::data(format!(
                "the state has `{key}` {word}, expected a whole number above 0"
            ))
        })
    }

    /// Whether there are numbers under a name.
    pub fn has(&self, name: &str) -> bool {
        self.arrays.tensor(name).is_ok()
    }

    /// The numbers under a name.
    pub fn array<T: Number>(&self, name: &str) -> Result<Vec<T>, Error> {
        let array = self.arrays.tensor(name);
        let array = array.map_err(|_| Error::data(format!("the state has no `{name}`")))?;
        if array.dtype() != T::DTYPE {
            return Err(Error::data(format!(
                "`{name}` of the state has numbers of type {:?}, expected {:?}",
                array.dtype(),
                T::DTYPE
            )));
        }
        let numbers = array.data().chunks_exact(size_of::<T>());
        Ok(numbers.map(T::get).collect())
    }

    /// The same, so many of them.
    pub fn array_of<T: Number>(&self, name: &str, count: usize) -> Result<Vec<T>, Error> {
        let array = self.array(name)?;
        if array.len() != count {
            return Err(Error::data(format!(
                "the state has {} numbers in `{name}`, expected {count}",
                array.len()
            )));
        }
        Ok(array)
    }

    /// The finite numbers under a name, so many of them.
    pub fn finite(&self, name: &str, count: usize) -> Result<Vec<f64>, Error> {
        let array: Vec<f64> = self.array_of(name, count)?;
        match array.iter().find(|number| !number.is_finite()) {
            None => Ok(array),
            Some(number) => Err(Error::data(format!(
                "the state has {number} in `{name}`, expected finite numbers"
            ))),
        }
    }
}
