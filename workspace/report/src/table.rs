//! The comparison as text: for a terminal of any width, for a file, for a pipe.

use comfy_table::{CellAlignment, ContentArrangement, LineStyle, Table, TableStyle};

use topwork_stats::wilson;

use crate::{Results, StrategyResult, number::*};

/// Below this p a pair counts as told apart. A convention, named where it is used.
const ALPHA: f64 = 0.05;

/// One column: its heading, its alignment, and its cell for a row.
struct Column {
    heading: &'static str,
    alignment: CellAlignment,
    cell: fn(&Row<'_>) -> String,
}

/// What a cell is made from.
struct Row<'a> {
    strategy: &'a StrategyResult,
    rank: Option<usize>,
}

/// The whole comparison: table, what its marks mean, pairs that can or cannot be told apart,
/// figures from elsewhere. When the table is wider than `width`, accuracy and cost come as
/// two tables one under the other; without a width it is written out in full.
pub fn comparison(results: &Results, width: Option<usize>) -> String {
    let rows = ranked(&results.strategies);
    let full: Vec<&Column> = IDENTITY.iter().chain(ACCURACY).chain(COST).collect();
    let mut text = render(&full, &rows, None);
    let widest = text
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    if let Some(width) = width.filter(|width| widest > *width) {
        let first: Vec<&Column> = IDENTITY.iter().chain(ACCURACY).collect();
        let second: Vec<&Column> = IDENTITY[1..].iter().chain(COST).collect();
        text = render(&first, &rows, Some(width)) + "\n" + &render(&second, &rows, Some(width));
    }
    text.insert_str(0, &source(results));
    for section in [marks(results), pairs(results), references(results)] {
        if !section.is_empty() {
            text.push('\n');
            text.push_str(&section);
        }
    }
    text
}

const IDENTITY: &[Column] = &[
    Column {
        heading: "",
        alignment: CellAlignment::Right,
        cell: |row| row.rank.map_or(String::new(), |rank| rank.to_string()),
    },
    Column {
        heading: "strategy",
        alignment: CellAlignment::Left,
        cell: |row| row.strategy.name.clone(),
    },
];

const ACCURACY: &[Column] = &[
    Column {
        heading: "trained on",
        alignment: CellAlignment::Right,
        cell: |row| row.measured(|strategy| thousands(strategy.train_samples)),
    },
    Column {
        heading: "correct",
        alignment: CellAlignment::Right,
        cell: |row| {
            row.measured(|strategy| match strategy.seeds.as_slice() {
                [one] => format!("{}/{}", thousands(one.correct), thousands(one.total)),
                seeds => {
                    let mean = seeds.iter().map(|seed| seed.correct).sum::<u64>() as f64
                        / seeds.len() as f64;
                    let total = seeds.first().map_or(0, |seed| seed.total);
                    format!("{mean:.1}/{}", thousands(total))
                }
            })
        },
    },
    Column {
        heading: "accuracy",
        alignment: CellAlignment::Right,
        cell: |row| {
            row.measured(|strategy| match (strategy.mean, strategy.std) {
                (Some(mean), Some(std)) => format!("{:.2} ± {:.2} %", mean * 100.0, std * 100.0),
                (Some(mean), None) => percent(mean),
                (None, _) => String::new(),
            })
        },
    },
    Column {
        heading: "95 % interval",
        alignment: CellAlignment::Right,
        cell: |row| {
            row.strategy.interval.map_or(String::new(), |interval| {
                format!(
                    "{:.2} – {:.2} %",
                    interval.low * 100.0,
                    interval.high * 100.0
                )
            })
        },
    },
];

const COST: &[Column] = &[
    Column {
        heading: "head",
        alignment: CellAlignment::Left,
        cell: |row| row.strategy.head.clone(),
    },
    Column {
        heading: "parameters",
        alignment: CellAlignment::Right,
        cell: |row| row.measured(|strategy| thousands(strategy.trainable_parameters)),
    },
    Column {
        heading: "extract",
        alignment: CellAlignment::Right,
        cell: |row| {
            row.measured(|strategy| {
                let cached = if strategy.features_cached { " *" } else { "" };
                seconds(strategy.seconds.extract) + cached
            })
        },
    },
    Column {
        heading: "fit",
        alignment: CellAlignment::Right,
        cell: |row| {
            row.measured(|strategy| {
                let unconverged = strategy
                    .seeds
                    .iter()
                    .any(|seed| seed.converged == Some(false));
                seconds(strategy.seconds.fit) + if unconverged { " !" } else { "" }
            })
        },
    },
    Column {
        heading: "evaluate",
        alignment: CellAlignment::Right,
        cell: |row| row.measured(|strategy| seconds(strategy.seconds.evaluate)),
    },
    Column {
        heading: "frozen",
        alignment: CellAlignment::Left,
        cell: |row| {
            row.measured(|strategy| {
                if strategy.frozen_intact {
                    "❄ ✓"
                } else {
                    "✗ CHANGED"
                }
                .to_owned()
            })
        },
    },
];

impl Row<'_> {
    /// The cell, or a dash while the row has no figures.
    fn measured(&self, cell: impl Fn(&StrategyResult) -> String) -> String {
        if self.strategy.seeds.is_empty() {
            "–".to_owned()
        } else {
            cell(self.strategy)
        }
    }
}

