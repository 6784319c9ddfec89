//! Norms over parts of a sample, and what else looks at channels.

use topwork_engine::layers::{GroupNorm, InstanceNorm, LayerNorm, LocalResponseNorm};
use topwork_engine::{LayerSpec, Shape};

use super::ints;
use crate::graph::{Builder, Op, Setting};

/// A number for each channel, in the form in which it meets all places of a map.
pub(super) fn per_channel(builder: &mut Builder, name: &str, values: &str, of: Shape) -> String {
    match of.as_image() {
        Some([channels, ..]) => {
            builder.reshape(&format!("{name}.places"), values, &ints(&[channels, 1, 1]))
        }
        None => values.to_owned(),
    }
}

pub(super) fn layer_norm(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    norm: &LayerNorm,
    weights: &[String],
) -> Option<String> {
    let [weight, bias] = weights else {
        return None;
    };
    let name = &layer.name;
    let settings = [
        ("axis", Setting::Int(-1)),
        ("epsilon", Setting::Float(norm.epsilon)),
    ];
    let op = Op("LayerNormalization", 17);
    if layer.input.as_image().is_none() {
        return Some(builder.node(op, name, &[x, weight, bias], &settings));
    }
    // Over the channels at each place.
    let mut moved = |what: &str, x: &str, axes: &[i64]| {
        builder.node(
            Op("Transpose", 1),
            what,
            &[x],
            &[("perm", Setting::Ints(axes))],
        )
    };
    let last = moved(&format!("{name}.channels_last"), x, &[0, 2, 3, 1]);
    let normal = builder.node(
        op,
        &format!("{name}.norm"),
        &[&last, weight, bias],
        &settings,
    );
    let axes = [("perm", Setting::Ints(&[0, 3, 1, 2]))];
    Some(builder.node(Op("Transpose", 1), name, &[&normal], &axes))
}

pub(super) fn group_norm(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    norm: &GroupNorm,
    weights: &[String],
) -> String {
    let name = &layer.name;
    let groups = norm.groups;
    // As instances: the values of a group one after the other.
    let values = layer.input.elements() / groups;
    let rows = builder.reshape(&format!("{name}.groups"), x, &ints(&[0, groups, values]));
    let normal = instances(
        builder,
        &format!("{name}.norm"),
        &rows,
        groups,
        norm.epsilon,
        &[],
    );
    let shape: Vec<usize> = std::iter::once(0)
        .chain(layer.input.dims().iter().copied())
        .collect();
    let normal = builder.reshape(&format!("{name}.joined"), &normal, &ints(&shape));
    let [weight, bias] = weights else {
        return normal;
    };
    let weight = per_channel(builder, &format!("{name}.weight"), weight, layer.input);
    let bias = per_channel(builder, &format!("{name}.bias"), bias, layer.input);
    let scaled = builder.binary("Mul", &format!("{name}.scaled"), &normal, &weight);
    builder.binary("Add", name, &scaled, &bias)
}

pub(super) fn instance_norm(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    norm: &InstanceNorm,
    weights: &[String],
) -> String {
    let (channels, name) = (layer.input.dims()[0], &layer.name);
    instances(builder, name, x, channels, norm.epsilon, weights)
}

/// ONNX wants scales and shifts in any case.
fn instances(
    builder: &mut Builder,
    name: &str,
    x: &str,
    count: usize,
    epsilon: f32,
    weights: &[String],
) -> String {
    let (weight, bias) = match weights {
        [weight, bias] => (weight.clone(), bias.clone()),
        _ => (
            builder.floats(&format!("{name}.weight"), &[count], &vec![1.0; count]),
            builder.floats(&format!("{name}.bias"), &[count], &vec![0.0; count]),
        ),
    };
    let settings = [("epsilon", Setting::Float(epsilon))];
    builder.node(
        Op("InstanceNormalization", 6),
        name,
        &[x, &weight, &bias],
        &settings,
    )
}

/// The mean of squares by average pooling over the channels: the operator of that name has a window that lies otherwise where its
/// size is even, and many runtimes lack it.
pub(super) fn local_response_norm(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    norm: &LocalResponseNorm,
) -> Option<String> {
    let name = &layer.name;
    let [channels, height, width] = layer.input.as_image()?;
    let square = builder.binary("Mul", &format!("{name}.square"), x, x);
    let plane = ints(&[0, 1, channels, height * width]);
    let square = builder.reshape(&format!("{name}.plane"), &square, &plane);
    // Of more channels than there are on one side, none beyond is looked at.
    let around = [norm.size / 2, (norm.size - 1) / 2].map(|side| side.min(channels - 1));
    let kernel = ints(&[around[0] + around[1] + 1, 1]);
    let pads = ints(&[around[0], 0, around[1], 0]);
    let settings = [
        ("kernel_shape", Setting::Ints(&kernel)),
        ("strides", Setting::Ints(&[1, 1])),
        ("pads", Setting::Ints(&pads)),
        ("count_include_pad", Setting::Int(1)),
    ];
    let mean = builder.node(
        Op("AveragePool", 7),
        &format!("{name}.mean"),
        &[&square],
        &settings,
    );
    let whole = ints(&[0, channels, height, width]);
    let mean = builder.reshape(&format!("{name}.map"), &mean, &whole);
    let alpha = norm.alpha * kernel[0] as f32 / norm.size as f32;
    let mut number = |what: &str, value| builder.floats(&format!("{name}.{what}"), &[], &[value]);
    let (alpha, k, beta) = (
        number("alpha", alpha),
        number("k", norm.k),
        number("beta", norm.beta),
    );
    let scaled = builder.binary("Mul", &format!("{name}.share"), &mean, &alpha);
    let sum = builder.binary("Add", &format!("{name}.sum"), &scaled, &k);
    let power = builder.binary("Pow", &format!("{name}.power"), &sum, &beta);
    Some(builder.binary("Div", name, x, &power))
}
