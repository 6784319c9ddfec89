//! Multi-head self-attention.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};

/// `topwork.attention`: the tokens, then weight and bias of the layers that make queries, keys and values, and of the one behind
/// the heads.
pub(super) fn of_heads(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let &[tokens, width] = lowering.shape(value) else {
        return Err(format!(
            "gets {}, expected tokens",
            by(lowering.shape(value))
        ));
    };
    if value.view != View::Plain {
        return Err("gets a map, expected tokens".to_owned());
    }
    let mut new = projections(lowering, node, New::of(node, "attention"), width)?;
    if let Some(biases) = node.floats("position-biases") {
        let heads = numbers(node, "heads")?.first().copied().unwrap_or(0);
        let shape = [heads, tokens, tokens];
        new = new.key("position-bias", true);
        new = new.array("position_bias", &shape, biases.to_vec());
    }
    Ok(lowering.push(new, &[value], &[tokens, width]))
}

/// `topwork.window-attention`: the same within windows of a map whose channels are last, with biases by distance.
pub(super) fn in_windows(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let &[width, _, _] = shape.as_slice() else {
        return Err(format!("gets {}, expected a map", by(&shape)));
    };
    if value.view != View::ChannelsLast {
        return Err("gets a map with its channels first".to_owned());
    }
    let heads = numbers(node, "heads")?.first().copied().unwrap_or(0);
    let table = node.floats("table").unwrap_or(&[]).to_vec();
    let rows = table.len().checked_div(heads).unwrap_or(0);
    let new = New::of(node, "window-attention")
        .key("window", numbers(node, "window")?)
        .key("shift", numbers(node, "shift")?);
    let new = projections(lowering, node, new, width)?;
    let new = new.array("position_bias_table", &[rows, heads], table);
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

/// The layer with its heads, and with the linear layers before and behind them.
fn projections<'n>(
    lowering: &Lowering<'_>,
    node: &Node,
    new: New<'n>,
    width: usize,
) -> Result<New<'n>, String> {
    let heads = numbers(node, "heads")?.first().copied().unwrap_or(0);
    let columns = numbers(node, "columns")?;
    let joined = numbers(node, "joined")?;
    if columns.len() != 3 * width || joined.len() != width {
        return Err(format!("has other sizes than tokens of {width}"));
    }
    let mut weight = Vec::with_capacity(3 * width * width);
    let mut biases = Vec::with_capacity(3 * width);
    let mut has_bias = false;
    for (which, columns) in columns.chunks_exact(width).enumerate() {
        let rows = Rows::of(lowering, node, which, width)?;
        let bias = bias(lowering, node, which)?;
        has_bias |= bias.is_some();
        for &column in columns {
            weight.extend(rows.row(column));
            biases.push(match bias {
                Some(bias) => *bias.get(column).ok_or("has a bias that is too short")?,
                None => 0.0,
            });
        }
    }
    // What the last layer takes as its number `n` the heads give as their number `joined[n]`.
    let rows = Rows::of(lowering, node, 3, width)?;
    let mut last = vec![0.0; width * width];
    for (unit, to) in last.chunks_exact_mut(width).enumerate() {
        for (number, &feature) in rows.row(unit).zip(&joined) {
            *to.get_mut(feature).ok_or("joins more than its heads")? = number;
        }
    }
    let last_bias = match bias(lowering, node, 3)? {
        Some(bias) if bias.len() == width => bias.to_vec(),
        Some(_) => return Err(format!("has a bias that is none of {width} units")),
        None => vec![0.0; width],
    };
    let mut new = new.key("heads", heads).key("bias", has_bias).array(
        "qkv.weight",
        &[3 * width, width],
        weight,
    );
    if has_bias {
        new = new.array("qkv.bias", &[3 * width], biases);
    }
    Ok(new
        .array("proj.weight", &[width, width], last)
        .array("proj.bias", &[width], last_bias))
}

fn numbers(node: &Node, name: &str) -> Result<Vec<usize>, String> {
    let numbers = node.ints(name).unwrap_or(&[]).iter();
    let numbers: Option<Vec<usize>> = numbers
        .map(|&number| usize::try_from(number).ok())
        .collect();
    numbers.ok_or_else(|| format!("has a negative number in `{name}`"))
}

/// The weight of a linear layer, a row for each of its units.
struct Rows<'g> {
    numbers: &'g [f32],
    features: usize,
    units: usize,
    /// Whether a unit's numbers lie side by side.
    is_turned: bool,
}

impl<'g> Rows<'g> {
    fn of(
        lowering: &Lowering<'g>,
        node: &Node,
        which: usize,
        width: usize,
    ) -> Result<Self, String> {
        let (shape, numbers) = lowering.weights(node, 1 + 2 * which)?;
        let is_turned = node.ints("turned").and_then(|turned| turned.get(which)) == Some(&1);
        let (features, units) = match *shape {
            [units, features] if is_turned => (features, units),
            [features, units] => (features, units),
            _ => return Err(format!("has weights of {}, expected a matrix", by(shape))),
        };
        if features != width {
            return Err(format!(
                "has weights of {} for tokens of {width}",
                by(shape)
            ));
        }
        Ok(Self {
            numbers,
            features,
            units,
            is_turned,
        })
    }

    /// Nothing where there is no such unit.
    fn row(&self, unit: usize) -> impl Iterator<Item = f32> + '_ {
        let (start, step) = match self.is_turned {
            true => (unit * self.features, 1),
            false => (unit, self.units),
        };
        let count = if unit < self.units { self.features } else { 0 };
        let numbers = self.numbers.iter().skip(start).step_by(step.max(1));
        numbers.take(count).copied()
    }
}

fn bias<'g>(
    lowering: &Lowering<'g>,
    node: &Node,
    which: usize,
) -> Result<Option<&'g [f32]>, String> {
    let position = 2 + 2 * which;
    match node.input(position) {
        Some(_) => Ok(Some(lowering.weights(node, position)?.1)),
        None => Ok(None),
    }
}
