//! What is done with a graph before any runtime gets it: old and implicit forms become explicit ones, and what a runtime is
//! known to compute wrongly is written in operators that it computes right, or refused by name.
//!
//! A rule looks at one node and gives the nodes that take its place. What it computes keeps its name; tensors in between get
//! names of their own, which nobody can cut at. Rules are exact: the tensors after them are those that the format asks for.

mod activations;
mod inference;
mod normalisation;
mod padding;
mod quantised;
mod sizes;

pub use inference::refuse_training;

use crate::graph::Graph;
use crate::node::Node;
use crate::weights::Weights;
use std::borrow::Cow;
use std::collections::HashMap;

/// The shapes of tensors for one image, as far as they are known.
pub type Shapes = HashMap<String, Vec<usize>>;

/// Gives the nodes that take the place of one; none if it stays.
type Rule = for<'a> fn(&Node<'a>, &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>>;

/// In the order in which they are applied: what one writes the next may look at.
const RULES: &[(Scope, Rule)] = &[
    (Scope::Every, inference::idle_dropout),
    (Scope::Every, inference::old_inference),
    (Scope::Every, padding::kernel_shape),
    (Scope::Every, padding::strides),
    (Scope::Every, padding::auto_pad),
    (Scope::Every, padding::transposed),
    (Scope::Every, activations::softmax_of_all_behind),
    (Scope::Rten, normalisation::local_response),
    (Scope::Rten, quantised::products),
    (Scope::Rten, quantised::axis),
    (Scope::Rten, quantised::truth),
    (Scope::Rten, quantised::sign),
    (Scope::Rten, sizes::slice),
    (Scope::Rten, sizes::pad),
    (Scope::Rten, sizes::resize),
];

/// What rten computes otherwise than the format says, without a word, and no rule mends; tells what is wrong.
const WRONG_IN_RTEN: &[fn(&Node<'_>) -> Option<&'static str>] =
    &[padding::unsolved, activations::cubic];

/// For which runtime a rule is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scope {
    Every,
    /// Where onnxruntime computes the node as it is.
    Rten,
}

/// What a rule may look at and write to.
pub struct Workshop<'g, 'a> {
    graph: &'g Graph<'a>,
    shapes: &'g Shapes,
    weights: Vec<Weights<'a>>,
    /// How many names were made.
    made: &'g mut usize,
}

impl<'a> Workshop<'_, 'a> {
    /// A name for a tensor in between.
    fn name(&mut self) -> Cow<'a, str> {
        *self.made += 1;
        Cow::Owned(format!("topwork:{}", self.made))
    }

    /// A number that is the same for every image.
    fn number(&mut self, value: f32) -> Cow<'a, str> {
        let name = self.name();
        let weights = Weights::floats(name.to_string(), &[value], false);
        self.weights.push(weights);
        name
    }

    /// A row of whole numbers that is the same for every image.
    fn integers(&mut self, values: &[i64]) -> Cow<'a, str> {
        let name = self.name();
        self.weights
            .push(Weights::integers(name.to_string(), values));
        name
    }

    /// The shape of a tensor for one image.
    fn shape(&self, name: &str) -> Option<Vec<usize>> {
        if let Some(weights) = self.graph.weights_of(name) {
            return Some(weights.sizes());
        }
        self.shapes.get(name).cloned()
    }
}

/// Applies the rules. `shapes` are those of a first pass, which needs a graph without them: rules that ask for shapes do
/// nothing then.
pub fn normalise(graph: &mut Graph<'_>, for_rten: bool, shapes: &Shapes) {
    let mut made = 0;
    for (scope, rule) in RULES {
        if *scope == Scope::Rten && !for_rten {
            continue;
        }
        let mut workshop = Workshop {
            graph,
            shapes,
            weights: Vec::new(),
            made: &mut made,
        };
        let mut nodes = Vec::with_capacity(workshop.graph.nodes.len());
        let mut changed = false;
        for node in &workshop.graph.nodes {
            match rule(node, &mut workshop) {
                Some(instead) => {
                    changed = true;
                    nodes.extend(instead);
                }
                None => nodes.push(node.clone()),
            }
        }
        if changed {
            let weights = workshop.weights;
            graph.nodes = nodes;
            graph.weights.extend(weights);
        }
    }
}

/// A node that rten is known to compute wrongly, with what is wrong. Only to be asked once the rules have seen the shapes.
pub fn wrong_in_rten<'g, 'a>(graph: &'g Graph<'a>) -> Option<(&'g Node<'a>, &'static str)> {
    graph.nodes.iter().find_map(|node| {
        let mut known = WRONG_IN_RTEN.iter();
        known.find_map(|wrong| Some((node, wrong(node)?)))
    })
}
