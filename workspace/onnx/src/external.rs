//! Files beside a model, where exporters of large models write the values of its tensors.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Component, Path, PathBuf};

use bytes::Bytes;

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
        let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
        if file.is_empty() || !Path::new(file).components().all(inside) {
            return Err("expected a file in the model's folder".to_owned());
        }
        let path = self.0.join(file);
        let failed =
            |error: std::io::Error| format!("and `{}` cannot be read: {error}", path.display());
        let mut opened = File::open(&path).map_err(failed)?;
        let size = opened.metadata().map_err(failed)?.len();
        let end = offset.checked_add(length as u64);
        if end.is_none_or(|end| end > size) {
            return Err(format!(
                "which has {size} bytes, expected {length} from byte {offset} on: it is truncated or belongs to another model"
            ));
        }
        // The file has as many bytes, so this is no size that the model only claims.
        let mut values = vec![0; length];
        opened.seek(SeekFrom::Start(offset)).map_err(failed)?;
        opened.read_exact(&mut values).map_err(failed)?;
        Ok(values.into())
    }
}
