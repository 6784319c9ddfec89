//! Everything known of a row.

use ratatui::{buffer::Buffer, layout::Rect, text::Line};
use topwork_measure::{self as measure, ACCURACY, PerClass, percent, seconds, thousands};
use topwork_results::{Results, SeedResult};

use super::{rows::Row, selection};
use crate::{
    panel::panel,
    text::{fit_title, line, wrap},
    theme::Theme,
    views::Scene,
    watched::Watched,
};

/// What a seed comes to, figure by figure: accuracy without its name, which `correct` before it
/// tells.
fn figures_of(seed: &SeedResult) -> Vec<String> {
    let value = |figure: &measure::Figure| {
        let value = figure.unit.text(*seed.figures.get(figure.id)?);
        Some(match figure.id == ACCURACY.id {
            true => value,
            false => format!("{} {value}", figure.name),
        })
    };
    measure::FIGURES.iter().filter_map(value).collect()
}

/// How sure a seed's scores are and how often right: the reliability diagram, a line for each bin.
fn calibration(seed: &SeedResult) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(calibrated) = &seed.calibrated {
        let temperatures = calibrated.temperatures.iter().map(|t| format!("{t:.3}"));
        let before = calibrated.ece_before.map_or(String::new(), |ece| {
            format!(", ECE before {}", percent(ece))
        });
        lines.push(format!(
            "  calibrated at temperature {}{before}",
            temperatures.collect::<Vec<String>>().join(", ")
        ));
    }
    if !seed.reliability.is_empty() {
        lines.push("  reliability: sure, right, examples; ● right, ○ sure".to_owned());
    }
    for bin in &seed.reliability {
        let at = |share: f64| (share.clamp(0.0, 1.0) * (DIAGRAM - 1) as f64).round() as usize;
        let mut diagram = vec!['·'; DIAGRAM];
        diagram[at(bin.confidence)] = '○';
        diagram[at(bin.accuracy)] = '●';
        lines.push(format!(
            "  {:>9} {:>9} {:>7}  {}",
            percent(bin.confidence),
            percent(bin.accuracy),
            thousands(bin.count),
            diagram.into_iter().collect::<String>()
        ));
    }
    lines
}

/// Columns of a line of the reliability diagram, from 0 to 1.
const DIAGRAM: usize = 41;

/// Precision, recall and F1 of every class.
fn per_class(results: &Results, of_classes: &[PerClass]) -> Vec<String> {
    let mut lines = vec![format!(
        "{:<12}{:>10}{:>10}{:>10}{:>10}",
        "class", "precision", "recall", "F1", "examples"
    )];
    for (class, figures) in of_classes.iter().enumerate() {
        let name = results.classes.get(class).map_or("", String::as_str);
        lines.push(format!(
            "{:<12}{:>10}{:>10}{:>10}{:>10}",
            fit_title(name, 11),
            percent(figures.precision),
            percent(figures.recall),
            percent(figures.f1),
            thousands(figures.support),
        ));
    }
    lines
}

/// What the row comes to on further test sets.
fn elsewhere(row: &Row) -> Vec<String> {
    let mut lines = Vec::new();
    for test in &row.results.tests {
        let title = &row.result().title;
        let there = test.strategies.iter().find(|there| there.title == *title);
        let Some(there) = there.filter(|there| !there.seeds.is_empty()) else {
            continue;
        };
        lines.push(format!(
            "further test set {}",
            test.test.as_deref().unwrap_or_default()
        ));
        for figure in test.shown() {
            let mean = there.figure(figure).map(|figure| figure.mean);
            let values = mean.zip(there.own.get(figure.id));
            lines.extend(values.map(|(mean, own)| {
                let (mean, own) = (figure.unit.text(mean), figure.unit.text(*own));
                format!("  {:<18} {mean}, {own} on its own", figure.name)
            }));
        }
    }
    lines
}

