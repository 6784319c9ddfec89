//! A figure with its interval as a bar within a cell of the table.

use topwork_measure::{Interval, Unit};

use super::{n, scale::Scale};

const WIDTH: f64 = 132.0;
const HEIGHT: f64 = 14.0;

/// The one scale of all bars of a column.
#[derive(Clone, Debug)]
pub struct Range(Scale);

impl Range {
    /// The scale that holds all of these intervals.
    pub fn of(intervals: impl IntoIterator<Item = Interval>, unit: Unit) -> Self {
        let ends = intervals
            .into_iter()
            .flat_map(|interval| [interval.low, interval.high]);
        Self(Scale::of(ends.collect::<Vec<f64>>(), unit))
    }

    /// From where to where it goes, in words.
    pub fn ends(&self, unit: Unit) -> String {
        let [low, high] = [self.0.low, self.0.high].map(|end| self.0.label(end, unit));
        format!("{low} to {high}")
    }
}

/// The bar. The interval stands beside it as text, so that it has no text alternative of its own.
pub fn bar(range: &Range, mean: Option<f64>, interval: Interval) -> String {
    let x = |value: f64| 4.0 + range.0.position(value) * (WIDTH - 8.0);
    let middle = HEIGHT / 2.0;
    let (low, high) = (x(interval.low), x(interval.high));
    let dot = mean.map_or(String::new(), |mean| {
        format!(
            "<circle class=\"m s0\" cx=\"{}\" cy=\"{}\" r=\"3\"/>",
            n(x(mean)),
            n(middle)
        )
    });
    format!(
        "<svg class=\"bar\" aria-hidden=\"true\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\"><path class=\"grid\" d=\"M4 {2}H{3}\"/><path class=\"range\" d=\"M{4} {5}V{6}M{4} {2}H{7}M{7} {5}V{6}\"/>{dot}</svg>",
        n(WIDTH),
        n(HEIGHT),
        n(middle),
        n(WIDTH - 4.0),
        n(low),
        n(middle - 4.0),
        n(middle + 4.0),
        n(high),
    )
}
