//! The columns of the comparison, typed: what a row says in each. Pages write them, the dashboard
//! draws them and sorts by them; in which words a value is said stands here, once.

mod selected;

use std::fmt;

use topwork_events::{Proved, Seconds};
use topwork_measure::{ACCURACY, Figure, Interval, Unit, mean_count, seconds, thousands};

use crate::{Results, RowResult};
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

/// A value with what is to be known of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Cell {
    /// The value.
    pub value: Value,
    /// What is to be known of it.
    pub mark: Option<Mark>,
}

/// A value as it is, in no words yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Nothing is to be said.
    Blank,
    /// It is not known, or there is no such thing.
    Missing,
    /// The row is measured, and has no such figure.
    NotAvailable,
    /// Words.
    Text(String),
    /// A place in an order, from 1.
    Rank(usize),
    /// A whole number.
    Count(u64),
    /// So many of the same examples with every seed.
    Part {
        /// With all seeds together.
        sum: u64,
        /// Seeds.
        seeds: u64,
        /// Examples with one seed.
        of: u64,
    },
    /// A figure.
    Figure {
        /// Of what it is.
        unit: Unit,
        /// Its mean.
        mean: f64,
        /// Its standard deviation, where there are several.
        std: Option<f64>,
    },
    /// Where a figure lies.
    Range {
        /// Of what it is.
        unit: Unit,
        /// From where to where.
        interval: Interval,
    },
    /// A time span.
    Seconds(f64),
    /// Whether what was frozen stayed as it was, and what says so, where it is known.
    Frozen {
        /// Whether it did.
        intact: bool,
        /// What was looked at.
        proved: Option<Proved>,
    },
}

/// What is to be known of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// Some seeds are missing: the row failed with them.
    Failed,
    /// It was there already; what it took is told again.
    Reused,
    /// The fit ended before it converged.
    Unconverged,
}

/// What a cell is made from.
struct Row<'a> {
    strategy: &'a RowResult,
    rank: Option<usize>,
    figure: Option<&'static Figure>,
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
        self.values_of().map_or(self.heading, |figure| figure.name)
    }

    /// What it says of a row.
    pub fn cell(&self, strategy: &RowResult, rank: Option<usize>) -> Cell {
        let figure = self.figure;
        (self.cell)(&Row {
            strategy,
            rank,
            figure,
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
    in_use(all.chain(of_figures(&figures, FIGURE)).chain(cost), &rows)
}

/// All columns there are of rows with these figures, whether they tell rows apart or not.
pub(crate) fn all_columns(figures: &[&'static Figure]) -> Vec<Column> {
    let of_rows = IDENTITY.iter().chain(COUNTS).copied();
    of_rows
        .chain(of_figures(figures, FIGURE))
        .chain(COST.iter().copied())
        .collect()
}

/// The columns of these figures and of the cost of rows from several runs.
pub fn side_by_side(figures: &[&'static Figure], rows: &[&RowResult]) -> Vec<Column> {
    let figures = of_figures(figures, &[MEAN, FOLDS, INTERVAL]);
    in_use(figures.chain([TRAINED_ON, PARAMETERS, COST_IN_ALL]), rows)
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
    Column::new("correct", "correct", Part::Measured, 2, |row| {
        let seeds = &row.strategy.seeds;
        let part = seeds.first().map(|first| Value::Part {
            sum: seeds.iter().map(|seed| seed.correct).sum(),
            seeds: seeds.len() as u64,
            of: first.total,
        });
        part.into()
    }),
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

impl From<Value> for Cell {
    fn from(value: Value) -> Self {
        Self { value, mark: None }
    }
}

impl From<Option<Value>> for Cell {
    fn from(value: Option<Value>) -> Self {
        value.unwrap_or(Value::Missing).into()
    }
}

impl Mark {
    /// As it stands behind a value.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Failed => "✗",
            Self::Reused => "*",
            Self::Unconverged => "!",
        }
    }
}

impl Value {
    /// What rows are put in order by; `None` where that is not a number.
    pub fn number(&self) -> Option<f64> {
        match self {
            Self::Blank
            | Self::Missing
            | Self::NotAvailable
            | Self::Text(_)
            | Self::Frozen { .. } => None,
            Self::Rank(rank) => Some(*rank as f64),
            Self::Count(count) => Some(*count as f64),
            Self::Part { sum, .. } => Some(*sum as f64),
            Self::Figure { mean, .. } => Some(*mean),
            Self::Range { interval, .. } => Some(interval.low),
            Self::Seconds(seconds) => Some(*seconds),
        }
    }
}

/// As a person reads it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blank => Ok(()),
            Self::Missing => f.write_str("–"),
            Self::NotAvailable => f.write_str("n/a"),
            Self::Text(text) => f.write_str(text),
            Self::Rank(rank) => write!(f, "{rank}"),
            Self::Count(count) => f.write_str(&thousands(*count)),
            Self::Part { sum, seeds, of } => {
                write!(f, "{}/{}", mean_count(*sum, *seeds), thousands(*of))
            }
            Self::Figure { unit, mean, std } => f.write_str(&match std {
                Some(std) => unit.spread(*mean, *std),
                None => unit.text(*mean),
            }),
            Self::Range { unit, interval } => f.write_str(&unit.range(*interval)),
            Self::Seconds(span) => f.write_str(&seconds(*span)),
            Self::Frozen { intact: false, .. } => f.write_str("✗ CHANGED"),
            Self::Frozen { proved, .. } => match proved {
                Some(Proved::Weights { frozen, of }) if frozen < of => {
                    write!(f, "❄ ✓ {} of {}", thousands(*frozen), thousands(*of))
                }
                Some(Proved::Answers { images }) => write!(f, "◎ ✓ {images} images"),
                Some(Proved::Weights { .. }) | None => f.write_str("❄ ✓"),
            },
        }
    }
}