/// Ranks by mean accuracy, and only rows measured on the same test examples as the first
/// measured row: figures from other examples cannot be set in one order with them.
fn ranked(strategies: &[StrategyResult]) -> Vec<Row<'_>> {
    let test_set = strategies
        .iter()
        .find_map(|strategy| strategy.test_set.as_ref());
    let comparable = |strategy: &StrategyResult| {
        strategy
            .mean
            .filter(|_| strategy.test_set.as_ref() == test_set)
    };
    let competitors = strategies
        .iter()
        .filter(|strategy| comparable(strategy).is_some())
        .count();
    (strategies.iter())
        .map(|strategy| {
            let rank = comparable(strategy)
                .filter(|_| competitors > 1)
                .map(|mean| {
                    1 + strategies
                        .iter()
                        .filter_map(comparable)
                        .filter(|other| *other > mean)
                        .count()
                });
            Row { strategy, rank }
        })
        .collect()
}

fn render(columns: &[&Column], rows: &[Row<'_>], width: Option<usize>) -> String {
    let mut table = Table::new();
    let rule = LineStyle::none().fill('─').junction('─');
    table.load_style(
        TableStyle::new()
            .top_border(rule)
            .header_separator(rule)
            .bottom_border(rule),
    );
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    table.set_header(columns.iter().map(|column| column.heading));
    for row in rows {
        table.add_row(columns.iter().map(|column| (column.cell)(row)));
    }
    for (index, column) in columns.iter().enumerate() {
        if let Some(settings) = table.column_mut(index) {
            settings.set_cell_alignment(column.alignment);
            settings.set_padding((0, 1));
        }
    }
    let lines: Vec<_> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

/// How well the backbone learnt what its features come from, in one line.
fn source(results: &Results) -> String {
    let Some(source) = &results.source else {
        return String::new();
    };
    let seeds = source.seeds.len().max(1) as u64;
    let interval = wilson(source.accuracy, source.total / seeds);
    let mean = if seeds > 1 {
        format!("mean of {seeds} seeds, ")
    } else {
        String::new()
    };
    format!(
        "source task: {} of {} correct, {} ({mean}95 % interval {:.2} – {:.2} %) after {} epoch{}, {}\n",
        thousands(source.correct),
        thousands(source.total),
        percent(source.accuracy),
        interval.low * 100.0,
        interval.high * 100.0,
        source.epochs,
        if source.epochs == 1 { "" } else { "s" },
        seconds(source.seconds),
    )
}

/// What the marks of the table mean; only those that occur.
fn marks(results: &Results) -> String {
    let measured = || {
        results
            .strategies
            .iter()
            .filter(|strategy| !strategy.seeds.is_empty())
    };
    let mut text = String::new();
    if measured().next().is_none() {
        return text;
    }
    text.push_str("95 %: Wilson interval over the test examples");
    text.push_str(if measured().any(|strategy| strategy.std.is_some()) {
        "; mean ± standard deviation over seeds\n"
    } else {
        "\n"
    });
    if measured().any(|strategy| strategy.frozen_intact) {
        text.push_str(
            "❄ ✓: everything before the cut has the same SHA-256 after the strategy as before\n",
        );
    }
    if measured().any(|strategy| strategy.features_cached) {
        text.push_str(
            "*: extracted for an earlier row; that cost is told again, it was not paid again\n",
        );
    }
    if measured().any(|strategy| {
        strategy
            .seeds
            .iter()
            .any(|seed| seed.converged == Some(false))
    }) {
        text.push_str("!: the fit ended before it converged\n");
    }
    let sets: std::collections::BTreeSet<_> = measured()
        .filter_map(|strategy| strategy.test_set.as_ref())
        .collect();
    if sets.len() > 1 {
        text.push_str(
            "rows without a number were measured on other test examples and are not ranked\n",
        );
    }
    text
}

/// Which pairs can be told apart on the test examples they share.
fn pairs(results: &Results) -> String {
    let mut text = String::new();
    if results.pairs.is_empty() {
        return text;
    }
    let several = results.pairs.iter().any(|pair| pair.seeds.len() > 1);
    text.push_str("pairs on the same test examples, McNemar mid-p");
    text.push_str(if several {
        ", the largest over the seeds\n"
    } else {
        "\n"
    });
    let names = |pair: &crate::PairResult| format!("{} / {}", pair.a, pair.b);
    let width = results
        .pairs
        .iter()
        .map(|pair| names(pair).chars().count())
        .max()
        .unwrap_or(0);
    for pair in &results.pairs {
        let p = if pair.p < 0.0001 {
            "p < 0.0001".to_owned()
        } else {
            format!("p = {:.4}", pair.p)
        };
        let verdict = if pair.p < ALPHA {
            ""
        } else {
            "  ≈ cannot be told apart"
        };
        let only = match pair.seeds.as_slice() {
            [one] => format!(
                "  (only one right: {} / {})",
                thousands(one.only_a),
                thousands(one.only_b)
            ),
            _ => String::new(),
        };
        text.push_str(&format!("  {:<width$}  {p}{only}{verdict}\n", names(pair)));
    }
    text
}

/// Figures from elsewhere beside ours.
fn references(results: &Results) -> String {
    let mut text = String::new();
    if results.references.is_empty() {
        return text;
    }
    text.push_str("figures from elsewhere, not ranked\n");
    let width = results
        .references
        .iter()
        .map(|r| r.strategy.chars().count())
        .max()
        .unwrap_or(0);
    for reference in &results.references {
        let ours = if reference.strategy == "source" {
            results.source.as_ref().map(|source| source.accuracy)
        } else {
            let same_name = |strategy: &&StrategyResult| strategy.name == reference.strategy;
            results
                .strategies
                .iter()
                .find(same_name)
                .and_then(|strategy| strategy.mean)
        };
        let ours = ours.map_or("–".to_owned(), percent);
        let note = reference
            .note
            .as_ref()
            .map_or(String::new(), |note| format!("  {note}"));
        let theirs = percent(reference.accuracy);
        text.push_str(&format!(
            "  {:<width$}  ours {ours:>8}  theirs {theirs:>8}{note}\n",
            reference.strategy
        ));
    }
    text
}
