//! Any other activation behind a convolution, where no gradient passes.

use super::{Follower, Node};

pub(super) fn apply(node: &mut Node, next: &Follower<'_>) -> bool {
    let (Some(convolution), Some(activation), false) = (
        node.convolution(),
        next.operation.as_pointwise(),
        next.gradient,
    ) else {
        return false;
    };
    // What is rectified has had its activation.
    let may = convolution.rectifier.is_none();
    if may {
        convolution.frozen.activation = Some(activation);
    }
    may
}
