//! The comparison as text: for a terminal of any width, for a file, for a pipe.

use topwork_events::Scope;
use topwork_measure::{percent, seconds, thousands, wilson};

use crate::{
    ALPHA, FailedSeed, PairResult, Results, SeedResult, StrategyResult, Verdict,
    grid::{Align, grid},
};

/// More pairs than this are not all listed: a grid has hundreds.
const PAIRS: usize = 15;

/// And of those that are not told apart no more than this, or the table is gone from the screen.
const PAIRS_ALIKE: usize = 30;

/// One column: its heading, the side it keeps to, and its cell for a row.
struct Column {
    heading: &'static str,
    align: Align,
    cell: fn(&Row<'_>) -> String,
}

/// What a cell is made from.
struct Row<'a> {
    strategy: &'a StrategyResult,
    rank: Option<usize>,
}

/// The columns that say which row it is: its cut only where rows differ in it.
fn identity_columns(results: &Results) -> impl Iterator<Item = &'static Column> {
    let rows = &results.strategies;
    let cuts = rows.windows(2).any(|pair| pair[0].cut != pair[1].cut);
    IDENTITY.iter().chain(cuts.then_some(&CUT))
}

/// The columns of accuracy: how much it differs from fold to fold only where there are folds, what
/// is left of it without duplicates only where there are such.
fn accuracy_columns(results: &Results) -> impl Iterator<Item = &'static Column> {
    let rows = || results.strategies.iter();
    let folds = rows().any(|row| row.fold_mean.is_some());
    let duplicates = rows().any(|row| row.without_duplicates.is_some());
    (ACCURACY.iter()).flat_map(move |column| {
        let accuracy = column.heading == "accuracy";
        let after = (folds && accuracy).then_some(&FOLDS);
        let without = (duplicates && accuracy).then_some(&WITHOUT_DUPLICATES);
        std::iter::once(column).chain(without).chain(after)
    })
}

/// The whole comparison: table, what its marks mean, pairs that can or cannot be told apart,
/// figures from elsewhere. When the table is wider than `width`, accuracy and cost come as
/// two tables one under the other; without a width it is written out in full.
pub fn comparison(results: &Results, width: Option<usize>) -> String {
    let rows = ranked(results);
    let all = &results.strategies;
    // Columns that tell rows of one strategy apart, where there are such rows.
    let grid = all.iter().any(|row| row.title != row.name);
    let trained_on = grid.then_some(&ACCURACY[0]);
    let identity: Vec<&Column> = identity_columns(results).collect();
    let full: Vec<&Column> = identity
        .iter()
        .copied()
        .chain(accuracy_columns(results))
        .chain(COST)
        .collect();
    let mut text = render(&full, &rows, None);
    let widest = text
        .lines()
        .map(|line| line.chars().count())
        .max()
        .unwrap_or(0);
    if let Some(width) = width.filter(|width| widest > *width) {
        let first: Vec<&Column> = (identity.iter().copied())
            .chain(accuracy_columns(results))
            .collect();
        // What tells a grid's rows apart needs the room of the head, which its rows share.
        let cost = if grid { &COST[1..] } else { COST };
        let second: Vec<&Column> = (identity[1..].iter().copied())
            .chain(trained_on)
            .chain(cost)
            .collect();
        text = render(&first, &rows, Some(width)) + "\n" + &render(&second, &rows, Some(width));
    }
    text.insert_str(0, &source(results));
    text.insert_str(0, &remarks(results));
    for section in [
        marks(results),
        notes(results),
        failures(results),
        pairs(results),
        references(results),
    ] {
        if !section.is_empty() {
            text.push('\n');
            text.push_str(&section);
        }
    }
    text
}

