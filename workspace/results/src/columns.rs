//! The columns of the comparison, typed: what a row says in each. Pages write them, the dashboard
//! draws them and sorts by them; in which words a value is said stands here, once.

mod cell;
mod selected;

use topwork_events::Seconds;
use topwork_measure::{ACCURACY, Figure, TRANSFERABILITY, Transferability, Unit};

use crate::{Results, RowResult};
pub use cell::{Cell, Mark, Value};
use selected::{CHOSEN, SELECTED_ON};

/// One column: of the rows, or of a figure of theirs.
#[derive(Clone, Copy, Debug)]
pub struct Column {
    /// Its id among the columns of rows, or among those of a figure.
    id: &'static str,
    heading: &'static str,
    /// Which side its cells keep to.
    pub align: Align,
    /// What it tells of a row.
    pub part: Part,
    /// 0 stays where there is little room; of the others the highest goes first.
    pub rank: u8,
    /// The figure it tells.
    pub figure: Option<&'static Figure>,
    /// The estimate it tells.
    estimate: Option<&'static Transferability>,
    in_use: fn(Option<&Figure>, &[&RowResult]) -> bool,
    cell: fn(&Row<'_>) -> Cell,
}

/// Which side the cells of a column keep to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Text.
    Left,
    /// Numbers.
    Right,
}

/// What a column tells of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Which one it is.
    Identity,
    /// What it came to.
    Measured,
    /// How that was done, and what it took.
    Cost,
}

/// What a cell is made from.
struct Row<'a> {
    strategy: &'a RowResult,
    rank: Option<usize>,
    figure: Option<&'static Figure>,
    estimate: Option<&'static Transferability>,
}

impl Column {
    const fn new(
        id: &'static str,
        heading: &'static str,
        part: Part,
        rank: u8,
        cell: fn(&Row<'_>) -> Cell,
    ) -> Self {
        Self {
            id,
            heading,
            align: Align::Right,
            part,
            rank,
            figure: None,
            estimate: None,
            in_use: |_, _| true,
            cell,
        }
    }

    /// A column of text.
    const fn left(mut self) -> Self {
        self.align = Align::Left;
        self
    }

    /// A column that is there only where this holds.
    const fn only(mut self, in_use: fn(Option<&Figure>, &[&RowResult]) -> bool) -> Self {
        self.in_use = in_use;
        self
    }

    /// What files call it, and no other column.
    pub fn id(&self) -> String {
        if let Some(estimate) = self.estimate {
            return estimate.id.to_owned();
        }
        match (self.figure, self.id) {
            (None, id) => id.to_owned(),
            (Some(figure), "mean") => figure.id.to_owned(),
            (Some(figure), id) => format!("{}-{id}", figure.id),
        }
    }

    /// Its id among the columns of rows, or among those of a figure.
    pub(crate) fn own_id(&self) -> &'static str {
        self.id
    }

    /// Whether this is the column of rows with this id.
    pub fn is(&self, id: &str) -> bool {
        self.figure.is_none() && self.id == id
    }

    /// The figure whose values stand in it.
    pub fn values_of(&self) -> Option<&'static Figure> {
        self.figure.filter(|_| self.id == "mean")
    }

    /// What stands above it.
    pub fn heading(&self) -> &'static str {
        let estimate = self.estimate.map(|estimate| estimate.name);
        let figure = || self.values_of().map(|figure| figure.name);
        estimate.or_else(figure).unwrap_or(self.heading)
    }

    /// What it says of a row.
    pub fn cell(&self, strategy: &RowResult, rank: Option<usize>) -> Cell {
        let (figure, estimate) = (self.figure, self.estimate);
        (self.cell)(&Row {
            strategy,
            rank,
            figure,
            estimate,
        })
    }
}

/// The columns of a run's comparison, those that say something of its rows.
pub fn columns(results: &Results) -> Vec<Column> {
    let rows: Vec<&RowResult> = results.strategies.iter().collect();
    let figures = results.shown();
    let all = IDENTITY.iter().chain(COUNTS).copied();
    // What the fits took stands in the table of the target's own test examples.
    let cost = COST.iter().filter(|_| results.test.is_none()).copied();
    let told = of_figures(&figures, FIGURE).chain(of_estimates(&rows));
    in_use(all.chain(told).chain(cost), &rows)
}

