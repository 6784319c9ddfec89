//! Activations: layers that make one number of each.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value};
use super::arithmetic::{not_of_channels, per_channel};

/// The layers that a pattern names, without settings.
const PLAIN: &[&str] = &[
    "gelu",
    "gelu-tanh",
    "hard-sigmoid",
    "hard-swish",
    "mish",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "tanh",
];

/// `topwork.NAME`.
pub(super) fn plain(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let name = node.op.strip_prefix("topwork.").unwrap_or(&node.op);
    let known = PLAIN.iter().find(|known| **known == name);
    let op = known.ok_or("has no layer in topwork")?;
    pointwise(lowering, node, New::of(node, op))
}

pub(super) fn leaky_relu(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let slope = node.float("alpha").unwrap_or(0.01);
    pointwise(
        lowering,
        node,
        New::of(node, "leaky-relu").key("slope", slope),
    )
}

pub(super) fn elu(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let alpha = node.float("alpha").unwrap_or(1.0);
    pointwise(lowering, node, New::of(node, "elu").key("alpha", alpha))
}

/// Slopes of negative numbers that are learned.
pub(super) fn prelu(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let slopes = match per_channel(lowering, node, value, 1)? {
        Some(slopes) => slopes,
        None => return Err(not_of_channels(lowering, value)),
    };
    let new = New::of(node, "prelu").key("per-channel", true);
    let shape = [slopes.len()];
    pointwise(lowering, node, new.array("weight", &shape, slopes))
}

/// A layer that leaves the shape and the order of the numbers.
fn pointwise(lowering: &mut Lowering<'_>, node: &Node, new: New<'_>) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let output = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..output
    })
}
