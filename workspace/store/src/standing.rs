//! How a run stands, also when nobody was left to say so.

use std::fmt;

use serde::{Deserialize, Serialize};
use topwork_events::{EndStatus, RunState};
use topwork_measure::seconds;

use crate::{Heartbeat, RunFolder, heartbeat::SIGN_OF_LIFE, now};

/// The least silence that counts as stalled, milliseconds.
const LEAST_SILENCE: u64 = 10_000;

/// How long a new run may take to get a supervisor, milliseconds.
const START: u64 = 10_000;

/// How a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "state",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Standing {
    /// Somebody works on it and says so.
    Running {
        /// The stage's title; `None` before the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
        /// The machine, when it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
    },
    /// Its processes are there, but it is silent for longer than it ever was.
    Stalled {
        /// The stage's title; `None` before the first.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        stage: Option<String>,
        /// The machine, when it is another one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        host: Option<String>,
        /// Seconds since the latest record.
        silent: f64,
        /// The longest silence before, seconds.
        longest: f64,
    },
    /// Several processes are to do it, and none of them is there: they wait for machines, or between two tries.
    Queued {
        /// How many have not begun, or were interrupted.
        elements: usize,
        /// Who was asked to start them, such as `slurm 1234`.
        by: String,
    },
    /// The user asked for it.
    Stopped,
    /// The run found that it cannot go on.
    Failed {
        /// Why.
        message: String,
    },
    /// Its processes ended without a word of their own.
    Crashed {
        /// What is known of it.
        message: String,
    },
    /// Everything planned was done.
    Done,
    /// There is a folder, but nobody ever took it up.
    NeverStarted,
}

/// All a run's standing is decided from.
#[derive(Clone, Copy, Debug)]
pub struct Signs<'a> {
    /// What the event stream says.
    pub state: &'a RunState,
    /// When the folder was made, milliseconds since the Unix epoch.
    pub created_at: u64,
    /// Who looks after it.
    pub processes: Processes<'a>,
    /// The supervisor's latest sign of life.
    pub heartbeat: Option<Heartbeat>,
    /// The present, milliseconds since the Unix epoch, by the clock of the folder.
    pub now: u64,
}

/// What is known of a run's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Processes<'a> {
    /// Nobody has taken up the run yet.
    None,
    /// On this machine, where they can be asked.
    Here {
        /// The supervisor is alive.
        supervisor: bool,
        /// The worker is alive.
        worker: bool,
    },
    /// On another machine.
    Elsewhere {
        /// Its name.
        host: &'a str,
    },
    /// Several, which may be on several machines.
    Elements(&'a Crew),
}

/// The elements of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Crew {
    /// How many are there.
    pub at_work: usize,
    /// Where these are, in words.
    pub hosts: String,
    /// How many have yet to begin, or to begin again.
    pub waiting: usize,
    /// Who was asked to start them.
    pub by: String,
    /// The first that is gone without a word, if one is.
    pub lost: Option<String>,
}

impl Standing {
    /// Decides. What the run says of its own end counts first; then its processes, or their
    /// heartbeat where they cannot be asked; silence last.
    pub fn decide(signs: &Signs) -> Self {
        if let Some(ending) = &signs.state.ending {
            let message = ending.message.clone();
            return match ending.status {
                EndStatus::Done => Self::Done,
                EndStatus::Stopped => Self::Stopped,
                EndStatus::Failed => Self::Failed {
                    message: message.unwrap_or_else(|| "the run failed".to_owned()),
                },
                EndStatus::Crashed => Self::Crashed {
                    message: message
                        .unwrap_or_else(|| "the worker ended without a word".to_owned()),
                },
            };
        }
        let latest = signs.state.latest_at.max(signs.created_at);
        match signs.processes {
            Processes::Elements(crew) if crew.at_work > 0 => {
                Self::alive(signs, latest, Some(crew.hosts.clone()))
            }
            Processes::Elements(Crew {
                lost: Some(element),
                ..
            }) => Self::Crashed {
                message: format!("the element `{element}` is gone without a word"),
            },
            Processes::Elements(crew) if crew.waiting > 0 => Self::Queued {
                elements: crew.waiting,
                by: crew.by.clone(),
            },
            // Whoever was the last is about to end the run.
            Processes::Elements(_)
                if signs.state.rows_left() == 0
                    && signs.now.saturating_sub(latest) < SIGN_OF_LIFE =>
            {
                Self::alive(signs, latest, None)
            }
            Processes::Elements(_) => Self::of_ended_elements(signs.state),

            Processes::None if signs.now.saturating_sub(signs.created_at) > START => {
                Self::NeverStarted
            }
            Processes::Here {
                supervisor: false,
                worker: false,
            } => Self::Crashed {
                message: "its supervisor and worker are gone".to_owned(),
            },
            Processes::Elsewhere { host } => {
                let sign = signs.heartbeat.map_or(latest, |beat| beat.at.max(latest));
                let age = signs.now.saturating_sub(sign);
                if age > SIGN_OF_LIFE {
                    let age = span(age);
                    return Self::Crashed {
                        message: format!("no sign of life from `{host}` for {age}"),
                    };
                }
                Self::alive(signs, latest, Some(host.to_owned()))
            }
            Processes::None | Processes::Here { .. } => Self::alive(signs, latest, None),
        }
    }

