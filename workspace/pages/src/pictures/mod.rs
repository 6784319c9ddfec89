//! Pictures of a page, as SVG elements within HTML.
//!
//! They are written by hand and not by a library of charts: those give every element a fixed colour, and here
//! colours come from the page's style sheet, so that light and dark are one picture. Every picture has a text
//! alternative with its values, and nothing is told by colour alone: curves have marks and dashes of their own.

mod against;
mod confusion;
mod curve;
mod heat;
mod interval;
mod reliability;
mod scale;

pub use against::against;
pub use confusion::confusion;
pub use curve::{Chart, Curve, Point, chart, key};
pub use heat::{HeatMap, heat_map, value};
pub use interval::{Range, bar};
pub use reliability::{Bins, reliability};

use crate::html::escaped;

/// How many colours, marks and dashes the style sheet and [`mark`] tell apart.
const STYLES: usize = 8;

/// A number of an attribute: two decimals are finer than any screen.
fn n(number: f64) -> String {
    let text = format!("{number:.2}");
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

/// An SVG picture of this size with its text alternative.
fn picture(width: f64, height: f64, alternative: &str, content: &str) -> String {
    format!(
        "<svg class=\"picture\" role=\"img\" viewBox=\"0 0 {} {}\" width=\"{0}\" height=\"{1}\" aria-label=\"{}\">{content}</svg>",
        n(width),
        n(height),
        escaped(alternative),
    )
}

/// Text at a place; `anchor` is `start`, `middle` or `end`.
fn text(x: f64, y: f64, anchor: &str, words: &str) -> String {
    format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\">{}</text>",
        n(x),
        n(y),
        escaped(words)
    )
}

/// A square whose axes go from 0, at its lower left, to 1.
struct Square {
    left: f64,
    top: f64,
    side: f64,
}

impl Square {
    /// Lines at these places of both axes, with what they are called.
    fn grid(&self, ticks: impl Iterator<Item = (f64, String)>) -> String {
        let Square { left, top, side } = *self;
        let mut content = String::new();
        for (tick, label) in ticks {
            let (x, y) = (left + tick * side, top + (1.0 - tick) * side);
            content.push_str(&format!(
                "<path class=\"grid\" d=\"M{} {}H{}M{} {}V{}\"/>",
                n(left),
                n(y),
                n(left + side),
                n(x),
                n(top),
                n(top + side)
            ));
            content.push_str(&text(left - 8.0, y + 4.0, "end", &label));
            content.push_str(&text(x, top + side + 18.0, "middle", &label));
        }
        content
    }

    /// Where both axes have the same.
    fn diagonal(&self) -> String {
        let Square { left, top, side } = *self;
        format!(
            "<path class=\"axis\" stroke-dasharray=\"2 4\" d=\"M{} {}L{} {}\"/>",
            n(left),
            n(top + side),
            n(left + side),
            n(top)
        )
    }
}

/// A mark about a place, of the shape and colour of this style.
fn mark(style: usize, x: f64, y: f64) -> String {
    let style = style % STYLES;
    let around = |corners: &[(f64, f64)]| {
        let corners = corners
            .iter()
            .map(|(dx, dy)| format!("{} {}", n(x + dx), n(y + dy)));
        format!("M{}z", corners.collect::<Vec<String>>().join("L"))
    };
    let path = match style {
        0 => {
            return format!(
                "<circle class=\"m s0\" cx=\"{}\" cy=\"{}\" r=\"4\"/>",
                n(x),
                n(y)
            );
        }
        1 => around(&[(-3.7, -3.7), (3.7, -3.7), (3.7, 3.7), (-3.7, 3.7)]),
        2 => around(&[(0.0, -4.8), (4.6, 3.6), (-4.6, 3.6)]),
        3 => around(&[(0.0, -5.2), (5.2, 0.0), (0.0, 5.2), (-5.2, 0.0)]),
        4 => around(&[(0.0, 4.8), (4.6, -3.6), (-4.6, -3.6)]),
        5 => around(&[(-5.0, -1.7), (5.0, -1.7), (5.0, 1.7), (-5.0, 1.7)]),
        6 => around(&[(-1.7, -5.0), (1.7, -5.0), (1.7, 5.0), (-1.7, 5.0)]),
        _ => around(&[(-4.8, 0.0), (3.6, -4.6), (3.6, 4.6)]),
    };
    format!("<path class=\"m s{style}\" d=\"{path}\"/>")
}

#[cfg(test)]
mod tests {
    use super::n;

    #[test]
    fn numbers_are_short() {
        let check = |number: f64, expected: &str| assert_eq!(n(number), expected);
        check(0.0, "0");
        check(100.0, "100");
        check(12.5, "12.5");
        check(1.0 / 3.0, "0.33");
        check(-7.999, "-8");
    }
}
