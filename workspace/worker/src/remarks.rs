//! What is odd about the data: told before any figure, and refused where the source has learnt
//! from what the target is measured on.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use topwork_events::{Copy, Counts, DataRemarks, Duplicates, Event, LogLevel};
use topwork_schema::{DatasetUse, Finding, learnt_before};

use crate::{
    WorkerError, content,
    content::{Comparison, compare, examples_of},
    draw::draws,
    emitter::Progress,
    execute::{Execution, out_of_order},
    folds::Tested,
    task::{SplitName, Task},
};

/// Of so many images that occur more than once all examples are named in the results.
const MOST_IMAGES: usize = 1000;

/// Classes that are named in one sentence.
const MOST_NAMED: usize = 8;

/// From when on it is told how far the comparison is.
const LONG: Duration = Duration::from_secs(1);

/// The target's examples with the same image.
pub struct Twins {
    /// For each example that strategies are measured on the number of its image, where others
    /// have it, too.
    images: Vec<Option<usize>>,
    /// For each of these images whether it is in the split `train`; empty with folds, where it
    /// depends on how they are cut.
    learnt: Vec<bool>,
}

impl Execution<'_> {
    /// Compares all images of both tasks, refuses what would measure on what was learnt, and tells
    /// what else is odd.
    pub fn compare_images(&mut self) -> Result<(), WorkerError> {
        let experiment = &self.plan.experiment;
        let source = (self.tasks.source.as_ref()).zip(experiment.source.as_ref());
        let target = (self.target()?, &experiment.target.dataset);
        let tasks: Vec<(&Task, &DatasetUse)> = source
            .map(|(task, source)| (task, &source.dataset))
            .into_iter()
            .chain([target])
            .collect();
        let examples = examples_of(&tasks);
        let begun = Instant::now();
        let found = compare(&examples, self.compute.threads(), |done, total| {
            self.emitter.check_stop()?;
            if begun.elapsed() > LONG {
                self.emitter.step(Progress {
                    done,
                    total,
                    unit: "images compared",
                    ..Progress::default()
                })?;
            }
            Ok(true)
        })?;
        let found = found.ok_or_else(|| out_of_order("the comparison of images was broken off"))?;
        if let Some((source, _)) = source
            && let Some(leak) =
                learnt_before(&source.data(), &target.0.data(), Some(&found.content))
        {
            return Err(leak.into());
        }
        let mut remarked = DataRemarks {
            remarks: self.folder.manifest()?.remarks,
            duplicates: Vec::new(),
        };
        for (task, used) in &tasks {
            let data = task.data();
            let numbers = found.numbers(used);
            let findings = (data.counted().into_iter())
                .chain(numbers.and_then(|numbers| data.normalised(numbers)))
                .chain(data.twins(&found.content));
            for remark in findings.map(|finding: Finding| finding.remark()) {
                if !remarked.remarks.contains(&remark) {
                    remarked.remarks.push(remark);
                }
            }
            remarked.duplicates.extend(duplicates(task, used, &found));
        }
        remarked.remarks.extend(self.left_out_by_draws(target.0)?);
        let twins = Twins::of(target.0, target.1, &found);
        self.tasks.twins = twins;
        self.remark(remarked)
    }

    /// Rows whose samples are too few for an example of every class: how many each class gets does
    /// not depend on the seed.
    fn left_out_by_draws(&self, target: &Task) -> Result<Vec<String>, WorkerError> {
        let Some(seed) = self.plan.experiment.seeds.first() else {
            return Ok(Vec::new());
        };
        let labels = |examples: &[usize], of: &[u32]| -> BTreeSet<u32> {
            examples.iter().map(|example| of[*example]).collect()
        };
        let all = |of: &[u32]| of.iter().copied().collect::<BTreeSet<u32>>();
        let (train, test) = (&target.train.labels, &target.measured().labels);
        let in_both = &all(train) & &all(test);
        let mut remarks = Vec::new();
        for (row, draws) in self.plan.rows.iter().zip(draws(self.plan, target, *seed)?) {
            let mut missing = [BTreeSet::new(), BTreeSet::new()];
            for draw in &draws {
                missing[0].extend(&in_both - &labels(&draw.train, train));
                // What is in no fold is in another.
                if draws.len() == 1 {
                    missing[1].extend(&in_both - &labels(&draw.test, test));
                }
            }
            for (missing, what) in missing.iter().zip(["learns from", "is measured on"]) {
                let names: Vec<String> = (missing.iter().take(MOST_NAMED))
                    .map(|label| format!("`{}`", target.names[*label as usize]))
                    .collect();
                let more = match missing.len().checked_sub(MOST_NAMED) {
                    None if missing.is_empty() => continue,
                    None | Some(0) => String::new(),
                    Some(more) => format!(" and {more} more"),
                };
                remarks.push(format!(
                    "`{}` {what} no example of the class {}{more}: it has fewer samples than that \
                     takes",
                    self.plan.title(row),
                    names.join(", ")
                ));
            }
        }
        Ok(remarks)
    }

    /// Tells what was not told before.
    fn remark(&self, remarked: DataRemarks) -> Result<(), WorkerError> {
        let before = self.emitter.look(|state| state.remarked.clone());
        if remarked == before {
            return Ok(());
        }
        for remark in &remarked.remarks {
            if !before.remarks.contains(remark) {
                self.note(LogLevel::Warning, remark.clone())?;
            }
        }
        Ok(self.emitter.emit(Event::DataRemarked(remarked))?)
    }
}

impl Comparison {
    /// The smallest and the largest number of a dataset's samples.
    fn numbers(&self, used: &DatasetUse) -> Option<(f32, f32)> {
        let seen = (self.content.datasets.iter()).find(|seen| seen.component == used.component)?;
        Some(seen.numbers)
    }

