//! Forms of operators on sizes that rten does not read.

use super::Workshop;
use crate::node::Node;

/// `Slice` of old operator sets goes along the first axes unless it says others.
pub fn slice<'a>(node: &Node<'a>, _: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Slice") || node.has("axes") {
        return None;
    }
    let axes: Vec<i64> = (0..).take(node.ints("starts")?.len()).collect();
    Some(vec![node.clone().with_ints("axes", &axes)])
}

/// `Pad` of some axes as one of all.
pub fn pad<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Pad") {
        return None;
    }
    let axes = whole(workshop.graph.constant(&node.input(3)?)?);
    let pads = whole(workshop.graph.constant(&node.input(1)?)?);
    let rank = workshop.shape(&node.input(0)?)?.len();
    let mut all = vec![0; 2 * rank];
    for (position, axis) in axes.iter().enumerate() {
        let axis = usize::try_from(if *axis < 0 { axis + rank as i64 } else { *axis }).ok()?;
        *all.get_mut(axis).filter(|_| axis < rank)? = *pads.get(position)?;
        *all.get_mut(rank + axis)? = *pads.get(axes.len() + position)?;
    }
    let mut inner = node.clone();
    inner.inputs[1] = workshop.integers(&all);
    inner.inputs.truncate(3);
    Some(vec![inner])
}

/// `Resize` of operator set 10 is `Upsample` under another name.
pub fn resize<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Resize") || workshop.graph.operator_set > 10 {
        return None;
    }
    let mut inner = node.clone();
    inner.operator = "Upsample".into();
    Some(vec![inner])
}

fn whole(numbers: Vec<f64>) -> Vec<i64> {
    numbers.into_iter().map(|number| number as i64).collect()
}
