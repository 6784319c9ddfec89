//! Normalisations.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};

/// Batch normalisation with the statistics of its training.
pub(super) fn batch(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if node.int("training_mode") == Some(1)
        || node.outputs.iter().skip(1).any(|name| !name.is_empty())
    {
        return Err("is in training mode; export the model with `.eval()`".to_owned());
    }
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let (op, channels) = match (value.view, &shape[..]) {
        (View::Plain, &[channels, _, _]) => ("batch-norm2d", channels),
        (View::Plain, &[features]) => ("batch-norm1d", features),
        _ => {
            return Err(format!(
                "gets {}, expected channels×height×width",
                by(&shape)
            ));
        }
    };
    let mut new = New::of(node, op).key("epsilon", node.float("epsilon").unwrap_or(1e-5));
    let names = ["weight", "bias", "running_mean", "running_var"];
    for (place, name) in names.into_iter().enumerate() {
        let (_, numbers) = lowering.weights(node, place + 1)?;
        if numbers.len() != channels {
            return Err(format!(
                "has {} numbers for {channels} channels",
                numbers.len()
            ));
        }
        new = new.array(name, &[channels], numbers.to_vec());
    }
    Ok(lowering.push(new, &[value], &shape))
}

/// Layer normalisation over what is last: features, or channels where they are.
pub(super) fn layer(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let shape = lowering.shape(value).to_vec();
    let rank = shape.len() + 1;
    let axis = node.int("axis").unwrap_or(-1);
    if axis != -1 && axis != rank as i64 - 1 {
        return Err(format!("begins at the axis {axis}, expected the last one"));
    }
    let width = match (value.view, &shape[..]) {
        (View::ChannelsLast | View::Rows, &[channels, _, _]) => channels,
        (View::Plain, &[width] | &[_, width]) => width,
        _ => {
            return Err(format!(
                "goes over the last of {}, expected features or channels",
                by(&shape)
            ));
        }
    };
    let (_, weight) = lowering.weights(node, 1)?;
    let bias = match node.input(2) {
        Some(_) => lowering.weights(node, 2)?.1.to_vec(),
        None => vec![0.0; width],
    };
    if weight.len() != width || bias.len() != width {
        return Err(format!("has {} numbers for {width} features", weight.len()));
    }
    let new = New::of(node, "layer-norm")
        .key("epsilon", node.float("epsilon").unwrap_or(1e-5))
        .array("weight", &[width], weight.to_vec())
        .array("bias", &[width], bias);
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

/// Normalisation of groups of channels; their scales and shifts are of channels, and of groups before operator set 21.
pub(super) fn group(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, shape @ [channels, ..]) = lowering.map(node, 0)?;
    let groups = usize::try_from(node.int("num_groups").unwrap_or(0)).unwrap_or(0);
    if groups == 0 || channels % groups != 0 {
        return Err(format!("has {groups} groups for {channels} channels"));
    }
    let new = New::of(node, "group-norm").key("groups", groups);
    let new = with_scales_and_shifts(lowering, node, new, [channels, groups])?;
    Ok(lowering.push(new, &[value], &shape))
}

/// Normalisation of each channel of an image by itself.
pub(super) fn instance(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, shape @ [channels, ..]) = lowering.map(node, 0)?;
    let new = New::of(node, "instance-norm").key("affine", true);
    let new = with_scales_and_shifts(lowering, node, new, [channels; 2])?;
    Ok(lowering.push(new, &[value], &shape))
}

/// Scales and shifts of channels, which may be given once for each of so many groups.
fn with_scales_and_shifts<'n>(
    lowering: &Lowering<'_>,
    node: &Node,
    new: New<'n>,
    [channels, groups]: [usize; 2],
) -> Result<New<'n>, String> {
    let mut new = new.key("epsilon", node.float("epsilon").unwrap_or(1e-5));
    for (place, name) in ["weight", "bias"].into_iter().enumerate() {
        // A pattern leaves out a shift that is none.
        let is_none = name == "bias" && node.inputs.get(2).is_some_and(String::is_empty);
        let numbers = match is_none {
            true => &[0.0],
            false => lowering.weights(node, place + 1)?.1,
        };
        let each = match numbers.len() {
            count if count == channels => 1,
            count if count == groups => channels / groups,
            1 if is_none => channels,
            count => return Err(format!("has {count} numbers for {channels} channels")),
        };
        let of_channels = numbers
            .iter()
            .flat_map(|&number| std::iter::repeat_n(number, each));
        new = new.array(name, &[channels], of_channels.collect());
    }
    Ok(new)
}

/// Normalisation by the neighbours in other channels.
pub(super) fn local_response(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, shape) = lowering.map(node, 0)?;
    let size = node.int("size").unwrap_or(0);
    // Of an even number ONNX takes one more behind than before, and PyTorch the other way round.
    if size < 1 || size % 2 == 0 {
        return Err(format!(
            "takes {size} channels together, expected an odd number"
        ));
    }
    let new = New::of(node, "local-response-norm")
        .key("size", size)
        .key("alpha", node.float("alpha").unwrap_or(1e-4))
        .key("beta", node.float("beta").unwrap_or(0.75))
        .key("k", node.float("bias").unwrap_or(1.0));
    Ok(lowering.push(new, &[value], &shape))
}
