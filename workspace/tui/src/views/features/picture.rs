//! The features as they are: a panel per class, a column per image, a row per dimension.
//!
//! Every pixel is one value, never a mean: where there is not room for all vectors, some are left out, evenly; of the
//! dimensions those that separate the classes least, or in another order some, evenly.

use ratatui::{buffer::Buffer, layout::Rect, style::Modifier, text::Line, text::Span};
use topwork_store::evenly_spaced;

use super::{Cursor, Features, Order, Selection};
use crate::{
    keys::Action,
    pixels,
    scroll::first_shown,
    text::{fit, line, pad, width},
    theme::Theme,
};

/// A panel narrower than this shows nothing; the classes scroll instead.
const NARROWEST: usize = 6;

/// Most columns of a class's name beside its dimensions.
const AXIS_NAME: usize = 10;

/// Columns of the legend's colours.
const LEGEND: usize = 16;

/// What is drawn where.
struct Grid {
    /// The class of each panel, its room, and the vectors in it by their index in the class.
    panels: Vec<(usize, Rect, Vec<usize>)>,
    /// The dimensions in the present order.
    order: Vec<usize>,
    /// Positions in it, one per row of pixels.
    positions: Vec<usize>,
    /// Where the numbers of the dimensions stand; may have no width.
    axis: Rect,
    /// The classes' names.
    names: Option<u16>,
    /// The mark under the cursor's column.
    marks: Option<u16>,
    /// The value under the cursor.
    values: Option<u16>,
    /// The legend.
    legend: Option<u16>,
}

/// The dimensions in the present order, as columns of the sample, of which so many have room at a time.
fn order(selection: &Selection, features: &Features, room: usize) -> Vec<usize> {
    match selection.order {
        Order::Class if selection.fine => features.by_class(usize::MAX),
        Order::Class => features.by_class(room),
        Order::Separation => features.by_separation.clone(),
        Order::Trunk => features.in_order.clone(),
    }
}

/// The vectors of a class that a panel of this width shows, or that the cursor goes through.
fn vectors(selection: &Selection, features: &Features, class: usize, columns: usize) -> Vec<usize> {
    let all = features.of_class.get(class).map_or(0, Vec::len);
    if !selection.fine {
        return evenly_spaced(all, columns);
    }
    let first = first_shown(selection.cursor.vector, all, columns);
    (first..all.min(first + columns)).collect()
}

fn grid(theme: Theme, selection: &Selection, features: &Features, area: Rect) -> Grid {
    let mut rows = area.y..area.bottom();
    // What matters most is laid out last and so never goes without: the pixels.
    let values = (rows.len() >= 3).then(|| rows.next_back()).flatten();
    let names = (rows.len() >= 2).then(|| rows.next()).flatten();
    let legend = (rows.len() >= 5).then(|| rows.next_back()).flatten();
    let marks = (rows.len() >= 4).then(|| rows.next_back()).flatten();
    let largest = features.sample.dimensions.last().copied().unwrap_or(0);
    let names_in_axis = match selection.order {
        Order::Class => {
            let names = features.sample.classes.iter().map(|name| width(name));
            names.max().unwrap_or(0).min(AXIS_NAME)
        }
        _ => 0,
    };
    let axis_width = match area.width {
        0..24 => 0,
        _ => largest.to_string().len().max(names_in_axis) as u16 + 2,
    };
    let axis = Rect {
        x: area.x,
        y: rows.start,
        width: axis_width,
        height: rows.len() as u16,
    };
    let columns = usize::from(area.width - axis_width);
    let classes = features.of_class.len();
    let fitting = fitting(area.width - axis_width).clamp(1, classes.max(1));
    let first = first_shown(selection.cursor.class, classes, fitting);
    let each = ((columns + 1) / fitting).saturating_sub(1);
    let panels = (first..classes.min(first + fitting))
        .enumerate()
        .map(|(place, class)| {
            let vectors = vectors(selection, features, class, each);
            let room = Rect {
                x: area.x + axis_width + (place * (each + 1)) as u16,
                width: vectors.len() as u16,
                ..axis
            };
            (class, room, vectors)
        })
        .collect();
    let count = rows.len() * pixels::per_cell(theme);
    let order = order(selection, features, count);
    let positions = if selection.fine {
        let first = first_shown(position(selection, &order), order.len(), count);
        (first..order.len().min(first + count)).collect()
    } else {
        evenly_spaced(order.len(), count)
    };
    Grid {
        panels,
        order,
        positions,
        axis,
        names,
        marks,
        values,
        legend,
    }
}

