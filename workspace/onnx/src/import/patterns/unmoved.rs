//! Nodes that move numbers and together leave them where they were, as the newer exporter writes views of tensors.

use super::super::graph::{Graph, Node};
use super::super::moving::moves;
use super::super::places::trace;

/// The last of several such nodes; one alone is told apart by what it does to a shape.
pub(super) fn by_several(graph: &Graph, node: &Node) -> Option<Node> {
    if !moves(&node.op) || node.op == "Identity" {
        return None;
    }
    let shape = graph.shape(node.output())?;
    let before = graph.before(node, 0).filter(|before| moves(&before.op))?;
    let is_alike = |name: &str| name != node.output() && graph.shape(name) == Some(shape);
    let traced = trace(graph, node.output(), |name| {
        name != before.output() && is_alike(name)
    })?;
    let identity = node.becomes("Identity", vec![traced.from.to_owned()]);
    traced.is_unmoved().then_some(identity)
}
