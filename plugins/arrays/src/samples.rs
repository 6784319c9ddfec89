//! Labelled arrays as the trait wants them: what `arrays`, `csv` and `idx` have in common.

use crate::labels::Labels;
use crate::numbers::Array;
use crate::range;
use serde::{Deserialize, de::DeserializeOwned};
use std::sync::OnceLock;
use topwork_sdk::{
    Component, Dataset, Description, Error, Host, Level, Provenance, Splits, Targets,
};

/// The parameters that say which samples are for testing, for a schema.
macro_rules! split_properties {
    () => {
        r#""test-fraction": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1,
            "description": "part of every class to set apart as the split `test`"},
        "split-seed": {"type": "integer", "minimum": 0, "default": 0,
            "description": "decides which samples `test-fraction` sets apart"}"#
    };
}
pub(crate) use split_properties;

/// The order of the dimensions of a sample that has three.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// Channels, height, width.
    Chw,
    /// Height, width, channels.
    Hwc,
}

/// Samples of one file.
pub struct Part {
    /// Whose they are, for people.
    name: String,
    /// The samples, one after the other along the first of 2 to 4 dimensions.
    samples: Array,
    /// Whether they are in the split `test`.
    is_test: bool,
}

impl Part {
    /// The samples of a file; `name` says for people whose they are.
    pub fn new(name: String, samples: Array, is_test: bool) -> Result<Part, Error> {
        let expected = "expected 2 to 4 dimensions with the samples along the first";
        let problem = match &*samples.shape {
            [] => format!("holds a single number, {expected}"),
            [0, ..] => "holds no samples".to_owned(),
            [_, sample @ ..] if sample.contains(&0) => "holds samples without numbers".to_owned(),
            [_, _] | [_, _, _] | [_, _, _, _] => {
                return Ok(Part {
                    name,
                    samples,
                    is_test,
                });
            }
            shape => format!("has the shape {shape:?}, {expected}"),
        };
        Err(Error::data(format!("{name} {problem}")))
    }

    /// Whose the samples are, for people.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Looks at the numbers once, and tells what is wrong or may not be meant.
    fn look(&self, scale: Option<f64>, host: Host) -> Result<(), Error> {
        let range = self.samples.range();
        if let Some(position) = range.not_finite {
            let sample = position / self.numbers();
            let number = self.samples.number(position);
            return Err(self.not_finite(number, sample));
        }
        if let Some(line) = range::remark(&self.samples, &range, scale) {
            host.log_once(Level::Warning, &format!("{}: {line}", self.name));
        }
        Ok(())
    }

    fn not_finite(&self, number: f64, sample: usize) -> Error {
        let name = &self.name;
        Error::data(format!(
            "{name}: {number} in sample {sample}, expected finite numbers"
        ))
    }

    /// How many numbers a sample has.
    fn numbers(&self) -> usize {
        self.samples.shape[1..].iter().product()
    }

    /// How many samples there are.
    pub fn count(&self) -> usize {
        self.samples.shape[0]
    }

    /// Channels, height and width of a sample.
    fn shape(&self, layout: Layout) -> [usize; 3] {
        match (&self.samples.shape[1..], layout) {
            (&[numbers], _) => [numbers, 1, 1],
            (&[height, width], _) => [1, height, width],
            (&[c, h, w], Layout::Chw) | (&[h, w, c], Layout::Hwc) => [c, h, w],
            // There are 2 to 4 dimensions.
            (other, _) => [other.iter().product(), 1, 1],
        }
    }
}

/// How parts become samples.
#[derive(Clone, Copy)]
pub struct Form {
    /// The order of the dimensions.
    pub layout: Layout,
    /// What the numbers are divided by; by default 255 for bytes and 1 for others.
    pub scale: Option<f64>,
    /// The part of every class to set apart for testing.
    pub test_fraction: Option<f64>,
    /// Draws it.
    pub split_seed: u64,
}

/// The samples of a dataset.
pub struct Samples {
    parts: Vec<Part>,
    shape: [usize; 3],
    form: Form,
    labels: Labels,
    groups: Option<Vec<String>>,
    splits: Splits,
}

impl Samples {
    /// Puts together what was read: one part, or one for training and one for testing. `labels` has an entry for every sample
    /// of the parts, and so has `groups`, where samples belong together.
    pub fn new(
        parts: Vec<Part>,
        labels: Labels,
        groups: Option<Vec<String>>,
        form: Form,
        host: Host,
    ) -> Result<Samples, Error> {
        let Some(first) = parts.first() else {
            return Err(Error::failed("a dataset without files"));
        };
        let shape = first.shape(form.layout);
        for part in &parts {
            let other = part.shape(form.layout);
            if other != shape {
                return Err(Error::data(format!(
                    "{} holds samples of shape {other:?}, but {} of shape {shape:?}",
                    part.name, first.name
                )));
            }
        }
        for part in &parts {
            part.look(form.scale, host)?;
        }
        let has_test = parts.iter().any(|part| part.is_test);
        let splits = match form.test_fraction {
            Some(_) if has_test => {
                return Err(Error::parameters(
                    "`test-fraction` sets test samples apart, but there are some already",
                ));
            }
            Some(fraction) => match &groups {
                Some(groups) => Splits::grouped(&labels.labels, groups, fraction, form.split_seed)?,
                None => Splits::stratified(&labels.labels, fraction, form.split_seed),
            },
            None if has_test => {
                let of = |part: &Part| std::iter::repeat_n(part.is_test, part.count());
                Splits::given(&parts.iter().flat_map(of).collect::<Vec<bool>>())
            }
            None => Splits::whole(labels.labels.len()),
        };
        Ok(Samples {
            parts,
            shape,
            form,
            labels,
            groups,
            splits,
        })
    }