/// Where the cursor's dimension stands in the present order.
fn position(selection: &Selection, order: &[usize]) -> usize {
    (order.iter())
        .position(|dimension| *dimension == selection.cursor.dimension)
        .unwrap_or(0)
}

/// The last of `shown`, which ascend, that is not beyond `wanted`.
fn nearest(shown: &[usize], wanted: usize) -> usize {
    shown
        .partition_point(|one| *one <= wanted)
        .saturating_sub(1)
}

/// The cursor with what it points at, after the picture was laid out: the panel, the column in
/// it, the row of pixels, and the row and the column of the sample.
struct Pointed {
    panel: usize,
    column: usize,
    pixel: usize,
    row: usize,
    dimension: usize,
}

fn pointed(selection: &Selection, features: &Features, grid: &Grid) -> Option<Pointed> {
    let cursor = selection.cursor;
    let panel = (grid
        .panels
        .iter()
        .position(|(class, _, _)| *class == cursor.class))
    .unwrap_or(0);
    let (class, _, vectors) = grid.panels.get(panel)?;
    let column = nearest(vectors, cursor.vector);
    let pixel = nearest(&grid.positions, position(selection, &grid.order));
    Some(Pointed {
        panel,
        column,
        pixel,
        row: *features.of_class.get(*class)?.get(*vectors.get(column)?)?,
        dimension: *grid.order.get(*grid.positions.get(pixel)?)?,
    })
}

/// How many panels have room beside each other.
pub fn fitting(columns: u16) -> usize {
    (usize::from(columns) + 1) / (NARROWEST + 1)
}

/// Draws the picture.
pub fn draw(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    area: Rect,
    buffer: &mut Buffer,
) {
    let grid = grid(theme, selection, features, area);
    let order = &grid.order;
    let per_cell = pixels::per_cell(theme);
    let pointed = pointed(selection, features, &grid);
    for (place, (class, room, vectors)) in grid.panels.iter().enumerate() {
        let focused = pointed.as_ref().is_some_and(|p| p.panel == place);
        if let Some(y) = grid.names {
            let name = features
                .sample
                .classes
                .get(*class)
                .map_or("", String::as_str);
            // One that is wider than its panel may take the gap to the next.
            let name = fit(name, usize::from(room.width).max(NARROWEST));
            let style = match focused {
                true => theme.title(),
                false => theme.series(*class),
            };
            let place = Rect {
                y,
                height: 1,
                width: room.width.max(NARROWEST as u16),
                ..*room
            };
            let place = place.intersection(area);
            line(buffer, place, 0, Line::styled(name, style).centered());
        }
        for (column, vector) in vectors.iter().enumerate() {
            let Some(row) = features
                .of_class
                .get(*class)
                .and_then(|rows| rows.get(*vector))
            else {
                continue;
            };
            let pixel = |index: usize| {
                let dimension = order.get(*grid.positions.get(index)?)?;
                let value = features.value(*row, *dimension)?;
                let scale = match selection.order {
                    Order::Class => features.own_scale.get(*dimension)?,
                    _ => &features.scale,
                };
                Some(scale.position(value))
            };
            for offset in 0..room.height {
                let first = usize::from(offset) * per_cell;
                let bottom = if per_cell == 2 {
                    pixel(first + 1)
                } else {
                    None
                };
                let (symbol, style) = pixels::heat(theme, pixel(first), bottom);
                let at = (room.x + column as u16, room.y + offset);
                if let Some(cell) = buffer.cell_mut(at) {
                    cell.set_char(symbol).set_style(style);
                }
            }
        }
    }
    draw_axis(theme, selection, features, &grid, pointed.as_ref(), buffer);
    if let Some(pointed) = &pointed {
        draw_pointed(theme, features, &grid, pointed, area, buffer);
    }
    if let Some(y) = grid.legend {
        draw_legend(
            theme,
            selection,
            features,
            &grid,
            Rect {
                y,
                height: 1,
                ..area
            },
            buffer,
        );
    }
}

