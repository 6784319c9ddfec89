//! Rectifiers, cheap enough to be done in one go with what stands before them.

use crate::blueprint::Activation;

/// What keeps values from below 0 and, one of them, from above 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rectifier {
    Relu,
    Relu6,
}

impl Rectifier {
    /// The rectifier among the activations.
    pub(crate) fn of(activation: Activation) -> Option<Self> {
        match activation {
            Activation::Relu => Some(Self::Relu),
            Activation::Relu6 => Some(Self::Relu6),
            _ => None,
        }
    }

    /// Rectifies each value; what is not a number stays so, so that a diverged network is noticed.
    #[inline(always)]
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Relu => {
                for value in values {
                    *value = if *value < 0.0 { 0.0 } else { *value };
                }
            }
            Self::Relu6 => {
                for value in values {
                    let below = if *value > 6.0 { 6.0 } else { *value };
                    *value = if below < 0.0 { 0.0 } else { below };
                }
            }
        }
    }

    /// Sets gradients to zero where the output shows that the rectifier has cut off.
    #[inline(always)]
    pub(crate) fn mask(self, gradient: &mut [f32], output: &[f32]) {
        match self {
            Self::Relu => {
                for (gradient, &output) in gradient.iter_mut().zip(output) {
                    *gradient = if output > 0.0 { *gradient } else { 0.0 };
                }
            }
            Self::Relu6 => {
                for (gradient, &output) in gradient.iter_mut().zip(output) {
                    let within = output > 0.0 && output < 6.0;
                    *gradient = if within { *gradient } else { 0.0 };
                }
            }
        }
    }
}
