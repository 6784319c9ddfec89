//! Cases about datasets.

use super::{advise, case, expect, joined, same};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{Dataset, Kind, Pixel};

pub const DATASET: &[Kind] = &[Kind::Dataset];

/// Of a split's samples, at most so many are looked at.
const MOST_READ: u64 = 40;

pub const CASES: &[Case] = &[
    case!(
        "dataset-describes",
        DATASET,
        "shape, classes and splits are what they can be, with `train` and `test` among the splits",
        describes
    ),
    case!(
        "dataset-describes-alike",
        DATASET,
        "two instances describe themselves in the same way",
        describes_alike
    ),
    case!(
        "dataset-labels",
        DATASET,
        "every split has a label for each sample, below the number of classes",
        labels
    ),
    case!(
        "dataset-labels-alike",
        DATASET,
        "labels are the same at every call, and for another instance",
        labels_alike
    ),
    case!(
        "dataset-classes-used",
        DATASET,
        "the first split has samples of every class",
        classes_used
    ),
    case!(
        "dataset-reads",
        DATASET,
        "samples from the beginning, the middle and the end are finite and not all alike",
        reads
    ),
    case!(
        "dataset-read-order",
        DATASET,
        "samples are those of their indices, in any order",
        read_order
    ),
    case!(
        "dataset-read-repeats",
        DATASET,
        "an index may come more than once",
        read_repeats
    ),
    case!(
        "dataset-read-nothing",
        DATASET,
        "reading no samples succeeds",
        read_nothing
    ),
    case!(
        "dataset-read-alike",
        DATASET,
        "another instance reads the same samples",
        read_alike
    ),
    case!(
        "dataset-read-parallel",
        DATASET,
        "threads read what one alone reads",
        read_parallel
    ),
    case!(
        beyond "dataset-read-beyond",
        DATASET,
        "an index behind the split's end is refused",
        read_beyond
    ),
    case!(
        beyond "dataset-split-beyond",
        DATASET,
        "a split that does not exist is refused",
        split_beyond
    ),
];

fn describes(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let info = dataset.describe();
    for name in ["train", "test"] {
        let there = info
            .splits
            .iter()
            .any(|split| split.name == name && split.len > 0);
        advise(there, || {
            format!("there is no split `{name}` with samples, which experiments use")
        })?;
    }
    advise(info.classes.len() >= 2, || {
        "there is one class only".to_owned()
    })?;
    Ok(Outcome::Ok)
}

fn describes_alike(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.dataset()?, subject.dataset()?);
    let (first, second) = (first.describe(), second.describe());
    expect(first == second, || format!("{first:?}, then {second:?}"))?;
    Ok(Outcome::Ok)
}

fn labels(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    for split in &dataset.describe().splits {
        dataset.labels(&split.name).map_err(|e| subject.fault(&e))?;
    }
    Ok(Outcome::Ok)
}

fn labels_alike(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.dataset()?, subject.dataset()?);
    for split in &first.describe().splits {
        let read = |dataset: &Dataset| dataset.labels(&split.name).map_err(|e| subject.fault(&e));
        let once = read(&first)?;
        expect(once == read(&first)?, || {
            format!("the labels of `{}` change from call to call", split.name)
        })?;
        expect(once == read(&second)?, || {
            format!("another instance has other labels of `{}`", split.name)
        })?;
    }
    Ok(Outcome::Ok)
}

fn classes_used(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let info = dataset.describe();
    let first = &info.splits[0];
    let labels = dataset.labels(&first.name).map_err(|e| subject.fault(&e))?;
    let missing = (info.classes.iter().enumerate())
        .find(|(class, _)| !labels.contains(&(*class as u32)))
        .map(|(_, name)| name);
    advise(missing.is_none(), || {
        format!(
            "`{}` has no sample of class `{}`",
            first.name,
            missing.map_or("", |name| name)
        )
    })?;
    Ok(Outcome::Ok)
}

/// Indices all over a split.
fn spread(len: u64) -> Vec<u64> {
    let count = len.min(MOST_READ);
    (0..count)
        .map(|step| match count {
            1 => 0,
            _ => step * (len - 1) / (count - 1),
        })
        .collect()
}

pub fn read(subject: &Subject, dataset: &Dataset, split: &str, indices: &[u64]) -> Tried<Vec<f32>> {
    let mut samples = vec![0.0; indices.len() * dataset.describe().shape.iter().product::<usize>()];
    (dataset.read(split, indices, &mut samples)).map_err(|error| subject.fault(&error))?;
    Ok(samples)
}

