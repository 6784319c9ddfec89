//! What a row has chosen on its training samples, and from what.

use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;
use topwork_events::{Selection, value_words};
use topwork_measure::{self as measure, Unit, thousands};

use crate::{
    chart::{self, Curve, Labels, Stroke},
    figure::Figure,
    theme::Theme,
    views::live::share_label,
};

/// Columns and rows of the curve: it fits a dialog on a terminal of 80 columns.
const SIZE: (u16, u16) = (64, 9);

/// Candidates that are listed where they make no curve.
const MOST_LISTED: usize = 8;

/// From this ratio of the largest to the smallest value on, the axis is logarithmic.
const LOGARITHMIC: f64 = 50.0;

/// Line by line.
pub fn lines(theme: Theme, selection: &Selection) -> Vec<String> {
    let chosen: Vec<String> = (selection.chosen().into_iter())
        .map(|(parameter, values)| {
            let values: Vec<String> = values.into_iter().map(value_words).collect();
            format!("{parameter} = {}", values.join(", "))
        })
        .collect();
    let mut lines = vec![format!("  chosen    {}", chosen.join(" · "))];
    let judged_on = selection.fits.iter().map(|fit| fit.judged_on).max();
    lines.push(format!(
        "            from {} candidates by {}, {} ({} samples)",
        thousands(selection.candidates.len() as u64),
        selection.by,
        selection.on.words(),
        thousands(judged_on.unwrap_or(0)),
    ));
    let Some(figure) = selection.figure() else {
        return lines;
    };
    match selection.varied() {
        Some((parameter, place)) => lines.extend(curve(theme, selection, figure, parameter, place)),
        None => lines.extend(listed(selection, figure)),
    }
    let unconverged = selection.fits.iter().flat_map(|fit| &fit.unconverged);
    let unconverged: std::collections::BTreeSet<&usize> = unconverged.collect();
    if !unconverged.is_empty() {
        lines.push(format!(
            "            {} of them ended before they converged",
            unconverged.len()
        ));
    }
    lines
}

/// The figure of a candidate: with folds the mean over their fits.
fn mean(selection: &Selection, candidate: usize) -> Option<f64> {
    let figures: Option<Vec<f64>> = (selection.fits.iter())
        .map(|fit| fit.figures.get(candidate).copied().flatten())
        .collect();
    let figures = figures.filter(|figures| !figures.is_empty())?;
    Some(figures.iter().sum::<f64>() / figures.len() as f64)
}

/// The figure against the one parameter that varies, with what was chosen marked.
fn curve(
    theme: Theme,
    selection: &Selection,
    figure: &measure::Figure,
    parameter: &str,
    place: usize,
) -> Vec<String> {
    let value = |candidate: usize| selection.candidates.get(candidate)?.get(place)?.as_f64();
    let all = 0..selection.candidates.len();
    let values: Vec<f64> = all.clone().filter_map(value).collect();
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let is_log = least > 0.0 && most / least >= LOGARITHMIC;
    let point = |candidate: usize| {
        let value = value(candidate)?;
        let x = if is_log { value.log10() } else { value };
        Some((x, mean(selection, candidate)?))
    };
    let mut tried: Vec<(f64, f64)> = all.filter_map(point).collect();
    tried.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut chosen: Vec<(f64, f64)> = (selection.fits.iter())
        .filter_map(|fit| point(fit.chosen))
        .collect();
    chosen.sort_by(|a, b| a.0.total_cmp(&b.0));
    chosen.dedup();
    let curves = [
        Curve {
            name: "tried",
            points: &tried,
            style: theme.dim(),
            mark: '•',
            stroke: Stroke::Solid,
            marked: false,
            spread: &[],
        },
        Curve {
            name: "chosen",
            points: &chosen,
            style: theme.title(),
            mark: '●',
            stroke: Stroke::Points,
            marked: true,
            spread: &[],
        },
    ];
    let number = |x: f64| {
        let value = if is_log { 10_f64.powf(x) } else { x };
        Figure::words(value_words(&Value::from(value)))
    };
    let label = |value: f64| match figure.unit {
        Unit::Share => share_label(value),
        unit => Figure::value(unit, value),
    };
    let places: Vec<f64> = chosen.iter().map(|(x, _)| *x).collect();
    let area = Rect::new(0, 0, SIZE.0, SIZE.1);
    let mut buffer = Buffer::empty(area);
    let labels = Labels {
        x: &number,
        y: &label,
        places: &places,
    };
    chart::draw(theme, &curves, &labels, area, &mut buffer);
    let scale = if is_log { ", log scale" } else { "" };
    let mut lines = vec![format!("  {} against {parameter}{scale}", figure.name)];
    lines.extend((0..area.height).map(|row| {
        let cells = (0..area.width).filter_map(|column| buffer.cell((column, row)));
        let text: String = cells.map(|cell| cell.symbol()).collect();
        format!("  {}", text.trim_end())
    }));
    lines
}

