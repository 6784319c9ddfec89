//! The values of a tensor: raw bytes, typed fields, or a stretch of another file, of any type of number.

use std::borrow::Cow;

use bytes::Bytes;

use crate::message::Tensor;
use crate::{Beside, OnnxError};

/// `TensorProto.DataType`, of the numbers that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
#[allow(missing_docs, reason = "the names are those of NumPy")]
pub enum Element {
    Float32 = 1,
    Uint8 = 2,
    Int8 = 3,
    Uint16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
    Float64 = 11,
    Uint32 = 12,
    Uint64 = 13,
    Bfloat16 = 16,
}

impl Element {
    const ALL: [(Self, &'static str, usize); 13] = [
        (Self::Float32, "float32", 4),
        (Self::Uint8, "uint8", 1),
        (Self::Int8, "int8", 1),
        (Self::Uint16, "uint16", 2),
        (Self::Int16, "int16", 2),
        (Self::Int32, "int32", 4),
        (Self::Int64, "int64", 8),
        (Self::Bool, "bool", 1),
        (Self::Float16, "float16", 2),
        (Self::Float64, "float64", 8),
        (Self::Uint32, "uint32", 4),
        (Self::Uint64, "uint64", 8),
        (Self::Bfloat16, "bfloat16", 2),
    ];

    /// The element with this number; nothing for texts, complex numbers and those of fewer than 8 bits.
    pub fn of(number: i32) -> Option<Self> {
        let mut all = Self::ALL.iter().map(|(element, ..)| *element);
        all.find(|element| *element as i32 == number)
    }

    /// As Python calls it.
    pub fn name(self) -> &'static str {
        self.entry().1
    }

    /// Bytes of one value.
    pub fn size(self) -> usize {
        self.entry().2
    }

    fn entry(self) -> (Self, &'static str, usize) {
        let mut all = Self::ALL.into_iter();
        all.find(|(element, ..)| *element == self)
            .unwrap_or((self, "", 1))
    }

    /// Whether it is one of the floating-point types.
    pub fn is_float(self) -> bool {
        matches!(
            self,
            Self::Float32 | Self::Float16 | Self::Float64 | Self::Bfloat16
        )
    }
}

/// A tensor with its values.
#[derive(Clone, Debug, PartialEq)]
pub struct Array {
    /// Its sizes; none for a single number.
    pub shape: Vec<usize>,
    /// Row-major.
    pub numbers: Numbers,
}

/// Values, by what they are good for: floating-point types as `f32`, whole numbers and truth values as `i64`.
#[derive(Clone, Debug, PartialEq)]
pub enum Numbers {
    /// Of a floating-point type.
    Floats(Vec<f32>),
    /// Whole numbers, or 0 and 1 for truth values.
    Integers(Vec<i64>),
}

impl Array {
    /// A row-major array; `numbers` has to fit `shape`.
    pub(crate) fn floats(shape: &[usize], numbers: Vec<f32>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), numbers.len());
        Self {
            shape: shape.to_vec(),
            numbers: Numbers::Floats(numbers),
        }
    }

    pub(crate) fn integers(shape: &[usize], numbers: Vec<i64>) -> Self {
        debug_assert_eq!(shape.iter().product::<usize>(), numbers.len());
        Self {
            shape: shape.to_vec(),
            numbers: Numbers::Integers(numbers),
        }
    }

    /// How many values it has.
    pub fn len(&self) -> usize {
        match &self.numbers {
            Numbers::Floats(numbers) => numbers.len(),
            Numbers::Integers(numbers) => numbers.len(),
        }
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values where they are floating-point numbers.
    pub fn as_floats(&self) -> Option<&[f32]> {
        match &self.numbers {
            Numbers::Floats(numbers) => Some(numbers),
            Numbers::Integers(_) => None,
        }
    }

    /// The values where they are whole numbers.
    pub fn as_integers(&self) -> Option<&[i64]> {
        match &self.numbers {
            Numbers::Integers(numbers) => Some(numbers),
            Numbers::Floats(_) => None,
        }
    }

    /// The one value, where there is one in any number of dimensions.
    pub(crate) fn scalar(&self) -> Option<f64> {
        match &self.numbers {
            Numbers::Floats(numbers) => match numbers[..] {
                [number] => Some(f64::from(number)),
                _ => None,
            },
            Numbers::Integers(numbers) => match numbers[..] {
                [number] => Some(number as f64),
                _ => None,
            },
        }
    }
}

impl Tensor {
    /// The number of values its sizes come to.
    ///
    /// # Errors
    /// When a size is negative, or there are more values than can be counted.
    pub fn shape(&self) -> Result<(Vec<usize>, usize), OnnxError> {
        let sizes = self.dims.iter().map(|&dim| usize::try_from(dim).ok());
        let sizes: Option<Vec<usize>> = sizes.collect();
        let counted = sizes.and_then(|sizes| {
            let count = (sizes.iter()).try_fold(1usize, |count, &size| count.checked_mul(size))?;
            Some((sizes, count))
        });
        counted.ok_or_else(|| self.wrong(format!("has the shape {:?}", self.dims)))
    }

    /// What its values are.
    ///
    /// # Errors
    /// When they are no numbers of 8 bits or more.
    pub fn element(&self) -> Result<Element, OnnxError> {
        let number = self.data_type;
        Element::of(number).ok_or_else(|| {
            self.wrong(format!(
                "has elements of type {number}, which are not read; expected floating-point or whole numbers"
            ))
        })
    }

