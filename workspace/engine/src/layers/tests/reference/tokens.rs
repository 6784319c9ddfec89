//! Layers of sequences.

use super::{LayerSpec, Numbers, places};
use crate::layers::{
    Attention, ClassToken, MeanTokens, PositionEmbedding, SelectToken, WindowAttention,
};

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
    if let Some(own) = layer.op.get() {
        return Some(attend_in_windows(own, layer, parameters, input));
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

/// Window by window, as attention with a bias for each pair that is looked up and lowered here.
fn attend_in_windows(
    own: &WindowAttention,
    layer: &LayerSpec,
    parameters: &[f64],
    input: &[f64],
) -> Numbers {
    let [channels, height, width] = layer.input.as_image().unwrap();
    let ([rows, columns], [down, right]) = (own.window, own.shift);
    let (tokens, wide) = (rows * columns, 2 * columns - 1);
    let plain = Attention {
        heads: own.heads,
        bias: own.bias,
        position_bias: true,
    };
    let table = parameters.len() - (2 * rows - 1) * wide * own.heads;
    let (maps, table) = parameters.split_at(table);
    let mut output = vec![0.0; input.len()];
    for (top, left) in places(height / rows, width / columns) {
        // Where a place of the window stands in the map, and which edges it has crossed on its way.
        let at = |token: usize| {
            let y = top * rows + token / columns + down;
            let x = left * columns + token % columns + right;
            ((y % height) * width + x % width, (y >= height, x >= width))
        };
        let mut all = maps.to_vec();
        for head in 0..own.heads {
            for (from, to) in places(tokens, tokens) {
                let below = from / columns + rows - 1 - to / columns;
                let beside = from % columns + columns - 1 - to % columns;
                let bias = table[(below * wide + beside) * own.heads + head];
                let crossed = at(from).1 != at(to).1;
                all.push(if crossed { bias - 100.0 } else { bias });
            }
        }
        let number = |(token, channel): (usize, usize)| channel * height * width + at(token).0;
        let sequence: Vec<f64> = places(tokens, channels)
            .map(|place| input[number(place)])
            .collect();
        let found = attend(&plain, [tokens, channels], &all, &sequence);
        for (place, value) in places(tokens, channels).zip(found) {
            output[number(place)] = value;
        }
    }
    output
}
