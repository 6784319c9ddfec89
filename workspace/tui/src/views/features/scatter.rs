//! The plane in which the features vary most, a mark per image.

use std::collections::HashSet;

use ratatui::{buffer::Buffer, layout::Rect, style::Style, text::Line, text::Span};
use topwork_measure::percent;

use super::{Features, Selection};
use crate::{
    chart::flow,
    keys::Action,
    panel::{panel, say},
    text::{line, width},
    theme::Theme,
};

/// Marks of classes whose names do not begin with letters of their own.
const MARKS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// A mark for every class, so that colour is never alone: the first character of its name where
/// that tells the classes apart.
fn marks(classes: &[String]) -> Vec<char> {
    let first = |name: &String| name.chars().next().filter(|c| width(&c.to_string()) == 1);
    let initials: Vec<Option<char>> = classes.iter().map(first).collect();
    let distinct: HashSet<char> = initials.iter().flatten().copied().collect();
    if distinct.len() == classes.len() {
        initials.into_iter().flatten().collect()
    } else {
        MARKS.chars().cycle().take(classes.len()).collect()
    }
}

/// Draws the plane.
pub fn draw(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    area: Rect,
    buffer: &mut Buffer,
) {
    let Some(plane) = &features.plane else {
        return say(theme, "these features do not vary", area, buffer);
    };
    let classes = &features.sample.classes;
    let marks = marks(classes);
    let legend = legend(theme, selection, classes, &marks, area);
    let rows = legend.len() as u16;
    let room = Rect {
        height: area.height - rows,
        ..area
    };
    let title = format!(
        "first component {} of the variance →, second {} ↑",
        percent(plane.explained[0]),
        percent(plane.explained[1])
    );
    let inner = panel(theme, &title, room, buffer, false);
    draw_points(
        theme,
        selection,
        features,
        &plane.points,
        &marks,
        inner,
        buffer,
    );
    let below = Rect {
        y: room.bottom(),
        height: rows,
        ..area
    };
    for (row, spans) in legend.into_iter().enumerate() {
        line(buffer, below, row, spans);
    }
}

fn draw_points(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    points: &[[f32; 2]],
    marks: &[char],
    area: Rect,
    buffer: &mut Buffer,
) {
    if area.is_empty() {
        return;
    }
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    let range = |axis: usize| {
        (points.iter()).fold([f32::INFINITY, f32::NEG_INFINITY], |[low, high], point| {
            [low.min(point[axis]), high.max(point[axis])]
        })
    };
    let ranges = [range(0), range(1)];
    let place = |point: &[f32; 2], axis: usize, cells: usize| {
        let [low, high] = ranges[axis];
        let share = if high > low {
            (point[axis] - low) / (high - low)
        } else {
            0.5
        };
        ((share * (cells - 1) as f32).round() as usize).min(cells - 1)
    };
    // Where several classes meet in a cell, the one with the most images there is drawn, or the
    // one that is picked out.
    let mut placed: Vec<(usize, usize)> = (points.iter().zip(&features.sample.labels))
        .map(|(point, label)| {
            let row = rows - 1 - place(point, 1, rows);
            (row * columns + place(point, 0, columns), *label as usize)
        })
        .filter(|(_, class)| *class < marks.len())
        .collect();
    placed.sort_unstable();
    for here in placed.chunk_by(|a, b| a.0 == b.0) {
        let classes = || here.chunk_by(|a, b| a == b);
        let picked = (classes().flatten()).find(|(_, class)| selection.class == Some(*class));
        let most = || classes().rev().max_by_key(|same| same.len())?.first();
        let Some((cell, class)) = picked.or_else(most).copied() else {
            continue;
        };
        let at = (
            area.x + (cell % columns) as u16,
            area.y + (cell / columns) as u16,
        );
        if let (Some(cell), Some(mark)) = (buffer.cell_mut(at), marks.get(class)) {
            cell.set_char(*mark)
                .set_style(style(theme, selection, class));
        }
    }
}

/// A class's colour; what is not picked out steps back.
fn style(theme: Theme, selection: &Selection, class: usize) -> Style {
    match selection.class {
        Some(picked) if picked == class => theme.series(class).patch(theme.key()),
        Some(_) => theme.dim(),
        None => theme.series(class),
    }
}

/// The marks with the names of their classes, in as many lines as there is room for.
fn legend(
    theme: Theme,
    selection: &Selection,
    classes: &[String],
    marks: &[char],
    area: Rect,
) -> Vec<Line<'static>> {
    let entries = classes.iter().zip(marks).enumerate();
    let entries = entries.map(|(class, (name, mark))| {
        let text = match name.chars().eq([*mark]) {
            true => mark.to_string(),
            false => format!("{mark} {name}"),
        };
        Line::styled(text, style(theme, selection, class))
    });
    let most = usize::from(area.height / 3);
    let columns = usize::from(area.width).saturating_sub(1);
    let mut lines = match most {
        0 => Vec::new(),
        most => flow(entries.collect(), columns, most),
    };
    for line in &mut lines {
        line.spans.insert(0, Span::raw(" "));
    }
    lines
}

/// The class picked out after a key: none, then one after the other.
pub fn moved(selection: &Selection, features: &Features, action: Action) -> Option<usize> {
    let classes = features.sample.classes.len();
    let picked = selection.class;
    match action {
        Action::Right | Action::Down => match picked {
            None => Some(0).filter(|_| classes > 0),
            Some(class) => Some(class + 1).filter(|next| *next < classes),
        },
        Action::Left | Action::Up => match picked {
            None => classes.checked_sub(1),
            Some(class) => class.checked_sub(1),
        },
        _ => picked,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_has_a_mark() {
        let check = |names: &[&str], expected: &str| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            assert_eq!(marks(&names).into_iter().collect::<String>(), expected);
        };
        check(&["5", "6", "7"], "567");
        check(&["cat", "dog"], "cd");
        check(&["cat", "cow"], "ab");
        check(&["数", "字"], "ab");
        check(&["", "x"], "ab");
        check(&[], "");
    }
}
