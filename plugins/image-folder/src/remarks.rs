//! What users should know before they believe a figure, each in one line.

use crate::cache::Digest;
use crate::images::{FileId, Looked};
use crate::listing::{Listed, Rejected};
use crate::names::{listed, some};
use crate::parameters::From;
use crate::tiff::Floats;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use topwork_sdk::Level;

/// A line for the log.
pub type Remark = (Level, String);

/// The most names in one line, and the most reasons.
const NAMES: usize = 3;
const REASONS: usize = 6;

/// Names that splits have, in lower case.
const TRAINING: [&str; 3] = ["train", "training", "trainset"];
const TESTING: [&str; 10] = [
    "test",
    "testing",
    "val",
    "valid",
    "validation",
    "eval",
    "evaluation",
    "dev",
    "holdout",
    "testset",
];

/// The folders are those of splits, not of classes.
pub fn split_folders(from: &From, classes: &[String]) -> Option<Remark> {
    let From::Folder(folder) = from else {
        return None;
    };
    let named = |names: &[&str]| -> Vec<&String> {
        let is = |class: &&String| names.contains(&&*class.to_lowercase());
        classes.iter().filter(is).collect()
    };
    let (training, testing) = (named(&TRAINING), named(&TESTING));
    let all: Vec<&String> = classes
        .iter()
        .filter(|class| training.contains(class) || testing.contains(class))
        .collect();
    // A class may be called so: among vehicles there are trains.
    if all.len() < 2 && all.len() < classes.len() || all.is_empty() {
        return None;
    }
    let path = |names: &[&String], other: &str| {
        let name = names.first().map_or(other, |name| name.as_str());
        format!("{:?}", folder.join(name).display().to_string())
    };
    let text = format!(
        "{} became classes, and are called like splits: is `folder` one level too high? `train-folder = {}` and `test-folder = {}` take them for splits",
        some(&all, NAMES),
        path(&training, "train"),
        path(&testing, "test")
    );
    Some((Level::Warning, text))
}

/// All images are of one class whose folder has folders in it.
pub fn one_class(from: &From, classes: &[String], files: &[Listed]) -> Option<Remark> {
    let (From::Folder(_), [class]) = (from, classes) else {
        return None;
    };
    let inner = |file: &Listed| {
        let mut parts = file.name.split('/').skip(1);
        let first = parts.next()?.to_owned();
        parts.next().map(|_| first)
    };
    let inner: BTreeSet<String> = files.iter().filter_map(inner).collect();
    let inner: Vec<String> = inner.into_iter().collect();
    let text = format!(
        "`{class}` is the only class, and has the folders {}: is `folder` one level too high?",
        some(&inner, NAMES)
    );
    (inner.len() > 1).then_some((Level::Warning, text))
}

/// What was left out, by reason.
pub fn left_out(place: &str, rejected: &[Rejected], of: usize) -> Option<Remark> {
    let mut by_reason: Vec<(&str, Vec<String>)> = Vec::new();
    let mut positions: HashMap<&str, usize> = HashMap::new();
    for file in rejected {
        let position = *positions.entry(&file.reason).or_insert(by_reason.len());
        if position == by_reason.len() {
            by_reason.push((&file.reason, Vec::new()));
        }
        by_reason[position].1.push(file.told());
    }
    let told = by_reason.iter().take(REASONS);
    let mut parts: Vec<String> = told
        .map(|(reason, names)| format!("{}: {reason}", listed(names, NAMES)))
        .collect();
    let others: usize = by_reason
        .iter()
        .skip(REASONS)
        .map(|(_, names)| names.len())
        .sum();
    if others > 0 {
        parts.push(format!("{others} for other reasons"));
    }
    let (count, are) = (
        rejected.len(),
        if rejected.len() == 1 { "is" } else { "are" },
    );
    let text = format!(
        "{count} of {of} images in {place} {are} left out: {}",
        parts.join("; ")
    );
    (count > 0).then_some((Level::Warning, text))
}

/// Classes of which nothing can be read.
pub fn emptied(classes: &[String], files: &[Listed], looked: &[Looked]) -> Option<Remark> {
    let mut counts = vec![(0, 0); classes.len()];
    for (file, looked) in files.iter().zip(looked) {
        let (all, readable) = &mut counts[file.class as usize];
        *all += 1;
        *readable += usize::from(looked.rejected.is_none());
    }
    let empty = classes
        .iter()
        .zip(counts)
        .filter(|(_, (_, readable))| *readable == 0);
    let told: Vec<String> = empty
        .map(|(class, (all, _))| format!("`{class}` ({all})"))
        .collect();
    let text = format!(
        "no image can be read of {}: nothing can be learnt of it",
        listed(&told, REASONS)
    );
    (!told.is_empty()).then_some((Level::Warning, text))
}

/// Files that nobody looked at, as the host was in a hurry.
pub fn not_looked_at(looked: &[Looked]) -> Option<Remark> {
    let left = looked
        .iter()
        .filter(|file| file.digest.is_none() && file.rejected.is_none())
        .count();
    let text = format!(
        "{left} of {} images were not looked at in the time there was: they are taken for readable until a run looks",
        looked.len()
    );
    (left > 0).then_some((Level::Info, text))
}