/// The value, and behind it its mark.
impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)?;
        match self.mark {
            Some(mark) => write!(f, " {}", mark.sign()),
            None => Ok(()),
        }
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
        let of_rows = all_columns(&figures).into_iter().chain([COST_IN_ALL]);
        let all: Vec<String> = of_rows.map(|column| column.id()).collect();
        let different: BTreeSet<&String> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
        assert!(
            all.contains(&"accuracy".to_owned()) && all.contains(&"accuracy-interval".to_owned())
        );
    }

    #[test]
    fn values_in_words() {
        let check = |value: Value, words: &str| assert_eq!(value.to_string(), words);
        let part = |sum, seeds| Value::Part {
            sum,
            seeds,
            of: 4861,
        };
        let unit = Unit::Share;
        let (mean, interval) = (
            0.871,
            Interval {
                low: 0.8,
                high: 0.9,
            },
        );
        check(Value::Missing, "–");
        check(Value::Rank(1000), "1000");
        check(Value::Count(1000), "1,000");
        check(part(4796, 1), "4,796/4,861");
        check(part(9593, 2), "4796.5/4,861");
        check(
            Value::Figure {
                unit,
                mean,
                std: None,
            },
            "87.10 %",
        );
        check(
            Value::Figure {
                unit,
                mean,
                std: Some(0.023),
            },
            "87.10 ± 2.30 %",
        );
        check(Value::Range { unit, interval }, "80.00 – 90.00 %");
        check(Value::Seconds(0.0421), "42 ms");
        let frozen = |intact, proved| Value::Frozen { intact, proved };
        let weights = |frozen| Some(Proved::Weights { frozen, of: 25_570 });
        let answers = Some(Proved::Answers { images: 16 });
        check(frozen(true, None), "❄ ✓");
        check(frozen(true, weights(25_570)), "❄ ✓");
        check(frozen(true, weights(520)), "❄ ✓ 520 of 25,570");
        check(frozen(true, answers), "◎ ✓ 16 images");
        check(frozen(false, answers), "✗ CHANGED");
        let mark = Some(Mark::Failed);
        let cell = Cell {
            value: Value::Count(3),
            mark,
        };
        assert_eq!(cell.to_string(), "3 ✗");
    }
}
