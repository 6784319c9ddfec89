//! Max pooling behind a small convolution, while the map is in the cache.

use super::{Follower, Node};
use crate::layers::{Convolution, MaxPooling};

pub(super) fn apply(node: &mut Node, next: &Follower<'_>) -> bool {
    let (Some(convolution), Some(pool)) = (
        node.operation_mut::<Convolution>(),
        next.operation::<MaxPooling>(),
    ) else {
        return false;
    };
    // Else convolution and pooling have their channels last, each by itself.
    let may = next.gradient && convolution.may_pool(&pool.windows);
    if may {
        convolution.pool = Some(pool.windows);
    }
    may
}
