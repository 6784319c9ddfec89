//! Models as they are used, not as they are trained: what only training needs is passed over or refused.

use super::Workshop;
use crate::graph::Graph;
use crate::node::Node;
use topwork_sdk::Error;

/// Operators that draw numbers.
const RANDOM: [&str; 6] = [
    "RandomNormal",
    "RandomNormalLike",
    "RandomUniform",
    "RandomUniformLike",
    "Multinomial",
    "Bernoulli",
];

/// Whether a node drops numbers.
enum Drops {
    Never,
    AtRandom,
    /// By something that is computed.
    Unknown,
}

/// `Dropout` drops nothing in use; what it passes on is what comes in.
pub fn idle_dropout<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("Dropout") || !matches!(drops(node, workshop.graph), Drops::Never) {
        return None;
    }
    // A mask that somebody wants is left to the runtime.
    let mask = node.outputs.get(1).filter(|mask| !mask.is_empty());
    let reads = |mask: &str| {
        let mut nodes = workshop.graph.nodes.iter();
        nodes.any(|node| node.reads().any(|name| name == mask))
    };
    if mask.is_some_and(|mask| reads(mask)) {
        return None;
    }
    Some(vec![Node::new("Identity", node.input(0), node.output())])
}

fn drops(node: &Node<'_>, graph: &Graph<'_>) -> Drops {
    if graph.operator_set < 7 {
        return match node.int("is_test").unwrap_or(0) {
            0 if ratio(node, graph) != Some(0.0) => Drops::AtRandom,
            _ => Drops::Never,
        };
    }
    let Some(training) = node.input(2).filter(|_| graph.operator_set >= 12) else {
        return Drops::Never;
    };
    match graph.constant(&training).as_deref() {
        Some([0.0]) => Drops::Never,
        Some([_]) if ratio(node, graph) == Some(0.0) => Drops::Never,
        Some([_]) => Drops::AtRandom,
        _ => Drops::Unknown,
    }
}

/// The part of the numbers that is dropped, if it is known.
fn ratio(node: &Node<'_>, graph: &Graph<'_>) -> Option<f64> {
    if let Some(ratio) = node.float("ratio") {
        return Some(f64::from(ratio));
    }
    match node.input(1) {
        Some(name) => graph.constant(&name)?.first().copied(),
        None => Some(0.5),
    }
}

/// Attributes of old operator sets that say nothing but "in use".
pub fn old_inference<'a>(node: &Node<'a>, _: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    const IDLE: [&str; 2] = ["is_test", "consumed_inputs"];
    let old = node.domain.is_empty() && IDLE.iter().any(|name| node.has(name));
    old.then(|| {
        vec![
            IDLE.iter()
                .fold(node.clone(), |node, name| node.without(name)),
        ]
    })
}

/// Refuses a graph that computes with what only training has, or that draws numbers: it would give other features every time,
/// or features that depend on other images.
pub fn refuse_training(graph: &Graph<'_>, path: &str) -> Result<(), Error> {
    for node in &graph.nodes {
        let within = graph.within(node);
        if let Some(what) =
            trains(node, graph).or_else(|| within.iter().find_map(|n| trains(n, graph)))
        {
            let error = Error::data(format!(
                "`{path}` was exported in training mode: \"{}\" ({}) {what}",
                node.output(),
                node.operator
            ));
            return Err(error.with_hint(
                "call `model.eval()` before `torch.onnx.export`, and export it again; tensors before it can be named in `cuts`",
            ));
        }
        let random = |operator: &str| RANDOM.contains(&operator);
        let drawn = (node.domain.is_empty() && random(&node.operator))
            .then_some(&*node.operator)
            .or_else(|| node.inner.iter().copied().find(|operator| random(operator)))
            .or_else(|| {
                within
                    .iter()
                    .map(|node| &*node.operator)
                    .find(|operator| random(operator))
            });
        if let Some(operator) = drawn {
            let error = Error::data(format!(
                "`{path}` gives other numbers every time: \"{}\" ({operator}) draws them at random",
                node.output()
            ));
            return Err(error.with_hint(
                "export it without: `model.eval()` leaves out what is random in training alone; tensors before it can be named in `cuts`",
            ));
        }
    }
    Ok(())
}

/// What a node does that is done in training alone.
fn trains(node: &Node<'_>, graph: &Graph<'_>) -> Option<&'static str> {
    if node.is("Dropout") && matches!(drops(node, graph), Drops::AtRandom) {
        return Some("drops numbers at random, other ones every time");
    }
    if !node.is("BatchNormalization") {
        return None;
    }
    let training = match graph.operator_set {
        ..7 => node.int("is_test").unwrap_or(0) == 0,
        // The running statistics are given back where they are learnt.
        7..14 => node.has_more_outputs(),
        14.. => node.int("training_mode").unwrap_or(0) != 0,
    };
    training.then_some(
        "takes the mean and the variance of the images at hand instead of those it has learnt",
    )
}