    /// All elements have said how they ended, and nobody has ended the run: something is missing.
    fn of_ended_elements(state: &RunState) -> Self {
        let endings = state.elements.iter().filter_map(|element| {
            let ending = element.ending.as_ref()?;
            Some((&element.name, ending))
        });
        let bad = |status: EndStatus| matches!(status, EndStatus::Failed | EndStatus::Crashed);
        let mut failed = endings.filter(|(_, ending)| bad(ending.status));
        match failed.next() {
            Some((name, ending)) => Self::Failed {
                message: format!(
                    "element `{name}`: {}",
                    ending.message.as_deref().unwrap_or("failed")
                ),
            },
            None => Self::Stopped,
        }
    }

    fn alive(signs: &Signs, latest: u64, host: Option<String>) -> Self {
        let stage = signs.state.running_stage();
        let stage = stage.map(|(_, stage)| stage.plan.title.clone());
        let silent = signs.now.saturating_sub(latest);
        let longest = signs.state.longest_gap;
        if silent <= longest.saturating_mul(2).max(LEAST_SILENCE) {
            return Self::Running { stage, host };
        }
        Self::Stalled {
            stage,
            host,
            silent: silent as f64 / 1e3,
            longest: longest as f64 / 1e3,
        }
    }

    /// Whether somebody works on it, or may come back to it.
    pub fn is_live(&self) -> bool {
        matches!(
            self,
            Self::Running { .. } | Self::Stalled { .. } | Self::Queued { .. }
        )
    }

    /// The state in one word, or two.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Running { .. } => "running",
            Self::Stalled { .. } => "stalled",
            Self::Queued { .. } => "queued",
            Self::Stopped => "stopped",
            Self::Failed { .. } => "failed",
            Self::Crashed { .. } => "crashed",
            Self::Done => "done",
            Self::NeverStarted => "never started",
        }
    }
}

/// One line: the state, and what there is to say of it.
impl fmt::Display for Standing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match self {
            Self::Running { stage, host } | Self::Stalled { stage, host, .. } => {
                if let Some(host) = host {
                    write!(f, " on {host}")?;
                }
                if let Some(stage) = stage {
                    write!(f, ": {stage}")?;
                }
                if let Self::Stalled {
                    silent, longest, ..
                } = self
                {
                    write!(f, ", silent for {}", seconds(*silent))?;
                    if *longest > 0.0 {
                        write!(f, ", never longer than {} before", seconds(*longest))?;
                    }
                }
                Ok(())
            }
            Self::Failed { message } | Self::Crashed { message } => {
                // The end record's sentence for a crash may begin with the word itself.
                let message = message.lines().next().unwrap_or_default();
                let message = message.strip_prefix("crashed: ").unwrap_or(message);
                write!(f, ": {message}")
            }
            Self::Queued { elements, by } => {
                let what = if *elements == 1 {
                    "element"
                } else {
                    "elements"
                };
                write!(f, ": {elements} {what} of {by}")
            }
            Self::Stopped | Self::Done | Self::NeverStarted => Ok(()),
        }
    }
}

impl RunFolder {
    /// How the run stands now, given what its event stream says.
    pub fn standing(&self, state: &RunState) -> Standing {
        let created = self.manifest().map(|manifest| manifest.created_at);
        self.standing_since(state, created.unwrap_or_default())
    }

