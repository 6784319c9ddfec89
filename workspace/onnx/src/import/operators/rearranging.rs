//! What moves numbers or leaves them: shapes, axes, concatenation, and what is nothing at evaluation.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};
use super::super::shapes::{axes, padding, sliced};
use super::tokens;

/// The same numbers.
pub(super) fn same(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    lowering.value(node, 0)
}

pub(super) fn cast(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    match node.int("to") {
        Some(1) => lowering.value(node, 0),
        _ => Err("makes other numbers than float32".to_owned()),
    }
}

/// Nothing at evaluation; it stays for when the network is trained.
pub(super) fn dropout(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let constant = |position| lowering.graph.constant_of(node, position);
    if node.input(2).is_some() {
        let training = constant(2).and_then(|array| array.scalar());
        if training != Some(0.0) {
            return Err("is in training mode; export the model with `.eval()`".to_owned());
        }
    }
    let stated = match node.input(1) {
        Some(_) => constant(1).and_then(|array| array.scalar()),
        None => node.float("ratio").map(f64::from).or(Some(0.5)),
    };
    let rate = stated.ok_or("computes its rate")?;
    let value = lowering.value(node, 0)?;
    if !(0.0..1.0).contains(&rate) {
        return Err(format!("has the rate {rate}, expected 0 to below 1"));
    }
    let shape = lowering.shape(value).to_vec();
    let new = New::of(node, "dropout").key("rate", rate);
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

/// `Reshape`, `Flatten`, `Squeeze` and `Unsqueeze`, by what they make of the shape.
pub(super) fn reshape(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let shapes = (node.input(0)).and_then(|name| {
        Some((
            lowering.graph.shape(name)?,
            lowering.graph.shape(node.output())?,
        ))
    });
    let (from, to) = shapes.ok_or("makes a shape that is not the same for every image")?;
    if from == to {
        return Ok(value);
    }
    let shape = lowering.shape(value).to_vec();
    let refused = || {
        Err(format!(
            "makes {} of {}, which no layer does",
            by(to),
            by(from)
        ))
    };
    // The numbers of an image are put in the order of the file: where there is one place or one channel, that is any.
    let is_in_order = match (value.view, &shape[..]) {
        (View::Plain | View::Places, _) => true,
        (View::ChannelsLast | View::Rows, &[channels, height, width]) => {
            channels == 1 || height * width == 1
        }
        (View::ChannelsLast | View::Rows, _) => false,
    };
    match (&shape[..], to) {
        (&[features], &[1, count]) if features == count => Ok(value),
        (&[_, _, _] | &[_, _], &[1, _]) if is_in_order => {
            let count = shape.iter().product();
            Ok(lowering.push(New::of(node, "flatten"), &[value], &[count]))
        }
        (&[channels, height, width], &[1, c, places])
            if is_in_order && c == channels && places == height * width =>
        {
            Ok(Value {
                view: View::Places,
                ..value
            })
        }
        (&[channels, height, width], &[1, c, h, w])
            if value.view == View::Places && [c, h, w] == [channels, height, width] =>
        {
            Ok(Value {
                view: View::Plain,
                ..value
            })
        }
        (&[channels, height, width], &[1, places, c])
            if value.view == View::ChannelsLast && [places, c] == [height * width, channels] =>
        {
            Ok(Value {
                view: View::Rows,
                ..value
            })
        }
        (&[channels, height, width], &[1, h, w, c])
            if value.view == View::Rows && [c, h, w] == [channels, height, width] =>
        {
            Ok(Value {
                view: View::ChannelsLast,
                ..value
            })
        }
        // Back to what was a map of one place before it was made a vector.
        (&[_], &[1, c, 1, 1]) => match lowering.layers.get(value.layer.wrapping_sub(1)) {
            Some(layer) if layer.op == "flatten" => {
                let before = Value {
                    layer: layer.inputs.first().copied().unwrap_or(0),
                    view: View::Plain,
                };
                match lowering.shape(before) == [c, 1, 1] {
                    true => Ok(before),
                    false => refused(),
                }
            }
            _ => refused(),
        },
        _ => refused(),
    }
}

/// Channels to the end or back, or places of a map as tokens.
pub(super) fn transpose(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let rank = node
        .input(0)
        .and_then(|name| lowering.graph.shape(name))
        .map_or(0, <[usize]>::len);
    let backwards: Vec<i64> = (0..rank as i64).rev().collect();
    let order = axes(node.ints("perm").unwrap_or(&backwards), rank).unwrap_or_default();
    let with = |view| Ok(Value { view, ..value });
    match (value.view, lowering.shape(value), &order[..]) {
        (view, _, order) if rank > 0 && order.iter().copied().eq(0..rank) => with(view),
        (View::Plain, [_, _, _], [0, 2, 3, 1]) => with(View::ChannelsLast),
        (View::ChannelsLast, [_, _, _], [0, 3, 1, 2]) => with(View::Plain),
        (View::Rows, [_, _, _], [0, 2, 1]) => with(View::Places),
        (View::Places, &[channels, height, width], [0, 2, 1]) => {
            let shape = [height * width, channels];
            Ok(lowering.push(New::of(node, "tokens"), &[value], &shape))
        }
        (_, shape, order) => Err(format!(
            "puts the axes of {} in the order {order:?}, which no layer does",
            by(shape)
        )),
    }
}

/// Whether a `Slice` ends along the first axis after several images, which a model for one image does not show.
fn cuts_batch(lowering: &Lowering<'_>, node: &Node) -> bool {
    let settings = |name, position| lowering.graph.settings(node, name, position);
    let Some(ends) = settings("ends", 2) else {
        return false;
    };
    let axes = settings("axes", 3).unwrap_or_else(|| (0..ends.len() as i64).collect());
    let mut ends = axes.iter().zip(&ends);
    ends.any(|(&axis, &end)| axis == 0 && (2..i64::from(i32::MAX)).contains(&end))
}

/// Some channels of a map, or some tokens.
pub(super) fn slice(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let graph = lowering.graph;
    let windows = node.input(0).and_then(|name| {
        let [starts, ends] = [("starts", 1), ("ends", 2)]
            .map(|(name, position)| graph.settings(node, name, position));
        let [axes, steps] = [("axes", 3), ("steps", 4)]
            .map(|(name, position)| graph.settings(node, name, position));
        sliced(
            graph.shape(name)?,
            &starts?,
            &ends?,
            axes.as_deref(),
            steps.as_deref(),
        )
    });
    let windows = windows.ok_or("takes places that are not the same for every image")?;
    if cuts_batch(lowering, node) {
        return Err("takes some images of a batch alone".to_owned());
    }
    let shape = lowering.shape(value).to_vec();
    // Settings that take all of an axis are none.
    let file = (node.input(0)).and_then(|name| graph.shape(name));
    let size = |axis: usize| file.and_then(|sizes| sizes.get(axis)).copied();
    let mut parts = windows
        .iter()
        .filter(|(axis, places)| size(*axis) != Some(places.len()));
    let part = match (parts.next(), parts.next()) {
        (None, None) => return Ok(value),
        (Some((1, places)), None) if value.view == View::Plain => places,
        _ => {
            return Err(format!(
                "takes a part of {}, expected channels of a map or tokens",
                by(&shape)
            ));
        }
    };
    let (from, to) = match part.as_slice() {
        [] => return Err("takes nothing at all".to_owned()),
        [first, .., last] if last.checked_sub(*first) == Some(part.len() - 1) => (*first, last + 1),
        [only] => (*only, only + 1),
        _ => return Err("leaves out channels or tokens between others".to_owned()),
    };
    let new = New::of(node, "slice").key("from", from).key("to", to);
    let mut output = shape;
    if let Some(count) = output.first_mut() {
        *count = to - from;
    }
    Ok(lowering.push(new, &[value], &output))
}

/// Blocks of a map whose channels are last as channels.
pub(super) fn space_to_depth(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let setting = |name: &str| node.ints(name).and_then(|ints| ints.first()).copied();
    let block = usize::try_from(setting("block").unwrap_or(0)).unwrap_or(0);
    let &[channels, height, width] = lowering.shape(value) else {
        return Err(format!(
            "gets {}, expected a map",
            by(lowering.shape(value))
        ));
    };
    if value.view != View::ChannelsLast || block == 0 {
        return Err("gets a map with its channels first".to_owned());
    }
    let mut new = New::of(node, "space-to-depth").key("block", block);
    if setting("columns") == Some(1) {
        new = new.key("order", "columns");
    }
    let shape = [channels * block * block, height / block, width / block];
    let pushed = lowering.push(new, &[value], &shape);
    Ok(Value {
        view: value.view,
        ..pushed
    })
}

/// Numbers around a map.
pub(super) fn pad(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, [channels, height, width]) = lowering.map(node, 0)?;
    let graph = lowering.graph;
    let pads = padding(node, graph).ok_or("has sizes that are not the same for every image")?;
    let &[0, 0, top, left, 0, 0, bottom, right] = pads.as_slice() else {
        return Err(format!(
            "adds {pads:?}, expected numbers around height and width alone"
        ));
    };
    let sides: Option<Vec<usize>> = [top, left, bottom, right]
        .into_iter()
        .map(|side| usize::try_from(side).ok().filter(|side| *side < 1 << 20))
        .collect();
    let Some(&[top, left, bottom, right]) = sides.as_deref() else {
        return Err(format!("adds {pads:?}, expected no negative numbers"));
    };
    let mut new = New::of(node, "pad").key("padding", vec![top, left, bottom, right]);
    match node.text("mode").unwrap_or("constant") {
        "constant" => {
            let number = match node.input(2) {
                Some(_) => graph.constant_of(node, 2).and_then(|array| array.scalar()),
                None => Some(node.float("value").map_or(0.0, f64::from)),
            };
            let number = number.filter(|number| number.is_finite());
            new = new.key("value", number.ok_or("adds what is no finite number")?);
        }
        "reflect" => new = new.key("mode", "reflect"),
        "edge" => new = new.key("mode", "replicate"),
        mode => {
            return Err(format!(
                "has the mode `{mode}`, expected `constant`, `reflect` or `edge`"
            ));
        }
    }
    let shape = [channels, height + top + bottom, width + left + right];
    Ok(lowering.push(new, &[value], &shape))
}

