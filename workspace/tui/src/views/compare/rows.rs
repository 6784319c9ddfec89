//! The rows of all runs compared, with the settings in which they differ.

use std::{
    cell::OnceCell,
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use topwork_measure::{percent, seconds, thousands};
use topwork_report::{Results, StrategyResult, over_folds};

use super::{SEEDS, curves::Grid, is_partly, planned_seeds, seeds_words};
use crate::{
    app::{App, Watched},
    columns::{Cell, Column},
    figure::Figure,
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
    /// Its settings, by their dotted paths.
    pub settings: Vec<(String, String)>,
    /// Seeds of its experiment.
    pub planned: usize,
    /// The number of its run.
    number: String,
    /// The figures of its run.
    results: Arc<Results>,
    /// Its place among them.
    place: usize,
}

impl Row {
    /// What it came to; no seeds while it has not.
    pub fn result(&self) -> &StrategyResult {
        &self.results.strategies[self.place]
    }

    /// The number of its run.
    pub fn run_number(&self) -> &str {
        &self.number
    }
}

/// All rows in the order shown, with their columns.
pub struct Sheet {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Row>,
    /// The same as drawn.
    pub cells: Vec<Vec<Cell>>,
    /// The curves they make.
    grids: OnceCell<Vec<Grid>>,
}

impl Sheet {
    /// The curves that the rows make, by what stands along their axis.
    pub fn grids(&self) -> &[Grid] {
        self.grids.get_or_init(|| Grid::all_of(&self.rows))
    }
}

/// What one column is made of: its figure, and what it is ordered by.
type Made = (
    fn(&StrategyResult) -> Figure,
    fn(&StrategyResult) -> Option<f64>,
);

/// The figures, with heading and rank.
const FIGURES: &[(&str, u8, Made)] = &[
    (
        "accuracy",
        0,
        (
            |row| figure(row.mean.map(|mean| Figure::spread(mean, row.std))),
            |row| row.mean,
        ),
    ),
    (
        "95 % interval",
        2,
        (
            |row| {
                figure(row.interval.map(|interval| {
                    Figure::words(format!(
                        "{:.2} – {:.2} %",
                        interval.low * 100.0,
                        interval.high * 100.0
                    ))
                }))
            },
            |row| row.interval.map(|interval| interval.low),
        ),
    ),
    (
        "trained on",
        3,
        (
            |row| figure(row.train_samples.map(Figure::count)),
            |row| row.train_samples.map(|n| n as f64),
        ),
    ),
    (
        "parameters",
        5,
        (
            |row| figure(row.trainable_parameters.map(Figure::count)),
            |row| row.trainable_parameters.map(|n| n as f64),
        ),
    ),
    (
        "cost",
        4,
        (
            |row| figure(cost(row).map(|cost| Figure::words(seconds(cost)))),
            cost,
        ),
    ),
];

/// A figure, or a dash while there is none.
fn figure(figure: Option<Figure>) -> Figure {
    figure.unwrap_or_else(|| Figure::words("–"))
}

fn cost(row: &StrategyResult) -> Option<f64> {
    row.seconds
        .map(|cost| cost.extract + cost.fit + cost.evaluate)
}

/// How much the accuracy differs from fold to fold: shown only where there are folds.
const FOLDS: (&str, u8, Made) = (
    "over the folds",
    1,
    (
        |row| figure(over_folds(row).map(Figure::words)),
        |row| row.fold_mean,
    ),
);

/// The figures that are shown of these rows.
fn figures(rows: &[Row]) -> Vec<(&'static str, u8, Made)> {
    let mut figures = FIGURES.to_vec();
    if rows.iter().any(|row| row.result().fold_mean.is_some()) {
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
    let partly = rows.iter().any(|row| is_partly(row.result(), row.planned));
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
        .filter_map(|row| row.result().mean)
        .fold(f64::NEG_INFINITY, f64::max);
    let cells = |row: &Row| {
        let style = match row.result().mean {
            None => app.theme.dim(),
            Some(mean) if mean >= best => app.theme.title(),
            Some(_) => ratatui::style::Style::new(),
        };
        let mut cells = vec![Cell::new(row.name.clone(), style)];
        for (_, _, (figure, _)) in &figures {
            cells.push(Cell::figure(figure(row.result()), style));
        }
        for path in shown {
            cells.push(Cell::new(setting(row, path), style));
        }
        if partly {
            let words = seeds_words(row.result(), row.planned);
            cells.insert(SEEDS_AT, Cell::figure(words, style));
        }
        cells
    };
    let mut drawn: Vec<(Row, Vec<Cell>)> = Vec::new();
    for row in rows.drain(..) {
        let cells = cells(&row);
        drawn.push((row, cells));
    }
    if partly {
        columns.insert(SEEDS_AT, Column::number(SEEDS, 0));
    }
    if let Some(column) = app.compare.order {
        let value = columns.get(column).and_then(|column| {
            let named = |(heading, _, _): &&(&str, u8, Made)| *heading == column.heading;
            figures.iter().find(named).map(|(_, _, (_, value))| *value)
        });
        drawn.sort_by(|a, b| in_order(a, b, column, value));
    }
    if app.compare.reversed {
        drawn.reverse();
    }
    let (rows, cells) = drawn.into_iter().unzip();
    Sheet {
        columns,
        rows,
        cells,
        grids: OnceCell::new(),
    }
}

/// Where the column of seeds stands: behind the accuracy.
const SEEDS_AT: usize = 2;

/// By a figure where the column is one, else by the text; rows without figures come last.
fn in_order(
    a: &(Row, Vec<Cell>),
    b: &(Row, Vec<Cell>),
    column: usize,
    value: Option<fn(&StrategyResult) -> Option<f64>>,
) -> Ordering {
    if let Some(value) = value {
        return match (value(a.0.result()), value(b.0.result())) {
            (Some(a), Some(b)) => a.total_cmp(&b),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
    }
    let text = |cells: &[Cell]| {
        cells
            .get(column)
            .map_or(String::new(), |cell| cell.text.clone())
    };
    let (a, b) = (text(&a.1), text(&b.1));
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => a.total_cmp(&b),
        _ => a.cmp(&b),
    }
}

fn run_rows(index: usize, run: &Watched, several: bool) -> Vec<Row> {
    let Some(results) = run.results() else {
        return Vec::new();
    };
    let rows = results.strategies.iter().enumerate();
    let id = run.folder.id();
    let number = id.split('-').next().unwrap_or_default();
    rows.map(|(place, result)| Row {
        run: index,
        number: number.to_owned(),
        name: if several {
            format!("{number} {}", result.title)
        } else {
            result.title.clone()
        },
        settings: settings(run, result),
        planned: planned_seeds(run),
        results: Arc::clone(results),
        place,
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
        let mut known: HashSet<String> = all.iter().map(|(path, _)| path.clone()).collect();
        let named = |(name, _): &&(String, _)| *name == result.name;
        let own = read.strategies.iter().find(named).map(|(_, own)| own);
        let pairs = own.into_iter().flatten().chain(&read.experiment);
        for (path, value) in pairs {
            // What the plan tells goes before what the file says, which may be a default.
            let told = ["target.cut", "cut", "train-samples"].contains(&path.as_str());
            if !told && known.insert(path.clone()) {
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
    let mut order: Vec<&str> = Vec::new();
    // Of each path its first value, how many rows have it, and whether one has another value.
    let mut known: HashMap<&str, (&str, usize, bool)> = HashMap::new();
    for (path, value) in rows.iter().flat_map(|row| &row.settings) {
        let entry = known.entry(path).or_insert_with(|| {
            order.push(path);
            (value, 0, false)
        });
        entry.1 += 1;
        entry.2 |= entry.0 != value;
    }
    let differs = |path: &&str| known.get(path).is_some_and(|k| k.2 || k.1 < rows.len());
    order
        .into_iter()
        .filter(differs)
        .map(str::to_owned)
        .collect()
}

/// Everything known of a row, line by line.
pub fn details(app: &App, row: &Row) -> Vec<String> {
    let result = row.result();
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
