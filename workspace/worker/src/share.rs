//! What of a run this process does, where several processes may work on it.

use std::{collections::BTreeSet, thread, time::Duration};

use topwork_events::{EndStatus, Event, Failure, LogLevel, StageStatus};
use topwork_schema::Start;
use topwork_store::{Claim, Claimed, Claims, RunFolder};
use topwork_tasks::Work;

use crate::{WorkerError, execute::Execution};

/// How often it is looked whether another has done what this one waits for.
const POLL: Duration = Duration::from_millis(200);

/// So much of a key names a claim.
const NAME: usize = 16;

/// What a worker process is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// To do all that is missing, and end the run; for the folder of an element, to do what that is assigned.
    Work,
    /// To say what is going to be done, for others to do it.
    Plan,
    /// To end a run that others have worked on: what is missing is given up.
    End,
}

/// Which tasks are this process's.
pub enum Share {
    /// All of them.
    All,
    /// None: others have done them.
    None,
    /// Those of an element, beside others.
    Some {
        /// The beginnings of their keys; all rows where it is empty.
        tasks: Vec<String>,
        /// Who does what.
        claims: Claims,
    },
}

impl Share {
    pub fn of(folder: &RunFolder, duty: Duty) -> Self {
        match (folder.element_name(), duty) {
            (Some(_), _) => Self::Some {
                tasks: folder.assignment().tasks,
                claims: Claims::of(folder),
            },
            (None, Duty::Work) => Self::All,
            (None, Duty::Plan | Duty::End) => Self::None,
        }
    }

    /// Whether others do tasks at the same time.
    pub fn has_others(&self) -> bool {
        matches!(self, Self::Some { .. })
    }
}

impl Execution<'_> {
    /// Whether anything that is left to do builds on this task, as far as is known of other processes.
    pub fn concerns(&mut self, task: usize) -> Result<bool, WorkerError> {
        if !self.share.has_others() {
            return Ok(true);
        }
        self.emitter.listen_now_and_then()?;
        Ok(self.is_wanted(task))
    }

    /// The same by all that they have said up to now.
    pub fn still_concerns(&mut self, task: usize) -> Result<bool, WorkerError> {
        self.emitter.listen()?;
        self.concerns(task)
    }

    /// Whether this process has to do a task, and nobody has done it, as far as is known.
    pub fn is_left(&self, task: usize) -> bool {
        let Share::Some { tasks, .. } = self.share else {
            return self.tasks[task]
                .seed
                .zip(self.tasks[task].row())
                .is_some_and(|(seed, row)| self.is_pending(seed, row));
        };
        let stage = self.conductor.stage(task);
        let (key, status) = self.emitter.look(|state| {
            let stage = state.stages.get(stage);
            let key = stage.and_then(|stage| stage.plan.key.clone());
            (key, stage.map(|stage| stage.status))
        });
        // On another kind of machine keys are others: what is asked for is what was planned.
        let key = key.as_ref().unwrap_or(&self.tasks[task].key);
        let asked = tasks.iter().any(|asked| key.starts_with(asked.as_str()));
        match (self.tasks[task].row(), self.tasks[task].seed) {
            (Some(row), Some(seed)) => (asked || tasks.is_empty()) && self.is_pending(seed, row),
            _ => asked && !matches!(status, Some(StageStatus::Done | StageStatus::Failed)),
        }
    }

    /// Takes charge of a task; `None` when another process does it. What other tasks need is waited for, if `patient`.
    pub fn claim(
        &mut self,
        task: usize,
        patient: bool,
    ) -> Result<Option<Option<Claim>>, WorkerError> {
        let Share::Some { claims, .. } = self.share else {
            return Ok(Some(None));
        };
        let Some(name) = self.claimed_as(task) else {
            return Ok(Some(None));
        };
        let waits = self.tasks[task].row().is_none();
        let mut told = false;
        loop {
            let holder = match claims.ask(&name)? {
                Claimed::Mine(claim) => return Ok(Some(Some(claim))),
                Claimed::By(holder) => holder,
            };
            let title = &self.tasks[task].title;
            if waits && !patient {
                return Ok(None);
            }
            if !waits {
                let text = format!("`{title}` is done by the element `{holder}`");
                self.conductor.note(LogLevel::Info, text)?;
                return Ok(None);
            }
            if !told {
                let text = format!("waits for the element `{holder}`, which does `{title}`");
                self.conductor.note(LogLevel::Info, text)?;
                told = true;
            }
            thread::sleep(POLL);
            self.emitter.check_stop()?;
            self.emitter.listen()?;
        }
    }

    /// What names the claim of a task; `None` for what every process does for itself.
    fn claimed_as(&self, task: usize) -> Option<String> {
        let part = self.emitter.part();
        let seed = self.tasks[task].seed?;
        match &self.tasks[task].work {
            Work::Data => None,
            // One pass gives those of several cuts.
            Work::Features(trunk) => self.conductor.cache.as_ref().map(|_| {
                let weights = match trunk.weights {
                    Start::Source => "source",
                    Start::Random => "random",
                };
                format!("{part}-features-{seed}-{weights}")
            }),
            Work::Source | Work::Row(_) => {
                Some(format!("{part}-{}", &self.tasks[task].key[..NAME]))
            }
        }
    }

    /// Gives up the rows that nobody has measured, in a run that is ended, and says which ones another kind of machine has.
    pub fn give_up_missing(&mut self) -> Result<(), WorkerError> {
        if !matches!(self.share, Share::None) {
            return Ok(());
        }
        for task in 0..self.tasks.len() {
            self.begin_seed(task)?;
            let (Some(row), Some(seed)) = (self.tasks[task].row(), self.tasks[task].seed) else {
                continue;
            };
            let failed =
                |state: &topwork_events::RunState| state.failures.get(&(row, seed)).is_some();
            if !self.seed.rows.contains(&row) && !self.emitter.look(failed) {
                self.emitter.emit(Event::RowFailed(Failure {
                    row,
                    seed,
                    status: EndStatus::Stopped,
                    message: "no element of the run has measured it".to_owned(),
                    hint: None,
                    exit_code: 1,
                }))?;
            }
        }
        self.tell_kinds()
    }

    /// On machines of several kinds the last bits of figures may differ.
    fn tell_kinds(&self) -> Result<(), WorkerError> {
        let (kinds, of_rows) = self.emitter.look(|state| {
            let mut kinds = BTreeSet::new();
            let mut of_rows = Vec::new();
            for element in &state.elements {
                for (row, seed) in &element.measured {
                    kinds.insert(element.kind.clone());
                    of_rows.push((element.kind.clone(), *row, *seed));
                }
            }
            (kinds, of_rows)
        });
        if kinds.len() < 2 {
            return Ok(());
        }
        let told = kinds.iter().map(|kind| {
            let rows: BTreeSet<String> = (of_rows.iter())
                .filter(|(of, _, _)| of == kind)
                .filter_map(|(_, row, seed)| {
                    let title = self.plan.title(self.plan.rows.get(*row)?);
                    Some(format!("`{title}` with seed {seed}"))
                })
                .collect();
            let rows: Vec<String> = rows.into_iter().collect();
            format!("{} on `{kind}`", rows.join(", "))
        });
        let told: Vec<String> = told.collect();
        let mut remarked = self.emitter.look(|state| state.remarked.clone());
        let sentence = format!(
            "measured on several kinds of machine, whose figures may differ in the last digits: {}",
            told.join("; ")
        );
        if !remarked.remarks.contains(&sentence) {
            remarked.remarks.push(sentence);
        }
        self.remark(remarked)
    }
}
