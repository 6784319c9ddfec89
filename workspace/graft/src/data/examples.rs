//! A task: a dataset reduced to the classes the experiment wants, or its numbers or labels.

use std::{collections::BTreeMap, sync::Mutex};

use topwork_host::{Dataset, DatasetView};
use topwork_keys::{Digest, Sha256};
use topwork_measure::{Columns, TargetKind, Targets};
use topwork_schema::{DatasetUse, Group, GroupCounts, TaskData, TaskRole, TestSet};

use crate::{
    GraftError,
    data::{augment::normalise, content::Fingerprint, digest::ImageDigest, groups::Groups},
};

/// Images of a split that its fingerprint looks at.
const FINGERPRINT_IMAGES: usize = 64;

/// The two splits every task has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SplitName {
    /// For learning.
    Train,
    /// For measuring, and for nothing else; where examples are cut into folds, the same as
    /// [`SplitName::Train`].
    Test,
}

impl SplitName {
    /// Both, in their order.
    pub const ALL: [Self; 2] = [Self::Train, Self::Test];

    /// The split's name in every dataset.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
        }
    }
}

/// A dataset with the classes of a task.
pub struct TaskExamples {
    role: TaskRole,
    view: DatasetView,
    used: DatasetUse,
    /// Names of the classes, in label order; of numbers those of their columns.
    pub names: Vec<String>,
    /// Number of classes or of columns, which is how many scores or numbers a head gives an example.
    pub classes: usize,
    /// What its examples have.
    pub targets: TargetKind,
    /// For learning.
    pub train: Examples,
    /// For measuring; `None` with folds.
    test: Option<Examples>,
    /// The split of the dataset that is measured.
    measured_split: String,
    /// How many folds the examples are to be cut into.
    folds: Option<usize>,
    /// Which examples belong together; `None` where none do.
    groups: Option<Groups>,
    /// What the examples show, split by split, once that is known.
    pub(super) content: Option<[Vec<Fingerprint>; 2]>,
    /// Split by split what the images are as they enter a network, as far as they have been read for that.
    pub(super) entering: [Mutex<BTreeMap<usize, ImageDigest>>; 2],
}

/// The examples of one split that belong to the task.
#[derive(Default)]
pub struct Examples {
    /// Positions in the dataset's split, ascending.
    pub positions: Vec<u64>,
    /// Labels, counted in the order the experiment names the classes; of numbers 0.
    pub labels: Vec<u32>,
    /// The numbers of each, or 0 and 1 for its labels, where these are the targets: `examples × columns`.
    numbers: Vec<f32>,
    /// How many columns there are; 0 of classes.
    columns: usize,
    /// What its examples have.
    kind: TargetKind,
}

impl Examples {
    /// All of them, as indices.
    pub fn all(&self) -> Vec<usize> {
        (0..self.labels.len()).collect()
    }

    /// What is true of them.
    pub fn targets(&self) -> Targets<'_> {
        let columns = Columns {
            values: &self.numbers,
            count: self.columns,
        };
        match self.kind {
            TargetKind::Classes => Targets::Classes(&self.labels),
            TargetKind::Numbers => Targets::Numbers(columns),
            TargetKind::Multilabel => Targets::Multilabel(columns),
        }
    }
}

