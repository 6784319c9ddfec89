//! `from-scratch`: trunk and head learn together on the target alone, from random weights.

use super::Declared;
use crate::catalog::ComponentKind;
use crate::refusal::Refusal;
use crate::training::Train;
use crate::tree::Node;

pub(super) const KIND: Declared = Declared {
    word: "from-scratch",
    about: "train the same network on the target alone, from random weights",
    head: ComponentKind::NetworkHead,
    trains_the_trunk: true,
    begins_at_random: true,
    takes_multipliers: false,
    refusals,
};

fn refusals(_: &Node, _: Option<&Train>) -> Vec<Refusal<'static>> {
    vec![Refusal {
        key: "weights",
        problem: " does not go with the kind `from-scratch`, which always begins at random weights"
            .to_owned(),
        label: "not here",
        hint: "remove it; `fine-tune` begins with the weights of the source",
    }]
}
