//! Runs of several backbones or targets. The stream is that of its parts, told in turns: a part is one backbone with one
//! target, and each record says of which it speaks. What is known of the run has the rows and stages of all parts in one
//! list; [`RunState::of_parts`] takes some of them out again.

use std::{borrow::Cow, collections::BTreeSet, ops::Range};

use crate::{
    data::{DataContent, DataRemarks},
    event::{Event, NetworkPlan, Record, RowPlan, RunPlan, StagePlan},
    keyed::{Key, Keyed},
    outcome::{Agreement, Elsewhere, Failure, Outcome, Resampled, SourceOutcome},
    state::{RunState, StageState},
};

/// One backbone with one target.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Part {
    /// Its plan, without rows and stages.
    pub plan: RunPlan,
    /// Its rows among those of the run.
    pub rows: Range<usize>,
    /// Its stages among those of the run.
    pub stages: Range<usize>,
    /// What its data is recognised by, once it was read.
    pub data: Option<String>,
    /// What its examples show.
    pub content: Option<DataContent>,
    /// What is odd about its data.
    pub remarked: DataRemarks,
}

impl RunState {
    /// What records say of one part, as if it were the run.
    pub fn of_part<'a>(records: impl IntoIterator<Item = &'a Record>, part: usize) -> Self {
        let mut state = Self::default();
        for record in records {
            state.apply_to_part(record, part);
        }
        state
    }

    /// Takes in a record if it is of this part or of the whole run.
    pub fn apply_to_part(&mut self, record: &Record, part: usize) {
        let of_all = matches!(
            record.event,
            Event::RunResumed { .. } | Event::ElementStarted { .. } | Event::RunEnded { .. }
        );
        if of_all || record.part == part {
            self.apply(&Record {
                part: 0,
                ..record.clone()
            });
        }
    }

    /// The record's event with rows and stages as the whole run counts them.
    pub fn placed<'a>(&self, record: &'a Record) -> Cow<'a, Event> {
        let Some(part) = self.parts.get(record.part).filter(|_| record.part > 0) else {
            return Cow::Borrowed(&record.event);
        };
        let mut event = record.event.clone();
        event.shift(record.part, part.rows.start, part.stages.start);
        Cow::Owned(event)
    }

    /// Takes in the plan of a part: parts are told in their order, before anything is done. A plan that is told again
    /// changes nothing.
    pub(crate) fn begin_part(&mut self, part: usize, plan: &RunPlan) {
        if part == 0 {
            self.parts.clear();
            self.stages.clear();
            self.plan = None;
        } else if part != self.parts.len() {
            return;
        }
        let plan = plan.clone().upgraded();
        let mut whole = self.plan.take().unwrap_or_else(|| RunPlan {
            rows: Vec::new(),
            stages: Vec::new(),
            ..plan.clone()
        });
        let (rows, stages) = (whole.rows.len(), whole.stages.len());
        whole.rows.extend(plan.rows.iter().map(|row| RowPlan {
            target: plan.target.clone(),
            backbone: plan.backbone.clone(),
            ..row.clone()
        }));
        let labels = [plan.target.as_deref(), plan.backbone.as_deref()];
        let of_row = |stage: &StagePlan| stage.row.and_then(|row| whole.rows.get(rows + row));
        let told = plan.stages.iter().map(|stage| StagePlan {
            row: stage.row.map(|row| row + rows),
            title: match of_row(stage) {
                _ if labels == [None, None] => stage.title.clone(),
                Some(row) => row.title(),
                None => (labels.into_iter().flatten()).fold(stage.title.clone(), |title, label| {
                    format!("{title} · {label}")
                }),
            },
            ..stage.clone()
        });
        let told: Vec<StagePlan> = told.collect();
        self.stages
            .extend(told.iter().cloned().map(StageState::waiting));
        whole.stages.extend(told);
        self.parts.push(Part {
            rows: rows..whole.rows.len(),
            stages: stages..whole.stages.len(),
            plan: RunPlan {
                rows: Vec::new(),
                stages: Vec::new(),
                ..plan
            },
            ..Part::default()
        });
        self.plan = Some(whole);
    }

    /// Takes in what was read of a part's data.
    pub(crate) fn data_of(&mut self, part: usize, event: &Event) {
        let of_part = self.parts.get_mut(part);
        match event {
            Event::DataRead { digest } => {
                of_part
                    .into_iter()
                    .for_each(|part| part.data = Some(digest.clone()));
                if part == 0 {
                    self.data = Some(digest.clone());
                }
            }
            Event::DataCompared(content) => {
                of_part
                    .into_iter()
                    .for_each(|part| part.content = Some(content.clone()));
                if part == 0 {
                    self.content = Some(content.clone());
                }
            }
            Event::DataRemarked(remarked) => {
                of_part
                    .into_iter()
                    .for_each(|part| part.remarked.clone_from(remarked));
                if part == 0 {
                    self.remarked.clone_from(remarked);
                }
            }
            _ => {}
        }
    }

    /// The targets by name in their order, each with its parts; one without a name where the run has a single target.
    pub fn targets(&self) -> Vec<(Option<&str>, Vec<usize>)> {
        let mut targets: Vec<(Option<&str>, Vec<usize>)> = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let name = part.plan.target.as_deref();
            match targets.iter_mut().find(|(known, _)| *known == name) {
                Some((_, parts)) => parts.push(index),
                None => targets.push((name, vec![index])),
            }
        }
        targets
    }

    /// The part that a row or, without one, nothing else tells, with the row as the part counts it.
    pub fn part_of_row(&self, row: usize) -> (usize, usize) {
        let found = self.parts.iter().position(|part| part.rows.contains(&row));
        let part = found.unwrap_or(0);
        let first = self.parts.get(part).map_or(0, |part| part.rows.start);
        (part, row - first.min(row))
    }

    /// What is known of these parts alone, as if they were a run: of one target, whose name rows then need not say.
    pub fn of_parts(&self, parts: &[usize]) -> Cow<'_, RunState> {
        if self.parts.len() < 2 {
            return Cow::Borrowed(self);
        }
        let taken: Vec<&Part> = parts
            .iter()
            .filter_map(|part| self.parts.get(*part))
            .collect();
        let Some(first) = taken.first() else {
            return Cow::Owned(RunState::default());
        };
        let rows: Vec<usize> = taken.iter().flat_map(|part| part.rows.clone()).collect();
        let stages: Vec<usize> = taken.iter().flat_map(|part| part.stages.clone()).collect();
        let place = |row: usize| rows.binary_search(&row).ok();
        let plan = self.plan.as_ref();
        let one_target = taken
            .iter()
            .all(|part| part.plan.target == first.plan.target);
        let row = |row: &usize| {
            let mut row = plan?.rows.get(*row)?.clone();
            if one_target {
                row.target = None;
            }
            Some(row)
        };
        let stage = |stage: &usize| {
            let mut stage = self.stages.get(*stage)?.clone();
            stage.plan.row = stage.plan.row.and_then(place);
            Some(stage)
        };
        let stages: Vec<StageState> = stages.iter().filter_map(stage).collect();
        let is_taken: BTreeSet<usize> = parts.iter().copied().collect();
        Cow::Owned(RunState {
            plan: Some(RunPlan {
                rows: rows.iter().filter_map(row).collect(),
                stages: stages.iter().map(|stage| stage.plan.clone()).collect(),
                ..first.plan.clone()
            }),
            // Sources say of which part they are.
            parts: self.parts.clone(),
            networks: (self.networks.iter())
                .filter(|network| is_taken.contains(&network.part))
                .cloned()
                .collect(),
            source: only(&self.source, |source: &mut SourceOutcome| {
                is_taken.contains(&source.part)
            }),
            outcomes: only(&self.outcomes, |outcome: &mut Outcome| {
                moved(&mut outcome.row, place)
            }),
            elsewhere: only(&self.elsewhere, |elsewhere: &mut Elsewhere| {
                moved(&mut elsewhere.outcome.row, place)
            }),
            agreements: only(&self.agreements, |agreement: &mut Agreement| {
                moved(&mut agreement.a, place) && moved(&mut agreement.b, place)
            }),
            resampled: only(&self.resampled, |resampled: &mut Resampled| {
                moved(&mut resampled.row, place)
                    && resampled
                        .against
                        .as_mut()
                        .is_none_or(|against| moved(against, place))
            }),
            failures: only(&self.failures, |failure: &mut Failure| {
                moved(&mut failure.row, place)
            }),
            stages,
            data: first.data.clone(),
            content: first.content.clone(),
            remarked: first.remarked.clone(),
            log: self.log.clone(),
            elements: (self.elements.iter())
                .map(|element| element.with_rows(place))
                .collect(),
            ending: self.ending.clone(),
            ..*self
        })
    }
}

