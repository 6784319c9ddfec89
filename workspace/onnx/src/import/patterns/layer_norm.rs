//! Layer normalisation out of means: `(x - μ)/√(mean((x - μ)²) + ε) · γ + β`, as operator sets before 17 have it.

use crate::message::Attribute;

use super::super::graph::{Graph, Node};
use super::super::shapes::reduced;

/// The sum at the end of it.
pub(super) fn decomposed(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Add" {
        return None;
    }
    let (scaled, bias) = node.with_constant(graph)?;
    let scaling = graph.producer(scaled).filter(|node| node.is("Mul"))?;
    let (quotient, weight) = scaling.with_constant(graph)?;
    let quotient = graph.producer(quotient).filter(|node| node.is("Div"))?;
    let centred = quotient.input(0)?;
    let root = graph.before(quotient, 1).filter(|node| node.is("Sqrt"))?;
    let sum = graph.before(root, 0).filter(|node| node.is("Add"))?;
    let (variance, epsilon) = sum.with_constant(graph)?;
    let epsilon = graph.constant(epsilon)?.scalar()?;
    let variance = graph
        .producer(variance)
        .filter(|node| over_last(graph, node))?;
    let square = graph.before(variance, 0)?;
    let is_square = match square.op.as_str() {
        "Pow" => graph.constant_of(square, 1)?.scalar() == Some(2.0),
        "Mul" => square.input(0) == square.input(1),
        _ => false,
    };
    if !is_square || square.input(0) != Some(centred) {
        return None;
    }
    let difference = graph.producer(centred).filter(|node| node.is("Sub"))?;
    let x = difference.input(0)?;
    let mean = graph
        .before(difference, 1)
        .filter(|node| over_last(graph, node))?;
    if mean.input(0) != Some(x) {
        return None;
    }
    let inputs = [x, weight, bias].map(str::to_owned).to_vec();
    let mut norm = node.becomes("LayerNormalization", inputs);
    norm.attributes.push(Attribute {
        name: "epsilon".to_owned(),
        f: Some(epsilon as f32),
        kind: Attribute::FLOAT,
        ..Attribute::default()
    });
    Some(norm)
}

/// Whether it is the mean over the last axis, which stays as 1.
fn over_last(graph: &Graph, node: &Node) -> bool {
    let rank = node
        .input(0)
        .and_then(|name| graph.shape(name))
        .map(<[usize]>::len);
    node.is("ReduceMean")
        && node.int("keepdims") != Some(0)
        && rank.is_some_and(|rank| rank > 0 && reduced(node, graph) == Some(vec![rank - 1]))
}