/// The number of the selected dimension; of the others those of the first and the last, or the classes they fire for.
fn draw_axis(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    grid: &Grid,
    pointed: Option<&Pointed>,
    buffer: &mut Buffer,
) {
    if grid.axis.width == 0 {
        return;
    }
    let per_cell = pixels::per_cell(theme);
    let columns = usize::from(grid.axis.width) - 2;
    let number = |pixel: usize| {
        let dimension = grid.order.get(*grid.positions.get(pixel)?)?;
        let number = features.sample.dimensions.get(*dimension)?;
        Some(format!("{number:>columns$}"))
    };
    let last = grid.positions.len().saturating_sub(1);
    let mut rows = Vec::new();
    if selection.order == Order::Class {
        // Where the dimensions of a class begin, its name.
        let class = |pixel: usize| {
            let dimension = grid.order.get(*grid.positions.get(pixel)?)?;
            features.fires_for.get(*dimension).copied()
        };
        let begins = |pixel: &usize| *pixel == 0 || class(*pixel) != class(*pixel - 1);
        for pixel in (0..grid.positions.len()).filter(begins) {
            let Some(class) = class(pixel) else { continue };
            let name = features.sample.classes.get(class);
            let name = pad(name.map_or("", String::as_str), columns, false);
            rows.push((pixel / per_cell, Some(name), theme.series(class), " "));
        }
    } else {
        rows.push((0, number(0), theme.dim(), " "));
        if last / per_cell > 0 {
            rows.push((last / per_cell, number(last), theme.dim(), " "));
        }
    }
    if let Some(pointed) = pointed {
        let style = theme.title();
        rows.push((pointed.pixel / per_cell, number(pointed.pixel), style, "▸"));
    }
    for (row, number, style, mark) in rows {
        let label = format!("{}{mark}", number.unwrap_or_default());
        line(buffer, grid.axis, row, Line::styled(label, style));
    }
}

/// The cell under the cursor, the mark under its column, and the value.
fn draw_pointed(
    theme: Theme,
    features: &Features,
    grid: &Grid,
    pointed: &Pointed,
    area: Rect,
    buffer: &mut Buffer,
) {
    let Some((class, room, _)) = grid.panels.get(pointed.panel) else {
        return;
    };
    let x = room.x + pointed.column as u16;
    let y = room.y + (pointed.pixel / pixels::per_cell(theme)) as u16;
    if let Some(cell) = buffer.cell_mut((x, y)) {
        if pixels::per_cell(theme) == 2 {
            // Half blocks look the same upside down; a mark does not.
            cell.set_char('◆').set_style(theme.bad());
        } else {
            cell.modifier.insert(Modifier::REVERSED);
        }
    }
    if let Some(cell) = grid.marks.and_then(|y| buffer.cell_mut((x, y))) {
        cell.set_char('▲').set_style(theme.active());
    }
    let Some(y) = grid.values else { return };
    let sample = &features.sample;
    let name = sample.classes.get(*class).map_or("", String::as_str);
    let example = sample.examples.get(pointed.row).copied().unwrap_or(0);
    let dimension = sample
        .dimensions
        .get(pointed.dimension)
        .copied()
        .unwrap_or(0);
    let value = features.value(pointed.row, pointed.dimension);
    let spans = vec![
        Span::styled(
            format!(" {}", value.map_or(String::new(), figure)),
            theme.title(),
        ),
        Span::styled(
            format!(
                " · dimension {dimension}, F {} · class {name}, test image {example}",
                separation(features.separation.get(pointed.dimension).copied())
            ),
            theme.dim(),
        ),
    ];
    line(
        buffer,
        Rect {
            y,
            height: 1,
            ..area
        },
        0,
        Line::from(spans),
    );
}

fn separation(f: Option<f64>) -> String {
    match f {
        Some(f) if f.is_infinite() => "infinite".to_owned(),
        Some(f) => format!("{f:.1}"),
        None => String::new(),
    }
}

/// A value with three digits that tell.
fn figure(value: f32) -> String {
    let size = value.abs();
    if size != 0.0 && !(0.001..10_000.0).contains(&size) {
        format!("{value:.2e}")
    } else {
        format!("{value:.3}")
    }
}

