//! Products with weights.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};

/// `Gemm`: rows times a matrix, and a bias.
pub(super) fn gemm(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if node.int("transA") == Some(1) {
        return Err("transposes its input".to_owned());
    }
    let (shape, numbers) = lowering.weights(node, 1)?;
    let &[first, second] = shape else {
        return Err(format!("has weights of {}, expected a matrix", by(shape)));
    };
    let transposed = node.int("transB") == Some(1);
    let [units, features] = if transposed {
        [first, second]
    } else {
        [second, first]
    };
    let alpha = node.float("alpha").unwrap_or(1.0);
    let beta = node.float("beta").unwrap_or(1.0);
    let weight = match transposed {
        true => numbers.to_vec(),
        false => columns(numbers, [features, units]),
    };
    let weight = weight.into_iter().map(|number| alpha * number).collect();
    let bias = match node.input(2) {
        None => None,
        Some(_) => {
            let (_, row) = lowering.weights(node, 2)?;
            let row = match row {
                [one] => vec![*one; units],
                row if row.len() == units => row.to_vec(),
                _ => return Err(format!("has a bias that is none of {units} units")),
            };
            Some(row.into_iter().map(|number| beta * number).collect())
        }
    };
    dense(lowering, node, [units, features], weight, bias)
}

/// `MatMul`, and what a pattern has put together with the bias behind it.
pub(super) fn product(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if lowering.graph.constant_of(node, 1).is_none() {
        return Err("multiplies two tensors of the image, as attention does".to_owned());
    }
    let (shape, numbers) = lowering.weights(node, 1)?;
    let &[features, units] = shape else {
        return Err(format!("has weights of {}, expected a matrix", by(shape)));
    };
    let bias = match node.input(2) {
        None => None,
        Some(_) => Some(lowering.weights(node, 2)?.1.to_vec()),
    };
    let weight = columns(numbers, [features, units]);
    dense(lowering, node, [units, features], weight, bias)
}

/// The matrix the other way round.
fn columns(numbers: &[f32], [rows, columns]: [usize; 2]) -> Vec<f32> {
    let column = |column: usize| {
        numbers
            .iter()
            .skip(column)
            .step_by(columns.max(1))
            .take(rows)
    };
    (0..columns).flat_map(column).copied().collect()
}

/// A dense layer on a vector, on every token, or at every place of a map, where it is a convolution of 1×1.
fn dense(
    lowering: &mut Lowering<'_>,
    node: &Node,
    [units, features]: [usize; 2],
    weight: Vec<f32>,
    bias: Option<Vec<f32>>,
) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let has_bias = bias.is_some();
    let (mut new, output, view) = match (value.view, &shape[..]) {
        (View::Plain, &[width]) if width == features => {
            let new = New::of(node, "linear").key("units", units);
            (
                new.array("weight", &[units, features], weight),
                vec![units],
                View::Plain,
            )
        }
        (View::Plain, &[tokens, width]) if width == features => {
            let new = New::of(node, "linear").key("units", units);
            (
                new.array("weight", &[units, features], weight),
                vec![tokens, units],
                View::Plain,
            )
        }
        (View::ChannelsLast | View::Rows, &[channels, height, width]) if channels == features => {
            let new = New::of(node, "conv2d")
                .key("filters", units)
                .key("kernel", vec![1, 1]);
            let new = new.array("weight", &[units, features, 1, 1], weight);
            (new, vec![units, height, width], value.view)
        }
        _ => {
            return Err(format!(
                "multiplies {} by weights of {features}×{units}",
                by(&shape)
            ));
        }
    };
    new = new.key("bias", has_bias);
    if let Some(bias) = bias {
        new = new.array("bias", &[units], bias);
    }
    let pushed = lowering.push(new, &[value], &output);
    Ok(Value { view, ..pushed })
}
