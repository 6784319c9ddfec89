//! Sums and products, of tensors of the image and with numbers of its channels.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};
use super::tokens;

/// `Add` and `Sum`.
pub(super) fn sum(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if let Some((computed, constant)) = with_constant(lowering, node) {
        return match tokens::positions(lowering, node, computed, constant)? {
            Some(value) => Ok(value),
            None => shifted(lowering, node, computed, constant, 1.0),
        };
    }
    let (values, shape) = alike(lowering, node)?;
    match values[..] {
        [only] => Ok(only),
        [first, ..] => {
            let pushed = lowering.push(New::of(node, "add"), &values, &shape);
            Ok(Value {
                view: first.view,
                ..pushed
            })
        }
        [] => Err("has no inputs".to_owned()),
    }
}

/// `Pow` of two, which is a product.
pub(super) fn power(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let exponent = lowering.graph.constant_of(node, 1);
    let exponent = exponent.and_then(|array| array.scalar());
    if exponent != Some(2.0) {
        return Err("has another exponent than 2".to_owned());
    }
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let pushed = lowering.push(New::of(node, "multiply"), &[value, value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

/// `Sub`: of two tensors of the image the sum of one and the other times -1.
pub(super) fn difference(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    match with_constant(lowering, node) {
        Some((0, constant)) => shifted(lowering, node, 0, constant, -1.0),
        Some(_) => Err("subtracts a tensor of the image from a constant".to_owned()),
        None => {
            let (values, shape) = alike(lowering, node)?;
            let &[first, second] = values.as_slice() else {
                return Err("needs two inputs".to_owned());
            };
            let channels = channels(&shape);
            // Random weights begin with it, too.
            let negative = New::of(node, "scale").key("initial", -1.0);
            let negative = negative.array("weight", &[channels], vec![-1.0; channels]);
            let negative = lowering.push(negative, &[second], &shape);
            let pushed = lowering.push(New::of(node, "add"), &[first, negative], &shape);
            Ok(Value {
                view: first.view,
                ..pushed
            })
        }
    }
}

pub(super) fn product(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if let Some((computed, constant)) = with_constant(lowering, node) {
        return scaled(lowering, node, computed, constant, |x| x);
    }
    let (first, second) = (lowering.value(node, 0)?, lowering.value(node, 1)?);
    let shapes = [first, second].map(|value| lowering.shape(value).to_vec());
    let [a, b] = &shapes;
    let gates = |gate: &[usize], map: &[usize]| matches!((gate, map), (&[c, 1, 1], &[channels, ..]) if c == channels && map.len() == 3);
    let (inputs, shape) = match () {
        () if first.view != second.view => return Err(differently()),
        () if a == b || gates(b, a) => ([first, second], a),
        () if gates(a, b) => ([second, first], b),
        () => {
            return Err(format!(
                "multiplies {} by {}, expected one shape or a number for each channel",
                by(a),
                by(b)
            ));
        }
    };
    let pushed = lowering.push(New::of(node, "multiply"), &inputs, shape);
    Ok(Value {
        view: first.view,
        ..pushed
    })
}

pub(super) fn quotient(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    match with_constant(lowering, node) {
        Some((0, constant)) => scaled(lowering, node, 0, constant, |x| 1.0 / x),
        _ => Err("divides by a tensor of the image".to_owned()),
    }
}

/// `s x + t`, which a pattern has put together. It is a convolution of 1×1 in which every channel sees itself, so that it
/// stays this function when it is trained; a batch normalisation would take the statistics of its batches for those of
/// the model.
pub(super) fn affine(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let scale = per_channel(lowering, node, value, 1)?;
    let shift = per_channel(lowering, node, value, 2)?;
    let constants =
        [scale, shift].map(|numbers| numbers.ok_or_else(|| not_of_channels(lowering, value)));
    let [scale, shift] = constants;
    through_itself(lowering, node, value, scale?, shift?)
}

/// Which of two inputs is computed and which is the same for every image.
fn with_constant(lowering: &Lowering<'_>, node: &Node) -> Option<(usize, usize)> {
    let constant = |position| lowering.graph.constant_of(node, position).is_some();
    match (node.inputs.len(), constant(0), constant(1)) {
        (2, true, false) => Some((1, 0)),
        (2, false, true) => Some((0, 1)),
        _ => None,
    }
}

/// All inputs, of one shape.
fn alike(lowering: &Lowering<'_>, node: &Node) -> Result<(Vec<Value>, Vec<usize>), String> {
    let values: Result<Vec<Value>, String> = (0..node.inputs.len())
        .map(|position| lowering.value(node, position))
        .collect();
    let values = values?;
    let Some(&first) = values.first() else {
        return Err("has no inputs".to_owned());
    };
    let shape = lowering.shape(first).to_vec();
    for &value in &values {
        if value.view != first.view {
            return Err(differently());
        }
        if lowering.shape(value) != shape {
            return Err(format!(
                "adds {} and {}, expected one shape",
                by(&shape),
                by(lowering.shape(value))
            ));
        }
    }
    Ok((values, shape))
}

/// How many channels or features a sample has.
fn channels(shape: &[usize]) -> usize {
    match shape {
        [channels, _, _] => *channels,
        other => other.last().copied().unwrap_or(0),
    }
}

fn differently() -> String {
    "takes two tensors whose channels lie differently".to_owned()
}

fn scaled(
    lowering: &mut Lowering<'_>,
    node: &Node,
    computed: usize,
    constant: usize,
    number: fn(f32) -> f32,
) -> Result<Value, String> {
    let value = lowering.value(node, computed)?;
    let scale = per_channel(lowering, node, value, constant)?;
    let scale = scale.ok_or_else(|| not_of_channels(lowering, value))?;
    let scale: Vec<f32> = scale.into_iter().map(number).collect();
    let shape = lowering.shape(value).to_vec();
    let new = New::of(node, "scale").array("weight", &[scale.len()], scale);
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

fn shifted(
    lowering: &mut Lowering<'_>,
    node: &Node,
    computed: usize,
    constant: usize,
    sign: f32,
) -> Result<Value, String> {
    let value = lowering.value(node, computed)?;
    let shift = per_channel(lowering, node, value, constant)?;
    let shift = shift.ok_or_else(|| not_of_channels(lowering, value))?;
    let scale = vec![1.0; shift.len()];
    let shift = shift.into_iter().map(|number| sign * number).collect();
    through_itself(lowering, node, value, scale, shift)
}

fn through_itself(
    lowering: &mut Lowering<'_>,
    node: &Node,
    value: Value,
    scale: Vec<f32>,
    shift: Vec<f32>,
) -> Result<Value, String> {
    let shape = lowering.shape(value).to_vec();
    let &[channels, _, _] = shape.as_slice() else {
        return Err(format!("adds constants to {}, expected a map", by(&shape)));
    };
    let new = New::of(node, "conv2d")
        .key("filters", channels)
        .key("kernel", vec![1, 1])
        .key("groups", channels)
        .array("weight", &[channels, 1, 1, 1], scale)
        .array("bias", &[channels], shift);
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

/// A constant as a number for each channel of a value; nothing where it is none of them.
pub(super) fn per_channel(
    lowering: &Lowering<'_>,
    node: &Node,
    value: Value,
    position: usize,
) -> Result<Option<Vec<f32>>, String> {
    let (sizes, numbers) = lowering.weights(node, position)?;
    let shape = lowering.shape(value);
    // Where channels are in the tensor of the file, and how many axes that has.
    let (axis, rank) = match (value.view, shape.len()) {
        (View::Plain, 3) => (1, 4),
        (View::ChannelsLast, 3) => (3, 4),
        (View::Places, 3) => (1, 3),
        (View::Rows, 3) => (2, 3),
        (_, rank) => (rank, rank + 1),
    };
    let channels = channels(shape);
    if let [only] = numbers
        && sizes.len() <= rank
    {
        return Ok(Some(vec![*only; channels]));
    }
    let Some(missing) = rank.checked_sub(sizes.len()) else {
        return Ok(None);
    };
    let fits = sizes
        .iter()
        .enumerate()
        .all(|(place, size)| match place + missing == axis {
            true => *size == channels,
            false => *size == 1,
        });
    Ok((fits && numbers.len() == channels).then(|| numbers.to_vec()))
}

pub(super) fn not_of_channels(lowering: &Lowering<'_>, value: Value) -> String {
    format!(
        "has constants that are no number for each channel of {}",
        by(lowering.shape(value))
    )
}
