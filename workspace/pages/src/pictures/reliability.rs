//! The reliability diagram: how sure a head is, and how often right then.

use topwork_measure::{ReliabilityBin, percent, thousands};

use super::{STYLES, Square, mark, n, picture, text};

const SIDE: f64 = 300.0;
const LEFT: f64 = 56.0;
const TOP: f64 = 30.0;
const BOTTOM: f64 = 48.0;
const RIGHT: f64 = 28.0;

/// The bins of one seed.
#[derive(Clone, Debug)]
pub struct Bins<'a> {
    /// What tells it from the others, `seed 1`.
    pub name: String,
    /// Its bins.
    pub bins: &'a [ReliabilityBin],
}

/// The picture of one row: a point for every bin, a curve for every seed, and the diagonal on which confidence
/// and accuracy are the same.
pub fn reliability(row: &str, seeds: &[Bins<'_>]) -> String {
    let x = |share: f64| LEFT + share.clamp(0.0, 1.0) * SIDE;
    let y = |share: f64| TOP + (1.0 - share.clamp(0.0, 1.0)) * SIDE;
    let frame = Square {
        left: LEFT,
        top: TOP,
        side: SIDE,
    };
    let ticks = [0.0, 0.25, 0.5, 0.75, 1.0].into_iter();
    let mut content = frame.grid(ticks.map(|tick| (tick, format!("{:.0} %", tick * 100.0))));
    content.push_str(&frame.diagonal());
    content.push_str(&text(
        LEFT + SIDE / 2.0,
        TOP + SIDE + 38.0,
        "middle",
        "mean confidence",
    ));
    content.push_str(&text(LEFT - 44.0, TOP - 14.0, "start", "share right"));
    let mut words = format!("Reliability of {row}: mean confidence and share right, bin by bin.");
    for (index, seed) in seeds.iter().enumerate() {
        let style = index % STYLES;
        let places: Vec<(f64, f64)> = (seed.bins.iter())
            .map(|bin| (x(bin.confidence), y(bin.accuracy)))
            .collect();
        let line: Vec<String> = places
            .iter()
            .map(|(x, y)| format!("{} {}", n(*x), n(*y)))
            .collect();
        content.push_str(&format!(
            "<path class=\"curve s{style}\" d=\"M{}\"/>",
            line.join("L")
        ));
        content.extend(places.iter().map(|(x, y)| mark(style, *x, *y)));
        let bins = seed.bins.iter().map(|bin| {
            let count = thousands(bin.count);
            format!(
                "{} sure, {} right of {count}",
                percent(bin.confidence),
                percent(bin.accuracy)
            )
        });
        words.push_str(&format!(
            " {}: {}.",
            seed.name,
            bins.collect::<Vec<String>>().join("; ")
        ));
    }
    picture(LEFT + SIDE + RIGHT, TOP + SIDE + BOTTOM, &words, &content)
}
