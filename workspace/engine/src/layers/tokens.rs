//! The places of a map as a sequence of tokens: C×H×W becomes H·W×C, row after row.

use rayon::prelude::*;

use super::{Kind, Layer, Site, image};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, each_piece, pieces, pieces_mut};
use crate::problem::Problem;
use crate::shape::Shape;

/// The places of a map as a sequence of tokens: C×H×W becomes H·W×C, row after row, as by
/// `x.flatten(2).transpose(1, 2)` in PyTorch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tokens;

pub(super) static KIND: Kind = Kind {
    name: "tokens",
    keys: &[],
    inputs: (1, 1),
    read: |_| Some(Tokens.into()),
};

impl Layer for Tokens {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [channels, height, width] = image(&KIND, inputs[0])?;
        Ok(Shape::tokens(height.saturating_mul(width), channels))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [tokens, channels] = site.output.as_tokens()?;
        Some(Box::new(Transposition { tokens, channels }))
    }
}

struct Transposition {
    tokens: usize,
    channels: usize,
}

/// Transposes the matrices of a batch, each of so many rows and columns.
fn transpose(from: &[f32], to: &mut [f32], [rows, columns]: [usize; 2], samples: usize) {
    let size = rows * columns;
    pieces_mut(to, samples)
        .into_par_iter()
        .with_max_len(1)
        .zip(pieces(from, samples))
        .for_each(|(to, from)| {
            for (to, from) in to.chunks_exact_mut(size).zip(from.chunks_exact(size)) {
                for (column, to) in to.chunks_exact_mut(rows).enumerate() {
                    let values = from[column..].iter().step_by(columns);
                    for (to, from) in to.iter_mut().zip(values) {
                        *to = *from;
                    }
                }
            }
        });
}

/// The numbers as they are.
struct Copying {
    elements: usize,
}

impl Operation for Copying {
    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        each_piece(pass.output, pass.inputs[0], pass.samples, |to, from| {
            to.copy_from_slice(from)
        });
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(gradient)] = pass.input_gradients {
            each_piece(gradient, pass.output_gradient, pass.samples, |to, from| {
                to.copy_from_slice(from)
            });
        }
    }
}

impl Operation for Transposition {
    fn output(&self) -> usize {
        self.tokens * self.channels
    }

    /// The tokens are the places.
    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Copying {
            elements: self.output(),
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        let sizes = [self.channels, self.tokens];
        transpose(pass.inputs[0], pass.output, sizes, pass.samples);
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(gradient)] = pass.input_gradients {
            let sizes = [self.tokens, self.channels];
            transpose(pass.output_gradient, gradient, sizes, pass.samples);
        }
    }
}
