//! PyTorch's two file formats: a pickle that describes tensors, and their numbers beside it.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use bytes::Bytes;
use zip::{CompressionMethod, ZipArchive};

use crate::pickle::{Pickle, TensorView, Value};
use crate::tensor::elements;
use crate::{Format, Tensor, WeightsError};

/// The magic number 0x1950a86a20f9469cfc6c as a pickle of protocol 2, with which legacy files begin.
const MAGIC: &[u8] = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.";

/// Keys under which training programs keep the weights when they save more than those.
const NESTED: [&str; 3] = ["state_dict", "model_state_dict", "model"];

/// Bytes of the numbers by the keys of the storages.
type Storages = BTreeMap<String, Bytes>;

pub(crate) fn is_legacy(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Five pickles, of which the first is a magic number, the second the version, the third about the
/// machine, the fourth what was saved, the fifth the keys of the storages; then for each key the number of
/// values in 8 bytes, and the values. Source: `_legacy_save` in `torch/serialization.py`.
pub(crate) fn read_legacy(bytes: &Bytes) -> Result<Vec<Tensor>, WeightsError> {
    let format = Format::TorchLegacy;
    let mut at = MAGIC.len();
    let mut next = || {
        let (pickle, length) = Pickle::read(format, &bytes.slice(at..))?;
        at += length;
        Ok::<_, WeightsError>(pickle)
    };
    let (version, machine, saved, keys) = (next()?, next()?, next()?, next()?);
    if !matches!(version.root(), Value::Int(1001)) {
        return Err(unsupported(format, "its version is not 1001"));
    }
    let little_endian = match machine.root() {
        Value::Dict(about) => machine
            .entries(about)
            .any(|entry| matches!(entry, ("little_endian", Value::Bool(true)))),
        _ => false,
    };
    if !little_endian {
        return Err(unsupported(format, "its numbers are not little-endian"));
    }
    let Value::List(keys_in_order) = keys.root() else {
        return Err(damaged(format, "the keys of its storages are no list"));
    };
    let sizes = storage_sizes(&saved);
    let mut storages = Storages::new();
    for &key in keys_in_order {
        let Value::Text(key) = keys.value(key) else {
            return Err(damaged(format, "a key of a storage is no text"));
        };
        let too_early = || {
            damaged(
                format,
                &format!("it ends before the end of storage `{key}`"),
            )
        };
        let count = bytes[at..].first_chunk::<8>().ok_or_else(too_early)?;
        at += count.len();
        let size = sizes.get(key.as_str()).copied().unwrap_or(0);
        let length = usize::try_from(u64::from_le_bytes(*count)).ok();
        let length = length.and_then(|count| count.checked_mul(size));
        let end = length.and_then(|length| at.checked_add(length));
        let end = end
            .filter(|&end| end <= bytes.len())
            .ok_or_else(too_early)?;
        storages.insert(key.clone(), bytes.slice(at..end));
        at = end;
    }
    tensors(format, &saved, &storages)
}

/// Bytes of one value in each storage that a tensor uses.
fn storage_sizes(saved: &Pickle) -> BTreeMap<&str, usize> {
    let views = saved.values().filter_map(|value| match value {
        Value::Storage(storage) => Some(storage),
        _ => None,
    });
    views
        .filter_map(|storage| Some((saved.text(storage.key), storage.dtype.size()?)))
        .collect()
}

/// An archive `NAME/data.pkl`, `NAME/data/KEY` for each storage, uncompressed, and perhaps
/// `NAME/byteorder`. Source: `_save` in `torch/serialization.py`.
pub(crate) fn read_zip(bytes: &Bytes) -> Result<Vec<Tensor>, WeightsError> {
    let format = Format::TorchZip;
    let zip_error = |error: zip::result::ZipError| damaged(format, &error.to_string());
    let mut archive = ZipArchive::new(Cursor::new(bytes.clone())).map_err(zip_error)?;
    let mut pickle = None;
    let mut storages = Storages::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index_raw(index).map_err(zip_error)?;
        let name = entry.name().map_err(zip_error)?.into_owned();
        let Some((_, path)) = name.split_once('/') else {
            continue;
        };
        let key = path.strip_prefix("data/");
        if !(path == "data.pkl" || path == "byteorder" || key.is_some()) {
            continue;
        }
        if entry.compression() != CompressionMethod::Stored {
            return Err(unsupported(format, &format!("`{name}` is compressed")));
        }
        if path == "byteorder" {
            let mut order = String::new();
            let read = entry.by_ref().take(16).read_to_string(&mut order);
            if read.is_err() || order != "little" {
                return Err(unsupported(format, "its numbers are not little-endian"));
            }
            continue;
        }
        let start = entry
            .data_start()
            .and_then(|start| usize::try_from(start).ok());
        let end = start.and_then(|start| start.checked_add(usize::try_from(entry.size()).ok()?));
        let range = start.zip(end).filter(|&(_, end)| end <= bytes.len());
        let Some((start, end)) = range else {
            return Err(damaged(format, &format!("`{name}` does not lie within it")));
        };
        let data = bytes.slice(start..end);
        match key {
            Some(key) => {
                storages.insert(key.to_owned(), data);
            }
            None => pickle = Some(data),
        }
    }
    let pickle = pickle.ok_or_else(|| {
        unsupported(
            format,
            "it is a ZIP archive without the `data.pkl` of PyTorch",
        )
    })?;
    let (saved, _) = Pickle::read(format, &pickle)?;
    tensors(format, &saved, &storages)
}