    /// Its values as bytes, little-endian, wherever they lie; the same memory where they lie in the file so.
    ///
    /// # Errors
    /// When there are not as many as its sizes say, or they cannot be read.
    pub fn bytes(&self, beside: &dyn Beside) -> Result<Bytes, OnnxError> {
        let (element, (_, count)) = (self.element()?, self.shape()?);
        let expected = count.checked_mul(element.size());
        let expected =
            expected.ok_or_else(|| self.wrong(format!("has the shape {:?}", self.dims)))?;
        let bytes = if self.data_location == Self::EXTERNAL {
            self.elsewhere(beside, expected)?
        } else if !self.raw_data.is_empty() || count == 0 {
            self.raw_data.clone()
        } else {
            self.typed(element)
        };
        if bytes.len() != expected {
            return Err(self.wrong(format!(
                "has {} bytes for shape {:?} of {}",
                bytes.len(),
                self.dims,
                element.name()
            )));
        }
        Ok(bytes)
    }

    /// Its values.
    ///
    /// # Errors
    /// As [`Tensor::bytes`].
    pub fn array(&self, beside: &dyn Beside) -> Result<Array, OnnxError> {
        let (element, (shape, _)) = (self.element()?, self.shape()?);
        let bytes = self.bytes(beside)?;
        let numbers = numbers(element, &bytes);
        Ok(Array { shape, numbers })
    }

    /// Values out of the fields that hold them by type.
    fn typed(&self, element: Element) -> Bytes {
        fn all<T: Copy, const N: usize>(values: &[T], bytes: impl Fn(T) -> [u8; N]) -> Bytes {
            let values = values.iter().flat_map(|value| bytes(*value));
            values.collect::<Vec<u8>>().into()
        }
        match element {
            Element::Float32 => all(&self.float_data, f32::to_le_bytes),
            Element::Float64 => all(&self.double_data, f64::to_le_bytes),
            Element::Int64 => all(&self.int64_data, i64::to_le_bytes),
            Element::Int32 => all(&self.int32_data, i32::to_le_bytes),
            Element::Uint64 => all(&self.uint64_data, u64::to_le_bytes),
            Element::Uint32 => all(&self.uint64_data, |value| (value as u32).to_le_bytes()),
            // Halves keep their bits in whole numbers.
            Element::Float16 | Element::Bfloat16 | Element::Int16 | Element::Uint16 => {
                all(&self.int32_data, |value| (value as u16).to_le_bytes())
            }
            Element::Int8 | Element::Uint8 | Element::Bool => {
                all(&self.int32_data, |value| [value as u8])
            }
        }
    }

    fn elsewhere(&self, beside: &dyn Beside, expected: usize) -> Result<Bytes, OnnxError> {
        let entry = |key: &str| {
            let mut entries = self.external_data.iter();
            entries
                .find(|entry| entry.key == key)
                .map(|entry| entry.value.as_str())
        };
        let file = entry("location").unwrap_or_default();
        let wrong = |problem: String| OnnxError::External {
            name: self.name.clone(),
            file: file.to_owned(),
            problem,
        };
        let number = |key: &str| -> Result<Option<u64>, OnnxError> {
            let Some(text) = entry(key) else {
                return Ok(None);
            };
            let number = text.parse();
            let number = number
                .map_err(|_| wrong(format!("at the {key} `{text}`, expected a number of bytes")))?;
            Ok(Some(number))
        };
        let offset = number("offset")?.unwrap_or(0);
        let length = number("length")?.unwrap_or(expected as u64);
        if length != expected as u64 {
            return Err(wrong(format!("{length} bytes of it, expected {expected}")));
        }
        beside.read(file, offset, expected).map_err(wrong)
    }

    fn wrong(&self, problem: String) -> OnnxError {
        OnnxError::Tensor {
            name: self.name.clone(),
            problem,
        }
    }
}

/// Little-endian bytes of whole elements as numbers.
fn numbers(element: Element, bytes: &[u8]) -> Numbers {
    fn all<T, const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
        let stored = bytes.as_chunks::<N>().0.iter();
        stored.map(|bytes| number(*bytes)).collect()
    }
    let integers = Numbers::Integers;
    match element {
        Element::Float32 => Numbers::Floats(all(bytes, f32::from_le_bytes)),
        Element::Float64 => Numbers::Floats(all(bytes, |bytes| f64::from_le_bytes(bytes) as f32)),
        Element::Float16 => {
            Numbers::Floats(all(bytes, |bytes| half::f16::from_le_bytes(bytes).to_f32()))
        }
        Element::Bfloat16 => Numbers::Floats(all(bytes, |bytes| {
            half::bf16::from_le_bytes(bytes).to_f32()
        })),
        Element::Int64 => integers(all(bytes, i64::from_le_bytes)),
        Element::Int32 => integers(all(bytes, |bytes| i32::from_le_bytes(bytes).into())),
        Element::Int16 => integers(all(bytes, |bytes| i16::from_le_bytes(bytes).into())),
        Element::Int8 => integers(all(bytes, |bytes| i8::from_le_bytes(bytes).into())),
        Element::Uint64 => integers(all(bytes, |bytes| {
            i64::try_from(u64::from_le_bytes(bytes)).unwrap_or(i64::MAX)
        })),
        Element::Uint32 => integers(all(bytes, |bytes| u32::from_le_bytes(bytes).into())),
        Element::Uint16 => integers(all(bytes, |bytes| u16::from_le_bytes(bytes).into())),
        Element::Uint8 | Element::Bool => {
            integers(all(bytes, |bytes| u8::from_le_bytes(bytes).into()))
        }
    }
}

/// The values of a constant node's tensor or of an initializer that may be of one number: without copying where they fit.
pub(crate) fn as_row(array: &Array) -> Cow<'_, [f32]> {
    match &array.numbers {
        Numbers::Floats(numbers) => Cow::Borrowed(numbers),
        Numbers::Integers(numbers) => {
            Cow::Owned(numbers.iter().map(|number| *number as f32).collect())
        }
    }
}
