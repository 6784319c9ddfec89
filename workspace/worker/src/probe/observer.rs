//! Watches plugins while they are looked at: notes calls and progress, keeps what is said.

use std::{
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::{Duration, Instant},
};

use topwork_host::{Level, Observer};
use topwork_measure::thousands;
use topwork_store::CallRecorder;

use crate::watchdog::Watchdog;

/// Notes the plugin call in progress and how far it is, and keeps what is said of the data.
pub(crate) struct Calls {
    /// Without the file a crash is told all the same, only not in which plugin.
    watchdog: Option<Watchdog>,
    /// From when on calls are asked to end soon: half an answer in time is better than none.
    patience: Instant,
    /// When progress was last noted, and where.
    progress: Mutex<(Instant, PathBuf)>,
    /// What was said and not taken yet.
    heard: Mutex<Vec<(Level, String)>>,
}

/// So many lines of one dataset are kept: nobody reads more.
const MOST_HEARD: usize = 1000;

impl Calls {
    /// For an answer that may take so long, with the files for the call in progress and for how
    /// far it is.
    pub(super) fn new(call: &Path, progress: PathBuf, limit: Duration) -> Self {
        Self {
            watchdog: CallRecorder::create(call).ok().map(Watchdog::new),
            patience: Instant::now() + limit / 2,
            progress: Mutex::new((Instant::now(), progress)),
            heard: Mutex::default(),
        }
    }

    /// What was said since the last time.
    pub(crate) fn take_heard(&self) -> Vec<(Level, String)> {
        std::mem::take(&mut *self.heard.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether there is time for more.
    pub(crate) fn has_time(&self) -> bool {
        Instant::now() < self.patience
    }
}

/// How often progress is noted at the most.
const NOTED: Duration = Duration::from_millis(100);

impl Observer for Calls {
    fn call(&self, plugin: &str, call: &str) {
        if let Some(calls) = &self.watchdog {
            calls.entered(plugin, call);
        }
    }
    fn returned(&self) {
        if let Some(calls) = &self.watchdog {
            calls.left();
        }
    }
    fn log(&self, _: &str, level: Level, text: &str) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        if level != Level::Debug && heard.len() < MOST_HEARD {
            heard.push((level, text.to_owned()));
        }
    }
    fn progress(&self, _: &str, done: u64, total: u64, what: &str) {
        // Another thread is at it.
        let Ok(mut noted) = self.progress.try_lock() else {
            return;
        };
        if noted.0.elapsed() >= NOTED {
            let done = match total {
                0 => thousands(done),
                total => format!("{} of {}", thousands(done), thousands(total)),
            };
            // Nobody misses a note that could not be written.
            let _ = std::fs::write(&noted.1, format!("{done} {what}"));
            noted.0 = Instant::now();
        }
    }
    fn should_stop(&self) -> bool {
        !self.has_time()
    }
}
