//! Arrays of numbers of many types, as their bytes.

use half::{bf16, f16};

/// What the numbers of an array have in common.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// The least finite number.
    pub least: f64,
    /// The greatest finite number.
    pub greatest: f64,
    /// Whether all finite numbers are integers.
    pub are_whole: bool,
    /// Where the first stands that is not finite.
    pub not_finite: Option<usize>,
}

/// The type of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// 0 or 1 in 8 bits.
    Bool,
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
            Kind::Bool | Kind::U8 | Kind::I8 => 1,
            Kind::U16 | Kind::I16 | Kind::F16 | Kind::Bf16 => 2,
            Kind::U32 | Kind::I32 | Kind::F32 => 4,
            Kind::U64 | Kind::I64 | Kind::F64 => 8,
        }
    }

    /// The number that these bits are; integers beyond 2^53 are rounded.
    #[inline(always)]
    fn number(self, bits: u64) -> f64 {
        match self {
            Kind::Bool => f64::from(u8::from(bits != 0)),
            Kind::U8 | Kind::U16 | Kind::U32 | Kind::U64 => bits as f64,
            Kind::I8 => f64::from(bits as u8 as i8),
            Kind::I16 => f64::from(bits as u16 as i16),
            Kind::I32 => f64::from(bits as u32 as i32),
            Kind::I64 => bits as i64 as f64,
            Kind::F16 => f16::from_bits(bits as u16).to_f64(),
            Kind::Bf16 => bf16::from_bits(bits as u16).to_f64(),
            Kind::F32 => f64::from(f32::from_bits(bits as u32)),
            Kind::F64 => f64::from_bits(bits),
        }
    }

    /// From here on floats of this type skip integers, and two of them could have become one; below lies every other number.
    pub fn exact_to(self) -> f64 {
        match self {
            Kind::F16 => 2_048.0,
            Kind::Bf16 => 256.0,
            Kind::F32 => 16_777_216.0,
            _ => 9_007_199_254_740_992.0,
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
        let wanted = bytes_of(&shape, kind.bytes())?;
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

    /// The bits of the number at a position.
    fn bits(&self, position: usize) -> u64 {
        let size = self.kind.bytes();
        let bytes = &self.bytes[position * size..(position + 1) * size];
        let mut wide = [0; 8];
        wide[..size].copy_from_slice(bytes);
        u64::from_le_bytes(wide)
    }

    /// The number at a position; integers beyond 2^53 are rounded.
    pub fn number(&self, position: usize) -> f64 {
        self.kind.number(self.bits(position))
    }

    /// Gives `take` the numbers at these positions, in their order. Its type is told apart before the first, and not for each:
    /// of images there are millions.
    pub fn each(&self, positions: std::ops::Range<usize>, take: impl FnMut(f64)) {
        let size = self.kind.bytes();
        let bytes = &self.bytes[positions.start * size..positions.end * size];
        match self.kind {
            Kind::Bool => each::<1>(bytes, |bits| Kind::Bool.number(bits), take),
            Kind::U8 => each::<1>(bytes, |bits| Kind::U8.number(bits), take),
            Kind::I8 => each::<1>(bytes, |bits| Kind::I8.number(bits), take),
            Kind::U16 => each::<2>(bytes, |bits| Kind::U16.number(bits), take),
            Kind::I16 => each::<2>(bytes, |bits| Kind::I16.number(bits), take),
            Kind::F16 => each::<2>(bytes, |bits| Kind::F16.number(bits), take),
            Kind::Bf16 => each::<2>(bytes, |bits| Kind::Bf16.number(bits), take),
            Kind::U32 => each::<4>(bytes, |bits| Kind::U32.number(bits), take),
            Kind::I32 => each::<4>(bytes, |bits| Kind::I32.number(bits), take),
            Kind::F32 => each::<4>(bytes, |bits| Kind::F32.number(bits), take),
            Kind::U64 => each::<8>(bytes, |bits| Kind::U64.number(bits), take),
            Kind::I64 => each::<8>(bytes, |bits| Kind::I64.number(bits), take),
            Kind::F64 => each::<8>(bytes, |bits| Kind::F64.number(bits), take),
        }
    }

    /// The number at a position as an integer, exact; `None` where it is none, or a float so large that floats skip integers there.
    pub fn integer(&self, position: usize) -> Option<i128> {
        let number = self.number(position);
        match self.kind {
            Kind::U64 => Some(self.bits(position).into()),
            Kind::I64 => Some((self.bits(position) as i64).into()),
            kind => {
                (number.fract() == 0.0 && number.abs() < kind.exact_to()).then_some(number as i128)
            }
        }
    }

    /// The numbers from the least to the greatest.
    pub fn range(&self) -> Range {
        let mut range = Range {
            least: f64::INFINITY,
            greatest: f64::NEG_INFINITY,
            are_whole: true,
            not_finite: None,
        };
        let mut position = 0;
        self.each(0..self.len(), |number| {
            if number.is_finite() {
                range.least = range.least.min(number);
                range.greatest = range.greatest.max(number);
                range.are_whole = range.are_whole && number.fract() == 0.0;
            } else if range.not_finite.is_none() {
                range.not_finite = Some(position);
            }
            position += 1;
        });
        range
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

fn each<const SIZE: usize>(bytes: &[u8], number: impl Fn(u64) -> f64, mut take: impl FnMut(f64)) {
    for bytes in bytes.as_chunks::<SIZE>().0 {
        let mut wide = [0; 8];
        wide[..SIZE].copy_from_slice(bytes);
        take(number(u64::from_le_bytes(wide)));
    }
}

/// The bytes of an array of this shape with elements of `size` bytes.
pub fn bytes_of(shape: &[usize], size: usize) -> Result<usize, String> {
    shape
        .iter()
        .try_fold(size, |bytes, &dim| bytes.checked_mul(dim))
        .filter(|&bytes| isize::try_from(bytes).is_ok())
        .ok_or_else(|| format!("the shape {shape:?}, which no memory can hold"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_a_run_are_those_at_their_positions() {
        use Kind::*;
        for kind in [
            Bool, U8, I8, U16, I16, U32, I32, U64, I64, F16, Bf16, F32, F64,
        ] {
            // Every byte occurs, so there are signs, large numbers, infinities and numbers that are none.
            let bytes: Vec<u8> = (0..1024).map(|place| (place * 151 % 257) as u8).collect();
            let shape = vec![bytes.len() / kind.bytes()];
            let array = Array::new(shape, kind, Order::Little, bytes).unwrap();
            let mut position = 3;
            array.each(3..array.len() - 1, |number| {
                let alone = array.number(position);
                assert_eq!(number.to_bits(), alone.to_bits(), "{kind:?} {position}");
                position += 1;
            });
            assert_eq!(position, array.len() - 1);
        }
    }
}