/// All columns there are of rows with these figures, whether they tell rows apart or not.
pub(crate) fn all_columns(figures: &[&'static Figure], rows: &[&RowResult]) -> Vec<Column> {
    let of_rows = IDENTITY.iter().chain(COUNTS).copied();
    of_rows
        .chain(of_figures(figures, FIGURE))
        .chain(of_estimates(rows))
        .chain(COST.iter().copied())
        .collect()
}

/// The columns of these figures and of the cost of rows from several runs.
pub fn side_by_side(figures: &[&'static Figure], rows: &[&RowResult]) -> Vec<Column> {
    let figures = of_figures(figures, &[MEAN, FOLDS, INTERVAL]);
    in_use(figures.chain([TRAINED_ON, PARAMETERS, COST_IN_ALL]), rows)
}

/// A column for each estimate that rows have.
fn of_estimates(rows: &[&RowResult]) -> Vec<Column> {
    let known = |estimate: &&Transferability| {
        let mut rows = rows.iter();
        rows.any(|row| row.transferability.contains_key(estimate.id))
    };
    let column = |estimate| Column {
        estimate: Some(estimate),
        ..ESTIMATE
    };
    TRANSFERABILITY.iter().filter(known).map(column).collect()
}

fn of_figures<'a>(
    figures: &'a [&'static Figure],
    columns: &'a [Column],
) -> impl Iterator<Item = Column> + 'a {
    figures.iter().flat_map(|figure| {
        columns.iter().map(|column| Column {
            figure: Some(figure),
            ..*column
        })
    })
}

fn in_use(columns: impl Iterator<Item = Column>, rows: &[&RowResult]) -> Vec<Column> {
    columns
        .filter(|column| (column.in_use)(column.figure, rows))
        .collect()
}

const IDENTITY: &[Column] = &[
    Column::new("rank", "", Part::Identity, 6, |row| {
        row.rank.map_or(Value::Blank, Value::Rank).into()
    }),
    Column::new("strategy", "strategy", Part::Identity, 0, |row| {
        Value::Text(row.strategy.name.clone()).into()
    })
    .left(),
    Column::new("backbone", "backbone", Part::Identity, 0, |row| {
        row.strategy.backbone.clone().map(Value::Text).into()
    })
    .left()
    .only(|_, rows| rows.iter().any(|row| row.backbone.is_some())),
    Column::new("cut", "cut", Part::Identity, 0, |row| {
        Value::Text(row.strategy.cut.clone()).into()
    })
    .left()
    .only(|_, rows| rows.windows(2).any(|pair| pair[0].cut != pair[1].cut)),
    Column::new("protocol", "protocol", Part::Identity, 2, |row| {
        let protocol = row.strategy.protocol.clone();
        protocol.map_or(Value::Blank, Value::Text).into()
    })
    .left()
    .only(|_, rows| rows.iter().any(|row| row.protocol.is_some())),
];

const COUNTS: &[Column] = &[
    TRAINED_ON,
    Column::new("correct", "correct", Part::Measured, 5, |row| {
        let seeds = &row.strategy.seeds;
        let sum: Option<u64> = seeds.iter().map(|seed| seed.correct).sum();
        let part = seeds.first().zip(sum).map(|(first, sum)| Value::Part {
            sum,
            seeds: seeds.len() as u64,
            of: first.total,
        });
        part.into()
    })
    // Without classes no example is correct or wrong.
    .only(|_, rows| rows.iter().all(|row| row.columns.is_empty())),
];

const TRAINED_ON: Column = Column::new("trained-on", "trained on", Part::Measured, 5, |row| {
    row.strategy.train_samples.map(Value::Count).into()
});

/// The columns of one figure. That it differs from fold to fold, and what is left of it without
/// duplicates, is known of the accuracy alone.
const FIGURE: &[Column] = &[
    MEAN,
    Column::new(
        "no-duplicates",
        "no duplicates",
        Part::Measured,
        11,
        |row| {
            let without = row.strategy.without_duplicates;
            row.value(without.and_then(|without| without.accuracy), None)
                .into()
        },
    )
    .only(|figure, rows| {
        is_accuracy(figure) && rows.iter().any(|row| row.without_duplicates.is_some())
    }),
    FOLDS,
    INTERVAL,
    Column::new("own", "own test", Part::Measured, 1, |row| {
        let own = row
            .figure
            .and_then(|figure| row.strategy.own.get(figure.id));
        row.value(own.copied(), None).into()
    })
    .only(|figure, rows| {
        let own = |row: &&RowResult| figure.is_some_and(|figure| row.own.contains_key(figure.id));
        rows.iter().any(own)
    }),
];

const ESTIMATE: Column = Column::new("transferability", "", Part::Measured, 3, |row| {
    let estimate = row.estimate.map(|estimate| estimate.id);
    let value = estimate.and_then(|id| row.strategy.transferability.get(id));
    value
        .map(|value| Value::Figure {
            unit: Unit::Number,
            mean: *value,
            std: None,
        })
        .into()
});

