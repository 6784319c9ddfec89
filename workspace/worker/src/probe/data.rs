//! A look at the data of an experiment: classes counted, images compared, remarks of plugins kept.

use std::collections::BTreeMap;

use topwork_graft::{
    GraftError,
    data::{ExamplesOf, SplitName, compare},
};
use topwork_host::{Dataset, ErrorKind, Level, Observer};
use topwork_schema::{Component, Content, Counted, Group, Problem};

use super::{Heard, observer::Calls, problem::problem};

/// The datasets of an experiment, opened, each once.
pub struct Data<'a> {
    calls: &'a Calls,
    opened: Vec<Opened>,
    /// What plugins said meanwhile.
    pub heard: Vec<Heard>,
    /// The classes of all splits that a task may have.
    pub counted: Vec<Counted>,
}

struct Opened {
    component: Component,
    dataset: Dataset,
    /// Labels by split, where it has the split and they could be read.
    labels: [Vec<u32>; 2],
}

impl<'a> Data<'a> {
    pub fn new(calls: &'a Calls) -> Self {
        Self {
            calls,
            opened: Vec::new(),
            heard: Vec::new(),
            counted: Vec::new(),
        }
    }

    /// Counts the classes of a dataset that was just opened and keeps it.
    pub fn add(&mut self, component: Component, dataset: Dataset) {
        if self.opened.iter().any(|known| known.component == component) {
            return;
        }
        let info = dataset.describe();
        let mut labels: [Vec<u32>; 2] = Default::default();
        for (split, labels) in SplitName::ALL.into_iter().zip(&mut labels) {
            if !info.splits.iter().any(|known| known.name == split.name()) {
                continue;
            }
            let classes = dataset.labels(split.name()).map(|read| {
                let mut counts = vec![0; info.classes.len()];
                for label in &read {
                    counts[*label as usize] += 1;
                }
                *labels = read;
                counts
            });
            // Out of patience: nothing is known, and nothing wrong.
            if matches!(&classes, Err(error) if error.kind() == ErrorKind::Stopped) {
                continue;
            }
            // Wrong ones have been told as wrong labels: the same reading of the files gives both.
            let groups = match dataset.groups(split.name()) {
                Ok(names) => names.map(|names| Group::of_split(labels, &names)),
                Err(_) => None,
            };
            self.counted.push(Counted {
                component: component.clone(),
                split: split.name().to_owned(),
                classes: classes.map_err(|error| problem(&error.into())),
                groups,
            });
        }
        self.hear(&component);
        self.opened.push(Opened {
            component,
            dataset,
            labels,
        });
    }

    /// Compares the images of all of them; `None` when there was no time or nothing to read.
    pub fn compare(&mut self, threads: usize) -> Option<Result<Content, Problem>> {
        let examples: Vec<ExamplesOf<'_>> = (self.opened.iter())
            .map(|opened| ExamplesOf {
                component: opened.component.clone(),
                dataset: &opened.dataset,
                splits: SplitName::ALL.map(|split| {
                    let labels = opened.labels[split as usize].iter().copied();
                    let examples: BTreeMap<u64, u32> = (0..).zip(labels).collect();
                    (split.name(), examples)
                }),
            })
            .collect();
        let calls = self.calls;
        let found = compare(&examples, threads, |done, total| {
            calls.progress("", done, total, "images compared");
            Ok(calls.has_time())
        });
        if let Some(first) = self.opened.first() {
            let first = first.component.clone();
            self.hear(&first);
        }
        match found {
            Ok(found) => Some(Ok(found?.content)),
            Err(GraftError::Host(error)) if error.kind() == ErrorKind::Stopped => None,
            Err(error) => Some(Err(problem(&error))),
        }
    }

    fn hear(&mut self, dataset: &Component) {
        let said = self.calls.take_heard().into_iter();
        self.heard.extend(said.map(|(level, text)| Heard {
            dataset: dataset.clone(),
            level,
            text,
        }));
    }

    /// Forgets what was said so far: it was not of data.
    pub fn begin(&self) {
        self.calls.take_heard();
    }
}

impl Heard {
    /// Whether something may be wrong.
    pub fn is_warning(&self) -> bool {
        matches!(self.level, Level::Warning | Level::Error)
    }
}
