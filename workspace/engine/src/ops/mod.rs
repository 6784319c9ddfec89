//! The operations a network is compiled into: one file each, a folder where there is a kernel beside it.
//!
//! Every operation cuts its work by the sizes of its operands alone and adds up in a fixed order, so that
//! its results do not depend on the number of threads. All of them must run on the threads of a
//! [`Compute`](crate::Compute).

mod activation;
mod avg_pool2d;
mod batch_norm1d;
mod batch_norm2d;
mod combine;
mod conv2d;
mod dropout;
mod frozen_norm2d;
mod linear;
mod max_pool2d;
mod rectifier;

use crate::compute::Buffers;
use crate::stream::Stream;

pub(crate) use activation::Activate;
pub(crate) use avg_pool2d::AvgPool2d;
pub(crate) use batch_norm1d::BatchNorm1d;
pub(crate) use batch_norm2d::BatchNorm2d;
pub(crate) use combine::{Add, Concat, Multiply};
pub(crate) use conv2d::{Conv2d, Convolution};
pub(crate) use dropout::Dropout;
pub(crate) use frozen_norm2d::FrozenNorm2d;
pub(crate) use linear::Linear;
pub(crate) use max_pool2d::{MaxPool2d, Windows};
pub(crate) use rectifier::Rectifier;

/// One step of a compiled network. Batches are `samples × elements`, sample after sample.
pub(crate) trait Operation: Send + Sync {
    /// Elements of one sample that leaves.
    fn output(&self) -> usize;

    /// Positions per sample that the forward pass notes down for the backward pass.
    fn noted(&self) -> usize {
        0
    }

    /// Numbers that the forward pass remembers for the backward pass of a whole batch.
    fn remembered(&self, _samples: usize) -> usize {
        0
    }

    /// Draws what is left to chance into what is remembered, before the forward pass.
    fn draw(&self, _stream: &mut Stream, _memory: &mut [f32]) {}

    /// Computes the outputs of a batch.
    fn forward(&self, pass: Forward<'_>);

    /// Computes the gradients of the inputs and of the parameters, as far as they are wanted.
    fn backward(&self, pass: Backward<'_>);
}

/// The weights of one layer; empty where it has none of a kind.
#[derive(Clone, Copy, Default)]
pub(crate) struct Weights<'a> {
    pub(crate) weight: &'a [f32],
    pub(crate) bias: &'a [f32],
    /// Running mean and variance of batch normalisation.
    pub(crate) mean: &'a [f32],
    pub(crate) variance: &'a [f32],
}

/// Weight and bias, or what belongs to them.
#[derive(Clone)]
pub(crate) struct Pair<T> {
    pub(crate) weight: T,
    pub(crate) bias: T,
}

/// What a forward pass reads and writes.
pub(crate) struct Forward<'a> {
    pub(crate) buffers: &'a Buffers,
    pub(crate) samples: usize,
    /// Of the layer itself, then of the one fused into it.
    pub(crate) weights: &'a [Weights<'a>],
    pub(crate) inputs: &'a [&'a [f32]],
    pub(crate) output: &'a mut [f32],
    /// Where the operation notes and remembers what its backward pass needs.
    pub(crate) notes: &'a mut [u32],
    pub(crate) memory: &'a mut [f32],
}

/// What a backward pass reads and writes.
pub(crate) struct Backward<'a> {
    pub(crate) buffers: &'a Buffers,
    pub(crate) samples: usize,
    pub(crate) weights: &'a [Weights<'a>],
    pub(crate) inputs: &'a [&'a [f32]],
    pub(crate) output: &'a [f32],
    pub(crate) notes: &'a [u32],
    pub(crate) memory: &'a [f32],
    /// Gradient of the loss by each output; used up.
    pub(crate) output_gradient: &'a mut [f32],
    /// One per input, to be overwritten; absent where nothing before it is trained.
    pub(crate) input_gradients: &'a mut [Option<&'a mut [f32]>],
    /// To be overwritten; absent where the operation is frozen or has no parameters.
    pub(crate) parameter_gradients: Option<Pair<&'a mut [f32]>>,
}

/// Into how many pieces a batch or a matrix is cut at most. Fixed, since gradients are added up piece by
/// piece; a multiple of the usual numbers of threads, so that all of them have the same to do.
const PIECES: usize = 16;

/// The pieces of a batch held in `values`; none of their contents where `values` is empty, but as many.
fn pieces<T>(values: &[T], samples: usize) -> Vec<&[T]> {
    let (piece, count) = piece_of(samples);
    let size = piece * values.len().checked_div(samples).unwrap_or(0);
    let bounds = |index: usize| (index * size).min(values.len());
    (0..count)
        .map(|index| &values[bounds(index)..bounds(index + 1)])
        .collect()
}

/// As [`pieces`], to be written.
fn pieces_mut<T>(values: &mut [T], samples: usize) -> Vec<&mut [T]> {
    let (piece, count) = piece_of(samples);
    let size = piece * values.len().checked_div(samples).unwrap_or(0);
    let mut rest = values;
    (0..count)
        .map(|_| {
            let end = size.min(rest.len());
            rest.split_off_mut(..end).unwrap_or_default()
        })
        .collect()
}

/// Samples in each piece of a batch, the last of which may be smaller, and the number of pieces.
fn piece_of(samples: usize) -> (usize, usize) {
    let piece = samples.div_ceil(PIECES).max(1);
    (piece, samples.div_ceil(piece))
}

/// Runs `work` compiled for the vector instructions this processor turns out to have.
///
/// Only code inlined into `work` gains from it, and `work` itself only when it is inlined here: a
/// closure that the compiler keeps apart is compiled for the oldest processor. So closures given to
/// this function are marked `#[inline(always)]`.
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    pulp::Arch::new().dispatch(work)
}

#[cfg(test)]
pub(crate) mod tests;
