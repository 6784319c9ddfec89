//! Layers of sequences.

use topwork_engine::LayerSpec;
use topwork_engine::layers::{Attention, MeanTokens, PositionEmbedding, SelectToken};

use super::ints;
use super::moves::slice;
use crate::graph::{Builder, Op, Setting};

pub(super) fn transposed(builder: &mut Builder, name: &str, x: &str, axes: &[i64]) -> String {
    let settings = [("perm", Setting::Ints(axes))];
    builder.node(Op("Transpose", 1), name, &[x], &settings)
}

pub(super) fn product(builder: &mut Builder, name: &str, a: &str, b: &str) -> String {
    builder.node(Op("MatMul", 9), name, &[a, b], &[])
}

/// `x Wᵀ + b` of each token.
pub(super) fn linear(
    builder: &mut Builder,
    name: &str,
    x: &str,
    weight: &str,
    bias: Option<&String>,
) -> String {
    let across = transposed(builder, &format!("{name}.across"), weight, &[1, 0]);
    match bias {
        Some(bias) => {
            let mapped = product(builder, &format!("{name}.product"), x, &across);
            builder.binary("Add", name, &mapped, bias)
        }
        None => product(builder, name, x, &across),
    }
}

/// The places of a map, row after row.
pub(super) fn of_map(builder: &mut Builder, layer: &LayerSpec, x: &str) -> Option<String> {
    let name = &layer.name;
    let [tokens, channels] = layer.output.as_tokens()?;
    let rows = builder.reshape(&format!("{name}.rows"), x, &ints(&[0, channels, tokens]));
    Some(transposed(builder, name, &rows, &[0, 2, 1]))
}

/// Learned tokens in front of those of every sample.
pub(super) fn class_token(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    weights: &[String],
) -> String {
    let name = &layer.name;
    let sizes = builder.node(Op("Shape", 1), &format!("{name}.sizes"), &[x], &[]);
    let samples = slice(
        builder,
        &format!("{name}.samples"),
        &sizes,
        &[0],
        &[0],
        &[1],
        &[1],
    );
    let each = builder.integers(&format!("{name}.each"), &[2], &[1, 1]);
    let axis = |axis| [("axis", Setting::Int(axis))];
    let shape = [samples.as_str(), &each];
    let shape = builder.node(Op("Concat", 4), &format!("{name}.shape"), &shape, &axis(0));
    let mut parts: Vec<String> = Vec::new();
    for weight in weights {
        let expanded = format!("{name}.token");
        parts.push(builder.node(Op("Expand", 8), &expanded, &[weight, &shape], &[]));
    }
    let mut parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    parts.push(x);
    builder.node(Op("Concat", 4), name, &parts, &axis(1))
}

pub(super) fn position_embedding(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    embedding: &PositionEmbedding,
    weights: &[String],
) -> Option<String> {
    let (name, skip) = (&layer.name, embedding.skip);
    let [_, width] = layer.output.as_tokens()?;
    let mut weight = weights.first()?.clone();
    if skip > 0 {
        let none = vec![0.0; skip * width];
        let none = builder.floats(&format!("{name}.skipped"), &[1, skip, width], &none);
        let settings = [("axis", Setting::Int(1))];
        let all = format!("{name}.all");
        weight = builder.node(Op("Concat", 4), &all, &[&none, &weight], &settings);
    }
    Some(builder.binary("Add", name, x, &weight))
}

pub(super) fn select(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    token: &SelectToken,
) -> String {
    let name = &layer.name;
    let index = builder.integers(&format!("{name}.index"), &[], &[token.index as i64]);
    let settings = [("axis", Setting::Int(1))];
    builder.node(Op("Gather", 1), name, &[x, &index], &settings)
}

/// A product with shares.
pub(super) fn mean(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    mean: &MeanTokens,
) -> Option<String> {
    let name = &layer.name;
    let [tokens, width] = layer.input.as_tokens()?;
    let mut shares = vec![1.0 / (tokens - mean.skip) as f32; tokens];
    shares[..mean.skip].fill(0.0);
    let shares = builder.floats(&format!("{name}.shares"), &[1, tokens], &shares);
    let row = product(builder, &format!("{name}.row"), &shares, x);
    Some(builder.reshape(name, &row, &ints(&[0, width])))
}

pub(super) fn attention(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    attention: &Attention,
    weights: &[String],
) -> Option<String> {
    let name = &layer.name;
    let [tokens, width] = layer.input.as_tokens()?;
    let (heads, head) = (attention.heads, width / attention.heads);
    let part = |what: &str| format!("{name}.{what}");
    let mut weights = weights.iter();
    let first = weights.next()?;
    let first_bias = if attention.bias { weights.next() } else { None };
    let (last, last_bias) = (weights.next()?, weights.next()?);
    let maps = linear(builder, &part("qkv"), x, first, first_bias);
    let maps = builder.reshape(&part("heads"), &maps, &ints(&[0, tokens, 3, heads, head]));
    // Queries, keys and values, of each: sample × head × token × width of a head.
    let maps = transposed(builder, &part("maps"), &maps, &[2, 0, 3, 1, 4]);
    let mut map = |which: i64| {
        let index = builder.integers(&part("which"), &[], &[which]);
        let settings = [("axis", Setting::Int(0))];
        builder.node(Op("Gather", 1), &part("map"), &[&maps, &index], &settings)
    };
    let [queries, keys, values] = [map(0), map(1), map(2)];
    let keys = transposed(builder, &part("keys"), &keys, &[0, 1, 3, 2]);
    let scores = product(builder, &part("products"), &queries, &keys);
    let scale = builder.floats(&part("scale"), &[], &[1.0 / (head as f32).sqrt()]);
    let mut scores = builder.binary("Mul", &part("scores"), &scores, &scale);
    if let Some(bias) = weights.next() {
        scores = builder.binary("Add", &part("biased"), &scores, bias);
    }
    let settings = [("axis", Setting::Int(-1))];
    let shares = builder.node(Op("Softmax", 13), &part("shares"), &[&scores], &settings);
    let joined = product(builder, &part("sums"), &shares, &values);
    let joined = transposed(builder, &part("side_by_side"), &joined, &[0, 2, 1, 3]);
    let joined = builder.reshape(&part("joined"), &joined, &ints(&[0, tokens, width]));
    Some(linear(builder, name, &joined, last, Some(last_bias)))
}