impl TaskExamples {
    /// Picks the examples of the wanted classes. With `folds` the split `test` is not read. Fails
    /// where the check of the experiment would, in case the data changed since.
    pub fn new(
        role: TaskRole,
        dataset: impl Into<DatasetView>,
        used: &DatasetUse,
        folds: Option<usize>,
    ) -> Result<Self, GraftError> {
        let view = dataset.into();
        let dataset = view.dataset();
        let pick = |split: SplitName| -> Result<Examples, GraftError> {
            let mut examples = Examples {
                positions: Vec::new(),
                labels: Vec::new(),
                numbers: dataset.numbers(split.name())?,
                columns: match dataset.describe().targets {
                    TargetKind::Classes => 0,
                    TargetKind::Numbers | TargetKind::Multilabel => used.classes.len(),
                },
                kind: dataset.describe().targets,
            };
            for (position, class) in (0..).zip(dataset.labels(split.name())?) {
                if let Some(label) = used
                    .classes
                    .iter()
                    .position(|wanted| *wanted == class as usize)
                {
                    examples.positions.push(position);
                    examples.labels.push(label as u32);
                }
            }
            Ok(examples)
        };
        let train = pick(SplitName::Train)?;
        let test = match folds {
            Some(_) => None,
            None => Some(pick(SplitName::Test)?),
        };
        let groups = groups_of(dataset, [Some(&train), test.as_ref()])?;
        let all = &dataset.describe().classes;
        let names = used.classes.iter().filter_map(|class| all.get(*class));
        let names = names.cloned().collect();
        let task = Self {
            role,
            targets: dataset.describe().targets,
            classes: used.classes.len(),
            names,
            used: used.clone(),
            view,
            train,
            test,
            measured_split: SplitName::Test.name().to_owned(),
            folds,
            groups,
            content: None,
            entering: Default::default(),
        };
        match task
            .data()
            .counted()
            .into_iter()
            .find(|found| found.refused)
        {
            Some(refused) => Err(refused.into()),
            None => Ok(task),
        }
    }

    /// A further test set of a target with these classes, columns of numbers or labels: nothing to learn from, and the examples of its
    /// split whose class the target has, or all of them.
    ///
    /// # Errors
    ///
    /// Where there is none, in case the data changed since the experiment was checked.
    pub fn further(
        dataset: impl Into<DatasetView>,
        test: &TestSet,
        used: &DatasetUse,
        names: &[String],
    ) -> Result<Self, GraftError> {
        let view = dataset.into();
        let dataset = view.dataset();
        let labels = test.labels(&dataset.describe().classes, names);
        let kind = dataset.describe().targets;
        let mut examples = Examples {
            kind,
            ..Examples::default()
        };
        for (position, class) in (0..).zip(dataset.labels(&test.split)?) {
            // What has no classes has a single one here.
            let label = match kind {
                TargetKind::Classes => labels.get(class as usize).copied().flatten(),
                TargetKind::Numbers | TargetKind::Multilabel => Some(0),
            };
            if let Some(label) = label {
                examples.positions.push(position);
                examples.labels.push(label);
            }
        }
        if !kind.is_classes() {
            examples.columns = names.len();
            let theirs = dataset.numbers(&test.split)?;
            examples.numbers = in_order_of_target(&theirs, &labels, names.len());
        }
        if examples.labels.is_empty() {
            return Err(GraftError::Experiment {
                message: format!(
                    "the test set `{}` has no example of a class of the target in its split `{}`",
                    test.name, test.split
                ),
                hint: None,
            });
        }
        Ok(Self {
            role: TaskRole::Target,
            targets: kind,
            classes: names.len(),
            names: names.to_vec(),
            used: DatasetUse {
                // Its labels are those of the target.
                classes: (0..names.len()).collect(),
                ..used.clone()
            },
            view,
            train: Examples::default(),
            test: Some(examples),
            measured_split: test.split.clone(),
            folds: None,
            groups: None,
            content: None,
            entering: Default::default(),
        })
    }

