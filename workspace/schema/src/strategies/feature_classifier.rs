//! `feature-classifier`: the head is fit once on features that are extracted once.

use super::Declared;
use crate::catalog::ComponentKind;
use crate::refusal::Refusal;
use crate::training::Train;
use crate::tree::{Node, Value};

pub(super) const KIND: Declared = Declared {
    word: "feature-classifier",
    about: "fit a classifier head once on the features",
    head: ComponentKind::ClassifierHead,
    trains_the_trunk: false,
    begins_at_random: false,
    takes_multipliers: false,
    refusals,
};

fn refusals(table: &Node, _: Option<&Train>) -> Vec<Refusal<'static>> {
    let train = table.get("train");
    // What is no table is a mistake of its own.
    if !train.is_some_and(|train| matches!(train.value, Value::Table(_))) {
        return Vec::new();
    }
    vec![Refusal {
        key: "train",
        problem: ": a `feature-classifier` is fit once and not trained".to_owned(),
        label: "has no effect",
        hint: "remove `train`; how the classifier is fit is said by the parameters of its head",
    }]
}
