//! Norms over parts of a sample, and what else looks at channels.

use super::{LayerSpec, Numbers};
use crate::layers::{GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm, Prelu};

/// One sample through such a layer; nothing for others.
pub(super) fn sample(layer: &LayerSpec, parameters: &[f64], input: &[f64]) -> Option<Numbers> {
    let (channels, places) = layer.input.channels();
    let channel_of = |at: usize| at / places % channels;
    if let Some(&LayerNorm { epsilon }) = layer.op.get() {
        // Values are normalised with those of the other channels at the same place.
        let group = |at: usize| (at / (channels * places), at % places);
        return Some(normalised(input, group, channel_of, epsilon, parameters));
    }
    if let Some(&GroupNorm {
        groups, epsilon, ..
    }) = layer.op.get()
    {
        let group = |at: usize| (channel_of(at) / (channels / groups), 0);
        return Some(normalised(input, group, channel_of, epsilon, parameters));
    }
    if let Some(&InstanceNorm { epsilon, .. }) = layer.op.get() {
        let group = |at: usize| (channel_of(at), 0);
        return Some(normalised(input, group, channel_of, epsilon, parameters));
    }
    if let Some(&LocalResponseNorm {
        size,
        alpha,
        beta,
        k,
    }) = layer.op.get()
    {
        let around = |at: usize| -> f64 {
            let squares = (0..size).filter_map(|step| {
                let channel = (channel_of(at) + step).checked_sub(size / 2)?;
                let place = at % places;
                (channel < channels).then(|| input[channel * places + place].powi(2))
            });
            squares.sum()
        };
        let [alpha, beta, k] = [alpha, beta, k].map(f64::from);
        let value = |(at, x): (usize, &f64)| {
            let scale = k + alpha / size as f64 * around(at);
            x / scale.powf(beta)
        };
        return Some(input.iter().enumerate().map(value).collect());
    }
    if let Some(&Prelu { per_channel, .. }) = layer.op.get() {
        let slope = |at: usize| parameters[if per_channel { channel_of(at) } else { 0 }];
        let value = |(at, x): (usize, &f64)| x.max(0.0) + slope(at) * x.min(0.0);
        return Some(input.iter().enumerate().map(value).collect());
    }
    if layer.op.name() == "softmax" {
        let group = |at: usize| (at / (channels * places), at % places);
        let total = |at: usize| -> f64 {
            let all = input.iter().enumerate();
            let own = all.filter(|(other, _)| group(*other) == group(at));
            own.map(|(_, x)| x.exp()).sum()
        };
        let value = |(at, x): (usize, &f64)| x.exp() / total(at);
        return Some(input.iter().enumerate().map(value).collect());
    }
    None
}

/// Values normalised with all others of their group, then scaled and shifted by channel where there is something to do it by.
fn normalised(
    input: &[f64],
    group: impl Fn(usize) -> (usize, usize),
    channel_of: impl Fn(usize) -> usize,
    epsilon: f32,
    parameters: &[f64],
) -> Numbers {
    let (weights, biases) = parameters.split_at(parameters.len() / 2);
    let value = |(at, x): (usize, &f64)| {
        let all = input.iter().enumerate();
        let own: Vec<f64> = all
            .filter(|(other, _)| group(*other) == group(at))
            .map(|(_, x)| *x)
            .collect();
        let count = own.len() as f64;
        let mean = own.iter().sum::<f64>() / count;
        let variance = own.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / count;
        let normal = (x - mean) / (variance + f64::from(epsilon)).sqrt();
        let channel = channel_of(at);
        normal * weights.get(channel).unwrap_or(&1.0) + biases.get(channel).unwrap_or(&0.0)
    };
    input.iter().enumerate().map(value).collect()
}