    /// What the rules on examples want to know.
    pub fn data(&self) -> TaskData<'_> {
        let counts = |examples: &Examples| {
            let mut counts = vec![0; self.classes];
            for label in &examples.labels {
                counts[*label as usize] += 1;
            }
            counts
        };
        TaskData {
            role: self.role,
            dataset: &self.used,
            names: &self.names,
            targets: self.targets,
            folds: self.folds.map(|folds| folds as u64),
            train: Some(counts(&self.train)),
            test: self.test.as_ref().map(counts),
            groups: self.groups.as_ref().map(|groups| self.group_counts(groups)),
        }
    }

    fn group_counts(&self, groups: &Groups) -> GroupCounts {
        let of = |split: SplitName| {
            let labels = &self.examples(split).labels;
            let names = groups.of[split as usize].iter();
            let names: Vec<String> = names
                .map(|group| groups.names[*group as usize].clone())
                .collect();
            Group::of_split(labels, &names)
        };
        let test = self.test.as_ref().map(|_| of(SplitName::Test));
        // Labels of the task, where classes are counted in the order the experiment names them.
        let classes: Vec<usize> = (0..self.classes).collect();
        GroupCounts::new(&of(SplitName::Train), test.as_deref(), &classes)
    }

    /// The group of each training example, where examples belong together.
    pub fn groups(&self) -> Option<&[u32]> {
        Some(&self.groups.as_ref()?.of[SplitName::Train as usize])
    }

    /// What the group of an example is called.
    pub fn group_name(&self, split: SplitName, example: usize) -> Option<&str> {
        let groups = self.groups.as_ref()?;
        let split = match self.test {
            Some(_) => split,
            None => SplitName::Train,
        };
        let number = groups.of[split as usize].get(example)?;
        groups.names.get(*number as usize).map(String::as_str)
    }

    /// Dataset and classes.
    pub fn used(&self) -> &DatasetUse {
        &self.used
    }

    /// The dataset that the examples are of, with its own samples.
    pub fn dataset(&self) -> &Dataset {
        self.view.dataset()
    }

    /// Reads one image of each split: a dataset that unpacks when it is first read does so now,
    /// and what is wrong with its files shows before anything is computed.
    pub fn touch(&self) -> Result<(), GraftError> {
        let mut image = Vec::new();
        let mut splits = self
            .splits()
            .iter()
            .filter(|split| !self.examples(**split).labels.is_empty());
        splits.try_for_each(|split| self.read(*split, &[0], &mut image))
    }

    /// How many folds the examples are to be cut into.
    pub fn folds(&self) -> Option<usize> {
        self.folds
    }

    /// The splits that are read.
    pub fn splits(&self) -> &'static [SplitName] {
        match self.test {
            Some(_) => &[SplitName::Train, SplitName::Test],
            None => &[SplitName::Train],
        }
    }

    /// Which split of the dataset stands for one of the task.
    pub(super) fn source_of(&self, split: SplitName) -> &str {
        match (&self.test, split) {
            (Some(_), SplitName::Test) => &self.measured_split,
            _ => SplitName::Train.name(),
        }
    }

    /// The examples that strategies are measured on, those of [`SplitName::Test`].
    pub fn measured(&self) -> &Examples {
        self.test.as_ref().unwrap_or(&self.train)
    }

    /// The examples of a split.
    pub fn examples(&self, split: SplitName) -> &Examples {
        match split {
            SplitName::Train => &self.train,
            SplitName::Test => self.measured(),
        }
    }

    /// Channels, height and width of an image as the backbone takes it.
    pub fn image_shape(&self) -> [usize; 3] {
        self.view.shape()
    }

    /// Numbers in one image.
    pub fn image_len(&self) -> usize {
        self.image_shape().iter().product()
    }

    /// Reads the images of these examples (indices into [`Examples`]) into `images`, which is
    /// made to fit, as they enter a network: normalised where the experiment says so.
    pub fn read(
        &self,
        split: SplitName,
        examples: &[usize],
        images: &mut Vec<f32>,
    ) -> Result<(), GraftError> {
        self.read_raw(split, examples, images)?;
        self.normalise(images);
        Ok(())
    }

    /// Reads images before they are normalised.
    pub fn read_raw(
        &self,
        split: SplitName,
        examples: &[usize],
        images: &mut Vec<f32>,
    ) -> Result<(), GraftError> {
        let all = &self.examples(split).positions;
        let positions: Vec<u64> = examples.iter().map(|&example| all[example]).collect();
        images.resize(positions.len() * self.image_len(), 0.0);
        Ok(self.view.read(self.source_of(split), &positions, images)?)
    }

    /// Normalises images where the experiment says so.
    pub fn normalise(&self, images: &mut [f32]) {
        if let Some(settings) = &self.used.normalise {
            normalise(images, self.image_shape(), settings);
        }
    }

    /// Adds to `hash` what the task's data is recognised by: the labels and positions of all
    /// examples, and the images of some, evenly spread. Reading all images of a large data set
    /// would cost more than what a change of all but those is likely to.
    pub fn fingerprint(&self, hash: &mut Sha256) -> Result<(), GraftError> {
        let mut images = Vec::new();
        for &split in self.splits() {
            let Examples {
                positions,
                labels,
                numbers,
                ..
            } = self.examples(split);
            for (position, label) in positions.iter().zip(labels) {
                hash.update(position.to_le_bytes());
                hash.update(label.to_le_bytes());
            }
            for number in numbers {
                hash.update(number.to_le_bytes());
            }
            let step = positions.len().div_ceil(FINGERPRINT_IMAGES).max(1);
            let some: Vec<usize> = (0..positions.len()).step_by(step).collect();
            self.read_raw(split, &some, &mut images)?;
            for number in &images {
                hash.update(number.to_le_bytes());
            }
        }
        Ok(())
    }

    /// What is true of an example, for people: its class, its numbers, or those labels that it has.
    pub fn told(&self, split: SplitName, example: usize) -> String {
        match self.examples(split).targets() {
            Targets::Classes(labels) => self.names[labels[example] as usize].clone(),
            Targets::Numbers(numbers) => {
                let numbers = numbers.of(&[example]).into_iter();
                let numbers: Vec<String> = numbers.map(|number| number.to_string()).collect();
                numbers.join(", ")
            }
            Targets::Multilabel(labels) => {
                let has = labels.of(&[example]);
                let own = self.names.iter().zip(has).filter(|(_, has)| *has == 1.0);
                let own: Vec<&str> = own.map(|(name, _)| name.as_str()).collect();
                own.join(", ")
            }
        }
    }

    /// What the examples of a split are called, such as paths; `None` where the dataset does not say.
    pub fn called(&self, split: SplitName) -> Result<Option<Vec<String>>, GraftError> {
        let Some(all) = self.dataset().names(self.source_of(split))? else {
            return Ok(None);
        };
        let of = |position: &u64| all[*position as usize].clone();
        Ok(Some(
            self.examples(split).positions.iter().map(of).collect(),
        ))
    }
}

