//! Whether training fits the network and the samples it is done with: class weights, changes of
//! images, learning-rate multipliers.

use crate::catalog::LayerEntry;
use crate::diagnostics::{Diagnostic, Diagnostics};
use crate::multipliers::{Assigned, MultiplierError};
use crate::plan::CutPoint;
use crate::refusal::Refusal;
use crate::shape::join;
use crate::task::Task;
use crate::training::{ClassWeights, Train};
use crate::written::{WrittenStrategy, WrittenTrain};
use topwork_measure::TargetKind;
use topwork_nearest::nearest;

/// Checks `train` against the samples it is done on.
pub(super) fn samples(written: &WrittenTrain, task: &Task, diagnostics: &mut Diagnostics) {
    let Some(train) = &written.train else {
        return;
    };
    of_the_other_kind(written, train, task, diagnostics);
    let classes = task.class_names.len();
    if let Some(ClassWeights::Listed(weights)) = &train.class_weights
        && weights.len() != classes
    {
        let expected = format!("expected {classes} weights, one per class");
        let message = format!(
            "`{}.class-weights`: {expected}, found {}",
            written.path,
            weights.len()
        );
        let span = written
            .node
            .get("class-weights")
            .map(|node| node.span.clone());
        let names: Vec<&str> = task.class_names.iter().map(String::as_str).collect();
        diagnostics.push(Diagnostic::new(message, span).label(expected).hint(format!(
            "the classes in this order: {}; or write class-weights = \"balanced\"",
            names.join(", ")
        )));
    }
    let [_, height, width] = task.shape;
    let smaller = height.min(width);
    let augment = written.node.get("augment");
    for (key, pixels) in [
        ("shift", train.augment.map_or(0, |augment| augment.shift)),
        ("crop", train.augment.map_or(0, |augment| augment.crop)),
    ] {
        if pixels >= smaller {
            let message = format!(
                "`{}.augment.{key}`: expected fewer than {smaller} pixels, found {pixels}",
                written.path
            );
            let span = augment.and_then(|node| Some(node.get(key)?.span.clone()));
            diagnostics.push(
                Diagnostic::new(message, span)
                    .label("nothing may be left")
                    .hint(format!(
                        "the images of `{}` are {height}x{width}",
                        task.dataset.component.id()
                    )),
            );
        }
    }
}

/// Refuses what is of classes alone where there are numbers, and the other way round.
fn of_the_other_kind(
    written: &WrittenTrain,
    train: &Train,
    task: &Task,
    diagnostics: &mut Diagnostics,
) {
    let id = task.dataset.component.id();
    let (keys, problem, hint) = match task.targets {
        TargetKind::Classes => (
            &["loss", "huber-delta"][..],
            format!(" is of numbers, and `{id}` has classes"),
            "remove it: classes are learnt by their cross-entropy, which label-smoothing and \
             class-weights change",
        ),
        TargetKind::Multilabel => (
            &["loss", "huber-delta", "label-smoothing", "class-weights"][..],
            format!(" is not of several labels, which `{id}` has"),
            "remove it: labels are learnt by their binary cross-entropy",
        ),
        TargetKind::Numbers => (
            &["label-smoothing", "class-weights"][..],
            format!(" is of classes alone, and `{id}` has numbers"),
            "remove it: the loss of numbers is loss = \"squared\" or loss = \"huber\"",
        ),
    };
    // A resolved experiment has it of all targets.
    let idle = |key: &str| key == "label-smoothing" && train.label_smoothing == 0.0;
    for key in keys.iter().copied().filter(|key| !idle(key)) {
        let refusal = Refusal {
            key,
            problem: problem.clone(),
            label: "another kind of target",
            hint,
        };
        refusal.push(&written.path, &written.node, diagnostics);
    }
}

