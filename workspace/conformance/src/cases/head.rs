//! Cases about network heads.

use super::backbone::{null_sink, parse};
use super::{advise, case, expect};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{ErrorKind, Kind, NetworkHead};

const HEAD: &[Kind] = &[Kind::NetworkHead];

pub const CASES: &[Case] = &[
    case!(
        "head-vector",
        HEAD,
        "features in a row lead to one logit for each of two or ten classes",
        vector
    ),
    case!(
        "head-map",
        HEAD,
        "maps of features lead to one logit for each class, or are refused",
        map
    ),
    case!(
        "head-extremes",
        HEAD,
        "one feature, many features and many classes are no trouble",
        extremes
    ),
    case!(
        "head-alike",
        HEAD,
        "the layers are the same at every call, and for another instance",
        alike
    ),
    case!(
        beyond "head-null-sink",
        HEAD,
        "layers that nobody takes are no crash",
        null_sink
    ),
];

/// Whether the head takes features of this shape; if so, its layers must fit.
fn takes(subject: &Subject, head: &NetworkHead, shape: &[usize], classes: usize) -> Tried<bool> {
    let json = match head.layers(shape, classes) {
        Ok(json) => json,
        Err(error) if error.kind() == ErrorKind::Parameters => return Ok(false),
        Err(error) => return Err(subject.fault(&error)),
    };
    let blueprint = parse(&json)?;
    expect(blueprint.input().dims() == shape, || {
        format!("takes {:?}, expected {shape:?}", blueprint.input().dims())
    })?;
    expect(blueprint.output().dims() == [classes], || {
        format!(
            "gives {:?}, expected [{classes}]",
            blueprint.output().dims()
        )
    })?;
    Ok(true)
}

fn vector(subject: &Subject) -> Tried<Outcome> {
    let head = subject.network_head()?;
    for classes in [2, 10] {
        let taken = takes(subject, &head, &[50], classes)?;
        advise(taken, || "it refuses features in a row".to_owned())?;
    }
    Ok(Outcome::Ok)
}

fn map(subject: &Subject) -> Tried<Outcome> {
    let head = subject.network_head()?;
    for classes in [2, 10] {
        takes(subject, &head, &[20, 12, 12], classes)?;
    }
    Ok(Outcome::Ok)
}

fn extremes(subject: &Subject) -> Tried<Outcome> {
    let head = subject.network_head()?;
    for (features, classes) in [(1, 2), (4096, 10), (10, 1000)] {
        takes(subject, &head, &[features], classes)?;
    }
    Ok(Outcome::Ok)
}

fn alike(subject: &Subject) -> Tried<Outcome> {
    let head = subject.network_head()?;
    let other = subject.network_head()?;
    let ask = |head: &NetworkHead| head.layers(&[50], 10).map_err(|e| subject.fault(&e));
    let first = ask(&head)?;
    expect(first == ask(&head)?, || {
        "they change from call to call".to_owned()
    })?;
    expect(first == ask(&other)?, || {
        "another instance has others".to_owned()
    })?;
    Ok(Outcome::Ok)
}
