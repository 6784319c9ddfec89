//! The saved form of a fitted classifier: its arrays, and all else as words. Numbers are read back to the bit.

use std::collections::BTreeMap;
use topwork_sdk::Error;
use topwork_sdk::tensors::{self, File, Number, TensorsError};

/// The number of the form described here.
const FORMAT: &str = "1";

/// The key of the words.
const WORDS: &str = "classifier";

/// Collects what is saved.
pub struct Writer {
    words: BTreeMap<String, String>,
    file: tensors::Writer<'static>,
}

impl Writer {
    /// The state of a component.
    pub fn new(component: &str) -> Self {
        let mut writer = Writer {
            words: BTreeMap::new(),
            file: tensors::Writer::default(),
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
        self.file.array(name, &[values.len()], values);
    }

    /// All of it as bytes.
    pub fn finish(mut self) -> Result<Vec<u8>, Error> {
        let failed =
            |error: TensorsError| Error::failed(format!("cannot write the state: {error}"));
        self.file.words(WORDS, &self.words).map_err(failed)?;
        self.file.finish().map_err(failed)
    }
}

/// A saved state that is being read.
pub struct Reader<'a> {
    words: BTreeMap<String, String>,
    file: File<'a>,
}

impl<'a> Reader<'a> {
    /// An error unless the bytes are a state of this component.
    pub fn new(bytes: &'a [u8], component: &str) -> Result<Self, Error> {
        let none = |_| Error::data("the bytes are no state that this classifier has saved");
        let file = File::read(bytes).map_err(none)?;
        let words = file.words(WORDS).map_err(none)?;
        let reader = Reader { words, file };
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
        self.file.array(name).is_ok()
    }

    /// The numbers under a name.
    pub fn array<T: Number>(&self, name: &str) -> Result<Vec<T>, Error> {
        let array = self.file.array(name);
        let array = array.map_err(|_| Error::data(format!("the state has no `{name}`")))?;
        tensors::numbers(&array).ok_or_else(|| {
            Error::data(format!(
                "`{name}` of the state has numbers of type {:?}, expected {:?}",
                array.dtype(),
                T::DTYPE
            ))
        })
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
