//! A model made a network of topwork: a blueprint, arrays with its weights, and places to cut at, or all that keeps it from
//! being one.
//!
//! What is the same for every image is folded, several nodes that are one layer are recognised ([`patterns`]), every node
//! that is left becomes layers by a table ([`operators`]), and names are those of the program it was exported from
//! ([`names`]).
//!
//! A model is read as what it computes of one image: layers treat the images of a batch alike and alone, so what they
//! compute of several follows.

mod blueprint;
mod fold;
mod graph;
mod lower;
mod moving;
mod names;
mod operators;
mod patterns;
mod places;
mod shapes;
mod split;
mod tail;

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::message::Model;
use crate::{Beside, OnnxError};

use graph::{Graph, LEAST_OPERATOR_SET};

/// What a model file leaves open.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The tensors that are asked for, where those are not the model's outputs: what comes behind is left out.
    pub outputs: Option<Vec<String>>,
    /// Channels, height and width, where the file does not say them.
    pub input: Option<[usize; 3]>,
    /// Whether its images have their channels last.
    pub channels_last: bool,
}

/// A model as a network of topwork.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The blueprint, in format 1.
    pub blueprint: String,
    /// The weights by their names in the blueprint.
    pub arrays: Vec<NamedArray>,
    /// The operators of the file behind the end of the network, in order.
    pub left_out: Vec<String>,
}

/// An array of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedArray {
    /// `LAYER.weight` and so on.
    pub name: String,
    /// PyTorch's layout.
    pub shape: Vec<usize>,
    /// Row-major.
    pub numbers: Vec<f32>,
}

/// What keeps a node from being layers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The operator.
    pub operator: String,
    /// The node, or its first output where it has no name.
    pub node: String,
    /// Why, as the rest of a sentence that begins with the operator.
    pub reason: String,
}

/// All that keeps a model from being a network, in the order of the graph.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacles(pub Vec<Obstacle>);

/// Why a model is not a network.
#[derive(Clone, Debug, Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error(transparent)]
    Broken(#[from] OnnxError),
    /// It computes what the layers of topwork do not.
    #[error("{0}")]
    Opaque(Obstacles),
}

impl fmt::Display for Obstacles {
    /// Each reason once, with the first node it concerns and the number of the others.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counted: Vec<(&Obstacle, usize)> = Vec::new();
        let mut places: BTreeMap<(&str, &str), usize> = BTreeMap::new();
        for obstacle in &self.0 {
            let key = (&*obstacle.operator, &*obstacle.reason);
            match places.get(&key).and_then(|place| counted.get_mut(*place)) {
                Some((_, count)) => *count += 1,
                None => {
                    places.insert(key, counted.len());
                    counted.push((obstacle, 1));
                }
            }
        }
        for (place, (obstacle, count)) in counted.iter().enumerate() {
            let Obstacle {
                operator,
                node,
                reason,
            } = obstacle;
            let between = if place == 0 { "" } else { "; " };
            write!(f, "{between}{operator} {reason} (\"{node}\"")?;
            match count {
                1 => f.write_str(")")?,
                count => write!(f, " and {} more)", count - 1)?,
            }
        }
        Ok(())
    }
}

/// Makes a network of a model; `beside` reads the files that hold its weights.
///
/// # Errors
/// When the model is damaged, or something in it has no layer; all of that at once.
pub fn import(
    model: &Model,
    beside: &dyn Beside,
    wanted: &Wanted,
) -> Result<Imported, ImportError> {
    let mut graph = Graph::read(model, beside, wanted)?;
    if graph.operator_set < LEAST_OPERATOR_SET {
        return Err(ImportError::Opaque(Obstacles(vec![Obstacle {
            operator: "the model".to_owned(),
            node: graph.input.clone(),
            reason: format!(
                "has the operator set {}, expected {LEAST_OPERATOR_SET} or later",
                graph.operator_set
            ),
        }])));
    }
    if let Some(outputs) = &wanted.outputs {
        graph.outputs.clone_from(outputs);
    }
    let Some(end) = tail::end(&graph) else {
        return Err(OnnxError::Damaged("it computes nothing from its image".to_owned()).into());
    };
    graph.prune(&end);
    patterns::rewrite(&mut graph);
    graph.prune(&end);
    let lowered = lower::lower(&graph, wanted);
    if lowered.obstacles.is_empty() {
        // Layers have copies of their own.
        graph.facts.clear();
        return Ok(blueprint::write(&graph, &end, lowered, Vec::new())?);
    }
    // What stands behind the network and has no weights, such as a Softmax, is not needed to cut it.
    let Some((end, left_out)) = tail::without(&graph, &end, &lowered) else {
        return Err(ImportError::Opaque(Obstacles(lowered.obstacles)));
    };
    graph.prune(&end);
    let lowered = lower::lower(&graph, wanted);
    match lowered.obstacles.is_empty() {
        true => {
            graph.facts.clear();
            Ok(blueprint::write(&graph, &end, lowered, left_out)?)
        }
        false => Err(ImportError::Opaque(Obstacles(lowered.obstacles))),
    }
}
