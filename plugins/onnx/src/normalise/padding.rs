//! Padding that the format leaves to be worked out.

use super::Workshop;
use crate::node::Node;

/// Convolutions whose kernel size is that of their weights.
const CONVOLUTIONS: [&str; 3] = ["Conv", "ConvInteger", "ConvTranspose"];

/// `kernel_shape` may be left out where the weights say it.
pub fn kernel_shape<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !CONVOLUTIONS.iter().any(|name| node.is(name)) || node.has("kernel_shape") {
        return None;
    }
    let weights = workshop.shape(&node.input(1)?)?;
    let kernel: Vec<i64> = weights.get(2..)?.iter().map(|size| *size as i64).collect();
    Some(vec![node.clone().with_ints("kernel_shape", &kernel)])
}

/// Pools that do not say otherwise go on by one.
pub fn strides<'a>(node: &Node<'a>, _: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !["MaxPool", "AveragePool", "LpPool"]
        .iter()
        .any(|name| node.is(name))
        || node.has("strides")
    {
        return None;
    }
    let axes = node.ints("kernel_shape")?.len();
    Some(vec![node.clone().with_ints("strides", &vec![1; axes])])
}

/// `auto_pad` as `pads`: zeros for `VALID`; for the two kinds of `SAME` as much as makes the output as large as the input
/// divided by the stride, of which the odd one goes behind (`SAME_UPPER`) or before (`SAME_LOWER`).
pub fn auto_pad<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    const PADDED: [&str; 6] = [
        "Conv",
        "ConvInteger",
        "QLinearConv",
        "MaxPool",
        "AveragePool",
        "LpPool",
    ];
    if !PADDED.iter().any(|name| node.is(name)) {
        return None;
    }
    let kind = node.text("auto_pad").unwrap_or("NOTSET");
    let explicit = node.clone().without("auto_pad");
    if kind == "NOTSET" {
        return node.has("auto_pad").then(|| vec![explicit]);
    }
    let kernel = node.ints("kernel_shape")?;
    if kind == "VALID" {
        return Some(vec![explicit.with_ints("pads", &vec![0; 2 * kernel.len()])]);
    }
    let shape = workshop.shape(&node.input(0)?)?;
    let sizes = shape.get(2..).filter(|sizes| sizes.len() == kernel.len())?;
    let (strides, dilations) = (
        per_axis(node, "strides", &kernel)?,
        per_axis(node, "dilations", &kernel)?,
    );
    let totals = (0..kernel.len()).map(|axis| {
        let size = sizes[axis] as i64;
        let stride = strides[axis].max(1);
        let outputs = (size + stride - 1) / stride;
        let reach = (kernel[axis] - 1) * dilations[axis] + 1;
        ((outputs - 1) * stride + reach - size).max(0)
    });
    let pads = halves(&totals.collect::<Vec<_>>(), kind == "SAME_UPPER");
    // Rounding up would add an output where the kernel is smaller than the stride.
    let explicit = match node.has("ceil_mode") {
        true => explicit.with_int("ceil_mode", 0),
        false => explicit,
    };
    Some(vec![explicit.with_ints("pads", &pads)])
}

/// The same for `ConvTranspose`, where padding takes away from the output, and for its `output_shape`.
pub fn transposed<'a>(node: &Node<'a>, workshop: &mut Workshop<'_, 'a>) -> Option<Vec<Node<'a>>> {
    if !node.is("ConvTranspose") || !(node.has("auto_pad") || node.has("output_shape")) {
        return None;
    }
    let kind = node.text("auto_pad").unwrap_or("NOTSET");
    let kernel = node.ints("kernel_shape")?;
    let explicit = node.clone().without("auto_pad").without("output_shape");
    let wanted = node.ints("output_shape");
    if wanted.is_none() && kind == "NOTSET" {
        return Some(vec![explicit]);
    }
    if wanted.is_none() && kind == "VALID" {
        return Some(vec![explicit.with_ints("pads", &vec![0; 2 * kernel.len()])]);
    }
    let shape = workshop.shape(&node.input(0)?)?;
    let sizes = shape.get(2..).filter(|sizes| sizes.len() == kernel.len())?;
    let (strides, dilations) = (
        per_axis(node, "strides", &kernel)?,
        per_axis(node, "dilations", &kernel)?,
    );
    let beyond = node.ints("output_padding").unwrap_or(vec![0; kernel.len()]);
    let wanted = match wanted {
        // Some writers state batch and channels, too.
        Some(wanted) => wanted
            .get(wanted.len().checked_sub(kernel.len())?..)?
            .to_vec(),
        None => (sizes.iter().zip(&strides))
            .map(|(size, stride)| *size as i64 * stride)
            .collect(),
    };
    let mut totals = Vec::new();
    for axis in 0..kernel.len() {
        let reach = (kernel[axis] - 1) * dilations[axis] + 1;
        let size = sizes[axis] as i64;
        totals.push(strides[axis] * (size - 1) + beyond.get(axis)? + reach - wanted[axis]);
    }
    // Less than nothing cannot be taken away: the output is made larger behind.
    let missing: Vec<i64> = totals.iter().map(|total| (-total).max(0)).collect();
    let explicit = match missing.iter().any(|missing| *missing > 0) {
        true => {
            let beyond: Vec<i64> = beyond.iter().zip(&missing).map(|(a, b)| a + b).collect();
            explicit.with_ints("output_padding", &beyond)
        }
        false => explicit,
    };
    let totals: Vec<i64> = totals.iter().map(|total| (*total).max(0)).collect();
    let pads = halves(&totals, kind == "SAME_UPPER");
    Some(vec![explicit.with_ints("pads", &pads)])
}

/// An attribute with a number for each axis, 1 where it is left out.
fn per_axis(node: &Node<'_>, name: &str, kernel: &[i64]) -> Option<Vec<i64>> {
    let numbers = node.ints(name).unwrap_or(vec![1; kernel.len()]);
    (numbers.len() == kernel.len()).then_some(numbers)
}

/// Paddings split between the two ends of every axis: all beginnings, then all ends. The odd one goes to the end, or to the
/// beginning.
fn halves(totals: &[i64], odd_behind: bool) -> Vec<i64> {
    let before = |total: &i64| match odd_behind {
        true => total / 2,
        false => total - total / 2,
    };
    let begins = totals.iter().map(before);
    let ends = totals.iter().map(|total| total - before(total));
    begins.chain(ends).collect()
}

/// Padding that no rule could work out, which rten puts on the wrong side.
pub fn unsolved(node: &Node<'_>) -> Option<&'static str> {
    (node.text("auto_pad") == Some("SAME_LOWER"))
        .then_some("it pads behind where `auto_pad = SAME_LOWER` says before")
}
