//! The wire format of protocol buffers, as far as a model file is read and written: a message is a row of fields.
//!
//! Source: <https://protobuf.dev/programming-guides/encoding/>. Fields are borrowed from the file and copied as they are, so
//! that what this plugin does not know of a model survives.

use std::fmt;

/// One field of a message.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    /// Which field it is.
    pub number: u32,
    /// What it holds.
    pub value: Value<'a>,
    /// All its bytes, key included.
    pub raw: &'a [u8],
}

/// What a field holds.
#[derive(Clone, Copy)]
pub enum Value<'a> {
    /// A number of variable length.
    Number(u64),
    /// A text, a message, packed numbers.
    Bytes(&'a [u8]),
    /// Four or eight bytes.
    Fixed(&'a [u8]),
}

impl<'a> Field<'a> {
    /// The bytes of a text or a message.
    pub fn bytes(self) -> Result<&'a [u8], Broken> {
        match self.value {
            Value::Bytes(bytes) => Ok(bytes),
            _ => Err(Broken::Kind(self.number)),
        }
    }

    /// A text.
    pub fn text(self) -> Result<&'a str, Broken> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Broken::Text(self.number))
    }

    /// A number.
    pub fn number(self) -> Result<u64, Broken> {
        match self.value {
            Value::Number(number) => Ok(number),
            _ => Err(Broken::Kind(self.number)),
        }
    }

    /// Adds the numbers of a field that may hold one, or several packed.
    pub fn numbers(self, numbers: &mut Vec<i64>) -> Result<(), Broken> {
        match self.value {
            Value::Number(number) => numbers.push(number as i64),
            Value::Bytes(packed) => {
                let mut rest = Fields { rest: packed };
                while !rest.rest.is_empty() {
                    numbers.push(rest.varint()? as i64);
                }
            }
            Value::Fixed(_) => return Err(Broken::Kind(self.number)),
        }
        Ok(())
    }
}

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// They end within a field.
    Truncated,
    /// A field of a kind that the format does not have.
    Unknown(u8),
    /// A field that should hold something else.
    Kind(u32),
    /// A text that is not UTF-8.
    Text(u32),
    /// Messages within messages without end.
    Deep,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Broken::Truncated => write!(f, "it ends within a field"),
            Broken::Unknown(kind) => write!(f, "a field is of the unknown kind {kind}"),
            Broken::Kind(number) => write!(f, "field {number} holds something unexpected"),
            Broken::Text(number) => write!(f, "field {number} holds a text that is not UTF-8"),
            Broken::Deep => write!(f, "its graphs are nested too deeply"),
        }
    }
}

/// The fields of a message, in their order; an error ends them.
pub fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

/// See [`fields`].
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Broken>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Result<Field<'a>, Broken> {
        let start = self.rest;
        let key = self.varint()?;
        let number = u32::try_from(key >> 3).map_err(|_| Broken::Unknown(7))?;
        let value = match key & 7 {
            0 => Value::Number(self.varint()?),
            1 => Value::Fixed(self.take(8)?),
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Broken::Truncated)?;
                Value::Bytes(self.take(length)?)
            }
            5 => Value::Fixed(self.take(4)?),
            kind => return Err(Broken::Unknown(kind as u8)),
        };
        let raw = &start[..start.len() - self.rest.len()];
        Ok(Field { number, value, raw })
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut number = 0;
        for position in 0..10 {
            let byte = self.take(1)?[0];
            number |= u64::from(byte & 0x7f) << (7 * position);
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(Broken::Truncated)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(Broken::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Writes a field that holds a number.
pub fn write_number(message: &mut Vec<u8>, field: u32, number: u64) {
    write_varint(message, u64::from(field) << 3);
    write_varint(message, number);
}

/// Writes a field that holds a text or a message.
pub fn write_bytes(message: &mut Vec<u8>, field: u32, bytes: &[u8]) {
    write_varint(message, u64::from(field) << 3 | 2);
    write_varint(message, bytes.len() as u64);
    message.extend_from_slice(bytes);
}

fn write_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut message = Vec::new();
        write_number(&mut message, 1, 0);
        write_number(&mut message, 2, u64::MAX);
        write_bytes(&mut message, 300, b"name");
        let read: Vec<Field> = fields(&message).map(Result::unwrap).collect();
        assert_eq!(read[0].number(), Ok(0));
        assert_eq!(read[1].number(), Ok(u64::MAX));
        assert_eq!((read[2].number, read[2].text()), (300, Ok("name")));
        let whole: Vec<u8> = read.iter().flat_map(|field| field.raw).copied().collect();
        assert_eq!(whole, message);
    }

    #[test]
    fn broken_bytes_end_in_a_reason() {
        let cases: [(&[u8], Broken); 6] = [
            (&[0x08], Broken::Truncated),
            (&[0x0a, 0x02, b'a'], Broken::Truncated),
            (
                &[0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
                Broken::Truncated,
            ),
            (&[0xff; 12], Broken::Truncated),
            (&[0x0b], Broken::Unknown(3)),
            (&[0x0f], Broken::Unknown(7)),
        ];
        for (bytes, expected) in cases {
            let found = fields(bytes).find_map(Result::err);
            assert_eq!(found, Some(expected), "{bytes:?}");
        }
        let text = [0x0a, 0x01, 0xff];
        let field = fields(&text).next().unwrap().unwrap();
        assert_eq!(field.text(), Err(Broken::Text(1)));
        assert_eq!(field.number(), Err(Broken::Kind(1)));
    }

    #[test]
    fn numbers_come_alone_or_packed() {
        let bytes = [0x40, 0x05, 0x42, 0x03, 0x01, 0xac, 0x02];
        let mut numbers = Vec::new();
        for field in fields(&bytes) {
            field.unwrap().numbers(&mut numbers).unwrap();
        }
        assert_eq!(numbers, [5, 1, 300]);
    }
}
