//! Named arrays, and words beside them, as one safetensors file: what networks' weights, trainings, classifiers and samples are
//! kept in.
//!
//! The same content always gives the same bytes: the format orders the arrays, and the words are one JSON text under one key,
//! since several keys would stand there in an order that changes from process to process. Numbers are read back to the bit.
//!
//! ```
//! use topwork_tensors::{File, Writer};
//!
//! let mut writer = Writer::default();
//! writer.array("means", &[2, 1], &[0.5_f32, 1.5]);
//! writer.words("example", &"of two classes")?;
//! let bytes = writer.finish()?;
//!
//! let file = File::read(&bytes)?;
//! assert_eq!(file.values::<f32>("means", &[2, 1])?, [0.5, 1.5]);
//! assert_eq!(file.words::<String>("example")?, "of two classes");
//! # Ok::<(), topwork_tensors::TensorsError>(())
//! ```

use std::borrow::Cow;
use std::collections::HashMap;

pub use safetensors::tensor::{Dtype, TensorView};
use safetensors::{SafeTensorError, SafeTensors};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Why arrays could not be written, or a file is not what was expected.
#[derive(Debug, thiserror::Error)]
pub enum TensorsError {
    /// The bytes are no file of this format, an array is missing, or one cannot be written.
    #[error(transparent)]
    Format(#[from] SafeTensorError),
    /// There are no words under this key.
    #[error("its metadata has no `{0}`")]
    NoWords(String),
    /// The words are not what was expected, or cannot be written as JSON.
    #[error("its metadata is wrong: {0}")]
    Words(#[from] serde_json::Error),
    /// An array has another number of sides.
    #[error("`{name}` has the shape {found:?}, expected {sides} sides")]
    Sides {
        /// Which array.
        name: String,
        /// Its shape.
        found: Vec<usize>,
        /// How many sides were expected.
        sides: usize,
    },
    /// An array has another type or shape.
    #[error(
        "`{name}` is {:?} of shape {:?}, expected {:?} of shape {:?}", found.0, found.1, expected.0, expected.1
    )]
    Array {
        /// Which array.
        name: String,
        /// Type and shape found.
        found: (Dtype, Vec<usize>),
        /// Type and shape expected.
        expected: (Dtype, Vec<usize>),
    },
}

/// For readers whose own errors are a reason.
impl From<TensorsError> for String {
    fn from(error: TensorsError) -> Self {
        error.to_string()
    }
}

