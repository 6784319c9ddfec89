//! One plugin's Python process, and calls to it: a line of JSON there, lines of JSON back, arrays in a file that both have open.

use crate::interpreter::Interpreter;
use crate::offered::Offered;
use serde::Deserialize;
use serde_json::{Value, json};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};
use topwork_sdk::{Error, Host, Level};

const RUNNER: &str = include_str!("runner.py");

/// How often a call that is waited for looks whether the run should stop.
const PATIENCE: Duration = Duration::from_millis(100);

/// Where arrays begin in the shared file; its first byte says whether to stop.
const ARRAYS: u64 = 4096;

/// Memory is asked for arrays only where this much of it is left to files; else they lie on the disk.
const ENOUGH_MEMORY: u64 = 1 << 30;

/// How many processes were started so far.
static STARTED: AtomicU64 = AtomicU64::new(0);

/// The environment variables that limit the threads of numeric libraries.
const THREADS: [&str; 4] = [
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
];

/// A line from Python.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Answer {
    Log { level: String, text: String },
    Progress { done: u64, total: u64, text: String },
    Find(String),
    Failed(Failure),
    Done(Value),
}

/// Why Python did not do what it was asked for.
#[derive(Deserialize)]
struct Failure {
    kind: String,
    message: String,
    hint: Option<String>,
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        let error = match &*failure.kind {
            "stopped" => Error::stopped(),
            "parameters" => Error::parameters(failure.message),
            "data" => Error::data(failure.message),
            _ => Error::failed(failure.message),
        };
        match failure.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

/// A plugin file with the process that runs it, which is started when it is first needed and again after it has ended.
pub struct Process {
    plugin: PathBuf,
    interpreter: Interpreter,
    threads: usize,
    /// The digest of what this plugin is known as; a process of other files would compute other features under its name.
    known_as: OnceLock<String>,
    running: Mutex<Option<Running>>,
}

/// The process, while it lives.
struct Running {
    calls: ChildStdin,
    answers: Receiver<Result<Answer, String>>,
    shared: File,
    /// How many processes were started before it: an instance lives in one of them.
    generation: u64,
}

/// What becomes of a call that a process does not answer.
enum Lost {
    /// It has ended, and how.
    Ended(String),
    /// It answered with an error, and is well.
    Refused(Error),
}

impl Process {
    pub fn new(plugin: PathBuf, interpreter: Interpreter, threads: usize) -> Self {
        Process {
            plugin,
            interpreter,
            threads,
            known_as: OnceLock::new(),
            running: Mutex::new(None),
        }
    }

    /// Starts Python, which imports the file, and gives what it says of the file.
    pub fn open(&self) -> Result<Offered, Error> {
        let mut running = self.lock();
        let (started, offered) = self.start()?;
        *running = Some(started);
        Ok(offered)
    }

    /// Says what the plugin is known as from now on: a process that imports anything else is refused.
    pub fn known_as(&self, digest: String) {
        let _ = self.known_as.set(digest);
    }

    /// A turn with the process, which is started where it does not run.
    pub fn turn(&self, host: Host) -> Result<Turn<'_>, Error> {
        let mut running = self.lock();
        if running.is_none() {
            *running = Some(self.start()?.0);
        }
        Ok(Turn::new(running, host))
    }

