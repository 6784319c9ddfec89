//! The test images behind a cell of the matrix, drawn in characters.

use image::RgbImage;
use ratatui::{buffer::Buffer, layout::Rect, text::Line, text::Span};
use topwork_measure::thousands;
use topwork_store::ImageSample;

use super::{Matrix, Selected, Selection};
use crate::{
    keys::Action,
    panel::{panel, say},
    pixels,
    text::{end_of, fit, line, pad, width},
    theme::Theme,
    views::Scene,
};

/// Columns between two images.
const GAP: usize = 2;

/// Narrowest that a tile gets, for what is written under an image.
const NARROWEST: usize = 12;

/// Rows under an image.
const CAPTION: usize = 1;

/// Columns below which an image is not shrunk to have others beside it.
const SMALLEST: f64 = 28.0;

/// How many times its size an image is drawn at most: beyond that there is nothing more to be seen.
const LARGEST: f64 = 6.0;

/// From one size to the next smaller one.
const STEP: f64 = 0.92;

/// Images of a cell, as they are laid out.
struct Tiles {
    /// Size of an image in pixels as drawn.
    width: usize,
    height: usize,
    /// Columns of a tile, the gap included, and its rows.
    columns: usize,
    rows: usize,
    /// Tiles in a row, and rows of tiles.
    across: usize,
    down: usize,
}

/// The positions in the sample of the images of the selected cell.
fn of_cell(selection: &Selection, sample: &ImageSample) -> Vec<usize> {
    let (truth, predicted) = (selection.truth as u32, selection.predicted as u32);
    (sample.labels.iter().zip(&sample.predicted).enumerate())
        .filter(|(_, cell)| *cell == (&truth, &predicted))
        .map(|(index, _)| index)
        .collect()
}

/// How so many images are laid out: as large as they can be with all of them in sight, but never so small that nothing
/// is seen of them.
fn tiles(sample: &ImageSample, count: usize, area: Rect) -> Option<Tiles> {
    let [_, height, width] = sample.shape;
    let (columns, rows) = (usize::from(area.width), usize::from(area.height));
    if height == 0 || width == 0 || columns == 0 || rows <= CAPTION {
        return None;
    }
    // A cell is about twice as high as wide: two pixels on top of each other are square.
    let room = [columns, 2 * (rows - CAPTION)];
    let most = (room[0] as f64 / width as f64).min(room[1] as f64 / height as f64);
    let least = (SMALLEST / width as f64).min(1.0).min(most);
    let scaled = |scale: f64| {
        let scaled = |side: usize| ((side as f64 * scale) as usize).max(1);
        let (width, height) = (scaled(width), scaled(height));
        let tile = [width.max(NARROWEST) + GAP, height.div_ceil(2) + CAPTION];
        Tiles {
            width,
            height,
            columns: tile[0],
            rows: tile[1],
            across: ((columns + GAP) / tile[0]).max(1),
            down: (rows / tile[1]).max(1),
        }
    };
    let scales = std::iter::successors(Some(most.min(LARGEST)), |scale| Some(scale * STEP));
    let fitting = scales
        .take_while(|scale| *scale > least)
        .map(scaled)
        .find(|tiles| tiles.across * tiles.down >= count);
    Some(fitting.unwrap_or_else(|| scaled(least)))
}

/// The room for images, without the frame and the line below.
fn inside(area: Rect) -> Rect {
    let framed = area.height >= 8 && area.width >= 20;
    let (sides, top, below) = match framed {
        true => (2, 1, 2),
        false => (0, 0, u16::from(area.height >= 4)),
    };
    Rect {
        x: area.x + sides,
        y: area.y + top,
        width: area.width - 2 * sides,
        height: area.height - top - below,
    }
}

