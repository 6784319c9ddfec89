//! `arrays`: samples and labels in files of NumPy or safetensors.

use crate::groups;
use crate::labels::{Column, Labels};
use crate::npy::{self, Content};
use crate::numbers::{Array, Kind, Order};
use crate::problem::Problem;
use crate::samples::{Files, Form, FromFiles, Layout, Part, Samples, split_properties};
use crate::targets::{Numbers, check_names};
use crate::unpack::{Unpacked, is_archive};
use safetensors::{Dtype, SafeTensors};
use serde::Deserialize;
use std::path::{Path, PathBuf};
use topwork_sdk::{Error, Host, LabelColumns, Targets, targets_property};

/// The component.
pub type Arrays = FromFiles<Parameters>;

/// What the user says.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    file: Option<PathBuf>,
    labels_file: Option<PathBuf>,
    train_file: Option<PathBuf>,
    train_labels_file: Option<PathBuf>,
    test_file: Option<PathBuf>,
    test_labels_file: Option<PathBuf>,
    samples: String,
    labels: String,
    test_samples: Option<String>,
    test_labels: Option<String>,
    groups: Option<String>,
    test_groups: Option<String>,
    groups_file: Option<PathBuf>,
    targets: Targets,
    label_separator: Option<String>,
    layout: Layout,
    scale: Option<f64>,
    class_names: Vec<String>,
    test_fraction: Option<f64>,
    split_seed: u64,
}

impl Files for Parameters {
    const ID: &str = "arrays";
    const ABOUT: &str = "arrays of samples and labels: NumPy's .npy and .npz, safetensors";
    const SCHEMA: &str = concat!(
        r#"{"type": "object", "properties": {
        "file": {"type": "string", "format": "path",
            "description": "file of samples (.npy), or of samples and labels (.npz, .safetensors); n numbers per sample, height x width, or three dimensions"},
        "labels-file": {"type": "string", "format": "path",
            "description": "file of labels, where `file` does not hold them"},
        "train-file": {"type": "string", "format": "path", "description": "in place of `file`: the training samples"},
        "train-labels-file": {"type": "string", "format": "path",
            "description": "their labels, where `train-file` does not hold them"},
        "test-file": {"type": "string", "format": "path", "description": "the test samples"},
        "test-labels-file": {"type": "string", "format": "path",
            "description": "their labels, where `test-file` does not hold them"},
        "samples": {"type": "string", "default": "samples",
            "description": "name of the array of samples in a .npz or .safetensors file"},
        "labels": {"type": "string", "default": "labels",
            "description": "name of the array of labels; of numbers it may have a row for each sample, whose columns are called 0, 1, …"},
        "test-samples": {"type": "string",
            "description": "name of the array of test samples, where `file` holds both splits"},
        "test-labels": {"type": "string", "description": "name of the array of their labels"},
        "groups": {"type": "string", "minLength": 1,
            "description": "name of the array that says which samples belong together (patients, series), words or integers: samples with the same value stay in one fold, and in one split where `test-fraction` draws it"},
        "test-groups": {"type": "string", "minLength": 1, "description": "name of the array of the groups of `test-samples`"},
        "groups-file": {"type": "string", "format": "path",
            "description": "file of groups, where `file` does not hold them"},
        "#,
        targets_property!(),
        r#"
        "layout": {"enum": ["chw", "hwc"], "default": "chw",
            "description": "order of three dimensions: channels, height, width, or height, width, channels"},
        "scale": {"type": "number", "exclusiveMinimum": 0,
            "description": "numbers are divided by this; by default 255 for bytes and 1 for others"},
        "class-names": {"type": "array", "items": {"type": "string", "minLength": 1}, "uniqueItems": true,
            "default": [],
            "description": "names of the labels 0, 1, …; without them every different label is a class of its own name"},
        "#,
        split_properties!(),
        r#"
    }, "additionalProperties": false}"#
    );

    const NUMBERS: bool = true;

    fn check(&self) -> Result<(), Error> {
        self.sources()?;
        check_names(self.targets, &self.class_names)?;
        LabelColumns::check(None, self.targets, self.label_separator.as_deref())?;
        self.check_groups()
    }

    fn read(&self, host: Host) -> Result<Samples, Error> {
        let mut parts = Vec::new();
        let mut columns = Vec::new();
        let mut numbers = Vec::new();
        let mut groups = self.has_groups().then(Vec::new);
        for source in self.sources()? {
            let bytes = Unpacked::whole(source.file)?;
            let samples = numeric(source.file, array(source.file, &bytes, source.samples)?)?;
            let name = named(
                source.file,
                self.test_samples.as_ref().map(|_| source.samples),
            );
            let part = Part::new(name, samples, source.is_test)?;
            let (file, labels) = match source.labels_file {
                Some(file) => (file, array(file, &Unpacked::whole(file)?, source.labels)?),
                None if bytes.starts_with(npy::MARK) => {
                    let file = source.file.display();
                    let message = format!("`{file}` holds samples, but no labels");
                    let hint = "a `.npy` file holds one array: name the file of labels, too";
                    return Err(Error::parameters(message).with_hint(hint));
                }
                None => (source.file, array(source.file, &bytes, source.labels)?),
            };
            if let Some(groups) = &mut groups {
                groups.extend(self.groups_of(&source, &bytes, &part)?);
            }
            let name = named(file, Some(source.labels));
            let (count, of) = (part.count(), part.name());
            match (self.targets, &self.label_separator) {
                (Targets::Classes, _) | (_, Some(_)) => {
                    columns.push(Column::from_array(name, labels, count, of, host)?);
                }
                (targets, None) => {
                    numbers.push(Numbers::from_array(name, labels, (count, of), targets)?);
                }
            }
            parts.push(part);
        }
        let labels = match (self.targets, &self.label_separator) {
            (Targets::Classes, _) => Labels::new(&columns, &self.class_names, host)?,
            (_, Some(separator)) => Labels::words(&columns, separator, &self.class_names)?,
            (targets, None) => {
                let names = match numbers.first().map_or(1, |first| first.columns) {
                    several if several == self.class_names.len() => self.class_names.clone(),
                    1 => vec![self.labels.clone()],
                    several => (0..several).map(|column| column.to_string()).collect(),
                };
                Labels::columns(&numbers, names, targets)?
            }
        };
        let form = Form {
            layout: self.layout,
            scale: self.scale,
            test_fraction: self.test_fraction,
            split_seed: self.split_seed,
        };
        Samples::new(parts, labels, groups, form, host)
    }
}