    /// A turn with the process of this generation, if it still runs.
    pub fn turn_in(&self, generation: u64, host: Host) -> Option<Turn<'_>> {
        let running = self.lock();
        let lives = (running.as_ref()).is_some_and(|process| process.generation == generation);
        lives.then(|| Turn::new(running, host))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn start(&self) -> Result<(Running, Offered), Error> {
        let failed = |what: &str, error: std::io::Error| Error::failed(format!("{what}: {error}"));
        let mut shared = tempfile::Builder::new()
            .prefix("topwork-python-")
            .tempfile_in(shared_folder())
            .map_err(|error| failed("no file for arrays could be made", error))?;
        (shared.as_file_mut().write_all(&[0; ARRAYS as usize]))
            .map_err(|error| failed("no file for arrays could be written", error))?;
        let mut command = self.interpreter.command();
        command
            .args([OsStr::new("-c"), OsStr::new(RUNNER)])
            .args([self.plugin.as_os_str(), shared.path().as_os_str()])
            .arg(std::process::id().to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        for name in THREADS {
            if std::env::var_os(name).is_none() {
                command.env(name, self.threads.to_string());
            }
        }
        let (started, starting) = channel();
        let (tell, answers) = channel();
        // Linux ends the process with the thread that has started it, so that is one which stays as long as the process does.
        let watching =
            thread::Builder::new()
                .name("python".to_owned())
                .spawn(move || match command.spawn() {
                    Ok(mut child) => {
                        let pipes = child.stdin.take().zip(child.stdout.take());
                        if let Some((stdin, stdout)) = pipes {
                            let _ = started.send(Ok(stdin));
                            listen(stdout, &tell);
                        }
                        let ended = match child.wait() {
                            Ok(status) => status.to_string(),
                            Err(error) => error.to_string(),
                        };
                        let _ = tell.send(Err(format!("its Python process has ended: {ended}")));
                    }
                    Err(error) => {
                        let program = command.get_program().display().to_string();
                        let _ =
                            started.send(Err(format!("`{program}` cannot be started: {error}")));
                    }
                });
        watching.map_err(|error| failed("no thread could be started", error))?;
        let calls = match starting.recv() {
            Ok(Ok(calls)) => calls,
            Ok(Err(problem)) => return Err(Error::failed(problem)),
            Err(_) => return Err(Error::failed("Python was started without pipes")),
        };
        let file = (shared.as_file().try_clone())
            .map_err(|error| failed("the file for arrays is lost", error))?;
        let mut running = Running {
            calls,
            answers,
            shared: file,
            generation: STARTED.fetch_add(1, Ordering::Relaxed),
        };
        let said = running.ask("open", json!({}), None)?;
        // Both have it open now, so that nothing is left of it however they end.
        drop(shared);
        let offered: Offered = serde_json::from_value(said).map_err(|error| {
            Error::failed(format!("what Python says of it cannot be read: {error}"))
        })?;
        if (self.known_as.get()).is_some_and(|known| *known != offered.digest()) {
            let changed = "it has changed since it was opened, or a module, package or Python that it uses has";
            return Err(Error::failed(changed).with_hint("start again: a run is of one version"));
        }
        Ok((running, offered))
    }
}

/// In memory where there is room, since what lies there is written and read without a disk.
fn shared_folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    #[cfg(unix)]
    if let Ok(room) = rustix::fs::statvfs(memory)
        && room.f_bavail.saturating_mul(room.f_frsize) >= ENOUGH_MEMORY
    {
        return memory.to_owned();
    }
    std::env::temp_dir()
}

/// Passes on what Python says until it says no more.
fn listen(stdout: impl Read, tell: &Sender<Result<Answer, String>>) {
    for line in BufReader::new(stdout).lines() {
        let answer = match line {
            Ok(line) => serde_json::from_str(&line).map_err(|error| {
                format!("its Python process gave an answer that cannot be read: {error}")
            }),
            Err(error) => Err(format!("its Python process cannot be listened to: {error}")),
        };
        if tell.send(answer).is_err() {
            return;
        }
    }
}

impl From<Lost> for Error {
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Ended(how) => Error::failed(how),
            Lost::Refused(error) => error,
        }
    }
}

impl Running {
    /// Makes one call and waits for its answer, however long it takes.
    fn ask(&mut self, call: &str, arguments: Value, host: Option<Host>) -> Result<Value, Lost> {
        let mut request = arguments;
        request["call"] = call.into();
        self.say(&request)?;
        let mut stopping = false;
        let mut looked = Instant::now();
        loop {
            // By the clock, as a call may tell of its progress more often than that.
            if !stopping && looked.elapsed() >= PATIENCE {
                looked = Instant::now();
                stopping = host.is_some_and(|host| host.check_stop().is_err());
                if stopping {
                    self.stop(true)?;
                }
            }
            let answer = match self.answers.recv_timeout(PATIENCE) {
                Ok(Ok(answer)) => answer,
                Ok(Err(ended)) => return Err(Lost::Ended(ended)),
                Err(RecvTimeoutError::Disconnected) => {
                    return Err(Lost::Ended("its Python process has ended".to_owned()));
                }
                Err(RecvTimeoutError::Timeout) => continue,
            };
            match answer {
                Answer::Log { level, text } => {
                    if let Some(host) = host {
                        host.log(level_of(&level), &text);
                    }
                }
                Answer::Progress { done, total, text } => {
                    if let Some(host) = host {
                        host.progress(done, total, &text);
                    }
                }
                Answer::Find(relative) => {
                    let found = host.map(|host| host.find_data(&relative));
                    self.say(&match found {
                        Some(Ok(path)) => json!({"found": path}),
                        Some(Err(error)) => json!({"failed": error.to_string()}),
                        None => json!({"failed": "no data is looked for while a plugin is opened"}),
                    })?;
                }
                Answer::Done(value) => {
                    self.stop_no_more(stopping)?;
                    return Ok(value);
                }
                Answer::Failed(failure) => {
                    self.stop_no_more(stopping)?;
                    return Err(Lost::Refused(failure.into()));
                }
            }
        }
    }

