//! Safetensors files with checked shapes, types and lengths.

use std::{collections::HashMap, fs, io::ErrorKind, path::Path};

use safetensors::{Dtype, SafeTensors, tensor::TensorView};

use crate::{RunFolder, StoreError};

/// Version of the layout of both files.
const FORMAT: &str = "1";

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

/// A file in the making.
pub(super) struct Writer {
    tensors: Vec<(&'static str, Dtype, Vec<usize>, Vec<u8>)>,
    metadata: HashMap<String, String>,
}

impl Writer {
    pub(super) fn new(kind: &str) -> Self {
        let metadata = [("format", FORMAT), ("kind", kind)];
        Self {
            tensors: Vec::new(),
            metadata: metadata
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
        }
    }

    pub(super) fn fact(mut self, key: &str, value: impl ToString) -> Self {
        self.metadata.insert(key.to_owned(), value.to_string());
        self
    }

    pub(super) fn names(self, key: &str, names: &[String]) -> Self {
        let list: serde_json::Value = names.into();
        self.fact(key, list)
    }

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

    pub(super) fn write(self, folder: &RunFolder, path: &Path) -> Result<(), StoreError> {
        let damaged = |error: safetensors::SafeTensorError| StoreError::Damaged {
            path: path.to_owned(),
            reason: error.to_string(),
        };
        let views = (self.tensors.iter())
            .map(|(name, dtype, shape, bytes)| {
                Ok((*name, TensorView::new(*dtype, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(damaged)?;
        let bytes = safetensors::serialize(views, Some(self.metadata)).map_err(damaged)?;
        folder.write(path, &bytes)
    }
}

/// Reads a file that `take` knows the content of; `None` when there is no such file.
pub(super) fn read<T>(
    path: &Path,
    kind: &str,
    take: impl FnOnce(&Reader<'_>) -> Result<T, String>,
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
    let open = || -> Result<T, String> {
        let (_, header) = SafeTensors::read_metadata(&bytes).map_err(|error| error.to_string())?;
        let reader = Reader {
            tensors: SafeTensors::deserialize(&bytes).map_err(|error| error.to_string())?,
            metadata: header.metadata().clone().unwrap_or_default(),
        };
        for (key, expected) in [("kind", kind), ("format", FORMAT)] {
            let found = reader.text(key)?;
            if found != expected {
                return Err(format!("its {key} is `{found}`, expected `{expected}`"));
            }
        }
        take(&reader)
    };
    open().map(Some).map_err(damaged)
}

/// A file being read. Errors say what is wrong, not where.
pub(super) struct Reader<'a> {
    tensors: SafeTensors<'a>,
    metadata: HashMap<String, String>,
}

impl Reader<'_> {
    pub(super) fn text(&self, key: &str) -> Result<&str, String> {
        let value = self.metadata.get(key).map(String::as_str);
        value.ok_or_else(|| format!("its metadata has no `{key}`"))
    }

    pub(super) fn number<T: std::str::FromStr>(&self, key: &str) -> Result<T, String> {
        let text = self.text(key)?;
        text.parse()
            .map_err(|_| format!("`{key}` is `{text}`, expected a number"))
    }

    pub(super) fn names(&self, key: &str) -> Result<Vec<String>, String> {
        serde_json::from_str(self.text(key)?)
            .map_err(|error| format!("`{key}` is no list of names: {error}"))
    }

    /// A tensor's shape, which has `N` sides.
    pub(super) fn shape<const N: usize>(&self, name: &str) -> Result<[usize; N], String> {
        let tensor = self.tensors.tensor(name).map_err(|e| e.to_string())?;
        let shape = tensor.shape();
        <[usize; N]>::try_from(shape)
            .map_err(|_| format!("`{name}` has the shape {shape:?}, expected {N} sides"))
    }

    /// A tensor's numbers, which has exactly this shape.
    pub(super) fn values<T: Number>(&self, name: &str, shape: &[usize]) -> Result<Vec<T>, String> {
        let tensor = self.tensors.tensor(name).map_err(|e| e.to_string())?;
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
        examples: usize,
        classes: usize,
    ) -> Result<Vec<u32>, String> {
        let labels = self.values(name, &[examples])?;
        match labels.iter().find(|label| **label as usize >= classes) {
            Some(label) => Err(format!(
                "`{name}` holds {label}, expected less than the {classes} classes"
            )),
            None => Ok(labels),
        }
    }
}
