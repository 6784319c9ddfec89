//! The rows of all runs compared, with the settings in which they differ.

use std::{
    cell::OnceCell,
    cmp::Ordering,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use topwork_measure as measure;
use topwork_results::{
    self as results, FigureResult, RanksOverTargets, Results, RowResult, Value, side_by_side,
};

use super::{
    Order, SEEDS, Selection,
    bars::Shown,
    curves::Grid,
    groups::{self, Group, Head, Line},
    identity::Identity,
    is_further_figure, is_partly, planned_seeds, ranks, seeds_words,
};
use crate::{
    columns::{Cell, Column},
    figure::Figure,
    natural::natural,
    theme::Theme,
    watched::{TargetTable, Watched},
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
    /// The figures of its target.
    pub results: Arc<Results>,
    /// Its place among them.
    place: usize,
    /// The figure that ranks the rows of its group.
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

    /// The name of its strategy; with the run's where there are several.
    pub fn strategy(&self) -> String {
        let (name, title) = (&self.result().name, &self.result().title);
        // The number of the run stands before the title.
        match self.name.strip_suffix(title.as_str()) {
            Some(number) => format!("{number}{name}"),
            None => name.clone(),
        }
    }

    /// Its title, with the target's name where there are several.
    pub fn whole_title(&self) -> String {
        match &self.results.target {
            Some(target) => format!("{target} · {}", self.name),
            None => self.name.clone(),
        }
    }
}

/// All rows in the order shown, with their columns.
pub struct Sheet {
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows, group by group.
    pub rows: Vec<Row>,
    /// How the rows do over the targets; where that is told they stand behind the others, as a group of their own.
    pub ranks: Option<RanksOverTargets>,
    /// Which rows stand together: most runs have one group.
    pub groups: Vec<Group>,
    /// Rows and ranks with their headings, line by line.
    pub lines: Vec<Line>,
    /// The same as drawn.
    pub cells: Vec<Vec<Cell>>,
    /// Whether strategy, backbone and cut have columns of their own.
    pub split: bool,
    /// The curves that the rows of each group make.
    grids: Vec<OnceCell<Vec<Grid>>>,
}

impl Sheet {
    /// Rows and ranks, all that can be selected.
    pub fn selectable(&self) -> usize {
        self.rows.len() + self.ranks.as_ref().map_or(0, |ranks| ranks.rows.len())
    }

    /// The group of a row, or that of the ranks.
    pub fn group_of(&self, row: usize) -> usize {
        let found = self
            .groups
            .iter()
            .position(|group| group.rows.contains(&row));
        found.unwrap_or(0)
    }

    /// The rows of a group; none of the ranks.
    pub fn rows_of(&self, group: usize) -> &[Row] {
        let rows = self.groups.get(group).map(|group| group.rows.clone());
        rows.and_then(|rows| self.rows.get(rows))
            .unwrap_or_default()
    }

    /// How many targets the rows are of.
    pub fn targets(&self) -> usize {
        self.groups.len() - usize::from(self.ranks.is_some())
    }

    /// The rows of a group, one of which is selected.
    pub fn shown(&self, group: usize, row: usize) -> Shown<'_> {
        let rows = self.rows_of(group);
        let first = self.groups.get(group).map_or(0, |group| group.rows.start);
        let target = rows.first().and_then(|row| row.results.target.as_deref());
        Shown {
            rows,
            selected: row.saturating_sub(first),
            target: target.filter(|_| self.targets() > 1),
            split: self.split,
        }
    }

    /// The curves that the rows of a group make, by what stands along their axis.
    pub fn grids(&self, group: usize) -> &[Grid] {
        let grids = self.grids.get(group);
        grids.map_or(&[], |grids| {
            grids
                .get_or_init(|| Grid::all_of(&in_file_order(self.rows_of(group))))
                .as_slice()
        })
    }
}

/// Rows as their files have them, whatever order they are shown in.
fn in_file_order(rows: &[Row]) -> Vec<&Row> {
    let mut rows: Vec<&Row> = rows.iter().collect();
    rows.sort_by_key(|row| (row.run, row.place));
    rows
}

/// The rows of one target, of all runs that have it.
struct Together<'a> {
    target: Option<&'a str>,
    head: Head<'a>,
    rows: Vec<Row>,
}

