//! Checks a dataset as written against what it says of itself: splits, sample shape, classes.

use crate::catalog::Description;
use crate::components::{Components, Wanted};
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::groups::{Group, GroupCounts};
use crate::view::Located;
use crate::words::{Component, DatasetUse, Normalise};
use crate::written::{WrittenClass, WrittenDataset};
use topwork_measure::TargetKind;
use topwork_nearest::{choices, listed};

/// A dataset with the classes taken from it.
pub(crate) struct Task {
    pub dataset: DatasetUse,
    /// Of numbers the name of their column.
    pub class_names: Vec<String>,
    /// Whether its examples have classes or numbers.
    pub targets: TargetKind,
    /// Names of all classes of the dataset.
    pub all_classes: Vec<String>,
    /// Channels, height, width of a sample.
    pub shape: [usize; 3],
    /// Samples of the split `train`: of the classes taken where they were counted.
    pub train_length: u64,
    /// The split that is measured; `None` with folds.
    pub measured: Option<String>,
    /// Samples of the split that is measured; `None` where none is.
    pub test_length: Option<u64>,
    /// Samples of each class taken in the split `train`, where they were counted.
    pub train: Option<Vec<u64>>,
    /// The same of the split `test`.
    pub test: Option<Vec<u64>>,
    /// How many folds the split `train` is cut into.
    pub folds: Option<u64>,
    /// Its groups, where the examples are in any.
    pub groups: Option<GroupCounts>,
}

impl Task {
    /// Samples that are sure to be there for every fit: with folds, those outside the largest.
    pub fn learnt_length(&self) -> u64 {
        let left_out = self.folds.map(|folds| self.train_length.div_ceil(folds));
        self.train_length - left_out.unwrap_or(0)
    }
}

