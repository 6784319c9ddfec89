//! Rules by which an operation takes over the one that follows it: a file each.
//!
//! Outputs are the same bits with and without them, but for small convolutions that are trained with pooling behind them:
//! those, and all gradients, are the same up to rounding. What is taken over has
//! no backward pass of its own but for a rectifier and pooling. So a norm, a sum or another convolution
//! behind a convolution is taken over only where no gradient comes out of it: neither of the convolution, nor of the
//! own weights of what follows, nor of the other value of the sum.

mod activation;
mod bottleneck;
mod fold_norm;
mod pool;
mod rectifier;
mod residual;

use std::any::Any;

use crate::layers::{Bottleneck, Convolution};
use crate::operation::Operation;

/// Whether an operation takes over the one that follows it, and what becomes of it then.
pub(crate) type Rule = fn(&mut Node, &Follower<'_>) -> bool;

/// Each is tried once on every operation, in this order.
pub(crate) const RULES: [Rule; 5] = [
    fold_norm::apply,
    residual::apply,
    rectifier::apply,
    activation::apply,
    pool::apply,
];

/// The rule by which a convolution takes over another: behind that, all are tried anew.
pub(crate) const ANOTHER: Rule = bottleneck::apply;

/// An operation that may take over others.
pub(crate) struct Node {
    pub(crate) operation: Box<dyn Operation>,
    /// Layers whose arrays it takes: its own, then those of what it has taken over.
    pub(crate) layers: Vec<usize>,
    /// The values it takes.
    pub(crate) inputs: Vec<usize>,
}

impl Node {
    /// The operation, where it is a `T`.
    fn operation_mut<T: Operation>(&mut self) -> Option<&mut T> {
        let operation: &mut dyn Any = &mut *self.operation;
        operation.downcast_mut()
    }

    /// The convolution that what follows would go into.
    fn convolution(&mut self) -> Option<&mut Convolution> {
        let operation: &dyn Any = &*self.operation;
        match operation.is::<Bottleneck>() {
            true => self.operation_mut().map(Bottleneck::last_mut),
            false => self.operation_mut(),
        }
    }
}

/// The only operation that uses what a node gives.
pub(crate) struct Follower<'a> {
    /// Its layer.
    pub(crate) layer: usize,
    pub(crate) operation: &'a dyn Operation,
    /// The values it takes besides the node's, as far as they are there by then.
    pub(crate) others: Vec<usize>,
    /// How many inputs it takes.
    pub(crate) inputs: usize,
    /// Whether a gradient comes out of it.
    pub(crate) gradient: bool,
}

impl Follower<'_> {
    /// The operation, where it is a `T`.
    fn operation<T: Operation>(&self) -> Option<&T> {
        let operation: &dyn Any = self.operation;
        operation.downcast_ref()
    }
}

#[cfg(test)]
mod tests;