    /// The same for who has read the manifest already.
    pub fn standing_since(&self, state: &RunState, created_at: u64) -> Standing {
        let owner = self.owner();
        let crew = self.crew(state);
        let looked_after = (owner.as_ref()).is_some_and(|owner| owner.is_here() && owner.lives());
        let processes = match &owner {
            _ if let Some(crew) = &crew
                && !looked_after =>
            {
                Processes::Elements(crew)
            }
            None => Processes::None,
            Some(owner) if owner.is_here() => Processes::Here {
                supervisor: owner.supervisor.alive(),
                worker: owner.worker.is_some_and(|worker| worker.alive()),
            },
            Some(owner) => Processes::Elsewhere { host: &owner.host },
        };
        let decide = |state| {
            Standing::decide(&Signs {
                state,
                created_at,
                processes,
                heartbeat: self.heartbeat(),
                now: match processes {
                    // Its clock is the one that told the times, and there is no need to write a file to know it.
                    Processes::Here { .. } => now(),
                    _ if state.ending.is_some() => now(),
                    Processes::None | Processes::Elsewhere { .. } | Processes::Elements(_) => {
                        self.now()
                    }
                },
            })
        };
        let standing = decide(state);
        // Whoever is gone now may have written how it ended after the stream was read.
        match self.last_record() {
            Some(last) if state.ending.is_none() && !standing.is_live() => {
                let last = RunState::from_records([&last]);
                match last.ending {
                    Some(_) => decide(&last),
                    None => standing,
                }
            }
            _ => standing,
        }
    }
}

