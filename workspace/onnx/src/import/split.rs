//! `Split` as a node for each of its parts, so that all else sees nodes with one output.

use crate::message::Attribute;

use super::graph::{Graph, Node};
use super::shapes::axes;

/// The parts, each as what `Slice` was in old operator sets, with its settings as attributes; nothing where the sizes are not
/// known.
pub(super) fn parts(node: &Node, graph: &Graph) -> Option<Vec<Node>> {
    if node.op != "Split" {
        return None;
    }
    let input = graph.shape(node.input(0)?)?;
    let [axis] = axes(&[node.int("axis").unwrap_or(0)], input.len())?[..] else {
        return None;
    };
    let count = node.outputs.len();
    let sizes: Vec<usize> = match graph.settings(node, "split", 1) {
        Some(sizes) => {
            let sizes = sizes.into_iter().map(|size| usize::try_from(size).ok());
            sizes.collect::<Option<_>>()?
        }
        None if node.input(1).is_some() => return None,
        None => {
            let part = input[axis].div_ceil(count.max(1));
            let part = |place: usize| part.min(input[axis].saturating_sub(place * part));
            (0..count).map(part).collect()
        }
    };
    let total = (sizes.iter()).try_fold(0usize, |total, size| total.checked_add(*size));
    if total != Some(input[axis]) || sizes.len() != count {
        return None;
    }
    let mut start = 0;
    let parts = node.outputs.iter().zip(sizes).map(|(output, size)| {
        let settings = [("starts", start), ("ends", start + size), ("axes", axis)];
        start += size;
        let attribute = |(name, number): (&str, usize)| {
            Some(Attribute {
                name: name.to_owned(),
                ints: vec![i64::try_from(number).ok()?],
                kind: Attribute::INTS,
                ..Attribute::default()
            })
        };
        Some(Node {
            op: "topwork.split".to_owned(),
            name: node.name.clone(),
            scope: node.scope.clone(),
            inputs: node.inputs.iter().take(1).cloned().collect(),
            outputs: vec![output.clone()],
            attributes: settings.into_iter().map(attribute).collect::<Option<_>>()?,
        })
    });
    parts.collect()
}
