//! Shared libraries: which files are plugins, how they are opened, what is kept of them.

use crate::open::{Checked, check_entry, check_version};
use crate::services::services;
use crate::text::clean;
use crate::{Options, PluginInfo, Skipped, call};
use libloading::Library;
use sha2::{Digest, Sha256};
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use topwork_abi as abi;

/// An initialised plugin. What its tables point to stays in memory until the process ends.
pub(crate) struct Opened {
    pub(crate) info: PluginInfo,
    /// The checked tables, one for each component of `info`, in the same order.
    pub(crate) components: Vec<abi::Component>,
    pub(crate) services: &'static abi::HostServices,
    pub(crate) observer: Arc<dyn crate::Observer>,
    deinit: Option<unsafe extern "C" fn()>,
}

impl Drop for Opened {
    fn drop(&mut self) {
        if let Some(deinit) = self.deinit {
            let _entered = call::Entered::new(&*self.observer, &self.info.id, "shutting down");
            // SAFETY: `init` succeeded for this `Opened`, and every instance holds it alive, so none is left.
            unsafe { deinit() };
        }
    }
}

/// The ending of plugins in Python.
const PYTHON: &str = ".py";

/// Whether a file of this name is opened as a plugin: `libtopwork_plugin_….so` and its like on other systems, or
/// `topwork_plugin_….py`.
pub fn is_plugin_file_name(name: &str) -> bool {
    let name = name.strip_prefix("lib").unwrap_or(name);
    let Some(rest) = name.strip_prefix(PREFIX) else {
        return false;
    };
    let suffix = std::env::consts::DLL_SUFFIX;
    [suffix, ".so", ".dylib", ".dll", PYTHON]
        .iter()
        .any(|suffix| rest.len() > suffix.len() && rest.ends_with(suffix))
}

/// The names that plugins' files have, for a message.
pub fn plugin_file_names() -> String {
    let (lib, suffix) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    format!("{lib}{PREFIX}NAME{suffix} or {PREFIX}NAME{PYTHON}")
}

/// What every name of a plugin's file has in front of its own part.
const PREFIX: &str = "topwork_plugin_";

/// Opens the plugins of all folders.
pub(crate) fn open_folders(options: &Options) -> (Vec<Arc<Opened>>, Vec<Skipped>) {
    let (mut opened, mut skipped) = (Vec::new(), Vec::new());
    let mut seen_files = HashSet::new();
    let mut first_with: HashMap<String, PathBuf> = HashMap::new();
    for folder in &options.folders {
        let files = match plugin_files(folder) {
            Ok(files) => files,
            Err(error) => {
                skipped.push(Skipped {
                    path: folder.clone(),
                    reason: format!("cannot be listed: {error}"),
                });
                continue;
            }
        };
        if !files.is_empty() && !holds_this_program(folder) && anybody_may_write(folder) {
            skipped.push(Skipped {
                path: folder.clone(),
                reason: untrusted("folder"),
            });
            continue;
        }
        for path in files {
            if !seen_files.insert(path.canonicalize().unwrap_or_else(|_| path.clone())) {
                continue;
            }
            if anybody_may_write(&path) && !holds_this_program(folder) {
                skipped.push(Skipped {
                    path,
                    reason: untrusted("file"),
                });
                continue;
            }
            match open_library(&path, options, &first_with) {
                Ok(plugin) => {
                    first_with.insert(plugin.info.id.clone(), path);
                    opened.push(Arc::new(plugin));
                }
                Err(reason) => skipped.push(Skipped { path, reason }),
            }
        }
    }
    (opened, skipped)
}

fn untrusted(what: &str) -> String {
    format!("anybody may write to this {what}, so what it holds cannot be trusted; `chmod o-w` it")
}

/// Whether every user of the machine can put code of theirs in the place of what is there.
#[cfg(unix)]
fn anybody_may_write(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    // What cannot be asked for its permissions cannot be opened either, which is told elsewhere.
    path.metadata()
        .is_ok_and(|metadata| metadata.permissions().mode() & 0o002 != 0)
}

#[cfg(not(unix))]
fn anybody_may_write(_: &Path) -> bool {
    false
}

