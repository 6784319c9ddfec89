//! Multi-head self-attention (Vaswani et al., "Attention is all you need", 2017): `[Q K V] = X Wᵀ + b`, then for
//! each head `P = softmax(Q Kᵀ/√d + B)` row by row and `O = P V`, and `Y = O Uᵀ + c` of all heads' outputs side by side.
//! `B`, where it is wanted, tells of each pair of places how much they have to do with one another.
//!
//! Gradients, head by head: `dV = Pᵀ dO`, `dP = dO Vᵀ`, `dB = P ⊙ (dP - Σ P ⊙ dP)` with the sum over a row,
//! `dS = dB/√d`, `dQ = dS K`, `dK = dSᵀ Q`; those of the two linear maps are as in `linear`.
//!
//! `P` is never there as a whole: some of its rows are computed, used and overwritten while they are in the cache, and computed
//! again for the backward pass, as in Dao et al., "FlashAttention", 2022; their softmax sees whole rows. Sums over the batch
//! are put together from its pieces, in order.

use std::ops::Range;

use rayon::prelude::*;

use super::activation::exp;
use super::{Array, Kind, Layer, Site, Start, check_divides, sequence, several};
use crate::compute::Buffers;
use crate::matrix::{Matrix, MatrixMut};
use crate::operation::{
    Backward, Forward, Named, Operation, add_up, pieces, pieces_mut, rooms, vectorized,
};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;
use crate::sums::{STRANDS, add_up_pairs};

/// Multi-head self-attention between tokens, `Attention` in `timm/models/vision_transformer.py`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attention {
    /// Into how many heads the width is divided.
    pub heads: usize,
    /// Whether queries, keys and values have a bias; the map behind them has one always.
    pub bias: bool,
    /// Whether each head adds a learned number to the score of every pair of tokens, as relative position biases come
    /// to where the number of tokens is fixed.
    pub position_bias: bool,
}

