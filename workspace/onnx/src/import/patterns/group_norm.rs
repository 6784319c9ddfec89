//! Group normalisation out of that of instances: groups of channels as channels of one long row, and channels again, as
//! operator sets before 18 have it.

use crate::message::Attribute;

use super::super::graph::{Graph, Node};

/// The shift behind a scaling behind it.
pub(super) fn of_instances(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Add" {
        return None;
    }
    let (scaled, shift) = node.with_constant(graph)?;
    let scaling = graph.producer(scaled).filter(|node| node.is("Mul"))?;
    let (back, scale) = scaling.with_constant(graph)?;
    let back = graph.producer(back).filter(|node| node.is("Reshape"))?;
    let norm = graph.before(back, 0);
    let norm = norm.filter(|node| node.is("InstanceNormalization"))?;
    let groups = graph.before(norm, 0).filter(|node| node.is("Reshape"))?;
    let x = groups.input(0)?;
    let (&[1, channels, height, width], &[1, count, each]) =
        (graph.shape(x)?, graph.shape(groups.output())?)
    else {
        return None;
    };
    let of_channels = |name: &str| {
        let array = graph.constant(name);
        array.is_some_and(|array| {
            array.shape.ends_with(&[channels, 1, 1]) && array.len() == channels
        })
    };
    let all = |position: usize, number: f32| {
        let numbers = graph.constant_of(norm, position)?.as_floats()?;
        Some(numbers.iter().all(|own| *own == number))
    };
    let is_group_norm = count * each == channels * height * width
        && channels.is_multiple_of(count)
        && graph.shape(node.output())? == [1, channels, height, width]
        && [scale, shift].into_iter().all(of_channels)
        && all(1, 1.0)?
        && all(2, 0.0)?;
    let inputs = [x, scale, shift].map(str::to_owned).to_vec();
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
