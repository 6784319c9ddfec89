//! Cases about extractor backbones.

use super::backbone::null_sink;
use super::{advise, case, expect, joined, same};
use crate::inputs::numbers;
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{Extractor, Kind};

const EXTRACTOR: &[Kind] = &[Kind::Extractor];

/// Samples in a batch: more than one, and no power of two.
const BATCH: usize = 3;

/// Of the cuts, so many are tried: the first, the last and some between.
const MOST_CUTS: usize = 6;

pub const CASES: &[Case] = &[
    case!(
        "extractor-describes",
        EXTRACTOR,
        "input, cuts and normalisation are what they can be, the same for every instance",
        describes
    ),
    case!(
        "extractor-finite",
        EXTRACTOR,
        "features are finite numbers at every cut",
        finite
    ),
    case!(
        "extractor-dark-and-bright",
        EXTRACTOR,
        "features of empty, full and far too bright samples are finite numbers",
        dark_and_bright
    ),
    case!(
        "extractor-batch",
        EXTRACTOR,
        "a sample's features are the same alone and in a batch",
        batch
    ),
    case!(
        "extractor-order",
        EXTRACTOR,
        "a sample's features do not depend on its place in a batch",
        order
    ),
    case!(
        "extractor-alike",
        EXTRACTOR,
        "features are the same bits at every call, and for another instance",
        alike
    ),
    case!(
        "extractor-depends",
        EXTRACTOR,
        "other samples have other features",
        depends
    ),
    case!(
        "extractor-writes-all",
        EXTRACTOR,
        "every feature is written, whatever stood there before",
        writes_all
    ),
    case!(
        "extractor-parallel",
        EXTRACTOR,
        "threads get the features that one alone gets",
        parallel
    ),
    case!(
        beyond "extractor-cut-beyond",
        EXTRACTOR,
        "a cut that does not exist is refused",
        cut_beyond
    ),
    case!(
        beyond "extractor-null-sink",
        EXTRACTOR,
        "a description that nobody takes is no crash",
        null_sink
    ),
];

fn describes(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.extractor()?, subject.extractor()?);
    let (first, second) = (first.describe(), second.describe());
    expect(first == second, || format!("{first:?}, then {second:?}"))?;
    Ok(Outcome::Ok)
}

fn input(extractor: &Extractor) -> usize {
    extractor.describe().input.iter().product()
}

/// Positions of cuts, with the numbers of features there.
fn cuts(extractor: &Extractor) -> Vec<(usize, usize)> {
    let all = &extractor.describe().cuts;
    let mut tried: Vec<usize> = match all.len() {
        few if few <= MOST_CUTS => (0..few).collect(),
        many => (0..MOST_CUTS)
            .map(|step| step * (many - 1) / (MOST_CUTS - 1))
            .collect(),
    };
    tried.dedup();
    tried
        .into_iter()
        .map(|cut| (cut, all[cut].shape.iter().product()))
        .collect()
}

/// Samples that look like those of a dataset: from 0 to 1.
fn samples(extractor: &Extractor) -> Vec<f32> {
    let numbers = numbers(7, BATCH * input(extractor)).into_iter();
    numbers.map(|number| 0.5 + 0.5 * number).collect()
}

fn forward(
    subject: &Subject,
    extractor: &Extractor,
    (cut, len): (usize, usize),
    samples: &[f32],
) -> Tried<Vec<f32>> {
    let mut features = vec![0.0; samples.len() / input(extractor) * len];
    (extractor.forward(cut, samples, &mut features)).map_err(|error| subject.fault(&error))?;
    Ok(features)
}

fn finite(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    for cut in cuts(&extractor) {
        forward(subject, &extractor, cut, &samples)?;
    }
    Ok(Outcome::Ok)
}

fn dark_and_bright(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    for brightness in [0.0, 1.0, -1.0, 1000.0] {
        let samples = vec![brightness; input(&extractor)];
        for cut in cuts(&extractor) {
            forward(subject, &extractor, cut, &samples)?;
        }
    }
    Ok(Outcome::Ok)
}