/// What floats were taken for.
pub fn floats(looked: &[Looked]) -> Option<Remark> {
    let count = |floats| {
        let of = looked.iter().filter(|file| file.floats == Some(floats));
        of.count()
    };
    let told = |most, count| format!("{count} up to {most}, which is taken for white");
    match (count(Floats::ToOne), count(Floats::ToByte)) {
        (0, 0) => None,
        (one, 0) => Some((Level::Info, format!("TIFFs of floats: {}", told(1, one)))),
        (0, byte) => Some((Level::Info, format!("TIFFs of floats: {}", told(255, byte)))),
        (one, byte) => Some((
            Level::Warning,
            format!(
                "TIFFs of floats: {}, and {}: if they belong together, the first are dark and are shown bright",
                told(1, one),
                told(255, byte)
            ),
        )),
    }
}

/// A file in more than one place of the dataset.
struct Repeated<'a> {
    names: Vec<&'a str>,
    /// Classes, or numbers to be predicted.
    labels: BTreeSet<String>,
    splits: BTreeSet<bool>,
}

/// Files that are listed twice, and copies of files, byte for byte. All of `files` can be read;
/// `is_test` has an entry for each of them, where there are splits.
pub fn repeated(
    classes: &[String],
    files: &[&Listed],
    looked: &[&Looked],
    is_test: Option<&[bool]>,
) -> Vec<Remark> {
    let mut by_file: BTreeMap<&FileId, Vec<usize>> = BTreeMap::new();
    let mut by_digest: BTreeMap<Digest, BTreeMap<&FileId, Vec<usize>>> = BTreeMap::new();
    for (position, file) in looked.iter().enumerate() {
        let Some(id) = &file.file else {
            continue;
        };
        by_file.entry(id).or_default().push(position);
        if let Some(digest) = file.digest {
            by_digest
                .entry(digest)
                .or_default()
                .entry(id)
                .or_default()
                .push(position);
        }
    }
    let group = |positions: &[usize]| {
        let label = |&position: &usize| files[position].label(classes);
        Repeated {
            names: positions
                .iter()
                .map(|&position| &*files[position].name)
                .collect(),
            labels: positions.iter().map(label).collect(),
            splits: positions
                .iter()
                .filter_map(|&position| Some(is_test?[position]))
                .collect(),
        }
    };
    // Numbers of files and digests come in no order that means anything to people.
    let ordered = |groups: Vec<Vec<usize>>| -> Vec<Repeated> {
        let mut groups: Vec<Repeated> = groups.iter().map(|positions| group(positions)).collect();
        groups.sort_by(|a, b| a.names.iter().min().cmp(&b.names.iter().min()));
        groups
    };
    let twice = by_file.into_values().filter(|same| same.len() > 1);
    let twice = ordered(twice.collect());
    let copies = by_digest.into_values().filter(|same| same.len() > 1);
    let copies = copies.map(|same| same.into_values().flatten().collect());
    let copies = ordered(copies.collect());
    let mut remarks = Vec::new();
    remarks.extend(told(
        &twice,
        ["file is", "files are"],
        "in the dataset more than once",
        is_test.is_some(),
    ));
    remarks.extend(told(
        &copies,
        ["image has", "images have"],
        "copies, byte for byte",
        is_test.is_some(),
    ));
    remarks
}

fn told(groups: &[Repeated], [one, many]: [&str; 2], what: &str, splits: bool) -> Option<Remark> {
    let mut parts = Vec::new();
    let name = |group: &Repeated| {
        let mut names = group.names.clone();
        names.sort_unstable();
        names.dedup();
        let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
        match names.len() {
            0..=3 => names.join(" = "),
            more => format!("{} = {} more", names[..2].join(" = "), more - 2),
        }
    };
    let both: Vec<String> = groups
        .iter()
        .filter(|group| group.splits.len() > 1)
        .map(name)
        .collect();
    if !both.is_empty() {
        parts.push(format!(
            "{} in train and in test ({})",
            both.len(),
            groups_told(&both)
        ));
    }
    let labels = groups.iter().filter(|group| group.labels.len() > 1);
    let labels: Vec<String> = labels
        .map(|group| {
            let labels: Vec<String> = group.labels.iter().cloned().collect();
            format!("{} as {}", name(group), listed(&labels, NAMES))
        })
        .collect();
    if !labels.is_empty() {
        parts.push(format!(
            "{} under several labels ({})",
            labels.len(),
            groups_told(&labels)
        ));
    }
    let harmless = groups
        .iter()
        .filter(|group| group.splits.len() < 2 && group.labels.len() < 2);
    let harmless: Vec<String> = harmless.map(name).collect();
    if !harmless.is_empty() {
        let split = if splits { " within one split" } else { "" };
        parts.push(format!(
            "{} under one label{split} ({})",
            harmless.len(),
            groups_told(&harmless)
        ));
    }
    let are = if groups.len() == 1 { one } else { many };
    let level = match harmless.len() == groups.len() && splits {
        true => Level::Info,
        false => Level::Warning,
    };
    let text = format!("{} {are} {what}: {}", groups.len(), parts.join("; "));
    (!groups.is_empty()).then_some((level, text))
}

/// Some groups, which have commas and "and" in them.
fn groups_told(groups: &[String]) -> String {
    let mut told = groups[..groups.len().min(NAMES)].join("; ");
    if groups.len() > NAMES {
        told.push_str(&format!("; {} more", groups.len() - NAMES));
    }
    told
}
