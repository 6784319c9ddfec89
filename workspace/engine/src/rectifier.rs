//! Rectifiers, cheap enough to be done in one go with what stands before them.

/// What keeps values from below 0 and, one of them, from above 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rectifier {
    Relu,
    Relu6,
}

impl Rectifier {
    /// Rectifies each value.
    #[inline(always)]
    pub(crate) fn apply(self, values: &mut [f32]) {
        match self {
            Self::Relu => {
                for value in values {
                    *value = Self::Relu.value(*value);
                }
            }
            Self::Relu6 => {
                for value in values {
                    *value = Self::Relu6.value(*value);
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
                    *gradient = Self::Relu.gradient(*gradient, output);
                }
            }
            Self::Relu6 => {
                for (gradient, &output) in gradient.iter_mut().zip(output) {
                    *gradient = Self::Relu6.gradient(*gradient, output);
                }
            }
        }
    }

    /// One value rectified; what is not a number stays so, so that a diverged network is noticed.
    #[inline(always)]
    pub(crate) fn value(self, x: f32) -> f32 {
        let below = match self {
            Self::Relu => x,
            Self::Relu6 => {
                if x > 6.0 {
                    6.0
                } else {
                    x
                }
            }
        };
        if below < 0.0 { 0.0 } else { below }
    }

    /// The gradient by the value where that by the output is `dy`.
    #[inline(always)]
    pub(crate) fn gradient(self, dy: f32, output: f32) -> f32 {
        let within = match self {
            Self::Relu => output > 0.0,
            Self::Relu6 => output > 0.0 && output < 6.0,
        };
        if within { dy } else { 0.0 }
    }
}
