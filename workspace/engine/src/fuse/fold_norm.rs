//! A frozen batch normalisation behind a convolution: its scales and shifts are applied to the sums while they
//! are at hand.

use super::{Follower, Node};
use crate::layers::FrozenNorm;

pub(super) fn apply(node: &mut Node, next: &Follower<'_>) -> bool {
    let (Some(convolution), Some(norm)) = (node.convolution(), next.operation::<FrozenNorm>())
    else {
        return false;
    };
    if next.gradient {
        return false;
    }
    convolution.frozen.norm = Some(norm.epsilon);
    node.layers.push(next.layer);
    true
}
