//! Batch normalisation while it is trained, alone or with a sum and a rectifier behind it:
//! `y = rectify(γ x̂ + β + r)` with `x̂ = (x - μ)/√(σ² + ε)`, `μ` and `σ²` over the batch and all places of a
//! channel (Ioffe and Szegedy, "Batch normalization", 2015).
//!
//! Gradients over the `n` values of a channel, with `dy` set to zero where the rectifier has cut off:
//! `dβ = Σ dy`, `dγ = Σ dy x̂`, `dx = γ/√(σ² + ε) · (dy - dβ/n - x̂ dγ/n)`, `dr = dy`.
//! A channel is the work of one thread, so that no sum is ever put together from pieces.

use rayon::prelude::*;

use super::{affine, channels_last::ChannelsLast, take_over};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, NamedMut, Operation, vectorized};
use crate::rectifier::Rectifier;

/// A batch normalisation that learns. It remembers mean and variance of the batch, channel by channel.
pub(crate) struct Normalisation {
    pub(crate) channels: usize,
    /// Places of one channel.
    pub(crate) places: usize,
    pub(crate) epsilon: f32,
    pub(crate) momentum: f32,
    /// Whether a second input is added.
    pub(crate) residual: bool,
    pub(crate) rectifier: Option<Rectifier>,
}

impl Normalisation {
    /// The slices of each channel, sample after sample.
    fn by_channel<'a>(&self, values: &'a [f32]) -> impl Fn(usize) -> Vec<&'a [f32]> + use<'a> {
        let (channels, places) = (self.channels, self.places);
        move |channel| {
            let slices = values.chunks_exact(places).skip(channel);
            slices.step_by(channels).collect()
        }
    }

    fn by_channel_mut<'a>(&self, values: &'a mut [f32]) -> Vec<Vec<&'a mut [f32]>> {
        let samples = values.len() / (self.channels * self.places);
        let mut channels: Vec<_> = (0..self.channels)
            .map(|_| Vec::with_capacity(samples))
            .collect();
        for (index, slice) in values.chunks_exact_mut(self.places).enumerate() {
            channels[index % self.channels].push(slice);
        }
        channels
    }
}

impl Operation for Normalisation {
    fn output(&self) -> usize {
        self.channels * self.places
    }

    fn remembered(&self, _samples: usize) -> usize {
        2 * self.channels
    }

    fn observe(&self, samples: usize, memory: &[f32], statistics: NamedMut<'_>) {
        take_over(self.momentum, samples * self.places, memory, statistics);
    }

    fn rectifier_slot(&mut self) -> Option<&mut Option<Rectifier>> {
        Some(&mut self.rectifier)
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(ChannelsLast(Self { ..*self }))
    }

