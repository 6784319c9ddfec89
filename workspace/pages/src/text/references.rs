//! Figures from elsewhere.

use topwork_measure::{ACCURACY, Figure};
use topwork_results::{Results, RowResult};

/// Figures from elsewhere beside ours.
pub fn references(results: &Results) -> String {
    let mut text = String::new();
    if results.references.is_empty() {
        return text;
    }
    text.push_str("figures from elsewhere, not ranked\n");
    // A strategy with several rows has a line for each.
    let mut lines = Vec::new();
    for reference in &results.references {
        let of_strategy = |row: &&RowResult| row.name == reference.strategy;
        let mut rows = results.strategies.iter().filter(of_strategy).peekable();
        if rows.peek().is_none() {
            let ours = results.source.as_ref().map(|source| source.accuracy);
            let ours = ours.filter(|_| reference.metric == ACCURACY.id);
            lines.push((reference.strategy.as_str(), ours, reference));
        }
        let ours = |row: &RowResult| {
            let known = row.figures.get(&reference.metric);
            known.map(|known| known.mean)
        };
        lines.extend(rows.map(|row| (row.title.as_str(), ours(row), reference)));
    }
    let width = lines
        .iter()
        .map(|(title, ..)| title.chars().count())
        .max()
        .unwrap_or(0);
    for (title, ours, reference) in lines {
        let figure = Figure::named(&reference.metric).unwrap_or(&ACCURACY);
        let value = |value: f64| figure.unit.text(value);
        let ours = ours.map_or("–".to_owned(), value);
        let name = match figure.id == ACCURACY.id {
            true => String::new(),
            false => format!("  {}", figure.name),
        };
        let note = reference
            .note
            .as_ref()
            .map_or(String::new(), |note| format!("  {note}"));
        let theirs = value(reference.value);
        text.push_str(&format!(
            "  {title:<width$}  ours {ours:>8}  theirs {theirs:>8}{name}{note}\n"
        ));
    }
    text
}
