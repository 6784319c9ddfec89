//! Files beside a model, where exporters of large models write the values of its tensors.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;
use thiserror::Error;

/// Where values are that do not lie in the model file itself.
pub trait Beside {
    /// So many bytes of a file that the model names, from an offset on; an `Err` completes `the values lie in FILE, …`.
    ///
    /// # Errors
    /// When the file may not be read, cannot be, or is shorter.
    fn read(&self, file: &str, offset: u64, length: usize) -> Result<Bytes, String>;
}

/// No other files are read.
pub struct Nowhere;

impl Beside for Nowhere {
    fn read(&self, _file: &str, _offset: u64, _length: usize) -> Result<Bytes, String> {
        Err("another file, which is not read here".to_owned())
    }
}

/// The folder of the model: a file it names may lie there or below, nowhere else.
pub struct Folder(pub PathBuf);

impl Beside for Folder {
    fn read(&self, file: &str, offset: u64, length: usize) -> Result<Bytes, String> {
        let values = DataFile::open(&self.0, file)
            .and_then(|mut opened| opened.values(offset, Some(length as u64)));
        Ok(values.map_err(|error| error.to_string())?.into())
    }
}

/// A file beside a model that holds the values of tensors.
pub struct DataFile {
    path: PathBuf,
    file: File,
    size: u64,
}

/// Why the values of a tensor cannot be read from a file beside its model; completes `the values lie in FILE, …`.
#[derive(Debug, Error)]
pub enum DataFileError {
    /// The name leads out of the model's folder.
    #[error("expected a file in the model's folder")]
    Outside,
    /// The system says why.
    #[error("and `{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// There are fewer bytes than the model says.
    #[error(
        "which has {size} bytes, but they end at byte {end}: it is truncated or belongs to another model"
    )]
    Short {
        /// The file.
        path: PathBuf,
        /// Its bytes.
        size: u64,
        /// Where the values would end.
        end: u64,
    },
}

impl DataFile {
    /// Opens a file that a model names. It may only lie in the model's folder or below.
    ///
    /// # Errors
    /// When it lies elsewhere or cannot be opened.
    pub fn open(folder: &Path, name: &str) -> Result<Self, DataFileError> {
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if name.is_empty() || !Path::new(name).components().all(inside) {
            return Err(DataFileError::Outside);
        }
        let path = folder.join(name);
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        match opened {
            Ok((size, file)) => Ok(Self { path, file, size }),
            Err(source) => Err(DataFileError::Unreadable { path, source }),
        }
    }

    /// So many bytes from an offset on; all that follow if `None`.
    ///
    /// # Errors
    /// When there are fewer, or they cannot be read.
    pub fn values(&mut self, offset: u64, length: Option<u64>) -> Result<Vec<u8>, DataFileError> {
        let rest = self.size.saturating_sub(offset);
        let length = length.unwrap_or(rest);
        if offset > self.size || length > rest {
            return Err(DataFileError::Short {
                path: self.path.clone(),
                size: self.size,
                end: offset.saturating_add(length),
            });
        }
        // The file has as many bytes, so this is no size that the model only claims.
        let mut values = vec![0; length as usize];
        let read = self.file.seek(SeekFrom::Start(offset));
        let read = read.and_then(|_| self.file.read_exact(&mut values));
        read.map_err(|source| self.unreadable(source))?;
        Ok(values)
    }

    /// Shows all its bytes, part by part.
    ///
    /// # Errors
    /// When it cannot be read to its end.
    pub fn each_part(mut self, mut show: impl FnMut(&[u8])) -> Result<(), DataFileError> {
        let mut part = vec![0; 1 << 20];
        loop {
            match self.file.read(&mut part) {
                Ok(0) => return Ok(()),
                Ok(length) => show(&part[..length]),
                Err(source) => return Err(self.unreadable(source)),
            }
        }
    }

    fn unreadable(&self, source: io::Error) -> DataFileError {
        DataFileError::Unreadable {
            path: self.path.clone(),
            source,
        }
    }
}
