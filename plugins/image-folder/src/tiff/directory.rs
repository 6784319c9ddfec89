//! What a TIFF file says of its first image, and how to make it say something else.

use std::collections::BTreeMap;
use std::ops::Range;

/// Numbers of the entries that matter here.
pub mod tag {
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const COLOURS: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const ORIENTATION: u16 = 274;
    pub const CHANNELS: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const PLANAR: u16 = 284;
    pub const PREDICTOR: u16 = 317;
    pub const COLOUR_MAP: u16 = 320;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const INKS: u16 = 332;
    pub const EXTRA: u16 = 338;
    pub const FORMAT: u16 = 339;
    pub const WEIGHTS: u16 = 529;
    pub const SUBSAMPLING: u16 = 530;
    pub const BLACK_AND_WHITE: u16 = 532;
    /// A number that nobody reads.
    pub const NOTHING: u16 = 65_000;
}

const SHORT: u16 = 3;
const LONG: u16 = 4;
const RATIONAL: u16 = 5;

/// The first directory of a file.
pub struct Directory {
    little: bool,
    big: bool,
    entries: BTreeMap<u16, Entry>,
}

struct Entry {
    /// Where the entry itself begins in the file.
    place: usize,
    kind: u16,
    count: usize,
    /// Where its values are.
    values: Range<usize>,
}

/// Whether a file begins like a TIFF, of 32 or 64 bits.
pub fn is_tiff(bytes: &[u8]) -> bool {
    let beginnings: [&[u8]; 4] = [b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"];
    beginnings.iter().any(|known| bytes.starts_with(known))
}

impl Directory {
    /// Reads the first directory; `None` where it does not lie within the file.
    pub fn read(file: &[u8]) -> Option<Directory> {
        let little = file.starts_with(b"II");
        let big = file.get(2..4)?.contains(&b'+');
        let mut directory = Directory {
            little,
            big,
            entries: BTreeMap::new(),
        };
        let number = |range| directory.number(file, range);
        let begin = match big {
            true => number(8..16)?,
            false => number(4..8)?,
        };
        let begin = usize::try_from(begin).ok()?;
        // Widths of the number of entries, of one entry, and of its count and its values.
        let (head, width, part) = match big {
            true => (8, 20, 8),
            false => (2, 12, 4),
        };
        let entries = usize::try_from(number(begin..begin.checked_add(head)?)?).ok()?;
        let mut found = BTreeMap::new();
        for entry in 0..entries {
            let place = begin
                .checked_add(head)?
                .checked_add(entry.checked_mul(width)?)?;
            file.get(place..place.checked_add(width)?)?;
            let name = number(place..place + 2)? as u16;
            let kind = number(place + 2..place + 4)? as u16;
            let count = usize::try_from(number(place + 4..place + 4 + part)?).ok()?;
            let length = count.checked_mul(bytes_of(kind))?;
            let inside = place + 4 + part;
            let start = match length <= part {
                true => inside,
                false => usize::try_from(number(inside..inside + part)?).ok()?,
            };
            let values = start..start.checked_add(length)?;
            if values.end <= file.len() {
                found.insert(
                    name,
                    Entry {
                        place,
                        kind,
                        count,
                        values,
                    },
                );
            }
        }
        directory.entries = found;
        Some(directory)
    }

    /// A number at these bytes.
    fn number(&self, file: &[u8], range: Range<usize>) -> Option<u64> {
        let bytes = file.get(range)?.iter();
        let join = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Some(match self.little {
            true => bytes.rev().fold(0, join),
            false => bytes.fold(0, join),
        })
    }

    /// The whole numbers of an entry.
    pub fn numbers(&self, file: &[u8], name: u16) -> Option<Vec<u64>> {
        let entry = self.entries.get(&name)?;
        let width = bytes_of(entry.kind);
        if !matches!(entry.kind, 1 | SHORT | LONG | 13 | 16) {
            return None;
        }
        let values = entry.values.clone().step_by(width);
        values.map(|at| self.number(file, at..at + width)).collect()
    }

    /// The first number of an entry.
    pub fn first(&self, file: &[u8], name: u16) -> Option<u64> {
        self.numbers(file, name)?.first().copied()
    }

    /// The numbers of an entry, fractions among them.
    pub fn fractions(&self, file: &[u8], name: u16) -> Option<Vec<f64>> {
        let entry = self.entries.get(&name)?;
        if entry.kind != RATIONAL {
            return Some(
                self.numbers(file, name)?
                    .iter()
                    .map(|&n| n as f64)
                    .collect(),
            );
        }
        let values = entry.values.clone().step_by(8);
        values
            .map(|at| {
                Some(
                    self.number(file, at..at + 4)? as f64
                        / self.number(file, at + 4..at + 8)? as f64,
                )
            })
            .collect()
    }

    /// Puts one number in place of what an entry holds, or does nothing where there is no such entry.
    pub fn set(&mut self, file: &mut [u8], name: u16, number: u32) {
        let (little, big) = (self.little, self.big);
        let Some(entry) = self.entries.get_mut(&name) else {
            return;
        };
        let mut write = |at: usize, number: u64, width: usize| {
            let bytes = number.to_le_bytes();
            let bytes = bytes[..width].iter();
            let place = file[at..at + width].iter_mut();
            match little {
                true => place.zip(bytes).for_each(|(to, from)| *to = *from),
                false => place.zip(bytes.rev()).for_each(|(to, from)| *to = *from),
            }
        };
        let (part, inside) = match big {
            true => (8, entry.place + 12),
            false => (4, entry.place + 8),
        };
        write(entry.place + 2, LONG.into(), 2);
        write(entry.place + 4, 1, part);
        // Values narrower than their place stand at its beginning.
        write(inside, number.into(), 4);
        (entry.kind, entry.count, entry.values) = (LONG, 1, inside..inside + 4);
    }

    /// Makes an entry one that nobody reads.
    pub fn forget(&mut self, file: &mut [u8], name: u16) {
        if let Some(entry) = self.entries.remove(&name) {
            let number = match self.little {
                true => tag::NOTHING.to_le_bytes(),
                false => tag::NOTHING.to_be_bytes(),
            };
            file[entry.place..entry.place + 2].copy_from_slice(&number);
        }
    }
}

/// The width of a value of this kind.
fn bytes_of(kind: u16) -> usize {
    match kind {
        1 | 2 | 6 | 7 => 1,
        SHORT | 8 => 2,
        RATIONAL | 10 | 12 | 16 | 17 | 18 => 8,
        _ => 4,
    }
}