    fn say(&mut self, message: &Value) -> Result<(), Lost> {
        let written = writeln!(self.calls, "{message}").and_then(|()| self.calls.flush());
        match written {
            Ok(()) => Ok(()),
            // How it ended stands behind what it still said.
            Err(_) => Err(Lost::Ended(
                (self.answers.iter())
                    .find_map(Result::err)
                    .unwrap_or_else(|| "its Python process has ended".to_owned()),
            )),
        }
    }

    fn stop(&mut self, stopping: bool) -> Result<(), Lost> {
        self.write(0, &[u8::from(stopping)]).map_err(Lost::Refused)
    }

    fn stop_no_more(&mut self, stopping: bool) -> Result<(), Lost> {
        if stopping { self.stop(false) } else { Ok(()) }
    }

    fn write(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        (self.shared.seek(SeekFrom::Start(offset)))
            .and_then(|_| self.shared.write_all(bytes))
            .map_err(|error| match error.kind() {
                ErrorKind::StorageFull => Error::failed(format!(
                    "there is no room for the {} bytes of an array in `{}`",
                    bytes.len(),
                    shared_folder().display()
                )),
                _ => Error::failed(format!("an array cannot be given to Python: {error}")),
            })
    }

    fn read(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), Error> {
        (self.shared.seek(SeekFrom::Start(offset)))
            .and_then(|_| self.shared.read_exact(bytes))
            .map_err(|error| Error::failed(format!("an array of Python cannot be read: {error}")))
    }
}

fn level_of(word: &str) -> Level {
    match word {
        "error" => Level::Error,
        "warning" => Level::Warning,
        "debug" => Level::Debug,
        _ => Level::Info,
    }
}

/// The process for as long as one call, with the arrays that go there and come back. Whoever else calls waits.
pub struct Turn<'a> {
    /// `Some` until the process ends.
    running: MutexGuard<'a, Option<Running>>,
    host: Host,
    /// Where the next array goes.
    free: u64,
}

impl<'a> Turn<'a> {
    fn new(running: MutexGuard<'a, Option<Running>>, host: Host) -> Self {
        Turn {
            running,
            host,
            free: ARRAYS,
        }
    }

    /// Which of the plugin's processes this is.
    pub fn generation(&self) -> u64 {
        (self.running.as_ref()).map_or(0, |running| running.generation)
    }

    /// Lays an array down for the call, and gives the words that it is found by.
    pub fn array<T: Number>(&mut self, numbers: &[T], shape: &[usize]) -> Result<Value, Error> {
        let bytes: &[u8] = bytemuck::cast_slice(numbers);
        let offset = self.free;
        self.running()?.write(offset, bytes)?;
        self.free = (offset + bytes.len() as u64).next_multiple_of(64);
        Ok(json!({"type": T::NAME, "shape": shape, "offset": offset, "bytes": bytes.len()}))
    }

    /// Where the call may write its array: behind those that were laid down.
    pub fn output(&self) -> u64 {
        self.free
    }

    /// Reads the array that the call has written to [`output`](Turn::output).
    pub fn written<T: Number>(&mut self, numbers: &mut [T]) -> Result<(), Error> {
        let output = self.free;
        self.running()?
            .read(output, bytemuck::cast_slice_mut(numbers))
    }

    /// Makes one call. Where the process ends in it, the next instance gets another.
    pub fn ask(&mut self, call: &str, arguments: Value) -> Result<Value, Error> {
        let host = self.host;
        let answer = self.running()?.ask(call, arguments, Some(host));
        answer.map_err(|lost| {
            if matches!(lost, Lost::Ended(_)) {
                *self.running = None;
            }
            lost.into()
        })
    }

    fn running(&mut self) -> Result<&mut Running, Error> {
        (self.running.as_mut()).ok_or_else(|| Error::failed("its Python process has ended"))
    }
}

/// A type of number that arrays are of.
pub trait Number: bytemuck::Pod {
    /// What NumPy calls it.
    const NAME: &str;
}

macro_rules! numbers {
    ($($number:ty => $name:literal),+) => {
        $(impl Number for $number {
            const NAME: &str = $name;
        })+
    };
}

numbers!(u8 => "uint8", u32 => "uint32", u64 => "uint64", f32 => "float32");
