//! `topwork verify-resume`: the proof that a run killed at any moment and gone on with gives
//! the same bits as one left alone.

use std::{
    collections::BTreeMap,
    fs,
    io::{IsTerminal, stderr},
    path::Path,
    thread,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use rustix::process::{Signal, kill_process};
use serde_json::Value;
use topwork_events::EndStatus;
use topwork_keys::sha256;
use topwork_measure::seconds;
use topwork_sniff::reason;
use topwork_store::{FileDigest, RunFolder, Runs};

use crate::{
    arguments::VerifyArguments,
    experiment::{self, Checked},
    failure::{Failure, RUN_FAILED, write},
    folders,
    output::print,
    resume::await_session,
    run::{create, manifests, this_binary, threads},
    start::start_supervisor,
    viewer,
};

/// How often a run is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Checkpoints come so often that a session which lives for the shortest time gets on.
const CHECKPOINTS: f64 = 50.0;

/// Proves it for one experiment.
pub fn verify(arguments: &VerifyArguments) -> Result<u8, Failure> {
    let checked = experiment::check(&arguments.file)?;
    let temp = folders::temporary("topwork-verify-")?;
    let runs = Runs::at(temp.path());
    let signals = viewer::signals()?;
    let mut proof = Proof {
        arguments,
        checked: &checked,
        runs: &runs,
        binary: this_binary(),
        signals,
        talk: Talk::start(),
    };
    let verdict = proof.run();
    proof.talk.end();
    let verdict = verdict?;
    if verdict.differences.is_empty() {
        print(&verdict.sentence())?;
        return Ok(0);
    }
    // What differs is kept for whoever wants to look.
    let kept = temp.keep();
    let mut text = String::new();
    for difference in &verdict.differences {
        text.push_str(&format!("{difference}\n"));
    }
    print(&text)?;
    Err(Failure::new(
        RUN_FAILED,
        format!(
            "a run killed {} times differs from one left alone",
            verdict.kills
        ),
    )
    .hint(format!("both are in `{}`", kept.display())))
}

/// What came out.
struct Verdict {
    kills: u32,
    rounds: u32,
    undisturbed: f64,
    files: usize,
    differences: Vec<String>,
}

impl Verdict {
    fn sentence(&self) -> String {
        let rounds = match self.rounds {
            1 => "1 run".to_owned(),
            rounds => format!("{rounds} runs"),
        };
        format!(
            "equal to the bit: {rounds} killed {} times in all, and one left alone for {}: figures, frozen digests and {} files of weights and predictions\n",
            self.kills,
            seconds(self.undisturbed),
            self.files
        )
    }
}

struct Proof<'a> {
    arguments: &'a VerifyArguments,
    checked: &'a Checked,
    runs: &'a Runs,
    binary: Option<FileDigest>,
    signals: signal_hook::iterator::Signals,
    talk: Talk,
}

impl Proof<'_> {
    fn run(&mut self) -> Result<Verdict, Failure> {
        self.talk.say("once through, undisturbed".to_owned());
        let begun = Instant::now();
        let reference = self.create(None)?;
        self.session(&reference, None)?;
        let took = begun.elapsed();
        let expected = Left::of(&reference)?;
        let mut verdict = Verdict {
            kills: 0,
            rounds: 0,
            undisturbed: took.as_secs_f64(),
            files: expected.files.len(),
            differences: Vec::new(),
        };
        while verdict.kills < self.arguments.kills && verdict.differences.is_empty() {
            verdict.rounds += 1;
            let folder = self.create(Some(took))?;
            loop {
                let left = self.arguments.kills - verdict.kills;
                // Now soon after the start, now in the middle of what is left.
                let delay = (left > 0).then(|| took.mul_f64(fastrand::f64() / 2.0));
                if self.session(&folder, delay)? {
                    break;
                }
                verdict.kills += 1;
                self.talk.say(format!(
                    "killed {} of {} times, run {}",
                    verdict.kills, self.arguments.kills, verdict.rounds
                ));
            }
            verdict.differences = expected.differences(&Left::of(&folder)?);
        }
        Ok(verdict)
    }

    fn create(&self, took: Option<Duration>) -> Result<RunFolder, Failure> {
        let mut parts = manifests(self.checked, &self.arguments.file.file)?;
        for part in &mut parts {
            part.threads = threads(self.arguments.threads);
            part.binary.clone_from(&self.binary);
            if let Some(took) = took {
                part.checkpoint_every = took.as_secs_f64() / CHECKPOINTS;
            }
        }
        create(self.runs, self.checked, parts)
    }

    /// Starts the run or goes on with it, and kills the worker after `delay`. True when the run
    /// came to its end before that.
    fn session(&mut self, folder: &RunFolder, delay: Option<Duration>) -> Result<bool, Failure> {
        let before = folder.state()?;
        let mut supervisor = start_supervisor(folder)?;
        await_session(folder, &before, &mut supervisor)?;
        let begun = Instant::now();
        let mut killed = false;
        while matches!(supervisor.try_wait(), Ok(None)) {
            if self.signals.pending().next().is_some() {
                let _ = supervisor.kill();
                let _ = supervisor.wait();
                return Err(Failure::new(130, "stopped before anything was proved"));
            }
            if !killed && delay.is_some_and(|delay| begun.elapsed() >= delay) {
                let worker = folder.owner().and_then(|owner| owner.worker);
                if let Some(pid) = worker.filter(|worker| worker.alive()).and_then(|w| w.id()) {
                    killed = kill_process(pid, Signal::KILL).is_ok();
                }
            }
            thread::sleep(POLL);
        }
        let state = folder.state()?;
        match state.ending {
            Some(ending) if ending.status == EndStatus::Done => Ok(true),
            Some(ending) if !killed => Err(Failure::new(
                ending.exit_code,
                ending
                    .message
                    .unwrap_or_else(|| "the run failed".to_owned()),
            )),
            _ => Ok(false),
        }
    }
}

