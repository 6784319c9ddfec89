//! The mean of the tokens of a sequence: T×D becomes D.

use super::position_embedding::{check_skip, skip_in_words};
use super::{Kind, Layer, Site};
use crate::operation::{Backward, Forward, Operation, each_piece, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// The mean of the tokens of a sequence as a flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MeanTokens {
    /// So many tokens at the front are left out, such as a class token and registers.
    pub skip: usize,
}

pub(super) static KIND: Kind = Kind {
    name: "mean-tokens",
    keys: &["skip"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<MeanTokens> {
    let skip = place.number_from(0, "skip", Some(0))?;
    Some(MeanTokens { skip })
}

impl Layer for MeanTokens {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        skip_in_words(self.skip)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [_, width] = check_skip(&KIND, self.skip, inputs[0])?;
        Ok(Shape::features(width))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [tokens, width] = site.inputs[0].as_tokens()?;
        Some(Box::new(Mean {
            tokens,
            width,
            skip: self.skip,
        }))
    }
}

struct Mean {
    tokens: usize,
    width: usize,
    skip: usize,
}

impl Mean {
    fn share(&self) -> f32 {
        1.0 / (self.tokens - self.skip) as f32
    }
}

impl Operation for Mean {
    fn output(&self) -> usize {
        self.width
    }

    fn forward(&self, pass: Forward<'_>) {
        let (size, share) = (self.tokens * self.width, self.share());
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        let samples = output.chunks_exact_mut(self.width);
                        for (output, input) in samples.zip(input.chunks_exact(size)) {
                            output.fill(0.0);
                            for token in input.chunks_exact(self.width).skip(self.skip) {
                                for (sum, value) in output.iter_mut().zip(token) {
                                    *sum += value;
                                }
                            }
                            for sum in output {
                                *sum *= share;
                            }
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let (size, share) = (self.tokens * self.width, self.share());
        each_piece(
            input_gradient,
            pass.output_gradient,
            pass.samples,
            |input, output| {
                let samples = input.chunks_exact_mut(size);
                for (input, output) in samples.zip(output.chunks_exact(self.width)) {
                    let (skipped, tokens) = input.split_at_mut(self.skip * self.width);
                    skipped.fill(0.0);
                    for token in tokens.chunks_exact_mut(self.width) {
                        for (to, from) in token.iter_mut().zip(output) {
                            *to = from * share;
                        }
                    }
                }
            },
        );
    }
}
