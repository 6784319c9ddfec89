//! Pooling, over windows or whole channels.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, View, by};
use super::super::shapes::{Windows, reduced};
use super::tokens;

pub(super) fn max(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    if node.outputs.iter().skip(1).any(|name| !name.is_empty()) {
        return Err("tells where the largest values are".to_owned());
    }
    windowed(lowering, node, "max-pool2d")
}

pub(super) fn average(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    windowed(lowering, node, "avg-pool2d")
}

fn windowed(lowering: &mut Lowering<'_>, node: &Node, op: &'static str) -> Result<Value, String> {
    let (value, [channels, rows, columns]) = lowering.map(node, 0)?;
    let kernel = node.ints("kernel_shape").unwrap_or(&[]).iter();
    let kernel: Vec<usize> = kernel
        .filter_map(|&side| usize::try_from(side).ok())
        .collect();
    let windows = Windows::of(node, &[1, channels, rows, columns], &kernel);
    let windows = windows.filter(|windows| windows.kernel.len() == 2);
    let windows = windows.ok_or("has settings that are none of a pooling over two axes")?;
    let counted = windows.count(&[rows, columns]);
    let &[height, width] = counted.as_deref().unwrap_or(&[]) else {
        return Err("has windows that do not fit into its input".to_owned());
    };
    let is_dilated = windows.dilation.iter().any(|size| *size != 1);
    if is_dilated && op == "avg-pool2d" {
        return Err(format!(
            "has a dilation of {}, expected 1×1",
            by(&windows.dilation)
        ));
    }
    // A mean of all that there is, with nothing that counts beside it.
    let is_of_all = [height, width] == [1, 1]
        && (!windows.counts_zeros || windows.padding.iter().all(|side| *side == 0))
        && windows.kernel[0].saturating_sub(windows.padding[0]) >= rows
        && windows.kernel[1].saturating_sub(windows.padding[1]) >= columns;
    if op == "avg-pool2d" && is_of_all {
        let new = New::of(node, "global-avg-pool2d");
        return Ok(lowering.push(new, &[value], &[channels, 1, 1]));
    }
    let Some(side) = both_sides(&windows, [rows, columns], [height, width], op) else {
        return padded_before(lowering, node, op, windows);
    };
    let (pad, is_ceiled) = side;
    let [top, left] = pad;
    let is_padded = [top, left] != [0, 0];
    let mut new = New::of(node, op)
        .key("kernel", windows.kernel.clone())
        .key("stride", windows.stride.clone());
    if is_padded {
        new = new.key("padding", vec![top, left]);
        if op == "avg-pool2d" && node.int("count_include_pad") != Some(1) {
            new = new.key("count-include-pad", false);
        }
    }
    if is_dilated {
        new = new.key("dilation", windows.dilation.clone());
    }
    if is_ceiled {
        new = new.key("ceil-mode", true);
    }
    Ok(lowering.push(new, &[value], &[channels, height, width]))
}

/// The padding, the same before and behind, and whether a last window counts that reaches beyond it, with which there are the
/// same windows over the same numbers; nothing where there is none.
fn both_sides(
    windows: &Windows,
    image: [usize; 2],
    counted: [usize; 2],
    op: &str,
) -> Option<([usize; 2], bool)> {
    let &[top, left, bottom, right] = windows.padding.as_slice() else {
        return None;
    };
    let reach = [0, 1].map(|axis| (windows.kernel[axis] - 1) * windows.dilation[axis] + 1);
    if top > reach[0] / 2 || left > reach[1] / 2 {
        return None;
    }
    // Where zeros count, it matters how many there are.
    let is_alike = [top, left] == [bottom, right];
    let counts_zeros = op == "avg-pool2d" && windows.counts_zeros && !is_alike;
    let ceiled = [false, true].into_iter().find(|&ceil| {
        let alike = Windows {
            padding: vec![top, left, top, left],
            ceil,
            ..windows.clone()
        };
        alike.count(&image).as_deref() == Some(&counted)
    })?;
    (!counts_zeros).then_some(([top, left], ceiled))
}

/// Pooling of a map with its padding put around it.
fn padded_before(
    lowering: &mut Lowering<'_>,
    node: &Node,
    op: &'static str,
    windows: Windows,
) -> Result<Value, String> {
    let (value, [channels, rows, columns]) = lowering.map(node, 0)?;
    let &[top, left, bottom, right] = windows.padding.as_slice() else {
        return Err("has settings that are none of a pooling over two axes".to_owned());
    };
    let padded = [rows + top + bottom, columns + left + right];
    let counted = windows.count(&[rows, columns]).unwrap_or_default();
    let bare = Windows {
        padding: vec![0; 4],
        ceil: false,
        ..windows.clone()
    };
    let number = match op {
        "avg-pool2d" if windows.counts_zeros => 0.0,
        "avg-pool2d" => {
            return Err(format!(
                "pads {} before and {} behind, which do not count, expected the same and at most half of its windows of {}",
                by(&[top, left]),
                by(&[bottom, right]),
                by(&windows.kernel)
            ));
        }
        // Below every number, so that it is never the largest.
        _ => f32::MIN,
    };
    if bare.count(&padded).as_deref() != Some(&counted) {
        return Err(format!(
            "pads {} before and {} behind with a last window that reaches beyond, expected the same",
            by(&[top, left]),
            by(&[bottom, right])
        ));
    }
    let pad = New::of(node, "pad")
        .key("padding", windows.padding.clone())
        .key("value", number);
    let value = lowering.push(pad, &[value], &[channels, padded[0], padded[1]]);
    let mut new = New::of(node, op)
        .key("kernel", windows.kernel.clone())
        .key("stride", windows.stride.clone());
    if windows.dilation.iter().any(|size| *size != 1) {
        new = new.key("dilation", windows.dilation);
    }
    let shape: Vec<usize> = std::iter::once(channels).chain(counted).collect();
    Ok(lowering.push(new, &[value], &shape))
}

pub(super) fn global_average(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, [channels, ..]) = lowering.map(node, 0)?;
    Ok(lowering.push(
        New::of(node, "global-avg-pool2d"),
        &[value],
        &[channels, 1, 1],
    ))
}

/// The mean over height and width, or over tokens.
pub(super) fn mean(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let value = lowering.value(node, 0)?;
    let over =
        reduced(node, lowering.graph).ok_or("has axes that are not the same for every image")?;
    let &[channels, _, _] = lowering.shape(value) else {
        return tokens::mean(lowering, node, value, &over);
    };
    let expected: &[usize] = match value.view {
        View::Plain => &[2, 3],
        View::ChannelsLast => &[1, 2],
        View::Places => &[2],
        View::Rows => &[1],
    };
    if over != expected {
        return Err(format!(
            "goes over the axes {over:?}, expected height and width of a map"
        ));
    }
    let pooled = lowering.push(
        New::of(node, "global-avg-pool2d"),
        &[value],
        &[channels, 1, 1],
    );
    if node.int("keepdims") != Some(0) {
        return Ok(Value {
            view: value.view,
            ..pooled
        });
    }
    Ok(lowering.push(New::of(node, "flatten"), &[pooled], &[channels]))
}
