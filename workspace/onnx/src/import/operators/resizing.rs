//! Maps of another height and width.

use super::super::graph::Node;
use super::super::lower::{Lowering, New, Value, by};

/// `Resize`, where every number comes from the places that those of the layer come from.
pub(super) fn resize(lowering: &mut Lowering<'_>, node: &Node) -> Result<Value, String> {
    let (value, [channels, height, width]) = lowering.map(node, 0)?;
    if node.has("axes") {
        return Err("names some axes alone, expected the sizes of all".to_owned());
    }
    if node.int("antialias") == Some(1) {
        return Err("smooths what it makes smaller, which no layer does".to_owned());
    }
    let to = lowering.graph.shape(node.output());
    let to = to.ok_or("has sizes that are not the same for every image")?;
    let &[1, own, rows, columns] = to else {
        return Err(format!("makes {}, expected a map with other sides", by(to)));
    };
    if own != channels {
        return Err("changes the number of channels".to_owned());
    }
    let sides = [(height, rows), (width, columns)];
    // Places are divided by these, which differ from the quotients of the sizes where those are rounded.
    let scales = lowering.graph.constant_of(node, 2);
    if let Some(scales) = scales.filter(|scales| !scales.is_empty()) {
        let Some(&[_, _, down, right]) = scales.as_floats() else {
            return Err("has scales that are none of a map".to_owned());
        };
        let is_whole =
            |((from, to), scale): ((usize, usize), f32)| from as f32 * scale == to as f32;
        if !sides.into_iter().zip([down, right]).all(is_whole) {
            return Err(format!(
                "has the scales {down} and {right}, which make no whole sizes"
            ));
        }
    }
    let places = node
        .text("coordinate_transformation_mode")
        .unwrap_or("half_pixel");
    let mode = node.text("mode").unwrap_or("nearest");
    let is_alike = match (mode, places) {
        ("nearest", places) => {
            let rounding = node.text("nearest_mode").unwrap_or("round_prefer_floor");
            sides.into_iter().all(|(from, to)| {
                // As the layer takes them.
                let own = |place: usize| {
                    ((place as f32 * (from as f32 / to as f32)) as usize).min(from - 1)
                };
                (0..to)
                    .all(|place| nearest(place, [from, to], places, rounding) == Some(own(place)))
            })
        }
        ("linear", "half_pixel") => true,
        // Only where one number is left PyTorch's differ.
        ("linear", "pytorch_half_pixel") => rows > 1 && columns > 1,
        _ => false,
    };
    if !is_alike {
        return Err(format!(
            "has the mode `{mode}` with places `{places}`, which no layer has"
        ));
    }
    let new = New::of(node, "resize")
        .key("size", vec![rows, columns])
        .key(
            "mode",
            if mode == "linear" {
                "bilinear"
            } else {
                "nearest"
            },
        );
    Ok(lowering.push(new, &[value], &[channels, rows, columns]))
}

/// The place that a number is taken from, as the format words it.
fn nearest(place: usize, [from, to]: [usize; 2], places: &str, rounding: &str) -> Option<usize> {
    let (place, ratio) = (place as f64, from as f64 / to as f64);
    let at = match places {
        "asymmetric" => place * ratio,
        "half_pixel" => (place + 0.5) * ratio - 0.5,
        _ => return None,
    };
    let at = match rounding {
        "floor" => at.floor(),
        "ceil" => at.ceil(),
        "round_prefer_floor" => (at - 0.5).ceil(),
        "round_prefer_ceil" => (at + 0.5).floor(),
        _ => return None,
    };
    Some(at.clamp(0.0, from as f64 - 1.0) as usize)
}
