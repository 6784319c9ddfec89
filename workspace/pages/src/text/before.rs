//! What is to be known before the table.

use topwork_measure::{Unit, mean_count, percent, seconds, thousands};
use topwork_results::{Results, SourceResult};

/// What is odd about the data: before any figure.
pub fn remarks(results: &Results) -> String {
    let lines = results.remarks.iter().map(|remark| format!("! {remark}\n"));
    let mut text: String = lines.collect();
    if !text.is_empty() {
        text.push('\n');
    }
    text
}

/// How well the backbones learnt what their features come from, in a line each.
pub fn source(results: &Results) -> String {
    let sources = results.source.iter().chain(&results.other_sources);
    sources.map(line).collect()
}

fn line(source: &SourceResult) -> String {
    let of = (source.backbone.as_ref()).map_or(String::new(), |name| format!(" ({name})"));
    let seeds = source.seeds.len().max(1) as u64;
    let tests = source.total / seeds;
    let over = match seeds {
        1 => String::new(),
        _ => format!("mean of {seeds} seeds, "),
    };
    let interval = source.interval.map_or(String::new(), |interval| {
        format!(" ({over}95 % interval {})", Unit::Share.range(interval))
    });
    format!(
        "source task{of}: {} of {} correct, {}{interval} after {} epoch{}, {}\n",
        mean_count(source.correct, seeds),
        thousands(tests),
        match source.std {
            Some(std) => Unit::Share.spread(source.accuracy, std),
            None => percent(source.accuracy),
        },
        source.epochs,
        if source.epochs == 1 { "" } else { "s" },
        seconds(source.seconds),
    )
}