impl RunState {
    /// The same rows as one of the further test sets has them: its outcomes in place of those on the target's own test examples.
    /// What was compared or resampled there is not known, and what does not differ there is left out.
    pub fn elsewhere(&self, test: usize) -> RunState {
        let of_test = self.elsewhere.iter().filter(|known| known.test == test);
        let plan = self.plan.clone().map(|plan| RunPlan {
            // What is fitted for each fold is averaged there.
            folds: None,
            tests: Vec::new(),
            references: Vec::new(),
            ..plan
        });
        RunState {
            plan,
            outcomes: of_test.map(|known| known.outcome.clone()).collect(),
            failures: self.failures.clone(),
            networks: self.networks.clone(),
            ending: self.ending.clone(),
            ..RunState::default()
        }
    }
}

/// Puts a row in its place; false where it has none.
fn moved(row: &mut usize, place: impl Fn(usize) -> Option<usize>) -> bool {
    place(*row).map(|to| *row = to).is_some()
}

/// The entries that `keep` says are to be kept, changed as it has changed them.
fn only<T: Key + Clone>(all: &Keyed<T>, keep: impl Fn(&mut T) -> bool) -> Keyed<T> {
    let mut kept = all.iter().cloned();
    let mut left = Vec::new();
    for mut entry in kept.by_ref() {
        if keep(&mut entry) {
            left.push(entry);
        }
    }
    left.into_iter().collect()
}

impl Event {
    /// Counts rows and stages on from where the part's first ones are.
    fn shift(&mut self, part: usize, rows: usize, stages: usize) {
        match self {
            Event::Network(NetworkPlan { part: of, .. })
            | Event::SourceEvaluated(SourceOutcome { part: of, .. }) => *of = part,
            Event::StageStarted { stage }
            | Event::Progress { stage, .. }
            | Event::EpochEnded { stage, .. }
            | Event::StageEnded { stage, .. } => *stage += stages,
            Event::RowMeasured(outcome) | Event::MeasuredElsewhere(Elsewhere { outcome, .. }) => {
                outcome.row += rows
            }
            Event::Compared(agreement) => {
                agreement.a += rows;
                agreement.b += rows;
            }
            Event::Resampled(resampled) => {
                resampled.row += rows;
                resampled.against = resampled.against.map(|against| against + rows);
            }
            Event::RowFailed(failure) => failure.row += rows,
            Event::RunStarted(_)
            | Event::DataRead { .. }
            | Event::DataCompared(_)
            | Event::DataRemarked(_)
            | Event::RunResumed { .. }
            | Event::ElementStarted { .. }
            | Event::Log { .. }
            | Event::RunEnded { .. }
            | Event::Unknown => {}
        }
    }
}
