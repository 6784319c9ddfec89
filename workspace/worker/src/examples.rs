//! Which examples rows learn from and are measured on, written to the run folder so that a split can be
//! checked by others.

use topwork_graft::data::{Draw, SplitName, TaskExamples};
use topwork_schema::Row;

use crate::{WorkerError, execute::Execution};

impl Execution<'_> {
    /// Writes the examples of every draw of a seed, each once: rows with the same draw share a file.
    pub fn keep_examples(&self, seed: u64, draws: &[Vec<Draw>]) -> Result<(), WorkerError> {
        let mut written: Vec<String> = Vec::new();
        for (row, draws) in self.plan.rows.iter().zip(draws) {
            let tests = self.plan.strategy(row).test_samples;
            let name = draw_name(row, tests, draws.len() > 1, seed);
            if written.contains(&name) {
                continue;
            }
            let path = self.folder.examples_path(&name);
            // What does not depend on the seed was written with the first one; what an earlier session has
            // left is the same.
            if !path.exists() {
                let names = self.names()?;
                let table = table(self.target()?, draws, &names);
                let table = table.map_err(|error| WorkerError::System {
                    action: "put the examples of rows into a file",
                    reason: error.to_string(),
                })?;
                self.folder.write(&path, &table)?;
            }
            written.push(name);
        }
        Ok(())
    }

    /// What the dataset calls the target's examples, split by split.
    fn names(&self) -> Result<Names, WorkerError> {
        let task = self.target()?;
        let mut names = Names::default();
        for split in task.splits() {
            names[*split as usize] = task.called(*split)?;
        }
        Ok(names)
    }
}

/// What examples are called, split by split; `None` where the dataset does not say.
type Names = [Option<Vec<String>>; 2];

/// What a draw depends on, as a name of a file: `all`, `seed-1`, `seed-1-train-100`, `test-500`.
fn draw_name(row: &Row, test_samples: Option<usize>, folds: bool, seed: u64) -> String {
    let parts = [
        (folds || row.train_samples.or(row.train_per_class).is_some())
            .then(|| format!("seed-{seed}")),
        row.train_samples.map(|count| format!("train-{count}")),
        row.train_per_class
            .map(|count| format!("train-{count}-per-class")),
        test_samples.map(|count| format!("test-{count}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "all".to_owned(),
        false => parts.join("-"),
    }
}

/// A line for every example that a row uses: split, position, class (or what else the target asks for), what for, and group and name where the
/// dataset tells them. With folds there is a column for each of them; one that does not use the example is empty.
fn table(task: &TaskExamples, draws: &[Draw], names: &Names) -> Result<Vec<u8>, csv::Error> {
    let folds = draws.len() > 1;
    let with_groups = task.groups().is_some();
    let with_names = names.iter().any(Option::is_some);
    let mut file = csv::Writer::from_writer(Vec::new());
    let target = match task.targets.is_classes() {
        true => "class",
        false => "target",
    };
    let mut header = ["split", "example", target].map(str::to_owned).to_vec();
    match folds {
        true => header.extend((1..=draws.len()).map(|fold| format!("fold {fold}"))),
        false => header.push("use".to_owned()),
    }
    header.extend(with_groups.then(|| "group".to_owned()));
    header.extend(with_names.then(|| "name".to_owned()));
    file.write_record(&header)?;
    for split in task.splits() {
        let examples = task.examples(*split);
        for example in 0..examples.positions.len() {
            let uses: Vec<&str> = (draws.iter())
                .map(|draw| {
                    let is_in = |list: &[usize]| list.binary_search(&example).is_ok();
                    // With folds what is measured is of the split `train`, too.
                    let tests = folds || *split == SplitName::Test;
                    if *split == SplitName::Train && is_in(&draw.train) {
                        "train"
                    } else if tests && is_in(&draw.test) {
                        "test"
                    } else {
                        ""
                    }
                })
                .collect();
            if uses.iter().all(|uses| uses.is_empty()) {
                continue;
            }
            file.write_field(split.name())?;
            file.write_field(examples.positions[example].to_string())?;
            file.write_field(task.told(*split, example))?;
            for uses in uses {
                file.write_field(uses)?;
            }
            if with_groups {
                file.write_field(task.group_name(*split, example).unwrap_or_default())?;
            }
            if with_names {
                let names = names[*split as usize].as_ref();
                file.write_field(names.map_or("", |names| &names[example]))?;
            }
            file.write_record(None::<&[u8]>)?;
        }
    }
    // The last buffer goes into memory, too.
    file.into_inner().map_err(|error| error.into_error().into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use topwork_schema::CutPoint;

    #[test]
    fn a_draw_is_named_after_what_it_depends_on() {
        let check = |train, test, folds, expected: &str| {
            let row = Row {
                strategy: 0,
                cut: CutPoint {
                    name: "a".into(),
                    layers: 1,
                    joined: Vec::new(),
                    reduction: Default::default(),
                },
                among: Vec::new(),
                train_samples: train,
                train_per_class: None,
                detail: None,
            };
            assert_eq!(draw_name(&row, test, folds, 7), expected);
        };
        check(None, None, false, "all");
        check(None, None, true, "seed-7");
        check(Some(100), None, false, "seed-7-train-100");
        check(Some(100), None, true, "seed-7-train-100");
        check(None, Some(50), false, "test-50");
        check(Some(100), Some(50), false, "seed-7-train-100-test-50");
    }
}