/// The groups of the examples of both splits; `None` where the dataset has none.
fn groups_of(
    dataset: &Dataset,
    splits: [Option<&Examples>; 2],
) -> Result<Option<Groups>, GraftError> {
    let mut names: BTreeMap<String, u32> = BTreeMap::new();
    let mut of: [Vec<u32>; 2] = Default::default();
    for (split, (examples, of)) in SplitName::ALL
        .into_iter()
        .zip(splits.into_iter().zip(&mut of))
    {
        let Some(examples) = examples else { continue };
        let Some(all) = dataset.groups(split.name())? else {
            return Ok(None);
        };
        for position in &examples.positions {
            let next = names.len() as u32;
            of.push(*names.entry(all[*position as usize].clone()).or_insert(next));
        }
    }
    let mut by_number = vec![String::new(); names.len()];
    for (name, number) in names {
        by_number[number as usize] = name;
    }
    let names = by_number;
    Ok(Some(Groups { names, of }))
}

/// Rows of a dataset's columns as those of a target, `places` saying which column of it each is; one that it does not have is left out.
pub fn in_order_of_target(theirs: &[f32], places: &[Option<u32>], columns: usize) -> Vec<f32> {
    let rows = theirs.chunks_exact(places.len().max(1));
    let ordered = rows.flat_map(|row| {
        let mut ours = vec![0.0; columns];
        for (number, place) in row.iter().zip(places) {
            if let Some(place) = place {
                ours[*place as usize] = *number;
            }
        }
        ours
    });
    ordered.collect()
}
