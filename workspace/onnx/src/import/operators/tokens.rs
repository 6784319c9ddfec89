//! Tokens of a sequence: learned ones in front, what is added for each place, and some of them alone.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};
use super::super::shapes::axes;

/// A value as tokens, that is 1×tokens×width in the file.
pub(super) fn sequence(lowering: &Lowering<'_>, value: Value) -> Option<[usize; 2]> {
    match (value.view, lowering.shape(value)) {
        (View::Plain, &[tokens, width]) => Some([tokens, width]),
        _ => None,
    }
}

/// `Concat` of learned tokens, which are the same for every image, and a sequence behind them.
pub(super) fn in_front(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let last = node.inputs.len().saturating_sub(1);
    let value = lowering.value(node, last)?;
    let Some([tokens, width]) = sequence(lowering, value) else {
        return Err(format!(
            "puts constants in front of {}, expected tokens",
            by(lowering.shape(value))
        ));
    };
    if !matches!(node.int("axis"), Some(1 | -2)) {
        return Err("puts constants in front of tokens along another axis than theirs".to_owned());
    }
    let mut learned = Vec::new();
    for position in 0..last {
        let (shape, numbers) = lowering.weights(node, position)?;
        if !matches!(shape, &[1, _, own] if own == width) {
            return Err(format!("puts {} in front of tokens of {width}", by(shape)));
        }
        learned.extend_from_slice(numbers);
    }
    let count = learned.len() / width.max(1);
    let Some((class, registers)) = learned.split_at_checked(width) else {
        return Err("puts no token in front".to_owned());
    };
    let mut new = New::of(node, "class-token").array("class", &[1, 1, width], class.to_vec());
    if count > 1 {
        let shape = [1, count - 1, width];
        new = new.key("registers", count - 1);
        new = new.array("registers", &shape, registers.to_vec());
    }
    Ok(lowering.push(new, &[value], &[count + tokens, width]))
}

/// A constant that is added, with numbers of its own for every token; nothing where it has none.
pub(super) fn positions(
    lowering: &mut Lowering<'_>,
    node: &Node,
    computed: usize,
    constant: usize,
) -> Result<Option<Value>, String> {
    let value = lowering.value(node, computed)?;
    let (shape, numbers) = lowering.weights(node, constant)?;
    let Some([tokens, width]) = sequence(lowering, value) else {
        return Ok(None);
    };
    if !matches!(shape, &[1, t, w] | &[t, w] if [t, w] == [tokens, width]) {
        return Ok(None);
    }
    let own = [1, tokens, width];
    let new = New::of(node, "position-embedding").array("weight", &own, numbers.to_vec());
    Ok(Some(lowering.push(new, &[value], &[tokens, width])))
}

/// One token as a vector, or by itself.
pub(super) fn gather(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let which = lowering.graph.constant_of(node, 1);
    let which = which.ok_or("takes places that are not the same for every image")?;
    let shape = lowering.shape(value).to_vec();
    let refused = || format!("takes a part of {}, expected a token", by(&shape));
    let Some([tokens, width]) = sequence(lowering, value) else {
        return Err(refused());
    };
    let (Some([1]), Some(&[place])) = (
        axes(&[node.int("axis").unwrap_or(0)], 3).as_deref(),
        which.as_integers(),
    ) else {
        return Err(refused());
    };
    let [index] = axes(&[place], tokens).ok_or_else(refused)?[..] else {
        return Err(refused());
    };
    match which.shape.len() {
        0 => {
            let new = New::of(node, "select-token").key("index", index);
            Ok(lowering.push(new, &[value], &[width]))
        }
        1 => {
            let new = New::of(node, "slice")
                .key("from", index)
                .key("to", index + 1);
            Ok(lowering.push(new, &[value], &[1, width]))
        }
        _ => Err(refused()),
    }
}

/// The mean over all tokens.
pub(super) fn mean(
    lowering: &mut Lowering<'_>,
    node: &Node,
    value: Value,
    over: &[usize],
) -> Result<Value, String> {
    let Some([_, width]) = sequence(lowering, value).filter(|_| over == [1]) else {
        let shape = by(lowering.shape(value));
        return Err(format!(
            "goes over the axes {over:?} of {shape}, expected height and width of a map or the tokens of a sequence"
        ));
    };
    if node.int("keepdims") != Some(0) {
        return Err("keeps the axis of the tokens that it goes over".to_owned());
    }
    Ok(lowering.push(New::of(node, "mean-tokens"), &[value], &[width]))
}
