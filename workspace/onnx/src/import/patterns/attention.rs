//! Multi-head self-attention out of products: `softmax(Q Kᵀ/√d) V` for each head, with the linear layers before and behind
//! it. How queries, keys and values are cut out of what a linear layer gives, in which order and by how many nodes, differs
//! between programs and exporters; what counts is where their numbers come from, so that is what is looked at.

use std::collections::HashSet;

use crate::message::Attribute;

use super::super::graph::{Graph, Node};
use super::super::moving::expanded;
use super::super::places::{keeps_order, scaled, trace};
use super::super::shapes::axes;

/// So far scores may be from `Q Kᵀ/√d`: exporters work out the root of the root in 32 bits.
const ROUNDING: f64 = 1e-6;

/// A linear layer, with its weight as `MatMul` takes it or, where it is turned, as PyTorch has it.
pub(super) struct Linear<'g> {
    pub x: &'g str,
    pub weight: &'g str,
    pub bias: &'g str,
    pub units: usize,
    pub is_turned: bool,
}

/// The heads of an attention: what they make, and of what.
pub(super) struct Heads<'g> {
    output: &'g str,
    query: &'g str,
    key: &'g str,
    /// Whether that is Kᵀ.
    is_key_turned: bool,
    value: &'g str,
    /// What scores are multiplied by, beside what queries and keys have been already.
    factor: f64,
    /// What is added to the scores before their softmax, the same for every image; nothing where nothing is.
    pub added: Vec<f64>,
    /// Whether each head has numbers of its own there, as learned ones are; a mask is the same for all of them.
    is_added_by_head: bool,
    pub scope: &'g Option<String>,
    pub sizes: Sizes,
}

#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// Sequences that are attended to by themselves; 1 but for windows of a map.
    pub windows: usize,
    pub heads: usize,
    pub tokens: usize,
    /// Of a head.
    pub width: usize,
}

/// What queries, keys and values are made of.
pub(super) struct Projections<'g> {
    /// The tensor before their linear layers.
    pub x: &'g str,
    /// Weight and bias of each.
    pub inputs: Vec<&'g str>,
    /// For each feature of each head the unit that it is, queries before keys before values.
    pub columns: Vec<usize>,
    pub turned: Vec<bool>,
}

/// The tensor behind the last linear layer, where it has the shape of the tokens again.
pub(super) fn of_heads(graph: &Graph, node: &Node) -> Option<Node> {
    let &[1, tokens, width] = graph.shape(node.output())? else {
        return None;
    };
    let last = behind(graph, node)?;
    let heads = heads(graph, last.x)?;
    let Sizes {
        heads: count,
        tokens: own,
        width: each,
        ..
    } = heads.sizes;
    let is_masked = !heads.added.is_empty() && !heads.is_added_by_head;
    if own != tokens || last.units != width || count * each != width || is_masked {
        return None;
    }
    let joined = joined(graph, &last, &heads)?;
    let projections = projections(graph, &heads)?;
    let mut inputs = vec![tokens_before(graph, projections.x, [tokens, width])?];
    inputs.extend(projections.inputs);
    inputs.extend([last.weight, last.bias]);
    let mut turned = projections.turned;
    turned.push(last.is_turned);
    let mut attention = node.becomes(
        "topwork.attention",
        inputs.into_iter().map(str::to_owned).collect(),
    );
    attention.scope = heads.scope.clone().or(attention.scope);
    attention.attributes = vec![
        ints("heads", [count])?,
        ints("columns", projections.columns)?,
        ints("joined", joined)?,
        ints("turned", turned.into_iter().map(usize::from))?,
    ];
    if !heads.added.is_empty() {
        // The window of a whole map, whose biases by distance `windows` finds.
        let is_map = |name: &str| {
            let shape = graph.shape(name);
            shape.is_some_and(|shape| shape.len() == 4 && shape.last() == Some(&width))
        };
        if trace(graph, projections.x, is_map).is_some() {
            return None;
        }
        let biases: Vec<f32> = heads.added.iter().map(|bias| *bias as f32).collect();
        let is_finite = biases.iter().all(|bias| bias.is_finite());
        let is_whole = biases.len() == count * tokens * tokens;
        attention.attributes.push(Attribute {
            name: "position-biases".to_owned(),
            floats: (is_finite && is_whole).then_some(biases)?,
            kind: Attribute::FLOATS,
            ..Attribute::default()
        });
    }
    Some(attention)
}

