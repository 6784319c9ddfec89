//! Where plugins, their data and their derived files are looked for.

use std::path::{Path, PathBuf};

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
    /// The folders, those the user named on the command line first.
    ///
    /// Plugins: `--plugin-dir`, `$TOPWORK_PLUGIN_PATH`, beside the binary, `plugins` in the user's
    /// data folder. Data: `data` beside the binary, in the checkout the binary was built in, in
    /// the user's data folder.
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
        plugins.extend(beside.map(Path::to_owned));
        plugins.extend(user.as_ref().map(|user| user.join("plugins")));
        let mut data: Vec<PathBuf> = beside
            .map(|beside| beside.join("data"))
            .into_iter()
            .collect();
        data.extend(
            binary
                .as_deref()
                .and_then(checkout)
                .map(|checkout| checkout.join("data")),
        );
        data.extend(user.as_ref().map(|user| user.join("data")));
        Self {
            plugins,
            data,
            cache: user_cache(),
        }
    }
}

/// The checkout whose `target` folder the binary lies in.
fn checkout(binary: &Path) -> Option<&Path> {
    binary
        .ancestors()
        .find(|folder| folder.file_name().is_some_and(|name| name == "target"))?
        .parent()
}

/// The user's cache folder of topwork.
pub fn user_cache() -> PathBuf {
    user_folder("XDG_CACHE_HOME", ".cache").unwrap_or_else(std::env::temp_dir)
}

fn user_folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let set = std::env::var_os(variable)
        .map(PathBuf::from)
        .filter(|path| path.is_absolute());
    let base = set.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(below_home)))?;
    Some(base.join("topwork"))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}
