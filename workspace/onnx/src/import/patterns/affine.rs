//! `s x + t` for each channel, as exporters write a normalisation with fixed statistics.

use super::super::graph::{Graph, Node};

/// A shift behind a scaling.
pub(super) fn scaled_and_shifted(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Add" {
        return None;
    }
    let (scaled, shift) = node.with_constant(graph)?;
    let scaling = graph.producer(scaled).filter(|node| node.is("Mul"))?;
    let (x, scale) = scaling.with_constant(graph)?;
    let inputs = [x, scale, shift];
    Some(node.becomes("topwork.affine", inputs.map(str::to_owned).to_vec()))
}
