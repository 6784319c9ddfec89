//! A host that records what a plugin tells it.

use crate::drive::own;
use std::ffi::c_void;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use topwork_abi as abi;

/// A host for tests: it records log lines and counts progress, and can be told to stop a call.
#[derive(Clone)]
pub struct TestHost {
    data_folders: Vec<PathBuf>,
    cache_folder: PathBuf,
    threads: usize,
    heard: Arc<Heard>,
}

/// What is shared with the services; these live until the process ends.
struct Heard {
    lines: Mutex<Vec<String>>,
    progress: AtomicU64,
    /// How often `should_stop` may still be asked before it says yes.
    patience: AtomicU64,
}

impl Default for Heard {
    fn default() -> Self {
        Heard {
            lines: Mutex::default(),
            progress: AtomicU64::new(0),
            patience: AtomicU64::new(u64::MAX),
        }
    }
}

impl Default for TestHost {
    fn default() -> Self {
        TestHost::new()
    }
}

impl TestHost {
    /// A host without data folders, which grants two threads.
    pub fn new() -> Self {
        TestHost {
            data_folders: Vec::new(),
            cache_folder: PathBuf::new(),
            threads: 2,
            heard: Arc::default(),
        }
    }

    /// Adds a folder to those where data is looked for.
    #[must_use]
    pub fn data_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.data_folders.push(folder.as_ref().to_owned());
        self
    }

    /// Sets the folder for files that can be made again.
    #[must_use]
    pub fn cache_folder(mut self, folder: impl AsRef<Path>) -> Self {
        self.cache_folder = folder.as_ref().to_owned();
        self
    }

    /// Sets how many threads a call may keep busy.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// From the question with this number on (the first is 0), the host wishes to stop.
    #[must_use]
    pub fn stop_at(self, question: u64) -> Self {
        self.heard.patience.store(question, Ordering::Relaxed);
        self
    }

    /// The lines logged so far.
    pub fn lines(&self) -> Vec<String> {
        let lines = self.heard.lines.lock();
        lines.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How often progress was reported.
    pub fn progress(&self) -> u64 {
        self.heard.progress.load(Ordering::Relaxed)
    }

    /// The table for plugins. It is never released, as the contract asks.
    pub(crate) fn services(&self) -> &'static abi::HostServices {
        let host: &'static TestHost = Box::leak(Box::new(self.clone()));
        Box::leak(Box::new(abi::HostServices {
            size: size_of::<abi::HostServices>(),
            context: std::ptr::from_ref(host).cast_mut().cast(),
            log,
            progress,
            should_stop,
            threads,
            find_data,
            cache_folder,
        }))
    }
}

/// # Safety
///
/// `context` is that of a services table made above.
unsafe fn host(context: *mut c_void) -> &'static TestHost {
    // SAFETY: it points to a leaked `TestHost`.
    unsafe { &*context.cast::<TestHost>() }
}

unsafe extern "C" fn log(context: *mut c_void, level: abi::Level, text: abi::Text) {
    // SAFETY: the plugin hands back the context.
    let host = unsafe { host(context) };
    let lines = host.heard.lines.lock();
    lines
        .unwrap_or_else(PoisonError::into_inner)
        .push(format!("{}: {}", level.0, own(text)));
}

unsafe extern "C" fn progress(context: *mut c_void, _: u64, _: u64, _: abi::Text) {
    // SAFETY: the plugin hands back the context.
    let host = unsafe { host(context) };
    host.heard.progress.fetch_add(1, Ordering::Relaxed);
}

unsafe extern "C" fn should_stop(context: *mut c_void) -> bool {
    // SAFETY: the plugin hands back the context.
    let patience = &unsafe { host(context) }.heard.patience;
    let spend = |left: u64| left.checked_sub(1);
    patience
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, spend)
        .is_err()
}

unsafe extern "C" fn threads(context: *mut c_void) -> usize {
    // SAFETY: the plugin hands back the context.
    unsafe { host(context) }.threads
}

unsafe extern "C" fn find_data(
    context: *mut c_void,
    relative: abi::Text,
    path: *const abi::Sink,
    error: *const abi::Sink,
) -> abi::Status {
    // SAFETY: the plugin hands back the context.
    let folders = &unsafe { host(context) }.data_folders;
    let relative = own(relative);
    let found = folders
        .iter()
        .map(|folder| folder.join(&relative))
        .find(|path| path.exists());
    let (status, sink, text) = match found {
        Some(found) => (abi::Status::OK, path, found.display().to_string()),
        None => (
            abi::Status::BAD_DATA,
            error,
            format!("there is no `{relative}` in the data folders {folders:?}"),
        ),
    };
    // SAFETY: the plugin's sink is valid for this call.
    unsafe { crate::enter::write(sink, text.as_bytes()) };
    status
}

unsafe extern "C" fn cache_folder(context: *mut c_void) -> abi::Text {
    // SAFETY: the plugin hands back the context.
    let folder = &unsafe { host(context) }.cache_folder;
    abi::Text::new(folder.to_str().unwrap_or_default())
}
