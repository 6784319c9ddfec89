//! Batch normalisation with its stored statistics: per channel `y = a x + b` with `a = γ/√(σ² + ε)` and
//! `b = β - a μ`. Nothing in it learns.

use rayon::prelude::*;

use super::affine;
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Named, Operation, pieces, pieces_mut, vectorized};

/// A frozen batch normalisation.
pub(crate) struct FrozenNorm {
    pub(crate) channels: usize,
    /// Places of one channel; 1 for a flat vector.
    pub(crate) places: usize,
    /// Whether the values of one place lie side by side, and not those of one channel.
    pub(crate) last: bool,
    pub(crate) epsilon: f32,
}

/// `a` and `b` of every channel.
pub(crate) fn scales_and_shifts(weights: &Named<'_>, epsilon: f32) -> Vec<(f32, f32)> {
    let statistics = weights.of("running_mean").iter();
    let statistics: Vec<_> = statistics.zip(weights.of("running_var")).collect();
    let [scales, shifts] = affine(weights, statistics.len());
    let affine = scales.iter().zip(shifts.iter());
    affine
        .zip(statistics)
        .map(|((weight, bias), (mean, variance))| {
            let scale = weight / (variance + epsilon).sqrt();
            (scale, bias - mean * scale)
        })
        .collect()
}

impl FrozenNorm {
    fn each(&self, output: &mut [f32], input: &[f32], samples: usize, scales: &[(f32, f32)]) {
        pieces_mut(output, samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(input, samples))
            .for_each(|(output, input)| {
                if self.places == 1 || self.last {
                    let samples = output.chunks_exact_mut(self.channels);
                    for (output, input) in samples.zip(input.chunks_exact(self.channels)) {
                        vectorized(
                            #[inline(always)]
                            || {
                                let scaled = output.iter_mut().zip(input).zip(scales);
                                for ((output, &input), &(scale, shift)) in scaled {
                                    *output = match self.last {
                                        // As behind a convolution whose channels come last.
                                        true => input.mul_add(scale, shift),
                                        false => input * scale + shift,
                                    };
                                }
                            },
                        );
                    }
                    return;
                }
                let output = output.chunks_exact_mut(self.places);
                let channels = output.zip(input.chunks_exact(self.places));
                for ((output, input), &(scale, shift)) in channels.zip(scales.iter().cycle()) {
                    vectorized(
                        #[inline(always)]
                        || {
                            for (output, &input) in output.iter_mut().zip(input) {
                                *output = input * scale + shift;
                            }
                        },
                    );
                }
            });
    }
}

impl Operation for FrozenNorm {
    fn output(&self) -> usize {
        self.channels * self.places
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self {
            last: true,
            ..*self
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        let scales = scales_and_shifts(&pass.weights[0], self.epsilon);
        self.each(pass.output, pass.inputs[0], pass.samples, &scales);
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(input_gradient)] = pass.input_gradients {
            let mut scales = scales_and_shifts(&pass.weights[0], self.epsilon);
            for (_, shift) in &mut scales {
                *shift = 0.0;
            }
            self.each(input_gradient, pass.output_gradient, pass.samples, &scales);
        }
    }
}