const MEAN: Column = Column::new("mean", "", Part::Measured, 0, |row| {
    let failed = &row.strategy.failed;
    if let ([], [failed, ..]) = (row.strategy.seeds.as_slice(), failed.as_slice()) {
        return Value::Text(failed.status.clone()).into();
    }
    let known = row.figure.and_then(|figure| row.strategy.figure(figure));
    let value = match known {
        Some(known) => row.value(Some(known.mean), known.std),
        None => (!row.strategy.seeds.is_empty()).then_some(Value::NotAvailable),
    };
    Cell {
        mark: (!failed.is_empty()).then_some(Mark::Failed),
        ..value.into()
    }
});

const FOLDS: Column = Column::new("folds", "over the folds", Part::Measured, 3, |row| {
    row.value(row.strategy.fold_mean, row.strategy.fold_std)
        .into()
})
.only(|figure, rows| is_accuracy(figure) && rows.iter().any(|row| row.fold_mean.is_some()));

const INTERVAL: Column = Column::new("interval", "95 % interval", Part::Measured, 4, |row| {
    let range = row.figure.and_then(|figure| {
        Some(Value::Range {
            unit: figure.unit,
            interval: row.strategy.interval_of(figure)?,
        })
    });
    range.unwrap_or(Value::Blank).into()
})
.only(|figure, rows| {
    let known = |row: &&RowResult| figure.is_some_and(|figure| row.interval_of(figure).is_some());
    is_accuracy(figure) || rows.iter().any(known)
});

const COST: &[Column] = &[
    Column::new("head", "head", Part::Cost, 7, |row| {
        Value::Text(row.strategy.head.clone()).into()
    })
    .left(),
    SELECTED_ON,
    CHOSEN,
    PARAMETERS,
    Column::new("extract", "extract", Part::Cost, 9, |row| {
        // No features are extracted where the whole network is trained.
        let extract = row
            .seconds(|cost| cost.extract)
            .filter(|extract| *extract != 0.0);
        let reused = row.strategy.features_cached == Some(true);
        Cell {
            mark: (reused && extract.is_some()).then_some(Mark::Reused),
            ..extract.map(Value::Seconds).into()
        }
    }),
    Column::new("fit", "fit", Part::Cost, 8, |row| {
        let fit = row.seconds(|cost| cost.fit);
        let mut seeds = row.strategy.seeds.iter();
        let unconverged = seeds.any(|seed| seed.fit.converged == Some(false));
        Cell {
            mark: (unconverged && fit.is_some()).then_some(Mark::Unconverged),
            ..fit.map(Value::Seconds).into()
        }
    }),
    Column::new("evaluate", "evaluate", Part::Cost, 12, |row| {
        row.seconds(|cost| cost.evaluate).map(Value::Seconds).into()
    }),
    Column::new("frozen", "frozen", Part::Cost, 1, |row| {
        let intact = row.strategy.frozen_intact;
        let proved = row.strategy.proved;
        (intact.map(|intact| Value::Frozen { intact, proved })).into()
    })
    .left(),
];

const PARAMETERS: Column = Column::new("parameters", "parameters", Part::Cost, 10, |row| {
    row.strategy.trainable_parameters.map(Value::Count).into()
});

const COST_IN_ALL: Column = Column::new("cost", "cost", Part::Cost, 9, |row| {
    let in_all = row.seconds(|cost| cost.extract + cost.fit + cost.evaluate);
    in_all.map(Value::Seconds).into()
});

fn is_accuracy(figure: Option<&Figure>) -> bool {
    figure.is_some_and(|figure| figure.id == ACCURACY.id)
}

impl Row<'_> {
    /// A time that the row has taken.
    fn seconds(&self, of: fn(Seconds) -> f64) -> Option<f64> {
        self.strategy.seconds.map(of)
    }

    /// A value of the column's figure.
    fn value(&self, mean: Option<f64>, std: Option<f64>) -> Option<Value> {
        let (figure, mean) = self.figure.zip(mean)?;
        let unit = figure.unit;
        Some(Value::Figure { unit, mean, std })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use topwork_measure::FIGURES;

    use super::*;

    #[test]
    fn every_column_has_an_id_of_its_own() {
        let figures: Vec<&'static Figure> = FIGURES.iter().collect();
        let of_rows = all_columns(&figures, &[]).into_iter().chain([COST_IN_ALL]);
        let all: Vec<String> = of_rows.map(|column| column.id()).collect();
        let different: BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
        assert!(
            all.contains(&"accuracy".to_owned()) && all.contains(&"accuracy-interval".to_owned())
        );
    }
}
