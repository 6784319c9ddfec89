//! Optimizers, in PyTorch's semantics, over plain slices.

use rayon::prelude::*;

use crate::error::EngineError;
use crate::operation::vectorized;
use crate::schedule::{Schedule, ScheduleShape};

/// How a training step changes the weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum: `b ← μ b + g`, `θ ← θ - η b`, where `b` starts as the
    /// first gradient; with Nesterov `θ ← θ - η (g + μ b)`. Source: `torch.optim.SGD` with dampening 0.
    Sgd {
        /// μ, from 0 to below 1; 0 is plain descent.
        momentum: f32,
        /// Whether the step looks ahead (Sutskever et al., "On the importance of initialization and
        /// momentum in deep learning", 2013).
        nesterov: bool,
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
    /// Adam whose weight decay acts on the weights themselves, `θ ← θ - η λ θ`, not through the gradient
    /// (Loshchilov and Hutter, "Decoupled weight decay regularization", 2019; `torch.optim.AdamW`).
    AdamW {
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

    /// AdamW with the same settings.
    pub const ADAMW: Self = Self::AdamW {
        beta1: 0.9,
        beta2: 0.999,
        epsilon: 1e-8,
    };
}

/// How far from its number an output is, as the mean over a batch and all outputs of a sample.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum NumberLoss {
    /// `(y - t)²`, as `torch.nn.MSELoss`.
    #[default]
    Squared,
    /// `½ (y - t)²` where `|y - t|` is at most δ, else `δ (|y - t| - ½ δ)`, so that far errors do not rule (Huber, "Robust
    /// estimation of a location parameter", 1964; `torch.nn.HuberLoss`).
    Huber {
        /// δ, above 0.
        delta: f32,
    },
    /// Outputs are logits of labels that a sample has, number 1, or has not, 0: the binary cross-entropy `ln(1 + eʸ) - t y`, as
    /// `torch.nn.BCEWithLogitsLoss`.
    BinaryCrossEntropy,
}

impl NumberLoss {
    /// The loss of these outputs, in double precision.
    pub fn mean(self, outputs: &[f32], numbers: &[f32]) -> f64 {
        self.means(outputs, numbers, 1)[0]
    }

    /// The same of each column, where each sample has `columns` outputs and numbers.
    pub fn means(self, outputs: &[f32], numbers: &[f32], columns: usize) -> Vec<f64> {
        let mut sums = vec![0.0; columns];
        for (at, (&output, &number)) in outputs.iter().zip(numbers).enumerate() {
            let (output, number) = (f64::from(output), f64::from(number));
            let error = (output - number).abs();
            sums[at % columns] += match self {
                Self::Squared => error * error,
                Self::Huber { delta } if error <= f64::from(delta) => 0.5 * error * error,
                Self::Huber { delta } => f64::from(delta) * (error - 0.5 * f64::from(delta)),
                // No power of e that a large logit makes infinite.
                Self::BinaryCrossEntropy => {
                    output.max(0.0) - number * output + (-output.abs()).exp().ln_1p()
                }
            }
        }
        let samples = (numbers.len() / columns).max(1) as f64;
        sums.into_iter().map(|sum| sum / samples).collect()
    }
}

/// Everything that decides how weights change. Weights and biases of every layer are treated alike.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainSettings {
    /// The rule.
    pub optimizer: Optimizer,
    /// η, 0 or more, before schedule and multipliers.
    pub learning_rate: f32,
    /// λ, 0 or more: `g ← g + λ θ` before the rule (L2, as in PyTorch); see [`Optimizer::AdamW`].
    pub weight_decay: f32,
    /// How η changes from step to step.
    pub schedule: Schedule,
    /// ε, from 0 to 1: the target is `(1-ε)` for the label and `ε/classes` for every class
    /// (Szegedy et al., "Rethinking the Inception architecture", 2016; `torch.nn.functional.cross_entropy`).
    pub label_smoothing: f32,
    /// One weight of 0 or more per class, not all 0: the loss is the weighted mean, as in `cross_entropy`.
    pub class_weights: Option<Vec<f32>>,
    /// The loss of steps on numbers; those on labels have the cross-entropy.
    pub number_loss: NumberLoss,
    /// The gradient of all weights together is scaled down to this norm where it is longer, as by
    /// `torch.nn.utils.clip_grad_norm_`; above 0.
    pub clip_norm: Option<f32>,
}

