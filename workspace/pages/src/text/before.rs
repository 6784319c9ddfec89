//! What is to be known before the table.

use topwork_measure::{Unit, mean_count, percent, seconds, thousands, wilson};
use topwork_results::Results;

/// What is odd about the data: before any figure.
pub fn remarks(results: &Results) -> String {
    let lines = results.remarks.iter().map(|remark| format!("! {remark}\n"));
    let mut text: String = lines.collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// How well the backbone learnt what its features come from, in one line.
pub fn source(results: &Results) -> String {
    let Some(source) = &results.source else {
        return String::new();
    };
    let seeds = source.seeds.len().max(1) as u64;
    let tests = source.total / seeds;
    let interval = wilson(source.accuracy, tests);
    let over = match seeds {
        1 => String::new(),
        _ => format!("mean of {seeds} seeds, "),
    };
    format!(
        "source task: {} of {} correct, {} ({over}95 % interval {}) after {} epoch{}, {}\n",
        mean_count(source.correct, seeds),
        thousands(tests),
        percent(source.accuracy),
        Unit::Share.range(interval),
        source.epochs,
        if source.epochs == 1 { "" } else { "s" },
        seconds(source.seconds),
    )
}