/// The rows of all runs watched by their targets; in one group where no run has several.
fn together<'a>(all: &'a [Watched]) -> Vec<Together<'a>> {
    let several = all.iter().any(|run| run.tables().len() > 1);
    let mut groups: Vec<Together<'a>> = Vec::new();
    for (index, run) in all.iter().enumerate() {
        for table in run.tables() {
            let results = &table.results;
            let target = results.target.as_deref();
            // Targets of one name in two runs may be of different data.
            let same = |group: &Together<'_>| {
                let known = &group.head.table.results;
                !several
                    || (target.is_some()
                        && group.target == target
                        && known.classes == results.classes)
            };
            let at = groups.iter().position(same).unwrap_or(groups.len());
            if at == groups.len() {
                let name = target.map_or_else(|| results.name.clone(), str::to_owned);
                groups.push(Together {
                    target,
                    head: Head {
                        name,
                        run,
                        table,
                        by: None,
                    },
                    rows: Vec::new(),
                });
            }
            let group = &mut groups[at];
            let ranked_by = group.head.table.results.ranked_by();
            let rows = table_rows(index, run, table, all.len() > 1, ranked_by);
            group.rows.extend(rows);
        }
    }
    let by: HashSet<&str> = (groups.iter())
        .map(|group| group.head.table.results.ranked_by().id)
        .collect();
    if by.len() > 1 {
        for group in &mut groups {
            group.head.by = Some(group.head.table.results.ranked_by());
        }
    }
    groups
}

/// The rows of all runs watched.
pub fn sheet(all: &[Watched], selection: &Selection, theme: Theme) -> Sheet {
    let groups = together(all);
    let mut shown: Vec<&'static measure::Figure> = Vec::new();
    let tables = all.iter().flat_map(Watched::tables);
    for figure in tables.flat_map(|table| table.results.shown()) {
        if !shown.iter().any(|known| known.id == figure.id) {
            shown.push(figure);
        }
    }
    let split = all.iter().any(Watched::has_parts);
    let ranks = match all {
        [only] => only.ranks().cloned(),
        _ => None,
    };
    let rows: Vec<&Row> = groups.iter().flat_map(|group| &group.rows).collect();
    let results: Vec<&RowResult> = rows.iter().map(|row| row.result()).collect();
    let differing = differing(rows.iter().copied());
    let told = side_by_side(&shown, &results);
    let partly = (rows.iter()).any(|row| is_partly(row.result(), row.planned));
    let identity = Identity::of(split, all.len() > 1, &results);
    let in_samples = split && groups.iter().any(|group| differ_in_samples(&group.rows));
    let mut columns = identity.columns();
    // Behind the figure that rows are ranked by.
    let seeds_at = columns.len() + 1;
    columns.extend(told.iter().enumerate().map(|(at, column)| {
        let rank = match column.rank {
            _ if in_samples && column.is("trained-on") => 0,
            rank => rank,
        };
        Column {
            tight: is_further_figure(&told, at),
            ..Column::number(column.heading(), rank)
        }
    }));
    // What is told by results, by the column it stands in.
    let mut sources: Vec<Option<results::Column>> = vec![None; identity.columns().len()];
    sources.extend(told.iter().copied().map(Some));
    // Backbones and targets have a column or a heading.
    let told_already = |path: &str| {
        let table = path.split('.').next();
        split && (path == "cut" || table.is_some_and(|t| ["target", "backbone"].contains(&t)))
    };
    let settings: Vec<&String> = (differing.iter())
        .filter(|path| !told_already(path))
        .take(SETTINGS)
        .collect();
    columns.extend((settings.iter().enumerate()).map(|(index, path)| {
        Column::text(path, FIRST_TO_GO + u8::try_from(index).unwrap_or_default())
    }));
    let cells = |row: &Row, best: Option<f64>| {
        let better = |a: f64, b: f64| row.ranked_by.better.order(a, b);
        let style = match (row.mean(), best) {
            (None, _) => theme.dim(),
            (Some(mean), Some(best)) if better(mean, best).is_le() => theme.title(),
            _ => ratatui::style::Style::new(),
        };
        let mut cells = identity.cells(row, style);
        for column in &told {
            cells.push(Cell::figure(figure(column.cell(row.result(), None)), style));
        }
        for path in &settings {
            cells.push(Cell::new(setting(row, path), style));
        }
        if partly {
            let words = seeds_words(row.result(), row.planned);
            cells.insert(seeds_at, Cell::figure(words, style));
        }
        cells
    };
    if partly {
        columns.insert(seeds_at, Column::number(SEEDS, 0));
        sources.insert(seeds_at, None);
    }
    let has_headings = groups.len() > 1;
    let mut kept: Vec<Group> = Vec::new();
    let (mut rows, mut row_cells): (Vec<Row>, Vec<Vec<Cell>>) = (Vec::new(), Vec::new());
    for group in groups {
        let of_rows = group.rows.iter().map(|row| (row.result(), row.planned));
        let heading = has_headings.then(|| group.head.words(of_rows));
        let first = rows.len();
        let best = (group.rows.iter()).filter_map(|row| Some((row.mean()?, row.ranked_by.better)));
        let best = best.min_by(|a, b| a.1.order(a.0, b.0)).map(|best| best.0);
        let drawn = group.rows.into_iter().map(|row| {
            let cells = cells(&row, best);
            (row, cells)
        });
        let mut drawn: Vec<(Row, Vec<Cell>)> = drawn.collect();
        match selection.order {
            Order::Best => {
                let test_set = drawn
                    .iter()
                    .find_map(|(row, _)| row.result().test_set.clone());
                drawn.sort_by(|(a, _), (b, _)| best_first(a, b, test_set.as_deref()));
            }
            Order::Column(column) => {
                let source = sources.get(column).copied().flatten();
                drawn.sort_by(|a, b| in_order(a, b, column, source));
            }
            Order::File => {}
        }
        if selection.reversed {
            drawn.reverse();
        }
        for (row, cells) in drawn {
            rows.push(row);
            row_cells.push(cells);
        }
        kept.push(Group {
            heading,
            rows: first..rows.len(),
        });
    }
    let grids = kept.iter().map(|_| OnceCell::new()).collect();
    if let Some(ranks) = &ranks {
        let first = rows.len();
        let of_rank = |place: &results::Place| {
            let row = rows.iter().find(|row| row.result().title == place.title);
            identity.rank_cells(place, row, columns.len())
        };
        row_cells.extend(ranks.rows.iter().map(of_rank));
        kept.push(Group {
            heading: Some(ranks::heading(ranks, kept.len())),
            rows: first..row_cells.len(),
        });
    }
    Sheet {
        lines: groups::lines(&kept),
        cells: groups::cells(theme, &kept, &row_cells),
        columns,
        rows,
        ranks,
        groups: kept,
        split,
        grids,
    }
}

