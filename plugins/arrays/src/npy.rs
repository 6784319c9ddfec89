//! NumPy's files: `.npy` for one array, `.npz` for several in a ZIP archive.
//!
//! The format is described in NumPy's documentation of `numpy.lib.format`: a mark, the version, the length of a header, the
//! header (a Python dictionary with the keys `descr`, `fortran_order` and `shape`), the numbers.

use crate::numbers::{Array, Kind, Order, bytes_of};
use std::io::{Cursor, Read};

/// First bytes of a `.npy` file.
pub const MARK: &[u8] = b"\x93NUMPY";

/// A header is a line of text; a longer one is something else.
const LONGEST_HEADER: usize = 1 << 16;

/// The array in a `.npy` file. The error goes on where "the file" leaves off.
pub fn array(mut file: impl Read) -> Result<Array, String> {
    let cut = |error: std::io::Error| format!("ends within its header ({error})");
    let mut begin = [0; 8];
    file.read_exact(&mut begin).map_err(cut)?;
    if !begin.starts_with(MARK) {
        return Err("is no `.npy` file: it begins otherwise".to_owned());
    }
    let [.., major, _] = begin;
    let mut length = [0; 4];
    let counted = if major == 1 { 2 } else { 4 };
    file.read_exact(&mut length[..counted]).map_err(cut)?;
    let length = u32::from_le_bytes(length) as usize;
    if !(1..=3).contains(&major) || length > LONGEST_HEADER {
        return Err(format!(
            "has a header of version {major} with {length} bytes, expected version 1 to 3 and at most {LONGEST_HEADER}"
        ));
    }
    let mut header = vec![0; length];
    file.read_exact(&mut header).map_err(cut)?;
    let text = String::from_utf8_lossy(&header);
    let Some(header) = Header::parse(&text) else {
        let text = text.trim();
        return Err(format!(
            "has the header {text:?}, expected descr, fortran_order and shape"
        ));
    };
    let (kind, order) = kind(header.descr)?;
    let wanted = bytes_of(&header.shape, kind).map_err(|problem| format!("has {problem}"))?;
    let mut bytes = Vec::new();
    if let Err(error) = file.take(wanted as u64).read_to_end(&mut bytes) {
        let after = bytes.len();
        return Err(format!("cannot be unpacked after {after} bytes ({error})"));
    }
    let array = Array::new(header.shape, kind, order, bytes);
    let array = array.map_err(|problem| format!("has {problem}"))?;
    Ok(match header.is_column_major {
        true => array.read_by_columns(),
        false => array,
    })
}

/// The array `name` in the bytes of a `.npz` file.
pub fn array_in_archive(bytes: &[u8], name: &str) -> Result<Array, String> {
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes))
        .map_err(|error| format!("is no sound ZIP archive ({error})"))?;
    let Some(index) = archive.index_for_name(&format!("{name}.npy")) else {
        let files: Vec<String> = archive
            .file_names()
            .filter_map(|file| Some(file.ok()?.into_owned()))
            .collect();
        let arrays = files.iter().filter_map(|file| file.strip_suffix(".npy"));
        return Err(missing(name, arrays));
    };
    let entry = archive
        .by_index(index)
        .map_err(|error| format!("has an array `{name}` that cannot be unpacked ({error})"))?;
    array(entry).map_err(|problem| format!("has an array `{name}` that {problem}"))
}

/// "has no array `x`; it has `a`, `b`".
pub fn missing<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> String {
    let names: Vec<String> = names.take(20).map(|name| format!("`{name}`")).collect();
    let has = match &*names {
        [] => "none".to_owned(),
        names => names.join(", "),
    };
    format!("has no array `{name}`; it has {has}")
}

/// The type that a `descr` such as `<f8` stands for.
fn kind(descr: &str) -> Result<(Kind, Order), String> {
    let (order, name) = match descr.split_at_checked(1) {
        Some((">", name)) => (Order::Big, name),
        Some(("<" | "|", name)) => (Order::Little, name),
        _ => (Order::Little, descr),
    };
    let kind = match name {
        "u1" | "b1" => Kind::U8,
        "i1" => Kind::I8,
        "u2" => Kind::U16,
        "i2" => Kind::I16,
        "u4" => Kind::U32,
        "i4" => Kind::I32,
        "u8" => Kind::U64,
        "i8" => Kind::I64,
        "f2" => Kind::F16,
        "f4" => Kind::F32,
        "f8" => Kind::F64,
        _ => {
            return Err(format!(
                "holds elements of type {descr:?}, expected integers or floats of 1 to 8 bytes"
            ));
        }
    };
    Ok((kind, order))
}

/// The header of a `.npy` file.
struct Header<'a> {
    descr: &'a str,
    is_column_major: bool,
    shape: Vec<usize>,
}

impl<'a> Header<'a> {
    /// Reads `{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }`.
    fn parse(text: &'a str) -> Option<Header<'a>> {
        let after = |key: &str| {
            let (_, rest) = text.split_once(&format!("'{key}':"))?;
            Some(rest.trim_start())
        };
        let (descr, _) = after("descr")?.strip_prefix('\'')?.split_once('\'')?;
        let order = after("fortran_order")?;
        let is_column_major = order.starts_with("True");
        if !is_column_major && !order.starts_with("False") {
            return None;
        }
        let (shape, _) = after("shape")?.strip_prefix('(')?.split_once(')')?;
        let dims = shape
            .split(',')
            .map(str::trim)
            .filter(|dim| !dim.is_empty());
        Some(Header {
            descr,
            is_column_major,
            shape: dims.map(|dim| dim.parse().ok()).collect::<Option<_>>()?,
        })
    }
}
