//! Runs that several processes work on at once, each with a stream of its own. Such a process is an *element*, after the elements of
//! a scheduler's array of jobs; what it says is merged into what is known of the run.

use crate::{
    event::{Event, Record},
    state::{Ending, RunState, StageStatus},
};

/// One of the processes that work on a run, over all its sessions.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Element {
    /// Its name, unique in the run.
    pub name: String,
    /// The machine of its latest session.
    pub host: String,
    /// What it is to a scheduler, such as `slurm 1234_5`.
    pub job: Option<String>,
    /// What gives the same bits for the same work: the engine's revision on that kind of machine.
    pub kind: String,
    /// When its latest session began, milliseconds since the Unix epoch.
    pub started_at: u64,
    /// When it was heard of last.
    pub latest_at: u64,
    /// How often it began.
    pub sessions: u32,
    /// Sessions in a row, the latest among them, that have completed nothing: no row, no source, no epoch.
    pub fruitless: u32,
    /// The rows it has measured, with their seeds.
    pub measured: Vec<(usize, u64)>,
    /// How its latest session ended; `None` while it has not said so.
    pub ending: Option<Ending>,
}

impl Element {
    /// The element with the rows that it has measured in other places; without those that have none.
    pub(crate) fn with_rows(&self, place: impl Fn(usize) -> Option<usize>) -> Self {
        let measured = self.measured.iter();
        let placed = measured.filter_map(|(row, seed)| Some((place(*row)?, *seed)));
        Self {
            measured: placed.collect(),
            ..self.clone()
        }
    }
}

impl RunState {
    /// The element with this name.
    pub fn element(&self, name: &str) -> Option<&Element> {
        self.elements.iter().find(|element| element.name == name)
    }

