//! Which tasks go into which element.

use std::{collections::BTreeMap, path::Path};

use topwork_events::{RunState, StageKind, StageStatus};
use topwork_index::likely_seconds;
use topwork_store::Runs;

use crate::failure::Failure;

/// What a row is taken to need where no earlier run tells, seconds.
const UNKNOWN: f64 = 300.0;

/// So much of a key names a task.
const NAME: usize = 16;

/// What is missing of a run, in elements.
#[derive(Debug, Default, PartialEq)]
pub struct Elements {
    /// Sources and features, which rows of several elements need.
    pub first: Vec<Element>,
    /// Rows.
    pub rows: Vec<Element>,
}

/// The tasks of one process.
#[derive(Debug, Default, PartialEq)]
pub struct Element {
    /// The beginnings of their keys.
    pub tasks: Vec<String>,
    /// What they are likely to take; `None` where no earlier run tells of one of them.
    pub seconds: Option<f64>,
}

/// What is missing of a run and what each task is likely to take by earlier runs.
pub struct Missing {
    pub tasks: Vec<MissingTask>,
}

/// A task that is yet to be done.
pub struct MissingTask {
    pub part: usize,
    pub kind: StageKind,
    pub seed: u64,
    pub key: String,
    pub seconds: Option<f64>,
}

impl Missing {
    /// What nobody has done of a run, or has tried in vain.
    pub fn of(state: &RunState, runs_dir: &Path) -> Result<Self, Failure> {
        let known = topwork_index::cells(&Runs::at(runs_dir))?;
        let mut tasks = Vec::new();
        for (index, stage) in state.stages.iter().enumerate() {
            let (Some(key), Some(seed)) = (&stage.plan.key, stage.plan.seed) else {
                continue;
            };
            let part = (state.parts.iter()).position(|part| part.stages.contains(&index));
            let part = part.unwrap_or(0);
            let row = stage.plan.row;
            let there = match (stage.plan.kind, row) {
                (StageKind::Row, Some(row)) => state.outcomes.get(&(row, seed)).is_some(),
                (StageKind::Source, _) => state.source.get(&(part, seed)).is_some(),
                _ => stage.status == StageStatus::Done,
            };
            if there {
                continue;
            }
            let rows = state.plan.as_ref().map_or(&[][..], |plan| &plan.rows);
            let row = row.and_then(|row| rows.get(row));
            tasks.push(MissingTask {
                part,
                kind: stage.plan.kind,
                seed,
                key: key.clone(),
                seconds: row.and_then(|row| {
                    likely_seconds(&known, &row.title(), &row.kind, &row.head, &row.cut)
                }),
            });
        }
        // What nothing is missing of is not prepared.
        let wanted: Vec<(usize, u64)> = (tasks.iter())
            .filter(|task| task.kind == StageKind::Row)
            .map(|task| (task.part, task.seed))
            .collect();
        tasks.retain(|task| wanted.contains(&(task.part, task.seed)));
        Ok(Self { tasks })
    }

    /// Puts the tasks into elements of about `seconds`. Sources, and features where they are `kept` for others, come first, one
    /// element for each part and seed; rows of one part and seed stay together, since they work on the same features.
    pub fn packed(&self, seconds: f64, kept: bool) -> Elements {
        let mut groups: BTreeMap<(usize, u64), Vec<&MissingTask>> = BTreeMap::new();
        for task in &self.tasks {
            groups.entry((task.part, task.seed)).or_default().push(task);
        }
        let mut elements = Elements::default();
        for tasks in groups.values() {
            let comes_first = |task: &&&MissingTask| match task.kind {
                StageKind::Source => true,
                StageKind::Features => kept,
                _ => false,
            };
            let first: Vec<String> = (tasks.iter().filter(comes_first))
                .map(|task| short(&task.key))
                .collect();
            if !first.is_empty() {
                elements.first.push(Element {
                    tasks: first,
                    seconds: None,
                });
            }
            let rows = tasks.iter().filter(|task| task.kind == StageKind::Row);
            let mut open: Option<(Element, f64)> = None;
            for row in rows {
                let takes = row.seconds.unwrap_or(UNKNOWN);
                if let Some((full, _)) = open.take_if(|(_, sum)| *sum + takes > seconds) {
                    elements.rows.push(full);
                }
                let (element, sum) = open.get_or_insert_with(|| {
                    let element = Element {
                        tasks: Vec::new(),
                        seconds: Some(0.0),
                    };
                    (element, 0.0)
                });
                element.tasks.push(short(&row.key));
                element.seconds = element.seconds.zip(row.seconds).map(|(a, b)| a + b);
                *sum += takes;
            }
            elements.rows.extend(open.map(|(element, _)| element));
        }
        elements
    }
}

/// What names a task in files and on the command line.
pub fn short(key: &str) -> String {
    key.get(..NAME).unwrap_or(key).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(
        part: usize,
        seed: u64,
        kind: StageKind,
        key: &str,
        seconds: Option<f64>,
    ) -> MissingTask {
        MissingTask {
            part,
            kind,
            seed,
            key: key.into(),
            seconds,
        }
    }

    #[test]
    fn rows_of_a_part_and_seed_are_packed_up_to_a_time() {
        use StageKind::{Features, Row, Source};
        let missing = Missing {
            tasks: vec![
                task(0, 1, Source, "s1", None),
                task(0, 1, Features, "f1", None),
                task(0, 1, Row, "a", Some(60.0)),
                task(0, 1, Row, "b", Some(50.0)),
                task(0, 1, Row, "c", Some(20.0)),
                task(0, 2, Row, "d", None),
                task(1, 1, Row, "e", Some(500.0)),
                task(1, 1, Row, "f", Some(1.0)),
            ],
        };
        let names = |elements: &[Element]| -> Vec<String> {
            elements
                .iter()
                .map(|element| element.tasks.join(" "))
                .collect()
        };
        let packed = missing.packed(120.0, true);
        assert_eq!(names(&packed.first), ["s1 f1"]);
        assert_eq!(names(&packed.rows), ["a b", "c", "d", "e", "f"]);
        let seconds: Vec<Option<f64>> = packed.rows.iter().map(|element| element.seconds).collect();
        assert_eq!(
            seconds,
            [Some(110.0), Some(20.0), None, Some(500.0), Some(1.0)]
        );
        assert_eq!(names(&missing.packed(120.0, false).first), ["s1"]);
        assert_eq!(
            names(&missing.packed(1000.0, true).rows),
            ["a b c", "d", "e f"]
        );
        assert_eq!(missing.packed(1.0, true).rows.len(), 6);
    }
}
