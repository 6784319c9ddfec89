//! Which test examples hold: one bit for each.

use std::fmt::Write as _;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

const WORD: usize = u64::BITS as usize;
/// RFC 4648, section 4.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// One bit for every test example, in their order: whether it is classified correctly, say.
///
/// Written as `{"len": 10, "bits": "/wM="}`: example `i` is bit `i % 8` (from the lowest) of byte
/// `i / 8`, and the `len.div_ceil(8)` bytes are in base64 (RFC 4648, section 4, padded).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Bits {
    len: usize,
    /// `len.div_ceil(64)` of them, the first example in the lowest bit. Bits past `len` are 0, so
    /// that counts need no mask.
    words: Vec<u64>,
}

impl Bits {
    /// One bit for each of these, in their order.
    pub fn from_bools(bools: impl IntoIterator<Item = bool>) -> Self {
        let mut bits = Self::default();
        for bit in bools {
            if bits.len.is_multiple_of(WORD) {
                bits.words.push(0);
            }
            if let Some(last) = bits.words.last_mut() {
                *last |= u64::from(bit) << (bits.len % WORD);
            }
            bits.len += 1;
        }
        bits
    }

    /// How many examples there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no examples.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The bit of one example; `None` past the end.
    pub fn get(&self, index: usize) -> Option<bool> {
        (index < self.len).then(|| self.words[index / WORD] >> (index % WORD) & 1 == 1)
    }

    /// How many of the bits are 1.
    pub fn count_ones(&self) -> u64 {
        count(self.words.iter().copied())
    }

    /// How many bits are 1 in both. Of bitmaps that differ in length, the examples both have count.
    pub fn overlap(&self, other: &Self) -> u64 {
        count(self.words.iter().zip(&other.words).map(|(a, b)| a & b))
    }

    /// The bits in the order of the examples.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = bool> {
        (0..self.len).map(|index| self.words[index / WORD] >> (index % WORD) & 1 == 1)
    }

    fn to_base64(&self) -> String {
        let bytes: Vec<u8> = (self.words.iter())
            .flat_map(|word| word.to_le_bytes())
            .take(self.len.div_ceil(8))
            .collect();
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for group in bytes.chunks(3) {
            let byte = |at: usize| u32::from(group.get(at).copied().unwrap_or(0));
            let joined = byte(0) << 16 | byte(1) << 8 | byte(2);
            for place in 0..4 {
                text.push(match place <= group.len() {
                    true => ALPHABET[(joined >> (18 - 6 * place)) as usize & 63].into(),
                    false => '=',
                });
            }
        }
        text
    }

    fn from_base64(len: usize, text: &str) -> Result<Self, String> {
        let bytes = len.div_ceil(8);
        let expected = bytes.div_ceil(3) * 4;
        if text.len() != expected {
            return Err(format!(
                "{len} bits are {expected} characters of base64, not {}",
                text.len()
            ));
        }
        let padding = expected - (bytes * 4).div_ceil(3);
        let mut words = vec![0_u64; len.div_ceil(WORD)];
        // What lies past the bytes there are: the rest of the last character.
        let mut beyond = 0;
        for (place, character) in text.bytes().enumerate() {
            let padded = place >= expected - padding;
            let value = match ALPHABET.iter().position(|known| *known == character) {
                Some(value) if !padded => value as u64,
                None if padded && character == b'=' => 0,
                _ => {
                    let mut message = format!("the character {place} of the base64 is ");
                    // Writing to a string never fails.
                    let _ = write!(message, "{:?}", char::from(character));
                    return Err(message);
                }
            };
            // From the highest of the character's bits on; bytes are big-endian within a group.
            for bit in 0..6 {
                if value >> (5 - bit) & 1 == 1 {
                    let at = 6 * place + bit;
                    let index = at / 8 * 8 + (7 - at % 8);
                    match index < len {
                        true => words[index / WORD] |= 1 << (index % WORD),
                        false => beyond += 1,
                    }
                }
            }
        }
        match beyond {
            0 => Ok(Self { len, words }),
            _ => Err(format!("bits past the {len} there are must be 0")),
        }
    }
}

fn count(words: impl Iterator<Item = u64>) -> u64 {
    words.map(|word| u64::from(word.count_ones())).sum()
}

impl FromIterator<bool> for Bits {
    fn from_iter<I: IntoIterator<Item = bool>>(bools: I) -> Self {
        Self::from_bools(bools)
    }
}

/// As it is written.
#[derive(Serialize, Deserialize)]
struct Written<T> {
    len: usize,
    bits: T,
}

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (len, bits) = (self.len, self.to_base64());
        Written { len, bits }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Written { len, bits } = Written::<String>::deserialize(deserializer)?;
        Self::from_base64(len, &bits).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Expected texts: `base64.b64encode(numpy.packbits(bits, bitorder="little"))`.
    #[test]
    fn written_as_base64() {
        let check = |bits: &[u8], expected: &str| {
            let bits = Bits::from_bools(bits.iter().map(|bit| *bit == 1));
            let text = serde_json::to_string(&bits).unwrap();
            assert_eq!(text, expected);
            assert_eq!(serde_json::from_str::<Bits>(&text).unwrap(), bits);
        };
        check(&[], r#"{"len":0,"bits":""}"#);
        check(&[1], r#"{"len":1,"bits":"AQ=="}"#);
        check(&[1; 10], r#"{"len":10,"bits":"/wM="}"#);
        check(&[0, 1, 1, 0, 1], r#"{"len":5,"bits":"Fg=="}"#);
        check(&[1; 24], r#"{"len":24,"bits":"////"}"#);
    }

    #[test]
    fn what_is_no_bitmap_is_refused() {
        let check = |text: &str, expected: &str| {
            let error = serde_json::from_str::<Bits>(text).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        };
        check(
            r#"{"len":1,"bits":""}"#,
            "1 bits are 4 characters of base64, not 0",
        );
        check(
            r#"{"len":1,"bits":"Ag=="}"#,
            "bits past the 1 there are must be 0",
        );
        check(
            r#"{"len":8,"bits":"/x=="}"#,
            "bits past the 8 there are must be 0",
        );
        check(
            r#"{"len":8,"bits":"/wA="}"#,
            "the character 2 of the base64 is 'A'",
        );
        check(
            r#"{"len":8,"bits":"!w=="}"#,
            "the character 0 of the base64 is '!'",
        );
        check(
            r#"{"len":24,"bits":"//=="}"#,
            "the character 2 of the base64 is '='",
        );
        check(r#"{"bits":""}"#, "missing field `len`");
    }

    proptest! {
        #[test]
        fn bits_are_bools(bools in prop::collection::vec(any::<(bool, bool)>(), 0..300)) {
            let (a, b): (Vec<bool>, Vec<bool>) = bools.iter().copied().unzip();
            let bits = Bits::from_bools(a.iter().copied());
            let other = Bits::from_bools(b.iter().copied());
            prop_assert_eq!(bits.len(), a.len());
            prop_assert!(bits.iter().eq(a.iter().copied()));
            for index in 0..a.len() + 70 {
                prop_assert_eq!(bits.get(index), a.get(index).copied());
            }
            prop_assert_eq!(bits.count_ones(), a.iter().filter(|bit| **bit).count() as u64);
            let both = bools.iter().filter(|(a, b)| *a && *b).count() as u64;
            prop_assert_eq!(bits.overlap(&other), both);
            let text = serde_json::to_string(&bits).unwrap();
            prop_assert_eq!(serde_json::from_str::<Bits>(&text).unwrap(), bits);
        }
    }
}
