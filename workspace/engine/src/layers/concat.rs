//! Inputs one behind the other, along the first dimension of a sample: channels, tokens or features.

use rayon::prelude::*;

use super::{Kind, Layer, Site, in_words};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation};
use crate::problem::Problem;
use crate::shape::Shape;

/// Two or more inputs one behind the other: the channels of maps, the tokens of sequences or the features of vectors.
/// `torch.cat(inputs, dim=1)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Concat;

pub(super) static KIND: Kind = Kind {
    name: "concat",
    keys: &[],
    inputs: (2, usize::MAX),
    read: |_| Some(Concat.into()),
};

impl Layer for Concat {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let input = inputs[0];
        let mut count = 0usize;
        for &other in inputs {
            if other.with_first(1) != input.with_first(1) {
                let expected = match input.dims().len() {
                    1 => "flat vectors alone",
                    2 => "tokens of one width",
                    _ => "inputs of one height and width",
                };
                return Err(Problem::new(format!(
                    "concat needs {expected}, but gets {} and {}",
                    in_words(input),
                    in_words(other)
                )));
            }
            count = count.saturating_add(other.dims()[0]);
        }
        Ok(input.with_first(count))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Concatenation {
            lengths: site.inputs.iter().map(Shape::elements).collect(),
            places: match site.output.as_image() {
                Some(_) => site.output.channels().1,
                None => 1,
            },
        }))
    }
}

/// Inputs of these lengths, one behind the other within each sample.
struct Concatenation {
    lengths: Vec<usize>,
    /// Values of a channel, where there are channels.
    places: usize,
}

/// The same place after place.
struct ChannelsLast {
    channels: Vec<usize>,
    places: usize,
}

impl Operation for ChannelsLast {
    fn output(&self) -> usize {
        self.channels.iter().sum::<usize>() * self.places
    }

    fn forward(&self, pass: Forward<'_>) {
        let all: usize = self.channels.iter().sum();
        let samples = pass.output.par_chunks_exact_mut(self.output());
        samples.enumerate().for_each(|(sample, output)| {
            let mut from = 0;
            for (input, &channels) in pass.inputs.iter().zip(&self.channels) {
                let size = channels * self.places;
                let input = input[sample * size..][..size].chunks_exact(channels);
                for (output, input) in output.chunks_exact_mut(all).zip(input) {
                    output[from..from + channels].copy_from_slice(input);
                }
                from += channels;
            }
        });
    }

    fn backward(&self, pass: Backward<'_>) {
        let all: usize = self.channels.iter().sum();
        let mut start = 0;
        for (gradient, &channels) in pass.input_gradients.iter_mut().zip(&self.channels) {
            if let Some(gradient) = gradient {
                gradient
                    .par_chunks_exact_mut(channels * self.places)
                    .zip(pass.output_gradient.par_chunks_exact(self.output()))
                    .for_each(|(to, from)| {
                        let places = to.chunks_exact_mut(channels).zip(from.chunks_exact(all));
                        for (to, from) in places {
                            to.copy_from_slice(&from[start..start + channels]);
                        }
                    });
            }
            start += channels;
        }
    }
}

impl Operation for Concatenation {
    fn output(&self) -> usize {
        self.lengths.iter().sum()
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(ChannelsLast {
            channels: (self.lengths.iter())
                .map(|length| length / self.places)
                .collect(),
            places: self.places,
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        pass.output
            .par_chunks_exact_mut(self.output())
            .enumerate()
            .for_each(|(sample, mut output)| {
                for (input, &length) in pass.inputs.iter().zip(&self.lengths) {
                    let (own, rest) = output.split_at_mut(length);
                    own.copy_from_slice(&input[sample * length..(sample + 1) * length]);
                    output = rest;
                }
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let whole = self.output();
        let mut start = 0;
        for (gradient, &length) in pass.input_gradients.iter_mut().zip(&self.lengths) {
            if let Some(gradient) = gradient {
                gradient
                    .par_chunks_exact_mut(length)
                    .zip(pass.output_gradient.par_chunks_exact(whole))
                    .for_each(|(to, from)| to.copy_from_slice(&from[start..start + length]));
            }
            start += length;
        }
    }
}
