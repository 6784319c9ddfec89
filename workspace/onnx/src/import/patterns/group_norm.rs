//! Group normalisation out of that of instances: groups of channels as channels of one long row, and channels again, as
//! operator sets before 18 have it.

use crate::message::Attribute;

use super::super::graph::{Graph, Node};

/// The scaling behind it; a shift may follow.
pub(super) fn of_instances(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Mul" {
        return None;
    }
    let (back, scale) = node.with_constant(graph)?;
    let back = graph.producer(back).filter(|node| node.is("Reshape"))?;
    let norm = graph.before(back, 0);
    let norm = norm.filter(|node| node.is("InstanceNormalization"))?;
    let groups = graph.before(norm, 0).filter(|node| node.is("Reshape"))?;
    let x = groups.input(0)?;
    let (shape @ &[1, channels, height, width], &[1, count, each]) =
        (graph.shape(x)?, graph.shape(groups.output())?)
    else {
        return None;
    };
    let all = |position: usize, number: f32| {
        let numbers = graph.constant_of(norm, position)?.as_floats()?;
        Some(numbers.iter().all(|own| *own == number))
    };
    let is_group_norm = count * each == channels * height * width
        && channels.is_multiple_of(count)
        && graph.shape(node.output())? == shape
        && is_of_channels(graph, scale, channels)
        && all(1, 1.0)?
        && all(2, 0.0)?;
    let inputs = [x, scale, ""].map(str::to_owned).to_vec();
    let mut group_norm = node.becomes("GroupNormalization", inputs);
    group_norm.attributes = vec![
        Attribute {
            name: "num_groups".to_owned(),
            i: Some(i64::try_from(count).ok()?),
            kind: Attribute::INT,
            ..Attribute::default()
        },
        Attribute {
            name: "epsilon".to_owned(),
            f: Some(norm.float("epsilon").unwrap_or(1e-5)),
            kind: Attribute::FLOAT,
            ..Attribute::default()
        },
    ];
    is_group_norm.then_some(group_norm)
}

/// The shift behind what has become a group normalisation without.
pub(super) fn with_shift(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Add" {
        return None;
    }
    let (before, shift) = node.with_constant(graph)?;
    let before = graph.producer(before)?;
    let &[1, channels, _, _] = graph.shape(before.output())? else {
        return None;
    };
    if before.op != "GroupNormalization"
        || before.inputs.last().is_none_or(|shift| !shift.is_empty())
        || !is_of_channels(graph, shift, channels)
    {
        return None;
    }
    let mut inputs = before.inputs.clone();
    *inputs.last_mut()? = shift.to_owned();
    let mut group_norm = node.becomes("GroupNormalization", inputs);
    group_norm.attributes = before.attributes.clone();
    Some(group_norm)
}

fn is_of_channels(graph: &Graph, name: &str, channels: usize) -> bool {
    let array = graph.constant(name);
    array.is_some_and(|array| array.shape.ends_with(&[channels, 1, 1]) && array.len() == channels)
}
