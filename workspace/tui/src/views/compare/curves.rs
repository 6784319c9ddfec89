//! Curves of the figure that rows are ranked by, where rows differ in cut point or training samples alone.

use std::collections::{HashMap, HashSet};

use ratatui::{buffer::Buffer, layout::Rect};
use topwork_measure::{self as measure, Unit, thousands};
use topwork_results::FigureResult;

use super::{
    bars::Shown,
    rows::{Row, differing, setting},
};
use crate::{
    chart::{self, Curve, Labels, Stroke},
    figure::Figure,
    panel::{panel, say},
    theme::Theme,
    views::live::share_label,
};

/// Marks that tell curves apart without colour, in ASCII too.
const MARKS: &str = "●■▲○×•abcdefghijklmnpqrstuwyzABCDEFGHIJKLMNPQRSTUVWXYZ";

/// Rows that differ in one setting alone, by which they can be joined to curves.
#[derive(Clone, Debug)]
pub struct Grid {
    /// `cut point` or `training samples`.
    axis: &'static str,
    /// The cut points along the axis, in order; none where numbers stand there.
    cuts: Vec<String>,
    /// Where along the axis there are points.
    places: Vec<f64>,
    /// Every curve.
    curves: Vec<Joined>,
}

/// Rows that differ in nothing but their place along the axis.
#[derive(Clone, Debug)]
struct Joined {
    /// What tells it from the other curves.
    name: String,
    /// Its means by place.
    points: Vec<(f64, f64)>,
    /// One standard deviation over the seeds, down and up, where there are several.
    spread: Vec<(f64, f64, f64)>,
}

impl Grid {
    /// All the curves that these rows make, in their order: over cut points, over training samples.
    pub fn all_of(rows: &[&Row]) -> Vec<Self> {
        let differing = differing(rows.iter().copied());
        let by_cut = Self::by_cut(rows, &differing);
        let by_samples = Self::by_samples(rows, &differing);
        [by_cut, by_samples].into_iter().flatten().collect()
    }

    /// Accuracy against the number of training samples, on a logarithmic axis.
    fn by_samples(rows: &[&Row], differing: &[String]) -> Option<Self> {
        let place = |row: &Row| row.result().train_samples.map(|n| (n as f64).log10());
        Self::of(
            "training samples",
            Vec::new(),
            joined(rows, differing, &["train-samples"], place),
        )
    }

    /// Accuracy against the cut point, in the order the cuts are met.
    fn by_cut(rows: &[&Row], differing: &[String]) -> Option<Self> {
        let mut cuts: Vec<String> = Vec::new();
        let mut places: HashMap<&str, f64> = HashMap::new();
        for row in rows.iter().filter(|row| !row.result().chooses_its_cut()) {
            let cut = row.result().cut.as_str();
            places.entry(cut).or_insert_with(|| {
                cuts.push(cut.to_owned());
                (cuts.len() - 1) as f64
            });
        }
        let place = |row: &Row| places.get(row.result().cut.as_str()).copied();
        let free = ["cut", "feature size"];
        Self::of(
            "cut point",
            cuts.clone(),
            joined(rows, differing, &free, place),
        )
    }

    fn of(axis: &'static str, cuts: Vec<String>, curves: Vec<Joined>) -> Option<Self> {
        let points = curves.iter().flat_map(|curve| &curve.points);
        let mut places: Vec<f64> = points.map(|(x, _)| *x).collect();
        places.sort_by(f64::total_cmp);
        places.dedup();
        (!curves.is_empty()).then_some(Self {
            axis,
            cuts,
            places,
            curves,
        })
    }

    /// What stands at a place of the axis.
    fn label(&self, place: f64) -> Figure {
        if self.cuts.is_empty() {
            return Figure::count(10_f64.powf(place).round() as u64);
        }
        let index = place.round().max(0.0) as usize;
        Figure::words(self.cuts.get(index).map_or("", String::as_str))
    }
}

