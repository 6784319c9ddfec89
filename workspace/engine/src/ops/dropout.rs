//! Dropout while it is trained: `y = m x`, where `m` is 0 with the rate as its chance, else
//! `1 / (1 - rate)` (Srivastava et al., "Dropout", 2014; scaled while training, as in PyTorch).

use rayon::prelude::*;

use super::{Backward, Forward, Operation, pieces, pieces_mut, vectorized};
use crate::stream::Stream;

/// Dropout over samples of this many elements.
pub(crate) struct Dropout {
    pub(crate) elements: usize,
    pub(crate) rate: f32,
}

impl Operation for Dropout {
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
