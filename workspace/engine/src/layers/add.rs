//! The sum of two or more inputs.

use rayon::prelude::*;

use super::{Kind, Layer, Site};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, each_piece, pieces, pieces_mut, vectorized};
use crate::problem::Problem;
use crate::rectifier::Rectifier;
use crate::shape::Shape;

/// The sum of two or more inputs of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Add;

pub(super) static KIND: Kind = Kind {
    name: "add",
    keys: &[],
    inputs: (2, usize::MAX),
    read: |_| Some(Add.into()),
};

impl Layer for Add {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let input = inputs[0];
        match inputs.iter().find(|&&other| other != input) {
            None => Ok(input),
            Some(other) => Err(Problem::new(format!(
                "add needs inputs of one shape, but gets {input} and {other}"
            ))),
        }
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Sum {
            elements: site.output.elements(),
            rectifier: None,
        }))
    }
}

/// The sum of all inputs, with a rectifier behind it or not.
pub(crate) struct Sum {
    pub(crate) elements: usize,
    pub(crate) rectifier: Option<Rectifier>,
}

impl Operation for Sum {
    fn output(&self) -> usize {
        self.elements
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self { ..*self })
    }

    fn rectifier_slot(&mut self) -> Option<&mut Option<Rectifier>> {
        Some(&mut self.rectifier)
    }

    fn forward(&self, pass: Forward<'_>) {
        let inputs: Vec<_> = pass
            .inputs
            .iter()
            .map(|input| pieces(input, pass.samples))
            .collect();
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .enumerate()
            .for_each(|(piece, output)| {
                output.copy_from_slice(inputs[0][piece]);
                vectorized(
                    #[inline(always)]
                    || {
                        for input in &inputs[1..] {
                            for (output, &input) in output.iter_mut().zip(input[piece]) {
                                *output += input;
                            }
                        }
                        if let Some(rectifier) = self.rectifier {
                            rectifier.apply(output);
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        if let Some(rectifier) = self.rectifier {
            each_piece(
                pass.output_gradient,
                pass.output,
                pass.samples,
                |gradient, output| {
                    vectorized(
                        #[inline(always)]
                        || rectifier.mask(gradient, output),
                    )
                },
            );
        }
        for gradient in pass.input_gradients.iter_mut().flatten() {
            each_piece(gradient, pass.output_gradient, pass.samples, |to, from| {
                to.copy_from_slice(from)
            });
        }
    }
}
