//! Arrays of numbers of many types, as their bytes.

use half::{bf16, f16};

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 8 bits without sign.
    U8,
    /// 8 bits with sign.
    I8,
    /// 16 bits without sign.
    U16,
    /// 16 bits with sign.
    I16,
    /// 32 bits without sign.
    U32,
    /// 32 bits with sign.
    I32,
    /// 64 bits without sign.
    U64,
    /// 64 bits with sign.
    I64,
    /// A float of 16 bits.
    F16,
    /// The upper half of a float of 32 bits.
    Bf16,
    /// A float of 32 bits.
    F32,
    /// A float of 64 bits.
    F64,
}

impl Kind {
    /// Bytes of a number.
    pub fn bytes(self) -> usize {
        match self {
            Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 | Kind::Bf16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }
}

/// The order of the bytes of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// The least comes first.
    Little,
    /// The greatest comes first.
    Big,
}

/// An array, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Array {
    /// The sizes of its dimensions.
    pub shape: Vec<usize>,
    kind: Kind,
    /// The numbers, little-endian.
    bytes: Vec<u8>,
}

impl Array {
    /// An array of these bytes, of which there must be as many as the shape needs.
    pub fn new(
        shape: Vec<usize>,
        kind: Kind,
        order: Order,
        mut bytes: Vec<u8>,
    ) -> Result<Array, String> {
        let wanted = bytes_of(&shape, kind)?;
        if bytes.len() != wanted {
            let found = bytes.len();
            return Err(format!(
                "{found} bytes of numbers, expected {wanted} for the shape {shape:?}"
            ));
        }
        if order == Order::Big {
            for number in bytes.chunks_exact_mut(kind.bytes()) {
                number.reverse();
            }
        }
        Ok(Array { shape, kind, bytes })
    }

    /// The type of its numbers.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// How many numbers it has.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.kind.bytes()
    }

    /// The number at a position; integers beyond 2^53 are rounded.
    pub fn number(&self, position: usize) -> f64 {
        let size = self.kind.bytes();
        let bytes = &self.bytes[position * size..(position + 1) * size];
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(bytes);
        let unsigned = u64::from_le_bytes(wide);
        match self.kind {
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => unsigned as f64,
            Kind::I8 => f64::from(unsigned as u8 as i8),
            Kind::I16 => f64::from(unsigned as u16 as i16),
            Kind::I32 => f64::from(unsigned as u32 as i32),
            Kind::I64 => unsigned as i64 as f64,
            Kind::F16 => f16::from_bits(unsigned as u16).to_f64(),
            Kind::Bf16 => bf16::from_bits(unsigned as u16).to_f64(),
            Kind::F32 => f64::from(f32::from_bits(unsigned as u32)),
            Kind::F64 => f64::from_bits(unsigned),
        }
    }

    /// Its numbers as integers; the error is the position of the first that is none.
    pub fn integers(&self) -> Result<Vec<i64>, usize> {
        let integer = |position| {
            let number = self.number(position);
            // From 2^53 on floats skip integers, and two labels could become one.
            let exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
            exact.then_some(number as i64).ok_or(position)
        };
        (0..self.len()).map(integer).collect()
    }

    /// What the same numbers are as an array written column by column: the first dimension changes fastest.
    pub fn read_by_columns(self) -> Array {
        let size = self.kind.bytes();
        let mut strides = Vec::new();
        let mut stride = size;
        for dim in &self.shape {
            strides.push(stride);
            stride *= dim;
        }
        let mut bytes = Vec::with_capacity(self.bytes.len());
        let mut index = vec![0; self.shape.len()];
        for _ in 0..self.len() {
            let position: usize = strides.iter().zip(&index).map(|(s, i)| s * i).sum();
            bytes.extend_from_slice(&self.bytes[position..position + size]);
            for (i, &dim) in index.iter_mut().zip(&self.shape).rev() {
                *i += 1;
                if *i < dim {
                    break;
                }
                *i = 0;
            }
        }
        Array { bytes, ..self }
    }
}

/// The bytes of an array of this shape.
pub fn bytes_of(shape: &[usize], kind: Kind) -> Result<usize, String> {
    shape
        .iter()
        .try_fold(kind.bytes(), |bytes, &dim| bytes.checked_mul(dim))
        .filter(|&bytes| isize::try_from(bytes).is_ok())
        .ok_or_else(|| format!("the shape {shape:?}, which no memory can hold"))
}