pub(super) static KIND: Kind = Kind {
    name: "attention",
    keys: &["heads", "bias", "position-bias"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Attention> {
    let heads = place.number("heads", None);
    let bias = place.flag("bias", true);
    let position_bias = place.flag("position-bias", false);
    Some(Attention {
        heads: heads?,
        bias: bias?,
        position_bias: position_bias?,
    })
}

impl Layer for Attention {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mut detail = several(self.heads, "head");
        if !self.bias {
            detail += ", no bias";
        }
        if self.position_bias {
            detail += ", position bias";
        }
        detail
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [_, width] = sequence(&KIND, inputs[0])?;
        check_divides("heads", self.heads, width, "the width")?;
        Ok(inputs[0])
    }

    /// Named and laid out as in timm: queries, keys and values one below the other. Biases of positions are
    /// heads × tokens × tokens and start at 0.
    fn arrays(&self, input: Shape) -> Vec<Array> {
        let [tokens, width] = input.as_tokens().unwrap_or([1, 1]);
        let position_bias = self.position_bias.then(|| Array {
            name: "position_bias",
            shape: vec![self.heads, tokens, tokens],
            learned: true,
            start: Start::Constant(0.0),
        });
        let maps = maps(width, self.bias);
        maps.chain(position_bias).collect()
    }

    /// The linear maps, scores and sums of values.
    fn multiply_adds(&self, input: Shape, _output: Shape) -> u64 {
        let [tokens, width] = input.as_tokens().unwrap_or([0, 0]).map(|size| size as u64);
        4 * tokens * width * width + 2 * tokens * tokens * width
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [tokens, width] = site.output.as_tokens()?;
        Some(Box::new(Attending {
            tokens,
            width,
            heads: self.heads,
            keeps: site.learns,
        }))
    }
}

/// The linear maps to queries, keys and values, and of what the heads give.
pub(super) fn maps(width: usize, bias: bool) -> impl Iterator<Item = Array> {
    let renamed = |(mut array, name): (Array, _)| {
        array.name = name;
        array
    };
    let maps = Array::weight_and_bias(vec![width.saturating_mul(3), width], bias);
    let last = Array::weight_and_bias(vec![width, width], true);
    let maps = maps.into_iter().zip(["qkv.weight", "qkv.bias"]);
    let last = last.into_iter().zip(["proj.weight", "proj.bias"]);
    maps.chain(last).map(renamed)
}

#[derive(Clone)]
pub(super) struct Attending {
    pub(super) tokens: usize,
    pub(super) width: usize,
    pub(super) heads: usize,
    /// Whether what is between input and output is remembered for the backward pass: queries, keys and values (tokens × 3
    /// widths) and what the heads give (tokens × width). Where nothing here learns, the former are computed again.
    pub(super) keeps: bool,
}

impl Attending {
    /// Width of a head, and what scores are multiplied by.
    fn head(&self) -> (usize, f32) {
        let width = self.width / self.heads;
        (width, 1.0 / (width as f32).sqrt())
    }

    /// Queries (0), keys (1) or values (2) of a head.
    fn map<'a>(&self, maps: &'a [f32], which: usize, head: usize) -> Matrix<'a> {
        let (width, _) = self.head();
        let from = which * self.width + head * width;
        Matrix::new(maps, self.tokens, 3 * self.width).columns(from, from + width)
    }

    /// Queries, keys and values of one sequence.
    fn project(&self, input: &[f32], weights: &Named<'_>, maps: &mut [f32]) {
        let (tokens, width) = (self.tokens, self.width);
        let input = Matrix::new(input, tokens, width);
        let weight = Matrix::new(weights.of("qkv.weight"), 3 * width, width);
        MatrixMut::new(maps, tokens, 3 * width).set_product(input, weight.transposed());
        add_to_rows(maps, weights.of("qkv.bias"));
    }

    /// Rows of `P` that are computed at a time: as many as stay in a core's cache, in parts of about the same size.
    fn rows_at_once(&self) -> usize {
        // Few where this is tested, so that there are several parts.
        const VALUES: usize = if cfg!(test) { 8 } else { 1 << 15 };
        const LEAST: usize = if cfg!(test) { 2 } else { 16 };
        let most = (VALUES / self.tokens).max(LEAST);
        self.tokens.div_ceil(self.tokens.div_ceil(most))
    }

    fn blocks(&self) -> impl Iterator<Item = Range<usize>> + use<> {
        let (tokens, rows) = (self.tokens, self.rows_at_once());
        let starts = (0..tokens).step_by(rows);
        starts.map(move |start| start..tokens.min(start + rows))
    }

    /// Some rows of `P` of a head; `biases` has a number for each pair of tokens in each head, or nothing.
    fn fill_shares(
        &self,
        maps: &[f32],
        biases: &[f32],
        head: usize,
        rows: &Range<usize>,
        shares: &mut [f32],
    ) {
        let tokens = self.tokens;
        let (_, scale) = self.head();
        let map = |which| self.map(maps, which, head);
        let queries = map(0).rows(rows.start, rows.end);
        MatrixMut::new(shares, rows.len(), tokens).set_product(queries, map(1).transposed());
        let bias = biases.chunks_exact(tokens * tokens).nth(head);
        let bias = bias.map(|bias| &bias[rows.start * tokens..]);
        vectorized(
            #[inline(always)]
            || {
                let Some(bias) = bias else {
                    // In a loop of its own: what an iterator calls may be compiled apart, for the oldest processor.
                    for row in shares.chunks_exact_mut(tokens) {
                        softmax(row, scale);
                    }
                    return;
                };
                let rows = shares.chunks_exact_mut(tokens);
                for (row, bias) in rows.zip(bias.chunks_exact(tokens)) {
                    for (score, bias) in row.iter_mut().zip(bias) {
                        *score = *score * scale + bias;
                    }
                    softmax(row, 1.0);
                }
            },
        );
    }

    /// What the heads give for one sequence.
    fn attend(&self, buffers: &Buffers, maps: &[f32], biases: &[f32], joined: &mut [f32]) {
        let (tokens, width) = (self.tokens, self.width);
        let mut shares = buffers.take(self.rows_at_once() * tokens);
        let joined = MatrixMut::new(joined, tokens, width).into_column_blocks(self.head().0);
        for (head, mut joined) in joined.into_iter().enumerate() {
            let values = self.map(maps, 2, head);
            for rows in self.blocks() {
                let shares = &mut shares[..rows.len() * tokens];
                self.fill_shares(maps, biases, head, &rows, shares);
                joined
                    .rows_between(rows.start, rows.end)
                    .set_product(Matrix::new(shares, rows.len(), tokens), values);
            }
        }
    }

    /// The gradient of the maps from that of the joined heads; adds that of the biases of positions, if there are any.
    fn attend_back(
        &self,
        buffers: &Buffers,
        [maps, biases]: [&[f32]; 2],
        joined_gradient: &[f32],
        maps_gradient: &mut [f32],
        bias_gradient: &mut [f32],
    ) {
        let tokens = self.tokens;
        let (width, scale) = self.head();
        let room = self.rows_at_once() * tokens;
        let (mut shares, mut gradient) = (buffers.take(room), buffers.take(room));
        maps_gradient.fill(0.0);
        let all = MatrixMut::new(maps_gradient, tokens, 3 * self.width);
        let mut gradients = all.into_column_blocks(width);
        let mut bias_gradients = bias_gradient.chunks_exact_mut(tokens * tokens);
        for head in 0..self.heads {
            let map = |which| self.map(maps, which, head);
            let from = head * width;
            let outer = Matrix::new(joined_gradient, tokens, self.width);
            let outer = outer.columns(from, from + width);
            let mut bias_gradient = bias_gradients.next();
            for rows in self.blocks() {
                let size = rows.len() * tokens;
                let (shares, gradient) = (&mut shares[..size], &mut gradient[..size]);
                self.fill_shares(maps, biases, head, &rows, shares);
                let own = outer.rows(rows.start, rows.end);
                let matrix = Matrix::new(shares, rows.len(), tokens);
                gradients[2 * self.heads + head].add_product(matrix.transposed(), own);
                MatrixMut::new(gradient, rows.len(), tokens).set_product(own, map(2).transposed());
                let sums = bias_gradient.as_deref_mut();
                let sums = sums.map(|sums| &mut sums[rows.start * tokens..][..size]);
                vectorized(
                    #[inline(always)]
                    || {
                        let both = gradient.chunks_exact_mut(tokens);
                        for (row, shares) in both.zip(shares.chunks_exact(tokens)) {
                            let total = add_up_pairs([row, shares], |d, p| d * p) as f32;
                            for (d, &p) in row.iter_mut().zip(shares) {
                                *d = p * (*d - total);
                            }
                        }
                        for (sum, d) in sums.into_iter().flatten().zip(gradient.iter()) {
                            *sum += d;
                        }
                        for d in gradient.iter_mut() {
                            *d *= scale;
                        }
                    },
                );
                let scores = Matrix::new(gradient, rows.len(), tokens);
                gradients[head]
                    .rows_between(rows.start, rows.end)
                    .set_product(scores, map(1));
                let queries = map(0).rows(rows.start, rows.end);
                gradients[self.heads + head].add_product(scores.transposed(), queries);
            }
        }
    }
}

