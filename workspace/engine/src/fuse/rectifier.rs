//! A rectifier behind whatever can do it on the way.

use super::{Follower, Node};

pub(super) fn apply(node: &mut Node, next: &Follower<'_>) -> bool {
    match (
        node.operation.rectifier_slot(),
        next.operation.as_rectifier(),
    ) {
        (Some(slot), Some(rectifier)) => {
            *slot = Some(rectifier);
            true
        }
        _ => false,
    }
}
