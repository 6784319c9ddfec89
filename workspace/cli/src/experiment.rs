//! From an experiment file to a checked plan, with plugins only ever loaded by a child process.

use std::{
    io::{ErrorKind, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};

use topwork_schema::{Draft, Plan, apply_overrides};
use topwork_store::reason;
use topwork_worker::{ProbeAnswer, ProbeRequest, probe};

use crate::{
    arguments::FileArguments,
    crash,
    failure::{Failure, RUN_FAILED, WRONG_PLUGIN, WRONG_USE},
    folders::Folders,
    output,
};

/// How long the last of a child's output may take after its end: a process that a plugin started
/// may hold the pipe open for ever.
const REST_LIMIT: Duration = Duration::from_secs(5);

/// What is kept of an answer, which is mostly the parameters' schemas, up to a megabyte each.
const MOST_ANSWER: usize = 256 << 20;

/// What is kept of what plugins print while they are looked at.
const MOST_SAID: usize = 64 << 10;

/// An experiment that can be run.
pub struct Checked {
    /// What to do.
    pub plan: Plan,
    /// What the plugins say.
    pub answer: ProbeAnswer,
    /// Where they were looked for.
    pub folders: Folders,
}

/// Reads and checks an experiment file. All mistakes come as one failure.
pub fn check(arguments: &FileArguments) -> Result<Checked, Failure> {
    let folders = Folders::find(&arguments.plugin_dir);
    let draft = read(arguments)?;
    let folder = draft.folder().to_owned();
    let request = request(&folders, draft.uses(), &folder);
    let answer = ask(&request)?;
    match draft.check(&answer.catalog) {
        Ok(plan) => Ok(Checked {
            plan,
            answer,
            folders,
        }),
        Err(diagnostics) => {
            let rendered = diagnostics.render(output::colours());
            Err(Failure::rendered(diagnostics.exit_code(), rendered))
        }
    }
}

/// What to ask of the plugins in these folders.
pub fn request(folders: &Folders, uses: Vec<topwork_schema::Use>, folder: &Path) -> ProbeRequest {
    ProbeRequest {
        plugin_folders: folders.plugins.clone(),
        data_folders: folders.data.clone(),
        cache_folder: folders.cache.clone(),
        uses,
        folder: folder.to_owned(),
        call_path: PathBuf::new(),
        plan: None,
        explain: false,
        source_weights: Vec::new(),
        blueprint: None,
    }
}

fn read(arguments: &FileArguments) -> Result<Draft, Failure> {
    let path = &arguments.file;
    let text = std::fs::read_to_string(path).map_err(|error| {
        let reason = reason(&error);
        let failure = Failure::new(
            WRONG_USE,
            format!("cannot read the experiment `{}`: {reason}", path.display()),
        );
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        match nearest_file(path).filter(|_| missing) {
            Some(nearest) => failure.hint(format!("did you mean `{nearest}`?")),
            None => failure,
        }
    })?;
    let mut name = path.display().to_string();
    let mut text = text;
    if !arguments.seeds.is_empty() || !arguments.sets.is_empty() {
        text = apply_overrides(&text, &arguments.seeds, &arguments.sets)
            .map_err(|error| Failure::new(WRONG_USE, error.to_string()))?;
        name.push_str(" (with --seed and --set)");
    }
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    Ok(Draft::read(&name, &text, folder))
}

/// The experiment in the same folder whose name is closest.
fn nearest_file(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_string_lossy().into_owned();
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    std::fs::read_dir(folder)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .filter(|candidate| {
            candidate
                .extension()
                .is_some_and(|extension| extension == "toml")
        })
        .map(|candidate| {
            let name = candidate
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (strsim::jaro_winkler(&name, &wanted), candidate)
        })
        .filter(|(similarity, _)| *similarity > 0.8)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate.display().to_string())
}