    fn forward(&self, pass: Forward<'_>) {
        let inputs = self.by_channel(pass.inputs[0]);
        let residuals = self.residual.then(|| self.by_channel(pass.inputs[1]));
        let [weights, biases] = affine(&pass.weights[0], self.channels);
        self.by_channel_mut(pass.output)
            .into_par_iter()
            .zip(pass.memory.as_chunks_mut::<2>().0)
            .enumerate()
            .for_each(|(channel, (mut outputs, memory))| {
                let inputs = inputs(channel);
                let residuals = residuals.as_ref().map(|residuals| residuals(channel));
                let (weight, bias) = (weights[channel], biases[channel]);
                vectorized(
                    #[inline(always)]
                    || {
                        let count = (inputs.len() * self.places) as f64;
                        let total: f64 = inputs.iter().map(|x| sum(x, |x| x)).sum();
                        let mean = (total / count) as f32;
                        let squares = |x: &&[f32]| sum(x, |x| (x - mean) * (x - mean));
                        let variance = (inputs.iter().map(squares).sum::<f64>() / count) as f32;
                        *memory = [mean, variance];
                        let scale = weight / (variance + self.epsilon).sqrt();
                        for (index, (output, input)) in outputs.iter_mut().zip(&inputs).enumerate()
                        {
                            for (output, &input) in output.iter_mut().zip(*input) {
                                *output = (input - mean) * scale + bias;
                            }
                            if let Some(residuals) = &residuals {
                                for (output, &residual) in output.iter_mut().zip(residuals[index]) {
                                    *output += residual;
                                }
                            }
                            if let Some(rectifier) = self.rectifier {
                                rectifier.apply(output);
                            }
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let mut unwanted = vec![0.0; 2 * self.channels];
        let (dweight, dbias) = match pass.parameter_gradients {
            Some(mut parameters) => (parameters.take("weight"), parameters.take("bias")),
            None => unwanted.split_at_mut(self.channels),
        };
        let (mut first, mut second) = match pass.input_gradients {
            [first] => (first.take(), None),
            [first, second] => (first.take(), second.take()),
            _ => (None, None),
        };
        let absent = || (0..self.channels).map(|_| Vec::new()).collect();
        let by_channel = |gradient: &mut Option<_>| match gradient.take() {
            Some(gradient) => self.by_channel_mut(gradient),
            None => absent(),
        };
        let (input_gradients, residual_gradients) =
            (by_channel(&mut first), by_channel(&mut second));
        let (inputs, outputs) = (
            self.by_channel(pass.inputs[0]),
            self.by_channel(pass.output),
        );
        let [weights, _] = affine(&pass.weights[0], self.channels);
        self.by_channel_mut(pass.output_gradient)
            .into_par_iter()
            .zip(input_gradients)
            .zip(residual_gradients)
            .zip(pass.memory.as_chunks::<2>().0)
            .zip(dweight)
            .zip(dbias)
            .enumerate()
            .for_each(
                |(channel, (((((mut gradients, mut dx), mut dr), memory), dw), db))| {
                    let (inputs, outputs) = (inputs(channel), outputs(channel));
                    let &[mean, variance] = memory;
                    let inverse = 1.0 / (variance + self.epsilon).sqrt();
                    vectorized(
                        #[inline(always)]
                        || {
                            let count = (inputs.len() * self.places) as f64;
                            let (mut sum_dy, mut sum_products) = (0.0, 0.0);
                            for ((dy, x), y) in gradients.iter_mut().zip(&inputs).zip(&outputs) {
                                if let Some(rectifier) = self.rectifier {
                                    rectifier.mask(dy, y);
                                }
                                sum_dy += sum(dy, |dy| dy);
                                sum_products += sum_pairs(dy, x, |dy, x| dy * (x - mean));
                            }
                            for (dr, dy) in dr.iter_mut().zip(&gradients) {
                                dr.copy_from_slice(dy);
                            }
                            *db = sum_dy as f32;
                            *dw = (sum_products * f64::from(inverse)) as f32;
                            let scale = weights[channel] * inverse;
                            let mean_dy = (sum_dy / count) as f32;
                            let slope = (sum_products / count) as f32 * inverse * inverse;
                            for ((dx, dy), x) in dx.iter_mut().zip(&gradients).zip(&inputs) {
                                for ((dx, &dy), &x) in dx.iter_mut().zip(dy.iter()).zip(*x) {
                                    *dx = scale * (dy - mean_dy - (x - mean) * slope);
                                }
                            }
                        },
                    );
                },
            );
    }
}

/// A sum in sixteen strands, so that it fits any width of register, each of them too short to lose digits.
#[inline(always)]
fn sum(values: &[f32], term: impl Fn(f32) -> f32) -> f64 {
    sum_pairs(values, values, |value, _| term(value))
}

#[inline(always)]
fn sum_pairs(left: &[f32], right: &[f32], term: impl Fn(f32, f32) -> f32) -> f64 {
    const STRANDS: usize = 16;
    let mut total = 0.0;
    for (left, right) in left.chunks(4096).zip(right.chunks(4096)) {
        let (lefts, left) = left.as_chunks::<STRANDS>();
        let (rights, right) = right.as_chunks::<STRANDS>();
        let mut strands = [0f32; STRANDS];
        for (left, right) in lefts.iter().zip(rights) {
            for index in 0..STRANDS {
                strands[index] += term(left[index], right[index]);
            }
        }
        total += strands.iter().map(|&strand| f64::from(strand)).sum::<f64>();
        let rest = left
            .iter()
            .zip(right)
            .map(|(&left, &right)| f64::from(term(left, right)));
        total += rest.sum::<f64>();
    }
    total
}
