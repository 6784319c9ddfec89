//! `x W + b` as a product and a sum.

use super::super::graph::{Graph, Node};

/// A sum with a bias behind a product with weights.
pub(super) fn with_bias(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Add" {
        return None;
    }
    let (product, bias) = node.with_constant(graph)?;
    let product = graph.producer(product).filter(|node| node.is("MatMul"))?;
    let weight = graph.constant_of(product, 1)?;
    let &[_, units] = weight.shape.as_slice() else {
        return None;
    };
    let row = graph.constant(bias)?;
    if row.len() != units || row.shape.last() != Some(&units) {
        return None;
    }
    let inputs = [product.input(0)?, product.input(1)?, bias];
    let mut linear = node.becomes("topwork.linear", inputs.map(str::to_owned).to_vec());
    // The module of both is that of the product, where the sum is not one's own.
    linear.scope = product.scope.clone().or(linear.scope);
    Some(linear)
}
