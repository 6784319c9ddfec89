//! Where the numbers of a tensor come from: nodes that only move numbers are followed back, whatever an exporter wrote of them,
//! and done on the places of the tensor that they begin with.

use std::cell::Cell;

use crate::Array;

use super::graph::{Graph, Node};
use super::moving::{moved, moves};

/// So many nodes are followed back.
const LONGEST: usize = 32;

/// Of so many parts a tensor is put together: a map moved along two axes is four.
const MOST_PARTS: usize = 16;

/// A tensor whose numbers are those of an earlier one, each times the same factor.
pub(super) struct Traced<'g> {
    /// The tensor that they are taken from.
    pub from: &'g str,
    /// For each number of the tensor its place there.
    pub places: Vec<usize>,
    pub factor: f64,
}

impl Traced<'_> {
    /// Whether they are all numbers of the earlier tensor, in its order.
    pub fn is_unmoved(&self) -> bool {
        self.factor == 1.0 && self.places.iter().copied().eq(0..self.places.len())
    }
}

/// Follows a tensor back to one that is asked for, itself perhaps; nothing where another node is on the way, or where the
/// graph has let as many numbers be followed as it lets.
pub(super) fn trace<'g>(
    graph: &'g Graph,
    name: &'g str,
    is_asked_for: impl Fn(&str) -> bool,
) -> Option<Traced<'g>> {
    traced(graph, name, &is_asked_for, &Cell::new(MOST_PARTS))
}

/// The same; `parts` says of how many more tensors one may be put together.
fn traced<'g>(
    graph: &'g Graph,
    name: &'g str,
    is_asked_for: &dyn Fn(&str) -> bool,
    parts: &Cell<usize>,
) -> Option<Traced<'g>> {
    let mut from = name;
    let mut factor = 1.0;
    let mut way: Vec<&Node> = Vec::new();
    let mut steps = 0;
    let mut together = None;
    while !is_asked_for(from) {
        steps += 1;
        if steps > LONGEST {
            return None;
        }
        let node = graph.producer(from)?;
        if let Some((x, multiplied)) = scaled(graph, node) {
            (from, factor) = (x, factor * multiplied);
        } else if node.is("Concat") {
            // Parts of one tensor, as where a map is moved and what leaves comes in on the other side.
            let mut all = Vec::new();
            for input in &node.inputs {
                parts.set(parts.get().checked_sub(1)?);
                all.push(traced(graph, input, is_asked_for, parts)?);
            }
            together = Some((node, all));
            break;
        } else if moves(&node.op) {
            way.push(node);
            from = node.input(0)?;
        } else {
            return None;
        }
    }
    let shape = graph.shape(from)?;
    graph.follow(shape.iter().product())?;
    let mut places = match &together {
        None => {
            let count: i64 = shape.iter().map(|&size| size as i64).product();
            Array::integers(shape, (0..count).collect())
        }
        Some((node, parts)) => {
            let first = parts.first()?;
            let is_one = |part: &Traced<'_>| part.from == first.from && part.factor == first.factor;
            if !parts.iter().all(is_one) {
                return None;
            }
            (from, factor) = (first.from, factor * first.factor);
            let mut arrays = Vec::new();
            for (part, name) in parts.iter().zip(&node.inputs) {
                let numbers = part.places.iter().map(|&place| place as i64);
                arrays.push(Array::integers(graph.shape(name)?, numbers.collect()));
            }
            let inputs: Vec<Option<&Array>> = arrays.iter().map(Some).collect();
            moved(node, &inputs, graph, &|_| Some(()))?
        }
    };
    for node in way.into_iter().rev() {
        let shape = graph.shape(node.output())?;
        if keeps_order(&node.op) {
            places.shape = shape.to_vec();
            continue;
        }
        graph.follow(shape.iter().product())?;
        let mut inputs = vec![Some(&places)];
        inputs.extend((1..node.inputs.len()).map(|position| {
            let constant = graph.constant_of(node, position);
            constant.map(|array| &**array)
        }));
        places = moved(node, &inputs, graph, &|_| Some(()))?;
    }
    let places = places.as_integers()?.iter();
    let places: Option<Vec<usize>> = places.map(|&place| usize::try_from(place).ok()).collect();
    Some(Traced {
        from,
        places: places?,
        factor,
    })
}

/// Whether a node gives the numbers in the order in which it gets them, as shapes are those that have as many.
pub(super) fn keeps_order(op: &str) -> bool {
    matches!(
        op,
        "Flatten" | "Identity" | "Reshape" | "Squeeze" | "Unsqueeze"
    )
}

/// What a node multiplies all numbers of a tensor by.
pub(super) fn scaled<'g>(graph: &Graph, node: &'g Node) -> Option<(&'g str, f64)> {
    let constant = |position| graph.constant_of(node, position)?.scalar();
    let (x, factor) = match (node.op.as_str(), constant(0), constant(1)) {
        ("Mul", None, Some(factor)) => (node.input(0)?, factor),
        ("Mul", Some(factor), None) => (node.input(1)?, factor),
        ("Div", None, Some(divisor)) => (node.input(0)?, 1.0 / divisor),
        _ => return None,
    };
    // A constant with more axes than the tensor would add some.
    (graph.shape(x)? == graph.shape(node.output())?).then_some((x, factor))
}
