//! Dropout while it is trained: `y = m x`, where `m` is 0 with the rate as its chance, else
//! `1 / (1 - rate)` (Srivastava et al., "Dropout", 2014; scaled while training, as in PyTorch).

use rayon::prelude::*;

use super::{Kind, Layer, Site};
use crate::operation::{Backward, Forward, Operation, pieces, pieces_mut, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;
use crate::stream::Stream;

/// While it is trained, sets values to zero at random and scales the others up to make good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Dropout {
    /// Share of values set to zero.
    pub rate: f32,
}

pub(super) static KIND: Kind = Kind {
    name: "dropout",
    keys: &["rate"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Dropout> {
    let rate = place.fraction("rate", None, "a number from 0 to below 1", |x| {
        (0.0..1.0).contains(&x) && (x as f32) < 1.0
    });
    Some(Dropout { rate: rate? })
}

impl Layer for Dropout {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        format!("rate {}", self.rate)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(inputs[0])
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        if !site.learns || self.rate == 0.0 {
            return None;
        }
        Some(Box::new(Dropping {
            elements: site.output.elements(),
            rate: self.rate,
        }))
    }
}

/// Dropout over samples of this many elements.
struct Dropping {
    elements: usize,
    rate: f32,
}

impl Operation for Dropping {
    fn output(&self) -> usize {
        self.elements
    }

    fn remembered(&self, samples: usize) -> usize {
        samples * self.elements
    }

    fn draw(&self, stream: &mut Stream, memory: &mut [f32]) {
        let kept = 1.0 / (1.0 - self.rate);
        for scale in memory {
            *scale = if stream.uniform(0.0, 1.0) < self.rate {
                0.0
            } else {
                kept
            };
        }
    }

    fn forward(&self, pass: Forward<'_>) {
        scale(pass.output, pass.inputs[0], pass.memory, pass.samples);
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(input_gradient)] = pass.input_gradients {
            scale(
                input_gradient,
                pass.output_gradient,
                pass.memory,
                pass.samples,
            );
        }
    }
}

fn scale(output: &mut [f32], input: &[f32], scales: &[f32], samples: usize) {
    pieces_mut(output, samples)
        .into_par_iter()
        .with_max_len(1)
        .zip(pieces(input, samples))
        .zip(pieces(scales, samples))
        .for_each(|((output, input), scales)| {
            vectorized(
                #[inline(always)]
                || {
                    for ((output, &input), &scale) in output.iter_mut().zip(input).zip(scales) {
                        *output = input * scale;
                    }
                },
            );
        });
}
