//! Cases about blueprint backbones.

use super::{advise, case, expect};
use crate::subject::{Subject, Tried};
use crate::{Case, Outcome};
use topwork_engine::Blueprint;
use topwork_host::Kind;

const BACKBONE: &[Kind] = &[Kind::Backbone];

pub const CASES: &[Case] = &[
    case!(
        "backbone-valid",
        BACKBONE,
        "the blueprint is one that can be built: layers, shapes and cuts fit",
        valid
    ),
    case!(
        "backbone-alike",
        BACKBONE,
        "the blueprint is the same at every call, and for another instance",
        alike
    ),
    case!(
        "backbone-cuts",
        BACKBONE,
        "there are cut points, and each is the end of a trunk",
        cuts
    ),
    case!(
        beyond "backbone-null-sink",
        BACKBONE,
        "a blueprint that nobody takes is no crash",
        null_sink
    ),
];

fn blueprint(subject: &Subject) -> Tried<String> {
    let backbone = subject.backbone()?;
    backbone.blueprint().map_err(|error| subject.fault(&error))
}

/// A blueprint as the engine reads it.
pub fn parse(json: &str) -> Tried<Blueprint> {
    Blueprint::parse(json).map_err(|error| Outcome::Failed(error.to_string()))
}

fn valid(subject: &Subject) -> Tried<Outcome> {
    parse(&blueprint(subject)?).map(|_| Outcome::Ok)
}

fn alike(subject: &Subject) -> Tried<Outcome> {
    let backbone = subject.backbone()?;
    let ask = || backbone.blueprint().map_err(|error| subject.fault(&error));
    let first = ask()?;
    expect(first == ask()?, || {
        "it changes from call to call".to_owned()
    })?;
    expect(first == blueprint(subject)?, || {
        "another instance has another".to_owned()
    })?;
    Ok(Outcome::Ok)
}

fn cuts(subject: &Subject) -> Tried<Outcome> {
    let blueprint = parse(&blueprint(subject)?)?;
    advise(!blueprint.cuts().is_empty(), || {
        "it declares no cut point, so that experiments can cut it by layer numbers only".to_owned()
    })?;
    for cut in blueprint.cuts() {
        expect(blueprint.cut(&cut.name).is_some(), || {
            format!("the cut `{}` leads nowhere", cut.name)
        })?;
    }
    Ok(Outcome::Ok)
}

pub fn null_sink(subject: &Subject) -> Tried<Outcome> {
    let bare = subject.bare()?;
    let said = subject.create_bare(&bare)?.describe_to_nobody();
    advise(!said.is_panic(), || "it panics".to_owned())?;
    Ok(Outcome::Ok)
}