impl TrainSettings {
    /// This rule at this learning rate, and nothing else.
    pub fn new(optimizer: Optimizer, learning_rate: f32) -> Self {
        Self {
            optimizer,
            learning_rate,
            weight_decay: 0.0,
            schedule: Schedule::CONSTANT,
            label_smoothing: 0.0,
            class_weights: None,
            number_loss: NumberLoss::Squared,
            clip_norm: None,
        }
    }

    /// What a gradient with so large a sum of squares is multiplied by.
    pub(crate) fn clip_scale(&self, squares: f64) -> f32 {
        match self.clip_norm {
            // As in PyTorch, whose 1e-6 keeps a gradient of zeros from a division by zero.
            Some(most) => (f64::from(most) / (squares.sqrt() + 1e-6)).min(1.0) as f32,
            None => 1.0,
        }
    }

    /// # Errors
    /// The first setting outside its range, for a network with so many classes.
    pub(crate) fn check(&self, classes: usize) -> Result<(), EngineError> {
        let check = |name, value: f32, fits: bool, expected| match fits {
            true => Ok(()),
            false => Err(EngineError::Setting {
                name,
                value,
                expected,
            }),
        };
        let not_negative = |value: f32| value.is_finite() && value >= 0.0;
        let positive = |value: f32| value.is_finite() && value > 0.0;
        let share = |name, value| {
            let fits = (0.0..1.0).contains(&value);
            check(name, value, fits, "a number from 0 to below 1")
        };
        let rate = self.learning_rate;
        check("learning rate", rate, not_negative(rate), "0 or more")?;
        let decay = self.weight_decay;
        check("weight decay", decay, not_negative(decay), "0 or more")?;
        let smoothing = self.label_smoothing;
        let fits = (0.0..=1.0).contains(&smoothing);
        check("label smoothing", smoothing, fits, "a number from 0 to 1")?;
        if let Some(norm) = self.clip_norm {
            check("clip norm", norm, positive(norm), "a number above 0")?;
        }
        if let NumberLoss::Huber { delta } = self.number_loss {
            check("delta", delta, positive(delta), "a number above 0")?;
        }
        if let Some(weights) = &self.class_weights {
            if weights.len() != classes {
                return Err(EngineError::ClassWeights {
                    found: weights.len(),
                    classes,
                });
            }
            for &weight in weights {
                check("class weight", weight, not_negative(weight), "0 or more")?;
            }
            let largest = weights.iter().copied().fold(0.0, f32::max);
            check(
                "largest class weight",
                largest,
                largest > 0.0,
                "a number above 0",
            )?;
        }
        match self.schedule.shape {
            ScheduleShape::Constant => {}
            ScheduleShape::Step { every, factor } => {
                check("schedule's every", every as f32, every > 0, "1 or more")?;
                check(
                    "schedule's factor",
                    factor,
                    not_negative(factor),
                    "0 or more",
                )?;
            }
            ScheduleShape::Cosine { to } => {
                check("schedule's last rate", to, not_negative(to), "0 or more")?;
            }
            ScheduleShape::OneCycle {
                rise,
                start_divisor,
                end_divisor,
            } => {
                share("schedule's rise", rise)?;
                let expected = "a number above 0";
                check(
                    "schedule's start divisor",
                    start_divisor,
                    positive(start_divisor),
                    expected,
                )?;
                check(
                    "schedule's end divisor",
                    end_divisor,
                    positive(end_divisor),
                    expected,
                )?;
            }
        }
        match self.optimizer {
            Optimizer::Sgd { momentum, .. } => share("momentum", momentum),
            Optimizer::Adam {
                beta1,
                beta2,
                epsilon,
            }
            | Optimizer::AdamW {
                beta1,
                beta2,
                epsilon,
            } => {
                share("beta1", beta1)?;
                share("beta2", beta2)?;
                check("epsilon", epsilon, positive(epsilon), "a number above 0")
            }
        }
    }
}

/// What an optimizer remembers about one array of weights.
#[derive(Default)]
pub(crate) struct Moments {
    /// SGD's momentum buffer, Adam's `m`.
    pub(crate) first: Vec<f32>,
    /// Adam's `v`.
    pub(crate) second: Vec<f32>,
    /// Steps these weights have taken.
    pub(crate) steps: u64,
}

/// Large enough to be worth a thread's while.
const BLOCK: usize = 16 * 1024;

