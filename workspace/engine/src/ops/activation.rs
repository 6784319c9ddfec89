//! Functions of each value by itself, and their derivatives.

use rayon::prelude::*;

use super::{
    Backward, Forward, Operation, mask_by_output, pieces, pieces_mut, rectify, vectorized,
};
use crate::blueprint::Activation;

/// An activation over samples of this many elements.
pub(crate) struct Activate {
    pub(crate) activation: Activation,
    pub(crate) elements: usize,
}

impl Operation for Activate {
    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .for_each(|(output, input)| {
                vectorized(
                    #[inline(always)]
                    || match self.activation {
                        Activation::Relu => each(output, input, rectify),
                        Activation::Relu6 => {
                            each(output, input, |x| if x > 6.0 { 6.0 } else { rectify(x) })
                        }
                        Activation::Gelu => each(output, input, |x| x * normal_cdf(x)),
                        Activation::Tanh => each(output, input, f32::tanh),
                        Activation::Sigmoid => each(output, input, sigmoid),
                        Activation::Silu => each(output, input, |x| x * sigmoid(x)),
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        pieces_mut(input_gradient, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.output_gradient, pass.samples))
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(pieces(pass.output, pass.samples))
            .for_each(|(((to, from), input), output)| {
                to.copy_from_slice(from);
                vectorized(
                    #[inline(always)]
                    || match self.activation {
                        Activation::Relu => mask_by_output(to, output),
                        Activation::Relu6 => {
                            mask_by_output(to, output);
                            by_slope(to, output, |y| f32::from(y < 6.0));
                        }
                        Activation::Gelu => {
                            by_slope(to, input, |x| normal_cdf(x) + x * normal_density(x));
                        }
                        Activation::Tanh => by_slope(to, output, |y| 1.0 - y * y),
                        Activation::Sigmoid => by_slope(to, output, |y| y * (1.0 - y)),
                        Activation::Silu => by_slope(to, input, |x| {
                            let s = sigmoid(x);
                            s + x * s * (1.0 - s)
                        }),
                    },
                );
            });
    }
}

#[inline(always)]
fn each(output: &mut [f32], input: &[f32], function: impl Fn(f32) -> f32) {
    for (output, &input) in output.iter_mut().zip(input) {
        *output = function(input);
    }
}

/// Multiplies each gradient by a slope, told by the input or the output, whichever is handier.
#[inline(always)]
fn by_slope(gradient: &mut [f32], values: &[f32], slope: impl Fn(f32) -> f32) {
    for (gradient, &value) in gradient.iter_mut().zip(values) {
        *gradient *= slope(value);
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// `Φ(x) = (1 + erf(x/√2)) / 2`.
fn normal_cdf(x: f32) -> f32 {
    0.5 * (1.0 + libm::erff(x * std::f32::consts::FRAC_1_SQRT_2))
}

/// `exp(-x²/2) / √(2π)`.
fn normal_density(x: f32) -> f32 {
    const SCALE: f32 = 0.398_942_3;
    SCALE * (-0.5 * x * x).exp()
}
