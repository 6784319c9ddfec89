//! One cache entry: a safetensors file with a tensor `features` and its key as metadata.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::SystemTime,
};

use serde::{Deserialize, Serialize};

use topwork_keys::FeatureKey;
use topwork_keys::sha256;

use super::MappedFeatures;

/// Headers are short; a longer one is a damaged length.
const LONGEST_HEADER: u64 = 1 << 16;

/// Headers are padded so that the numbers behind them are aligned in the map.
const ALIGNMENT: usize = 64;

/// An entry, without its numbers.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// Its key.
    pub key: FeatureKey,
    /// Size of its file.
    pub bytes: u64,
    /// When it was written or used last.
    pub used_at: SystemTime,
    /// What the extraction took, in seconds.
    pub seconds: f64,
    /// Its file.
    pub path: PathBuf,
}

/// The header of the safetensors format.
#[derive(Serialize, Deserialize)]
struct Header {
    #[serde(rename = "__metadata__")]
    metadata: HashMap<String, String>,
    features: Tensor,
}

#[derive(Serialize, Deserialize)]
struct Tensor {
    dtype: String,
    shape: [u64; 2],
    data_offsets: [u64; 2],
}

pub(super) fn write(
    mut file: &File,
    key: &FeatureKey,
    values: &[f32],
    seconds: f64,
) -> io::Result<()> {
    let data: &[u8] = bytemuck::cast_slice(values);
    let metadata = HashMap::from([
        ("key".to_owned(), serde_json::to_string(key)?),
        ("seconds".to_owned(), seconds.to_string()),
        ("sha256".to_owned(), sha256(data)),
    ]);
    let shape = [key.examples, key.dim];
    let features = Tensor {
        dtype: "F32".to_owned(),
        shape,
        data_offsets: [0, data.len() as u64],
    };
    let mut header = serde_json::to_vec(&Header { metadata, features })?;
    header.resize((header.len() + 8).next_multiple_of(ALIGNMENT) - 8, b' ');
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(&header)?;
    file.write_all(data)?;
    file.sync_all()
}

/// Maps the features of a file, or says what is wrong with it.
pub(super) fn open(file: &File, key: &FeatureKey) -> Result<(MappedFeatures, f64), String> {
    let (header, start) = read_header(file)?;
    let (found, seconds) = facts(&header)?;
    if found != *key {
        return Err("it belongs to another key".to_owned());
    }
    let bytes = header.features.data_offsets[1];
    let expected = key.examples * key.dim * size_of::<f32>() as u64;
    let there = file.metadata().map_err(|error| error.to_string())?.len();
    if bytes != expected || there != start + bytes {
        return Err(format!(
            "it has {there} bytes, expected {}",
            start + expected
        ));
    }
    let features = MappedFeatures::map(file, start, expected)?;
    let digest = sha256(bytemuck::cast_slice(&features));
    match header.metadata.get("sha256") {
        Some(written) if *written == digest => Ok((features, seconds)),
        written => Err(format!(
            "the SHA-256 of its numbers is {digest}, expected {}",
            written.map_or("one", String::as_str)
        )),
    }
}

pub(super) fn describe(path: &Path) -> Option<CacheEntry> {
    let file = File::open(path).ok()?;
    let (key, seconds) = facts(&read_header(&file).ok()?.0).ok()?;
    let metadata = fs::metadata(path).ok()?;
    Some(CacheEntry {
        key,
        bytes: metadata.len(),
        used_at: metadata.modified().ok()?,
        seconds,
        path: path.to_owned(),
    })
}

/// The header and where the numbers begin.
fn read_header(mut file: &File) -> Result<(Header, u64), String> {
    let mut length = [0; 8];
    file.read_exact(&mut length)
        .map_err(|_| "it has no header".to_owned())?;
    let length = u64::from_le_bytes(length);
    if length > LONGEST_HEADER {
        return Err(format!(
            "its header claims {length} bytes, expected at most {LONGEST_HEADER}"
        ));
    }
    let mut header = vec![0; length as usize];
    file.read_exact(&mut header)
        .map_err(|_| "its header is cut short".to_owned())?;
    let header = serde_json::from_slice(&header)
        .map_err(|error| format!("its header is damaged: {error}"))?;
    Ok((header, 8 + length))
}

fn facts(header: &Header) -> Result<(FeatureKey, f64), String> {
    let text = |name: &str| {
        header
            .metadata
            .get(name)
            .ok_or_else(|| format!("its header has no `{name}`"))
    };
    let key = serde_json::from_str(text("key")?)
        .map_err(|error| format!("its key is damaged: {error}"))?;
    let seconds = text("seconds")?
        .parse()
        .map_err(|_| "its cost is no number".to_owned())?;
    Ok((key, seconds))
}