    /// What there is.
    pub fn description(&self) -> Description {
        Description {
            classes: self.labels.classes.clone(),
            shape: self.shape,
            splits: self.splits.describe(),
        }
    }

    /// The labels of a split.
    pub fn labels(&self, split: usize) -> Vec<u32> {
        self.splits.labels(split, &self.labels.labels)
    }

    /// What they have.
    pub fn targets(&self) -> Targets {
        self.labels.targets
    }

    /// The numbers of a split, or 1 and 0 for its labels, where there are any.
    pub fn numbers(&self, split: usize) -> Vec<f32> {
        let Some(numbers) = &self.labels.numbers else {
            return Vec::new();
        };
        self.splits
            .numbers(split, numbers, self.labels.classes.len())
    }

    /// The groups of a split, where samples belong together.
    pub fn groups(&self, split: usize) -> Option<Vec<String>> {
        Some(self.splits.texts(split, self.groups.as_ref()?))
    }

    /// The positions in the list of samples, as names, where the split was drawn from it.
    pub fn names(&self, split: usize) -> Option<Vec<String>> {
        self.form.test_fraction?;
        let positions = self.splits.positions(split).iter();
        Some(positions.map(u64::to_string).collect())
    }

    /// Writes samples of a split, one after the other.
    pub fn read(&self, split: usize, indices: &[u64], out: &mut [f32]) -> Result<(), Error> {
        let positions = self.splits.positions(split);
        let [channels, height, width] = self.shape;
        let (plane, numbers) = (height * width, channels * height * width);
        for (sample, &index) in out.chunks_exact_mut(numbers).zip(indices) {
            let (part, position) = self.part(positions[index as usize] as usize)?;
            let array = &part.samples;
            let scale = self
                .form
                .scale
                .unwrap_or(range::default_scale(array.kind()));
            let mut source = 0;
            array.each(position * numbers..(position + 1) * numbers, |number| {
                let place = match self.form.layout {
                    Layout::Chw => source,
                    Layout::Hwc => source % channels * plane + source / channels,
                };
                sample[place] = (number / scale) as f32;
                source += 1;
            });
            if let Some(number) = sample.iter().find(|number| !number.is_finite()) {
                return Err(part.not_finite(f64::from(*number), position));
            }
        }
        Ok(())
    }

    /// The part with a sample of the whole list, and its position there.
    fn part(&self, mut position: usize) -> Result<(&Part, usize), Error> {
        for part in &self.parts {
            if position < part.count() {
                return Ok((part, position));
            }
            position -= part.count();
        }
        Err(Error::failed("a sample in none of the files"))
    }
}

/// Parameters that name files of samples: what tells one dataset of this plugin from another.
pub trait Files: DeserializeOwned + Send + Sync {
    /// [`Component::ID`].
    const ID: &str;
    /// [`Component::ABOUT`].
    const ABOUT: &str;
    /// [`Component::SCHEMA`].
    const SCHEMA: &str;
    /// Whether labels can be numbers to be predicted, or several of each sample.
    const NUMBERS: bool = false;

    /// Refuses what cannot be meant, before any file is read.
    fn check(&self) -> Result<(), Error>;

    /// Reads the files. What the user should know is told to the host.
    fn read(&self, host: Host) -> Result<Samples, Error>;
}

/// A dataset whose files are read when it is first asked for something.
pub struct FromFiles<F> {
    host: Host,
    files: F,
    samples: OnceLock<Result<Samples, Error>>,
}

impl<F: Files> FromFiles<F> {
    fn samples(&self) -> Result<&Samples, Error> {
        let samples = self.samples.get_or_init(|| self.files.read(self.host));
        samples.as_ref().map_err(Error::clone)
    }
}

impl<F: Files> Component for FromFiles<F> {
    const ID: &str = F::ID;
    const ABOUT: &str = F::ABOUT;
    const SCHEMA: &str = F::SCHEMA;
    type Parameters = F;

    fn create(host: Host, files: F) -> Result<Self, Error> {
        files.check()?;
        Ok(FromFiles {
            host,
            files,
            samples: OnceLock::new(),
        })
    }
}

impl<F: Files> Dataset for FromFiles<F> {
    type Element = f32;

    fn description(&self) -> Result<Description, Error> {
        Ok(self.samples()?.description())
    }

    fn labels(&self, split: usize) -> Result<Vec<u32>, Error> {
        Ok(self.samples()?.labels(split))
    }

    fn read(&self, split: usize, indices: &[u64], out: &mut [f32]) -> Result<(), Error> {
        self.samples()?.read(split, indices, out)
    }

    const NUMBERS: bool = F::NUMBERS;

    fn has_numbers(&self) -> Result<bool, Error> {
        Ok(self.samples()?.targets() == Targets::Numbers)
    }

    const MULTILABEL: bool = F::NUMBERS;

    fn is_multilabel(&self) -> Result<bool, Error> {
        Ok(self.samples()?.targets() == Targets::Multilabel)
    }

    fn numbers(&self, split: usize) -> Result<Vec<f32>, Error> {
        Ok(self.samples()?.numbers(split))
    }
}

impl<F: Files> Provenance for FromFiles<F> {
    fn names(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        Ok(self.samples()?.names(split))
    }

    fn groups(&self, split: usize) -> Result<Option<Vec<String>>, Error> {
        Ok(self.samples()?.groups(split))
    }
}
