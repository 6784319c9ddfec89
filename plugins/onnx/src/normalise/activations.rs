//! Operators that meant something else in old operator sets, or that a runtime takes for others.

use super::Workshop;
use crate::node::Node;

/// Before operator set 13, `Softmax` and its kin go over all axes from theirs on, and theirs is the first behind the batch
/// unless they say another. A matrix means the same in all sets, so that is what they get.
pub fn softmax_of_all_behind<'a>(
    node: &Node<'a>,
    workshop: &mut Workshop<'_, 'a>,
) -> Option<Vec<Node<'a>>> {
    const KIN: [&str; 3] = ["Softmax", "LogSoftmax", "Hardmax"];
    if !KIN.iter().any(|name| node.is(name)) || workshop.graph.operator_set >= 13 {
        return None;
    }
    let input = node.input(0)?;
    let axis = node.int("axis").unwrap_or(1);
    if let Some(shape) = workshop.shape(&input) {
        let rank = shape.len() as i64;
        let axis = if axis < 0 { axis + rank } else { axis };
        // Nothing is behind it.
        if axis + 1 == rank {
            return Some(vec![node.clone().with_int("axis", axis)]);
        }
    }
    let [flat, over, sizes] = [workshop.name(), workshop.name(), workshop.name()];
    let mut inner = node.clone().with_int("axis", 1);
    inner.inputs[0] = flat.clone();
    inner.outputs = vec![over.clone()];
    Some(vec![
        Node::new("Flatten", [input.clone()], flat).with_int("axis", axis),
        inner,
        Node::new("Shape", [input], sizes.clone()),
        Node::new("Reshape", [over, sizes], node.output()),
    ])
}

/// rten takes cubic interpolation for linear.
pub fn cubic(node: &Node<'_>) -> Option<&'static str> {
    (node.is("Resize") && node.text("mode") == Some("cubic"))
        .then_some("it resizes linearly where `mode = cubic` is asked for")
}
