//! What a process that runs plugins died of, in words.

use std::{os::unix::process::ExitStatusExt, path::Path, process::ExitStatus, time::Duration};

use signal_hook::consts::SIGKILL;
use topwork_store::CallRecorder;

/// The end of a process that could not tell it itself.
pub struct Crash {
    /// What it died of, with the call it was in:
    /// `crashed: SIGSEGV in plugin "x" while reading split "train"`.
    pub message: String,
    /// It was in a plugin call.
    pub in_plugin: bool,
    /// The plugin did it: a SIGKILL comes from outside, unless the call hung.
    pub of_plugin: bool,
}

/// What a process that runs plugins died of.
pub fn crash(status: ExitStatus, call_path: &Path) -> Crash {
    let killed = status.signal() == Some(SIGKILL);
    let hung = CallRecorder::read(call_path).and_then(|last| last.hung);
    let hung = hung.filter(|_| killed);
    let ended = match hung {
        Some(silent) => format!("hung: no progress for {}", limit_in_words(silent)),
        None => format!("crashed: {}", how_it_ended(status)),
    };
    let call = in_call(call_path);
    let in_plugin = call.is_some();
    let call = call.unwrap_or_else(|| " outside of any plugin call".to_owned());
    Crash {
        message: format!("{ended}{call}"),
        in_plugin,
        of_plugin: in_plugin && (!killed || hung.is_some()),
    }
}

/// The plugin call a process was in, as the end of a sentence.
pub fn in_call(call_path: &Path) -> Option<String> {
    let last = CallRecorder::read(call_path)?;
    Some(format!(
        " in plugin \"{}\" while {}",
        last.plugin, last.call
    ))
}

/// A limit that somebody has set, and so mostly a round one: `10 min`, `1.5 s`.
fn limit_in_words(limit: Duration) -> String {
    let seconds = limit.as_secs();
    match limit.subsec_nanos() {
        0 if seconds >= 60 && seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        0 if seconds < 60 => format!("{seconds} s"),
        _ => topwork_measure::seconds(limit.as_secs_f64()),
    }
}

/// The end of a process in words: `SIGSEGV`, `exit code 3`.
fn how_it_ended(status: ExitStatus) -> String {
    match (status.signal(), status.code()) {
        (Some(signal), _) => match signal_hook::low_level::signal_name(signal) {
            Some(name) => name.to_owned(),
            None => format!("signal {signal}"),
        },
        (None, Some(code)) => format!("exit code {code}"),
        (None, None) => "an unknown end".to_owned(),
    }
}
