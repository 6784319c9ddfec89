//! `fine-tune`: trunk and head learn together, from the weights the backbone has.

use super::Declared;
use crate::catalog::ComponentKind;
use crate::refusal::Refusal;
use crate::training::Train;
use crate::tree::Node;

pub(super) const KIND: Declared = Declared {
    word: "fine-tune",
    about: "train a network head and the backbone, from the weights it has",
    head: ComponentKind::NetworkHead,
    trains_the_trunk: true,
    begins_at_random: false,
    takes_multipliers: true,
    refusals,
};

fn refusals(table: &Node, train: Option<&Train>) -> Vec<Refusal<'static>> {
    let after = table.get("unfreeze-after").and_then(Node::integer);
    let (Some(after), Some(Train { epochs, .. })) = (after, train) else {
        return Vec::new();
    };
    if after < *epochs as u64 {
        return Vec::new();
    }
    vec![Refusal {
        key: "unfreeze-after",
        problem: format!(": expected fewer than `epochs` ({epochs}), found {after}"),
        label: "never unfrozen",
        hint: "train for more epochs; for a trunk that stays frozen, write \
               kind = \"frozen-backbone\"",
    }]
}