/// The splits that have samples, with indices all over them.
pub fn splits(dataset: &Dataset) -> Vec<(String, Vec<u64>)> {
    let splits = dataset.describe().splits.iter();
    splits
        .filter(|split| split.len > 0)
        .map(|split| (split.name.clone(), spread(split.len)))
        .collect()
}

fn reads(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let numbers = dataset.describe().shape.iter().product();
    for (split, indices) in splits(&dataset) {
        let samples = read(subject, &dataset, &split, &indices)?;
        let mut rows = samples.chunks_exact(numbers);
        let first = rows.next().unwrap_or_default();
        let differ = rows.len() == 0 || rows.any(|row| row != first);
        advise(differ, || {
            format!("all samples of `{split}` that were read are alike")
        })?;
    }
    Ok(Outcome::Ok)
}

fn read_order(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let numbers = dataset.describe().shape.iter().product();
    for (split, indices) in splits(&dataset) {
        let together = read(subject, &dataset, &split, &indices)?;
        let mut turned = indices.clone();
        turned.reverse();
        let turned = read(subject, &dataset, &split, &turned)?;
        let back: Vec<f32> = turned.rchunks_exact(numbers).flatten().copied().collect();
        expect(same(&together, &back), || {
            format!("in another order, `{split}` has other samples")
        })?;
        for (&index, row) in indices.iter().zip(together.chunks_exact(numbers)).take(5) {
            let alone = read(subject, &dataset, &split, &[index])?;
            expect(same(&alone, row), || {
                format!("sample {index} of `{split}` is another when read alone")
            })?;
        }
    }
    Ok(Outcome::Ok)
}

fn read_repeats(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let numbers = dataset.describe().shape.iter().product();
    for (split, indices) in splits(&dataset) {
        let last = indices[indices.len() - 1];
        let samples = read(subject, &dataset, &split, &[last, 0, last, last])?;
        let row = |at: usize| &samples[at * numbers..][..numbers];
        expect(same(row(0), row(2)) && same(row(0), row(3)), || {
            format!("sample {last} of `{split}` is another when it comes again")
        })?;
    }
    Ok(Outcome::Ok)
}

fn read_nothing(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    let (said, _) = instance.read(0, &[], 0);
    expect(said.is_ok(), || {
        format!(
            "status {}: {}",
            said.status,
            String::from_utf8_lossy(&said.error)
        )
    })?;
    Ok(Outcome::Ok)
}

fn read_alike(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.dataset()?, subject.dataset()?);
    for (split, indices) in splits(&first) {
        let one = read(subject, &first, &split, &indices)?;
        let other = read(subject, &second, &split, &indices)?;
        expect(same(&one, &other), || {
            format!("`{split}` has other samples")
        })?;
        expect(
            same(&one, &read(subject, &first, &split, &indices)?),
            || format!("`{split}` has other samples when it is read again"),
        )?;
    }
    Ok(Outcome::Ok)
}

fn read_parallel(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    for (split, indices) in splits(&dataset) {
        let alone = read(subject, &dataset, &split, &indices)?;
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4)
                .map(|_| {
                    scope.spawn(|| {
                        let labels = dataset.labels(&split).map_err(|e| subject.fault(&e));
                        let samples = read(subject, &dataset, &split, &indices)?;
                        labels.map(|_| samples)
                    })
                })
                .collect();
            for thread in threads {
                let samples = joined(thread)?;
                expect(same(&alone, &samples), || {
                    format!("threads read other samples of `{split}`")
                })?;
            }
            Ok(())
        })?;
    }
    Ok(Outcome::Ok)
}

fn read_beyond(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let info = dataset.describe();
    let width = match info.pixel {
        Pixel::U8 => 1,
        Pixel::F32 => 4,
    };
    let bytes = width * info.shape.iter().product::<usize>();
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    for index in [info.splits[0].len, u64::MAX] {
        let (said, _) = instance.read(0, &[index], bytes);
        advise(!said.is_panic(), || {
            format!("index {index} ends in a panic")
        })?;
        advise(!said.is_ok(), || {
            format!("index {index} is read all the same")
        })?;
    }
    Ok(Outcome::Ok)
}

fn split_beyond(subject: &Subject) -> Tried<Outcome> {
    let dataset = subject.dataset()?;
    let splits = dataset.describe().splits.len();
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    for split in [splits, usize::MAX] {
        let (said, _) = instance.labels(split, 16);
        advise(!said.is_panic(), || {
            format!("split {split} ends in a panic")
        })?;
        advise(!said.is_ok(), || format!("split {split} has labels"))?;
    }
    Ok(Outcome::Ok)
}
