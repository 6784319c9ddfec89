//! Numbers around a map: zeros before a convolution, which are the convolution's own padding, and none at all.

use crate::message::Attribute;

use super::super::graph::{Graph, Node};
use super::super::shapes::padding;

/// A `Pad` that adds nothing, as exporters write one whose sizes a model works out.
pub(super) fn of_nothing(graph: &Graph, node: &Node) -> Option<Node> {
    let pads = node.is("Pad").then(|| padding(node, graph))??;
    let input = node.input(0)?.to_owned();
    let is_nothing = pads.iter().all(|size| *size == 0);
    is_nothing.then(|| node.becomes("Identity", vec![input]))
}

/// A convolution behind a `Pad` of zeros.
pub(super) fn before_convolution(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Conv" || !matches!(node.text("auto_pad"), None | Some("NOTSET" | "VALID" | "")) {
        return None;
    }
    let pad = graph.before(node, 0).filter(|node| node.is("Pad"))?;
    if !matches!(pad.text("mode"), None | Some("constant")) {
        return None;
    }
    let value = match pad.input(2) {
        Some(_) => graph.constant_of(pad, 2)?.scalar()?,
        None => pad.float("value").map_or(0.0, f64::from),
    };
    let listed = padding(pad, graph)?;
    let &[0, 0, top, left, 0, 0, bottom, right] = listed.as_slice() else {
        return None;
    };
    let zeros = [top, left, bottom, right];
    let own = node.ints("pads").unwrap_or(&[0; 4]);
    if value != 0.0 || own.len() != 4 || zeros.iter().any(|size| !(0..1 << 20).contains(size)) {
        return None;
    }
    let pads = own
        .iter()
        .zip(zeros)
        .map(|(own, more)| own.checked_add(more));
    let mut inputs = node.inputs.clone();
    *inputs.first_mut()? = pad.input(0)?.to_owned();
    let mut convolution = node.becomes("Conv", inputs);
    let others = node
        .attributes
        .iter()
        .filter(|a| !matches!(&*a.name, "pads" | "auto_pad"));
    convolution.attributes = others.cloned().collect();
    convolution.attributes.push(Attribute {
        name: "pads".to_owned(),
        ints: pads.collect::<Option<_>>()?,
        kind: Attribute::INTS,
        ..Attribute::default()
    });
    Some(convolution)
}