/// Whether some rows differ in the number of training samples alone.
fn differ_in_samples(rows: &[Row]) -> bool {
    rows.windows(2).any(|pair| {
        let [a, b] = [pair[0].result(), pair[1].result()];
        (&a.name, &a.backbone, &a.cut) == (&b.name, &b.backbone, &b.cut)
            && a.train_samples != b.train_samples
    })
}

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

/// The better row first; then those measured on other examples than most, which cannot be set in one order with them,
/// then those that are not measured.
fn best_first(a: &Row, b: &Row, test_set: Option<&str>) -> Ordering {
    let place = |row: &Row| match row.mean() {
        Some(_) if row.result().test_set.as_deref() == test_set => 0,
        Some(_) => 1,
        None => 2,
    };
    let better = a.ranked_by.better;
    place(a).cmp(&place(b)).then_with(|| {
        let means = a.mean().zip(b.mean());
        means.map_or(Ordering::Equal, |(a, b)| better.order(a, b))
    })
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
    natural(&text(&a.1), &text(&b.1))
}

fn table_rows(
    index: usize,
    run: &Watched,
    table: &TargetTable,
    several: bool,
    ranked_by: &'static measure::Figure,
) -> Vec<Row> {
    let results = &table.results;
    let rows = results.strategies.iter().zip(&table.rows).enumerate();
    let id = run.folder.id();
    let number = id.split('-').next().unwrap_or_default();
    rows.map(|(place, (result, row))| Row {
        run: index,
        number: number.to_owned(),
        name: if several {
            format!("{number} {}", result.title)
        } else {
            result.title.clone()
        },
        settings: settings(run, *row, results, result),
        planned: planned_seeds(run),
        results: Arc::clone(results),
        place,
        ranked_by,
    })
    .collect()
}

/// The settings of a strategy: those of its experiment, then its own.
fn settings(
    run: &Watched,
    row: usize,
    results: &Results,
    result: &RowResult,
) -> Vec<(String, String)> {
    let (part, _) = run.state.part_of_row(row);
    let read = run.parts.as_ref().and_then(|parts| parts.get(part));
    let named = [("target", &results.target), ("backbone", &result.backbone)];
    let named = named
        .into_iter()
        .filter_map(|(path, name)| Some((path, name.clone()?)));
    let mut all: Vec<(String, String)> =
        named.map(|(path, name)| (path.to_owned(), name)).collect();
    all.extend([
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
    ]);
    if let Some(read) = read.map(|read| &read.settings) {
        let mut known: HashSet<String> = all.iter().map(|(path, _)| path.clone()).collect();
        let named = |(name, _): &&(String, _)| *name == result.name;
        let own = read.strategies.iter().find(named).map(|(_, own)| own);
        let pairs = own.into_iter().flatten().chain(&read.experiment);
        for (path, value) in pairs {
            // What the plan tells goes before what the file says, which may be a default.
            let told = [
                "target.cut",
                "cut",
                "train-samples",
                "target.name",
                "backbone.name",
            ];
            let told = told.contains(&path.as_str());
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
pub fn differing<'a>(rows: impl Iterator<Item = &'a Row> + Clone) -> Vec<String> {
    let count = rows.clone().count();
    let mut order: Vec<&str> = Vec::new();
    // Of each path its first value, how many rows have it, and whether one has another value.
    let mut known: HashMap<&str, (&str, usize, bool)> = HashMap::new();
    for (path, value) in rows.flat_map(|row| &row.settings) {
        let entry = known.entry(path).or_insert_with(|| {
            order.push(path);
            (value, 0, false)
        });
        entry.1 += 1;
        entry.2 |= entry.0 != value;
    }
    let differs = |path: &&str| known.get(path).is_some_and(|k| k.2 || k.1 < count);
    order
        .into_iter()
        .filter(differs)
        .map(str::to_owned)
        .collect()
}