/// Some file systems, of another system's disks for instance, show everything as writable to all. Where this program itself lies
/// a check gains nothing: whoever could write there could replace the program.
fn holds_this_program(folder: &Path) -> bool {
    let program = std::env::current_exe().and_then(|program| program.canonicalize());
    let folder = folder.canonicalize();
    matches!((program, folder), (Ok(program), Ok(folder)) if program.parent() == Some(&folder))
}

/// The plugin files directly in a folder, sorted by name; none when there is no such folder.
fn plugin_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = match std::fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let is_plugin = entry.file_name().to_str().is_some_and(is_plugin_file_name);
        if is_plugin && entry.path().is_file() {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

/// Opens a library that is the only one.
pub(crate) fn open_file(path: &Path, options: &Options) -> Result<Opened, String> {
    open_library(path, options, &HashMap::new())
}

fn open_library(
    path: &Path,
    options: &Options,
    first_with: &HashMap<String, PathBuf>,
) -> Result<Opened, String> {
    if path
        .extension()
        .is_some_and(|ending| ending == &PYTHON[1..])
    {
        return open_python(path, options, first_with);
    }
    let bytes = std::fs::read(path).map_err(|error| format!("cannot be read: {error}"))?;
    let sha256 = Sha256::digest(&bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    drop(bytes);
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let _entered = call::Entered::new(&*options.observer, &file, "opening the library");
    // SAFETY: opening runs the library's own start-up code, which nobody can check; the folder is one that the user trusts.
    let library = unsafe { Library::new(path) }
        .map_err(|error| format!("cannot be opened: {}", clean(&error.to_string())))?;
    // Never unloaded: threads, thread-local destructors and tables of the plugin may outlive everything the host knows of.
    let library: &'static Library = Box::leak(Box::new(library));
    // SAFETY: the contract gives the symbol of this name this type.
    let entry = unsafe { library.get::<abi::EntryFunction>(abi::ENTRY_SYMBOL) }
        .map_err(|_| format!("does not export `{}`", abi::ENTRY_SYMBOL))?;
    // SAFETY: an entry function may be called at any time.
    let entry = unsafe { entry() };
    // SAFETY: the pointer came from the plugin's entry function.
    unsafe { initialise(entry, path, sha256, options, first_with) }
}

/// Opens a file in Python, which becomes tables like those of a library: its id is the file's own part of its name.
fn open_python(
    path: &Path,
    options: &Options,
    first_with: &HashMap<String, PathBuf>,
) -> Result<Opened, String> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let id = name.strip_prefix(PREFIX).unwrap_or(&name).replace('_', "-");
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let opened = {
        let _entered = call::Entered::new(&*options.observer, &file, "importing the file");
        topwork_python::open(path, &id, &options.cache_folder, options.threads)
            .map_err(|problem| clean(&problem))?
    };
    // SAFETY: the tables were made in this process and stay until it ends.
    unsafe {
        initialise(
            opened.plugin.entry(),
            path,
            opened.digest,
            options,
            first_with,
        )
    }
}

/// Checks an entry's tables and then initialises the plugin.
///
/// # Safety
///
/// `entry` is null or points to an entry as [`abi`] describes it, at least to its first three fields.
pub(crate) unsafe fn initialise(
    entry: *const abi::Entry,
    path: &Path,
    sha256: String,
    options: &Options,
    first_with: &HashMap<String, PathBuf>,
) -> Result<Opened, String> {
    // SAFETY: passed on.
    let entry = unsafe { check_version(entry) }?;
    // SAFETY: the version fits, so the pointers are what the contract says.
    let Checked {
        mut info,
        components,
    } = unsafe { check_entry(&entry) }?;
    if let Some(first) = first_with.get(&info.id) {
        return Err(format!(
            "the plugin \"{}\" was already loaded from `{}`",
            info.id,
            first.display()
        ));
    }
    info.path = path.to_owned();
    info.sha256 = sha256;
    let services = services(&info.id, options);
    let observer = Arc::clone(&options.observer);
    if let Some(init) = entry.init {
        // SAFETY: the services live until the process ends and the sink during the call.
        call::run(&*observer, &info.id, "starting up", |error| unsafe {
            init(services, error)
        })
        .map_err(|error| error.to_string())?;
    }
    Ok(Opened {
        info,
        components,
        services,
        observer,
        deinit: entry.deinit,
    })
}
