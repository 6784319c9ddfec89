//! NumPy's files: `.npy` for one array, `.npz` for several in a ZIP archive.
//!
//! The format is described in NumPy's documentation of `numpy.lib.format`: a mark, the version, the length of a header, the
//! header (a Python dictionary with the keys `descr`, `fortran_order` and `shape`), the numbers.

use crate::header::Header;
use crate::numbers::{Array, Kind, Order, bytes_of};
use crate::problem::Problem;
use crate::unpack::{archive, listed, names_in};
use std::io::Read;

/// First bytes of a `.npy` file.
pub const MARK: &[u8] = b"\x93NUMPY";

/// A header is a line of text; a longer one is something else.
const LONGEST_HEADER: usize = 1 << 16;

/// An array of a file.
pub enum Content {
    /// Numbers.
    Numbers(Array),
    /// Words: the shape and the words.
    Words(Vec<usize>, Vec<String>),
}

impl Content {
    /// The shape of the array.
    pub fn shape(&self) -> &[usize] {
        match self {
            Content::Numbers(array) => &array.shape,
            Content::Words(shape, _) => shape,
        }
    }
}

/// The type of the elements.
enum Element {
    Number(Kind, Order),
    /// Words of so many characters of 32 bits, filled up with zeros.
    Characters(usize, Order),
    /// Words of so many bytes, filled up with zeros.
    Bytes(usize),
}

impl Element {
    /// Bytes of an element.
    fn bytes(&self) -> Option<usize> {
        match self {
            Element::Number(kind, _) => Some(kind.bytes()),
            Element::Characters(count, _) => count.checked_mul(4),
            Element::Bytes(count) => Some(*count),
        }
    }
}

/// The array in a `.npy` file. The error goes on where "the file" leaves off.
pub fn array(mut file: impl Read) -> Result<Content, Problem> {
    let cut = |error: std::io::Error| Problem::from(format!("ends within its header ({error})"));
    let mut begin = Vec::new();
    (&mut file).take(8).read_to_end(&mut begin).map_err(cut)?;
    let [0x93, b'N', b'U', b'M', b'P', b'Y', major, _] = *begin else {
        return Err(Problem::other_file(&begin, "an array of NumPy"));
    };
    let mut length = [0; 4];
    let counted = if major == 1 { 2 } else { 4 };
    file.read_exact(&mut length[..counted]).map_err(cut)?;
    let length = u32::from_le_bytes(length) as usize;
    if !(1..=3).contains(&major) || length > LONGEST_HEADER {
        return Err(Problem::from(format!(
            "has a header of version {major} with {length} bytes, expected version 1 to 3 and at most {LONGEST_HEADER}"
        )));
    }
    let mut header = vec![0; length];
    file.read_exact(&mut header).map_err(cut)?;
    let header = Header::parse(&String::from_utf8_lossy(&header))?;
    let element = element(&header.descr)?;
    let has = |problem: String| Problem::from(format!("has {problem}"));
    let size = element.bytes().filter(|size| *size > 0);
    let Some(size) = size else {
        return Err(format!("holds words of type {:?}, which are empty", header.descr).into());
    };
    let wanted = bytes_of(&header.shape, size).map_err(has)?;
    let mut bytes = Vec::new();
    if let Err(error) = file.take(wanted as u64).read_to_end(&mut bytes) {
        let after = bytes.len();
        return Err(format!("cannot be unpacked after {after} bytes ({error})").into());
    }
    let (kind, order) = match element {
        Element::Number(kind, order) => (kind, order),
        _ if bytes.len() != wanted => {
            let (found, shape) = (bytes.len(), &header.shape);
            let problem =
                format!("{found} bytes of words, expected {wanted} for the shape {shape:?}");
            return Err(has(problem));
        }
        _ => {
            let word = |(sample, bytes)| {
                word(&element, bytes).ok_or_else(|| {
                    Problem::from(format!("has a word that is not Unicode, number {sample}"))
                })
            };
            let words = bytes.chunks_exact(size).enumerate().map(word);
            return Ok(Content::Words(
                header.shape,
                words.collect::<Result<_, _>>()?,
            ));
        }
    };
    let array = Array::new(header.shape, kind, order, bytes).map_err(has)?;
    Ok(Content::Numbers(match header.is_column_major {
        true => array.read_by_columns(),
        false => array,
    }))
}

/// A word, without the zeros after it.
fn word(element: &Element, bytes: &[u8]) -> Option<String> {
    let Element::Characters(_, order) = element else {
        return std::str::from_utf8(bytes)
            .ok()
            .map(|word| word.trim_end_matches('\0').to_owned());
    };
    let character = |bytes: &[u8; 4]| {
        char::from_u32(match order {
            Order::Little => u32::from_le_bytes(*bytes),
            Order::Big => u32::from_be_bytes(*bytes),
        })
    };
    let word: Option<String> = bytes.as_chunks::<4>().0.iter().map(character).collect();
    word.map(|word| word.trim_end_matches('\0').to_owned())
}

