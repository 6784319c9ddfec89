//! Activations: functions of each value by itself, and their derivatives. Each is a [`Formula`]; all else is
//! alike.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Kind, Layer, Site};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, each_piece, pieces, pieces_mut, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::rectifier::Rectifier;
use crate::shape::Shape;

/// A function of one value and its derivative. Both are compiled into loops of their own, so they are
/// `#[inline(always)]`.
pub(crate) trait Formula:
    Any + Clone + Copy + Default + fmt::Debug + PartialEq + Send + Sync
{
    /// The name as written in the blueprint.
    const NAME: &'static str;
    /// Keys of its own.
    const KEYS: &'static [&'static str] = &[];

    fn read(_place: &mut Place<'_, '_>) -> Option<Self> {
        Some(Self::default())
    }

    /// The settings in words.
    fn detail(&self) -> String {
        String::new()
    }

    fn value(self, x: f32) -> f32;

    /// The gradient by `x` where that by `y = value(x)` is `dy`.
    fn gradient(self, dy: f32, x: f32, y: f32) -> f32;

    /// Which rectifier it is, if it is one.
    fn rectifier(self) -> Option<Rectifier> {
        None
    }
}

/// `max(x, 0)`; what is not a number stays so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu;

/// `min(max(x, 0), 6)`; what is not a number stays so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Relu6;

/// `x Φ(x)`, with the exact distribution function (Hendrycks and Gimpel, "Gaussian error linear units", 2016).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gelu;

/// The hyperbolic tangent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tanh;

/// `1 / (1 + exp(-x))`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sigmoid;

/// `x · sigmoid(x)`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Silu;

/// `min(max(x + 3, 0), 6) / 6` (Howard et al., "Searching for MobileNetV3", 2019).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardSigmoid;

/// `x · hard-sigmoid(x)`, of the same paper.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HardSwish;

/// `x` where it is 0 or more, else `slope · x`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LeakyRelu {
    /// The slope below 0.
    pub slope: f32,
}

/// `x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³)))`, which comes near [`Gelu`]; `torch.nn.GELU(approximate="tanh")`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GeluTanh;

/// `x` where it is above 0, else `alpha · (exp(x) - 1)` (Clevert, Unterthiner and Hochreiter, "Fast and accurate deep
/// network learning by exponential linear units", 2015).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Elu {
    /// What it comes to far below 0, with the other sign.
    pub alpha: f32,
}

/// `x · tanh(ln(1 + exp(x)))` (Misra, "Mish: a self regularized non-monotonic activation function", 2019).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mish;

impl Formula for Relu {
    const NAME: &'static str = "relu";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        Rectifier::Relu.value(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, _x: f32, y: f32) -> f32 {
        Rectifier::Relu.gradient(dy, y)
    }

    fn rectifier(self) -> Option<Rectifier> {
        Some(Rectifier::Relu)
    }
}

impl Formula for Relu6 {
    const NAME: &'static str = "relu6";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        Rectifier::Relu6.value(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, _x: f32, y: f32) -> f32 {
        Rectifier::Relu6.gradient(dy, y)
    }

    fn rectifier(self) -> Option<Rectifier> {
        Some(Rectifier::Relu6)
    }
}

impl Formula for Gelu {
    const NAME: &'static str = "gelu";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * normal_cdf(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        dy * (normal_cdf(x) + x * normal_density(x))
    }
}

impl Formula for Tanh {
    const NAME: &'static str = "tanh";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        tanh(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, _x: f32, y: f32) -> f32 {
        dy * (1.0 - y * y)
    }
}

impl Formula for Sigmoid {
    const NAME: &'static str = "sigmoid";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        sigmoid(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, _x: f32, y: f32) -> f32 {
        dy * (y * (1.0 - y))
    }
}

impl Formula for Silu {
    const NAME: &'static str = "silu";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * sigmoid(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        let s = sigmoid(x);
        dy * (s + x * s * (1.0 - s))
    }
}

impl Formula for HardSigmoid {
    const NAME: &'static str = "hard-sigmoid";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        Rectifier::Relu6.value(x + 3.0) * (1.0 / 6.0)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        if x > -3.0 && x < 3.0 {
            dy * (1.0 / 6.0)
        } else {
            0.0
        }
    }
}

impl Formula for HardSwish {
    const NAME: &'static str = "hard-swish";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        x * HardSigmoid.value(x)
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        let within = dy * (x * (1.0 / 3.0) + 0.5);
        let above = if x < 3.0 { within } else { dy };
        if x > -3.0 { above } else { 0.0 }
    }
}

impl Default for LeakyRelu {
    /// PyTorch's slope.
    fn default() -> Self {
        Self { slope: 0.01 }
    }
}

impl Formula for LeakyRelu {
    const NAME: &'static str = "leaky-relu";
    const KEYS: &'static [&'static str] = &["slope"];

    fn read(place: &mut Place<'_, '_>) -> Option<Self> {
        let slope = Some(Self::default().slope);
        let slope = place.fraction("slope", slope, "a number of 0 or more", |x| {
            x >= 0.0 && (x as f32).is_finite()
        })?;
        Some(Self { slope })
    }

    fn detail(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => format!("slope {}", self.slope),
        }
    }

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        if x < 0.0 { self.slope * x } else { x }
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        if x > 0.0 { dy } else { self.slope * dy }
    }
}

