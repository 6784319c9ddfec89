//! Functions of each value by itself, and their derivatives.

use rayon::prelude::*;

use super::{Backward, Forward, Operation, Rectifier, pieces, pieces_mut, vectorized};
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
                        Activation::Relu => rectified(output, input, Rectifier::Relu),
                        Activation::Relu6 => rectified(output, input, Rectifier::Relu6),
                        Activation::Gelu => each(output, input, |x| x * normal_cdf(x)),
                        Activation::Tanh => each(output, input, tanh),
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
                        Activation::Relu => Rectifier::Relu.mask(to, output),
                        Activation::Relu6 => Rectifier::Relu6.mask(to, output),
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

#[inline(always)]
fn rectified(output: &mut [f32], input: &[f32], rectifier: Rectifier) {
    output.copy_from_slice(input);
    rectifier.apply(output);
}

/// Multiplies each gradient by a slope, told by the input or the output, whichever is handier.
#[inline(always)]
fn by_slope(gradient: &mut [f32], values: &[f32], slope: impl Fn(f32) -> f32) {
    for (gradient, &value) in gradient.iter_mut().zip(values) {
        *gradient *= slope(value);
    }
}

#[inline(always)]
fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + exp(-x))
}

/// `1 - 2 / (exp(2x) + 1)`; near 0, where that loses digits, the first terms of the series.
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let square = x * x;
    let series =
        x + x * square * (-0.333_333_33 + square * (0.133_333_33 - square * 0.053_968_254));
    let far = 1.0 - 2.0 / (exp(2.0 * x) + 1.0);
    if x.abs() < 0.2 { series } else { far }
}

/// `Φ(x) = (1 + erf(x/√2)) / 2`, where `erf` is off by 1.5e-7 at most: formula 7.1.26 in Abramowitz and
/// Stegun, "Handbook of mathematical functions", 1964.
#[inline(always)]
fn normal_cdf(x: f32) -> f32 {
    let magnitude = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * magnitude);
    let series = t
        * (0.254_829_6
            + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    let tail = 0.5 * series * exp(-magnitude * magnitude);
    if x < 0.0 { tail } else { 1.0 - tail }
}

/// `exp(-x²/2) / √(2π)`.
#[inline(always)]
fn normal_density(x: f32) -> f32 {
    const SCALE: f32 = 0.398_942_3;
    SCALE * exp(-0.5 * x * x)
}

/// The exponential, off by 3e-7 of its value at most, and kept within what `f32` holds. Unlike the one of
/// the standard library, a loop over it can be vectorised: `exp(x) = 2ⁿ exp(r)` with `r` from -½ ln 2 to
/// ½ ln 2, and `exp(r)` by the first terms of its series.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it rounds to a whole number, which then stands in the lowest bits: 1.5 · 2²³.
    const WHOLE: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first of which times `n` is exact.
    const LN_2: [f32; 2] = [0.693_359_4, -2.121_944_4e-4];
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + WHOLE;
    let n = shifted - WHOLE;
    let r = x - n * LN_2[0] - n * LN_2[1];
    let series = 1.0 + r * (1.0 / 5.0) * (1.0 + r * (1.0 / 6.0));
    let series = 1.0 + r * (1.0 / 3.0) * (1.0 + r * (1.0 / 4.0) * series);
    let series = 1.0 + r * (1.0 + r * 0.5 * series);
    let exponent = shifted
        .to_bits()
        .wrapping_sub(WHOLE.to_bits())
        .wrapping_add(127);
    series * f32::from_bits(exponent << 23)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A function, the same in `f64`, and how far off it may be.
    type Case = (&'static str, fn(f32) -> f32, fn(f64) -> f64, f64);

    #[test]
    fn fast_functions_are_as_exact_as_they_say() {
        let cases: [Case; 4] = [
            ("sigmoid", sigmoid, |x| 1.0 / (1.0 + (-x).exp()), 2e-7),
            ("tanh", tanh, f64::tanh, 4e-7),
            (
                "normal_cdf",
                normal_cdf,
                |x| 0.5 * (1.0 + libm::erf(x / 2f64.sqrt())),
                3e-7,
            ),
            (
                "exp / exp",
                |x| (f64::from(exp(x)) / f64::from(x).exp()) as f32,
                |_| 1.0,
                3e-7,
            ),
        ];
        for (name, fast, exact, off) in cases {
            for index in -860_000..=860_000 {
                let x = index as f32 * 1e-4;
                let (found, expected) = (f64::from(fast(x)), exact(f64::from(x)));
                assert!(
                    (found - expected).abs() <= off,
                    "{name} of {x}: {found}, {expected}"
                );
            }
        }
        for index in 1..1000 {
            let x = index as f32 * 1e-3;
            assert!(
                (f64::from(tanh(x)) / f64::from(x).tanh() - 1.0).abs() < 1e-6,
                "tanh of {x}"
            );
        }
    }

    #[test]
    fn the_ends_are_right_and_what_is_not_a_number_stays_so() {
        for (found, expected) in [
            (sigmoid(f32::INFINITY), 1.0),
            (tanh(f32::INFINITY), 1.0),
            (tanh(f32::NEG_INFINITY), -1.0),
            (normal_cdf(f32::INFINITY), 1.0),
            (normal_cdf(f32::NEG_INFINITY), 0.0),
        ] {
            assert!(
                (found - expected).abs() < 1e-7,
                "{found}, expected {expected}"
            );
        }
        assert!(sigmoid(f32::NEG_INFINITY) < 1e-37);
        assert!(
            [sigmoid, tanh, normal_cdf, exp]
                .iter()
                .all(|function| function(f32::NAN).is_nan())
        );
    }
}
