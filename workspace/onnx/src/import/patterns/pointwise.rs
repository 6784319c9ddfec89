//! Activations, however an exporter has written them: nodes that make one number of each are computed at a few numbers and
//! compared with the functions that have layers. So every form of one is recognised, and none that is another function.

use super::super::graph::{Graph, Node};

type Function = fn(f64) -> f64;

/// Layers without settings, with what they compute. `√2` and the like are written by exporters as 32-bit numbers.
const ACTIVATIONS: &[(&str, Function)] = &[
    ("topwork.relu", |x| x.max(0.0)),
    ("topwork.relu6", |x| x.clamp(0.0, 6.0)),
    ("topwork.sigmoid", sigmoid),
    ("topwork.tanh", f64::tanh),
    ("topwork.silu", |x| x * sigmoid(x)),
    ("topwork.hard-sigmoid", |x| (x + 3.0).clamp(0.0, 6.0) / 6.0),
    ("topwork.hard-swish", |x| {
        x * (x + 3.0).clamp(0.0, 6.0) / 6.0
    }),
    ("topwork.mish", |x| x * (1.0 + x.exp()).ln().tanh()),
    ("topwork.gelu", gelu),
    ("topwork.gelu-tanh", gelu_tanh),
];

fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn gelu(x: f64) -> f64 {
    0.5 * x * (1.0 + libm::erf(x * std::f64::consts::FRAC_1_SQRT_2))
}

fn gelu_tanh(x: f64) -> f64 {
    let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044_715 * x * x * x);
    0.5 * x * (1.0 + inner.tanh())
}

/// Where functions are compared: on both sides of every bend, and far out.
const PROBES: [f64; 25] = [
    0.0, -1.25, 1.25, -0.03125, 0.03125, -0.25, 0.25, -0.5, 0.5, -0.75, 0.75, -2.0, 2.0, -2.75,
    2.75, -3.25, 3.25, -4.5, 4.5, -5.75, 5.75, -6.5, 6.5, -9.0, 9.0,
];

/// What rounding of constants to 32 bits may make of a function, absolute near 0 and else relative.
const ROUNDING: f64 = 2e-6;

/// So many tensors are looked at for where an activation begins.
const MOST_BEFORE: usize = 24;

/// So many nodes are computed for one number, those that are used twice counted twice.
const MOST_STEPS: usize = 64;

/// The last node of an activation becomes its layer.
pub(super) fn activation(graph: &Graph, node: &Node) -> Option<Node> {
    if !is_pointwise(node) {
        return None;
    }
    let output = node.output();
    let shape = graph.shape(output)?;
    // Where it may begin, the nearest first.
    let mut before: Vec<&str> = Vec::new();
    let mut open: Vec<&Node> = vec![node];
    let mut next = 0;
    while let Some(node) = open.get(next).copied() {
        next += 1;
        for name in node.inputs.iter().map(String::as_str) {
            let is_new =
                !name.is_empty() && graph.constant(name).is_none() && !before.contains(&name);
            if is_new && before.len() < MOST_BEFORE {
                before.push(name);
                open.extend(graph.producer(name).filter(|node| is_pointwise(node)));
            }
        }
    }
    // From afar, so that a sigmoid within a product is not taken for all there is.
    for start in before.into_iter().rev() {
        if graph.shape(start) != Some(shape) {
            continue;
        }
        let at = |x: &f64| compute(graph, output, start, *x, &mut { MOST_STEPS });
        let Some(values) = PROBES.iter().map(at).collect::<Option<Vec<f64>>>() else {
            continue;
        };
        let found = ACTIVATIONS.iter().find(|(_, function)| {
            PROBES.iter().zip(&values).all(|(&x, y)| {
                let expected = function(x);
                (y - expected).abs() <= ROUNDING * (1.0 + expected.abs())
            })
        });
        if let Some((op, _)) = found {
            return Some(node.becomes(op, vec![start.to_owned()]));
        }
    }
    None
}

fn is_pointwise(node: &Node) -> bool {
    matches!(
        node.op.as_str(),
        "Add"
            | "Sub"
            | "Mul"
            | "Div"
            | "Pow"
            | "Min"
            | "Max"
            | "Clip"
            | "Relu"
            | "Sigmoid"
            | "Tanh"
            | "HardSigmoid"
            | "HardSwish"
            | "Gelu"
            | "Erf"
            | "Exp"
            | "Sqrt"
            | "Neg"
            | "Abs"
            | "Reciprocal"
            | "Softplus"
            | "Mish"
            | "Swish"
            | "Identity"
    ) || node.op.starts_with("topwork.") && ACTIVATIONS.iter().any(|(op, _)| node.op == *op)
}

/// The number of a tensor where that of `start` is `x`; nothing where it depends on another one.
fn compute(graph: &Graph, name: &str, start: &str, x: f64, steps: &mut usize) -> Option<f64> {
    if name == start {
        return Some(x);
    }
    if let Some(array) = graph.constant(name) {
        return array.scalar();
    }
    *steps = steps.checked_sub(1)?;
    let node = graph.producer(name).filter(|node| is_pointwise(node))?;
    if let Some((_, function)) = ACTIVATIONS.iter().find(|(op, _)| node.op == *op) {
        return Some(function(compute(graph, node.input(0)?, start, x, steps)?));
    }
    let mut input = |position: usize| compute(graph, node.input(position)?, start, x, steps);
    let a = input(0)?;
    Some(match node.op.as_str() {
        "Add" => a + input(1)?,
        "Sub" => a - input(1)?,
        "Mul" => a * input(1)?,
        "Div" => a / input(1)?,
        "Pow" => a.powf(input(1)?),
        "Min" if node.inputs.len() == 2 => a.min(input(1)?),
        "Max" if node.inputs.len() == 2 => a.max(input(1)?),
        "Clip" => {
            let mut bound = |attribute: &str, position: usize, none: f64| match node.input(position)
            {
                Some(_) => input(position),
                None => Some(node.float(attribute).map_or(none, f64::from)),
            };
            let (least, most) = (
                bound("min", 1, f64::NEG_INFINITY)?,
                bound("max", 2, f64::INFINITY)?,
            );
            a.max(least).min(most)
        }
        "Relu" => a.max(0.0),
        "Sigmoid" => sigmoid(a),
        "Tanh" => a.tanh(),
        "HardSigmoid" => {
            let alpha = node.float("alpha").unwrap_or(0.2);
            let beta = node.float("beta").unwrap_or(0.5);
            (f64::from(alpha) * a + f64::from(beta)).clamp(0.0, 1.0)
        }
        "HardSwish" => a * (a + 3.0).clamp(0.0, 6.0) / 6.0,
        "Gelu" if node.text("approximate") == Some("tanh") => gelu_tanh(a),
        "Gelu" => gelu(a),
        "Erf" => libm::erf(a),
        "Exp" => a.exp(),
        "Sqrt" => a.sqrt(),
        "Neg" => -a,
        "Abs" => a.abs(),
        "Reciprocal" => 1.0 / a,
        "Softplus" => (1.0 + a.exp()).ln(),
        "Mish" => a * (1.0 + a.exp()).ln().tanh(),
        "Swish" => a * sigmoid(f64::from(node.float("alpha").unwrap_or(1.0)) * a),
        "Identity" => a,
        _ => return None,
    })
}