/// Draws as much of it as there is room for.
pub fn draw(scene: &Scene<'_>, row: Option<&Row>, area: Rect, buffer: &mut Buffer) {
    let Some(row) = row else {
        return;
    };
    let inner = panel(scene.theme, &row.whole_title(), area, buffer, false);
    let columns = usize::from(inner.width);
    let mut told: Vec<String> = (lines(scene.all, row, scene.theme).iter())
        .flat_map(|line| wrap(line, columns))
        .collect();
    let room = usize::from(inner.height);
    if told.len() > room {
        let left = told.len() + 1 - room;
        told.truncate(room.saturating_sub(1));
        told.push(format!("… {left} lines more: enter"));
    }
    for (at, text) in told.into_iter().enumerate() {
        line(buffer, inner, at, Line::raw(text));
    }
}

/// All of it, line by line.
pub fn lines(all: &[Watched], row: &Row, theme: Theme) -> Vec<String> {
    let result = row.result();
    let mut lines = Vec::new();
    if let Some(run) = all.get(row.run) {
        lines.push(format!("run         {}", run.folder.id()));
    }
    if let Some(target) = &row.results.target {
        lines.push(format!("target      {target}"));
    }
    if let Some(backbone) = &result.backbone {
        lines.push(format!("backbone    {backbone}"));
    }
    for seed in &result.seeds {
        let iterations = seed.fit.iterations.map_or(String::new(), |n| {
            let converged = match seed.fit.converged {
                Some(false) => ", not converged",
                _ => "",
            };
            let plural = if n == 1 { "" } else { "s" };
            format!(", {} iteration{plural}{converged}", thousands(n))
        });
        let total = thousands(seed.total);
        let counted = match seed.correct {
            Some(correct) => format!("{} of {total} correct", thousands(correct)),
            None => format!("{total} examples"),
        };
        lines.push(format!(
            "seed {:<6} {counted}, {}{iterations}",
            seed.seed,
            figures_of(seed).join(", ")
        ));
        if let Some(selected) = &seed.selected {
            lines.extend(selection::lines(theme, selected));
        }
        lines.extend(calibration(seed));
        if let Some(note) = &seed.fit.note {
            lines.push(format!("  note      {note}"));
        }
        for (name, fact) in &seed.fit.facts {
            lines.push(format!("  {:<20} {fact}", name.replace('-', " ")));
        }
        for (fold, result) in (1..).zip(&seed.folds) {
            lines.push(format!(
                "  fold {fold:<4} {} of {} correct, {}",
                thousands(result.correct),
                thousands(result.total),
                percent(result.accuracy)
            ));
        }
        if let (Some(before), Some(after)) = (&seed.frozen_before, &seed.frozen_after) {
            let mark = if before == after {
                "❄ ✓"
            } else {
                "✗ CHANGED"
            };
            lines.push(format!("  frozen    {mark} before {before}"));
            lines.push(format!("            after  {after}"));
        }
    }
    for (estimate, value) in &result.transferability {
        let name = measure::Transferability::named(estimate).map_or("", |known| known.name);
        lines.push(format!(
            "{name:<14}  {}",
            measure::Unit::Number.text(*value)
        ));
    }
    lines.extend(elsewhere(row));
    if !result.per_class.is_empty() {
        lines.extend(per_class(&row.results, &result.per_class));
    }
    if let Some(cost) = result.seconds {
        lines.push(format!(
            "cost        extract {}, fit {}, evaluate {}",
            seconds(cost.extract),
            seconds(cost.fit),
            seconds(cost.evaluate)
        ));
    }
    if let Some(multipliers) = &result.learning_rate_multipliers {
        lines.push("learning-rate multipliers".to_owned());
        for (layer, factor) in multipliers {
            lines.push(format!("  {layer}  {factor}"));
        }
    }
    lines.push("settings".to_owned());
    for (path, value) in &row.settings {
        lines.push(format!("  {path} = {value}"));
    }
    lines
}