/// √(2/π).
const GELU_TANH: f32 = 0.797_884_6;

impl Formula for GeluTanh {
    const NAME: &'static str = "gelu-tanh";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        0.5 * x * (1.0 + tanh(GELU_TANH * x * (1.0 + 0.044_715 * x * x)))
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        let t = tanh(GELU_TANH * x * (1.0 + 0.044_715 * x * x));
        let inner = GELU_TANH * (1.0 + 3.0 * 0.044_715 * x * x);
        dy * (0.5 * (1.0 + t) + 0.5 * x * (1.0 - t * t) * inner)
    }
}

impl Default for Elu {
    /// PyTorch's alpha.
    fn default() -> Self {
        Self { alpha: 1.0 }
    }
}

impl Formula for Elu {
    const NAME: &'static str = "elu";
    const KEYS: &'static [&'static str] = &["alpha"];

    fn read(place: &mut Place<'_, '_>) -> Option<Self> {
        let alpha = Some(Self::default().alpha);
        let alpha = place.fraction("alpha", alpha, "a number of 0 or more", |x| {
            x >= 0.0 && (x as f32).is_finite()
        })?;
        Some(Self { alpha })
    }

    fn detail(&self) -> String {
        match *self == Self::default() {
            true => String::new(),
            false => format!("alpha {}", self.alpha),
        }
    }

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        let below = self.alpha * (exp(x) - 1.0);
        if x > 0.0 { x } else { below }
    }

    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        let below = dy * self.alpha * exp(x);
        if x > 0.0 { dy } else { below }
    }
}

/// `tanh(ln(1 + e)) = n/(n + 2)` with `e = exp(x)` and `n = e (e + 2)`, which gives `n` and `e`. Beyond 20 the share is 1.
#[inline(always)]
fn mish_terms(x: f32) -> (f32, f32) {
    let e = exp(if x > 20.0 { 20.0 } else { x });
    (e * (e + 2.0), e)
}

impl Formula for Mish {
    const NAME: &'static str = "mish";

    #[inline(always)]
    fn value(self, x: f32) -> f32 {
        let (n, _) = mish_terms(x);
        x * (n / (n + 2.0))
    }

    /// With `t` that hyperbolic tangent: `t + x (1 - t²) e/(1 + e)`, and `1 - t² = 4 (n + 1)/(n + 2)²`, `n + 1 = (e + 1)²`.
    #[inline(always)]
    fn gradient(self, dy: f32, x: f32, _y: f32) -> f32 {
        let (n, e) = mish_terms(x);
        let whole = n + 2.0;
        dy * (n / whole + x * (4.0 * e * (e + 1.0) / whole / whole))
    }
}

/// The kind of layer that an activation is.
pub(super) const fn kind<F: Formula>() -> &'static Kind {
    const {
        &Kind {
            name: F::NAME,
            keys: F::KEYS,
            inputs: (1, 1),
            read: |place| F::read(place).map(Into::into),
        }
    }
}

impl<F: Formula> Layer for F {
    fn kind(&self) -> &'static Kind {
        kind::<F>()
    }

    fn detail(&self) -> String {
        Formula::detail(self)
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(inputs[0])
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Elementwise {
            formula: *self,
            elements: site.output.elements(),
        }))
    }
}

/// A function of each value, for who does it while the values are at hand.
#[derive(Clone)]
pub(crate) struct Pointwise(Arc<InPlace>);

type InPlace = dyn Fn(&mut [f32]) + Send + Sync;

impl Pointwise {
    pub(crate) fn apply(&self, values: &mut [f32]) {
        (self.0)(values);
    }
}

/// A formula over samples of this many elements.
struct Elementwise<F> {
    formula: F,
    elements: usize,
}

impl<F: Formula> Operation for Elementwise<F> {
    fn output(&self) -> usize {
        self.elements
    }

    fn as_rectifier(&self) -> Option<Rectifier> {
        self.formula.rectifier()
    }

    fn as_pointwise(&self) -> Option<Pointwise> {
        let formula = self.formula;
        Some(Pointwise(Arc::new(move |values: &mut [f32]| {
            vectorized(
                #[inline(always)]
                || {
                    for value in values {
                        *value = formula.value(*value);
                    }
                },
            );
        })))
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self { ..*self })
    }

    fn forward(&self, pass: Forward<'_>) {
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        for (output, &input) in output.iter_mut().zip(input) {
                            *output = self.formula.value(input);
                        }
                    },
                );
            },
        );
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
                vectorized(
                    #[inline(always)]
                    || {
                        let values = to.iter_mut().zip(from).zip(input).zip(output);
                        for (((to, &dy), &x), &y) in values {
                            *to = self.formula.gradient(dy, x, y);
                        }
                    },
                );
            });
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
pub(super) fn exp(x: f32) -> f32 {
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
