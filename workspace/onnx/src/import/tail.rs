//! Where the network of a model ends.

use std::collections::{HashMap, HashSet};

use crate::Numbers;

use super::graph::{Fact, Graph, Node};
use super::lower::Lowered;

/// So many nodes behind a network are looked at.
const LONGEST: usize = 64;

/// The output of the file that is made of most nodes.
pub(super) fn end(graph: &Graph) -> Option<String> {
    let mut sizes: Vec<(usize, &String)> = Vec::new();
    for output in &graph.outputs {
        if let Some(Fact::Constant(_)) = graph.facts.get(output) {
            continue;
        }
        let mut seen = HashSet::new();
        let mut open = vec![output.as_str()];
        let mut from_image = false;
        while let Some(name) = open.pop() {
            from_image |= name == graph.input;
            if let Some(node) = graph.producer(name)
                && seen.insert(node.output())
            {
                open.extend(node.inputs.iter().map(String::as_str));
            }
        }
        if from_image && !seen.is_empty() {
            sizes.push((seen.len(), output));
        }
    }
    // Of several as large the first.
    let largest = sizes.iter().map(|(size, _)| *size).max()?;
    let (_, end) = sizes.into_iter().find(|(size, _)| *size == largest)?;
    Some(end.clone())
}

/// The last tensor before which everything has layers and behind which nothing has weights, with the operators behind it.
pub(super) fn without(
    graph: &Graph,
    end: &str,
    lowered: &Lowered,
) -> Option<(String, Vec<String>)> {
    // How many nodes behind need a tensor that is not made behind itself.
    let mut open: HashSet<&str> = HashSet::from([end]);
    let mut behind: Vec<&Node> = Vec::new();
    let of_computed: HashMap<&str, &Node> = graph
        .nodes
        .iter()
        .flat_map(|node| node.outputs.iter().map(move |name| (name.as_str(), node)))
        .collect();
    for node in graph.nodes.iter().rev().take(LONGEST) {
        let outputs = node.outputs.iter().map(String::as_str);
        if !outputs.clone().any(|name| open.contains(name)) {
            return None;
        }
        if has_weights(node, graph) {
            return None;
        }
        outputs.for_each(|name| {
            open.remove(name);
        });
        behind.push(node);
        let computed = node.inputs.iter().map(String::as_str);
        open.extend(computed.filter(|name| of_computed.contains_key(name) || *name == graph.input));
        let mut needed = open.iter();
        if let (Some(only), None) = (needed.next(), needed.next())
            && lowered.values.contains_key(*only)
            && *only != graph.input
        {
            let operators = behind.iter().rev().map(|node| node.op.clone());
            return Some(((*only).to_owned(), operators.collect()));
        }
    }
    None
}

fn has_weights(node: &Node, graph: &Graph) -> bool {
    node.inputs.iter().any(|name| {
        let array = graph.constant(name);
        array.is_some_and(|array| matches!(&array.numbers, Numbers::Floats(all) if all.len() > 1))
    })
}
