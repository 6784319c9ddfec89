//! Normalisations that a runtime lacks.

use super::Workshop;
use crate::node::Node;

/// `LRN`: A. Krizhevsky, I. Sutskever and G. Hinton, "ImageNet classification with deep convolutional neural networks",
/// NeurIPS 2012. Every number is divided by a power of the mean square over the channels next to its own. The channels come
/// last, where a pool goes over them; those beyond the first and the last count as zeros.
pub fn local_response<'a>(
    node: &Node<'a>,
    workshop: &mut Workshop<'_, 'a>,
) -> Option<Vec<Node<'a>>> {
    if !node.is("LRN") {
        return None;
    }
    let input = node.input(0)?;
    let size = node.int("size")?;
    let alpha = workshop.number(node.float("alpha").unwrap_or(1e-4));
    let beta = workshop.number(node.float("beta").unwrap_or(0.75));
    let bias = workshop.number(node.float("bias").unwrap_or(1.0));
    let rows = workshop.integers(&[0, 0, -1]);
    let beyond = workshop.integers(&[0, 0, (size - 1) / 2, 0, 0, size / 2]);
    let mut nodes = Vec::new();
    let mut then = |node: Node<'a>| {
        let output = node.output();
        nodes.push(node);
        output
    };
    let mut names: Vec<_> = (0..10).map(|_| workshop.name()).collect();
    let mut name = || names.pop().unwrap_or_default();
    let squares = then(Node::new("Mul", [input.clone(), input.clone()], name()));
    let squares = then(Node::new("Reshape", [squares, rows], name()));
    let last = then(Node::new("Transpose", [squares], name()).with_ints("perm", &[0, 2, 1]));
    let last = then(Node::new("Pad", [last, beyond], name()));
    let means = Node::new("AveragePool", [last], name())
        .with_ints("kernel_shape", &[size])
        .with_ints("strides", &[1]);
    let means = then(means);
    let means = then(Node::new("Transpose", [means], name()).with_ints("perm", &[0, 2, 1]));
    let sizes = then(Node::new("Shape", [input.clone()], name()));
    let means = then(Node::new("Reshape", [means, sizes], name()));
    let scaled = then(Node::new("Mul", [means, alpha], name()));
    let sums = then(Node::new("Add", [scaled, bias], name()));
    let powers = workshop.name();
    nodes.push(Node::new("Pow", [sums, beta], powers.clone()));
    nodes.push(Node::new("Div", [input, powers], node.output()));
    Some(nodes)
}