fn batch(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    for cut in cuts(&extractor) {
        let together = forward(subject, &extractor, cut, &samples)?;
        let rows = together.chunks_exact(cut.1);
        for (number, (sample, row)) in samples
            .chunks_exact(input(&extractor))
            .zip(rows)
            .enumerate()
        {
            let alone = forward(subject, &extractor, cut, sample)?;
            expect(same(&alone, row), || {
                let name = &extractor.describe().cuts[cut.0].name;
                format!("at `{name}`, sample {number} of {BATCH} has other features alone")
            })?;
        }
    }
    Ok(Outcome::Ok)
}

fn order(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    let turned: Vec<f32> = (samples.rchunks_exact(input(&extractor)).flatten())
        .copied()
        .collect();
    for cut in cuts(&extractor) {
        let features = forward(subject, &extractor, cut, &samples)?;
        let turned = forward(subject, &extractor, cut, &turned)?;
        let back: Vec<f32> = turned.rchunks_exact(cut.1).flatten().copied().collect();
        expect(same(&features, &back), || {
            let name = &extractor.describe().cuts[cut.0].name;
            format!("at `{name}`, features change with the order of the samples")
        })?;
    }
    Ok(Outcome::Ok)
}

fn alike(subject: &Subject) -> Tried<Outcome> {
    let (first, second) = (subject.extractor()?, subject.extractor()?);
    let samples = samples(&first);
    for cut in cuts(&first) {
        let once = forward(subject, &first, cut, &samples)?;
        for extractor in [&first, &second] {
            let again = forward(subject, extractor, cut, &samples)?;
            expect(same(&once, &again), || {
                let name = &first.describe().cuts[cut.0].name;
                format!("at `{name}`, the same samples have other features the next time")
            })?;
        }
    }
    Ok(Outcome::Ok)
}

fn depends(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    for cut in cuts(&extractor) {
        let features = forward(subject, &extractor, cut, &samples)?;
        let mut rows = features.chunks_exact(cut.1);
        let first = rows.next().unwrap_or_default();
        advise(rows.any(|row| !same(row, first)), || {
            let name = &extractor.describe().cuts[cut.0].name;
            format!("at `{name}`, {BATCH} different samples have the same features")
        })?;
    }
    Ok(Outcome::Ok)
}

fn writes_all(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    for (cut, len) in cuts(&extractor) {
        let expected = forward(subject, &extractor, (cut, len), &samples)?;
        let mut features = vec![12345.0; expected.len()];
        let said = instance.forward(cut, &samples, BATCH, &mut features);
        expect(said.is_ok() && same(&features, &expected), || {
            let name = &extractor.describe().cuts[cut].name;
            let left = features.iter().filter(|&&number| number == 12345.0).count();
            format!("at `{name}`, features depend on what stood in their place; {left} were left")
        })?;
    }
    Ok(Outcome::Ok)
}

fn parallel(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    let Some(&cut) = cuts(&extractor).last() else {
        return Ok(Outcome::Ok);
    };
    let alone = forward(subject, &extractor, cut, &samples)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| forward(subject, &extractor, cut, &samples)))
            .collect();
        for thread in threads {
            let features = joined(thread)?;
            expect(same(&alone, &features), || {
                "threads get other features".to_owned()
            })?;
        }
        Ok(Outcome::Ok)
    })
}

fn cut_beyond(subject: &Subject) -> Tried<Outcome> {
    let extractor = subject.extractor()?;
    let samples = samples(&extractor);
    let most = cuts(&extractor).iter().map(|cut| cut.1).max();
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    for cut in [extractor.describe().cuts.len(), usize::MAX] {
        let mut features = vec![0.0; BATCH * most.unwrap_or(1)];
        let said = instance.forward(cut, &samples, BATCH, &mut features);
        advise(!said.is_panic(), || format!("cut {cut} ends in a panic"))?;
        advise(!said.is_ok(), || format!("cut {cut} has features"))?;
    }
    Ok(Outcome::Ok)
}