/// The comparison's table as cells, for who draws it otherwise.
pub struct Figures {
    /// Headings, and the side their cells keep to.
    pub columns: Vec<(&'static str, Align)>,
    /// One row per strategy in the order of the file, a cell for every column.
    pub rows: Vec<Vec<String>>,
}

/// The cells of [`comparison`]'s table.
pub fn figures(results: &Results) -> Figures {
    let columns = || {
        identity_columns(results)
            .chain(accuracy_columns(results))
            .chain(COST)
    };
    Figures {
        columns: columns()
            .map(|column| (column.heading, column.align))
            .collect(),
        rows: (ranked(results).iter())
            .map(|row| columns().map(|column| (column.cell)(row)).collect())
            .collect(),
    }
}

const IDENTITY: &[Column] = &[
    Column {
        heading: "",
        align: Align::Right,
        cell: |row| row.rank.map_or(String::new(), |rank| rank.to_string()),
    },
    Column {
        heading: "strategy",
        align: Align::Left,
        cell: |row| row.strategy.name.clone(),
    },
];

const CUT: Column = Column {
    heading: "cut",
    align: Align::Left,
    cell: |row| row.strategy.cut.clone(),
};

const ACCURACY: &[Column] = &[
    Column {
        heading: "trained on",
        align: Align::Right,
        cell: |row| row.figure(row.strategy.train_samples, thousands),
    },
    Column {
        heading: "correct",
        align: Align::Right,
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
        align: Align::Right,
        cell: |row| match (
            row.strategy.seeds.as_slice(),
            row.strategy.failed.as_slice(),
        ) {
            ([], [failed, ..]) => failed.status.clone(),
            (_, failed) => {
                let mark = if failed.is_empty() { "" } else { " ✗" };
                row.measured(|strategy| match (strategy.mean, strategy.std) {
                    (Some(mean), Some(std)) => {
                        format!("{:.2} ± {:.2} %{mark}", mean * 100.0, std * 100.0)
                    }
                    (Some(mean), None) => percent(mean) + mark,
                    (None, _) => String::new(),
                })
            }
        },
    },
    Column {
        heading: "95 % interval",
        align: Align::Right,
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

const FOLDS: Column = Column {
    heading: "over the folds",
    align: Align::Right,
    cell: |row| row.measured(|strategy| over_folds(strategy).unwrap_or_else(|| "–".to_owned())),
};

const WITHOUT_DUPLICATES: Column = Column {
    heading: "no duplicates",
    align: Align::Right,
    cell: |row| {
        let without = row.strategy.without_duplicates;
        row.figure(without.and_then(|without| without.accuracy), percent)
    },
};

/// Mean and spread of the accuracy over folds, `85.60 ± 2.90 %`; `None` without folds.
pub fn over_folds(strategy: &StrategyResult) -> Option<String> {
    let (mean, std) = strategy.fold_mean.zip(strategy.fold_std)?;
    Some(format!("{:.2} ± {:.2} %", mean * 100.0, std * 100.0))
}

const COST: &[Column] = &[
    Column {
        heading: "head",
        align: Align::Left,
        cell: |row| row.strategy.head.clone(),
    },
    Column {
        heading: "parameters",
        align: Align::Right,
        cell: |row| row.figure(row.strategy.trainable_parameters, thousands),
    },
    Column {
        heading: "extract",
        align: Align::Right,
        cell: |row| {
            let cached = row.strategy.features_cached == Some(true);
            row.figure(row.strategy.seconds, |cost| match cost.extract {
                // No features are extracted where the whole network is trained.
                0.0 => "–".to_owned(),
                extract => seconds(extract) + if cached { " *" } else { "" },
            })
        },
    },
    Column {
        heading: "fit",
        align: Align::Right,
        cell: |row| {
            let unconverged = row
                .strategy
                .seeds
                .iter()
                .any(|seed| seed.converged == Some(false));
            row.figure(row.strategy.seconds, |cost| {
                seconds(cost.fit) + if unconverged { " !" } else { "" }
            })
        },
    },
    Column {
        heading: "evaluate",
        align: Align::Right,
        cell: |row| row.figure(row.strategy.seconds, |cost| seconds(cost.evaluate)),
    },
    Column {
        heading: "frozen",
        align: Align::Left,
        cell: |row| {
            row.figure(row.strategy.frozen_intact, |intact| {
                if intact { "❄ ✓" } else { "✗ CHANGED" }.to_owned()
            })
        },
    },
];

impl Row<'_> {
    /// The cell, or a dash while the row has no such figure.
    fn figure<T>(&self, figure: Option<T>, cell: impl Fn(T) -> String) -> String {
        figure.map_or_else(|| "–".to_owned(), cell)
    }

    /// The cell, or a dash while the row has no figures at all.
    fn measured(&self, cell: impl Fn(&StrategyResult) -> String) -> String {
        self.figure(
            (!self.strategy.seeds.is_empty()).then_some(self.strategy),
            cell,
        )
    }
}

/// Ranks by mean accuracy, and only rows measured on the same test examples as the first
/// measured row: figures from other examples cannot be set in one order with them.
fn ranked(results: &Results) -> Vec<Row<'_>> {
    (results.strategies.iter().zip(results.ranks()))
        .map(|(strategy, rank)| Row { strategy, rank })
        .collect()
}

fn render(columns: &[&Column], rows: &[Row<'_>], width: Option<usize>) -> String {
    let headings: Vec<_> = columns
        .iter()
        .map(|column| (column.heading, column.align))
        .collect();
    let cells: Vec<Vec<String>> = (rows.iter())
        .map(|row| columns.iter().map(|column| (column.cell)(row)).collect())
        .collect();
    grid(&headings, &cells, width, true)
}

/// What is odd about the data: before any figure.
fn remarks(results: &Results) -> String {
    let lines = results.remarks.iter().map(|remark| format!("! {remark}\n"));
    let mut text: String = lines.collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// How well the backbone learnt what its features come from, in one line.
fn source(results: &Results) -> String {
    let Some(source) = &results.source else {
        return String::new();
    };
    let seeds = source.seeds.len().max(1) as u64;
    let tests = source.total / seeds;
    let interval = wilson(source.accuracy, tests);
    let (correct, over) = match seeds {
        1 => (thousands(source.correct), String::new()),
        _ => {
            let mean = source.correct as f64 / seeds as f64;
            (format!("{mean:.1}"), format!("mean of {seeds} seeds, "))
        }
    };
    format!(
        "source task: {correct} of {} correct, {} ({over}95 % interval {:.2} – {:.2} %) after {} epoch{}, {}\n",
        thousands(tests),
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
    let folds = measured().find_map(|strategy| {
        let folds = strategy.seeds.first().map_or(0, |seed| seed.folds.len());
        (folds > 0).then_some(folds)
    });
    if let Some(folds) = folds {
        text.push_str(&format!(
            "{folds} folds: every example is classified once, by what was fitted on the other {}; over the folds: mean ± standard deviation\n\
             the interval is somewhat too narrow: it takes no account of the training samples that the fits share\n",
            match folds - 1 {
                1 => "fold".to_owned(),
                others => format!("{others} folds"),
            }
        ));
    }
    if measured().any(|strategy| strategy.without_duplicates.is_some()) {
        text.push_str(
            "no duplicates: the accuracy without the test examples whose image was learnt from, too\n",
        );
    }
    if measured().any(|strategy| strategy.frozen_intact == Some(true)) {
        text.push_str(
            "❄ ✓: all that was frozen has the same SHA-256 after the strategy as before\n",
        );
    }
    if measured().any(|strategy| strategy.features_cached == Some(true)) {
        text.push_str(
            "*: the features were there already; what extracting them took is told again\n",
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

/// What heads say of their fits; once where they say the same with every seed.
fn notes(results: &Results) -> String {
    let mut text = String::new();
    for strategy in &results.strategies {
        let title = &strategy.title;
        let same = |pair: &[SeedResult]| pair[0].note == pair[1].note;
        let all_the_same = strategy.seeds.windows(2).all(same);
        for seed in &strategy.seeds {
            let Some(note) = &seed.note else { continue };
            if all_the_same {
                text.push_str(&format!("{title}: {note}\n"));
                break;
            }
            text.push_str(&format!("{title}, seed {}: {note}\n", seed.seed));
        }
    }
    text
}

/// What could not be measured, and why.
fn failures(results: &Results) -> String {
    let several = (results.strategies.iter())
        .any(|strategy| strategy.seeds.len() + strategy.failed.len() > 1);
    let mut text = String::new();
    for strategy in &results.strategies {
        for failed in &strategy.failed {
            let seed = match several {
                true => format!(", seed {}", failed.seed),
                false => String::new(),
            };
            let FailedSeed { message, .. } = failed;
            text.push_str(&format!("✗ {}{seed}: {message}\n", strategy.name));
        }
    }
    text
}

/// Which pairs can be told apart on the test examples they share; of many, those that cannot.
fn pairs(results: &Results) -> String {
    let mut text = String::new();
    let all = results.pairs.len();
    if all == 0 {
        return text;
    }
    text.push_str(match results.pairs_among {
        Scope::All => "pairs on the same test examples, McNemar mid-p",
        Scope::Families => {
            "pairs of the same cut and number of training samples on the same test examples, McNemar mid-p"
        }
    });
    if results.pairs.iter().any(|pair| pair.seeds.len() > 1) {
        text.push_str(", the largest over the seeds");
    }
    let mut listed: Vec<&PairResult> = results.pairs.iter().collect();
    if all > PAIRS {
        listed.retain(|pair| pair.verdict() != Verdict::Apart);
        text.push_str(&format!(
            ": {} of {} pairs are told apart, p < {ALPHA} with Holm's correction for so many",
            thousands((all - listed.len()) as u64),
            thousands(all as u64)
        ));
        if !listed.is_empty() {
            text.push_str("; the others");
        }
    }
    text.push('\n');
    let more = listed.len().saturating_sub(PAIRS_ALIKE);
    listed.truncate(PAIRS_ALIKE);
    let names = |pair: &PairResult| format!("{} / {}", pair.a, pair.b);
    let lengths = listed.iter().map(|pair| names(pair).chars().count());
    let width = lengths.max().unwrap_or(0);
    for pair in listed {
        let p = if pair.p < 0.0001 {
            "p < 0.0001".to_owned()
        } else {
            format!("p = {:.4}", pair.p)
        };
        let verdict = match pair.verdict() {
            Verdict::Apart => String::new(),
            Verdict::Chance => format!("  ? may be chance among {} pairs", thousands(all as u64)),
            Verdict::Alike => "  ≈ cannot be told apart".to_owned(),
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
    if more > 0 {
        let more = thousands(more as u64);
        text.push_str(&format!(
            "  … and {more} more, under `pairs` in results.json\n"
        ));
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
    // A strategy with several rows has a line for each.
    let mut lines = Vec::new();
    for reference in &results.references {
        let of_strategy = |row: &&StrategyResult| row.name == reference.strategy;
        let mut rows = results.strategies.iter().filter(of_strategy).peekable();
        if rows.peek().is_none() {
            let ours = results.source.as_ref().map(|source| source.accuracy);
            lines.push((reference.strategy.as_str(), ours, reference));
        }
        lines.extend(rows.map(|row| (row.title.as_str(), row.mean, reference)));
    }
    let width = lines
        .iter()
        .map(|(title, ..)| title.chars().count())
        .max()
        .unwrap_or(0);
    for (title, ours, reference) in lines {
        let ours = ours.map_or("–".to_owned(), percent);
        let note = reference
            .note
            .as_ref()
            .map_or(String::new(), |note| format!("  {note}"));
        let theirs = percent(reference.accuracy);
        text.push_str(&format!(
            "  {title:<width$}  ours {ours:>8}  theirs {theirs:>8}{note}\n"
        ));
    }
    text
}
