//! Where plugins, their data and their derived files are looked for.

mod private;

use std::path::{Path, PathBuf};

use tempfile::TempDir;
use topwork_sniff::reason;
use topwork_store::RunFolder;

use crate::failure::{Failure, RUN_FAILED};

/// The folders a process works with.
#[derive(Clone, Debug)]
pub struct Folders {
    /// Trusted folders of plugins, the first has precedence.
    pub plugins: Vec<PathBuf>,
    /// Folders of data, the first has precedence.
    pub data: Vec<PathBuf>,
    /// Where plugins may keep derived files.
    pub cache: PathBuf,
}

impl Folders {
    /// Those of now, and behind them those that a run was made with.
    pub fn of_run(run: &RunFolder, named: &[PathBuf]) -> Result<Self, Failure> {
        let (mut folders, manifest) = (Self::find(named), run.manifest()?);
        for (all, of_run) in [
            (&mut folders.plugins, manifest.plugin_folders),
            (&mut folders.data, manifest.data_folders),
        ] {
            let more: Vec<PathBuf> = (of_run.into_iter())
                .filter(|folder| !all.contains(folder))
                .collect();
            all.extend(more);
        }
        Ok(folders)
    }

    /// The folders, those the user named on the command line first.
    ///
    /// Plugins: `--plugin-dir`, `$TOPWORK_PLUGIN_PATH`, beside the binary, `lib/topwork/plugins` beside
    /// its `bin`, `plugins` in the user's data folder. Data: `data` beside the binary,
    /// `share/topwork/data` beside its `bin`, in the checkout the binary was built in, in the user's
    /// data folder.
    pub fn find(named: &[PathBuf]) -> Self {
        let user = user_folder("XDG_DATA_HOME", ".local/share");
        let binary = std::env::current_exe().ok();
        let beside = binary.as_deref().and_then(Path::parent);
        let mut plugins: Vec<PathBuf> = named.iter().map(|folder| absolute(folder)).collect();
        if let Some(path) = std::env::var_os("TOPWORK_PLUGIN_PATH") {
            plugins.extend(
                std::env::split_paths(&path)
                    .filter(|p| !p.as_os_str().is_empty())
                    .map(|p| absolute(&p)),
            );
        }
        let prefix = binary.as_deref().and_then(prefix);
        plugins.extend(beside.map(Path::to_owned));
        plugins.extend(prefix.map(|prefix| prefix.join("lib/topwork/plugins")));
        plugins.extend(user.as_ref().map(|user| user.join("plugins")));
        let mut data: Vec<PathBuf> = beside
            .map(|beside| beside.join("data"))
            .into_iter()
            .collect();
        data.extend(prefix.map(|prefix| prefix.join("share/topwork/data")));
        data.extend(
            binary
                .as_deref()
                .and_then(checkout)
                .map(|checkout| checkout.join("data")),
        );
        // With the prefix `~/.local` it is there already.
        let of_user = user.as_ref().map(|user| user.join("data"));
        data.extend(of_user.filter(|folder| !data.contains(folder)));
        Self {
            plugins,
            data,
            cache: user_cache().unwrap_or_else(|| PathBuf::from(NOWHERE)),
        }
    }
}

/// The folder that a program lies in the `bin` of: it was installed there.
pub fn prefix(binary: &Path) -> Option<&Path> {
    let beside = binary.parent()?;
    (beside.file_name()? == "bin").then(|| beside.parent())?
}

/// The checkout whose `target` folder the binary lies in.
fn checkout(binary: &Path) -> Option<&Path> {
    binary
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "target"))?
        .parent()
}

/// The user's cache folder of topwork: below `$XDG_CACHE_HOME` or the home folder, else a folder of
/// the user's own among the temporary ones.
///
/// What lies in a cache is read and believed, so a folder that somebody else owns or may write to is
/// passed over. `None` where nothing is left.
pub fn user_cache() -> Option<PathBuf> {
    let user = user_folder("XDG_CACHE_HOME", ".cache");
    (user.filter(|folder| private::is_ours_or_missing(folder)))
        .or_else(|| private::temporary(&std::env::temp_dir()))
}

/// What plugins are told where there is no folder to keep anything in: one that cannot be made.
const NOWHERE: &str = "/dev/null/topwork";

/// A folder of its own that nobody else can write to, removed with the value.
pub fn temporary(prefix: &str) -> Result<TempDir, Failure> {
    let made = tempfile::Builder::new().prefix(prefix).tempdir();
    made.map_err(|error| {
        let among = std::env::temp_dir();
        let reason = reason(&error);
        Failure::new(
            RUN_FAILED,
            format!(
                "cannot make a temporary folder in `{}`: {reason}",
                among.display()
            ),
        )
        .hint("`TMPDIR` names the folder for temporary files")
    })
}

fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let absolute = |name: &str| {
        let path = PathBuf::from(std::env::var_os(name)?);
        // An empty or relative one would be below whatever folder a process works in.
        path.is_absolute().then_some(path)
    };
    let base = absolute(variable).or_else(|| Some(absolute("HOME")?.join(below_home)))?;
    Some(base.join("topwork"))
}

/// A path as it stays right in whatever folder a process works.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
