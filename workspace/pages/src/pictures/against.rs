//! Predicted numbers against true ones, and their residuals.

use topwork_measure::{Against, Interval, Unit, thousands};

use super::{Square, n, picture, scale::Scale, text};

/// Along each side of the square, and the height of the residuals' bars.
const SIDE: f64 = 300.0;
/// From the square to the bars beside it.
const GAP: f64 = 84.0;
const LEFT: f64 = 64.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 48.0;
const RIGHT: f64 = 28.0;

/// The picture of one row: a square whose cells are darker the more examples lie in them, with the diagonal on which both numbers are the
/// same, and beside it how many examples have which residual.
pub fn against(row: &str, column: &str, against: &Against) -> String {
    let width = LEFT + SIDE + GAP + SIDE + RIGHT;
    let content = square(column, against) + &bars(against);
    picture(
        width,
        TOP + SIDE + BOTTOM,
        &words(row, column, against),
        &content,
    )
}

fn square(column: &str, against: &Against) -> String {
    let Interval { low, high } = against.range;
    let at = Along { low, high };
    let ticks = ticks(against.range).into_iter();
    let frame = Square {
        left: LEFT,
        top: TOP,
        side: SIDE,
    };
    let mut content = frame.grid(ticks.map(|(tick, label)| (at.share(tick), label)));
    let most = against.cells.iter().flatten().max().copied().unwrap_or(0);
    let each = SIDE / against.cells.len().max(1) as f64;
    for (predicted, counts) in against.cells.iter().enumerate() {
        for (truth, &count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            content.push_str(&rectangle(
                (
                    LEFT + truth as f64 * each,
                    TOP + SIDE - (predicted + 1) as f64 * each,
                ),
                (each, each),
                // By its root, so that single examples can be seen beside a crowd.
                0.15 + 0.85 * (count as f64 / most as f64).sqrt(),
                count,
            ));
        }
    }
    content.push_str(&frame.diagonal());
    content.push_str(&text(
        LEFT + SIDE / 2.0,
        TOP + SIDE + 38.0,
        "middle",
        &format!("true {column}"),
    ));
    content
        + &text(
            LEFT - 52.0,
            TOP - 14.0,
            "start",
            &format!("predicted {column}"),
        )
}

fn bars(against: &Against) -> String {
    let Interval { low, high } = against.residual_range;
    let at = Along { low, high };
    let left = LEFT + SIDE + GAP;
    let most = against.residuals.iter().max().copied().unwrap_or(0).max(1);
    let each = SIDE / against.residuals.len().max(1) as f64;
    let mut content = String::new();
    for (tick, label) in ticks(against.residual_range) {
        let x = left + at.share(tick) * SIDE;
        content.push_str(&format!(
            "<path class=\"grid\" d=\"M{} {}V{}\"/>",
            n(x),
            n(TOP),
            n(TOP + SIDE)
        ));
        content.push_str(&text(x, TOP + SIDE + 18.0, "middle", &label));
    }
    for (stripe, &count) in against
        .residuals
        .iter()
        .enumerate()
        .filter(|(_, count)| **count > 0)
    {
        let height = count as f64 / most as f64 * SIDE;
        content.push_str(&rectangle(
            (left + stripe as f64 * each, TOP + SIDE - height),
            (each - 1.0, height),
            1.0,
            count,
        ));
    }
    for (count, y) in [(0, TOP + SIDE), (most, TOP)] {
        content.push_str(&text(left - 8.0, y + 4.0, "end", &thousands(count)));
    }
    if low < 0.0 && high > 0.0 {
        let x = left + at.share(0.0) * SIDE;
        content.push_str(&format!(
            "<path class=\"axis\" stroke-dasharray=\"2 4\" d=\"M{} {}V{}\"/>",
            n(x),
            n(TOP),
            n(TOP + SIDE)
        ));
    }
    content.push_str(&text(
        left + SIDE / 2.0,
        TOP + SIDE + 38.0,
        "middle",
        "residual: predicted less true",
    ));
    content + &text(left - 40.0, TOP - 14.0, "start", "examples")
}

/// Where numbers lie between two ends.
struct Along {
    low: f64,
    high: f64,
}

impl Along {
    /// 0 at the low end, 1 at the high one; the middle where both are the same.
    fn share(&self, number: f64) -> f64 {
        match self.high > self.low {
            true => (number - self.low) / (self.high - self.low),
            false => 0.5,
        }
    }
}

/// The round numbers within a range, with what to call them.
fn ticks(Interval { low, high }: Interval) -> Vec<(f64, String)> {
    let scale = Scale::of([low, high], Unit::OfTarget);
    let within = (scale.ticks.iter()).filter(|tick| (low..=high).contains(*tick));
    within
        .map(|&tick| (tick, scale.label(tick, Unit::OfTarget)))
        .collect()
}

fn rectangle((x, y): (f64, f64), (width, height): (f64, f64), opacity: f64, count: u64) -> String {
    format!(
        "<rect class=\"m s0\" x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill-opacity=\"{}\"><title>{}</title></rect>",
        n(x),
        n(y),
        n(width),
        n(height),
        n(opacity),
        thousands(count)
    )
}

fn words(row: &str, column: &str, against: &Against) -> String {
    let number = |number| Unit::OfTarget.text(number);
    let counts: Vec<String> = against
        .residuals
        .iter()
        .map(|count| thousands(*count))
        .collect();
    format!(
        "{row}: predicted {column} against true {column}, from {} to {}. Residuals from {} to {}, examples in equal stripes: {}.",
        number(against.range.low),
        number(against.range.high),
        number(against.residual_range.low),
        number(against.residual_range.high),
        counts.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_is_drawn_is_within_the_picture() {
        let check = |truth: &[f32], predicted: &[f32], cells: usize| {
            let drawn = against("ridge", "age", &Against::of(truth, predicted).unwrap());
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
            let bars = drawn.matches("<rect").count();
            assert!(
                bars > cells,
                "{bars} rectangles of {cells} cells and the bars"
            );
            for part in drawn.split("<rect ").skip(1) {
                let value = |name: &str| -> f64 {
                    let (_, rest) = part.split_once(&format!(" {name}=\"")).unwrap();
                    rest.split_once('"').unwrap().0.parse().unwrap()
                };
                assert!(
                    value("y") >= TOP - 0.01 && value("y") + value("height") <= TOP + SIDE + 0.01
                );
                assert!(value("x") >= LEFT - 0.01 && value("width") > 0.0);
            }
        };
        check(&[1.0, 2.0, 3.0], &[1.5, 2.0, 2.5], 3);
        check(&[3.0, 3.0], &[3.0, 3.0], 1);
        check(&[-1e-9, 1e12], &[0.0, 0.0], 2);
    }
}
