//! `frozen-backbone`: only the head learns, on features that are extracted once.

use super::Declared;
use crate::catalog::ComponentKind;
use crate::refusal::Refusal;
use crate::training::Train;
use crate::tree::Node;

pub(super) const KIND: Declared = Declared {
    word: "frozen-backbone",
    about: "train a network head on the frozen backbone",
    head: ComponentKind::NetworkHead,
    trains_the_trunk: false,
    begins_at_random: false,
    takes_multipliers: false,
    refusals,
};

fn refusals(_: &Node, _: Option<&Train>) -> Vec<Refusal<'static>> {
    vec![Refusal {
        key: "train.augment",
        problem:
            ": the features of a `frozen-backbone` are extracted once, from the images as they \
                  are"
            .to_owned(),
        label: "has no effect",
        hint: "remove it, or write kind = \"fine-tune\" with learning-rate-multipliers = { head = \
               1.0, \"*\" = 0.0 } to train the head alone on changing images",
    }]
}
