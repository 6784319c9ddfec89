//! Which plugin calls are in progress, and an end to those that never come back.
//!
//! A plugin that hangs cannot be interrupted from outside: the process ends itself, having noted
//! in the run folder which call it was and why, and the supervisor tells it.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

use rustix::process::{Signal, getpid, kill_process};
use topwork_store::CallRecorder;

/// The plugin calls in progress on all threads.
pub struct Watchdog(Mutex<Calls>);

struct Calls {
    recorder: CallRecorder,
    /// In the order they were entered.
    running: Vec<Running>,
}

struct Running {
    thread: ThreadId,
    plugin: String,
    call: String,
    /// How long it was watched without progress.
    silent: Duration,
}

impl Watchdog {
    /// Notes calls with `recorder`. Nothing is watched before [`Watchdog::watch`].
    pub fn new(recorder: CallRecorder) -> Self {
        Self(Mutex::new(Calls {
            recorder,
            running: Vec::new(),
        }))
    }

    /// The calling thread enters a plugin.
    pub fn entered(&self, plugin: &str, call: &str) {
        let mut calls = self.lock();
        calls.recorder.entered(plugin, call);
        let thread = thread::current().id();
        calls.progress_of(|running| running.thread == thread);
        calls.running.push(Running {
            thread,
            plugin: plugin.to_owned(),
            call: call.to_owned(),
            silent: Duration::ZERO,
        });
    }

    /// The call that the calling thread entered last has come back.
    pub fn left(&self) {
        let mut calls = self.lock();
        let thread = thread::current().id();
        let last = calls.running.iter().rposition(|call| call.thread == thread);
        if let Some(last) = last {
            calls.running.remove(last);
        }
        calls.progress_of(|running| running.thread == thread);
        // Should the process die now, it dies in what is still in progress.
        let Calls { recorder, running } = &mut *calls;
        match running.last() {
            Some(call) => recorder.entered(&call.plugin, &call.call),
            None => recorder.left(),
        }
    }

    /// `plugin` has done something that shows that it is at work, from whatever thread.
    pub fn progress(&self, plugin: &str) {
        self.lock().progress_of(|running| running.plugin == plugin);
    }

    /// From here on a call that makes no progress for `limit` ends the process.
    pub fn watch(self: Arc<Self>, limit: Duration) {
        let tick = (limit / 10).clamp(Duration::from_millis(10), Duration::from_secs(1));
        thread::spawn(move || {
            let mut last = Instant::now();
            loop {
                thread::sleep(tick);
                // While the whole process was held (Ctrl-Z, a debugger) no call could go on.
                let passed = last.elapsed().min(2 * tick);
                last = Instant::now();
                if self.is_over(limit, passed) {
                    // Nothing of the plugin's can stand in the way of this signal.
                    let _ = kill_process(getpid(), Signal::KILL);
                    std::process::abort();
                }
            }
        });
    }

    /// Adds time to all calls; once one has passed the limit that is noted, and nothing after it.
    fn is_over(&self, limit: Duration, passed: Duration) -> bool {
        let mut calls = self.lock();
        let Calls { recorder, running } = &mut *calls;
        for call in running.iter_mut() {
            call.silent += passed;
        }
        let Some(call) = running.iter().rfind(|call| call.silent >= limit) else {
            return false;
        };
        recorder.hung(&call.plugin, &call.call, limit);
        // Whoever enters or leaves a plugin from here on waits for the end, lest the note be lost.
        std::mem::forget(calls);
        true
    }

    fn lock(&self) -> MutexGuard<'_, Calls> {
        // A panic while the lock was held leaves at worst one call unsaid.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Calls {
    fn progress_of(&mut self, of: impl Fn(&Running) -> bool) {
        for call in self.running.iter_mut().filter(|call| of(call)) {
            call.silent = Duration::ZERO;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(10);
    const TICK: Duration = Duration::from_secs(4);

    /// A watchdog with its file, and what the file says.
    fn watchdog() -> (
        Arc<Watchdog>,
        tempfile::TempDir,
        impl Fn(&tempfile::TempDir) -> String,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let recorder = CallRecorder::create(&folder.path().join("call")).unwrap();
        let said = |folder: &tempfile::TempDir| {
            let last = CallRecorder::read(&folder.path().join("call"));
            last.map_or("nothing".to_owned(), |last| {
                let hung = if last.hung.is_some() { ", hung" } else { "" };
                format!("{}: {}{hung}", last.plugin, last.call)
            })
        };
        (Arc::new(Watchdog::new(recorder)), folder, said)
    }

    #[test]
    fn silence_adds_up_and_progress_ends_it() {
        let (watchdog, folder, said) = watchdog();
        assert!(!watchdog.is_over(LIMIT, LIMIT), "no call, no hang");
        watchdog.entered("x", "reading");
        assert!(!watchdog.is_over(LIMIT, TICK));
        assert!(!watchdog.is_over(LIMIT, TICK));
        watchdog.progress("x");
        assert!(!watchdog.is_over(LIMIT, TICK));
        watchdog.progress("another");
        assert!(!watchdog.is_over(LIMIT, TICK));
        assert_eq!(said(&folder), "x: reading");
        assert!(watchdog.is_over(LIMIT, TICK));
        assert_eq!(said(&folder), "x: reading, hung");
    }

    #[test]
    fn of_overlapping_calls_the_one_that_stays_is_told() {
        let (watchdog, folder, said) = watchdog();
        watchdog.entered("x", "reading");
        let other = Arc::clone(&watchdog);
        thread::spawn(move || {
            other.entered("y", "fitting");
            other.left();
        })
        .join()
        .unwrap();
        assert_eq!(said(&folder), "x: reading");
        watchdog.left();
        assert_eq!(said(&folder), "nothing");
    }

    #[test]
    fn a_call_within_a_call_is_progress_of_both() {
        let (watchdog, folder, said) = watchdog();
        watchdog.entered("libx.so", "opening the library");
        assert!(!watchdog.is_over(LIMIT, TICK));
        assert!(!watchdog.is_over(LIMIT, TICK));
        watchdog.entered("x", "starting up");
        assert!(!watchdog.is_over(LIMIT, TICK));
        assert!(!watchdog.is_over(LIMIT, TICK));
        watchdog.left();
        assert_eq!(said(&folder), "libx.so: opening the library");
        assert!(!watchdog.is_over(LIMIT, TICK));
    }
}
