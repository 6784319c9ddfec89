//! What a run was made of, written before anything else happens.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use topwork_keys::{Adopted, Cells};

use crate::{StoreError, sha256_of_file};

/// The manifest of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Manifest {
    /// Version of the run folder's layout.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The experiment's name.
    pub name: String,
    /// The experiment file the user named.
    pub experiment: PathBuf,
    /// The version of topwork.
    pub version: String,
    /// Its program file: another one may compute other bits.
    #[serde(default)]
    pub binary: Option<FileDigest>,
    /// When the run was created, milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Threads of the worker's pool.
    pub threads: usize,
    /// Folders plugins are loaded from.
    pub plugin_folders: Vec<PathBuf>,
    /// Folders plugins find their data in.
    pub data_folders: Vec<PathBuf>,
    /// Folder plugins may keep derived files in.
    pub cache_folder: PathBuf,
    /// Where features are kept across runs; none when they are not to be.
    #[serde(default)]
    pub feature_cache: Option<CacheSettings>,
    /// Seconds between two checkpoints within an epoch.
    #[serde(default = "Manifest::checkpoint_every")]
    pub checkpoint_every: f64,
    /// Seconds a plugin call may go without any progress; none to wait for ever.
    #[serde(default = "Manifest::call_limit")]
    pub call_limit: Option<f64>,
    /// The file of trained weights the experiment names.
    #[serde(default)]
    pub weights: Option<FileDigest>,
    /// What computes the features, with its version, where that is not this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_by: Option<String>,
    /// The plugins the experiment uses.
    pub plugins: Vec<PluginDigest>,
    /// What its results are recognised by.
    #[serde(default)]
    pub cells: Cells,
    /// What it takes over from other runs.
    #[serde(default)]
    pub adopted: Adopted,
    /// What may be wrong with the experiment and stops nothing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// Where it was created.
    pub machine: Machine,
}

impl Manifest {
    /// The present [`Manifest::format`]. In that of format 1 events and results were of format 1,
    /// too; it is read and gone on with.
    pub const FORMAT: u32 = 2;

    /// Five minutes: what a power cut may cost.
    pub fn checkpoint_every() -> f64 {
        300.0
    }

    /// Ten minutes: a fit on a large data set takes long without a word.
    pub fn call_limit() -> Option<f64> {
        Some(600.0)
    }
}

/// The feature cache a run works with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CacheSettings {
    /// Its folder.
    pub folder: PathBuf,
    /// The most bytes its entries may take.
    pub limit: u64,
}

/// A file, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FileDigest {
    /// Where it lies.
    pub path: PathBuf,
    /// SHA-256 of its content, in hexadecimal.
    pub sha256: String,
}

impl FileDigest {
    /// Reads the file at `path`.
    pub fn of(path: &Path) -> Result<Self, StoreError> {
        Ok(Self {
            path: path.to_owned(),
            sha256: sha256_of_file(path)?,
        })
    }
}

/// One plugin, to the byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginDigest {
    /// The plugin's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// Its file.
    pub path: PathBuf,
    /// SHA-256 of the file, in hexadecimal.
    pub sha256: String,
}

/// The machine a run was created on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Machine {
    /// Its network name.
    pub host: String,
    /// `linux`, `macos`, …
    pub system: String,
    /// `x86_64`, `aarch64`, …
    pub architecture: String,
    /// Processors the system offers to the process.
    pub cores: usize,
}

impl Machine {
    /// This machine.
    pub fn here() -> Self {
        Self {
            host: rustix::system::uname()
                .nodename()
                .to_string_lossy()
                .into_owned(),
            system: std::env::consts::OS.to_owned(),
            architecture: std::env::consts::ARCH.to_owned(),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
        }
    }
}
