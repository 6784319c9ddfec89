//! Numbers of other kinds than 32-bit floating point.

use super::Workshop;
use crate::node::Node;

/// The `data_type` of truth values.
const BOOL: i64 = 9;

/// `QuantizeLinear` with a scale for every channel goes along axis 1 unless it says another; rten takes the last.
pub fn axis<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("QuantizeLinear") || node.has("axis") {
        return None;
    }
    let scales = workshop.shape(&node.input(1)?)?;
    (scales.len() == 1).then(|| vec![node.clone().with_int("axis", 1)])
}

/// A number that is not 0 is true; rten, which keeps truth values as whole numbers, cuts off what follows the point. Its sign
/// without a sign is what it should be.
pub fn truth<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Cast") || node.int("to") != Some(BOOL) {
        return None;
    }
    let [signs, sizes] = [workshop.name(), workshop.name()];
    let mut inner = node.clone();
    inner.inputs[0] = sizes.clone();
    Some(vec![
        Node::new("Sign", node.input(0), signs.clone()),
        Node::new("Abs", [signs], sizes),
        inner,
    ])
}
