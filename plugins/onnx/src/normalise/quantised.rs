//! Numbers of other kinds than 32-bit floating point.

use super::Workshop;
use crate::node::Node;
use std::borrow::Cow;

/// `data_type`s.
const FLOAT: i64 = 1;
const INT32: i64 = 6;
const BOOL: i64 = 9;

/// `QuantizeLinear` with a scale for every channel goes along axis 1 unless it says another; rten takes the last.
pub fn axis<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("QuantizeLinear") || node.has("axis") {
        return None;
    }
    let scales = workshop.shape(&node.input(1)?)?;
    (scales.len() == 1).then(|| vec![node.clone().with_int("axis", 1)])
}

/// A number that is not 0 is true; rten, which keeps truth values as whole numbers, cuts off what follows the point. The zero is
/// made of the number itself, so that it is of the same kind.
pub fn truth<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Cast") || node.int("to") != Some(BOOL) {
        return None;
    }
    let input = node.input(0)?;
    let [zero, is_zero] = [workshop.name(), workshop.name()];
    Some(vec![
        Node::new("Sub", [input.clone(), input.clone()], zero.clone()),
        Node::new("Equal", [input, zero], is_zero.clone()),
        Node::new("Not", [is_zero], node.output()),
    ])
}

/// The sign of 0 is 0; rten says 1.
pub fn sign<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Sign") {
        return None;
    }
    let input = node.input(0)?;
    let zero = workshop.number(0.0);
    let [above, below] = [workshop.name(), workshop.name()];
    let mut nodes = Vec::new();
    let parts = [("Greater", above), ("Less", below)].map(|(operator, name)| {
        let part = workshop.name();
        nodes.push(Node::new(
            operator,
            [input.clone(), zero.clone()],
            name.clone(),
        ));
        nodes.push(Node::new("Cast", [name], part.clone()).with_int("to", FLOAT));
        part
    });
    nodes.push(Node::new("Sub", parts, node.output()));
    Some(nodes)
}

/// Products of whole numbers. rten pads a convolution with 0 instead of what stands for zero, and adds pairs of products in 16
/// bits on processors without instructions for it, where large ones do not fit. The same numbers less their zero points, as
/// 32-bit floating point ones, are exact up to 2^24 and as exact as any feature beyond.
pub fn products<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    let operator = match &*node.operator {
        "ConvInteger" if node.domain.is_empty() => "Conv",
        "MatMulInteger" if node.domain.is_empty() => "MatMul",
        _ => return None,
    };
    let mut nodes = Vec::new();
    let mut factors = Vec::new();
    for position in 0..2 {
        let number = cast(node.input(position)?, workshop, &mut nodes);
        let Some(zero) = node.input(2 + position) else {
            factors.push(number);
            continue;
        };
        let is_row = workshop
            .shape(&zero)
            .is_some_and(|shape| shape.len() == 1 && shape[0] > 1);
        let mut zero = cast(zero, workshop, &mut nodes);
        // One for each filter, or for each row of the first factor.
        let axes = match (operator, position) {
            ("Conv", 1) => 2 + node.ints("kernel_shape")?.len(),
            ("MatMul", 0) if is_row => 2,
            _ => 0,
        };
        if axes > 0 {
            let sizes: Vec<i64> = (0..axes)
                .map(|axis| if axis == 0 { -1 } else { 1 })
                .collect();
            let (sizes, reshaped) = (workshop.integers(&sizes), workshop.name());
            nodes.push(Node::new("Reshape", [zero, sizes], reshaped.clone()));
            zero = reshaped;
        }
        let less = workshop.name();
        nodes.push(Node::new("Sub", [number, zero], less.clone()));
        factors.push(less);
    }
    let product = workshop.name();
    let mut inner = node.clone();
    inner.operator = Cow::Borrowed(operator);
    inner.inputs = factors;
    inner.outputs = vec![product.clone()];
    nodes.push(inner);
    nodes.push(Node::new("Cast", [product], node.output()).with_int("to", INT32));
    Some(nodes)
}

/// The tensor as 32-bit floating point numbers.
fn cast<'a>(
    input: Cow<'a, str>,
    workshop: &mut Workshop<'_, 'a>,
    nodes: &mut Vec<Node<'a>>,
) -> Cow<'a, str> {
    let name = workshop.name();
    nodes.push(Node::new("Cast", [input], name.clone()).with_int("to", FLOAT));
    name
}
