//! What a compiled network is made of: operations on batches, each in the file of its layer.
//!
//! Every operation cuts its work by the sizes of its operands alone and adds up in a fixed order, so that
//! its results do not depend on the number of threads. All of them must run on the threads of a
//! [`Compute`](crate::Compute).

use std::any::Any;

use rayon::prelude::*;

use crate::compute::Buffers;
use crate::layers::Pointwise;
use crate::layout::Turned;
use crate::processor;
use crate::rectifier::Rectifier;
use crate::stream::Stream;

/// One step of a compiled network. Batches are `samples × elements`, sample after sample.
pub(crate) trait Operation: Any + Send + Sync {
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

    /// The arrays laid out as the forward pass reads them, where that pays: made once for as long as they do
    /// not change.
    fn prepare(&self, _weights: &[Named<'_>]) -> Option<Vec<f32>> {
        None
    }

    /// Computes the outputs of a batch.
    fn forward(&self, pass: Forward<'_>);

    /// Computes the gradients of the inputs and of the parameters, as far as they are wanted.
    fn backward(&self, pass: Backward<'_>);

    /// Brings the layer's running statistics up to date with what a forward pass over so many samples has
    /// remembered.
    fn observe(&self, _samples: usize, _memory: &[f32], _statistics: NamedMut<'_>) {}

    /// The same for values whose channels come last, where it knows how.
    fn channels_last(&self) -> Option<Turned> {
        None
    }

    /// The rectifier that this operation is, which one before it may take over.
    fn as_rectifier(&self) -> Option<Rectifier> {
        None
    }

    /// The function of each value that this operation is, if it is one.
    fn as_pointwise(&self) -> Option<Pointwise> {
        None
    }

    /// Where the operation takes over a rectifier that follows it, if it can.
    fn rectifier_slot(&mut self) -> Option<&mut Option<Rectifier>> {
        None
    }
}

/// Arrays of one layer, under the names they have within it.
#[derive(Clone)]
pub(crate) struct Named<'a>(Vec<(&'static str, &'a [f32])>);

impl<'a> Named<'a> {
    /// The values of the array called `name`; none where the layer has no such array.
    pub(crate) fn of(&self, name: &str) -> &'a [f32] {
        let mut arrays = self.0.iter();
        let found = arrays.find(|(own, _)| *own == name);
        found.map_or(&[], |(_, values)| values)
    }
}

impl<'a> FromIterator<(&'static str, &'a [f32])> for Named<'a> {
    fn from_iter<I: IntoIterator<Item = (&'static str, &'a [f32])>>(arrays: I) -> Self {
        Self(arrays.into_iter().collect())
    }
}

/// As [`Named`], to be written.
pub(crate) struct NamedMut<'a>(Vec<(&'static str, &'a mut [f32])>);

impl<'a> NamedMut<'a> {
    /// Hands out the array called `name`; an empty one where there is none, or it was taken before.
    pub(crate) fn take(&mut self, name: &str) -> &'a mut [f32] {
        let found = self.0.iter().position(|(own, _)| *own == name);
        match found {
            Some(index) => self.0.swap_remove(index).1,
            None => &mut [],
        }
    }
}

impl<'a> FromIterator<(&'static str, &'a mut [f32])> for NamedMut<'a> {
    fn from_iter<I: IntoIterator<Item = (&'static str, &'a mut [f32])>>(arrays: I) -> Self {
        Self(arrays.into_iter().collect())
    }
}

/// What a forward pass reads and writes.
pub(crate) struct Forward<'a> {
    pub(crate) buffers: &'a Buffers,
    pub(crate) samples: usize,
    /// Of the layer itself, then of the one fused into it.
    pub(crate) weights: &'a [Named<'a>],
    /// What [`Operation::prepare`] has made of them; absent while they learn.
    pub(crate) prepared: Option<&'a [f32]>,
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
    pub(crate) weights: &'a [Named<'a>],
    pub(crate) inputs: &'a [&'a [f32]],
    pub(crate) output: &'a [f32],
    pub(crate) notes: &'a [u32],
    pub(crate) memory: &'a [f32],
    /// Gradient of the loss by each output; used up.
    pub(crate) output_gradient: &'a mut [f32],
    /// One per input, to be overwritten; absent where nothing before it is trained.
    pub(crate) input_gradients: &'a mut [Option<&'a mut [f32]>],
    /// One per array that is learned, to be overwritten; absent where the operation is frozen or has no
    /// such arrays.
    pub(crate) parameter_gradients: Option<NamedMut<'a>>,
}

/// Into how many pieces a batch or a matrix is cut at most. Fixed, since gradients are added up piece by
/// piece; a multiple of the usual numbers of threads, so that all of them have the same to do.
pub(crate) const PIECES: usize = 16;

/// The pieces of a batch held in `values`; none of their contents where `values` is empty, but as many.
pub(crate) fn pieces<T>(values: &[T], samples: usize) -> Vec<&[T]> {
    let (piece, count) = piece_of(samples);
    let size = piece * values.len().checked_div(samples).unwrap_or(0);
    let bounds = |index: usize| (index * size).min(values.len());
    (0..count)
        .map(|index| &values[bounds(index)..bounds(index + 1)])
        .collect()
}

/// As [`pieces`], to be written.
pub(crate) fn pieces_mut<T>(values: &mut [T], samples: usize) -> Vec<&mut [T]> {
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

/// Fills each piece of `to` by the piece of `from` with the same samples, piece beside piece.
pub(crate) fn each_piece(
    to: &mut [f32],
    from: &[f32],
    samples: usize,
    work: impl Fn(&mut [f32], &[f32]) + Sync,
) {
    pieces_mut(to, samples)
        .into_par_iter()
        .with_max_len(1)
        .zip(pieces(from, samples))
        .for_each(|(to, from)| work(to, from));
}

/// Room for each of so many pieces to add up gradients in: `size` numbers, which may be none.
pub(crate) fn rooms(numbers: &mut [f32], pieces: usize, size: usize) -> Vec<&mut [f32]> {
    let mut rest = numbers;
    (0..pieces)
        .map(|_| rest.split_off_mut(..size).unwrap_or_default())
        .collect()
}

/// Adds up the gradients of all pieces, or samples, in their order: those of one parameter, which start at `offset` in the
/// `size` numbers of each.
pub(crate) fn add_up(sums: &[f32], size: usize, offset: usize, gradient: &mut [f32]) {
    /// Large enough to be worth a thread's while, small enough to stay in its cache.
    const BLOCK: usize = 4096;
    gradient
        .par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, gradient)| {
            gradient.fill(0.0);
            vectorized(
                #[inline(always)]
                || {
                    for piece in sums.chunks_exact(size) {
                        let piece = &piece[offset + block * BLOCK..];
                        for (gradient, &sum) in gradient.iter_mut().zip(piece) {
                            *gradient += sum;
                        }
                    }
                },
            );
        });
}

/// Runs `work` compiled for the vector instructions this processor turns out to have.
///
/// Only code inlined into `work` gains from it, and `work` itself only when it is inlined here: a
/// closure that the compiler keeps apart is compiled for the oldest processor. So closures given to
/// this function are marked `#[inline(always)]`.
pub(crate) fn vectorized<R>(work: impl FnOnce() -> R) -> R {
    processor::arch().dispatch(work)
}
