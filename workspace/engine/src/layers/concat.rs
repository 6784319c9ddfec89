//! Inputs one behind the other, along the channels.

use rayon::prelude::*;

use super::{Kind, Layer, Site, image};
use crate::operation::{Backward, Forward, Operation};
use crate::problem::Problem;
use crate::shape::Shape;

/// Two or more inputs one behind the other: maps of one height and width along their channels, or vectors.
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
        let features = inputs.iter().map(Shape::as_features);
        if let Some(features) = features.collect::<Option<Vec<usize>>>() {
            let sum = features.into_iter().fold(0, usize::saturating_add);
            return Ok(Shape::features(sum));
        }
        let [mut channels, height, width] = image(&KIND, input)?;
        for &other in &inputs[1..] {
            match image(&KIND, other)? {
                [more, h, w] if [h, w] == [height, width] => {
                    channels = channels.saturating_add(more);
                }
                _ => {
                    return Err(Problem::new(format!(
                        "concat needs inputs of one height and width, but gets {input} and {other}"
                    )));
                }
            }
        }
        Ok(Shape::image(channels, height, width))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Concatenation {
            lengths: site.inputs.iter().map(Shape::elements).collect(),
        }))
    }
}

/// Inputs of these lengths, one behind the other within each sample.
struct Concatenation {
    lengths: Vec<usize>,
}

impl Operation for Concatenation {
    fn output(&self) -> usize {
        self.lengths.iter().sum()
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
