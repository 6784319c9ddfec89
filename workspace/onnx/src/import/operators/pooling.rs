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
    let mut windows = windows.ok_or("has settings that are none of a pooling over two axes")?;
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
    // Where the windows come out even, both ways of rounding are one.
    let is_ceiled = windows.ceil && {
        windows.ceil = false;
        windows.count(&[rows, columns]).as_deref() != Some(&[height, width])
    };
    let &[top, left, bottom, right] = windows.padding.as_slice() else {
        return Err("has settings that are none of a pooling over two axes".to_owned());
    };
    if [top, left] != [bottom, right] {
        return Err(format!(
            "pads {} before and {} behind, expected the same",
            by(&[top, left]),
            by(&[bottom, right])
        ));
    }
    let is_padded = [top, left] != [0, 0];
    if op == "avg-pool2d" && !is_padded && windows.kernel == [rows, columns] {
        let new = New::of(node, "global-avg-pool2d");
        return Ok(lowering.push(new, &[value], &[channels, 1, 1]));
    }
    if top > windows.kernel[0] / 2 || left > windows.kernel[1] / 2 {
        return Err(format!(
            "pads {}, expected at most half of its windows of {}",
            by(&[top, left]),
            by(&windows.kernel)
        ));
    }
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