/// The colour scale with its ends, and how dimensions are ordered.
fn draw_legend(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    grid: &Grid,
    area: Rect,
    buffer: &mut Buffer,
) {
    let scale = features.scale;
    let (low, high) = match selection.order {
        Order::Class => (" lowest ".to_owned(), " highest".to_owned()),
        _ => (
            format!(
                " {}{} ",
                if scale.beyond[0] { "≤" } else { "" },
                figure(scale.low)
            ),
            format!(
                " {}{}",
                if scale.beyond[1] { "≥" } else { "" },
                figure(scale.high)
            ),
        ),
    };
    let mut spans = vec![Span::styled(low, theme.dim())];
    for step in 0..LEGEND {
        let value = Some(step as f64 / (LEGEND - 1) as f64);
        let (symbol, style) = pixels::heat(theme, value, value);
        spans.push(Span::styled(symbol.to_string(), style));
    }
    spans.push(Span::styled(high, theme.dim()));
    let order = match selection.order {
        Order::Class if selection.fine => "of each dimension; all, by class".to_owned(),
        Order::Class => format!("of each dimension; best {} by class", grid.order.len()),
        Order::Separation => "dimensions by class separation, the best on top".to_owned(),
        Order::Trunk => "dimensions as the trunk gives them".to_owned(),
    };
    let some = if selection.fine {
        "full resolution"
    } else {
        "thinned"
    };
    let used: usize = spans.iter().map(|span| width(&span.content)).sum();
    let text = format!("   {order}; {some}");
    let left = usize::from(area.width).saturating_sub(used);
    spans.push(Span::styled(fit(&text, left), theme.dim()));
    line(buffer, area, 0, Line::from(spans));
}

/// The cursor after a key.
pub fn moved(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    area: Rect,
    action: Action,
) -> Cursor {
    let mut cursor = selection.cursor;
    let grid = grid(theme, selection, features, area);
    let Some(pointed) = pointed(selection, features, &grid) else {
        return cursor;
    };
    let order = &grid.order;
    // In steps of what is shown; at full resolution beyond it, too.
    let positions: Vec<usize> = match selection.fine {
        true => (0..order.len()).collect(),
        false => grid.positions.clone(),
    };
    let at = nearest(&positions, position(selection, order));
    let page = grid.positions.len() / if selection.fine { 1 } else { 4 };
    let to = crate::scroll::moved(at, positions.len(), page, action);
    if let Some(dimension) = positions.get(to).and_then(|position| order.get(*position)) {
        cursor.dimension = *dimension;
    }
    let columns = grid
        .panels
        .get(pointed.panel)
        .map_or(0, |panel| panel.2.len());
    let steps = |class: usize| -> Vec<usize> {
        let all = features.of_class.get(class).map_or(0, Vec::len);
        match selection.fine {
            true => (0..all).collect(),
            false => evenly_spaced(all, columns),
        }
    };
    let here = steps(cursor.class);
    let at = nearest(&here, cursor.vector);
    match action {
        Action::Left if at > 0 => cursor.vector = here[at - 1],
        Action::Left if cursor.class > 0 => {
            cursor.class -= 1;
            cursor.vector = steps(cursor.class).last().copied().unwrap_or(0);
        }
        Action::Right if at + 1 < here.len() => cursor.vector = here[at + 1],
        Action::Right if cursor.class + 1 < features.of_class.len() => {
            cursor.class += 1;
            cursor.vector = 0;
        }
        _ => {}
    }
    cursor
}

/// What is drawn at this place of the terminal.
pub fn at(
    theme: Theme,
    selection: &Selection,
    features: &Features,
    area: Rect,
    column: u16,
    row: u16,
) -> Option<Cursor> {
    let grid = grid(theme, selection, features, area);
    let (class, room, vectors) =
        (grid.panels.iter()).find(|(_, room, _)| room.contains((column, row).into()))?;
    let pixel = usize::from(row - room.y) * pixels::per_cell(theme);
    Some(Cursor {
        class: *class,
        vector: *vectors.get(usize::from(column - room.x))?,
        dimension: *grid.order.get(*grid.positions.get(pixel)?)?,
    })
}
