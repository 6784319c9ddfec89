//! The worker's voice: events into the run folder, from whatever thread has something to say.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use topwork_events::{Event, LogLevel, NetworkPlan, RunState};
use topwork_host::{Level, Observer};
use topwork_store::{CallRecorder, EventWriter, StoreError};

use crate::WorkerError;

/// At most this often is progress told: as often as a screen is drawn afresh.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Appends events and keeps the state they add up to.
pub struct Emitter {
    inner: Mutex<Inner>,
    stop: Arc<AtomicBool>,
}

struct Inner {
    writer: EventWriter,
    calls: CallRecorder,
    state: RunState,
    /// The first event that could not be written: the run must not go on unheard.
    lost: Option<StoreError>,
    /// The running stage, its begin, and when its progress was last told.
    stage: usize,
    begun: Instant,
    told: Option<Instant>,
}

/// How far a stage is, as [`Event::Progress`] tells it.
#[derive(Clone, Copy, Default)]
pub struct Progress<'a> {
    /// Units done.
    pub done: u64,
    /// Units in all.
    pub total: u64,
    /// What is counted.
    pub unit: &'a str,
    /// The epoch running; 0 outside of training.
    pub epoch: u32,
    /// Latest mean loss.
    pub loss: Option<f64>,
}

impl Emitter {
    /// Speaks through `writer`; `stop` is raised when the user wants the run to end.
    pub fn new(writer: EventWriter, calls: CallRecorder, stop: Arc<AtomicBool>) -> Self {
        let inner = Inner {
            writer,
            calls,
            state: RunState::default(),
            lost: None,
            stage: 0,
            begun: Instant::now(),
            told: None,
        };
        Self {
            inner: Mutex::new(inner),
            stop,
        }
    }

    /// Appends one event.
    pub fn emit(&self, event: Event) -> Result<(), StoreError> {
        self.lock().append(event)
    }

    /// Tells of a network, unless one of its role is known.
    pub fn network(&self, network: NetworkPlan) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let known = inner
            .state
            .networks
            .iter()
            .any(|other| other.role == network.role);
        if known {
            Ok(())
        } else {
            inner.append(Event::Network(network))
        }
    }

    /// Begins a stage: progress belongs to it from here on.
    pub fn begin(&self, stage: usize) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.stage = stage;
        inner.begun = Instant::now();
        inner.told = None;
        inner.append(Event::StageStarted { stage })
    }

    /// Ends the stage that was begun last.
    pub fn end(&self, detail: String) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let (stage, seconds) = (inner.stage, inner.begun.elapsed().as_secs_f64());
        inner.append(Event::StageEnded {
            stage,
            seconds,
            detail,
        })
    }

    /// Index of the running stage.
    pub fn stage(&self) -> usize {
        self.lock().stage
    }

    /// Tells how far the running stage is, unless that was just told. Also the place where a
    /// stop takes effect: call it at every step boundary.
    pub fn step(&self, progress: Progress<'_>) -> Result<(), WorkerError> {
        if self.stopping() {
            return Err(WorkerError::Stopped);
        }
        self.lock().progress(progress)?;
        Ok(())
    }

    /// Whether the user wants the run to end.
    pub fn stopping(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// What all events so far add up to.
    pub fn state(&self) -> RunState {
        self.lock().state.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock was held leaves at worst one event unsaid.
        self.inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Inner {
    fn append(&mut self, event: Event) -> Result<(), StoreError> {
        if let Some(lost) = self.lost.take() {
            return Err(lost);
        }
        let record = self.writer.append(event)?;
        self.state.apply(&record);
        Ok(())
    }

    /// For those who cannot pass an error on: it is kept for the next one who can.
    fn append_or_keep(&mut self, event: Event) {
        if let Err(error) = self.append(event) {
            self.lost = Some(error);
        }
    }

    fn progress(&mut self, progress: Progress<'_>) -> Result<(), StoreError> {
        let now = Instant::now();
        if self.told.is_some_and(|told| now - told < PROGRESS_EVERY) {
            return Ok(());
        }
        self.told = Some(now);
        let elapsed = (now - self.begun).as_secs_f64();
        self.append(Event::Progress {
            stage: self.stage,
            done: progress.done,
            total: progress.total,
            unit: progress.unit.to_owned(),
            epoch: progress.epoch,
            loss: progress.loss,
            per_second: (progress.done > 0 && elapsed > 0.0)
                .then(|| progress.done as f64 / elapsed),
        })
    }
}

impl Observer for Emitter {
    fn call(&self, plugin: &str, call: &str) {
        self.lock().calls.entered(plugin, call);
    }

    fn returned(&self) {
        self.lock().calls.left();
    }

    fn log(&self, plugin: &str, level: Level, text: &str) {
        let level = match level {
            Level::Error => LogLevel::Error,
            Level::Warning => LogLevel::Warning,
            Level::Info => LogLevel::Info,
            Level::Debug => LogLevel::Debug,
        };
        self.lock().append_or_keep(Event::Log {
            level,
            from: plugin.to_owned(),
            text: text.to_owned(),
        });
    }

    fn progress(&self, _plugin: &str, done: u64, total: u64, text: &str) {
        let mut inner = self.lock();
        if let Err(error) = inner.progress(Progress {
            done,
            total,
            unit: text,
            ..Progress::default()
        }) {
            inner.lost = Some(error);
        }
    }

    fn should_stop(&self) -> bool {
        self.stopping()
    }
}