/// The best candidates, best first, each with its values; what was chosen is marked.
fn listed(selection: &Selection, figure: &measure::Figure) -> Vec<String> {
    let mut known: Vec<(usize, f64)> = (0..selection.candidates.len())
        .filter_map(|candidate| Some((candidate, mean(selection, candidate)?)))
        .collect();
    known.sort_by(|a, b| figure.better.order(a.1, b.1));
    let left = known.len().saturating_sub(MOST_LISTED);
    let mut lines: Vec<String> = (known.iter().take(MOST_LISTED))
        .map(|(candidate, value)| {
            let chosen = selection.fits.iter().any(|fit| fit.chosen == *candidate);
            let values = selection
                .parameters
                .iter()
                .zip(&selection.candidates[*candidate]);
            let values: Vec<String> = values
                .map(|(parameter, value)| format!("{parameter} {}", value_words(value)))
                .collect();
            format!(
                "  {} {:>9}  {}",
                if chosen { '●' } else { ' ' },
                figure.unit.text(*value),
                values.join(" · ")
            )
        })
        .collect();
    if left > 0 {
        lines.push(format!("  … {left} more in the run's folder `selection`"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use topwork_events::{Chosen, SelectedOn};

    use super::*;
    use crate::theme::{Background, Colours};

    const THEME: Theme = Theme {
        colours: Colours::None,
        background: Background::Dark,
        ascii: false,
    };

    fn selection(candidates: Value, figures: &[Option<f64>], chosen: usize) -> Selection {
        Selection {
            on: SelectedOn::Holdout(0.1),
            by: "accuracy".into(),
            parameters: vec!["head.l2".into(), "head.scale".into()],
            candidates: serde_json::from_value(candidates).unwrap(),
            fits: vec![Chosen {
                chosen,
                judged_on: 2940,
                figures: figures.to_vec(),
                unconverged: vec![0],
            }],
        }
    }

    #[test]
    fn one_parameter_makes_a_curve() {
        let candidates: Vec<Value> = (-5..=6)
            .map(|power| json!([10_f64.powi(power), "max"]))
            .collect();
        let figures: Vec<Option<f64>> = (-5..=6)
            .map(|power| Some(0.98 - 0.002 * f64::from((power - 1) * (power - 1))))
            .collect();
        let selection = selection(candidates.into(), &figures, 6);
        let text = lines(THEME, &selection).join("\n");
        assert!(
            text.lines().all(|line| line.chars().count() <= 78),
            "{text}"
        );
        assert!(
            text.starts_with("  chosen    head.l2 = 10 · head.scale = max\n"),
            "{text}"
        );
        assert!(
            text.contains("from 12 candidates by accuracy, 10 % held out (2,940 samples)"),
            "{text}"
        );
        assert!(
            text.contains("accuracy against head.l2, log scale"),
            "{text}"
        );
        // The mark of the legend, and that of the point.
        assert_eq!(text.matches('●').count(), 2, "{text}");
        assert!(
            text.contains("1 of them ended before they converged"),
            "{text}"
        );
    }

    #[test]
    fn several_parameters_make_a_list() {
        let candidates: Vec<Value> = (0..10)
            .map(|at| {
                let scale = if at % 2 == 0 { "max" } else { "none" };
                json!([f64::from(at / 2), scale])
            })
            .collect();
        let figures: Vec<Option<f64>> = (0..10)
            .map(|at| (at != 3).then(|| 0.9 + 0.01 * f64::from(at % 7)))
            .collect();
        let selection = selection(candidates.into(), &figures, 6);
        let lines = lines(THEME, &selection);
        assert_eq!(
            lines[2..4],
            [
                "  ●   96.00 %  head.l2 3 · head.scale max",
                "      95.00 %  head.l2 2 · head.scale none"
            ]
        );
        assert_eq!(lines[10], "  … 1 more in the run's folder `selection`");
    }
}
