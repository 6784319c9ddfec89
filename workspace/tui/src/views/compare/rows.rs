//! The rows of all runs compared, with the settings in which they differ.

use std::{
    cell::OnceCell,
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use topwork_measure::{self as measure, ACCURACY, PerClass, percent, seconds, thousands};
use topwork_results::{
    self as results, FigureResult, Results, RowResult, SeedResult, Value, side_by_side,
};

use super::{SEEDS, Selection, curves::Grid, is_partly, planned_seeds, seeds_words, selection};
use crate::{
    columns::{Cell, Column},
    figure::Figure,
    text::fit_title,
    theme::Theme,
    watched::Watched,
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
    /// The figure that ranks the rows of the first run.
    pub ranked_by: &'static measure::Figure,
}

impl Row {
    /// What it came to; no seeds while it has not.
    pub fn result(&self) -> &RowResult {
        &self.results.strategies[self.place]
    }

    /// What it comes to by the figure that rows are ranked by.
    pub fn figure(&self) -> Option<&FigureResult> {
        self.result().figure(self.ranked_by)
    }

    /// The mean of that.
    pub fn mean(&self) -> Option<f64> {
        Some(self.figure()?.mean)
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

/// The rows of all runs watched.
pub fn sheet(all: &[Watched], selection: &Selection, theme: Theme) -> Sheet {
    let known = || all.iter().filter_map(Watched::results);
    let ranked_by = known().next().map_or(&ACCURACY, |first| first.ranked_by());
    let mut shown: Vec<&'static measure::Figure> = Vec::new();
    for figure in known().flat_map(|results| results.shown()) {
        if !shown.iter().any(|known| known.id == figure.id) {
            shown.push(figure);
        }
    }
    let mut rows: Vec<Row> = (all.iter().enumerate())
        .flat_map(|(index, run)| run_rows(index, run, all.len() > 1, ranked_by))
        .collect();
    let differing = differing(&rows);
    let results: Vec<&RowResult> = rows.iter().map(Row::result).collect();
    let told = side_by_side(&shown, &results);
    let partly = rows.iter().any(|row| is_partly(row.result(), row.planned));
    let mut columns = vec![Column::text("strategy", 0)];
    columns.extend(
        told.iter()
            .map(|column| Column::number(column.heading(), column.rank)),
    );
    // What is told by results, by the column it stands in.
    let mut sources: Vec<Option<results::Column>> = vec![None];
    sources.extend(told.iter().copied().map(Some));
    let settings = &differing[..differing.len().min(SETTINGS)];
    columns.extend((settings.iter().enumerate()).map(|(index, path)| {
        Column::text(path, FIRST_TO_GO + u8::try_from(index).unwrap_or_default())
    }));
    let better = |a: f64, b: f64| ranked_by.better.order(a, b);
    let best = (rows.iter().filter_map(Row::mean)).min_by(|a, b| better(*a, *b));
    let cells = |row: &Row| {
        let style = match (row.mean(), best) {
            (None, _) => theme.dim(),
            (Some(mean), Some(best)) if better(mean, best).is_le() => theme.title(),
            _ => ratatui::style::Style::new(),
        };
        let mut cells = vec![Cell::new(row.name.clone(), style)];
        for column in &told {
            cells.push(Cell::figure(figure(column.cell(row.result(), None)), style));
        }
        for path in settings {
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
        sources.insert(SEEDS_AT, None);
    }
    if let Some(column) = selection.order {
        let source = sources.get(column).copied().flatten();
        drawn.sort_by(|a, b| in_order(a, b, column, source));
    }
    if selection.reversed {
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

/// Where the column of seeds stands: behind the figure that rows are ranked by.
const SEEDS_AT: usize = 2;

/// Settings are left out before all that is measured.
const FIRST_TO_GO: u8 = 100;

/// A cell as it is drawn here: figures alone, a dash while there is none.
fn figure(cell: results::Cell) -> Figure {
    let value = match cell.value {
        Value::Blank | Value::Text(_) => Value::Missing,
        value => value,
    };
    Figure::cell(&value.into())
}

/// By a figure where the column is one, else by the text; rows without figures come last.
fn in_order(
    a: &(Row, Vec<Cell>),
    b: &(Row, Vec<Cell>),
    column: usize,
    source: Option<results::Column>,
) -> Ordering {
    if let Some(source) = source {
        let value = |row: &Row| source.cell(row.result(), None).value.number();
        return match (value(&a.0), value(&b.0)) {
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

fn run_rows(
    index: usize,
    run: &Watched,
    several: bool,
    ranked_by: &'static measure::Figure,
) -> Vec<Row> {
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
        ranked_by,
    })
    .collect()
}

/// The settings of a strategy: those of its experiment, then its own.
fn settings(run: &Watched, result: &RowResult) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = vec![
        ("kind".to_owned(), result.kind.clone()),
        ("cut".to_owned(), result.cut.clone()),
        ("feature size".to_owned(), result.feature_dim.to_string()),
        (
            "weights".to_owned(),
            match result.weights {
                topwork_events::Start::Source => "source".to_owned(),
                topwork_events::Start::Random => "random".to_owned(),
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

/// Everything known of a row, line by line.
pub fn details(all: &[Watched], row: &Row, theme: Theme) -> Vec<String> {
    let result = row.result();
    let mut lines = Vec::new();
    if let Some(run) = all.get(row.run) {
        lines.push(format!("run         {}", run.folder.id()));
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
        lines.push(format!(
            "seed {:<6} {} of {} correct, {}{iterations}",
            seed.seed,
            thousands(seed.correct),
            thousands(seed.total),
            figures_of(seed).join(", ")
        ));
        if let Some(selected) = &seed.selected {
            lines.extend(selection::lines(theme, selected));
        }
        lines.extend(calibration(seed));
        if let Some(note) = &seed.fit.note {
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
