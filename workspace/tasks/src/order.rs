//! The tasks of a plan in the order they are done.

use topwork_schema::{Plan, Start};

use topwork_keys::{Cells, KeyedCell, KeyedSource};

use crate::{
    TrunkId,
    keys::{Keys, Made},
};

/// One piece of work, and the artifact it makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Task {
    /// What is done.
    pub work: Work,
    /// The seed it is done with; none for what does not depend on one.
    pub seed: Option<u64>,
    /// For a person.
    pub title: String,
    /// SHA-256 over all that the artifact's bits depend on, but for the data itself.
    pub key: String,
    /// The tasks whose artifacts it takes, as positions in [`Tasks`]: all before its own.
    pub needs: Vec<usize>,
}

/// What a task does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Work {
    /// Reads labels, draws nothing yet.
    Data,
    /// Trains the backbone on the source task.
    Source,
    /// Passes the target's images through this trunk.
    Features(TrunkId),
    /// Fits and evaluates the row at this position of [`Plan::rows`].
    Row(usize),
}

/// All tasks of a plan, each after those it needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tasks(Vec<Task>);

impl std::ops::Deref for Tasks {
    type Target = [Task];

    fn deref(&self) -> &[Task] {
        &self.0
    }
}

impl Tasks {
    /// The tasks of a plan: seed by seed, and features just before the first row that needs them, once for all rows with
    /// the same trunk.
    pub fn of(plan: &Plan, made: &Made) -> Self {
        let keys = Keys::new(plan, made);
        let several_cuts = plan.cuts().len() > 1;
        let mut tasks: Vec<Task> = Vec::new();
        let mut push = |work, seed, title: &str, needs: &[Option<usize>]| {
            tasks.push(Task {
                key: keys.of(&work, seed),
                work,
                seed,
                title: title.to_owned(),
                needs: needs.iter().copied().flatten().collect(),
            });
            tasks.len() - 1
        };
        let data = Some(push(Work::Data, None, "read data", &[]));
        for &seed in &plan.experiment.seeds {
            let source = (plan.experiment.source.is_some())
                .then(|| push(Work::Source, Some(seed), "source", &[data]));
            let mut extracted: Vec<(TrunkId, usize)> = Vec::new();
            for (index, row) in plan.rows.iter().enumerate() {
                let weights = plan.strategy(row).weights;
                let source = source.filter(|_| weights == Start::Source);
                let trunks = TrunkId::of(plan, row).into_iter();
                let features = trunks.map(|trunk| {
                    let known = extracted.iter().find(|(known, _)| *known == trunk);
                    let known = known.map(|(_, place)| *place);
                    Some(known.unwrap_or_else(|| {
                        let mut title = match weights {
                            Start::Source => "extract features".to_owned(),
                            Start::Random => "extract random features".to_owned(),
                        };
                        if several_cuts {
                            title.push_str(&format!(" · {}", trunk.cut.name));
                        }
                        let work = Work::Features(trunk.clone());
                        let place = push(work, Some(seed), &title, &[data, source]);
                        extracted.push((trunk, place));
                        place
                    }))
                });
                let mut needs: Vec<Option<usize>> = features.collect();
                if needs.is_empty() {
                    needs.push(source);
                }
                needs.insert(0, data);
                push(Work::Row(index), Some(seed), &plan.title(row), &needs);
            }
        }
        Self(tasks)
    }

    /// The tasks that build on the one at this position, itself the first.
    pub fn tasks_on(&self, task: usize) -> Vec<usize> {
        let mut builds = vec![false; self.len()];
        for (index, other) in self.iter().enumerate() {
            builds[index] = index == task || other.needs.iter().any(|need| builds[*need]);
        }
        (0..self.len()).filter(|index| builds[*index]).collect()
    }

    /// The rows, by position in [`Plan::rows`], that build on the task at this position; a row builds on itself.
    pub fn rows_on(&self, task: usize) -> Vec<usize> {
        let on = self.tasks_on(task).into_iter();
        on.filter_map(|index| self[index].row()).collect()
    }

    /// The keys of what is measured: of the sources and of the rows.
    pub fn cells(&self) -> Cells {
        let mut cells = Cells::default();
        for task in self.iter() {
            match (&task.work, task.seed) {
                (Work::Source, Some(seed)) => cells.sources.push(KeyedSource {
                    seed,
                    key: task.key.clone(),
                }),
                (Work::Row(row), Some(seed)) => cells.rows.push(KeyedCell {
                    row: *row,
                    seed,
                    key: task.key.clone(),
                }),
                _ => {}
            }
        }
        cells
    }
}

impl Task {
    /// The row it measures, if it does.
    pub fn row(&self) -> Option<usize> {
        match self.work {
            Work::Row(row) => Some(row),
            Work::Data | Work::Source | Work::Features(_) => None,
        }
    }
}