/// The linear layers that queries, keys and values come from, where scores are divided by the root of a head's width.
pub(super) fn projections<'g>(graph: &'g Graph, heads: &Heads<'g>) -> Option<Projections<'g>> {
    let mut factor = heads.factor;
    let mut x = None;
    let mut inputs = Vec::new();
    let mut columns = Vec::new();
    let mut turned = Vec::new();
    let mut taken = HashSet::new();
    for (name, is_turned, is_scored) in [
        (heads.query, false, true),
        (heads.key, heads.is_key_turned, true),
        (heads.value, false, false),
    ] {
        let of_linear = |name: &str| linear_of(graph, name).is_some();
        let traced = trace(graph, name, of_linear)?;
        match is_scored {
            true => factor *= traced.factor,
            false if traced.factor != 1.0 => return None,
            false => {}
        }
        let first = linear_of(graph, traced.from)?;
        if *x.get_or_insert(first.x) != first.x {
            return None;
        }
        for column in of_columns(&traced.places, heads.sizes, first.units, is_turned)? {
            // One that two share would be two once it is trained.
            if !taken.insert((first.weight, column)) {
                return None;
            }
            columns.push(column);
        }
        inputs.extend([first.weight, first.bias]);
        turned.push(first.is_turned);
    }
    if (factor * (heads.sizes.width as f64).sqrt() - 1.0).abs() > ROUNDING {
        return None;
    }
    Some(Projections {
        x: x?,
        inputs,
        columns,
        turned,
    })
}

/// The bias of the last linear layer, as a sum behind what has become an attention without.
pub(super) fn with_bias(graph: &Graph, node: &Node) -> Option<Node> {
    if node.op != "Add" {
        return None;
    }
    let (before, bias) = node.with_constant(graph)?;
    let before = graph.producer(before)?;
    if before.op != "topwork.attention" || before.inputs.last().is_none_or(|bias| !bias.is_empty())
    {
        return None;
    }
    let width = graph.shape(before.output())?.last()?;
    let row = graph.constant(bias)?;
    if row.len() != *width || row.shape.last() != Some(width) {
        return None;
    }
    let mut inputs = before.inputs.clone();
    *inputs.last_mut()? = bias.to_owned();
    let mut attention = node.becomes("topwork.attention", inputs);
    attention.scope = before.scope.clone();
    attention.attributes = before.attributes.clone();
    Some(attention)
}

pub(super) fn ints(name: &str, numbers: impl IntoIterator<Item = usize>) -> Option<Attribute> {
    let numbers = numbers.into_iter().map(|number| i64::try_from(number).ok());
    Some(Attribute {
        name: name.to_owned(),
        ints: numbers.collect::<Option<_>>()?,
        kind: Attribute::INTS,
        ..Attribute::default()
    })
}

/// The linear layer that a tensor is, as it is or with other axes of 1.
fn behind<'g>(graph: &'g Graph, node: &'g Node) -> Option<Linear<'g>> {
    if let Some(linear) = layer(graph, node) {
        return Some(linear);
    }
    let traced = trace(graph, node.output(), |name| {
        linear_of(graph, name).is_some()
    })?;
    traced.is_unmoved().then(|| linear_of(graph, traced.from))?
}

pub(super) fn linear_of<'g>(graph: &'g Graph, name: &str) -> Option<Linear<'g>> {
    layer(graph, graph.producer(name)?)
}

