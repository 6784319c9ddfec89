//! What a supervisor does while its worker works: it passes on requests to stop, from signals
//! or from the run folder, and gives signs of life.

use std::{
    io,
    process::Child,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1},
    iterator::Signals,
};
use topwork_store::{Process, RunFolder, StopRequest};

/// How often requests are looked for.
const POLL: Duration = Duration::from_millis(50);

/// Time between two signs of life, and two looks for requests in the folder.
const BEAT: Duration = Duration::from_secs(1);

/// A thread that attends to one worker after the other.
pub struct Attendant(Arc<Shared>);

#[derive(Default)]
struct Shared {
    /// The worker at work.
    worker: Mutex<Option<Pid>>,
    /// Requests to stop so far: the first asks, later ones kill.
    requests: AtomicU32,
    /// The most memory a worker was seen to hold, in bytes; 0 where nothing tells it.
    memory: AtomicU64,
}

impl Attendant {
    /// Listens from here on, for as long as the process lives.
    pub fn start(folder: &RunFolder) -> io::Result<Self> {
        // A terminal that is closed sends SIGHUP; the run goes on without it.
        signal_hook::flag::register(SIGHUP, Arc::default())?;
        let mut signals = Signals::new([SIGTERM, SIGINT, SIGUSR1])?;
        let is_element = folder.element_name().is_some();
        let shared = Arc::new(Shared::default());
        let (attendant, folder) = (Self(Arc::clone(&shared)), folder.clone());
        thread::spawn(move || {
            let mut next_beat = Instant::now();
            loop {
                for signal in signals.pending() {
                    // Schedulers warn with SIGUSR1, then ask with SIGTERM, then kill by themselves.
                    let warns = signal == SIGUSR1 || (is_element && signal == SIGTERM);
                    let before = shared.requests.load(Ordering::SeqCst);
                    shared.request(if warns { before.max(1) } else { before + 1 });
                }
                if Instant::now() >= next_beat {
                    next_beat = Instant::now() + BEAT;
                    shared.look_at_memory();
                    // A folder that cannot be written ends the worker, which then says so.
                    let _ = folder.beat();
                    match folder.stop_requested() {
                        Some(StopRequest::Kill) => shared.request(2),
                        Some(StopRequest::Stop) => shared.request(1),
                        None => {}
                    }
                }
                thread::sleep(POLL);
            }
        });
        Ok(attendant)
    }

    /// Attends to this worker; a request that came before it reaches it now.
    pub fn attend(&self, worker: &Child) {
        *self.0.lock() = Some(Pid::from_child(worker));
        self.0.pass_on();
    }

    /// The worker has ended.
    pub fn leave(&self) {
        *self.0.lock() = None;
    }

    /// The most memory that a worker was seen to hold, in bytes.
    pub fn memory(&self) -> Option<u64> {
        let most = self.0.memory.load(Ordering::SeqCst);
        (most > 0).then_some(most)
    }

    /// Requests to stop so far.
    pub fn requests(&self) -> u32 {
        self.0.requests.load(Ordering::SeqCst)
    }
}

impl Shared {
    /// Raises the number of requests to `number`, and passes it on when it was lower.
    fn request(&self, number: u32) {
        if self.requests.fetch_max(number, Ordering::SeqCst) < number {
            self.pass_on();
        }
    }

    /// Of a worker that is killed nobody can ask it any more.
    fn look_at_memory(&self) {
        let worker = *self.lock();
        let id = worker.and_then(|worker| u32::try_from(worker.as_raw_nonzero().get()).ok());
        if let Some(bytes) = id.and_then(|id| Process::of(id).peak_memory()) {
            self.memory.fetch_max(bytes, Ordering::SeqCst);
        }
    }

    fn pass_on(&self) {
        let signal = match self.requests.load(Ordering::SeqCst) {
            0 => return,
            1 => Signal::TERM,
            _ => Signal::KILL,
        };
        if let Some(worker) = *self.lock() {
            // Fails when the worker has just ended, which is what was asked for.
            let _ = kill_process(worker, signal);
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Pid>> {
        // A panic while it was held leaves the number as it was.
        self.worker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
