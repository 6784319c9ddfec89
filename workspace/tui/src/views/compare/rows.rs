//! The rows of all runs compared, with the settings in which they differ.

use std::cmp::Ordering;

use topwork_report::{StrategyResult, over_folds, percent, seconds, thousands};

use crate::{
    app::{App, Watched},
    columns::{Cell, Column},
};

/// Settings shown as columns at most: the rest is in the details.
const SETTINGS: usize = 6;

/// One strategy of one run.
#[derive(Clone, Debug)]
pub struct Row {
    /// Index of its run among those watched.
    pub run: usize,
    /// Its name; with the run's where there are several.
    pub name: String,
    /// What it came to; no seeds while it has not.
    pub result: StrategyResult,
    /// Its settings, by their dotted paths.
    pub settings: Vec<(String, String)>,
    /// As drawn.
    pub cells: Vec<Cell>,
}

/// All rows in the order shown, with their columns.
pub struct Sheet {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// What one column is made of: its text, and what it is ordered by.
type Figure = (
    fn(&StrategyResult) -> String,
    fn(&StrategyResult) -> Option<f64>,
);

/// The figures, with heading and rank.
const FIGURES: &[(&str, u8, Figure)] = &[
    (
        "accuracy",
        0,
        (
            |row| match (row.mean, row.std) {
                (Some(mean), Some(std)) => {
                    format!("{:.2} ± {:.2} %", mean * 100.0, std * 100.0)
                }
                (Some(mean), None) => percent(mean),
                (None, _) => "–".to_owned(),
            },
            |row| row.mean,
        ),
    ),
    (
        "95 % interval",
        2,
        (
            |row| {
                row.interval.map_or("–".to_owned(), |interval| {
                    format!(
                        "{:.2} – {:.2} %",
                        interval.low * 100.0,
                        interval.high * 100.0
                    )
                })
            },
            |row| row.interval.map(|interval| interval.low),
        ),
    ),
    (
        "trained on",
        3,
        (
            |row| row.train_samples.map_or("–".to_owned(), thousands),
            |row| row.train_samples.map(|n| n as f64),
        ),
    ),
    (
        "parameters",
        5,
        (
            |row| row.trainable_parameters.map_or("–".to_owned(), thousands),
            |row| row.trainable_parameters.map(|n| n as f64),
        ),
    ),
    (
        "cost",
        4,
        (|row| cost(row).map_or("–".to_owned(), seconds), cost),
    ),
];

fn cost(row: &StrategyResult) -> Option<f64> {
    row.seconds
        .map(|cost| cost.extract + cost.fit + cost.evaluate)
}

/// How much the accuracy differs from fold to fold: shown only where there are folds.
const FOLDS: (&str, u8, Figure) = (
    "over the folds",
    1,
    (
        |row| over_folds(row).unwrap_or_else(|| "–".to_owned()),
        |row| row.fold_mean,
    ),
);

/// The figures that are shown of these rows.
fn figures(rows: &[Row]) -> Vec<(&'static str, u8, Figure)> {
    let mut figures = FIGURES.to_vec();
    if rows.iter().any(|row| row.result.fold_mean.is_some()) {
        figures.insert(1, FOLDS);
    }
    figures
}

/// The rows of all runs watched.
pub fn sheet(app: &App) -> Sheet {
    let mut rows: Vec<Row> = (app.watched.iter().enumerate())
        .flat_map(|(index, run)| run_rows(index, run, app.watched.len() > 1))
        .collect();
    let differing = differing(&rows);
    let figures = figures(&rows);
    let mut columns = vec![Column::text("strategy", 0)];
    columns.extend((figures.iter()).map(|(heading, rank, _)| Column::number(heading, *rank)));
    let shown = &differing[..differing.len().min(SETTINGS)];
    columns.extend(
        (shown.iter().enumerate()).map(|(index, path)| {
            Column::text(path, 6 + u8::try_from(index).unwrap_or(u8::MAX - 6))
        }),
    );
    let best = rows
        .iter()
        .filter_map(|row| row.result.mean)
        .fold(f64::NEG_INFINITY, f64::max);
    for row in &mut rows {
        let style = match row.result.mean {
            None => app.theme.dim(),
            Some(mean) if mean >= best => app.theme.title(),
            Some(_) => ratatui::style::Style::new(),
        };
        row.cells = vec![Cell::new(row.name.clone(), style)];
        for (_, _, (text, _)) in &figures {
            row.cells.push(Cell::new(text(&row.result), style));
        }
        for path in shown {
            row.cells.push(Cell::new(setting(row, path), style));
        }
    }
    if let Some(column) = app.compare.order {
        rows.sort_by(|a, b| in_order(a, b, column, &figures));
    }
    if app.compare.reversed {
        rows.reverse();
    }
    Sheet { columns, rows }
}

/// By a figure where the column is one, else by the text; rows without figures come last.
fn in_order(a: &Row, b: &Row, column: usize, figures: &[(&str, u8, Figure)]) -> Ordering {
    let figure = column.checked_sub(1).and_then(|index| figures.get(index));
    if let Some((_, _, (_, value))) = figure {
        return match (value(&a.result), value(&b.result)) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
    }
    let text = |row: &Row| row.cells.get(column).map(|cell| cell.text.clone());
    let number = |text: &Option<String>| text.as_ref().and_then(|text| text.parse::<f64>().ok());
    let (a, b) = (text(a), text(b));
    match (number(&a), number(&b)) {
        (Some(a), Some(b)) => a.total_cmp(&b),
        _ => a.cmp(&b),
    }
}

fn run_rows(index: usize, run: &Watched, several: bool) -> Vec<Row> {
    let Some(results) = &run.results else {
        return Vec::new();
    };
    let rows = results.strategies.iter();
    rows.map(|result| Row {
        run: index,
        name: if several {
            let id = run.folder.id();
            let number = id.split('-').next().unwrap_or_default();
            format!("{number} {}", result.title)
        } else {
            result.title.clone()
        },
        settings: settings(run, result),
        result: result.clone(),
        cells: Vec::new(),
    })
    .collect()
}

/// The settings of a strategy: those of its experiment, then its own.
fn settings(run: &Watched, result: &StrategyResult) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = vec![
        ("kind".to_owned(), result.kind.clone()),
        ("cut".to_owned(), result.cut.clone()),
        ("feature size".to_owned(), result.feature_dim.to_string()),
        (
            "weights".to_owned(),
            match result.weights {
                topwork_events::Weights::Source => "source".to_owned(),
                topwork_events::Weights::Random => "random".to_owned(),
            },
        ),
        ("head.use".to_owned(), result.head.clone()),
        (
            "train-samples".to_owned(),
            result
                .train_samples
                .map_or("all".to_owned(), |n| n.to_string()),
        ),
    ];
    if let Some(read) = &run.settings {
        let named = |(name, _): &&(String, _)| *name == result.name;
        let own = read.strategies.iter().find(named).map(|(_, own)| own);
        let pairs = own.into_iter().flatten().chain(&read.experiment);
        for (path, value) in pairs {
            // What the plan tells goes before what the file says, which may be a default.
            let told = ["target.cut", "cut", "train-samples"].contains(&path.as_str());
            if !told && !all.iter().any(|(known, _)| known == path) {
                all.push((path.clone(), value.clone()));
            }
        }
    }
    all
}

