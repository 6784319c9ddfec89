//! Curves over cuts and numbers of training samples, and reliability diagrams.

use topwork_measure::thousands;
use topwork_results::{Results, RowResult};

use super::escaped;
use crate::pictures::{Bins, Chart, Curve, Point, chart, key, reliability as diagram};
use crate::text::capitalised;

/// More charts of one kind than this are left out: a grid of forty cuts has as many.
const CHARTS: usize = 12;

/// More reliability diagrams than this are left to `results.json`.
const DIAGRAMS: usize = 24;

/// The figure that ranks, over cuts and over numbers of training samples, where there are rows that differ in
/// nothing else.
pub fn curves(results: &Results) -> String {
    let over_samples = over(
        results,
        "training samples, on a logarithmic axis",
        |row| (row.cut.clone(), format!("cut at {}", row.cut)),
        |row| {
            row.train_samples
                .map(|n| ((n.max(1) as f64).log10(), thousands(n)))
        },
    );
    let mut cuts: Vec<&str> = Vec::new();
    for row in &results.strategies {
        if !row.chooses_its_cut() && !cuts.contains(&row.cut.as_str()) {
            cuts.push(&row.cut);
        }
    }
    let over_cuts = over(
        results,
        "cut point, in the order of the network",
        |row| match row.train_samples {
            Some(samples) => (
                samples.to_string(),
                format!("{} training samples", thousands(samples)),
            ),
            None => (String::new(), String::new()),
        },
        |row| {
            let at = cuts.iter().position(|cut| *cut == row.cut)?;
            Some((at as f64, row.cut.clone()))
        },
    );
    let mut text = String::new();
    for charts in [over_cuts, over_samples] {
        let more = charts.len().saturating_sub(CHARTS);
        for one in charts.iter().take(CHARTS) {
            text.push_str(&format!(
                "<figure>{}{}<figcaption>{}</figcaption></figure>\n",
                key(one),
                chart(one),
                escaped(&one.about)
            ));
        }
        if more > 0 {
            text.push_str(&format!(
                "<p>{more} more charts of this kind are left out.</p>\n"
            ));
        }
    }
    text
}

/// A chart for everything that `apart` tells apart, which gives a key and words for it; its curves are strategies
/// with at least two places.
fn over(
    results: &Results,
    axis: &str,
    apart: impl Fn(&RowResult) -> (String, String),
    place: impl Fn(&RowResult) -> Option<(f64, String)>,
) -> Vec<Chart> {
    let figure = results.ranked_by();
    let mut groups: Vec<(String, String, Vec<&RowResult>)> = Vec::new();
    for row in &results.strategies {
        let (key, words) = apart(row);
        match groups.iter_mut().find(|group| group.0 == key) {
            Some((.., rows)) => rows.push(row),
            None => groups.push((key, words, vec![row])),
        }
    }
    let several = groups.len() > 1;
    let mut charts = Vec::new();
    for (_, words, rows) in groups {
        let mut curves: Vec<(String, Vec<(f64, Point)>)> = Vec::new();
        let mut places: Vec<(f64, String)> = Vec::new();
        for row in rows {
            let Some(((at, label), known)) = place(row).zip(row.figure(figure)) else {
                continue;
            };
            if !places.iter().any(|place| place.0 == at) {
                places.push((at, label));
            }
            let point = Point {
                place: 0,
                value: known.mean,
                interval: known.interval,
            };
            match curves.iter_mut().find(|curve| curve.0 == row.name) {
                Some((_, points)) => points.push((at, point)),
                None => curves.push((row.name.clone(), vec![(at, point)])),
            }
        }
        places.sort_by(|a, b| a.0.total_cmp(&b.0));
        let curves: Vec<Curve> = (curves.into_iter())
            .map(|(name, mut points)| {
                points.sort_by(|a, b| a.0.total_cmp(&b.0));
                points.dedup_by(|a, b| a.0 == b.0);
                let index = |at: f64| places.iter().position(|place| place.0 == at).unwrap_or(0);
                let points = points.into_iter();
                let points = points.map(|(at, point)| Point {
                    place: index(at),
                    ..point
                });
                Curve {
                    name,
                    points: points.collect(),
                }
            })
            .filter(|curve| curve.points.len() > 1)
            .collect();
        if curves.is_empty() {
            continue;
        }
        let which = if several && !words.is_empty() {
            format!(", {words}")
        } else {
            String::new()
        };
        charts.push(Chart {
            about: format!(
                "{} with its 95 % interval{which}.",
                capitalised(figure.name)
            ),
            axis: axis.to_owned(),
            places,
            unit: figure.unit,
            curves,
        });
    }
    charts
}

/// A diagram for every row whose scores are or give probabilities.
pub fn reliability(results: &Results) -> String {
    let rows = || {
        let of_seeds = |row: &&RowResult| row.seeds.iter().any(|seed| !seed.reliability.is_empty());
        results.strategies.iter().filter(of_seeds)
    };
    let count = rows().count();
    if count == 0 {
        return String::new();
    }
    let mut text = String::from(
        "<p>On the dotted line a head is right as often as it is sure; below it, it is too sure. A point is a bin of about equally many test examples, a curve a seed.</p>\n<div class=\"row\">",
    );
    for row in rows().take(DIAGRAMS) {
        let seeds: Vec<Bins<'_>> = (row.seeds.iter())
            .filter(|seed| !seed.reliability.is_empty())
            .map(|seed| Bins {
                name: format!("seed {}", seed.seed),
                bins: &seed.reliability,
            })
            .collect();
        text.push_str(&format!(
            "<figure>{}<figcaption>{}</figcaption></figure>\n",
            diagram(&row.title, &seeds),
            escaped(&row.title)
        ));
    }
    text.push_str("</div>");
    if count > DIAGRAMS {
        text.push_str(&format!(
            "<p>The diagrams of the first {DIAGRAMS} of {count} rows; all are in results.json.</p>"
        ));
    }
    text
}