/// Checks the learning-rate multipliers against the layers of the backbone, cut in each of these
/// ways until one does not fit. The layers of the head are not known here.
pub(super) fn multipliers(
    written: &WrittenStrategy,
    layers: &[LayerEntry],
    cuts: &[CutPoint],
    diagnostics: &mut Diagnostics,
) {
    if !(written.kind.as_ref()).is_some_and(|kind| kind.value.takes_multipliers()) {
        return;
    }
    let names: Vec<&str> = layers.iter().map(|layer| layer.name.as_str()).collect();
    for cut in cuts {
        let (trunk, cut_off) = names.split_at(cut.layers.min(names.len()));
        let when = match cuts {
            [_] => String::new(),
            _ => format!(", cut at {:?}", cut.name),
        };
        if !fit(written, trunk, cut_off, &when, diagnostics) {
            return;
        }
    }
}

/// Whether the multipliers fit this trunk; `when` tells it from others in messages.
fn fit(
    written: &WrittenStrategy,
    trunk: &[&str],
    cut_off: &[&str],
    when: &str,
    diagnostics: &mut Diagnostics,
) -> bool {
    let path = join(&written.path, "learning-rate-multipliers");
    let patterns: Vec<_> = written
        .multipliers
        .iter()
        .map(|(pattern, multiplier)| (pattern.value.clone(), *multiplier))
        .collect();
    let (assigned, mistakes) = Assigned::new(&patterns, trunk, None);
    let any = !mistakes.is_empty();
    for (place, mistake) in mistakes {
        let span = written
            .multipliers
            .get(place)
            .map(|(pattern, _)| pattern.span.clone());
        let hint = hint(&mistake, trunk, cut_off);
        let wrong = Diagnostic::new(format!("`{path}`{when}: {mistake}"), span);
        diagnostics.push(wrong.label("matches nothing").hint(hint));
    }
    if any {
        return false;
    }
    let place = written.node.get("learning-rate-multipliers");
    if assigned.trunk_is_frozen() && assigned.head_is_frozen() {
        let message = format!("`{path}`{when}: every layer is frozen");
        let frozen = Diagnostic::new(message, place.map(|node| node.span.clone()));
        diagnostics.push(
            frozen.label("nothing learns").hint(
                "give at least one layer a multiplier above 0, for example head = 1.0 before \"*\""
                    .to_owned(),
            ),
        );
        return false;
    } else if let Some(after) = &written.unfreeze_after {
        let (why, label, hint) = if assigned.trunk_is_frozen() {
            (
                " has no effect: the multipliers keep every layer of the trunk frozen",
                "nothing to unfreeze",
                "remove it, or give the layers that shall learn a multiplier above 0",
            )
        } else if assigned.head_is_frozen() {
            (
                ": nothing learns before that, because the multipliers keep the head frozen",
                "nothing learns at first",
                "remove it, or give the head a multiplier above 0",
            )
        } else {
            return true;
        };
        let message = format!("`{}.unfreeze-after`{when}{why}", written.path);
        let idle = Diagnostic::new(message, Some(after.span.clone()));
        diagnostics.push(idle.label(label).hint(hint.to_owned()));
        return false;
    }
    true
}

fn hint(mistake: &MultiplierError, trunk: &[&str], cut_off: &[&str]) -> String {
    match mistake {
        MultiplierError::AfterAll(_) => "write `*` last".to_owned(),
        MultiplierError::Taken { pattern, earlier } => {
            format!("remove `{pattern}`, or write it before `{earlier}`")
        }
        MultiplierError::UnknownName(name) if cut_off.contains(&name.as_str()) => {
            format!("the backbone has a layer `{name}`, but behind the cut")
        }
        MultiplierError::UnknownName(name) => {
            let meant = nearest(name, trunk.iter().copied())
                .map_or(String::new(), |name| format!("did you mean `{name}`? "));
            format!(
                "{meant}`topwork show` lists the layers; those of the head go by number or as `head`"
            )
        }
        MultiplierError::Beyond { .. } => "`topwork show` numbers the layers".to_owned(),
    }
}