/// A type of numbers that arrays hold; in a file they are little-endian.
pub trait Number: Copy {
    /// Its type in a file.
    const DTYPE: Dtype;
    /// Appends its bytes.
    fn put(self, bytes: &mut Vec<u8>);
    /// From its bytes; `None` unless they are as many as it has.
    fn get(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty => $dtype:ident),*) => {$(
        impl Number for $number {
            const DTYPE: Dtype = Dtype::$dtype;

            fn put(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn get(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}

numbers!(u8 => U8, u32 => U32, u64 => U64, f32 => F32, f64 => F64);

/// Numbers as the bytes that a file holds.
pub fn bytes<T: Number>(values: &[T]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(size_of_val(values));
    for &value in values {
        value.put(&mut bytes);
    }
    bytes
}

/// The numbers of an array, row-major; `None` when they are of another type.
pub fn numbers<T: Number>(array: &TensorView<'_>) -> Option<Vec<T>> {
    // The format has checked that shape, type and length agree.
    let numbers = array.data().chunks_exact(size_of::<T>());
    (array.dtype() == T::DTYPE).then(|| numbers.filter_map(T::get).collect())
}

struct Array<'a> {
    name: Cow<'a, str>,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Cow<'a, [u8]>,
}

/// A file in the making.
#[derive(Default)]
pub struct Writer<'a> {
    arrays: Vec<Array<'a>>,
    words: Option<HashMap<String, String>>,
}

impl<'a> Writer<'a> {
    /// Adds numbers, row-major.
    pub fn array<T: Number>(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        shape: &[usize],
        values: &[T],
    ) -> &mut Self {
        self.arrays.push(Array {
            name: name.into(),
            dtype: T::DTYPE,
            shape: shape.to_vec(),
            bytes: bytes(values).into(),
        });
        self
    }

    /// Adds bytes, such as those of another file, as an array of one side.
    pub fn bytes(
        &mut self,
        name: impl Into<Cow<'a, str>>,
        bytes: impl Into<Cow<'a, [u8]>>,
    ) -> &mut Self {
        let bytes = bytes.into();
        self.arrays.push(Array {
            name: name.into(),
            dtype: Dtype::U8,
            shape: vec![bytes.len()],
            bytes,
        });
        self
    }

    /// Sets the words, as JSON under this key.
    ///
    /// # Errors
    /// When they cannot be JSON.
    pub fn words(&mut self, key: &str, words: &impl Serialize) -> Result<(), TensorsError> {
        let words = serde_json::to_string(words)?;
        self.words = Some(HashMap::from([(key.to_owned(), words)]));
        Ok(())
    }

    /// The file.
    ///
    /// # Errors
    /// When an array's shape is not that of its numbers.
    pub fn finish(self) -> Result<Vec<u8>, TensorsError> {
        let views = self.arrays.iter().map(|array| {
            let view = TensorView::new(array.dtype, array.shape.clone(), &array.bytes)?;
            Ok((array.name.as_ref(), view))
        });
        let views = views.collect::<Result<Vec<_>, SafeTensorError>>()?;
        Ok(safetensors::serialize(views, self.words)?)
    }
}

/// A file that is read: what it holds stays in the bytes until it is asked for.
pub struct File<'a> {
    bytes: &'a [u8],
    arrays: SafeTensors<'a>,
}

impl<'a> File<'a> {
    /// Reads names, types and shapes, and checks that they fit the bytes.
    ///
    /// # Errors
    /// When the bytes are no file of this format.
    pub fn read(bytes: &'a [u8]) -> Result<Self, TensorsError> {
        let arrays = SafeTensors::deserialize(bytes)?;
        Ok(Self { bytes, arrays })
    }

    /// The words under this key.
    ///
    /// # Errors
    /// When there are none, or they are of another kind.
    pub fn words<T: DeserializeOwned>(&self, key: &str) -> Result<T, TensorsError> {
        let (_, header) = SafeTensors::read_metadata(self.bytes)?;
        let words = header.metadata().as_ref().and_then(|all| all.get(key));
        let words = words.ok_or_else(|| TensorsError::NoWords(key.to_owned()))?;
        Ok(serde_json::from_str(words)?)
    }

    /// All arrays with their names.
    pub fn arrays(&self) -> impl Iterator<Item = (&str, TensorView<'a>)> {
        self.arrays.iter()
    }

    /// The array of this name.
    ///
    /// # Errors
    /// When there is none.
    pub fn array(&self, name: &str) -> Result<TensorView<'a>, TensorsError> {
        Ok(self.arrays.tensor(name)?)
    }

    /// The shape of an array that has `N` sides.
    ///
    /// # Errors
    /// When there is no such array, or it has another number of sides.
    pub fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N], TensorsError> {
        let array = self.array(name)?;
        <[usize; N]>::try_from(array.shape()).map_err(|_| TensorsError::Sides {
            name: name.to_owned(),
            found: array.shape().to_vec(),
            sides: N,
        })
    }

    /// The numbers of an array that has exactly this shape, row-major.
    ///
    /// # Errors
    /// When there is no such array, or it has another type or shape.
    pub fn values<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>, TensorsError> {
        let array = self.array(name)?;
        let right = numbers(&array).filter(|_| array.shape() == shape);
        right.ok_or_else(|| TensorsError::Array {
            name: name.to_owned(),
            found: (array.dtype(), array.shape().to_vec()),
            expected: (T::DTYPE, shape.to_vec()),
        })
    }
}
