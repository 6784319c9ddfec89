//! The numbers of an image as they stand in the file.

use serde::{Deserialize, Serialize};
use tiff::decoder::DecodingResult;

/// What floats were taken for.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Floats {
    /// None is above 1, so 1 is white.
    ToOne,
    /// Some are above 1, so 255 is white.
    ToByte,
}

/// Numbers, the largest possible of which is white.
pub enum Numbers {
    /// Of up to 8 bits.
    Bytes(Vec<u8>, u32),
    /// Of 9 to 16 bits.
    Words(Vec<u16>, u32),
    Floats(Vec<f32>),
}

impl Numbers {
    /// Takes apart what was decoded: numbers of `bits`, `per_row` of them in a row that begins with a byte of its own.
    pub fn new(decoded: DecodingResult, bits: u32, per_row: usize) -> Result<Numbers, String> {
        Ok(match decoded {
            DecodingResult::U8(bytes) if bits == 8 => Numbers::Bytes(bytes, bits),
            DecodingResult::U8(bytes) if bits < 8 => {
                let unpacked = unpacked(&bytes, bits, per_row);
                Numbers::Bytes(unpacked.map(|number| number as u8).collect(), bits)
            }
            DecodingResult::U8(bytes) => {
                Numbers::Words(unpacked(&bytes, bits, per_row).collect(), bits)
            }
            DecodingResult::U16(words) => Numbers::Words(words, bits),
            DecodingResult::F16(floats) => {
                Numbers::Floats(floats.iter().map(|x| x.to_f32()).collect())
            }
            DecodingResult::F32(floats) => Numbers::Floats(floats),
            DecodingResult::F64(floats) => {
                Numbers::Floats(floats.iter().map(|&x| x as f32).collect())
            }
            _ => return Err(format!("cannot be decoded: whole numbers of {bits} bits")),
        })
    }

    pub fn len(&self) -> usize {
        match self {
            Numbers::Bytes(numbers, _) => numbers.len(),
            Numbers::Words(numbers, _) => numbers.len(),
            Numbers::Floats(numbers) => numbers.len(),
        }
    }

    /// Planes one after the other put pixel by pixel.
    pub fn interleaved(self, planes: usize, pixels: usize) -> Numbers {
        fn of<T: Copy>(numbers: Vec<T>, planes: usize, pixels: usize) -> Vec<T> {
            if planes == 1 || numbers.len() < planes * pixels {
                return numbers;
            }
            let places =
                (0..pixels).flat_map(|pixel| (0..planes).map(move |plane| plane * pixels + pixel));
            places.map(|place| numbers[place]).collect()
        }
        match self {
            Numbers::Bytes(numbers, bits) => Numbers::Bytes(of(numbers, planes, pixels), bits),
            Numbers::Words(numbers, bits) => Numbers::Words(of(numbers, planes, pixels), bits),
            Numbers::Floats(numbers) => Numbers::Floats(of(numbers, planes, pixels)),
        }
    }

    /// The whole number at a place; 0 where there are floats.
    pub fn whole(&self, at: usize) -> usize {
        match self {
            Numbers::Bytes(numbers, _) => numbers[at].into(),
            Numbers::Words(numbers, _) => numbers[at].into(),
            Numbers::Floats(_) => 0,
        }
    }

    /// The same as a part of 255.
    pub fn byte(&self, at: usize) -> u8 {
        let (Numbers::Bytes(_, bits) | Numbers::Words(_, bits)) = self else {
            return 0;
        };
        scaled(self.whole(at) as u32, *bits)
    }

    /// All of them as parts of 255, and what floats were taken for.
    pub fn into_bytes(self) -> Result<(Vec<u8>, Option<Floats>), String> {
        Ok(match self {
            Numbers::Bytes(numbers, 8) => (numbers, None),
            Numbers::Bytes(numbers, bits) => (
                numbers.iter().map(|&n| scaled(n.into(), bits)).collect(),
                None,
            ),
            Numbers::Words(numbers, bits) => (
                numbers.iter().map(|&n| scaled(n.into(), bits)).collect(),
                None,
            ),
            Numbers::Floats(numbers) => {
                let (least, most) = (numbers.iter())
                    .fold((f32::INFINITY, f32::NEG_INFINITY), |(least, most), &x| {
                        (least.min(x), most.max(x))
                    });
                if numbers.iter().any(|x| x.is_nan()) {
                    return Err("holds floats some of which are no numbers (NaN)".to_owned());
                }
                if least < 0.0 || most > 255.0 {
                    return Err(format!(
                        "holds floats from {least} to {most}, expected 0 to 1 or 0 to 255"
                    ));
                }
                let (floats, white) = match most <= 1.0 {
                    true => (Floats::ToOne, 255.0),
                    false => (Floats::ToByte, 1.0),
                };
                // A cast of a positive number cuts off.
                let bytes = numbers.iter().map(|x| (x * white + 0.5) as u8);
                (bytes.collect(), Some(floats))
            }
        })
    }
}

/// A number of so many bits as a part of 255, rounded.
fn scaled(number: u32, bits: u32) -> u8 {
    let most = (1 << bits) - 1;
    ((number * 255 + most / 2) / most) as u8
}

/// Numbers of up to 16 bits that stand close together, the highest bit first.
fn unpacked(bytes: &[u8], bits: u32, per_row: usize) -> impl Iterator<Item = u16> {
    let bits = bits as usize;
    let row_bytes = (per_row * bits).div_ceil(8).max(1);
    bytes.chunks_exact(row_bytes).flat_map(move |row| {
        (0..per_row).map(move |at| {
            let (first, last) = (at * bits / 8, (at * bits + bits - 1) / 8);
            let joined = row[first..=last]
                .iter()
                .fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
            let behind = (last + 1) * 8 - (at + 1) * bits;
            ((joined >> behind) & ((1 << bits) - 1)) as u16
        })
    })
}
