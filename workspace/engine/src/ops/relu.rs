//! Rectifier as a step of its own: `y = max(x, 0)`, `dx = dy where y > 0, else 0`.

use rayon::prelude::*;

use super::{
    Backward, Forward, Operation, mask_by_output, pieces, pieces_mut, rectify, vectorized,
};

/// A rectifier over samples of this many elements.
pub(crate) struct Relu {
    pub(crate) elements: usize,
}

impl Operation for Relu {
    fn input(&self) -> usize {
        self.elements
    }

    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.input, pass.samples))
            .for_each(|(output, input)| {
                vectorized(|| {
                    for (output, &input) in output.iter_mut().zip(input) {
                        *output = rectify(input);
                    }
                });
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let Some(input_gradient) = pass.input_gradient else {
            return;
        };
        pieces_mut(input_gradient, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.output_gradient, pass.samples))
            .zip(pieces(pass.output, pass.samples))
            .for_each(|((input_gradient, output_gradient), output)| {
                vectorized(|| {
                    input_gradient.copy_from_slice(output_gradient);
                    mask_by_output(input_gradient, output);
                });
            });
    }
}
