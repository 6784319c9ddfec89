//! Operations that bring branches together: sum, product, and one behind the other.

use rayon::prelude::*;

use super::{Backward, Forward, Operation, Rectifier, pieces, pieces_mut, vectorized};

/// The sum of all inputs, with a rectifier behind it or not.
pub(crate) struct Add {
    pub(crate) elements: usize,
    pub(crate) rectifier: Option<Rectifier>,
}

impl Operation for Add {
    fn output(&self) -> usize {
        self.elements
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
            pieces_mut(pass.output_gradient, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output, pass.samples))
                .for_each(|(gradient, output)| {
                    vectorized(
                        #[inline(always)]
                        || rectifier.mask(gradient, output),
                    )
                });
        }
        for gradient in pass.input_gradients.iter_mut().flatten() {
            pieces_mut(gradient, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output_gradient, pass.samples))
                .for_each(|(to, from)| to.copy_from_slice(from));
        }
    }
}

/// The product of two inputs; the second may hold one value per `places` of the first.
pub(crate) struct Multiply {
    pub(crate) elements: usize,
    /// Values of the first input that share one of the second.
    pub(crate) places: usize,
}

impl Operation for Multiply {
    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(pieces(pass.inputs[1], pass.samples))
            .for_each(|((output, input), scales)| self.scale(output, input, scales));
    }

    fn backward(&self, pass: Backward<'_>) {
        let [first, second] = pass.input_gradients else {
            return;
        };
        if let Some(first) = first {
            pieces_mut(first, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output_gradient, pass.samples))
                .zip(pieces(pass.inputs[1], pass.samples))
                .for_each(|((to, from), scales)| self.scale(to, from, scales));
        }
        if let Some(second) = second {
            pieces_mut(second, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output_gradient, pass.samples))
                .zip(pieces(pass.inputs[0], pass.samples))
                .for_each(|((to, from), input)| {
                    let runs = from
                        .chunks_exact(self.places)
                        .zip(input.chunks_exact(self.places));
                    for (to, (from, input)) in to.iter_mut().zip(runs) {
                        *to = from
                            .iter()
                            .zip(input)
                            .map(|(from, input)| from * input)
                            .sum();
                    }
                });
        }
    }
}

impl Multiply {
    fn scale(&self, output: &mut [f32], input: &[f32], scales: &[f32]) {
        vectorized(
            #[inline(always)]
            || {
                if self.places == 1 {
                    for ((output, &input), &scale) in output.iter_mut().zip(input).zip(scales) {
                        *output = input * scale;
                    }
                    return;
                }
                let output = output.chunks_exact_mut(self.places);
                let runs = output.zip(input.chunks_exact(self.places));
                for ((output, input), &scale) in runs.zip(scales) {
                    for (output, &input) in output.iter_mut().zip(input) {
                        *output = input * scale;
                    }
                }
            },
        );
    }
}

/// Inputs of these lengths, one behind the other within each sample.
pub(crate) struct Concat {
    pub(crate) lengths: Vec<usize>,
}

impl Operation for Concat {
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