/// What a dataset is for.
#[derive(Clone, Copy)]
pub(crate) enum Role<'a> {
    Source,
    /// With the number of folds, where it is one.
    Target(Option<&'a Located<u64>>),
    /// A further test set, with the split that is written.
    Further(Option<&'a str>),
}

/// The dataset named by `written`, checked; `backbone` is the backbone and the sample shape it
/// takes, if both are known.
pub(crate) fn check(
    written: &WrittenDataset,
    role: Role<'_>,
    backbone: Option<(&Component, &[usize])>,
    components: &Components<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Task> {
    let named = &written.component;
    let found = components.find(named, Wanted::Dataset, diagnostics)?;
    let Description::Dataset {
        classes,
        shape,
        splits,
        targets,
    } = found.description?
    else {
        return None;
    };
    let dataset = found.component;
    let complain = |message: String| Diagnostic::new(message, Some(named.component.span.clone()));

    let length = |split: &str| {
        let found = splits.iter().find(|(name, _)| name == split);
        found.map(|(_, length)| *length)
    };
    let folds = match role {
        Role::Target(folds) => folds,
        Role::Source | Role::Further(_) => None,
    };
    let (learnt, measured) = match role {
        Role::Further(Some(split)) => (None, Some(split)),
        Role::Further(None) if length("test").is_none() => (None, Some("train")),
        Role::Further(None) => (None, Some("test")),
        _ if folds.is_some() => (Some("train"), None),
        _ => (Some("train"), Some("test")),
    };
    for split in [learnt, measured].into_iter().flatten() {
        if length(split).is_none() {
            let message = format!(
                "`{}`: `{}` has no split `{split}`",
                named.path,
                dataset.id()
            );
            let has = listed(splits.iter().map(|(name, _)| name.as_str()));
            let mut hint = format!("its splits are {has}");
            if split == "test" && matches!(role, Role::Target(_)) {
                hint.push_str(
                    "; write folds = 5 in `[target]` to measure by cross-validation on `train` alone",
                );
            }
            diagnostics.push(complain(message).hint(hint));
        }
    }
    let counted = |split: &str| components.catalog().count(&dataset, split);
    if let (Some(folds), Some(length), None) = (folds, length("train"), counted("train"))
        && folds.value > length
    {
        let message = format!(
            "`target.folds`: the split `train` of `{}` has {length} samples, found {} folds",
            dataset.id(),
            folds.value
        );
        let many = Diagnostic::new(message, Some(folds.span.clone())).label("too many");
        diagnostics.push(many.hint("5 and 10 are usual".to_owned()));
    }
    if let Some((backbone, input)) = backbone
        && input != shape
        && !(shape[1..] == [1, 1] && input == &shape[..1])
    {
        let (samples, input) = (shape_text(shape), shape_text(input));
        let message = format!(
            "`{}`: the samples of `{}` have the shape {samples}, but the backbone `{}` takes {input}",
            named.path,
            dataset.id(),
            backbone.id(),
        );
        let mismatch = complain(message).label(samples);
        diagnostics.push(mismatch.hint("a shape is channels x height x width".to_owned()));
    }
    if let Some(normalise) = &written.normalise {
        channels(
            normalise,
            named.path.as_str(),
            *shape,
            &dataset,
            diagnostics,
        );
    }
    let indices = match &written.classes {
        Some(list) => class_indices(list, named.path.as_str(), classes, &dataset, diagnostics)?,
        None => (0..classes.len()).collect(),
    };
    let names = indices
        .iter()
        .filter_map(|index| classes.get(*index).cloned());
    let mut of_classes = |split: &str| -> Result<Option<Vec<u64>>, ()> {
        let Some(counted) = counted(split) else {
            return Ok(None);
        };
        match &counted.classes {
            Ok(counts) => {
                let of = |class: &usize| counts.get(*class).copied().unwrap_or(0);
                Ok(Some(indices.iter().map(of).collect()))
            }
            Err(problem) => {
                let failed = complain(format!("`{}`: {}", named.path, problem.message));
                let failed = failed.hint(problem.hint.clone()).category(problem.category);
                diagnostics.push(failed);
                Err(())
            }
        }
    };
    let mut of_split = |split: Option<&str>| split.map_or(Ok(None), &mut of_classes);
    let (train, test) = (of_split(learnt), of_split(measured));
    let (train, test) = (train.ok()?, test.ok()?);
    let groups = |split: &str| -> Option<&[Group]> { counted(split)?.groups.as_deref() };
    let tested = measured.and_then(groups);
    let groups = learnt
        .and_then(groups)
        .map(|train| GroupCounts::new(train, tested, &indices));
    let sum = |counts: &Option<Vec<u64>>| Some(counts.as_ref()?.iter().sum());
    Some(Task {
        class_names: names.collect(),
        targets: *targets,
        all_classes: classes.clone(),
        shape: *shape,
        train_length: match learnt {
            Some(split) => sum(&train).or_else(|| length(split))?,
            None => 0,
        },
        test_length: match measured {
            Some(split) => Some(sum(&test).or_else(|| length(split))?),
            None => None,
        },
        measured: measured.map(str::to_owned),
        train,
        test,
        folds: folds.map(|folds| folds.value),
        groups,
        dataset: DatasetUse {
            component: dataset,
            classes: indices,
            normalise: written.normalise.as_ref().map(|n| n.value.clone()),
        },
    })
}

/// Normalisation is per channel, so it needs one mean and one deviation for each.
fn channels(
    normalise: &Located<Normalise>,
    path: &str,
    shape: [usize; 3],
    dataset: &Component,
    diagnostics: &mut Diagnostics,
) {
    let channels = shape[0];
    let Normalise { mean, std } = &normalise.value;
    for (key, numbers) in [("mean", mean), ("std", std)] {
        if numbers.len() != channels {
            let expected = match channels {
                1 => "expected 1 number".to_owned(),
                _ => format!("expected {channels} numbers"),
            };
            let message = format!(
                "`{path}.normalise.{key}`: {expected}, one per channel, found {}",
                numbers.len()
            );
            let wrong = Diagnostic::new(message, Some(normalise.span.clone())).label(expected);
            diagnostics.push(wrong.hint(format!(
                "the samples of `{}` have the shape {} (channels x height x width)",
                dataset.id(),
                shape_text(&shape)
            )));
        }
    }
}

/// The indices of the classes listed; `None` if one of them is wrong.
fn class_indices(
    list: &[Located<WrittenClass>],
    path: &str,
    names: &[String],
    dataset: &Component,
    diagnostics: &mut Diagnostics,
) -> Option<Vec<usize>> {
    let mut taken: Vec<(usize, &WrittenClass)> = Vec::new();
    let mut all_right = true;
    for class in list {
        let span = Some(class.span.clone());
        let Some(index) = class.value.index_in(names) else {
            all_right = false;
            let (count, last) = (names.len(), names.len().saturating_sub(1));
            let id = dataset.id();
            let unknown = match &class.value {
                WrittenClass::Index(index) => Diagnostic::new(
                    format!(
                        "`{path}.classes`: class {index}: `{id}` has {count} classes, 0 to {last}"
                    ),
                    span,
                ),
                WrittenClass::Name(name) => Diagnostic::new(
                    format!("`{path}.classes`: class {name:?}: `{id}` has no class of this name"),
                    span,
                )
                .hint(choices(name, "classes", names.iter().map(String::as_str))),
            };
            diagnostics.push(unknown.label("no such class"));
            continue;
        };
        if let Some((_, before)) = taken.iter().find(|(other, _)| *other == index) {
            all_right = false;
            // The same value twice is a mistake of any list and has been reported as one.
            if **before != class.value {
                let (before, now) = (before.written(), class.value.written());
                let message = format!(
                    "`{path}.classes`: {before} and {now} are the same class of `{}`",
                    dataset.id()
                );
                let again = Diagnostic::new(message, span).label("listed before");
                diagnostics.push(
                    again.hint("integers are class indices, strings are class names".to_owned()),
                );
            }
        }
        taken.push((index, &class.value));
    }
    all_right.then(|| taken.into_iter().map(|(index, _)| index).collect())
}

impl WrittenClass {
    fn index_in(&self, names: &[String]) -> Option<usize> {
        match self {
            WrittenClass::Index(index) => usize::try_from(*index)
                .ok()
                .filter(|index| *index < names.len()),
            WrittenClass::Name(name) => names.iter().position(|other| other == name),
        }
    }

    fn written(&self) -> String {
        match self {
            WrittenClass::Index(index) => index.to_string(),
            WrittenClass::Name(name) => format!("{name:?}"),
        }
    }
}

fn shape_text(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("x")
}