/// Draws the images.
pub fn draw(
    scene: &Scene<'_>,
    selection: &Selection,
    selected: &Selected<'_>,
    matrix: &Matrix,
    sample: &ImageSample,
    area: Rect,
    buffer: &mut Buffer,
) {
    let theme = scene.theme;
    let (truth, predicted) = (selection.truth, selection.predicted);
    let name = |class: usize| sample.classes.get(class).map_or("", String::as_str);
    let shown = of_cell(selection, sample);
    let all = matrix.count(truth, predicted);
    let inner = inside(area);
    if inner.height < area.height && inner.width < area.width {
        let place = Rect {
            height: area.height - 1,
            ..area
        };
        let what = match truth == predicted {
            true => format!("{}, recognised", name(truth)),
            false => format!("{} taken for {}", name(truth), name(predicted)),
        };
        let (few, all) = (thousands(shown.len() as u64), thousands(all));
        let what = format!("{what}: {few} of {all} · ");
        let room = usize::from(area.width).saturating_sub(4 + width(&what));
        let name = match selected.long {
            true => selected.cut(room),
            false => selected.name.clone(),
        };
        let title = what + &name;
        panel(theme, &title, place, buffer, true);
    }
    let (Some(tiles), false) = (tiles(sample, shown.len(), inner), shown.is_empty()) else {
        let text = match all {
            1.. => "no image of this cell was kept",
            0 => "no test image is in this cell",
        };
        return say(theme, text, inner, buffer);
    };
    let picked = selection.image.unwrap_or(0).min(shown.len() - 1);
    let page = tiles.across * tiles.down;
    for (place, position) in (picked / page * page..shown.len()).take(page).enumerate() {
        let Some(index) = shown.get(position) else {
            break;
        };
        let tile = Rect {
            x: inner.x + (place % tiles.across * tiles.columns) as u16,
            y: inner.y + (place / tiles.across * tiles.rows) as u16,
            width: tiles.columns as u16,
            height: tiles.rows as u16,
        };
        let tile = tile.intersection(inner);
        draw_image(theme, sample, *index, &tiles, tile, buffer);
        let cells = Rect {
            width: tiles.width as u16,
            height: tiles.height.div_ceil(2) as u16,
            ..tile
        };
        // One that is cut has half blocks alone.
        if tile.intersection(cells) == cells {
            scene.pictures.put(cells, || whole(sample, *index));
        }
        let mark = if position == picked { "▸" } else { " " };
        let style = if position == picked {
            theme.title()
        } else {
            theme.dim()
        };
        let score = score(sample, *index, sample.predicted.get(*index).copied());
        let room = usize::from(tile.width).saturating_sub(width(&score) + 2);
        let text = format!("{mark}{} {score}", fit(name(predicted), room));
        let caption = Line::styled(text, style);
        line(
            buffer,
            tile,
            usize::from(tile.height).saturating_sub(CAPTION),
            caption,
        );
    }
    if inner.bottom() < area.bottom()
        && let Some(index) = shown.get(picked)
    {
        let place = Rect {
            y: area.bottom() - 1,
            height: 1,
            ..area
        };
        let words = in_words(
            theme,
            sample,
            *index,
            picked,
            shown.len(),
            usize::from(area.width),
        );
        line(buffer, place, 0, words);
    }
}

fn draw_image(
    theme: Theme,
    sample: &ImageSample,
    index: usize,
    tiles: &Tiles,
    area: Rect,
    buffer: &mut Buffer,
) {
    for row in 0..tiles.height.div_ceil(2) {
        for column in 0..tiles.width {
            let pixel = |y: usize| {
                (y < tiles.height)
                    .then(|| pixel(sample, index, column, y, tiles))
                    .flatten()
            };
            let (symbol, style) = pixels::image(theme, pixel(2 * row), pixel(2 * row + 1));
            let at = (area.x + column as u16, area.y + row as u16);
            if area.contains(at.into())
                && let Some(cell) = buffer.cell_mut(at)
            {
                cell.set_char(symbol).set_style(style);
            }
        }
    }
}

/// An image as it is.
fn whole(sample: &ImageSample, index: usize) -> Option<RgbImage> {
    let [channels, height, width] = sample.shape;
    let begin = index * sample.image_bytes();
    let image = sample.pixels.get(begin..begin + sample.image_bytes())?;
    let planes: Vec<&[u8]> = image.chunks_exact(height * width).collect();
    let [red, green, blue] = match (channels, planes.as_slice()) {
        (3, &[red, green, blue]) => [red, green, blue],
        (_, &[first, ..]) => [first; 3],
        _ => return None,
    };
    let pixels =
        (red.iter().zip(green).zip(blue)).flat_map(|((red, green), blue)| [*red, *green, *blue]);
    RgbImage::from_raw(width as u32, height as u32, pixels.collect())
}