/// `exp(scale · x)` over its sum; the largest is taken away first, so that nothing overflows.
#[inline(always)]
fn softmax(row: &mut [f32], scale: f32) {
    let mut most = [f32::NEG_INFINITY; STRANDS];
    let (blocks, rest) = row.as_chunks::<STRANDS>();
    for block in blocks {
        for strand in 0..STRANDS {
            most[strand] = most[strand].max(block[strand]);
        }
    }
    let most = most.iter().chain(rest).copied();
    let most = most.fold(f32::NEG_INFINITY, f32::max);
    for value in row.iter_mut() {
        *value = exp((*value - most) * scale);
    }
    let total = add_up_pairs([row, row], |value, _| value);
    let share = (1.0 / total) as f32;
    for value in row {
        *value *= share;
    }
}

fn add_to_rows(rows: &mut [f32], bias: &[f32]) {
    if bias.is_empty() {
        return;
    }
    for row in rows.chunks_exact_mut(bias.len()) {
        for (value, bias) in row.iter_mut().zip(bias) {
            *value += bias;
        }
    }
}

/// Adds the sums of the columns.
fn add_rows(rows: &[f32], sums: &mut [f32]) {
    if sums.is_empty() {
        return;
    }
    for row in rows.chunks_exact(sums.len()) {
        for (sum, value) in sums.iter_mut().zip(row) {
            *sum += value;
        }
    }
}