/// The array `name` in the bytes of a `.npz` file.
pub fn array_in_archive(bytes: &[u8], name: &str) -> Result<Content, Problem> {
    let mut archive = archive(bytes)?;
    let Some(index) = archive.index_for_name(&format!("{name}.npy")) else {
        let names = names_in(&archive);
        let arrays: Vec<String> = (names
            .iter()
            .filter_map(|name| Some(name.strip_suffix(".npy")?.to_owned())))
        .collect();
        if arrays.is_empty() && !names.is_empty() {
            let problem = format!(
                "is a ZIP archive with {} in it, but no array of NumPy",
                listed(&names)
            );
            let is_of_torch = names.iter().any(|name| name.ends_with("data.pkl"));
            return Err(match is_of_torch {
                true => Problem::from(problem).with_hint(
                    "a file of PyTorch: save its tensors as safetensors or with NumPy's `savez`",
                ),
                false => problem.into(),
            });
        }
        return Err(missing(name, &arrays));
    };
    let within = format!("has an array `{name}` that ");
    let entry = archive
        .by_index(index)
        .map_err(|error| Problem::from(format!("cannot be unpacked ({error})")).within(&within))?;
    array(entry).map_err(|problem| problem.within(&within))
}

/// "has no array `x`; it has `a`, `b`".
pub fn missing(name: &str, names: &[String]) -> Problem {
    format!("has no array `{name}`; it has {}", listed(names)).into()
}

/// The type that a `descr` such as `<f8` stands for. NumPy also takes names such as `float64`.
fn element(descr: &str) -> Result<Element, Problem> {
    let (order, name) = match descr.split_at_checked(1) {
        Some((">", name)) => (Order::Big, name),
        Some(("<" | "|" | "=", name)) => (Order::Little, name),
        _ => (Order::Little, descr),
    };
    let kind = match name {
        "b1" | "?" | "bool" => Kind::Bool,
        "u1" | "B" | "uint8" => Kind::U8,
        "i1" | "b" | "int8" => Kind::I8,
        "u2" | "H" | "uint16" => Kind::U16,
        "i2" | "h" | "int16" => Kind::I16,
        "u4" | "I" | "uint32" => Kind::U32,
        "i4" | "i" | "int32" => Kind::I32,
        "u8" | "Q" | "L" | "uint64" | "uint" => Kind::U64,
        "i8" | "q" | "l" | "int64" | "int" => Kind::I64,
        "f2" | "e" | "float16" => Kind::F16,
        "f4" | "f" | "float32" => Kind::F32,
        "f8" | "d" | "float64" | "float" => Kind::F64,
        _ => return words(name, order).ok_or_else(|| unreadable(descr, name)),
    };
    Ok(Element::Number(kind, order))
}

/// The type of words of so many characters or bytes.
fn words(name: &str, order: Order) -> Option<Element> {
    let (letter, count) = name.split_at_checked(1)?;
    let count = count.parse().ok()?;
    match letter {
        "U" => Some(Element::Characters(count, order)),
        "S" | "a" => Some(Element::Bytes(count)),
        _ => None,
    }
}

/// A type that is not read, as what it is.
fn unreadable(descr: &str, name: &str) -> Problem {
    let expected = "expected numbers or words";
    match name.chars().next() {
        Some('O') => Problem::from(format!("holds Python objects (pickled), {expected}")).with_hint(
            "convert them before saving: `a.astype(str)` for words, `a.astype(float)` for numbers, `np.stack(a)` for arrays of one shape",
        ),
        Some('c' | 'F' | 'D') => {
            Problem::from(format!("holds complex numbers ({descr:?}), {expected}"))
                .with_hint("save what is wanted of them, such as `np.abs(a)`")
        }
        Some('M' | 'm') => Problem::from(format!("holds dates or durations ({descr:?}), {expected}"))
            .with_hint("save them as `a.astype(\"i8\")` or, for classes, `a.astype(str)`"),
        Some('V') => Problem::from(format!("holds raw bytes ({descr:?}), {expected}")).with_hint(
            "NumPy writes types that it does not know itself, such as bfloat16, so: save `a.astype(\"f4\")`",
        ),
        Some('f' | 'g') => Problem::from(format!(
            "holds floats of type {descr:?}, expected floats of 2, 4 or 8 bytes"
        ))
        .with_hint("save `a.astype(\"f8\")`"),
        _ => format!("holds elements of type {descr:?}, {expected}").into(),
    }
}