/// Asks a child process about plugins: whatever their code does, it does it there.
pub fn ask(request: &ProbeRequest) -> Result<ProbeAnswer, Failure> {
    let fail = |what: &str, error: std::io::Error| {
        Failure::new(RUN_FAILED, format!("cannot {what}: {}", reason(&error)))
    };
    // A folder of its own that nobody else can write to: the call in progress is noted there.
    let notes = tempfile::tempdir().map_err(|e| fail("make a temporary folder", e))?;
    let request = ProbeRequest {
        call_path: notes.path().join("call"),
        ..request.clone()
    };
    let input = serde_json::to_vec(&request)
        .map_err(|error| Failure::new(RUN_FAILED, format!("cannot write a request: {error}")))?;
    let binary = std::env::current_exe().map_err(|e| fail("find the program itself", e))?;
    let mut child = Command::new(binary)
        .arg("probe")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|e| fail("start a process to look at the plugins", e))?;
    let pid = Pid::from_child(&child);
    if let Some(mut stdin) = child.stdin.take() {
        // A child that died early is told from how it ended.
        let _ = stdin.write_all(&input);
    }
    let (ended, end) = mpsc::channel();
    let waiting = thread::spawn(move || {
        let said = child.stderr.take().map(|said| read_end(said, MOST_SAID));
        let answer = child.stdout.take().map(|said| read_end(said, MOST_ANSWER));
        let status = child.wait();
        // Nobody listens any more when the limit has passed.
        let _ = ended.send(());
        status.map(|status| (status, answer, said))
    });
    let limit = request.limit();
    let hung = end.recv_timeout(limit).is_err();
    if hung {
        let _ = kill_process(pid, Signal::KILL);
    }
    let Ok(output) = waiting.join() else {
        return Err(Failure::new(RUN_FAILED, "the look at the plugins was lost"));
    };
    let (status, answer, said) = output.map_err(|e| fail("wait for the look at the plugins", e))?;
    let hint = format!(
        "plugins are loaded from {}",
        listed(&request.plugin_folders)
    );
    if hung {
        let call = crash::in_call(&request.call_path).unwrap_or_default();
        let message = format!("hung: no answer within {} s{call}", limit.as_secs());
        return Err(Failure::new(WRONG_PLUGIN, message).hint(hint));
    }
    let rest = |reader: Option<Reader>| {
        reader
            .and_then(|reader| reader.recv_timeout(REST_LIMIT).ok())
            .unwrap_or_default()
    };
    let answer = rest(answer);
    let json = answer.rsplit(|byte| *byte == ANSWER_MARK).next();
    match json.and_then(|json| serde_json::from_slice(json).ok()) {
        Some(answer) if status.success() => Ok(answer),
        _ => {
            let crash = crash::crash(status, &request.call_path).message;
            let said = rest(said);
            let said = String::from_utf8_lossy(&said);
            let last = said.lines().rfind(|line| !line.trim().is_empty());
            let said = last.map_or(String::new(), |line| {
                let line: String = line.chars().filter(|c| !c.is_control()).collect();
                format!("; it printed `{line}`")
            });
            Err(Failure::new(WRONG_PLUGIN, format!("{crash}{said}")).hint(hint))
        }
    }
}

fn listed(folders: &[std::path::PathBuf]) -> String {
    let names: Vec<_> = folders
        .iter()
        .map(|folder| format!("`{}`", folder.display()))
        .collect();
    names.join(", ")
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
pub fn answer_probe() -> Result<u8, Failure> {
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
    let request: ProbeRequest =
        serde_json::from_slice(&input).map_err(|error| fail(error.to_string()))?;
    let answer = serde_json::to_vec(&probe(&request)).map_err(|error| fail(error.to_string()))?;
    let mut out = std::io::stdout().lock();
    out.write_all(&[ANSWER_MARK])
        .and_then(|()| out.write_all(&answer))
        .and_then(|()| out.flush())
        .map_err(|error| fail(error.to_string()))?;
    Ok(0)
}
