//! Safetensors files with checked shapes, types and lengths.

use std::{fs, io::ErrorKind, path::Path};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use topwork_tensors::{File, Writer};

use crate::{RunFolder, StoreError};

/// Version of the layout of both files.
const FORMAT: u32 = 1;

/// The key of a file's words.
const KEY: &str = "topwork";

/// No file of samples is written larger; one that is found larger is not read.
const LARGEST: u64 = 64 << 20;

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

/// Writes a file.
pub(super) fn write(
    folder: &RunFolder,
    path: &Path,
    kind: &str,
    facts: impl Serialize,
    mut file: Writer<'_>,
) -> Result<(), StoreError> {
    let header = Header {
        kind: kind.to_owned(),
        format: FORMAT,
        facts,
    };
    let bytes = (file.words(KEY, &header).and_then(|()| file.finish()))
        .map_err(|error| damaged(path, error.to_string()))?;
    folder.write(path, &bytes)
}

fn damaged(path: &Path, reason: String) -> StoreError {
    StoreError::Damaged {
        path: path.to_owned(),
        reason,
    }
}

/// Reads a file that `take` knows the content of; `None` when there is no such file.
pub(super) fn read<Facts: DeserializeOwned, T>(
    path: &Path,
    kind: &str,
    take: impl FnOnce(Facts, &File<'_>) -> Result<T, String>,
) -> Result<Option<T>, StoreError> {
    let fail = |error: &std::io::Error| StoreError::io("read", path, error);
    let damaged = |reason| damaged(path, reason);
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
    take: impl FnOnce(Facts, &File<'_>) -> Result<T, String>,
) -> Result<T, String> {
    let tensors = File::read(bytes)?;
    let found: Header<Nothing> = tensors.words(KEY)?;
    if (found.kind.as_str(), found.format) != (kind, FORMAT) {
        return Err(format!(
            "it holds `{}` in format {}, expected `{kind}` in format {FORMAT}",
            found.kind, found.format
        ));
    }
    let header: Header<Facts> = tensors.words(KEY)?;
    take(header.facts, &tensors)
}

/// Labels, every one of which is a class.
pub(super) fn labels(
    tensors: &File<'_>,
    name: &str,
    shape: &[usize],
    classes: usize,
) -> Result<Vec<u32>, String> {
    let labels: Vec<u32> = tensors.values(name, shape)?;
    match labels.iter().find(|label| **label as usize >= classes) {
        Some(label) => Err(format!(
            "`{name}` holds {label}, expected less than the {classes} classes"
        )),
        None => Ok(labels),
    }
}
