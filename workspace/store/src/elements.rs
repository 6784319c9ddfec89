//! The processes that work on one run at once, where these are several: *elements*, each with a folder in the run's.
//!
//! ```text
//! elements/0-003/
//!   element.json       what it is to do
//!   events.jsonl       what it says
//!   owner.json, heartbeat, lock, call, worker.log: as for a run that one process looks after
//! submission.json      who was asked to start them
//! ```
//!
//! Predictions, models, weights and checkpoints lie in the run's folders, whoever has made them: each is written as a whole.

use std::{fs, path::PathBuf};

use serde::{Deserialize, Serialize};

use topwork_events::{EndStatus, Event, RunState};

use crate::{Crew, Owner, RunFolder, StoreError, event_log::LineReader, heartbeat::SIGN_OF_LIFE};

/// The folder within a run's for those of its elements.
pub(crate) const ELEMENTS: &str = "elements";

/// What an element is to do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Assignment {
    /// The tasks by the beginnings of their keys; all that are missing where it is empty.
    pub tasks: Vec<String>,
    /// Threads of its pool; those of the run where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub threads: Option<usize>,
    /// What the element is to a scheduler.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub job: Option<String>,
}

/// Who was asked to start the elements of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Submission {
    /// How often the run had been taken up again.
    pub session: u32,
    /// `slurm`, `hyperqueue` or `local`.
    pub to: String,
    /// The scheduler's own names of what it was asked for.
    pub jobs: Vec<String>,
    /// The elements' names.
    pub elements: Vec<String>,
}

impl Submission {
    /// Who was asked, in words.
    pub fn by(&self) -> String {
        let mut words = vec![self.to.clone()];
        words.extend(self.jobs.iter().cloned());
        words.join(" ")
    }
}

/// The session that an element's name says it belongs to.
pub(crate) fn session_of(name: &str) -> Option<u32> {
    name.split_once('-')?.0.parse().ok()
}

/// The name of an element of this session.
pub fn element_name(session: u32, name: &str) -> String {
    format!("{session}-{}", crate::folder::slug(name))
}

impl RunFolder {
    /// The run as the element with this name sees it: what it says of itself goes to a folder of its own, which is made where there is
    /// none.
    pub fn of_element(&self, name: &str) -> Result<Self, StoreError> {
        let element = self.element(name);
        let path = element.own();
        fs::create_dir_all(&path).map_err(|error| StoreError::io("make", &path, &error))?;
        Ok(element)
    }

    /// The elements of a session that have a folder, by their names.
    pub fn elements(&self, session: u32) -> Vec<Self> {
        let entries = fs::read_dir(self.whole().path().join(ELEMENTS));
        let entries = entries.into_iter().flatten().flatten();
        let mut names: Vec<String> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| session_of(name) == Some(session))
            .collect();
        names.sort();
        names.iter().map(|name| self.element(name)).collect()
    }

    /// What the element is to do; all that is missing where nobody has said.
    pub fn assignment(&self) -> Assignment {
        self.read_own("element.json").unwrap_or_default()
    }

    /// Notes what the element is to do.
    pub fn assign(&self, assignment: &Assignment) -> Result<(), StoreError> {
        self.write_own("element.json", assignment)
    }

    /// Who was asked to work on the run, if that was several.
    pub fn submission(&self) -> Option<Submission> {
        self.whole().read_own("submission.json").ok()
    }

    /// Notes who is asked.
    pub fn submit(&self, submission: &Submission) -> Result<(), StoreError> {
        self.whole().write_own("submission.json", submission)
    }

    /// The elements that were asked to go on with the run as it is; `None` where it is one process's, or waits for nobody.
    pub(crate) fn crew(&self, state: &RunState) -> Option<Crew> {
        let submission = self.submission();
        let submission = submission.filter(|of| of.session == state.resumed);
        let folders = self.elements(state.resumed);
        if submission.is_none() && folders.is_empty() {
            return None;
        }
        let mut crew = Crew {
            by: submission
                .as_ref()
                .map_or("nobody".to_owned(), Submission::by),
            ..Crew::default()
        };
        let scheduled = (submission.as_ref()).is_some_and(|of| !of.jobs.is_empty());
        let mut hosts: Vec<String> = Vec::new();
        for element in &folders {
            let name = element.element_name().unwrap_or_default();
            let known = state.element(name);
            let ending = known.and_then(|known| known.ending.as_ref());
            match element.owner() {
                Some(owner) if ending.is_none() && element.gives_signs(&owner) => {
                    crew.at_work += 1;
                    if !hosts.contains(&owner.host) {
                        hosts.push(owner.host);
                    }
                }
                // A scheduler begins it again, or its last job ends the run.
                Some(_) if ending.is_none() && scheduled => crew.waiting += 1,
                Some(_) if ending.is_none() => {
                    crew.lost.get_or_insert_with(|| name.to_owned());
                }
                _ => {
                    let comes_back = |ending: &topwork_events::Ending| {
                        ending.status == EndStatus::Stopped && submission.is_some()
                    };
                    crew.waiting += usize::from(ending.is_none_or(comes_back));
                }
            }
        }
        crew.hosts = format!(
            "{} ({} {})",
            hosts.join(", "),
            crew.at_work,
            if crew.at_work == 1 {
                "element"
            } else {
                "elements"
            }
        );
        Some(crew)
    }

    /// Whether the process of an element seems to be there.
    fn gives_signs(&self, owner: &Owner) -> bool {
        match owner.is_here() {
            true => owner.lives(),
            false => {
                let beat = self.heartbeat().map_or(0, |beat| beat.at);
                self.now().saturating_sub(beat) < SIGN_OF_LIFE
            }
        }
    }

    /// Whether several processes are asked to go on with the run as it is.
    pub fn has_elements(&self, state: &RunState) -> bool {
        self.crew(state).is_some()
    }

    /// The stage that the element has begun last and not ended, with its part; counted within that.
    pub fn begun_stage(&self) -> Option<(usize, usize)> {
        let records = LineReader::new(&self.own().join("events.jsonl"))
            .look()
            .ok()?;
        let mut begun = None;
        for record in records {
            match record.event {
                Event::StageStarted { stage } => begun = Some((record.part, stage)),
                Event::StageEnded { .. } => begun = None,
                _ => {}
            }
        }
        begun
    }

    /// The folder for what its process says of itself.
    pub(crate) fn own(&self) -> PathBuf {
        let run = self.whole().path().to_owned();
        match self.element_name() {
            Some(name) => run.join(ELEMENTS).join(name),
            None => run,
        }
    }
}
