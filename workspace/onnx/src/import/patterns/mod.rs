//! Several nodes that are one layer. A rule looks at the last of them and gives the node that takes its place, an operator of
//! ONNX or one that begins with `topwork.`; the others go where nothing else needs them.

mod affine;
mod attention;
mod channel_shuffle;
mod group_norm;
mod layer_norm;
mod linear;
mod padding;
mod pointwise;
mod unmoved;
mod windows;

use super::graph::{Graph, Node};

type Rule = fn(&Graph, &Node) -> Option<Node>;

/// In the order in which they are tried on a node.
const RULES: &[Rule] = &[
    pointwise::activation,
    layer_norm::decomposed,
    attention::with_bias,
    attention::of_heads,
    linear::with_bias,
    group_norm::of_instances,
    group_norm::with_shift,
    affine::scaled_and_shifted,
    padding::of_nothing,
    padding::before_convolution,
    channel_shuffle::of_groups,
    windows::attention,
    windows::merging,
    unmoved::by_several,
];

/// Puts what is recognised in the place of its nodes.
pub(super) fn rewrite(graph: &mut Graph) {
    for place in 0..graph.nodes.len() {
        for rule in RULES {
            let node = graph.nodes.get(place);
            if let Some(node) = node.and_then(|node| rule(graph, node)) {
                graph.replace(place, node);
                break;
            }
        }
    }
}

impl Node {
    /// Another operator in the place of this node, on these tensors.
    fn becomes(&self, op: &str, inputs: Vec<String>) -> Node {
        Node {
            op: op.to_owned(),
            name: self.name.clone(),
            scope: self.scope.clone(),
            inputs,
            outputs: self.outputs.iter().take(1).cloned().collect(),
            attributes: Vec::new(),
        }
    }

    /// The two inputs of a node in either order: one that is computed, and one that is the same for every image.
    fn with_constant<'n>(&'n self, graph: &Graph) -> Option<(&'n str, &'n str)> {
        let (first, second) = (self.input(0)?, self.input(1)?);
        match (graph.constant(first), graph.constant(second)) {
            (None, Some(_)) => Some((first, second)),
            (Some(_), None) => Some((second, first)),
            _ => None,
        }
    }
}
