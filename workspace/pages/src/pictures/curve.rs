//! Curves of a figure with bands of their intervals.

use topwork_measure::{Interval, Unit};

use super::{STYLES, mark, n, picture, scale::Scale, text};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 24.0;
const TOP: f64 = 14.0;
const BOTTOM: f64 = 52.0;

/// Curves over one axis.
#[derive(Clone, Debug)]
pub struct Chart {
    /// What the picture shows, in a sentence: begins its text alternative.
    pub about: String,
    /// What lies along the axis.
    pub axis: String,
    /// The places along it, ascending, with what stands there.
    pub places: Vec<(f64, String)>,
    /// What the values are.
    pub unit: Unit,
    /// The curves.
    pub curves: Vec<Curve>,
}

/// One curve.
#[derive(Clone, Debug)]
pub struct Curve {
    /// What tells it from the others.
    pub name: String,
    /// Its points from left to right.
    pub points: Vec<Point>,
}

/// One point.
#[derive(Clone, Copy, Debug)]
pub struct Point {
    /// Index of its place.
    pub place: usize,
    /// Its value.
    pub value: f64,
    /// Where that lies.
    pub interval: Option<Interval>,
}

/// The picture.
pub fn chart(chart: &Chart) -> String {
    let all = || chart.curves.iter().flat_map(|curve| &curve.points);
    let ends = all().flat_map(|point| {
        let interval = point.interval.map(|interval| [interval.low, interval.high]);
        interval.into_iter().flatten().chain([point.value])
    });
    let scale = Scale::of(ends, chart.unit);
    let (first, last) = match (chart.places.first(), chart.places.last()) {
        (Some(first), Some(last)) if last.0 > first.0 => (first.0, last.0),
        _ => (0.0, 1.0),
    };
    // Room on both sides, so that no mark lies on the frame.
    let x = |place: usize| {
        let at = chart.places.get(place).map_or(0.0, |place| place.0);
        LEFT + 24.0 + (at - first) / (last - first) * (WIDTH - LEFT - RIGHT - 48.0)
    };
    let y = |value: f64| TOP + (1.0 - scale.position(value)) * (HEIGHT - TOP - BOTTOM);
    let mut content = String::new();
    for tick in &scale.ticks {
        let at = y(*tick);
        content.push_str(&format!(
            "<path class=\"grid\" d=\"M{} {}H{}\"/>",
            n(LEFT),
            n(at),
            n(WIDTH - RIGHT)
        ));
        content.push_str(&text(
            LEFT - 8.0,
            at + 4.0,
            "end",
            &scale.label(*tick, chart.unit),
        ));
    }
    let mut free = f64::NEG_INFINITY;
    for (place, (_, label)) in chart.places.iter().enumerate() {
        // Names that would run into each other are left out; they stand in the text alternative.
        let half = 3.6 * label.chars().count() as f64;
        let at = x(place);
        content.push_str(&format!(
            "<path class=\"axis\" d=\"M{} {}v5\"/>",
            n(at),
            n(HEIGHT - BOTTOM)
        ));
        if at - half > free {
            content.push_str(&text(at, HEIGHT - BOTTOM + 20.0, "middle", label));
            free = at + half + 6.0;
        }
    }
    content.push_str(&format!(
        "<path class=\"axis\" d=\"M{} {}V{}H{}\"/>",
        n(LEFT),
        n(TOP),
        n(HEIGHT - BOTTOM),
        n(WIDTH - RIGHT)
    ));
    content.push_str(&text(
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 10.0,
        "middle",
        &chart.axis,
    ));
    for (index, curve) in chart.curves.iter().enumerate() {
        let style = index % STYLES;
        let known = curve
            .points
            .iter()
            .filter_map(|point| Some((x(point.place), point.interval?)));
        let known: Vec<(f64, Interval)> = known.collect();
        if known.len() > 1 {
            let upper = known
                .iter()
                .map(|(x, interval)| format!("{} {}", n(*x), n(y(interval.high))));
            let lower = known
                .iter()
                .rev()
                .map(|(x, interval)| format!("{} {}", n(*x), n(y(interval.low))));
            let band: Vec<String> = upper.chain(lower).collect();
            content.push_str(&format!(
                "<path class=\"band s{style}\" d=\"M{}z\"/>",
                band.join("L")
            ));
        }
    }
    for (index, curve) in chart.curves.iter().enumerate() {
        let style = index % STYLES;
        let points = curve
            .points
            .iter()
            .map(|point| format!("{} {}", n(x(point.place)), n(y(point.value))));
        let points: Vec<String> = points.collect();
        content.push_str(&format!(
            "<path class=\"curve s{style}\" d=\"M{}\"/>",
            points.join("L")
        ));
        for point in &curve.points {
            content.push_str(&mark(style, x(point.place), y(point.value)));
        }
    }
    picture(WIDTH, HEIGHT, &alternative(chart), &content)
}

/// What the picture shows, value by value.
fn alternative(chart: &Chart) -> String {
    let mut words = format!("{} Along the axis: {}.", chart.about, chart.axis);
    for curve in &chart.curves {
        let points = curve.points.iter().map(|point| {
            let place = chart.places.get(point.place).map_or("", |place| &place.1);
            let interval = point.interval.map_or(String::new(), |interval| {
                format!(" ({})", chart.unit.range(interval))
            });
            format!("{place}: {}{interval}", chart.unit.text(point.value))
        });
        let points: Vec<String> = points.collect();
        words.push_str(&format!(" {}: {}.", curve.name, points.join(", ")));
    }
    words
}

/// The key: mark, dash and name of every curve.
pub fn key(chart: &Chart) -> String {
    let items = chart.curves.iter().enumerate().map(|(index, curve)| {
        let style = index % STYLES;
        format!(
            "<li><svg aria-hidden=\"true\" viewBox=\"0 0 44 14\" width=\"44\" height=\"14\"><path class=\"curve s{style}\" d=\"M1 7H43\"/>{}</svg> {}</li>",
            mark(style, 22.0, 7.0),
            crate::html::escaped(&curve.name)
        )
    });
    format!("<ul class=\"key\">{}</ul>", items.collect::<String>())
}
