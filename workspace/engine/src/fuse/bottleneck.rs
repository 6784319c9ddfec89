//! Depthwise and pointwise convolutions one behind the other, while their widened maps are in the cache.

use super::{Follower, Node};
use crate::layers::{Bottleneck, Convolution};

pub(super) fn apply(node: &mut Node, next: &Follower<'_>) -> bool {
    let Some(convolution) = next.operation::<Convolution>() else {
        return false;
    };
    if next.gradient {
        return false;
    }
    if let Some(bottleneck) = node.operation_mut::<Bottleneck>() {
        if !bottleneck.take_over(convolution) {
            return false;
        }
    } else {
        let first = node.operation_mut::<Convolution>();
        let Some(both) = first.and_then(|first| Bottleneck::of(first, convolution)) else {
            return false;
        };
        node.operation = Box::new(both);
    }
    node.layers.push(next.layer);
    true
}
