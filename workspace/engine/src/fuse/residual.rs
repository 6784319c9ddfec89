//! The sum of what a convolution or a batch normalisation gives and one other value that is there by then.

use super::{Follower, Node};
use crate::layers::{Sum, maps};

pub(super) fn apply(node: &mut Node, next: &Follower<'_>) -> bool {
    let (Some(_), 2, &[other]) = (next.operation::<Sum>(), next.inputs, next.others.as_slice())
    else {
        return false;
    };
    if let Some(norm) = node.operation_mut::<maps::Normalisation>() {
        norm.residual = true;
    } else if let Some(convolution) = node.convolution()
        && !next.gradient
    {
        convolution.frozen.residual = true;
    } else {
        return false;
    }
    node.inputs.push(other);
    true
}
