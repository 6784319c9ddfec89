//! Layers of sequences.

use super::{LayerSpec, Numbers, places};
use crate::layers::{Attention, ClassToken, MeanTokens, PositionEmbedding, SelectToken};

/// One sample through a layer of sequences; nothing for others.
pub(super) fn sample(layer: &LayerSpec, parameters: &[f64], input: &[f64]) -> Option<Numbers> {
    if layer.op.name() == "tokens" {
        let [tokens, channels] = layer.output.as_tokens().unwrap();
        let values = places(tokens, channels);
        return Some(
            values
                .map(|(token, channel)| input[channel * tokens + token])
                .collect(),
        );
    }
    let [tokens, width] = layer.input.as_tokens()?;
    if let Some(ClassToken { registers }) = layer.op.get() {
        assert_eq!(parameters.len(), (1 + registers) * width);
        return Some([parameters, input].concat());
    }
    if let Some(PositionEmbedding { skip }) = layer.op.get() {
        let value = |(at, x): (usize, &f64)| match at.checked_sub(skip * width) {
            Some(own) => x + parameters[own],
            None => *x,
        };
        return Some(input.iter().enumerate().map(value).collect());
    }
    if let Some(SelectToken { index }) = layer.op.get() {
        return Some((0..width).map(|at| input[index * width + at]).collect());
    }
    if let Some(MeanTokens { skip }) = layer.op.get() {
        let mean = |at: usize| {
            let values = (*skip..tokens).map(|token| input[token * width + at]);
            values.sum::<f64>() / (tokens - skip) as f64
        };
        return Some((0..width).map(mean).collect());
    }
    let attention = layer.op.get()?;
    Some(attend(attention, [tokens, width], parameters, input))
}

fn attend(
    attention: &Attention,
    [tokens, width]: [usize; 2],
    parameters: &[f64],
    input: &[f64],
) -> Numbers {
    let heads = attention.heads;
    let head = width / heads;
    let (weight, rest) = parameters.split_at(3 * width * width);
    let (weight_bias, rest) = rest.split_at(if attention.bias { 3 * width } else { 0 });
    let (last, rest) = rest.split_at(width * width);
    let (last_bias, position_bias) = rest.split_at(width);
    let linear = |weight: &[f64], bias: &[f64], row: &[f64], unit: usize| {
        let weights = &weight[unit * width..(unit + 1) * width];
        let products = weights.iter().zip(row).map(|(w, x)| w * x);
        products.sum::<f64>() + bias.get(unit).copied().unwrap_or(0.0)
    };
    let row = |token: usize| &input[token * width..(token + 1) * width];
    // Queries, keys and values.
    let map = |which: usize, token: usize, unit: usize| {
        linear(weight, weight_bias, row(token), which * width + unit)
    };
    let mut output = Numbers::new();
    for token in 0..tokens {
        let mut joined = vec![0.0; width];
        for of in 0..heads {
            let own = of * head..(of + 1) * head;
            let scores = (0..tokens).map(|other| {
                let products = own
                    .clone()
                    .map(|unit| map(0, token, unit) * map(1, other, unit));
                let bias = position_bias.get((of * tokens + token) * tokens + other);
                (products.sum::<f64>() / (head as f64).sqrt() + bias.unwrap_or(&0.0)).exp()
            });
            let scores: Vec<f64> = scores.collect();
            let total: f64 = scores.iter().sum();
            for unit in own {
                let values = (0..tokens).map(|other| scores[other] / total * map(2, other, unit));
                joined[unit] = values.sum();
            }
        }
        output.extend((0..width).map(|unit| linear(last, last_bias, &joined, unit)));
    }
    output
}
