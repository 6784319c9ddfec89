//! What the process says to the one that started it, and how plugin calls are noted.

use std::{
    io::Write,
    path::Path,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use topwork_host::{Level, Observer};
use topwork_store::CallRecorder;
use topwork_worker::Watchdog;

use crate::Said;

/// Nobody wants the rest.
static STOPPED: AtomicBool = AtomicBool::new(false);

/// Ends the work at the next block of images; what was written so far is removed.
pub fn stop() {
    STOPPED.store(true, Ordering::Relaxed);
}

/// Whether it is to end.
pub fn is_stopped() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// How often progress is said at the most.
const SAID: Duration = Duration::from_millis(100);

/// Says JSON lines, and notes the plugin calls in progress.
pub struct Speaker {
    out: Mutex<Box<dyn Write + Send>>,
    last: Mutex<Option<Instant>>,
    /// Without the file a crash is told all the same, only not in which plugin.
    calls: Option<Watchdog>,
}

impl Speaker {
    /// Speaks into `out`; calls are noted in the file at `call_path`.
    pub fn new(out: Box<dyn Write + Send>, call_path: &Path) -> Self {
        Self {
            out: Mutex::new(out),
            last: Mutex::default(),
            calls: CallRecorder::create(call_path).ok().map(Watchdog::new),
        }
    }

    /// Says one thing.
    pub fn say(&self, said: &Said) {
        let Ok(mut line) = serde_json::to_vec(said) else {
            return;
        };
        line.push(b'\n');
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        if out.write_all(&line).and_then(|()| out.flush()).is_err() {
            // Whoever asked is gone, and nobody wants the rest.
            stop();
        }
    }

    /// Says how far the work is, unless it has just been said.
    pub fn progress(&self, done: u64, total: Option<u64>) {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() >= SAID) {
            *last = Some(Instant::now());
            self.say(&Said::Progress { done, total });
        }
    }

    /// Says what a plugin or a task has to say.
    pub fn tell(&self, level: Level, text: String) {
        match level {
            Level::Debug => {}
            Level::Info => self.say(&Said::Note(text)),
            Level::Warning | Level::Error => self.say(&Said::Warning(text)),
        }
    }
}

impl Observer for Speaker {
    fn call(&self, plugin: &str, call: &str) {
        if let Some(calls) = &self.calls {
            calls.entered(plugin, call);
        }
    }

    fn returned(&self) {
        if let Some(calls) = &self.calls {
            calls.left();
        }
    }

    fn log(&self, plugin: &str, level: Level, text: &str) {
        self.tell(level, format!("{plugin}: {text}"));
    }

    fn progress(&self, _: &str, _: u64, _: u64, _: &str) {}

    fn should_stop(&self) -> bool {
        is_stopped()
    }
}
