//! ZIP archives, whose entries stay where they are unless they are compressed.

use std::io::Read;

use bytes::Bytes;
use rawzip::{CompressionMethod, ZipArchive};

use crate::{Format, WeightsError};

/// How many times its size an archive may unpack to, and what every one may. Weights are hardly compressed at all;
/// what is beyond is made to fill the memory.
const MOST_TIMES: u64 = 64;
const SMALL: u64 = 64 << 20;

/// A file in an archive.
pub(crate) struct Entry {
    pub(crate) name: String,
    data: Bytes,
    size: u64,
    method: CompressionMethod,
    encrypted: bool,
}

/// All files of an archive in its order.
pub(crate) fn read(bytes: &Bytes) -> Result<Vec<Entry>, WeightsError> {
    let wrong = |error: rawzip::Error| damaged(error.to_string());
    let archive = ZipArchive::from_slice(&bytes[..]).map_err(wrong)?;
    let mut entries = Vec::new();
    let mut unpacked = 0u64;
    let mut listed = archive.entries();
    while let Some(header) = listed.next_entry().map_err(wrong)? {
        let name = String::from_utf8_lossy(header.file_path().as_bytes()).into_owned();
        let entry = archive.get_entry(header.wayfinder());
        let entry = entry.map_err(|_| damaged(format!("`{name}` does not lie within it")))?;
        let size = header.uncompressed_size_hint();
        let method = header.compression_method();
        if method != CompressionMethod::STORE {
            unpacked = unpacked.saturating_add(size);
        }
        entries.push(Entry {
            name,
            data: bytes.slice_ref(entry.data()),
            size,
            method,
            encrypted: header.flags().is_encrypted(),
        });
    }
    let most = MOST_TIMES.saturating_mul(bytes.len() as u64).max(SMALL);
    match unpacked > most {
        true => Err(unsupported(format!(
            "it unpacks to {unpacked} bytes, more than {MOST_TIMES} times its size"
        ))),
        false => Ok(entries),
    }
}

impl Entry {
    /// What is in it.
    pub(crate) fn contents(&self) -> Result<Bytes, WeightsError> {
        let Self { name, size, .. } = self;
        let wrong_size = || {
            damaged(format!(
                "`{name}` has not the {size} bytes it is said to have"
            ))
        };
        if self.encrypted {
            return Err(unsupported(format!("`{name}` is encrypted")));
        }
        match self.method {
            CompressionMethod::STORE if self.data.len() as u64 == *size => Ok(self.data.clone()),
            CompressionMethod::STORE => Err(wrong_size()),
            CompressionMethod::DEFLATE => {
                let mut contents = Vec::new();
                let mut unpacking =
                    flate2::read::DeflateDecoder::new(&self.data[..]).take(size + 1);
                match unpacking.read_to_end(&mut contents) {
                    Ok(length) if length as u64 == *size => Ok(contents.into()),
                    _ => Err(wrong_size()),
                }
            }
            other => Err(unsupported(format!(
                "`{name}` is compressed by method {}, expected none or deflate",
                other.as_u16()
            ))),
        }
    }
}

fn damaged(problem: String) -> WeightsError {
    let format = Format::TorchZip;
    WeightsError::Damaged { format, problem }
}

fn unsupported(problem: String) -> WeightsError {
    let format = Format::TorchZip;
    WeightsError::Unsupported { format, problem }
}