/// The tensors of the dictionary that was saved, or of the one in it that holds the weights.
fn tensors(
    format: Format,
    saved: &Pickle,
    storages: &Storages,
) -> Result<Vec<Tensor>, WeightsError> {
    let holds_tensors = |dict: &[(usize, usize)]| {
        saved
            .entries(dict)
            .any(|(_, value)| matches!(value, Value::Tensor(_)))
    };
    let Value::Dict(root) = saved.root() else {
        return Err(unsupported(format, "it holds no dictionary of tensors"));
    };
    let nested = NESTED.iter().find_map(|nested| {
        saved.entries(root).find_map(|(key, value)| match value {
            Value::Dict(dict) if key == *nested && holds_tensors(dict) => Some(dict),
            _ => None,
        })
    });
    let dict = match nested {
        _ if holds_tensors(root) => root,
        Some(nested) => nested,
        None => return Err(unsupported(format, "it holds no dictionary of tensors")),
    };
    let found = saved.entries(dict).filter_map(|(name, value)| match value {
        Value::Tensor(view) => Some((name, view)),
        _ => None,
    });
    found
        .map(|(name, view)| tensor(format, name, view, saved.text(view.storage.key), storages))
        .collect()
}

fn tensor(
    format: Format,
    name: &str,
    view: &TensorView,
    key: &str,
    storages: &Storages,
) -> Result<Tensor, WeightsError> {
    let wrong = |problem: String| damaged(format, &format!("tensor `{name}`: {problem}"));
    let TensorView {
        storage,
        first,
        shape,
        strides,
    } = view;
    let data = storages
        .get(key)
        .ok_or_else(|| wrong(format!("there is no storage `{key}`")))?;
    let size = storage.dtype.size().unwrap_or(1);
    if storage.count.checked_mul(size) != Some(data.len()) {
        let (found, count) = (data.len(), storage.count);
        return Err(wrong(format!(
            "its storage has {found} bytes, expected {count} values of {size}"
        )));
    }
    // A tensor that repeats values, as `expand` makes them, is no weight of anything.
    let count = elements(shape).filter(|&count| count <= storage.count);
    let last = (shape.iter().zip(strides)).try_fold(*first, |last, (dim, stride)| {
        last.checked_add(dim.saturating_sub(1).checked_mul(*stride)?)
    });
    match (count, last) {
        (Some(0), _) => {}
        (Some(_), Some(last)) if last < storage.count => {}
        _ => return Err(wrong("it does not lie within its storage".to_owned())),
    }
    let count = count.unwrap_or(0);
    let mut distance = count;
    let contiguous = shape.iter().zip(strides).all(|(&dim, &stride)| {
        distance = distance.checked_div(dim).unwrap_or(0);
        dim <= 1 || stride == distance
    });
    let (data, strides) = match contiguous && count > 0 {
        true => (data.slice(first * size..(first + count) * size), None),
        false => (data.clone(), Some((*first, strides.clone()))),
    };
    Ok(Tensor {
        name: name.to_owned(),
        shape: shape.clone(),
        dtype: storage.dtype.clone(),
        data,
        strides,
    })
}

fn damaged(format: Format, problem: &str) -> WeightsError {
    WeightsError::Damaged {
        format,
        problem: problem.to_owned(),
    }
}

fn unsupported(format: Format, problem: &str) -> WeightsError {
    WeightsError::Unsupported {
        format,
        problem: problem.to_owned(),
    }
}
