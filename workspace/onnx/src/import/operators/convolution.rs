//! Convolution.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, by};
use super::super::shapes::Windows;

pub(super) fn conv(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (weight_shape, weight) = lowering.weights(node, 1)?;
    let &[filters, _, height, width] = weight_shape else {
        return Err(format!(
            "has weights of {}, expected filters×channels×height×width",
            by(weight_shape)
        ));
    };
    let (value, [channels, rows, columns]) = lowering.map(node, 0)?;
    let groups = usize::try_from(node.int("group").unwrap_or(1)).unwrap_or(0);
    if groups == 0 || weight_shape[1].checked_mul(groups) != Some(channels) || filters % groups != 0
    {
        return Err(format!(
            "has weights of {} for {channels} channels in {groups} groups",
            by(weight_shape)
        ));
    }
    let windows = Windows::of(node, &[1, channels, rows, columns], &[height, width]);
    let windows = windows.ok_or("has settings that are none of a convolution")?;
    let counted = windows.count(&[rows, columns]);
    let counted = counted.ok_or("has windows that do not fit into its input")?;
    let bias = match node.input(2) {
        Some(_) => Some(lowering.weights(node, 2)?.1.to_vec()),
        None => None,
    };
    if bias.as_ref().is_some_and(|bias| bias.len() != filters) {
        return Err(format!("has a bias that is none of {filters} filters"));
    }
    let mut new = New::of(node, "conv2d")
        .key("filters", filters)
        .key("kernel", windows.kernel.clone())
        .key("stride", windows.stride.clone())
        .key("padding", windows.padding.clone())
        .key("bias", bias.is_some())
        .array("weight", weight_shape, weight.to_vec());
    if windows.dilation.iter().any(|size| *size != 1) {
        new = new.key("dilation", windows.dilation.clone());
    }
    if groups != 1 {
        new = new.key("groups", groups);
    }
    if let Some(bias) = bias {
        new = new.array("bias", &[filters], bias);
    }
    Ok(lowering.push(new, &[value], &[filters, counted[0], counted[1]]))
}
