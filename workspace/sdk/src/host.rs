//! What the host does for a component.

use crate::Error;
use crate::enter::collect;
use std::any::Any;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use topwork_abi as abi;

/// The services of the host that created a component. Cheap to copy; any thread may use it.
#[derive(Clone, Copy)]
pub struct Host {
    services: abi::HostServices,
    made_for: Option<&'static (dyn Any + Send + Sync)>,
}

/// How important a line of the log is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

impl Host {
    pub(crate) fn new(services: abi::HostServices) -> Self {
        Host {
            services,
            made_for: None,
        }
    }

    pub(crate) fn with(self, made_for: Option<&'static (dyn Any + Send + Sync)>) -> Self {
        Host { made_for, ..self }
    }

    /// What the component was [declared](crate::ExportedComponent::declared) with; `None` where that is of another type, or nothing.
    pub fn made_for<T: Any>(&self) -> Option<&'static T> {
        self.made_for?.downcast_ref()
    }

    /// Records a line in the run's log.
    pub fn log(&self, level: Level, text: &str) {
        let level = match level {
            Level::Error => abi::Level::ERROR,
            Level::Warning => abi::Level::WARNING,
            Level::Info => abi::Level::INFO,
            Level::Debug => abi::Level::DEBUG,
        };
        // SAFETY: the context belongs to the table, and the text lives during the call.
        unsafe { (self.services.log)(self.services.context, level, abi::Text::new(text)) }
    }

    /// Records a line that this host has not had from this plugin yet: what several instances find out about the same files is
    /// worth saying once.
    pub fn log_once(&self, level: Level, text: &str) {
        static TOLD: Mutex<BTreeSet<(usize, String)>> = Mutex::new(BTreeSet::new());
        let mut told = TOLD.lock().unwrap_or_else(PoisonError::into_inner);
        if told.insert((self.services.context.addr(), text.to_owned())) {
            drop(told);
            self.log(level, text);
        }
    }

    /// Says that `done` of `total` steps of the present call are made; `total` is 0 when it is not known. The host shows it, so
    /// that people see a long call live.
    pub fn progress(&self, done: u64, total: u64, text: &str) {
        // SAFETY: as in `log`.
        unsafe {
            (self.services.progress)(self.services.context, done, total, abi::Text::new(text))
        }
    }

    /// Ends the present call, with `?`, when the host wishes to stop. Cheap enough for every iteration.
    pub fn check_stop(&self) -> Result<(), Error> {
        // SAFETY: the context belongs to the table.
        if unsafe { (self.services.should_stop)(self.services.context) } {
            Err(Error::stopped())
        } else {
            Ok(())
        }
    }

    /// How many threads a call may keep busy, at least 1.
    pub fn threads(&self) -> usize {
        // SAFETY: the context belongs to the table.
        unsafe { (self.services.threads)(self.services.context) }.max(1)
    }

    /// The absolute path of a data file, given relative to a data folder as `folder/file`; the first folder that has it counts.
    /// The error names the folders that were searched.
    pub fn find_data(&self, relative: &str) -> Result<PathBuf, Error> {
        let ((status, error), path) = collect(|path| {
            // SAFETY: text and sinks live during the call.
            collect(|error| unsafe {
                (self.services.find_data)(
                    self.services.context,
                    abi::Text::new(relative),
                    path,
                    error,
                )
            })
        });
        Error::from_status(status, &error)?;
        String::from_utf8(path)
            .map(PathBuf::from)
            .map_err(|_| Error::call("the path of a data file is not UTF-8"))
    }

    /// The absolute path of a folder for files that can be made again. It may not exist yet.
    pub fn cache_folder(&self) -> Result<PathBuf, Error> {
        // SAFETY: the context belongs to the table, and the text lives until the process ends.
        let text = unsafe {
            crate::enter::text(
                "cache folder",
                (self.services.cache_folder)(self.services.context),
            )
        }?;
        Ok(PathBuf::from(text))
    }
}
