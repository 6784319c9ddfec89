//! The child process that loads plugins and does the work: a request on its stdin, what it has to say on its stderr, a table
//! on its stdout where no file takes it.

use std::{
    fs::File,
    io::{BufRead, BufReader, IsTerminal, Read, Write, stderr, stdin, stdout},
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};
use topwork_apply::{Done, Request, Said, Work, serve, stop};
use topwork_sniff::reason;

use crate::{
    cache, crash,
    failure::{Failure, RUN_FAILED, WRONG_PLUGIN, WRONG_USE, warn, write},
    folders::{self, Folders},
};

/// How long a child that is stopped may take to come to an end.
const PATIENCE: Duration = Duration::from_secs(10);
/// Its exit code when it does not.
const STOPPED: i32 = 130;

/// Has a child do the work.
pub fn ask(
    folders: Folders,
    threads: usize,
    work: Work,
    with_cache: bool,
    prepare: impl FnOnce(&std::path::Path) -> Result<(), Failure>,
) -> Result<Done, Failure> {
    let notes = folders::temporary("topwork-apply-")?;
    prepare(notes.path())?;
    let request = Request {
        plugin_folders: folders.plugins,
        data_folders: folders.data,
        cache_folder: folders.cache,
        call_path: notes.path().join("call"),
        said_path: notes.path().join("said"),
        threads,
        feature_cache: if with_cache { cache::settings()? } else { None },
        work: in_folder(work, notes.path()),
    };
    let input = serde_json::to_vec(&request)
        .map_err(|error| Failure::new(RUN_FAILED, format!("cannot write a request: {error}")))?;
    let fail = |what: &str, error: &std::io::Error| {
        Failure::new(RUN_FAILED, format!("cannot {what}: {}", reason(error)))
    };
    let binary = std::env::current_exe().map_err(|e| fail("find the program itself", &e))?;
    let mut child = Command::new(binary)
        .arg("apply")
        .stdin(Stdio::piped())
        .stdout(Stdio::inherit())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| fail("start a process for the work", &e))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that died early is told from how it ended.
        let _ = stdin.write_all(&input);
    }
    // Lines of a table and a bar do not go together.
    let shows_lines = stdout().is_terminal() && prints(&request.work);
    let bar = Bar::new(!shows_lines && stderr().is_terminal());
    let mut end = None;
    let said = child.stderr.take().map(BufReader::new);
    for line in said
        .into_iter()
        .flat_map(BufRead::lines)
        .map_while(Result::ok)
    {
        match serde_json::from_str(&line) {
            Ok(Said::Progress { done, total }) => bar.progress(done, total),
            Ok(Said::Note(text)) => bar.suspend(|| write(&format!("{text}\n"))),
            Ok(Said::Warning(text)) => bar.suspend(|| warn(&text)),
            Ok(last) => end = Some(last),
            // Nothing else is said there, but a runtime may print before this program's first line.
            Err(_) => {}
        }
    }
    bar.end();
    let status = child.wait().map_err(|e| fail("wait for the work", &e))?;
    match end {
        Some(Said::Done(done)) => Ok(done),
        Some(Said::Failed(problem)) => Err(problem.into()),
        _ => {
            let crash = crash::crash(status, &request.call_path).message;
            let printed = std::fs::read_to_string(&request.said_path).unwrap_or_default();
            let last = printed.lines().rfind(|line| !line.trim().is_empty());
            let printed = last.map_or(String::new(), |line| {
                let line: String = line.chars().filter(|c| !c.is_control()).collect();
                format!("; it printed `{line}`")
            });
            Err(Failure::new(WRONG_PLUGIN, format!("{crash}{printed}")))
        }
    }
}

/// Whether a table goes to standard output.
fn prints(work: &Work) -> bool {
    match work {
        Work::Predict { output, .. } | Work::Features { output, .. } => output.path.is_none(),
        Work::Export(_) | Work::Evaluate { .. } => false,
    }
}

/// The list of files is in the folder of notes.
fn in_folder(mut work: Work, notes: &std::path::Path) -> Work {
    if let Work::Predict { images, .. } | Work::Features { images, .. } = &mut work
        && let topwork_apply::Images::Files(list) = images
    {
        *list = notes.join(&*list);
    }
    work
}

/// The child's side of [`ask`].
pub fn answer() -> Result<u8, Failure> {
    let fail =
        |what: &str, reason: String| Failure::new(WRONG_USE, format!("cannot {what}: {reason}"));
    let mut input = Vec::new();
    stdin()
        .read_to_end(&mut input)
        .map_err(|error| fail("read what to do", reason(&error)))?;
    let request: Request = serde_json::from_slice(&input)
        .map_err(|error| fail("understand what to do", error.to_string()))?;
    // What plugins print must not come between: the streams are kept under other numbers.
    let kept = |stream: std::io::Result<std::os::fd::OwnedFd>| {
        stream
            .map(File::from)
            .map_err(|error| fail("keep a stream", reason(&error)))
    };
    use std::os::fd::AsFd;
    let table = kept(stdout().as_fd().try_clone_to_owned())?;
    let said = kept(stderr().as_fd().try_clone_to_owned())?;
    let printed = File::create(&request.said_path)
        .map_err(|error| fail("keep what plugins print", reason(&error)))?;
    rustix::stdio::dup2_stdout(&printed)
        .and_then(|()| rustix::stdio::dup2_stderr(&printed))
        .map_err(|error| fail("keep what plugins print", error.to_string()))?;
    let mut signals =
        Signals::new([SIGINT, SIGTERM]).map_err(|error| fail("hear of signals", reason(&error)))?;
    std::thread::spawn(move || {
        if signals.forever().next().is_some() {
            stop();
            std::thread::sleep(PATIENCE);
            // A plugin does not come back.
            std::process::exit(STOPPED);
        }
    });
    serve(&request, Box::new(said), Box::new(table));
    Ok(0)
}

/// How far the work is.
struct Bar(Option<ProgressBar>);

impl Bar {
    fn new(shown: bool) -> Self {
        Self(shown.then(|| {
            let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr_with_hz(10));
            bar.set_style(
                ProgressStyle::with_template("{spinner} opening plugins")
                    .unwrap_or_else(|_| ProgressStyle::default_spinner()),
            );
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        }))
    }

    fn progress(&self, done: u64, total: Option<u64>) {
        let Some(bar) = &self.0 else { return };
        if let Some(total) = total
            && bar.length() != Some(total)
        {
            bar.set_length(total);
            bar.set_style(
                ProgressStyle::with_template(
                    "{wide_bar} {human_pos} of {human_len} images, {per_sec}, {eta} left",
                )
                .unwrap_or_else(|_| ProgressStyle::default_bar()),
            );
        }
        bar.set_position(done);
    }

    fn suspend(&self, tell: impl FnOnce()) {
        match &self.0 {
            Some(bar) => bar.suspend(tell),
            None => tell(),
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.0 {
            bar.finish_and_clear();
        }
    }
}

/// Where the list of files is, relative to the folder of notes.
pub fn list() -> PathBuf {
    PathBuf::from("files")
}