/// Where one split, or everything, comes from.
struct Source<'a> {
    file: &'a Path,
    labels_file: Option<&'a Path>,
    samples: &'a str,
    labels: &'a str,
    groups: Option<&'a str>,
    is_test: bool,
}

impl Parameters {
    fn sources(&self) -> Result<Vec<Source<'_>>, Error> {
        let source = |file, labels_file, is_test| Source {
            file,
            labels_file,
            samples: &self.samples,
            labels: &self.labels,
            groups: self.groups.as_deref(),
            is_test,
        };
        let [labels, train_labels, test_labels] = [
            self.labels_file.as_deref(),
            self.train_labels_file.as_deref(),
            self.test_labels_file.as_deref(),
        ];
        match (&self.file, &self.train_file, &self.test_file) {
            (Some(file), None, None) if train_labels.or(test_labels).is_none() => {
                let mut sources = vec![source(file, labels, false)];
                match (&self.test_samples, &self.test_labels) {
                    (Some(samples), Some(names)) => sources.push(Source {
                        samples,
                        labels: names,
                        groups: self.test_groups.as_deref(),
                        ..source(file, labels, true)
                    }),
                    (None, None) => {}
                    _ => {
                        return Err(Error::parameters(
                            "`test-samples` and `test-labels` belong together",
                        ));
                    }
                }
                Ok(sources)
            }
            (None, Some(train), Some(test)) if labels.is_none() => Ok(vec![
                source(train, train_labels, false),
                source(test, test_labels, true),
            ]),
            _ => Err(Error::parameters(
                "expected `file`, or `train-file` and `test-file`, with the files of labels that belong to them",
            )
            .with_hint("`labels-file` goes with `file`, `train-labels-file` with `train-file`")),
        }
    }
}

impl Parameters {
    fn has_groups(&self) -> bool {
        self.groups.is_some() || self.groups_file.is_some()
    }