/// A pixel as drawn: the mean of those it stands for.
fn pixel(sample: &ImageSample, index: usize, x: usize, y: usize, tiles: &Tiles) -> Option<[u8; 3]> {
    let [channels, height, width] = sample.shape;
    let begin = index * sample.image_bytes();
    let image = sample.pixels.get(begin..begin + sample.image_bytes())?;
    let span = |at: usize, drawn: usize, all: usize| {
        at * all / drawn..((at + 1) * all / drawn).max(at * all / drawn + 1)
    };
    let mean = |channel: usize| {
        let (mut sum, mut count) = (0_u32, 0_u32);
        for row in span(y, tiles.height, height) {
            for column in span(x, tiles.width, width) {
                let value = image.get((channel * height + row) * width + column);
                sum += u32::from(value.copied().unwrap_or(0));
                count += 1;
            }
        }
        (sum / count.max(1)) as u8
    };
    Some(match channels {
        3 => [mean(0), mean(1), mean(2)],
        _ => [mean(0); 3],
    })
}

fn score(sample: &ImageSample, index: usize, class: Option<u32>) -> String {
    let score = class.and_then(|class| sample.score(index, class));
    score.map_or(String::new(), |score| format!("{score:.2}"))
}

/// The selected image: what it is called, or where it is in the dataset, and its scores, the highest first.
fn in_words(
    theme: Theme,
    sample: &ImageSample,
    index: usize,
    picked: usize,
    count: usize,
    columns: usize,
) -> Line<'static> {
    let example = sample.examples.get(index).copied().unwrap_or(0);
    let mut scores = sample.scores.get(index).cloned().unwrap_or_default();
    scores.sort_by(|a, b| b.1.total_cmp(&a.1));
    let scores: Vec<String> = (scores.into_iter())
        .map(|(class, score)| {
            let name = sample
                .classes
                .get(class as usize)
                .map_or("", String::as_str);
            format!("{name} {score:.2}")
        })
        .collect();
    let head = format!(" {} of {count}", picked + 1);
    let called = match sample.names.get(index) {
        // The end of a path tells more than its beginning.
        Some(name) => end_of(name, columns / 2),
        None => format!("test image {example}"),
    };
    let text = format!(" · {called} · scores {}", scores.join(", "));
    let room = columns.saturating_sub(head.len());
    Line::from(vec![
        Span::styled(head, theme.title()),
        Span::styled(pad(&text, room, false), theme.dim()),
    ])
}

/// The selected image after a key.
pub fn moved(
    selection: &Selection,
    sample: &ImageSample,
    area: Rect,
    image: usize,
    action: Action,
) -> usize {
    let count = of_cell(selection, sample).len();
    let Some(tiles) = tiles(sample, count, inside(area)) else {
        return image;
    };
    let last = count.saturating_sub(1);
    match action {
        Action::Left => image.saturating_sub(1),
        Action::Right => (image + 1).min(last),
        Action::Up => image.checked_sub(tiles.across).unwrap_or(image),
        Action::Down => Some(image + tiles.across)
            .filter(|below| *below <= last)
            .unwrap_or(image),
        _ => crate::scroll::moved(image, count, tiles.across * tiles.down, action),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_taken_from_its_planes() {
        let check = |shape: [usize; 3], index: usize, expected: [[u8; 3]; 2]| {
            let sample = ImageSample {
                classes: Vec::new(),
                shape,
                range: [0.0, 1.0],
                examples: vec![0, 1],
                names: Vec::new(),
                labels: vec![0, 0],
                predicted: vec![0, 0],
                scores: Vec::new(),
                pixels: (1..=2 * shape[0] as u8 * 2).collect(),
            };
            let image = whole(&sample, index);
            let pixels = image.as_ref().map(|image| image.as_raw().as_slice());
            assert_eq!(pixels, Some(expected.as_flattened()));
        };
        // Height 1, width 2: red, green and blue of both pixels lie two bytes apart.
        check([3, 1, 2], 0, [[1, 3, 5], [2, 4, 6]]);
        check([3, 1, 2], 1, [[7, 9, 11], [8, 10, 12]]);
        check([1, 1, 2], 1, [[3, 3, 3], [4, 4, 4]]);
    }
}