/// The arrays in the order in which their gradients stand behind one another.
pub(super) const ARRAYS: [&str; 5] = [
    "qkv.weight",
    "qkv.bias",
    "proj.weight",
    "proj.bias",
    "position_bias",
];

impl Attending {
    /// Numbers of a sequence.
    fn size(&self) -> usize {
        self.tokens * self.width
    }

    /// Numbers that are remembered of so many sequences.
    pub(super) fn remembers(&self, count: usize) -> usize {
        match self.keeps {
            true => count * 4 * self.size(),
            false => 0,
        }
    }

    /// What comes out for each of several sequences, which have biases of their own.
    pub(super) fn forward_all<'b>(
        &self,
        buffers: &Buffers,
        weights: &Named<'_>,
        biases: impl Fn(usize) -> &'b [f32] + Sync,
        inputs: &[f32],
        outputs: &mut [f32],
        memory: &mut [f32],
    ) {
        let size = self.size();
        let count = outputs.len() / size;
        let weight = Matrix::new(weights.of("proj.weight"), self.width, self.width);
        outputs
            .par_chunks_exact_mut(size)
            .zip(inputs.par_chunks_exact(size))
            .zip(rooms(memory, count, self.remembers(1)))
            .enumerate()
            .for_each(|(index, ((output, input), memory))| {
                let mut room = buffers.take(4 * size - memory.len());
                let between = if self.keeps { memory } else { &mut room };
                let (maps, joined) = between.split_at_mut(3 * size);
                self.project(input, weights, maps);
                self.attend(buffers, maps, biases(index), joined);
                let joined = Matrix::new(joined, self.tokens, self.width);
                MatrixMut::new(output, self.tokens, self.width)
                    .set_product(joined, weight.transposed());
                add_to_rows(output, weights.of("proj.bias"));
            });
    }

    /// The gradients of several sequences, and of the arrays in the order of [`ARRAYS`] where they are wanted.
    pub(super) fn backward_all<'b>(
        &self,
        buffers: &Buffers,
        weights: &Named<'_>,
        biases: impl Fn(usize) -> &'b [f32] + Sync,
        sequences: Sequences<'_>,
        gradients: Option<[&mut [f32]; 5]>,
    ) {
        let (tokens, width, size) = (self.tokens, self.width, self.size());
        let Sequences {
            count,
            inputs,
            output_gradient,
            input_gradient,
            memory,
        } = sequences;
        let first = Matrix::new(weights.of("qkv.weight"), 3 * width, width);
        let last = Matrix::new(weights.of("proj.weight"), width, width);
        let lengths = match &gradients {
            Some(gradients) => gradients.each_ref().map(|gradient| gradient.len()),
            None => [0; 5],
        };
        let room = lengths.iter().sum();
        let dys = pieces(output_gradient, count);
        let each = dys.first().map_or(0, |dys| dys.len() / size);
        let mut sums = buffers.take(dys.len() * room);
        let mut sums_of = rooms(&mut sums, dys.len(), room);
        dys.into_par_iter()
            .with_max_len(1)
            .zip(pieces(inputs, count))
            .zip(pieces_mut(input_gradient, count))
            .zip(&mut sums_of)
            .enumerate()
            .for_each(|(piece, (((dys, inputs), dxs), sums))| {
                sums.fill(0.0);
                let mut rest = &mut **sums;
                let [dfirst, dfirst_bias, dlast, dlast_bias, dposition] =
                    lengths.map(|length| rest.split_off_mut(..length).unwrap_or_default());
                let mut maps_room = buffers.take(if self.keeps { 0 } else { 3 * size });
                let mut joined_gradient = buffers.take(size);
                let mut maps_gradient = buffers.take(3 * size);
                let mut dxs = dxs.chunks_exact_mut(size);
                let both = dys.chunks_exact(size).zip(inputs.chunks_exact(size));
                for (index, (dy, input)) in both.enumerate() {
                    let sequence = piece * each + index;
                    let remembered = self.remembers(1);
                    let memory = &memory[sequence * remembered..][..remembered];
                    let (maps, joined) = match self.keeps {
                        true => memory.split_at(3 * size),
                        false => {
                            self.project(input, weights, &mut maps_room);
                            (&maps_room[..], &[][..])
                        }
                    };
                    let (dy_rows, input) = (
                        Matrix::new(dy, tokens, width),
                        Matrix::new(input, tokens, width),
                    );
                    MatrixMut::new(&mut joined_gradient, tokens, width).set_product(dy_rows, last);
                    self.attend_back(
                        buffers,
                        [maps, biases(sequence)],
                        &joined_gradient,
                        &mut maps_gradient,
                        dposition,
                    );
                    let maps_rows = Matrix::new(&maps_gradient, tokens, 3 * width);
                    if let Some(dx) = dxs.next() {
                        MatrixMut::new(dx, tokens, width).set_product(maps_rows, first);
                    }
                    if room == 0 {
                        continue;
                    }
                    let joined = Matrix::new(joined, tokens, width);
                    MatrixMut::new(dlast, width, width).add_product(dy_rows.transposed(), joined);
                    add_rows(dy, dlast_bias);
                    MatrixMut::new(dfirst, 3 * width, width)
                        .add_product(maps_rows.transposed(), input);
                    add_rows(&maps_gradient, dfirst_bias);
                }
            });
        let mut offset = 0;
        for (gradient, length) in gradients.into_iter().flatten().zip(lengths) {
            add_up(&sums, room, offset, gradient);
            offset += length;
        }
    }
}