/// All a run leaves but for what time passed.
struct Left {
    results: Value,
    files: BTreeMap<String, String>,
}

impl Left {
    fn of(folder: &RunFolder) -> Result<Self, Failure> {
        let path = folder.results_path();
        let damaged = |reason: String| {
            Failure::new(
                RUN_FAILED,
                format!("cannot read `{}`: {reason}", path.display()),
            )
        };
        let text = fs::read_to_string(&path).map_err(|error| damaged(reason(&error)))?;
        let mut results =
            serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        drop_times(&mut results);
        let mut files = BTreeMap::new();
        // Of a run that has ended nothing is left in `checkpoints/training`.
        for part in folder.parts() {
            for kind in ["checkpoints", "models", "predictions"] {
                digests_below(folder.path(), &part.path().join(kind), &mut files);
            }
        }
        Ok(Self { results, files })
    }

    fn differences(&self, other: &Self) -> Vec<String> {
        let mut differences = Vec::new();
        compare(
            "results.json",
            &self.results,
            &other.results,
            &mut differences,
        );
        let names = self.files.keys().chain(other.files.keys());
        let names: std::collections::BTreeSet<_> = names.collect();
        for name in names {
            if self.files.get(name) != other.files.get(name) {
                differences.push(format!("{name} differs"));
            }
        }
        differences
    }
}

/// The digests of all files below `at`, by their paths relative to `folder`.
fn digests_below(folder: &Path, at: &Path, files: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(at).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            digests_below(folder, &path, files);
        } else {
            let name = path.strip_prefix(folder).unwrap_or(&path);
            files.insert(name.display().to_string(), digest(&path));
        }
    }
}

fn digest(file: &Path) -> String {
    fs::read(file).map_or_else(|error| reason(&error), |bytes| sha256(&bytes))
}

/// Removes what time and place say, and nothing else.
fn drop_times(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for key in ["run", "seconds", "features-cached"] {
                map.shift_remove(key);
            }
            map.values_mut().for_each(drop_times);
        }
        Value::Array(list) => list.iter_mut().for_each(drop_times),
        _ => {}
    }
}

/// Names every place at which two values differ.
fn compare(place: &str, a: &Value, b: &Value, differences: &mut Vec<String>) {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            for (key, value) in a {
                compare(&format!("{place}: {key}"), value, &b[key], differences);
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                compare(&format!("{place}[{index}]"), a, b, differences);
            }
        }
        _ if a == b => {}
        _ => differences.push(format!("{place}: {a} undisturbed, {b} after the kills")),
    }
}

/// One line about how far it is: alive on a terminal.
struct Talk(Option<ProgressBar>);

impl Talk {
    fn start() -> Self {
        Self(stderr().is_terminal().then(|| {
            let bar = ProgressBar::new_spinner();
            bar.enable_steady_tick(Duration::from_millis(200));
            bar
        }))
    }

    fn say(&self, line: String) {
        match &self.0 {
            Some(bar) => bar.set_message(line),
            None => write(&format!("{line}\n")),
        }
    }

    fn end(&mut self) {
        if let Some(bar) = self.0.take() {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_difference_but_time_is_found() {
        let check = |a: Value, b: Value, expected: &[&str]| {
            let (mut a, mut b) = (a, b);
            drop_times(&mut a);
            drop_times(&mut b);
            let mut found = Vec::new();
            compare("r", &a, &b, &mut found);
            assert_eq!(found, expected);
        };
        check(
            json!({"run": "1", "x": [1, {"seconds": 2.0, "y": 3}]}),
            json!({"run": "2", "x": [1, {"seconds": 9.0, "y": 3}]}),
            &[],
        );
        check(
            json!({"x": [1, {"y": 3}]}),
            json!({"x": [1, {"y": 4}]}),
            &["r: x[1]: y: 3 undisturbed, 4 after the kills"],
        );
        check(
            json!([1]),
            json!([1, 2]),
            &["r: [1] undisturbed, [1,2] after the kills"],
        );
    }
}
