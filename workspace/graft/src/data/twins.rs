//! Examples with the same image, within a task.

use std::collections::{BTreeMap, BTreeSet};

use topwork_schema::DatasetUse;

use crate::data::{Comparison, Copy, SplitName, TaskExamples};

/// The target's examples with the same image.
pub struct Twins {
    /// For each example that strategies are measured on the number of its image, where others
    /// have it, too.
    images: Vec<Option<usize>>,
    /// For each of these images whether it is in the split `train`; empty with folds, where it
    /// depends on how they are cut.
    learnt: Vec<bool>,
}

impl Twins {
    /// The target's; `None` when no image occurs where it could matter.
    pub fn of(task: &TaskExamples, used: &DatasetUse, found: &Comparison) -> Option<Self> {
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

    /// Which of the examples a row is measured on have an image that it has learnt from, too: those in the split `train`,
    /// or with folds in another fold. `folds` has the fold each was left out with, and is empty without folds.
    pub fn learnt(&self, examples: &[usize], folds: &[u32]) -> Vec<bool> {
        let mut folds_of: BTreeMap<usize, BTreeSet<u32>> = BTreeMap::new();
        for (example, fold) in examples.iter().zip(folds) {
            if let Some(image) = self.images[*example] {
                folds_of.entry(image).or_default().insert(*fold);
            }
        }
        (examples.iter())
            .map(|example| {
                self.images[*example].is_some_and(|image| {
                    let in_folds = folds_of.get(&image).map_or(0, BTreeSet::len);
                    in_folds > 1 || self.learnt.get(image).copied().unwrap_or(false)
                })
            })
            .collect()
    }
}

impl Comparison {
    /// The smallest and the largest number of a dataset's samples.
    pub fn numbers(&self, used: &DatasetUse) -> Option<(f32, f32)> {
        let seen = (self.content.datasets.iter()).find(|seen| seen.component == used.component)?;
        Some(seen.numbers)
    }

    /// The images that occur more than once among a task's examples, each with those.
    pub fn of_task<'a>(
        &'a self,
        task: &'a TaskExamples,
        used: &'a DatasetUse,
    ) -> impl Iterator<Item = Vec<&'a Copy>> {
        let datasets = &self.content.datasets;
        let dataset = datasets
            .iter()
            .position(|seen| seen.component == used.component);
        let is_of_task = move |copy: &&Copy| {
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn only_what_another_fold_has_was_learnt(examples in prop::collection::vec((prop::option::of(0_usize..6), 1_u32..4), 1..60)) {
            let twins = Twins { images: examples.iter().map(|(image, _)| *image).collect(), learnt: Vec::new() };
            let all: Vec<usize> = (0..examples.len()).collect();
            let folds: Vec<u32> = examples.iter().map(|(_, fold)| *fold).collect();
            let elsewhere = |(image, fold): &(Option<usize>, u32)| image.is_some() && examples.iter().any(|(other, f)| other == image && f != fold);
            let expected: Vec<bool> = examples.iter().map(elsewhere).collect();
            prop_assert_eq!(twins.learnt(&all, &folds), expected);
        }
    }

    #[test]
    fn what_the_split_train_has_was_learnt() {
        let twins = Twins {
            images: vec![None, Some(0), Some(1), None],
            learnt: vec![true, false],
        };
        assert_eq!(twins.learnt(&[0, 1, 2], &[]), [false, true, false]);
    }
}