/// The value of a setting in a row.
pub fn setting(row: &Row, path: &str) -> String {
    (row.settings.iter())
        .find(|(known, _)| known == path)
        .map_or("–".to_owned(), |(_, value)| value.clone())
}

/// The paths of settings in which the rows differ, in the order met.
pub fn differing(rows: &[Row]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for (path, _) in rows.iter().flat_map(|row| &row.settings) {
        if paths.contains(path) {
            continue;
        }
        let first = rows.first().map(|row| setting(row, path));
        if rows.iter().any(|row| Some(setting(row, path)) != first) {
            paths.push(path.clone());
        }
    }
    paths
}

/// Everything known of a row, line by line.
pub fn details(app: &App, row: &Row) -> Vec<String> {
    let result = &row.result;
    let mut lines = Vec::new();
    if let Some(run) = app.watched.get(row.run) {
        lines.push(format!("run         {}", run.folder.id()));
    }
    for seed in &result.seeds {
        let iterations = seed.iterations.map_or(String::new(), |n| {
            let converged = match seed.converged {
                Some(false) => ", not converged",
                _ => "",
            };
            let plural = if n == 1 { "" } else { "s" };
            format!(", {} iteration{plural}{converged}", thousands(n))
        });
        lines.push(format!(
            "seed {:<6} {} of {} correct, {}{iterations}",
            seed.seed,
            thousands(seed.correct),
            thousands(seed.total),
            percent(seed.accuracy)
        ));
        if let Some(note) = &seed.note {
            lines.push(format!("  note      {note}"));
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
