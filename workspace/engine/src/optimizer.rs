//! Optimizers, in PyTorch's semantics, over plain slices.

use rayon::prelude::*;

use crate::error::EngineError;
use crate::ops::vectorized;

/// How a training step changes the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum: `b ← μ b + g`, `θ ← θ - η b`, where `b` starts as the
    /// first gradient. Source: `torch.optim.SGD` with dampening 0, without Nesterov.
    Sgd {
        /// μ, from 0 to below 1; 0 is plain descent.
        momentum: f32,
    },
    /// Adam (Kingma and Ba, "Adam: a method for stochastic optimization", 2015), as in
    /// `torch.optim.Adam`: `m ← β₁ m + (1-β₁) g`, `v ← β₂ v + (1-β₂) g²`,
    /// `θ ← θ - η/(1-β₁ᵗ) · m / (√v/√(1-β₂ᵗ) + ε)`.
    Adam {
        /// β₁, from 0 to below 1.
        beta1: f32,
        /// β₂, from 0 to below 1.
        beta2: f32,
        /// ε, above 0.
        epsilon: f32,
    },
}

impl Optimizer {
    /// Adam with the settings of its paper and of PyTorch: 0.9, 0.999, 1e-8.
    pub const ADAM: Self = Self::Adam {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    };
}

/// Everything that decides how weights change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainSettings {
    /// The rule.
    pub optimizer: Optimizer,
    /// η, 0 or more.
    pub learning_rate: f32,
    /// λ, 0 or more: `g ← g + λ θ` before the rule, for weights and biases (L2, as in PyTorch).
    pub weight_decay: f32,
}

impl TrainSettings {
    /// # Errors
    /// The first setting outside its range.
    pub(crate) fn check(&self) -> Result<(), EngineError> {
        let check = |name, value: f32, fits: bool, expected| match fits {
            true => Ok(()),
            false => Err(EngineError::Setting {
                name,
                value,
                expected,
            }),
        };
        let not_negative = |value: f32| value.is_finite() && value >= 0.0;
        let share = |name, value| {
            let fits = (0.0..1.0).contains(&value);
            check(name, value, fits, "a number from 0 to below 1")
        };
        let rate = self.learning_rate;
        check("learning rate", rate, not_negative(rate), "0 or more")?;
        let decay = self.weight_decay;
        check("weight decay", decay, not_negative(decay), "0 or more")?;
        match self.optimizer {
            Optimizer::Sgd { momentum } => share("momentum", momentum),
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
            } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                let fits = epsilon.is_finite() && epsilon > 0.0;
                check("epsilon", epsilon, fits, "a number above 0")
            }
        }
    }
}

/// What an optimizer remembers about one array of weights.
#[derive(Default)]
pub(crate) struct Moments {
    /// SGD's momentum buffer, Adam's `m`.
    first: Vec<f32>,
    /// Adam's `v`.
    second: Vec<f32>,
}

/// Changes `values` by one step; `step` counts from 1.
pub(crate) fn update(
    settings: &TrainSettings,
    step: u64,
    moments: &mut Moments,
    values: &mut [f32],
    gradient: &[f32],
) {
    /// Large enough to be worth a thread's while.
    const BLOCK: usize = 16 * 1024;
    let decay = settings.weight_decay;
    moments.first.resize(values.len(), 0.0);
    if matches!(settings.optimizer, Optimizer::Adam { .. }) {
        moments.second.resize(values.len(), 0.0);
    }
    let values = values.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK));
    let firsts = moments.first.par_chunks_mut(BLOCK);
    match settings.optimizer {
        Optimizer::Sgd { momentum } => {
            let rate = settings.learning_rate;
            values.zip(firsts).for_each(|((values, gradient), firsts)| {
                vectorized(|| {
                    let weights = values.iter_mut().zip(gradient);
                    for ((value, &gradient), first) in weights.zip(firsts) {
                        *first = momentum * *first + (gradient + decay * *value);
                        *value -= rate * *first;
                    }
                });
            });
        }
        Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
        } => {
            // Corrections in f64: 1 - β₂ᵗ loses digits for small t otherwise.
            let step = step.min(i32::MAX as u64) as i32;
            let correction1 = 1.0 - f64::from(beta1).powi(step);
            let correction2 = 1.0 - f64::from(beta2).powi(step);
            let rate = (f64::from(settings.learning_rate) / correction1) as f32;
            let scale = (1.0 / correction2.sqrt()) as f32;
            let seconds = moments.second.par_chunks_mut(BLOCK);
            values
                .zip(firsts)
                .zip(seconds)
                .for_each(|(((values, gradient), firsts), seconds)| {
                    vectorized(|| {
                        let weights = values.iter_mut().zip(gradient);
                        for (((value, &gradient), first), second) in
                            weights.zip(firsts).zip(seconds)
                        {
                            let gradient = gradient + decay * *value;
                            *first = beta1 * *first + (1.0 - beta1) * gradient;
                            *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                            *value -= rate * *first / (second.sqrt() * scale + epsilon);
                        }
                    });
                });
        }
    }
}