/// Channels of groups in turns.
pub(super) fn channel_shuffle(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, shape) = lowering.map(node, 0)?;
    let groups = node.int("groups").unwrap_or(1);
    let new = New::of(node, "channel-shuffle").key("groups", groups);
    Ok(lowering.push(new, &[value], &shape))
}

/// Maps one behind the other, along their channels; or tokens that are learned in front of a sequence.
pub(super) fn concat(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if lowering.graph.constant_of(node, 0).is_some() {
        return tokens::in_front(lowering, node);
    }
    let mut values = Vec::new();
    let mut total = [0, 0, 0];
    let mut view = None;
    for position in 0..node.inputs.len() {
        let value = lowering.value(node, position)?;
        let &[channels, height, width] = lowering.shape(value) else {
            return Err(format!(
                "joins {}, expected maps",
                by(lowering.shape(value))
            ));
        };
        if *view.get_or_insert(value.view) != value.view {
            return Err("takes two tensors whose channels lie differently".to_owned());
        }
        if position > 0 && [height, width] != [total[1], total[2]] {
            return Err("joins maps along another axis than their channels".to_owned());
        }
        total = [total[0] + channels, height, width];
        values.push(value);
    }
    let view = view.ok_or("has no inputs")?;
    let (along, rank) = match view {
        View::Plain => (1, 4),
        View::ChannelsLast => (3, 4),
        View::Places => (1, 3),
        View::Rows => (2, 3),
    };
    let axis = node.int("axis").unwrap_or(1);
    if axis != along && axis + rank != along {
        return Err(format!(
            "joins along the axis {axis}, expected that of the channels"
        ));
    }
    match values[..] {
        [only] => Ok(only),
        _ => {
            let pushed = lowering.push(New::of(node, "concat"), &values, &total);
            Ok(Value { view, ..pushed })
        }
    }
}
