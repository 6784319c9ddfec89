//! What stands in place of a confusion matrix where several labels are predicted: how well each is recognised.

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line};
use topwork_measure::{OfColumn, PerClass, percent, thousands};

use crate::{
    text::{fit_title, line},
    theme::Theme,
};

/// Draws a line for each label, those with the most examples first, as many as there is room for, and says how many are left out.
pub fn draw(theme: Theme, names: &[String], columns: &[OfColumn], area: Rect, buffer: &mut Buffer) {
    let mut labels: Vec<(&String, &OfColumn, PerClass)> = (names.iter().zip(columns))
        .filter_map(|(name, column)| Some((name, column, PerClass::from(column.counts?))))
        .collect();
    labels.sort_by_key(|(_, _, label)| std::cmp::Reverse(label.support));
    let room = usize::from(area.height.saturating_sub(1));
    let shown = match labels.len() > room {
        true => room.saturating_sub(1),
        false => labels.len(),
    };
    let heading = format!(
        " {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "label", "AP", "precision", "recall", "F1", "examples"
    );
    let mut lines = vec![Line::styled(heading, theme.title())];
    lines.extend(labels.iter().take(shown).map(|(name, column, label)| {
        let precision = column.figures.values().next();
        Line::styled(
            format!(
                " {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}",
                fit_title(name, 19),
                precision.map_or_else(|| "n/a".to_owned(), |value| format!("{value:.4}")),
                percent(label.precision),
                percent(label.recall),
                percent(label.f1),
                thousands(label.support),
            ),
            Style::default(),
        )
    }));
    if shown < labels.len() {
        let more = thousands((labels.len() - shown) as u64);
        let text = format!(" and {more} more, with fewer examples: all are in results.json");
        lines.push(Line::styled(text, theme.dim()));
    }
    for (row, content) in lines.into_iter().enumerate() {
        if row < usize::from(area.height) {
            line(buffer, area, row, content);
        }
    }
}
