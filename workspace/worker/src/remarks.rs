//! What is odd about the data: told before any figure, and refused where the source has learnt
//! from what the target is measured on.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use topwork_events::{Copy, DataContent, DataRemarks, Duplicates, Event, LogLevel, SplitContent};
use topwork_graft::{
    Progress, Services,
    data::{Comparison, Copy as Seen, SplitName, TaskExamples, Twins, compare, draws, examples_of},
    out_of_order,
};
use topwork_measure::thousands;
use topwork_schema::{DatasetUse, Finding, learnt_before};

use crate::{WorkerError, execute::Execution, near::sentence};

/// Of so many images that occur more than once all examples are named in the results.
const MOST_IMAGES: usize = 1000;

/// Classes that are named in one sentence.
const MOST_NAMED: usize = 8;

/// From this ratio of the largest fold to the smallest on it is told.
const UNEVEN: f64 = 1.5;

/// From when on it is told how far the comparison is.
const LONG: Duration = Duration::from_secs(1);

impl Execution<'_> {
    /// Compares all images of both tasks, refuses what would measure on what was learnt, and tells
    /// what else is odd.
    pub fn compare_images(&mut self) -> Result<(), WorkerError> {
        let experiment = &self.plan.experiment;
        let source = (self.data.source.as_ref()).zip(experiment.source.as_ref());
        let target = (self.target()?, &experiment.target.dataset);
        let tasks: Vec<(&TaskExamples, &DatasetUse)> = source
            .map(|(task, source)| (task, &source.dataset))
            .into_iter()
            .chain([target])
            .collect();
        let examples = examples_of(&tasks);
        let begun = Instant::now();
        let found = compare(&examples, self.tools.compute.threads(), |done, total| {
            self.conductor.check_stop()?;
            if begun.elapsed() > LONG {
                self.conductor.step(Progress {
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
            // Found by an earlier session, which had the features.
            near: self.emitter.look(|state| state.remarked.near.clone()),
            ..DataRemarks::default()
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
        remarked.remarks.extend(self.uneven_folds(target.0)?);
        remarked
            .remarks
            .extend(remarked.near.as_ref().map(sentence));
        let twins = Twins::of(target.0, target.1, &found);
        self.data.twins = twins;
        let tasks = [&mut self.data.source, &mut self.data.target];
        for task in tasks.into_iter().flatten() {
            task.know_content(&found);
        }
        remarked.remarks.extend(self.learnt_further()?);
        self.tell_content()?;
        self.remark(remarked)
    }

    /// Reads the images of the further test sets, and tells which of them are training examples of the target, too.
    fn learnt_further(&mut self) -> Result<Vec<String>, WorkerError> {
        let mut remarks = Vec::new();
        let threads = self.tools.compute.threads();
        let mut further = std::mem::take(&mut self.data.further);
        for (task, test) in further.iter_mut().zip(&self.plan.experiment.target.tests) {
            let examples = examples_of(&[(task, task.used())]);
            let found = compare(&examples, threads, |_, _| {
                self.conductor.check_stop()?;
                Ok(true)
            })?;
            let found =
                found.ok_or_else(|| out_of_order("the comparison of images was broken off"))?;
            drop(examples);
            task.know_content(&found);
            let learnt: BTreeSet<_> = self.target()?.content(SplitName::Train)?.iter().collect();
            let measured = task.content(SplitName::Test)?;
            let known = measured
                .iter()
                .filter(|image| learnt.contains(image))
                .count();
            if known > 0 {
                remarks.push(format!(
                    "`{}`: {} of the {} examples of this test set {} the same image as a training example of the target: figures there are \
                     too good by what was learnt",
                    test.name,
                    thousands(known as u64),
                    thousands(measured.len() as u64),
                    if known == 1 { "has" } else { "have" }
                ));
            }
        }
        self.data.further = further;
        Ok(remarks)
    }

    /// Tells what the examples are recognised by, whatever files they came from.
    fn tell_content(&self) -> Result<(), WorkerError> {
        let of = |task: &TaskExamples| -> Result<Vec<SplitContent>, WorkerError> {
            let splits = task.splits().iter();
            let content = splits.map(|split| {
                Ok(SplitContent {
                    split: split.name().to_owned(),
                    examples: task.examples(*split).positions.len() as u64,
                    digest: task.digest_of_split(*split)?,
                })
            });
            content.collect()
        };
        let source = self.data.source.as_ref().map(of).transpose()?;
        let content = DataContent {
            source: source.unwrap_or_default(),
            target: of(self.target()?)?,
        };
        if self
            .emitter
            .look(|state| state.content.as_ref() == Some(&content))
        {
            return Ok(());
        }
        Ok(self.emitter.emit(Event::DataCompared(content))?)
    }

    /// Folds that differ much in size, as groups stay together.
    fn uneven_folds(&self, target: &TaskExamples) -> Result<Vec<String>, WorkerError> {
        let mut remarks = Vec::new();
        if target.groups().is_none() || target.folds().is_none() {
            return Ok(remarks);
        }
        for seed in &self.plan.experiment.seeds {
            let draws = draws(self.plan, target, *seed)?;
            let sizes = draws
                .first()
                .into_iter()
                .flatten()
                .map(|draw| draw.test.len());
            let (least, most) = (sizes.clone().min(), sizes.max());
            if let (Some(least), Some(most)) = (least, most)
                && most as f64 > UNEVEN * least as f64
            {
                let (least, most) = (thousands(least as u64), thousands(most as u64));
                remarks.push(format!(
                    "`target.folds`: with seed {seed} the folds have {least} to {most} examples, as groups \
                     stay together"
                ));
            }
        }
        Ok(remarks)
    }

    /// Rows whose samples are too few for an example of every class: how many each class gets does
    /// not depend on the seed.
    fn left_out_by_draws(&self, target: &TaskExamples) -> Result<Vec<String>, WorkerError> {
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
                    "`{}` {what} no example of the class {}{more}: {}",
                    self.plan.title(row),
                    names.join(", "),
                    match (target.groups(), row.train_samples) {
                        (Some(_), None) if draws.len() > 1 => "all its groups are in one fold",
                        _ => "it has fewer samples than that takes",
                    }
                ));
            }
        }
        Ok(remarks)
    }

    /// Tells what was not told before.
    pub fn remark(&self, remarked: DataRemarks) -> Result<(), WorkerError> {
        let before = self.emitter.look(|state| state.remarked.clone());
        if remarked == before {
            return Ok(());
        }
        for remark in &remarked.remarks {
            if !before.remarks.contains(remark) {
                self.conductor.note(LogLevel::Warning, remark.clone())?;
            }
        }
        Ok(self.emitter.emit(Event::DataRemarked(remarked))?)
    }
}

/// What identical images a task has, if any.
fn duplicates(task: &TaskExamples, used: &DatasetUse, found: &Comparison) -> Option<Duplicates> {
    let data = task.data();
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
        let told = |copy: &Seen| {
            let split = SplitName::ALL[copy.split];
            let place = task.examples(split).positions.binary_search(&copy.position);
            place.map_or_else(|_| String::new(), |example| task.told(split, example))
        };
        let targets: BTreeSet<String> = copies.iter().map(|copy| told(copy)).collect();
        if measured == 0 && targets.len() == 1 {
            continue;
        }
        duplicates.examples += measured as u64;
        duplicates.contrary += u64::from(targets.len() > 1);
        if duplicates.images.len() < MOST_IMAGES {
            let named = copies.iter().map(|copy| Copy {
                split: SplitName::ALL[copy.split].name().to_owned(),
                position: copy.position,
                class: told(copy),
            });
            duplicates.images.push(named.collect());
        }
    }
    (!duplicates.images.is_empty()).then_some(duplicates)
}
