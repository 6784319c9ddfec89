//! A learned vector for each place of a sequence, added to the token there; its gradient is the sum of those at its place,
//! over all samples.

use super::{Array, Kind, Layer, Site, sequence};
use crate::operation::{Backward, Forward, Operation, add_up, each_piece, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// A learned vector added to each token: position embedding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PositionEmbedding {
    /// So many tokens at the front have none, such as a class token and registers.
    pub skip: usize,
}

pub(super) static KIND: Kind = Kind {
    name: "position-embedding",
    keys: &["skip"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<PositionEmbedding> {
    let skip = place.number_from(0, "skip", Some(0))?;
    Some(PositionEmbedding { skip })
}

/// Checks that a layer of this kind which skips so many tokens leaves one at least.
pub(super) fn check_skip(kind: &Kind, skip: usize, input: Shape) -> Result<[usize; 2], Problem> {
    let [tokens, width] = sequence(kind, input)?;
    match skip < tokens {
        true => Ok([tokens, width]),
        false => Err(Problem::new(format!(
            "`skip` is {skip}, expected less than the {tokens} tokens, 0 to {}",
            tokens - 1
        ))),
    }
}

/// The settings in words.
pub(super) fn skip_in_words(skip: usize) -> String {
    match skip {
        0 => String::new(),
        skip => format!("skip {skip}"),
    }
}

impl Layer for PositionEmbedding {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        skip_in_words(self.skip)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        check_skip(&KIND, self.skip, inputs[0])?;
        Ok(inputs[0])
    }

    /// A weight of 1×tokens×width, as in timm, without the tokens that are skipped.
    fn arrays(&self, input: Shape) -> Vec<Array> {
        let [tokens, width] = input.as_tokens().unwrap_or([1, 1]);
        let count = tokens.saturating_sub(self.skip);
        vec![Array::tokens("weight", count, width)]
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [_, width] = site.output.as_tokens()?;
        Some(Box::new(Embedding {
            elements: site.output.elements(),
            first: self.skip * width,
        }))
    }
}

struct Embedding {
    elements: usize,
    /// The first value of a sample to which something is added.
    first: usize,
}

impl Operation for Embedding {
    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        let weight = pass.weights[0].of("weight");
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                let samples = output.chunks_exact_mut(self.elements);
                for (output, input) in samples.zip(input.chunks_exact(self.elements)) {
                    let (skipped, output) = output.split_at_mut(self.first);
                    let (front, input) = input.split_at(self.first);
                    skipped.copy_from_slice(front);
                    vectorized(
                        #[inline(always)]
                        || {
                            for ((to, from), add) in output.iter_mut().zip(input).zip(weight) {
                                *to = from + add;
                            }
                        },
                    );
                }
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        if let Some(mut gradients) = pass.parameter_gradients {
            let weight = gradients.take("weight");
            add_up(pass.output_gradient, self.elements, self.first, weight);
        }
        if let [Some(gradient)] = pass.input_gradients {
            gradient.copy_from_slice(pass.output_gradient);
        }
    }
}
