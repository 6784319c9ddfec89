//! One tensor of a file, its values still as they lie there.

use bytes::Bytes;

use crate::{Format, WeightsError};

/// A named tensor of a file.
#[derive(Clone, Debug)]
pub struct Tensor {
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) dtype: Dtype,
    /// The values, little-endian: of this tensor alone, unless there are `strides`.
    pub(crate) data: Bytes,
    /// Where `data` is shared: the index of the first value, and the distances from value to value along
    /// each dimension, which have been checked to stay within.
    pub(crate) strides: Option<(usize, Vec<usize>)>,
}

/// The type of a tensor's numbers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dtype {
    /// IEEE 754 numbers of 64 bits.
    F64,
    /// IEEE 754 numbers of 32 bits.
    F32,
    /// IEEE 754 numbers of 16 bits.
    F16,
    /// The first half of an `F32`.
    Bf16,
    /// Whole numbers of 64 bits.
    I64,
    /// Whole numbers of 32 bits.
    I32,
    /// Whole numbers of 16 bits.
    I16,
    /// Whole numbers of 8 bits.
    I8,
    /// Bytes.
    U8,
    /// Truth values, one a byte.
    Bool,
    /// Another one, by its name in the file.
    Other(String),
}

impl Dtype {
    /// The usual short name, such as `F32`.
    pub fn name(&self) -> &str {
        match self {
            Self::F64 => "F64",
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::Bf16 => "BF16",
            Self::I64 => "I64",
            Self::I32 => "I32",
            Self::I16 => "I16",
            Self::I8 => "I8",
            Self::U8 => "U8",
            Self::Bool => "BOOL",
            Self::Other(name) => name,
        }
    }

    /// Bytes of one value; nothing for types that are only listed.
    pub(crate) fn size(&self) -> Option<usize> {
        match self {
            Self::F64 | Self::I64 => Some(8),
            Self::F32 | Self::I32 => Some(4),
            Self::F16 | Self::Bf16 | Self::I16 => Some(2),
            Self::I8 | Self::U8 | Self::Bool => Some(1),
            Self::Other(_) => None,
        }
    }

    fn is_float(&self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }
}

impl Tensor {
    /// Its name in the file.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its dimensions; none for a single number.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The type of its numbers.
    pub fn dtype(&self) -> &Dtype {
        &self.dtype
    }

    /// What keeps its values from being weights.
    pub(crate) fn unusable(&self) -> Option<String> {
        (!self.dtype.is_float()).then(|| {
            let expected = "expected F32, F16, BF16 or F64";
            format!("of type {}, {expected}", self.dtype.name())
        })
    }

    /// Its values as `f32`, row-major; nothing where they are no floating-point numbers.
    pub fn values(&self) -> Option<Vec<f32>> {
        Some(match self.dtype {
            Dtype::F32 => self.read(f32::from_le_bytes),
            Dtype::F64 => self.read(|bytes| f64::from_le_bytes(bytes) as f32),
            Dtype::F16 => self.read(|bytes| half::f16::from_le_bytes(bytes).to_f32()),
            Dtype::Bf16 => self.read(|bytes| half::bf16::from_le_bytes(bytes).to_f32()),
            _ => return None,
        })
    }

    fn read<const SIZE: usize>(&self, number: impl Fn([u8; SIZE]) -> f32) -> Vec<f32> {
        let stored = self.data.as_chunks::<SIZE>().0;
        let Some((first, strides)) = &self.strides else {
            return stored.iter().map(|&bytes| number(bytes)).collect();
        };
        let count = self.shape.iter().product();
        let mut values = Vec::with_capacity(count);
        let mut index = vec![0; self.shape.len()];
        for _ in 0..count {
            let steps = index.iter().zip(strides);
            let at = first + steps.map(|(index, stride)| index * stride).sum::<usize>();
            values.push(number(stored[at]));
            for (index, &dim) in index.iter_mut().zip(&self.shape).rev() {
                *index += 1;
                if *index < dim {
                    break;
                }
                *index = 0;
            }
        }
        values
    }
}

/// The number of values in a shape, if it can be counted.
pub(crate) fn elements(shape: &[usize]) -> Option<usize> {
    shape
        .iter()
        .try_fold(1usize, |product, &dim| product.checked_mul(dim))
}

/// Checks that `data` holds as many values as the shape says.
pub(crate) fn check_length(
    format: Format,
    name: &str,
    shape: &[usize],
    dtype: &Dtype,
    data: &Bytes,
) -> Result<(), WeightsError> {
    let expected = elements(shape).zip(dtype.size());
    let expected = expected.and_then(|(elements, size)| elements.checked_mul(size));
    match expected {
        Some(expected) if expected == data.len() => Ok(()),
        None if dtype.size().is_none() => Ok(()),
        _ => Err(WeightsError::Damaged {
            format,
            problem: format!(
                "tensor `{name}` has {} bytes for shape {shape:?} of {}",
                data.len(),
                dtype.name()
            ),
        }),
    }
}