/// Milliseconds as a person reads them, without a precision nobody has.
fn span(milliseconds: u64) -> String {
    match milliseconds / 1000 {
        s if s < 120 => format!("{s} s"),
        s if s < 7200 => format!("{} min", s / 60),
        s if s < 172_800 => format!("{} h", s / 3600),
        s => format!("{} days", s / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Owner;
    use Processes::{Elsewhere, Here, None as Nobody};
    use std::fs;
    use topwork_events::{Event, Record, RunPlan, StageKind, StagePlan};

    /// A run made at 1000 s, whose stage `source` began at 1000.1 s and was heard of each second
    /// until 1020 s, ended as told.
    fn state(ending: Option<(EndStatus, Option<&str>)>) -> RunState {
        let plan = RunPlan {
            stages: vec![StagePlan {
                kind: StageKind::Source,
                title: "source".into(),
                seed: Some(1),
                row: None,
                key: None,
            }],
            ..RunPlan::default()
        };
        let mut state = RunState::default();
        let mut tell = |at, event| state.apply(&Record::new(at, event));
        tell(1_000_100, Event::RunStarted(plan));
        tell(1_000_100, Event::StageStarted { stage: 0 });
        for at in (1_001_000..=1_020_000).step_by(1000) {
            tell(at, Event::Unknown);
        }
        if let Some((status, message)) = ending {
            let message = message.map(str::to_owned);
            let ended = Event::RunEnded {
                status,
                message,
                hint: None,
                exit_code: 0,
                seconds: 20.0,
                peak_bytes: None,
            };
            tell(1_020_000, ended);
        }
        state
    }

    type Case<'a> = (
        &'a str,
        &'a RunState,
        Processes<'a>,
        Option<u64>,
        u64,
        &'a str,
    );

    #[test]
    fn standing_is_decided_from_all_signs() {
        let running = state(None);
        let unheard = RunState::default();
        let mut slow = running.clone();
        slow.longest_gap = 60_000;
        let both = Here {
            supervisor: true,
            worker: true,
        };
        let neither = Here {
            supervisor: false,
            worker: false,
        };
        let winding_down = Here {
            supervisor: false,
            worker: true,
        };
        let reaping = Here {
            supervisor: true,
            worker: false,
        };
        let far = Elsewhere { host: "node7" };
        // Name, stream, processes, heartbeat at, now (seconds); what is said.
        #[rustfmt::skip]
        let cases: &[Case] = &[
            ("at work", &running, both, Some(1021), 1021, "running: source"),
            ("a pause within its habits", &slow, both, None, 1139, "running: source"),
            ("at the floor", &running, both, None, 1030, "running: source"),
            ("beyond the floor", &running, both, Some(1031), 1031, "stalled: source, silent for 11.0 s, never longer than 1.0 s before"),
            ("beyond its habits", &slow, both, None, 1141, "stalled: source, silent for 2 min 01 s, never longer than 1 min 00 s before"),
            ("worker gone, supervisor about to say so", &running, reaping, None, 1021, "running: source"),
            ("supervisor gone, worker about to stop", &running, winding_down, None, 1021, "running: source"),
            ("both gone", &running, neither, Some(1021), 1021, "crashed: its supervisor and worker are gone"),
            ("both gone before the first word", &unheard, neither, None, 1001, "crashed: its supervisor and worker are gone"),
            ("just made", &unheard, Nobody, None, 1001, "running"),
            ("never taken up", &unheard, Nobody, None, 1011, "never started"),
            ("started, nothing said yet", &unheard, both, Some(1002), 1002, "running"),
            ("started, silent from the first", &unheard, both, Some(1002), 1020, "stalled, silent for 20.0 s"),
            ("elsewhere, beating", &running, far, Some(1025), 1026, "running on node7: source"),
            ("elsewhere, beating, silent", &running, far, Some(1059), 1060, "stalled on node7: source, silent for 40.0 s, never longer than 1.0 s before"),
            ("elsewhere, at the limit", &running, far, Some(1021), 1051, "stalled on node7: source, silent for 31.0 s, never longer than 1.0 s before"),
            ("elsewhere, beyond it", &running, far, Some(1021), 1052, "crashed: no sign of life from `node7` for 31 s"),
            ("elsewhere, long gone", &running, far, Some(1021), 1205, "crashed: no sign of life from `node7` for 3 min"),
            ("elsewhere, days ago", &running, far, Some(1021), 301_021, "crashed: no sign of life from `node7` for 3 days"),
            ("elsewhere, without a heartbeat", &running, far, None, 1051, "crashed: no sign of life from `node7` for 31 s"),
            ("elsewhere, its clock ahead", &running, far, Some(1100), 1025, "running on node7: source"),
            ("done", &state(Some((EndStatus::Done, None))), both, None, 1021, "done"),
            ("done, long ago", &state(Some((EndStatus::Done, None))), neither, None, 9999, "done"),
            ("stopped", &state(Some((EndStatus::Stopped, Some("asked")))), neither, None, 1021, "stopped"),
            ("failed", &state(Some((EndStatus::Failed, Some("no data\nat all")))), neither, None, 1021, "failed: no data"),
            ("failed without a word", &state(Some((EndStatus::Failed, None))), far, None, 1021, "failed: the run failed"),
            ("crashed", &state(Some((EndStatus::Crashed, Some("crashed: SIGSEGV in plugin \"x\"")))), neither, None, 1021, "crashed: SIGSEGV in plugin \"x\""),
        ];
        for (name, state, processes, beat, now, expected) in cases {
            let standing = Standing::decide(&Signs {
                state,
                created_at: 1_000_000,
                processes: *processes,
                heartbeat: beat.map(|at| Heartbeat {
                    at: at * 1000,
                    beats: 20,
                }),
                now: now * 1000,
            });
            assert_eq!(standing.to_string(), *expected, "{name}");
            assert_eq!(
                standing.is_live(),
                expected.starts_with("running") || expected.starts_with("stalled"),
                "{name}"
            );
            let json = serde_json::to_string(&standing).unwrap();
            let read: Standing = serde_json::from_str(&json).unwrap();
            assert_eq!(read, standing, "{name}: {json}");
        }
    }

    #[test]
    fn what_was_said_after_the_stream_was_read_counts() {
        let temp = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(temp.path());
        let mut owner = Owner::this_process(None);
        owner.supervisor.started = Some(0);
        fs::write(
            temp.path().join("owner.json"),
            serde_json::to_string(&owner).unwrap(),
        )
        .unwrap();
        let check = |read: &RunState, expected: &str| {
            assert_eq!(folder.standing_since(read, 0).to_string(), expected);
        };
        let running = state(None);
        check(&running, "crashed: its supervisor and worker are gone");
        let end = Record::new(
            1_020_001,
            Event::RunEnded {
                status: EndStatus::Crashed,
                message: Some("the supervisor was killed".into()),
                hint: None,
                exit_code: 1,
                seconds: 20.0,
                peak_bytes: None,
            },
        );
        fs::write(folder.events_path(), end.to_line().unwrap()).unwrap();
        check(&running, "crashed: the supervisor was killed");
        check(&state(Some((EndStatus::Stopped, None))), "stopped");
        let resumed = Record::new(1_020_002, Event::Unknown);
        fs::write(folder.events_path(), resumed.to_line().unwrap()).unwrap();
        check(&running, "crashed: its supervisor and worker are gone");
    }

    #[test]
    fn standing_as_json_names_its_state() {
        let check = |standing: Standing, expected: &str| {
            assert_eq!(serde_json::to_string(&standing).unwrap(), expected);
        };
        check(Standing::NeverStarted, r#"{"state":"never-started"}"#);
        check(
            Standing::Running {
                stage: Some("source".into()),
                host: None,
            },
            r#"{"state":"running","stage":"source"}"#,
        );
        check(
            Standing::Crashed {
                message: "gone".into(),
            },
            r#"{"state":"crashed","message":"gone"}"#,
        );
    }
}
