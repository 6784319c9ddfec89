//! Normalisations.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};

/// Batch normalisation with the statistics of its training.
pub(super) fn batch(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if node.int("training_mode") == Some(1)
        || node.outputs.iter().skip(1).any(|name| !name.is_empty())
    {
        return Err("is in training mode; export the model with `.eval()`".to_owned());
    }
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let (op, channels) = match (value.view, &shape[..]) {
        (View::Plain, &[channels, _, _]) => ("batch-norm2d", channels),
        (View::Plain, &[features]) => ("batch-norm1d", features),
        _ => {
            return Err(format!(
                "gets {}, expected channels×height×width",
                by(&shape)
            ));
        }
    };
    let mut new = New::of(node, op).key("epsilon", node.float("epsilon").unwrap_or(1e-5));
    let names = ["weight", "bias", "running_mean", "running_var"];
    for (place, name) in names.into_iter().enumerate() {
        let (_, numbers) = lowering.weights(node, place + 1)?;
        if numbers.len() != channels {
            return Err(format!(
                "has {} numbers for {channels} channels",
                numbers.len()
            ));
        }
        new = new.array(name, &[channels], numbers.to_vec());
    }
    Ok(lowering.push(new, &[value], &shape))
}

/// Layer normalisation over what is last: features, or channels where they are.
pub(super) fn layer(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let rank = shape.len() + 1;
    let axis = node.int("axis").unwrap_or(-1);
    if axis != -1 && axis != rank as i64 - 1 {
        return Err(format!("begins at the axis {axis}, expected the last one"));
    }
    let width = match (value.view, &shape[..]) {
        (View::ChannelsLast, &[channels, _, _]) => channels,
        (View::Plain, &[width] | &[_, width]) => width,
        _ => {
            return Err(format!(
                "goes over the last of {}, expected features or channels",
                by(&shape)
            ));
        }
    };
    let (_, weight) = lowering.weights(node, 1)?;
    let bias = match node.input(2) {
        Some(_) => lowering.weights(node, 2)?.1.to_vec(),
        None => vec![0.0; width],
    };
    if weight.len() != width || bias.len() != width {
        return Err(format!("has {} numbers for {width} features", weight.len()));
    }
    let new = New::of(node, "layer-norm")
        .key("epsilon", node.float("epsilon").unwrap_or(1e-5))
        .array("weight", &[width], weight.to_vec())
        .array("bias", &[width], bias);
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}
