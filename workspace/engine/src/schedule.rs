//! Learning rates that change from step to step, in PyTorch's semantics.

use std::f64::consts::PI;

/// How the learning rate changes: a linear warm-up, then a shape.
///
/// With `w` steps of warm-up and `s` the step counted from 0, the rate is `base · (s+1)/(w+1)` while
/// `s < w`; after that the shape's own, with `t = s - w` of `T = total - w` steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Schedule {
    /// What follows the warm-up.
    pub shape: ScheduleShape,
    /// Steps of warm-up.
    pub warm_up: u64,
    /// Steps in all, warm-up included; only the shapes that end somewhere read it.
    pub total: u64,
}

/// The course of the learning rate after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ScheduleShape {
    /// Always the base rate.
    Constant,
    /// `base · factor^⌊t/every⌋` (`torch.optim.lr_scheduler.StepLR`).
    Step {
        /// Steps after which the rate is multiplied, 1 or more.
        every: u64,
        /// What it is multiplied by.
        factor: f32,
    },
    /// `to + (base - to) (1 + cos(π t/T)) / 2` (`CosineAnnealingLR`; Loshchilov and Hutter, "SGDR", 2017).
    Cosine {
        /// The rate at the end.
        to: f32,
    },
    /// From `base / start_divisor` up to `base`, then down to the `end_divisor`th part of the start, each
    /// along half a cosine (`OneCycleLR`; Smith and Topin, "Super-convergence", 2018).
    OneCycle {
        /// Share of the steps in which the rate rises.
        rise: f32,
        /// The base rate is so many times the first one.
        start_divisor: f32,
        /// The first rate is so many times the last one.
        end_divisor: f32,
    },
}

impl ScheduleShape {
    /// One cycle with PyTorch's defaults.
    pub const ONE_CYCLE: Self = Self::OneCycle {
        rise: 0.3,
        start_divisor: 25.0,
        end_divisor: 1e4,
    };
}

impl Schedule {
    /// The base rate at every step.
    pub const CONSTANT: Self = Self {
        shape: ScheduleShape::Constant,
        warm_up: 0,
        total: 0,
    };

    /// The learning rate of a step, counted from 0, where `base` is the one set.
    pub fn rate(&self, step: u64, base: f32) -> f32 {
        let base = f64::from(base);
        if step < self.warm_up {
            return (base * (step + 1) as f64 / (self.warm_up + 1) as f64) as f32;
        }
        let step = step - self.warm_up;
        let total = self.total.saturating_sub(self.warm_up);
        let rate = match self.shape {
            ScheduleShape::Constant => base,
            ScheduleShape::Step { every, factor } => {
                let times = (step / every.max(1)).min(i32::MAX as u64) as i32;
                base * f64::from(factor).powi(times)
            }
            ScheduleShape::Cosine { to } => {
                let share = step.min(total) as f64 / total.max(1) as f64;
                half_cosine(base, f64::from(to), share)
            }
            ScheduleShape::OneCycle {
                rise,
                start_divisor,
                end_divisor,
            } => {
                let start = base / f64::from(start_divisor);
                let end = start / f64::from(end_divisor);
                let last = total.saturating_sub(1) as f64;
                let top = f64::from(rise) * total as f64 - 1.0;
                let step = (step as f64).min(last);
                if step <= top {
                    half_cosine(start, base, step / top)
                } else {
                    half_cosine(base, end, (step - top) / (last - top))
                }
            }
        };
        rate as f32
    }
}

/// From one value to another along half a cosine.
fn half_cosine(from: f64, to: f64, share: f64) -> f64 {
    let share = if share.is_finite() { share } else { 1.0 };
    to + (from - to) * (1.0 + (PI * share).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_follow_their_shapes() {
        let step = ScheduleShape::Step {
            every: 2,
            factor: 0.5,
        };
        let cosine = ScheduleShape::Cosine { to: 0.2 };
        for (shape, warm_up, total, expected) in [
            (ScheduleShape::Constant, 0, 4, vec![1.0, 1.0, 1.0, 1.0]),
            (
                ScheduleShape::Constant,
                3,
                5,
                vec![0.25, 0.5, 0.75, 1.0, 1.0],
            ),
            (step, 1, 6, vec![0.5, 1.0, 1.0, 0.5, 0.5, 0.25]),
            (cosine, 0, 4, vec![1.0, 0.882_843, 0.6, 0.317_157, 0.2, 0.2]),
            (
                ScheduleShape::OneCycle {
                    rise: 0.5,
                    start_divisor: 10.0,
                    end_divisor: 100.0,
                },
                0,
                6,
                vec![0.1, 0.55, 1.0, 0.750_25, 0.250_75, 0.001, 0.001],
            ),
        ] {
            let schedule = Schedule {
                shape,
                warm_up,
                total,
            };
            for (step, expected) in expected.into_iter().enumerate() {
                let found = schedule.rate(step as u64, 1.0);
                assert!(
                    (found - expected).abs() < 1e-5,
                    "{shape:?} {step}: {found} {expected}"
                );
            }
        }
    }

    #[test]
    fn no_schedule_leaves_the_numbers() {
        for shape in [
            ScheduleShape::Constant,
            ScheduleShape::Step {
                every: 1,
                factor: 0.1,
            },
            ScheduleShape::Cosine { to: 0.0 },
            ScheduleShape::ONE_CYCLE,
        ] {
            for total in [0, 1, 2, 3, 10] {
                for warm_up in [0, 1, 20] {
                    let schedule = Schedule {
                        shape,
                        warm_up,
                        total,
                    };
                    for step in [0, 1, 2, 9, 10, 1 << 40] {
                        let rate = schedule.rate(step, 0.1);
                        assert!((0.0..=0.1).contains(&rate), "{schedule:?} {step}: {rate}");
                    }
                }
            }
        }
    }
}
