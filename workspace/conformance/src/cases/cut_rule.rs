//! Cases about cut rules.

use super::{advise, case, expect};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_host::{CutPlace, CutRule, ErrorKind, HostError, Kind, RuleCut};

const CUT_RULE: &[Kind] = &[Kind::CutRule];

pub const CASES: &[Case] = &[
    case!(
        "cut-rule-network",
        CUT_RULE,
        "the cuts of a small convolutional network are places of it",
        network
    ),
    case!(
        "cut-rule-extractor",
        CUT_RULE,
        "the cuts of an extractor are places of it, or it says why there are none",
        extractor
    ),
    case!(
        "cut-rule-smallest",
        CUT_RULE,
        "a backbone of one place is cut there, or it says why not",
        smallest
    ),
    case!(
        "cut-rule-deep",
        CUT_RULE,
        "a backbone of a thousand places is no trouble",
        deep
    ),
    case!(
        "cut-rule-alike",
        CUT_RULE,
        "the cuts are the same at every call, and for another instance",
        alike
    ),
    case!(
        beyond "cut-rule-no-json",
        CUT_RULE,
        "a description that is none is refused",
        no_json
    ),
];

const INPUT: [usize; 3] = [1, 28, 28];

fn place(name: &str, op: &str, shape: &[usize], is_cut: bool) -> CutPlace {
    CutPlace {
        name: name.to_owned(),
        op: op.to_owned(),
        shape: shape.to_vec(),
        cut: is_cut.then(|| name.to_owned()),
        dims: None,
        channels: None,
        block: false,
    }
}

/// Two stages of convolution and pooling, and layers behind them.
fn small() -> Vec<CutPlace> {
    vec![
        place("conv1", "conv2d", &[20, 24, 24], false),
        place("relu1", "relu", &[20, 24, 24], false),
        place("pool1", "max-pool2d", &[20, 12, 12], true),
        place("conv2", "conv2d", &[50, 8, 8], false),
        place("relu2", "relu", &[50, 8, 8], false),
        place("pool2", "max-pool2d", &[50, 4, 4], true),
        place("flatten", "flatten", &[800], true),
        place("hidden", "linear", &[500], false),
        place("relu3", "relu", &[500], true),
    ]
}

fn refused(error: &HostError) -> bool {
    error.kind() == ErrorKind::Parameters
}

/// The cuts; `None` when the rule says that there are none here.
fn cuts(subject: &Subject, rule: &CutRule, places: &[CutPlace]) -> Tried<Option<Vec<RuleCut>>> {
    match rule.cuts(&INPUT, places) {
        Ok(cuts) => Ok(Some(cuts)),
        Err(error) if refused(&error) => Ok(None),
        Err(error) => Err(subject.fault(&error)),
    }
}

fn network(subject: &Subject) -> Tried<Outcome> {
    let cuts = cuts(subject, &subject.cut_rule()?, &small())?;
    advise(cuts.is_some(), || {
        "it finds nowhere to cut two stages of convolution and pooling".to_owned()
    })?;
    Ok(Outcome::Ok)
}

fn extractor(subject: &Subject) -> Tried<Outcome> {
    let places = [
        place("block1", "extractor", &[16, 14, 14], true),
        place("block2", "extractor", &[32, 7, 7], true),
        place("gap", "extractor", &[32], true),
    ];
    cuts(subject, &subject.cut_rule()?, &places)?;
    Ok(Outcome::Ok)
}

fn smallest(subject: &Subject) -> Tried<Outcome> {
    let rule = subject.cut_rule()?;
    for shape in [&[4, 5, 5][..], &[3]] {
        cuts(subject, &rule, &[place("only", "conv2d", shape, false)])?;
    }
    Ok(Outcome::Ok)
}

fn deep(subject: &Subject) -> Tried<Outcome> {
    let places: Vec<CutPlace> = (0..1000)
        .map(|number| {
            let op = ["conv2d", "relu", "max-pool2d"][number % 3];
            place(
                &format!("layer{number}"),
                op,
                &[8, 28, 28],
                number % 50 == 0,
            )
        })
        .collect();
    cuts(subject, &subject.cut_rule()?, &places)?;
    Ok(Outcome::Ok)
}

fn alike(subject: &Subject) -> Tried<Outcome> {
    let rule = subject.cut_rule()?;
    let first = cuts(subject, &rule, &small())?;
    for again in [&rule, &subject.cut_rule()?] {
        let now = cuts(subject, again, &small())?;
        expect(first == now, || format!("{first:?}, then {now:?}"))?;
    }
    Ok(Outcome::Ok)
}

fn no_json(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    let instance = subject.create_bare(&bare)?;
    for text in ["", "null", "{", r#"{"format": 1}"#, r#"{"places": 3}"#] {
        let said = instance.cuts(text);
        advise(!said.is_panic(), || format!("`{text}` ends in a panic"))?;
        advise(!said.is_ok(), || format!("`{text}` is taken"))?;
    }
    Ok(Outcome::Ok)
}
