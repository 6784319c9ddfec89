//! Safetensors files with checked shapes, types and lengths.

use std::{collections::HashMap, fs, io::ErrorKind, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::{RunFolder, StoreError};

/// Version of the layout of both files.
const FORMAT: u32 = 1;

/// The one key of a file's metadata. The format's metadata has no order; one JSON text has, and
/// so the same sample gives the same bytes.
const KEY: &str = "topwork";

/// No file of samples is written larger; one that is found larger is not read.
const LARGEST: u64 = 64 << 20;

/// A number type that tensors hold, in little-endian order.
pub(super) trait Number: Copy {
    /// Its type in a file.
    const DTYPE: Dtype;
    fn extend(self, bytes: &mut Vec<u8>);
    /// Reads one; `bytes` has the number's size.
    fn from_bytes(bytes: &[u8]) -> Option<Self>;
}

macro_rules! numbers {
    ($($number:ty => $dtype:ident),*) => {$(
        impl Number for $number {
            const DTYPE: Dtype = Dtype::$dtype;
            fn extend(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
            fn from_bytes(bytes: &[u8]) -> Option<Self> {
                Some(Self::from_le_bytes(bytes.try_into().ok()?))
            }
        }
    )*};
}

numbers!(u8 => U8, u32 => U32, u64 => U64, f32 => F32);

/// What the metadata says, beside the facts of its kind.
#[derive(Serialize, Deserialize)]
struct Header<Facts> {
    kind: String,
    format: u32,
    #[serde(flatten)]
    facts: Facts,
}

/// Only what tells whether the rest can be read.
#[derive(Deserialize)]
struct Nothing {}

/// A file in the making.
#[derive(Default)]
pub(super) struct Writer {
    tensors: Vec<(&'static str, Dtype, Vec<usize>, Vec<u8>)>,
}

impl Writer {
    pub(super) fn tensor<T: Number>(
        mut self,
        name: &'static str,
        shape: &[usize],
        values: &[T],
    ) -> Self {
        let mut bytes = Vec::with_capacity(size_of_val(values));
        for value in values {
            value.extend(&mut bytes);
        }
        self.tensors.push((name, T::DTYPE, shape.to_vec(), bytes));
        self
    }

    pub(super) fn write(
        self,
        folder: &RunFolder,
        path: &Path,
        kind: &str,
        facts: impl Serialize,
    ) -> Result<(), StoreError> {
        let damaged = |reason: String| StoreError::Damaged {
            path: path.to_owned(),
            reason,
        };
        let header = Header {
            kind: kind.to_owned(),
            format: FORMAT,
            facts,
        };
        let header = serde_json::to_string(&header).map_err(|error| damaged(error.to_string()))?;
        let metadata = HashMap::from([(KEY.to_owned(), header)]);
        let bytes = (self.tensors.iter())
            .map(|(name, dtype, shape, bytes)| {
                Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, safetensors::SafeTensorError>>()
            .and_then(|views| safetensors::serialize(views, Some(metadata)))
            .map_err(|error| damaged(error.to_string()))?;
        folder.write(path, &bytes)
    }
}

/// Reads a file that `take` knows the content of; `None` when there is no such file.
pub(super) fn read<Facts: DeserializeOwned, T>(
    path: &Path,
    kind: &str,
    take: impl FnOnce(Facts, &Tensors<'_>) -> Result<T, String>,
) -> Result<Option<T>, StoreError> {
    let fail = |error: &std::io::Error| StoreError::io("read", path, error);
    let damaged = |reason: String| StoreError::Damaged {
        path: path.to_owned(),
        reason,
    };
    match fs::metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(fail(&error)),
        Ok(metadata) if metadata.len() > LARGEST => {
            let bytes = metadata.len();
            return Err(damaged(format!(
                "it has {bytes} bytes, expected at most {LARGEST}"
            )));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(|error| fail(&error))?;
    open(&bytes, kind, take).map(Some).map_err(damaged)
}

fn open<Facts: DeserializeOwned, T>(
    bytes: &[u8],
    kind: &str,
    take: impl FnOnce(Facts, &Tensors<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(|error| error.to_string())?;
    let header = (metadata.metadata().as_ref())
        .and_then(|metadata| metadata.get(KEY))
        .ok_or_else(|| format!("its metadata has no `{KEY}`"))?;
    let wrong = |error: serde_json::Error| format!("its metadata is wrong: {error}");
    let found: Header<Nothing> = serde_json::from_str(header).map_err(wrong)?;
    if (found.kind.as_str(), found.format) != (kind, FORMAT) {
        return Err(format!(
            "it holds `{}` in format {}, expected `{kind}` in format {FORMAT}",
            found.kind, found.format
        ));
    }
    let header: Header<Facts> = serde_json::from_str(header).map_err(wrong)?;
    let tensors = SafeTensors::deserialize(bytes).map_err(|error| error.to_string())?;
    take(header.facts, &Tensors(tensors))
}

/// The tensors of a file. Errors say what is wrong, not where.
pub(super) struct Tensors<'a>(SafeTensors<'a>);

impl Tensors<'_> {
    /// A tensor's shape, which has `N` sides.
    pub(super) fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N], String> {
        let tensor = self.0.tensor(name).map_err(|e| e.to_string())?;
        let shape = tensor.shape();
        <[usize; N]>::try_from(shape)
            .map_err(|_| format!("`{name}` has the shape {shape:?}, expected {N} sides"))
    }

    /// A tensor's numbers, which has exactly this shape.
    pub(super) fn values<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>, String> {
        let tensor = self.0.tensor(name).map_err(|e| e.to_string())?;
        if (tensor.dtype(), tensor.shape()) != (T::DTYPE, shape) {
            return Err(format!(
                "`{name}` is {:?} of shape {:?}, expected {:?} of shape {shape:?}",
                tensor.dtype(),
                tensor.shape(),
                T::DTYPE
            ));
        }
        // The library has checked that shape, type and length agree.
        Ok((tensor.data().chunks_exact(size_of::<T>()))
            .filter_map(T::from_bytes)
            .collect())
    }

    /// Labels, every one of which is a class.
    pub(super) fn labels(
        &self,
        name: &str,
        shape: &[usize],
        classes: usize,
    ) -> Result<Vec<u32>, String> {
        let labels = self.values(name, shape)?;
        match labels.iter().find(|label| **label as usize >= classes) {
            Some(label) => Err(format!(
                "`{name}` holds {label}, expected less than the {classes} classes"
            )),
            None => Ok(labels),
        }
    }
}
