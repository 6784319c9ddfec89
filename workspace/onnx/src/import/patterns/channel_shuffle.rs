//! Channels of groups in turns, as ShuffleNet mixes what its grouped convolutions give.

use crate::message::Attribute;

use super::super::graph::{Graph, Node};

/// Channels as groups × members, the two axes turned, and as channels again.
pub(super) fn of_groups(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Reshape" {
        return None;
    }
    let turned = graph.before(node, 0).filter(|node| node.is("Transpose"))?;
    let split = graph.before(turned, 0).filter(|node| node.is("Reshape"))?;
    let x = split.input(0)?;
    let shapes = [
        graph.shape(x)?,
        graph.shape(split.output())?,
        graph.shape(node.output())?,
    ];
    let [&[batch, channels, height, width], split, joined] = shapes else {
        return None;
    };
    let &[_, groups, members, ..] = split else {
        return None;
    };
    let is_shuffle = groups * members == channels
        && split == [batch, groups, members, height, width]
        && turned.ints("perm") == Some(&[0, 2, 1, 3, 4])
        && joined == [batch, channels, height, width];
    let mut shuffle = node.becomes("topwork.channel-shuffle", vec![x.to_owned()]);
    shuffle.attributes.push(Attribute {
        name: "groups".to_owned(),
        i: Some(i64::try_from(groups).ok()?),
        kind: Attribute::INT,
        ..Attribute::default()
    });
    is_shuffle.then_some(shuffle)
}