/// Sequences one behind the other, and the gradients by them.
pub(super) struct Sequences<'a> {
    pub(super) count: usize,
    pub(super) inputs: &'a [f32],
    pub(super) output_gradient: &'a [f32],
    /// Empty where it is not wanted.
    pub(super) input_gradient: &'a mut [f32],
    /// What the forward pass has remembered.
    pub(super) memory: &'a [f32],
}

impl Operation for Attending {
    fn output(&self) -> usize {
        self.size()
    }

    fn remembered(&self, samples: usize) -> usize {
        self.remembers(samples)
    }

    fn forward(&self, pass: Forward<'_>) {
        let weights = &pass.weights[0];
        let biases = weights.of("position_bias");
        let (inputs, outputs) = (pass.inputs[0], pass.output);
        self.forward_all(
            pass.buffers,
            weights,
            |_| biases,
            inputs,
            outputs,
            pass.memory,
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let weights = &pass.weights[0];
        let biases = weights.of("position_bias");
        let sequences = Sequences {
            count: pass.samples,
            inputs: pass.inputs[0],
            output_gradient: pass.output_gradient,
            input_gradient: match pass.input_gradients {
                [Some(gradient)] => gradient,
                _ => &mut [],
            },
            memory: pass.memory,
        };
        let gradients = pass.parameter_gradients;
        let gradients = gradients.map(|mut gradients| ARRAYS.map(|name| gradients.take(name)));
        self.backward_all(pass.buffers, weights, |_| biases, sequences, gradients);
    }
}