    /// Takes in what a record says of the element that wrote it; false when it says nothing of the run besides. Several elements do
    /// the same tasks where one has lost another from sight: what was completed stays so.
    pub(crate) fn apply_to_element(&mut self, name: &str, record: &Record, event: &Event) -> bool {
        let known = |element: &Element| element.name == name;
        let place = self.elements.iter().position(known).unwrap_or_else(|| {
            self.elements.push(Element {
                name: name.to_owned(),
                ..Element::default()
            });
            self.elements.len() - 1
        });
        let element = &mut self.elements[place];
        element.latest_at = element.latest_at.max(record.at);
        match event {
            Event::ElementStarted { host, job, kind } => {
                element.host.clone_from(host);
                element.job.clone_from(job);
                element.kind.clone_from(kind);
                element.started_at = record.at;
                element.sessions += 1;
                element.fruitless += 1;
                element.ending = None;
                false
            }
            Event::RunEnded { .. } => {
                if element.ending.is_none() {
                    element.ending = Ending::of(event);
                }
                false
            }
            Event::RowMeasured(outcome) => {
                element.fruitless = 0;
                element.measured.push((outcome.row, outcome.seed));
                true
            }
            Event::SourceEvaluated(_) | Event::EpochEnded { .. } => {
                element.fruitless = 0;
                true
            }
            Event::RowFailed(failure) => self.outcomes.get(&(failure.row, failure.seed)).is_none(),
            Event::StageStarted { stage }
            | Event::Progress { stage, .. }
            | Event::StageEnded {
                stage,
                failed: true,
                ..
            } => {
                let stage = self.stages.get(*stage);
                stage.is_none_or(|stage| stage.status != StageStatus::Done)
            }
            // Near duplicates are looked for by one element; what another has read says nothing of them.
            Event::DataRemarked(remarked) => {
                let part = self.parts.get(record.part);
                let before = part.map_or(&self.remarked, |part| &part.remarked);
                remarked.near.is_some() || before.near.is_none()
            }
            // That of the whole run alone says what is planned, and goes on.
            Event::RunStarted(_) | Event::RunResumed { .. } => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Came, EndStatus, Failure, Outcome, RunPlan, StageKind, StagePlan,
        event::Event::{
            ElementStarted, RowFailed, RowMeasured, RunEnded, StageEnded, StageStarted,
        },
    };

    fn started(host: &str) -> Event {
        ElementStarted {
            host: host.into(),
            job: None,
            kind: "k".into(),
        }
    }

    fn ended(status: EndStatus) -> Event {
        RunEnded {
            status,
            message: None,
            hint: None,
            exit_code: 0,
            seconds: 1.0,
            peak_bytes: None,
        }
    }

    fn done(stage: usize, failed: bool) -> Event {
        StageEnded {
            stage,
            seconds: 1.0,
            came: Came::Said(String::new()),
            failed,
        }
    }

    fn failed(row: usize) -> Event {
        RowFailed(Failure {
            row,
            seed: 1,
            status: EndStatus::Crashed,
            message: "no".into(),
            hint: None,
            exit_code: 3,
        })
    }

    fn measured(row: usize) -> Event {
        RowMeasured(Outcome {
            row,
            seed: 1,
            ..Outcome::default()
        })
    }

    fn state(told: &[(&str, Event)]) -> RunState {
        let stage = StagePlan {
            kind: StageKind::Row,
            title: "row".into(),
            seed: Some(1),
            row: Some(0),
            key: None,
        };
        let plan = RunPlan {
            stages: vec![stage; 2],
            ..RunPlan::default()
        };
        let mut state = RunState::from_records(&[Record::new(1, Event::RunStarted(plan))]);
        for (at, (element, event)) in told.iter().enumerate() {
            let record = Record::new(at as u64 + 2, event.clone());
            state.apply(&record.of_element(element));
        }
        state
    }

    #[test]
    fn an_element_ends_without_ending_the_run() {
        let state = state(&[("a", started("x")), ("a", ended(EndStatus::Stopped))]);
        assert_eq!(state.ending, None);
        let element = state.element("a").unwrap();
        assert_eq!(element.host, "x");
        assert_eq!(element.ending.as_ref().unwrap().status, EndStatus::Stopped);
        assert_eq!((element.sessions, element.fruitless), (1, 1));
    }

    #[test]
    fn what_one_has_completed_another_does_not_undo() {
        let one = ("a", StageStarted { stage: 0 });
        let other = ("b", StageStarted { stage: 0 });
        let check = |told: &[(&str, Event)], expected: StageStatus| {
            assert_eq!(state(told).stages[0].status, expected, "{told:?}");
        };
        check(std::slice::from_ref(&one), StageStatus::Running);
        check(
            &[one.clone(), ("a", done(0, false)), other.clone()],
            StageStatus::Done,
        );
        check(
            &[one.clone(), ("a", done(0, false)), ("b", done(0, true))],
            StageStatus::Done,
        );
        check(
            &[
                one.clone(),
                ("a", done(0, true)),
                other,
                ("b", done(0, false)),
            ],
            StageStatus::Done,
        );
    }

    #[test]
    fn a_row_measured_by_one_has_not_failed_whoever_comes_first() {
        for told in [
            [("a", measured(0)), ("b", failed(0))],
            [("b", failed(0)), ("a", measured(0))],
        ] {
            let state = state(&told);
            assert_eq!((state.outcomes.len(), state.failures.len()), (1, 0));
        }
        let twice = state(&[("a", measured(0)), ("b", measured(0)), ("b", failed(1))]);
        assert_eq!((twice.outcomes.len(), twice.failures.len()), (1, 1));
    }

    #[test]
    fn sessions_without_fruit_are_counted() {
        let check = |told: &[Event], expected: u32| {
            let told: Vec<(&str, Event)> = told.iter().cloned().map(|event| ("a", event)).collect();
            assert_eq!(state(&told).element("a").unwrap().fruitless, expected);
        };
        let stop = ended(EndStatus::Stopped);
        check(&[started("x"), stop.clone(), started("x")], 2);
        check(&[started("x"), measured(0), stop.clone(), started("x")], 1);
        check(&[started("x"), stop, started("x"), measured(0)], 0);
    }
}