/// Rows that are equal in everything but `free`, joined over `place`: at least two of a kind.
fn joined(
    rows: &[&Row],
    differing: &[String],
    free: &[&str],
    place: impl Fn(&Row) -> Option<f64>,
) -> Vec<Joined> {
    let fixed: Vec<&str> = (differing.iter().map(String::as_str))
        .filter(|path| !free.contains(path))
        .collect();
    let mut known: HashMap<(usize, &str, Vec<String>), usize> = HashMap::new();
    // Of each curve its first row, and its rows with their places.
    let mut curves: Vec<(&Row, Vec<(f64, &FigureResult)>)> = Vec::new();
    for row in rows {
        let (Some(x), Some(figure)) = (place(row), row.figure()) else {
            continue;
        };
        let settings = fixed.iter().map(|path| setting(row, path)).collect();
        let key = (row.run, row.result().name.as_str(), settings);
        let at = *known.entry(key).or_insert(curves.len());
        match curves.get_mut(at) {
            Some((_, points)) => points.push((x, figure)),
            None => curves.push((row, vec![(x, figure)])),
        }
    }
    for (_, points) in &mut curves {
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        points.dedup_by_key(|point| point.0);
    }
    curves.retain(|(_, points)| points.len() > 1);
    let first: Vec<&Row> = curves.iter().map(|(row, _)| *row).collect();
    let names = names(&first, &fixed);
    let curves = names.into_iter().zip(curves);
    curves
        .map(|(name, (_, points))| Joined {
            name,
            points: points.iter().map(|(x, figure)| (*x, figure.mean)).collect(),
            spread: (points.iter())
                .filter_map(|(x, FigureResult { mean, std, .. })| {
                    let std = (*std)?;
                    Some((*x, mean - std, mean + std))
                })
                .collect(),
        })
        .collect()
}

/// One thing in which rows may differ, in words.
type Part<'a> = Box<dyn Fn(&Row) -> String + 'a>;

/// What tells curves apart: of run, strategy, cut, training samples and the other settings those
/// in which they differ, as few as do.
fn names(rows: &[&Row], fixed: &[&str]) -> Vec<String> {
    let mut parts: Vec<Part<'_>> = vec![
        Box::new(|row| row.run_number().to_owned()),
        Box::new(|row| row.result().name.clone()),
    ];
    if fixed.contains(&"cut") {
        parts.push(Box::new(|row| row.result().cut.clone()));
    }
    if fixed.contains(&"train-samples") {
        let samples = |row: &Row| match row.result().train_samples {
            Some(samples) => format!("{} samples", thousands(samples)),
            None => "all samples".to_owned(),
        };
        parts.push(Box::new(samples));
    }
    for path in fixed {
        parts.push(Box::new(move |row| {
            format!("{path} {}", setting(row, path))
        }));
    }
    let mut names = vec![String::new(); rows.len()];
    let different = |names: &[String]| names.iter().collect::<HashSet<_>>().len();
    for part in parts {
        let longer: Vec<String> = (names.iter().zip(rows))
            .map(|(name, row)| match name.as_str() {
                "" => part(row),
                name => format!("{name} · {}", part(row)),
            })
            .collect();
        if different(&longer) > different(&names) {
            names = longer;
        }
    }
    // A single curve differs in nothing.
    if let ([name], [row]) = (names.as_mut_slice(), rows) {
        name.clone_from(&row.result().name);
    }
    names
}

/// Draws the curves, or why there are none.
pub fn draw(
    theme: Theme,
    figure: &measure::Figure,
    grid: Option<&Grid>,
    shown: &Shown<'_>,
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let Some(grid) = grid else {
        let inner = panel(theme, &shown.of_target(figure.name), area, buffer, false);
        let text =
            "no curve: strategies that differ only in cut point or training samples make one";
        return say(theme, text, inner, buffer);
    };
    let scale = if grid.cuts.is_empty() {
        ", log scale"
    } else {
        ""
    };
    let spread = match grid.curves.iter().any(|curve| !curve.spread.is_empty()) {
        true => ", ± over seeds",
        false => "",
    };
    let title = format!("{} against {}{scale}{spread}", figure.name, grid.axis);
    let inner = panel(theme, &shown.of_target(&title), area, buffer, false);
    let label = |value: f64| match figure.unit {
        Unit::Share => share_label(value),
        unit => Figure::value(unit, value),
    };
    let curves: Vec<Curve<'_>> = (grid.curves.iter().zip(MARKS.chars().cycle()).enumerate())
        .map(|(index, (curve, mark))| Curve {
            name: &curve.name,
            points: &curve.points,
            style: theme.series(index),
            mark,
            stroke: Stroke::Solid,
            marked: true,
            spread: &curve.spread,
        })
        .collect();
    chart::draw(
        theme,
        &curves,
        &Labels {
            x: &|place| grid.label(place),
            y: &label,
            places: &grid.places,
        },
        inner,
        buffer,
    );
}