    /// Groups are given for all samples or for none.
    fn check_groups(&self) -> Result<(), Error> {
        let message = if self.groups_file.is_some() && self.file.is_none() {
            "`groups-file` goes with `file`; `train-file` and `test-file` hold their groups themselves"
        } else if self.groups_file.is_some() && self.test_samples.is_some() {
            "`groups-file` is for one list of samples, but `test-samples` names a second one"
        } else if self.has_groups() && self.test_samples.is_some() && self.test_groups.is_none() {
            "`groups` needs `test-groups`, as `test-samples` names samples of their own"
        } else if self.test_groups.is_some()
            && (self.groups.is_none() || self.test_samples.is_none())
        {
            "`test-groups` goes with `groups` and `test-samples`"
        } else {
            return Ok(());
        };
        Err(Error::parameters(message))
    }

    /// The groups of the samples of a file, whose bytes these are.
    fn groups_of(
        &self,
        source: &Source<'_>,
        bytes: &[u8],
        part: &Part,
    ) -> Result<Vec<String>, Error> {
        // A file of one array has no name for it.
        let name = source.groups.unwrap_or("groups");
        let (file, content) = match &self.groups_file {
            Some(file) => (file.as_path(), array(file, &Unpacked::whole(file)?, name)?),
            None if bytes.starts_with(npy::MARK) => {
                let message = format!("`{}` holds samples, but no groups", source.file.display());
                let hint =
                    "a `.npy` file holds one array: name the file of groups with `groups-file`";
                return Err(Error::parameters(message).with_hint(hint));
            }
            None => (source.file, array(source.file, bytes, name)?),
        };
        groups::from_array(&named(file, Some(name)), content, part.count(), part.name())
    }
}

/// A file, or an array in it, for people.
fn named(file: &Path, array: Option<&str>) -> String {
    match array {
        Some(array) => format!("`{}` (`{array}`)", file.display()),
        None => format!("`{}`", file.display()),
    }
}

/// Samples must be numbers.
fn numeric(path: &Path, content: Content) -> Result<Array, Error> {
    match content {
        Content::Numbers(array) => Ok(array),
        Content::Words(..) => {
            let problem = Problem::from("holds words as samples, expected numbers");
            Err(problem
                .with_hint("save them as numbers: `a.astype(float)`")
                .in_file(path))
        }
    }
}

/// The array in a file, by its name where the file can hold several.
fn array(path: &Path, bytes: &[u8], name: &str) -> Result<Content, Error> {
    let array = if bytes.starts_with(npy::MARK) {
        npy::array(bytes)
    } else if is_archive(bytes) {
        npy::array_in_archive(bytes, name)
    } else {
        tensor(bytes, name).map(Content::Numbers)
    };
    array.map_err(|problem| problem.in_file(path))
}

/// The tensor `name` in the bytes of a safetensors file.
fn tensor(bytes: &[u8], name: &str) -> Result<Array, Problem> {
    // The length of the header comes first, in 8 bytes of which the last is always 0.
    if bytes.get(7..9) != Some(b"\0{") {
        return Err(Problem::other_file(
            bytes,
            "a .npy, .npz or .safetensors file",
        ));
    }
    let all = SafeTensors::deserialize(bytes)
        .map_err(|error| format!("is no sound .npy, .npz or .safetensors file ({error})"))?;
    let Ok(tensor) = all.tensor(name) else {
        let mut names: Vec<String> = all.names().into_iter().map(str::to_owned).collect();
        names.sort_unstable();
        return Err(npy::missing(name, &names));
    };
    let kind = match tensor.dtype() {
        Dtype::BOOL => Kind::Bool,
        Dtype::U8 => Kind::U8,
        Dtype::I8 => Kind::I8,
        Dtype::U16 => Kind::U16,
        Dtype::I16 => Kind::I16,
        Dtype::U32 => Kind::U32,
        Dtype::I32 => Kind::I32,
        Dtype::U64 => Kind::U64,
        Dtype::I64 => Kind::I64,
        Dtype::F16 => Kind::F16,
        Dtype::BF16 => Kind::Bf16,
        Dtype::F32 => Kind::F32,
        Dtype::F64 => Kind::F64,
        other => {
            return Err(format!("holds `{name}` as {other:?}, expected integers or floats").into());
        }
    };
    let (shape, data) = (tensor.shape().to_vec(), tensor.data().to_vec());
    let array = Array::new(shape, kind, Order::Little, data);
    array.map_err(|problem| format!("has {problem}").into())
}