    /// The images that occur more than once among a task's examples, each with those.
    fn of_task<'a>(
        &'a self,
        task: &'a Task,
        used: &'a DatasetUse,
    ) -> impl Iterator<Item = Vec<&'a content::Copy>> {
        let datasets = &self.content.datasets;
        let dataset = datasets
            .iter()
            .position(|seen| seen.component == used.component);
        let is_of_task = move |copy: &&content::Copy| {
            Some(copy.dataset) == dataset
                && task
                    .splits()
                    .iter()
                    .any(|split| *split as usize == copy.split)
                && used.classes.contains(&(copy.class as usize))
        };
        let copies = self
            .copies
            .iter()
            .map(move |copies| copies.iter().filter(is_of_task).collect());
        copies.filter(|copies: &Vec<_>| copies.len() > 1)
    }
}

/// What identical images a task has, if any.
fn duplicates(task: &Task, used: &DatasetUse, found: &Comparison) -> Option<Duplicates> {
    let data = task.data();
    let names = &task.dataset().describe().classes;
    let mut duplicates = Duplicates {
        task: data.role.table().to_owned(),
        examples: 0,
        contrary: 0,
        images: Vec::new(),
    };
    for copies in found.of_task(task, used) {
        let of = |split: SplitName| {
            copies
                .iter()
                .filter(move |copy| copy.split == split as usize)
        };
        let measured = match data.folds {
            Some(_) => copies.len(),
            None if of(SplitName::Train).next().is_some() => of(SplitName::Test).count(),
            None => 0,
        };
        let classes: BTreeSet<u32> = copies.iter().map(|copy| copy.class).collect();
        if measured == 0 && classes.len() == 1 {
            continue;
        }
        duplicates.examples += measured as u64;
        duplicates.contrary += u64::from(classes.len() > 1);
        if duplicates.images.len() < MOST_IMAGES {
            let named = copies.iter().map(|copy| Copy {
                split: SplitName::ALL[copy.split].name().to_owned(),
                position: copy.position,
                class: names.get(copy.class as usize).cloned().unwrap_or_default(),
            });
            duplicates.images.push(named.collect());
        }
    }
    (!duplicates.images.is_empty()).then_some(duplicates)
}

impl Twins {
    /// The target's; `None` when no image occurs where it could matter.
    fn of(task: &Task, used: &DatasetUse, found: &Comparison) -> Option<Self> {
        let measured = task.measured();
        let folds = task.data().folds.is_some();
        let split = match folds {
            true => SplitName::Train,
            false => SplitName::Test,
        };
        let mut images = vec![None; measured.positions.len()];
        let mut learnt = Vec::new();
        for (number, copies) in found.of_task(task, used).enumerate() {
            let train = SplitName::Train as usize;
            learnt.push(copies.iter().any(|copy| copy.split == train));
            for copy in copies.iter().filter(|copy| copy.split == split as usize) {
                if let Ok(example) = measured.positions.binary_search(&copy.position) {
                    images[example] = Some(number);
                }
            }
        }
        if folds {
            learnt.clear();
        }
        let matters = |image: &usize| folds || learnt[*image];
        let any = images.iter().flatten().any(matters);
        any.then_some(Self { images, learnt })
    }

    /// What is left of correct and total without the examples whose image was learnt from, too.
    pub fn without(&self, tested: &Tested, right: &[bool]) -> Counts {
        let mut folds_of: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for (example, fold) in tested.examples.iter().zip(&tested.folds) {
            if let Some(image) = self.images[*example] {
                folds_of.entry(image).or_default().insert(*fold);
            }
        }
        let mut counts = Counts {
            correct: 0,
            total: 0,
        };
        for (example, right) in tested.examples.iter().zip(right) {
            let was_learnt = self.images[*example].is_some_and(|image| {
                let in_folds = folds_of.get(&image).map_or(0, BTreeSet::len);
                in_folds > 1 || self.learnt.get(image).copied().unwrap_or(false)
            });
            if !was_learnt {
                counts.total += 1;
                counts.correct += u64::from(*right);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_what_another_fold_has_is_left_out(examples in prop::collection::vec((prop::option::of(0_usize..6), 1_u32..4, any::<bool>()), 1..60)) {
            let twins = Twins { images: examples.iter().map(|(image, ..)| *image).collect(), learnt: Vec::new() };
            let tested = Tested {
                examples: (0..examples.len()).collect(),
                folds: examples.iter().map(|(_, fold, _)| *fold).collect(),
                scores: Vec::new(),
            };
            let right: Vec<bool> = examples.iter().map(|(.., right)| *right).collect();
            let elsewhere = |image: Option<usize>, fold: u32| image.is_some() && examples.iter().any(|(other, f, _)| *other == image && *f != fold);
            let left: Vec<bool> = examples.iter().filter(|(image, fold, _)| !elsewhere(*image, *fold)).map(|(.., right)| *right).collect();
            let counts = twins.without(&tested, &right);
            prop_assert_eq!((counts.correct, counts.total), (left.iter().filter(|right| **right).count() as u64, left.len() as u64));
        }
    }

    #[test]
    fn what_the_split_train_has_is_left_out() {
        let twins = Twins {
            images: vec![None, Some(0), Some(1), None],
            learnt: vec![true, false],
        };
        let tested = Tested {
            examples: vec![0, 1, 2],
            folds: Vec::new(),
            scores: Vec::new(),
        };
        let counts = twins.without(&tested, &[true, true, false]);
        assert_eq!((counts.correct, counts.total), (1, 2));
    }
}
