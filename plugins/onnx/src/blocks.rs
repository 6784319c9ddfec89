//! Where the blocks of a residual network end: at sums of a tensor and of what a block makes of it.

use crate::graph::Graph;
use crate::node::Node;
use crate::normalise::Shapes;
use std::collections::{HashMap, HashSet};

/// Operators that only attention has; a transformer's block goes on behind it.
const ATTENTION: [&str; 3] = ["Softmax", "Attention", "MultiHeadAttention"];

/// Operators that multiply with weights; without one of them a sum is a part of an activation.
const LEARNT: [&str; 5] = ["MatMul", "MatMulInteger", "Gemm", "Conv", "ConvInteger"];

/// The tensors that end a block, as far as the graph shows them.
pub fn ends(graph: &Graph<'_>, shapes: &Shapes) -> HashSet<String> {
    let mut made_by: HashMap<&str, &Node> = HashMap::new();
    for node in &graph.nodes {
        made_by.extend(node.computes().map(|name| (name, node)));
    }
    let mut with_attention = HashSet::new();
    let mut without = HashSet::new();
    for node in &graph.nodes {
        let (true, [a, b]) = (node.is("Add"), node.inputs.as_slice()) else {
            continue;
        };
        let output = node.output();
        let shape = shapes.get(&*output);
        if shape.is_none() || [a, b].iter().any(|name| shapes.get(&***name) != shape) {
            continue;
        }
        let branch = [(a, b), (b, a)]
            .into_iter()
            .find_map(|(kept, made)| branch(&made_by, kept, made));
        let Some(operators) = branch else {
            continue;
        };
        let has = |some: &[&str]| some.iter().any(|operator| operators.contains(operator));
        if has(&ATTENTION) {
            with_attention.insert(output.into_owned());
        } else if has(&LEARNT) {
            without.insert(output.into_owned());
        }
    }
    // Where attention and what follows it are summed at once, those sums are all there are.
    if without.is_empty() {
        with_attention
    } else {
        without
    }
}

/// The operators between two tensors, if the second is made of the first.
fn branch<'g>(
    made_by: &HashMap<&'g str, &'g Node<'_>>,
    from: &str,
    to: &str,
) -> Option<HashSet<&'g str>> {
    let mut before = HashSet::new();
    ancestors(made_by, from, &mut before);
    let mut operators = HashSet::new();
    let mut met = false;
    let mut open = vec![to];
    let mut seen = HashSet::new();
    while let Some(name) = open.pop() {
        if name == from {
            met = true;
            continue;
        }
        if before.contains(name) || !seen.insert(name.to_owned()) {
            continue;
        }
        if let Some(node) = made_by.get(name) {
            operators.insert(&*node.operator);
            open.extend(node.reads());
        }
    }
    met.then_some(operators)
}

/// All tensors that a tensor is made of.
fn ancestors<'g>(made_by: &HashMap<&'g str, &'g Node<'_>>, of: &str, found: &mut HashSet<String>) {
    let mut open = vec![of.to_owned()];
    while let Some(name) = open.pop() {
        if let Some(node) = made_by.get(&*name) {
            for read in node.reads() {
                if found.insert(read.to_owned()) {
                    open.push(read.to_owned());
                }
            }
        }
    }
}