fn layer<'g>(graph: &Graph, node: &'g Node) -> Option<Linear<'g>> {
    let is_turned = match node.op.as_str() {
        "MatMul" | "topwork.linear" => false,
        "Gemm" => {
            let is_plain = |name| node.float(name).is_none_or(|factor| factor == 1.0);
            if node.int("transA") == Some(1) || !is_plain("alpha") || !is_plain("beta") {
                return None;
            }
            node.int("transB") == Some(1)
        }
        _ => return None,
    };
    let &[first, second] = graph.constant_of(node, 1)?.shape.as_slice() else {
        return None;
    };
    let units = if is_turned { first } else { second };
    let bias = node.input(2).unwrap_or_default();
    if !bias.is_empty() && graph.constant(bias)?.len() != units {
        return None;
    }
    Some(Linear {
        x: node.input(0)?,
        weight: node.input(1)?,
        bias,
        units,
        is_turned,
    })
}

/// The tokens that a linear layer gets, before an axis of 1 has come to stand elsewhere.
fn tokens_before<'g>(
    graph: &'g Graph,
    name: &'g str,
    [tokens, width]: [usize; 2],
) -> Option<&'g str> {
    let is_sequence = |name: &str| graph.shape(name) == Some(&[1, tokens, width]);
    let traced = trace(graph, name, is_sequence)?;
    traced.is_unmoved().then_some(traced.from)
}

/// The heads whose outputs a tensor joins.
pub(super) fn heads<'g>(graph: &'g Graph, name: &'g str) -> Option<Heads<'g>> {
    let joins = |name: &str| {
        let node = graph.producer(name);
        node.is_some_and(|node| match node.op.as_str() {
            "MatMul" => graph.constant_of(node, 1).is_none(),
            op => op == "Attention",
        })
    };
    let node = graph.producer(trace(graph, name, joins)?.from)?;
    match node.is("Attention") {
        true => in_one_node(graph, node),
        false => of_products(graph, node),
    }
}

/// The node of operator sets from 23 on.
fn in_one_node<'g>(graph: &'g Graph, node: &'g Node) -> Option<Heads<'g>> {
    // A mask, keys and values from before, bounds of scores, and other outputs than the first.
    let has_more = (3..node.inputs.len()).any(|position| node.input(position).is_some())
        || node.int("is_causal").unwrap_or(0) != 0
        || node.float("softcap").unwrap_or(0.0) != 0.0
        || node.int("softmax_precision").unwrap_or(1) != 1
        || node.outputs.iter().skip(1).any(|name| !name.is_empty());
    let [query, key, value] = [0, 1, 2].map(|position| node.input(position));
    let (query, key, value) = (query?, key?, value?);
    let shape = graph.shape(query)?;
    let &[1, heads, tokens, width] = shape else {
        return None;
    };
    if has_more || graph.shape(key)? != shape || graph.shape(value)? != shape {
        return None;
    }
    let standard = 1.0 / (width as f64).sqrt();
    Some(Heads {
        output: node.output(),
        query,
        key,
        is_key_turned: false,
        value,
        factor: node.float("scale").map_or(standard, f64::from),
        added: Vec::new(),
        is_added_by_head: false,
        scope: &node.scope,
        sizes: Sizes {
            windows: 1,
            heads,
            tokens,
            width,
        },
    })
}

