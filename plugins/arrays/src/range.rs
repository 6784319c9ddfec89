//! A look at the numbers of samples before anything learns from them: are they numbers, and of the size that networks expect?

use crate::numbers::{Array, Kind, Range};

/// What numbers are divided by where the user says nothing: bytes become 0 to 1, as images do everywhere.
pub fn default_scale(kind: Kind) -> f64 {
    match kind {
        Kind::U8 => 255.0,
        _ => 1.0,
    }
}

/// A line for the user where the numbers are those of pictures and would reach a network far from 0 to 1, although nobody said
/// that this is meant.
pub fn remark(array: &Array, range: &Range, scale: Option<f64>) -> Option<String> {
    if scale.is_some() || range.least > range.greatest {
        return None;
    }
    let reach = range.least.abs().max(range.greatest.abs());
    let (kind, used) = match array.kind() {
        Kind::Bool => return None,
        Kind::U8 => ("bytes", "are divided by 255"),
        Kind::F16 | Kind::Bf16 | Kind::F32 | Kind::F64 => ("floats", "are used as they are"),
        _ => ("integers", "are used as they are"),
    };
    let is_odd = match array.kind() {
        // Black masks and digits of 16 greys, among others, would be almost black.
        Kind::U8 => (1.0..32.0).contains(&reach),
        _ => reach > 2.0 && looks_like_pictures(&array.shape, range),
    };
    if !is_odd {
        return None;
    }
    let suggested = suggested(array.kind(), range, reach)?;
    let reached = match range.least < 0.0 {
        true => format!("run from {} to {}", range.least, range.greatest),
        false => format!("reach {}", range.greatest),
    };
    let current = default_scale(array.kind());
    Some(format!(
        "samples {reached}, and {kind} {used}: `scale = {suggested}`? (`scale = {current}` says that it is meant)"
    ))
}

/// Whether numbers may be pixels: of samples with height and width, or rows as long as a square picture that are whole.
fn looks_like_pictures(shape: &[usize], range: &Range) -> bool {
    const FEWEST: usize = 64;
    let is_square = |count: usize| count.isqrt().pow(2) == count;
    let sample = shape.get(1..).unwrap_or_default();
    let numbers: usize = sample.iter().product();
    match sample {
        [_, height, width] if height * width > 1 => true,
        [height, width] if height * width > 1 => true,
        _ => {
            let is_picture =
                is_square(numbers) || (numbers.is_multiple_of(3) && is_square(numbers / 3));
            numbers >= FEWEST && is_picture && range.are_whole && range.least >= 0.0
        }
    }
}

/// The end of the range that pixels of this reach have.
fn suggested(kind: Kind, range: &Range, reach: f64) -> Option<f64> {
    const FEW: f64 = 32.0;
    if range.least < 0.0 {
        // Around zero: bytes with a sign, 12 and 16 bits. Less is what was standardised already.
        let ends = [128.0, 2_048.0, 32_768.0];
        return ends.into_iter().find(|end| reach > FEW && reach <= *end);
    }
    if reach <= FEW {
        return range.are_whole.then_some(reach);
    }
    if kind == Kind::I8 {
        return Some(127.0);
    }
    let ends = [255.0, 1_023.0, 4_095.0, 16_383.0, 65_535.0];
    ends.into_iter().find(|end| reach <= *end)
}
