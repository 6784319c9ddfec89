//! How rows do over several targets.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::Style,
    text::{Line, Span},
};
use topwork_measure::{ENOUGH, p_value};
use topwork_results::RanksOverTargets;

use super::{rows::Sheet, titles::labels};
use crate::{
    figure::Figure,
    layer::Layer,
    panel::{panel, say},
    scroll::first_shown,
    text::{fit, line, pad, width},
    theme::Theme,
};

/// What stands above the ranks, of a run with so many targets.
pub fn heading(ranks: &RanksOverTargets, targets: usize) -> String {
    let over = match ranks.targets.len() {
        over if over < targets => format!("{over} of {targets}"),
        over => over.to_string(),
    };
    let test = match (ranks.p, ranks.critical_difference) {
        (Some(p), Some(difference)) => {
            format!(
                "Friedman {}, critical difference {difference:.2}",
                p_value(p)
            )
        }
        _ => format!("a test needs {ENOUGH} targets"),
    };
    format!("mean ranks over {over} targets · {test}")
}

/// The names of the ranked rows in at most so many columns.
fn names(sheet: &Sheet, ranks: &RanksOverTargets, columns: usize) -> Vec<String> {
    let row = |title: &str| sheet.rows.iter().find(|row| row.result().title == title);
    let rows: Option<Vec<_>> = (ranks.rows.iter())
        .map(|place| Some(row(&place.title)?.result()))
        .collect();
    match rows {
        Some(rows) => labels(&rows, columns),
        None => (ranks.rows.iter())
            .map(|place| fit(&place.title, columns))
            .collect(),
    }
}

/// The mean ranks along one axis; within the critical difference of the selected one none can be told from it.
pub fn draw(theme: Theme, sheet: &Sheet, selected: usize, area: Rect, buffer: &mut Buffer) {
    let Some(ranks) = sheet.ranks.as_ref().filter(|_| !area.is_empty()) else {
        return;
    };
    let inner = panel(theme, "mean rank, 1 is the best", area, buffer, false);
    let columns = usize::from(inner.width);
    let names = names(sheet, ranks, (columns * 4 / 7).min(44));
    let longest = names.iter().map(|name| width(name)).max().unwrap_or(0);
    let room = columns.saturating_sub(longest + 9);
    if room < 8 {
        return say(theme, "there is no room for the ranks", inner, buffer);
    }
    let last = ranks.rows.len().max(2) as f64;
    let at = |rank: f64| {
        let share = (rank - 1.0) / (last - 1.0);
        (share.clamp(0.0, 1.0) * (room - 1) as f64).round() as usize
    };
    let lines = usize::from(inner.height);
    let first = first_shown(selected, ranks.rows.len(), lines);
    let rows = ranks.rows.iter().zip(names).enumerate();
    for (shown, (index, (place, name))) in rows.skip(first).take(lines).enumerate() {
        let mut cells: Vec<(char, Style)> = vec![('·', theme.dim()); room];
        let beside = ranks.critical_difference.filter(|_| index == selected);
        if let Some(difference) = beside {
            let [from, to] = [place.mean_rank - difference, place.mean_rank + difference].map(at);
            for cell in &mut cells[from..=to] {
                *cell = ('━', theme.series(0));
            }
        }
        cells[at(place.mean_rank)] = ('●', theme.title());
        let style = if index == selected {
            theme.selected()
        } else {
            Style::new()
        };
        let mut spans = vec![
            Span::styled(pad(&name, longest, false), style),
            Span::raw(format!("  {:>5.2}  ", place.mean_rank)),
        ];
        let cells = cells.into_iter();
        spans.extend(cells.map(|(symbol, style)| Span::styled(symbol.to_string(), style)));
        line(buffer, inner, shown, Line::from(spans));
    }
}

/// Rank and figure of a row in each of the targets.
fn by_target(sheet: &Sheet, selected: usize) -> Vec<[String; 3]> {
    let place = sheet
        .ranks
        .as_ref()
        .and_then(|ranks| ranks.rows.get(selected));
    let rows = sheet
        .rows
        .iter()
        .filter(|row| place.is_some_and(|place| row.result().title == place.title));
    rows.map(|row| {
        let rank = row
            .result()
            .rank
            .map_or("–".to_owned(), |rank| rank.to_string());
        let figure = row.figure().map_or("–".to_owned(), |figure| {
            let value = Figure::spread(row.ranked_by.unit, figure.mean, figure.std);
            format!("{} {}", row.ranked_by.name, value.whole())
        });
        [row.results.target.clone().unwrap_or_default(), rank, figure]
    })
    .collect()
}

/// The same as text to be read, for what is selected behind the rows.
pub fn details(sheet: &Sheet, selected: usize) -> Option<Layer> {
    let selected = selected.checked_sub(sheet.rows.len())?;
    let place = sheet.ranks.as_ref()?.rows.get(selected)?;
    let lines = by_target(sheet, selected).into_iter();
    let lines = lines.map(|[target, rank, figure]| format!("{target}: rank {rank}, {figure}"));
    Some(Layer::Text {
        title: format!("{}, mean rank {:.2}", place.title, place.mean_rank),
        lines: lines.collect(),
        scroll: 0,
    })
}

/// Draws that.
pub fn draw_by_target(
    theme: Theme,
    sheet: &Sheet,
    selected: usize,
    area: Rect,
    buffer: &mut Buffer,
) {
    let Some(ranks) = sheet.ranks.as_ref().filter(|_| !area.is_empty()) else {
        return;
    };
    let room = usize::from(area.width).saturating_sub(14);
    let name = names(sheet, ranks, room)
        .into_iter()
        .nth(selected)
        .unwrap_or_default();
    let inner = panel(theme, &format!("{name} by target"), area, buffer, false);
    let columns = usize::from(inner.width);
    for (row, [target, rank, figure]) in by_target(sheet, selected).into_iter().enumerate() {
        let figures = format!("{rank:>4}  {figure}");
        let room = columns.saturating_sub(width(&figures) + 1);
        let words = format!("{} {figures}", pad(&target, room, false));
        line(buffer, inner, row, Line::raw(words));
    }
}