/// `softmax(Q Kᵀ) V`, from its last product.
fn of_products<'g>(graph: &'g Graph, product: &'g Node) -> Option<Heads<'g>> {
    let shares = graph.before(product, 0).filter(|node| node.is("Softmax"))?;
    let rank = graph.shape(shares.output())?.len();
    // Before operator set 13 it went over all axes from its own on.
    let standard = if graph.operator_set < 13 { 1 } else { -1 };
    let over = axes(&[shares.int("axis").unwrap_or(standard)], rank)?;
    if over != [rank.checked_sub(1)?] {
        return None;
    }
    let (mut scores, mut factor) = (graph.before(shares, 0)?, 1.0);
    let mut added: Vec<f64> = Vec::new();
    let mut is_added_by_head = true;
    while !scores.is("MatMul") {
        scores = match scaled(graph, scores) {
            Some((product, multiplied)) => {
                factor *= multiplied;
                graph.producer(product)?
            }
            None if keeps_order(&scores.op) => graph.before(scores, 0)?,
            None if scores.is("Add") => {
                let (before, constant) = scores.with_constant(graph)?;
                let shape = graph.shape(scores.output())?;
                let count = shape.iter().product();
                graph.follow(count)?;
                added.resize(count, 0.0);
                let constant = graph.constant(constant)?;
                let [.., heads, _, _] = shape else {
                    return None;
                };
                is_added_by_head &= *heads > 1 && constant.len() == count;
                let constant = expanded(constant, shape);
                for (sum, number) in added.iter_mut().zip(constant.as_floats()?) {
                    *sum += factor * f64::from(*number);
                }
                graph.producer(before)?
            }
            None => return None,
        };
    }
    let (query, key, value) = (scores.input(0)?, scores.input(1)?, product.input(1)?);
    let &[ref outer @ .., tokens, width] = graph.shape(query)? else {
        return None;
    };
    let has = |name: &str, last: [usize; 2]| {
        let shape = graph.shape(name);
        shape.is_some_and(|shape| shape.strip_prefix(outer) == Some(&last))
    };
    if !has(key, [width, tokens]) || !has(value, [tokens, width]) {
        return None;
    }
    Some(Heads {
        output: product.output(),
        query,
        key,
        is_key_turned: true,
        value,
        factor,
        added,
        is_added_by_head,
        scope: &shares.scope,
        sizes: Sizes {
            windows: 1,
            heads: outer.iter().product(),
            tokens,
            width,
        },
    })
}

/// For each feature of each head the unit of the linear layer that it is, the same for every token and that token's own.
fn of_columns(places: &[usize], sizes: Sizes, units: usize, is_turned: bool) -> Option<Vec<usize>> {
    let Sizes {
        windows,
        heads,
        tokens,
        width,
    } = sizes;
    let at = |window: usize, head: usize, token: usize, feature: usize| {
        let head = window * heads + head;
        match is_turned {
            true => places.get((head * width + feature) * tokens + token),
            false => places.get((head * tokens + token) * width + feature),
        }
    };
    let mut columns = Vec::with_capacity(heads * width);
    for head in 0..heads {
        for feature in 0..width {
            let column = *at(0, head, 0, feature)?;
            let is_own = |number: usize| {
                let place = at(number / tokens, head, number % tokens, feature);
                place == Some(&(number * units + column))
            };
            if column >= units || !(0..windows * tokens).all(is_own) {
                return None;
            }
            columns.push(column);
        }
    }
    Some(columns)
}

/// For each number that the last linear layer gets of a token the feature of the heads that it is, one head behind the other.
pub(super) fn joined(graph: &Graph, last: &Linear<'_>, of: &Heads<'_>) -> Option<Vec<usize>> {
    let Sizes {
        windows,
        heads,
        tokens,
        width,
    } = of.sizes;
    let features = heads * width;
    let shape = graph.shape(last.x)?;
    let traced = trace(graph, last.x, |name| name == of.output)?;
    if shape.last() != Some(&features)
        || traced.factor != 1.0
        || traced.places.len() != windows * tokens * features
    {
        return None;
    }
    let mut joined = Vec::with_capacity(features);
    for (number, &place) in traced.places.iter().take(features).enumerate() {
        let (head, feature) = (place / (tokens * width), place % (tokens * width));
        let is_own = |row: usize| {
            let own = (row / tokens * heads * tokens + row % tokens) * width;
            traced.places.get(row * features + number) == Some(&(place + own))
        };
        if feature >= width || head >= heads || !(0..windows * tokens).all(is_own) {
            return None;
        }
        joined.push(head * width + feature);
    }
    let distinct: HashSet<&usize> = joined.iter().collect();
    (distinct.len() == features).then_some(joined)
}