/// Changes `values` by one step at this learning rate, after multiplying `gradient` by `scale`.
pub(crate) fn update(
    settings: &TrainSettings,
    rate: f32,
    scale: f32,
    moments: &mut Moments,
    values: &mut [f32],
    gradient: &[f32],
) {
    moments.first.resize(values.len(), 0.0);
    moments.steps += 1;
    let step = moments.steps;
    let decay = settings.weight_decay;
    match settings.optimizer {
        Optimizer::Sgd { momentum, nesterov } => {
            let values = values.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK));
            let firsts = moments.first.par_chunks_mut(BLOCK);
            values
                .zip(firsts)
                .for_each(move |((values, gradient), firsts)| {
                    vectorized(
                        #[inline(always)]
                        move || {
                            let weights = values.iter_mut().zip(gradient);
                            for ((value, &gradient), first) in weights.zip(firsts) {
                                let gradient = gradient * scale + decay * *value;
                                *first = momentum * *first + gradient;
                                let ahead = gradient + momentum * *first;
                                *value -= rate * if nesterov { ahead } else { *first };
                            }
                        },
                    );
                });
        }
        Optimizer::Adam {
            beta1,
            beta2,
            epsilon,
        } => {
            let rule = Adam::new(rate, step, beta1, beta2, epsilon);
            rule.update(
                moments,
                values,
                gradient,
                #[inline(always)]
                move |value, gradient| (value, gradient * scale + decay * value),
            );
        }
        Optimizer::AdamW {
            beta1,
            beta2,
            epsilon,
        } => {
            let rule = Adam::new(rate, step, beta1, beta2, epsilon);
            let kept = 1.0 - rate * decay;
            rule.update(
                moments,
                values,
                gradient,
                #[inline(always)]
                move |value, gradient| (value * kept, gradient * scale),
            );
        }
    }
}

/// The numbers of one step of Adam.
struct Adam {
    rate: f32,
    /// `1/√(1-β₂ᵗ)`.
    scale: f32,
    beta1: f32,
    beta2: f32,
    epsilon: f32,
}

impl Adam {
    fn new(rate: f32, step: u64, beta1: f32, beta2: f32, epsilon: f32) -> Self {
        // Corrections in f64: 1 - β₂ᵗ loses digits for small t otherwise.
        let step = step.min(i32::MAX as u64) as i32;
        let correction1 = 1.0 - f64::from(beta1).powi(step);
        let correction2 = 1.0 - f64::from(beta2).powi(step);
        Self {
            rate: (f64::from(rate) / correction1) as f32,
            scale: (1.0 / correction2.sqrt()) as f32,
            beta1,
            beta2,
            epsilon,
        }
    }

    /// `decayed` gives weight and gradient after the weight decay. Numbers are moved into the
    /// closures: behind references they might alias the weights, and the loop would stay scalar.
    fn update(
        &self,
        moments: &mut Moments,
        values: &mut [f32],
        gradient: &[f32],
        decayed: impl Fn(f32, f32) -> (f32, f32) + Copy + Send + Sync,
    ) {
        let &Self {
            rate,
            scale,
            beta1,
            beta2,
            epsilon,
        } = self;
        moments.second.resize(values.len(), 0.0);
        let values = values.par_chunks_mut(BLOCK).zip(gradient.par_chunks(BLOCK));
        let firsts = moments.first.par_chunks_mut(BLOCK);
        let seconds = moments.second.par_chunks_mut(BLOCK);
        values
            .zip(firsts)
            .zip(seconds)
            .for_each(move |(((values, gradient), firsts), seconds)| {
                vectorized(
                    #[inline(always)]
                    move || {
                        let weights = values.iter_mut().zip(gradient);
                        for (((value, &gradient), first), second) in
                            weights.zip(firsts).zip(seconds)
                        {
                            let (kept, gradient) = decayed(*value, gradient);
                            *first = beta1 * *first + (1.0 - beta1) * gradient;
                            *second = beta2 * *second + (1.0 - beta2) * gradient * gradient;
                            *value = kept - rate * *first / (second.sqrt() * scale + epsilon);
                        }
                    },
                );
            });
    }
}

/// `Σ x²`, the same on any number of threads.
pub(crate) fn sum_of_squares(values: &[f32]) -> f64 {
    let blocks: Vec<f64> = values
        .par_chunks(BLOCK)
        .map(|values| values.iter().map(|&x| f64::from(x) * f64::from(x)).sum())
        .collect();
    blocks.iter().sum()
}
