//! A child process of this program that loads plugins on its behalf: a request on its stdin, the answer on its stdout. Whatever
//! the plugins do to their process, this one lives on and can tell it.

use std::{
    io::{ErrorKind, Read, Write},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Serialize, de::DeserializeOwned};
use topwork_sniff::reason;

use crate::{
    crash,
    failure::{Failure, RUN_FAILED, WRONG_USE},
};

/// How long the last of a child's output may take after its end: a process that a plugin started
/// may hold the pipe open for ever.
const REST_LIMIT: Duration = Duration::from_secs(5);

/// What is kept of an answer, which is mostly the parameters' schemas, up to a megabyte each.
const MOST_ANSWER: usize = 256 << 20;

/// What is kept of what plugins print while they are looked at.
const MOST_SAID: usize = 64 << 10;

/// How a child ended.
pub enum Ending<Answer> {
    /// It answered.
    Answer(Answer),
    /// It did not within the limit and was killed, ` in plugin "x" while …`, where that is known.
    Hung(String),
    /// It crashed: `crashed: SIGSEGV in plugin "x" while …; it printed `…``.
    Crashed(String),
}

fn fail(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(RUN_FAILED, format!("cannot {what}: {}", reason(error)))
}

/// How often whoever waits for a child is heard.
const TICK: Duration = Duration::from_millis(200);

/// Starts this program as `topwork COMMAND` with a request, and waits for its answer, with a call of `waiting` now and then. The
/// child notes the plugin call it is in at `call_path`.
pub fn ask<Answer: DeserializeOwned>(
    command: &str,
    request: &impl Serialize,
    call_path: &Path,
    limit: Duration,
    mut waiting: impl FnMut(),
) -> Result<Ending<Answer>, Failure> {
    let input = serde_json::to_vec(request)
        .map_err(|error| Failure::new(RUN_FAILED, format!("cannot write a request: {error}")))?;
    let binary = std::env::current_exe().map_err(|e| fail("find the program itself", &e))?;
    let mut child = Command::new(binary)
        .arg(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| fail("start a process to look at the plugins", &e))?;
    let pid = Pid::from_child(&child);
    if let Some(mut stdin) = child.stdin.take() {
        // A child that died early is told from how it ended.
        let _ = stdin.write_all(&input);
    }
    let (ended, end) = mpsc::channel();
    let child = thread::spawn(move || {
        let said = child.stderr.take().map(|said| read_end(said, MOST_SAID));
        let answer = child.stdout.take().map(|said| read_end(said, MOST_ANSWER));
        let status = child.wait();
        // Nobody listens any more when the limit has passed.
        let _ = ended.send(());
        status.map(|status| (status, answer, said))
    });
    let latest = Instant::now() + limit;
    let hung = loop {
        let left = latest.saturating_duration_since(Instant::now());
        match end.recv_timeout(left.min(TICK)) {
            Err(RecvTimeoutError::Timeout) if left > TICK => waiting(),
            Err(RecvTimeoutError::Timeout) => break true,
            Ok(()) | Err(RecvTimeoutError::Disconnected) => break false,
        }
    };
    if hung {
        let _ = kill_process(pid, Signal::KILL);
    }
    let Ok(output) = child.join() else {
        return Err(Failure::new(RUN_FAILED, "the look at the plugins was lost"));
    };
    let (status, answer, said) =
        output.map_err(|e| fail("wait for the look at the plugins", &e))?;
    if hung {
        let call = crash::in_call(call_path).unwrap_or_default();
        return Ok(Ending::Hung(call));
    }
    let rest = |reader: Option<Reader>| {
        reader
            .and_then(|reader| reader.recv_timeout(REST_LIMIT).ok())
            .unwrap_or_default()
    };
    let answer = rest(answer);
    let json = answer.rsplit(|byte| *byte == ANSWER_MARK).next();
    match json.and_then(|json| serde_json::from_slice(json).ok()) {
        Some(answer) if status.success() => Ok(Ending::Answer(answer)),
        _ => {
            let crash = crash::crash(status, call_path).message;
            let said = rest(said);
            let said = String::from_utf8_lossy(&said);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            let said = last.map_or(String::new(), |line| {
                let line: String = line.chars().filter(|c| !c.is_control()).collect();
                format!("; it printed `{line}`")
            });
            Ok(Ending::Crashed(format!("{crash}{said}")))
        }
    }
}

/// The end of what a child prints, once there is no more.
type Reader = mpsc::Receiver<Vec<u8>>;

/// Reads to the end, however much comes, and keeps the last `most` bytes.
fn read_end(mut output: impl Read + Send + 'static, most: usize) -> Reader {
    let (end, reader) = mpsc::channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let mut buffer = [0; 64 * 1024];
        loop {
            match output.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Ok(0) | Err(_) => break,
                Ok(read) => kept.extend_from_slice(&buffer[..read]),
            }
            if kept.len() > 2 * most {
                kept.drain(..kept.len() - most);
            }
        }
        // Nobody listens any more when the limit has passed.
        let _ = end.send(kept);
    });
    reader
}

/// Separates what plugins may print on stdout from the answer, which comes last. The byte
/// occurs in no UTF-8 text.
const ANSWER_MARK: u8 = 0xff;

/// The child's side of [`ask`].
pub fn answer<Request: DeserializeOwned, Answer: Serialize>(
    respond: impl FnOnce(&Request) -> Answer,
) -> Result<u8, Failure> {
    let fail = |reason: String| {
        Failure::new(
            WRONG_USE,
            format!("cannot answer a look at plugins: {reason}"),
        )
    };
    let mut input = Vec::new();
    std::io::stdin()
        .read_to_end(&mut input)
        .map_err(|error| fail(error.to_string()))?;
    let request = serde_json::from_slice(&input).map_err(|error| fail(error.to_string()))?;
    let answer = serde_json::to_vec(&respond(&request)).map_err(|error| fail(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&[ANSWER_MARK])
        .and_then(|()| out.write_all(&answer))
        .and_then(|()| out.flush())
        .map_err(|error| fail(error.to_string()))?;
    Ok(0)
}
