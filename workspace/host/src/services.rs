//! What the host does for a plugin while it works, and who hears of it.

use crate::Options;
use crate::text::{clean, read_cut, read_text};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use topwork_abi as abi;

/// Hears of everything a plugin does. Called on any thread.
pub trait Observer: Send + Sync {
    /// A plugin is entered, to do what `call` says: `reading split "train"`. Comes before every call, so it must be cheap;
    /// what was entered last and never left is what crashed or hangs.
    fn call(&self, plugin: &str, call: &str);
    /// The call that was entered last on this thread has come back.
    fn returned(&self);
    /// A line for the log, free of control characters.
    fn log(&self, plugin: &str, level: Level, text: &str);
    /// `done` of `total` steps of the present call are made (`total` is 0 when unknown); `text` says what the steps are.
    fn progress(&self, plugin: &str, done: u64, total: u64, text: &str);
    /// Whether the present call should end soon.
    fn should_stop(&self) -> bool;
}

/// An observer that ignores everything and never asks to stop.
#[derive(Clone, Copy, Debug, Default)]
pub struct Silent;

impl Observer for Silent {
    fn call(&self, _: &str, _: &str) {}
    fn returned(&self) {}
    fn log(&self, _: &str, _: Level, _: &str) {}
    fn progress(&self, _: &str, _: u64, _: u64, _: &str) {}
    fn should_stop(&self) -> bool {
        false
    }
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Something went wrong.
    Error,
    /// Something may be wrong.
    Warning,
    /// Worth knowing.
    Info,
    /// For the author of the plugin.
    Debug,
}

/// Texts of log and progress longer than this many bytes are cut off.
const LONGEST_LINE: usize = 4096;

/// What stands behind the services of one plugin.
struct Context {
    plugin: String,
    observer: Arc<dyn Observer>,
    data_folders: Vec<PathBuf>,
    cache_folder: String,
    threads: usize,
}

/// The services for one plugin. They live until the process ends, because a thread that the plugin started may still use them.
pub(crate) fn services(plugin: &str, options: &Options) -> &'static abi::HostServices {
    let context: &'static Context = Box::leak(Box::new(Context {
        plugin: plugin.to_owned(),
        observer: Arc::clone(&options.observer),
        data_folders: options.data_folders.iter().map(|f| absolute(f)).collect(),
        cache_folder: absolute(&options.cache_folder)
            .to_string_lossy()
            .into_owned(),
        threads: options.threads.max(1),
    }));
    Box::leak(Box::new(abi::HostServices {
        size: size_of::<abi::HostServices>(),
        context: std::ptr::from_ref(context).cast_mut().cast(),
        log,
        progress,
        should_stop,
        threads,
        find_data,
        cache_folder,
    }))
}

fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// Runs a service. A panic (of an observer) must not unwind into the plugin, so it ends here and `otherwise` is the answer.
fn serve<T>(context: *mut c_void, otherwise: T, service: impl FnOnce(&'static Context) -> T) -> T {
    if context.is_null() {
        return otherwise;
    }
    // SAFETY: the context of a services table is a leaked `Context`, and a plugin hands it back unchanged.
    let context: &'static Context = unsafe { &*context.cast::<Context>() };
    catch_unwind(AssertUnwindSafe(|| service(context))).unwrap_or(otherwise)
}

fn line(text: abi::Text) -> String {
    match read_cut(text, LONGEST_LINE) {
        Ok(text) => clean(&text),
        Err(problem) => format!("(a text that {problem})"),
    }
}

unsafe extern "C" fn log(context: *mut c_void, level: abi::Level, text: abi::Text) {
    let level = match level {
        abi::Level::ERROR => Level::Error,
        abi::Level::WARNING => Level::Warning,
        abi::Level::INFO => Level::Info,
        _ => Level::Debug,
    };
    serve(context, (), |c| {
        c.observer.log(&c.plugin, level, &line(text));
    });
}

unsafe extern "C" fn progress(context: *mut c_void, done: u64, total: u64, text: abi::Text) {
    serve(context, (), |c| {
        c.observer.progress(&c.plugin, done, total, &line(text));
    });
}

unsafe extern "C" fn should_stop(context: *mut c_void) -> bool {
    serve(context, false, |c| c.observer.should_stop())
}

unsafe extern "C" fn threads(context: *mut c_void) -> usize {
    serve(context, 1, |c| c.threads)
}

unsafe extern "C" fn cache_folder(context: *mut c_void) -> abi::Text {
    serve(context, abi::Text::new(""), |c| {
        abi::Text::new(&c.cache_folder)
    })
}

unsafe extern "C" fn find_data(
    context: *mut c_void,
    relative: abi::Text,
    path: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    serve(context, abi::Status::FAILED, |c| {
        let (status, sink, text) = match read_text(relative, LONGEST_LINE) {
            Err(problem) => (
                abi::Status::BAD_CALL,
                error,
                format!("a data path that {problem}"),
            ),
            Ok(relative) => match search(&c.data_folders, &relative) {
                Ok(found) => (abi::Status::OK, path, found),
                Err(message) => (abi::Status::BAD_DATA, error, message),
            },
        };
        if sink.is_null() {
            return abi::Status::BAD_CALL;
        }
        // SAFETY: the plugin's sink is valid for the call it was passed to, which is this one.
        unsafe { ((*sink).write)((*sink).context, text.as_ptr(), text.len()) };
        status
    })
}

/// The absolute path of the first data folder's file, or the message that says where it was looked for.
fn search(folders: &[PathBuf], relative: &str) -> Result<String, String> {
    let inside = Path::new(relative)
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    if !inside || relative.is_empty() {
        return Err(format!(
            "the data path `{}` does not stay inside a data folder",
            clean(relative)
        ));
    }
    for folder in folders {
        let path = folder.join(relative);
        if path.exists() {
            return path.into_os_string().into_string().map_err(|path| {
                format!("the path {path:?} is not UTF-8, which plugins cannot be told")
            });
        }
    }
    if folders.is_empty() {
        return Err(format!(
            "there is no `{}`: no data folder was given",
            clean(relative)
        ));
    }
    let searched: Vec<String> = folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    Err(format!(
        "there is no `{}` in the data folders {}",
        clean(relative),
        searched.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn data_is_found_in_the_first_folder_that_has_it_and_nowhere_else() {
        let root = tempfile::tempdir().unwrap();
        let (first, second) = (root.path().join("first"), root.path().join("second"));
        for (folder, file) in [(&first, "only-first"), (&second, "both"), (&first, "both")] {
            std::fs::create_dir_all(folder.join("set")).unwrap();
            std::fs::write(folder.join("set").join(file), "").unwrap();
        }
        std::fs::write(root.path().join("secret"), "").unwrap();
        let folders = [second.clone(), first.clone()];
        let cases = [
            ("set/both", Ok("[root]/second/set/both")),
            ("set/only-first", Ok("[root]/first/set/only-first")),
            (
                "set/nothing",
                Err(
                    "there is no `set/nothing` in the data folders `[root]/second`, `[root]/first`",
                ),
            ),
            (
                "../secret",
                Err("the data path `../secret` does not stay inside a data folder"),
            ),
            (
                "",
                Err("the data path `` does not stay inside a data folder"),
            ),
            (
                "/etc/hostname",
                Err("the data path `/etc/hostname` does not stay inside a data folder"),
            ),
        ];
        let redact = |text: String| text.replace(&root.path().display().to_string(), "[root]");
        for (relative, expected) in cases {
            let found = search(&folders, relative).map(redact).map_err(redact);
            assert_eq!(found.as_deref().map_err(|e| &**e), expected);
        }
        let nowhere = search(&[], "a").unwrap_err();
        assert_eq!(nowhere, "there is no `a`: no data folder was given");
    }
}
