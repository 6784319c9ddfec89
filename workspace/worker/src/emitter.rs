//! The worker's voice: events into the run folder, from whatever thread has something to say.

use std::{
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use topwork_events::{Came, Event, Failure, LogLevel, NetworkPlan, Record, RunState};
use topwork_graft::{Fold, Progress};
use topwork_host::{Level, Observer};
use topwork_measure::thousands;
use topwork_store::{EventReader, EventWriter, StoreError};

use crate::{WorkerError, conductor::as_told, watchdog::Watchdog};

/// At most this often is progress told: as often as a screen is drawn afresh.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// Where nothing depends on it, others are listened to at most this often: that takes calls of the system, which are slow on a
/// network's file system.
const LISTEN_EVERY: Duration = Duration::from_millis(100);

/// The most log lines of plugins that a worker passes on: one that never ends must not fill the
/// disk, and nobody reads more.
const MOST_LOG_LINES: u64 = 10_000;

/// Why a run is to end before it is done.
#[derive(Default)]
pub struct Stop {
    /// The user asked for it.
    pub asked: Arc<AtomicBool>,
    /// The supervisor is gone: nobody could pass on a request, or tell how this process ended.
    pub orphaned: AtomicBool,
}

/// Appends events and keeps the state they add up to.
pub struct Emitter {
    inner: Mutex<Inner>,
    watchdog: Arc<Watchdog>,
    stop: Arc<Stop>,
}

struct Inner {
    writer: EventWriter,
    state: RunState,
    /// What is known of each part by itself; empty for a run of one part, which `state` is of.
    parts: Vec<RunState>,
    /// The part at work.
    part: usize,
    log_lines: u64,
    /// What other processes say that work on the run at the same time.
    others: Option<EventReader>,
    /// When it was last asked what they say.
    listened: Option<Instant>,
    /// The first row that this process has given up.
    gave_up: Option<Failure>,
    /// The first event that could not be written: the run must not go on unheard.
    lost: Option<StoreError>,
    /// The running stage, its begin, and when its progress was last told.
    stage: usize,
    begun: Instant,
    told: Option<Instant>,
    /// The fold that is left out, and when it came to that.
    fold: Option<(Fold, Instant)>,
    /// Candidates are tried: what plugins say of their fits is no progress of the stage.
    choosing: bool,
}

impl Emitter {
    /// Speaks through `writer`, after what earlier sessions said, which adds up to `state`, and
    /// tells `watchdog` of plugin calls; `stop` is raised when the run is to end.
    pub fn new(
        writer: EventWriter,
        watchdog: Arc<Watchdog>,
        state: RunState,
        stop: Arc<Stop>,
    ) -> Self {
        let inner = Inner {
            writer,
            state,
            parts: Vec::new(),
            part: 0,
            log_lines: 0,
            others: None,
            listened: None,
            gave_up: None,
            lost: None,
            stage: 0,
            begun: Instant::now(),
            told: None,
            fold: None,
            choosing: false,
        };
        Self {
            inner: Mutex::new(inner),
            watchdog,
            stop,
        }
    }

    /// Others work on the run, too, beside this element: `reader` has read what all have said so far.
    pub fn beside_others(&self, own: &str, reader: EventReader) {
        self.lock().others = Some(reader.beside(own));
    }

    /// Takes in what others have said since.
    pub fn listen(&self) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let Some(mut others) = inner.others.take() else {
            return Ok(());
        };
        let said = others.poll();
        inner.others = Some(others);
        inner.listened = Some(Instant::now());
        for record in said? {
            inner.take_in(&record);
        }
        Ok(())
    }

    /// The same, unless that was just done.
    pub fn listen_now_and_then(&self) -> Result<(), StoreError> {
        let listened = self.lock().listened;
        match listened.is_some_and(|listened| listened.elapsed() < LISTEN_EVERY) {
            true => Ok(()),
            false => self.listen(),
        }
    }

    /// Which part is at work.
    pub fn part(&self) -> usize {
        self.lock().part
    }

    /// The first row that this process has given up.
    pub fn gave_up(&self) -> Option<Failure> {
        self.lock().gave_up.clone()
    }

    /// The run is one of several parts, each of which `parts` says what is known of it.
    pub fn of_parts(&self, parts: Vec<RunState>) {
        self.lock().parts = parts;
    }

    /// Goes on to a part: what is told from here on belongs to it.
    pub fn begin_part(&self, part: usize) {
        self.lock().part = part;
    }

    /// Appends one event.
    pub fn emit(&self, event: Event) -> Result<(), StoreError> {
        self.lock().append(event)
    }

    /// Tells of a network, unless it is known already.
    pub fn network(&self, network: NetworkPlan) -> Result<(), StoreError> {
        let mut inner = self.lock();
        if inner.of_part().networks.contains(&network) {
            return Ok(());
        }
        inner.append(Event::Network(network))
    }

    /// Begins a stage: progress belongs to it from here on.
    pub fn begin(&self, stage: usize) -> Result<(), StoreError> {
        let mut inner = self.lock();
        inner.stage = stage;
        inner.begun = Instant::now();
        inner.told = None;
        inner.fold = None;
        inner.choosing = false;
        inner.append(Event::StageStarted { stage })
    }

    /// The running stage goes on to a fold: what is told from here on belongs to it.
    pub fn begin_fold(&self, fold: Fold) -> Result<(), WorkerError> {
        let mut inner = self.lock();
        inner.fold = Some((fold, Instant::now()));
        inner.told = None;
        drop(inner);
        self.step(Progress {
            total: 1,
            unit: "folds",
            ..Progress::default()
        })
    }

    /// The fold that the running stage leaves out, from 1, where there are any.
    pub fn fold(&self) -> Option<u32> {
        self.lock().fold.map(|(fold, _)| fold.number)
    }

    /// Ends the stage that was begun last, complete or given up.
    pub fn end(&self, came: Came, failed: bool) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let (stage, seconds) = (inner.stage, inner.begun.elapsed().as_secs_f64());
        inner.append(Event::StageEnded {
            stage,
            seconds,
            came,
            failed,
        })
    }

    /// Index of the running stage.
    pub fn stage(&self) -> usize {
        self.lock().stage
    }

    /// Tells how far the running stage is, unless that was just told. Also the place where a
    /// stop takes effect: call it at every step boundary.
    pub fn step(&self, progress: Progress<'_>) -> Result<(), WorkerError> {
        self.check_stop()?;
        self.lock().progress(progress)?;
        Ok(())
    }

    /// Tells how many candidates have been tried, as [`step`](Self::step) tells it.
    pub fn candidates(&self, done: u64, of: u64) -> Result<(), WorkerError> {
        self.lock().choosing = done < of;
        self.step(Progress {
            done,
            total: of,
            unit: "candidates",
            ..Progress::default()
        })
    }

    /// Fails when the run is to end.
    pub fn check_stop(&self) -> Result<(), WorkerError> {
        match (self.stop.orphaned.load(Ordering::Relaxed), self.stopping()) {
            (true, _) => Err(WorkerError::Orphaned),
            (_, true) => Err(WorkerError::Stopped),
            _ => Ok(()),
        }
    }

    /// Whether the run is to end.
    pub fn stopping(&self) -> bool {
        self.stop.asked.load(Ordering::Relaxed) || self.stop.orphaned.load(Ordering::Relaxed)
    }

    /// Looks at what the events so far of the part at work add up to.
    pub fn look<T>(&self, look: impl FnOnce(&RunState) -> T) -> T {
        look(self.lock().of_part())
    }

    /// What all events so far add up to, of all parts.
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
        if let Event::RowFailed(failure) = &event {
            self.gave_up.get_or_insert_with(|| failure.clone());
        }
        let record = self.writer.append_of(self.part, event)?;
        self.take_in(&record);
        Ok(())
    }

    fn take_in(&mut self, record: &Record) {
        self.state.apply(record);
        for (part, state) in self.parts.iter_mut().enumerate() {
            state.apply_to_part(record, part);
        }
    }

    /// What is known of the part at work.
    fn of_part(&self) -> &RunState {
        self.parts.get(self.part).unwrap_or(&self.state)
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
        let now_done = progress.done.saturating_sub(progress.done_before);
        let since = self.fold.map_or(self.begun, |(_, begun)| begun);
        let elapsed = (now - since).as_secs_f64();
        // All folds are alike to within one example: what one has to do, the others have.
        let (before, folds) = self.fold.map_or((0, 1), |(fold, _)| {
            (u64::from(fold.number - 1), u64::from(fold.of))
        });
        self.append(Event::Progress {
            stage: self.stage,
            done: before
                .saturating_mul(progress.total)
                .saturating_add(progress.done),
            total: progress.total.saturating_mul(folds),
            unit: progress.unit.to_owned(),
            fold: self.fold.map(|(fold, _)| fold.number),
            epoch: progress.epoch,
            loss: progress.loss,
            per_second: (now_done > 0 && elapsed > 0.0).then(|| now_done as f64 / elapsed),
        })
    }
}

impl Observer for Emitter {
    fn call(&self, plugin: &str, call: &str) {
        self.watchdog.entered(plugin, call);
    }

    fn returned(&self) {
        self.watchdog.left();
    }

    fn log(&self, plugin: &str, level: Level, text: &str) {
        let level = as_told(level);
        let mut inner = self.lock();
        inner.log_lines += 1;
        if inner.log_lines > MOST_LOG_LINES + 1 {
            return;
        }
        let (level, text) = if inner.log_lines <= MOST_LOG_LINES {
            (level, text.to_owned())
        } else {
            let kept = thousands(MOST_LOG_LINES);
            let text = format!("more than {kept} log lines; the rest of the log is not kept");
            (LogLevel::Warning, text)
        };
        inner.append_or_keep(Event::Log {
            level,
            from: plugin.to_owned(),
            text,
        });
        drop(inner);
        // Beyond the most lines logging is no progress: who only logs, hangs.
        self.watchdog.progress(plugin);
    }

    fn progress(&self, plugin: &str, done: u64, total: u64, text: &str) {
        self.watchdog.progress(plugin);
        let mut inner = self.lock();
        if inner.choosing {
            return;
        }
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
