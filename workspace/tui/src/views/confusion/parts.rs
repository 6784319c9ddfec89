//! Where the parts of the view are: one matrix on a small terminal, and beside it what else there is room for.

use ratatui::layout::Rect;

use super::{Matrix, lists, matrix};

/// Columns of the lists beside a matrix.
const LISTS: u16 = 46;

/// Columns of what is said below a matrix of few classes.
const WORDS: u16 = 56;

/// The least rows of lists below a matrix.
const BELOW: u16 = 7;

/// Columns and rows between two parts.
const GAP: u16 = 2;

/// Where what is.
#[derive(Clone, Debug, PartialEq)]
pub struct Parts {
    /// The matrix in which a cell is selected.
    pub matrix: Rect,
    /// Recall and precision, and the classes confused most.
    pub lists: Option<Rect>,
    /// Matrices of other strategies with their captions, as many as there may be.
    pub others: Vec<Rect>,
}

/// Cuts an area into its parts.
pub fn parts(classes: &[String], matrix: &Matrix, others: usize, area: Rect) -> Parts {
    let (columns, rows) = matrix::wanted(classes, matrix);
    let whole = Parts {
        matrix: area,
        lists: None,
        others: Vec::new(),
    };
    let count = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
    let (each, rows) = (count(columns), count(rows));
    let columns = each.max(WORDS);
    // Many classes leave the lists their columns and take all others.
    let beside = area.width >= 100 && columns.min(area.width * 3 / 5) + GAP + LISTS <= area.width;
    if beside {
        let lists = count(lists::wanted(matrix));
        let height = rows.max(lists).min(area.height);
        let width = columns.min(area.width - LISTS - GAP);
        let beside = Rect {
            x: area.x + width + GAP,
            width: LISTS,
            height,
            ..area
        };
        let top = Rect {
            width,
            height: if columns <= width {
                rows.min(height)
            } else {
                height
            },
            ..area
        };
        let mut free = Vec::new();
        if columns <= width && rows <= area.height {
            // A caption stands where the heading of the columns does.
            let each = (each, rows - count(matrix::BARE));
            let left = Rect {
                y: area.y + rows + 1,
                height: height.saturating_sub(rows + 1),
                ..top
            };
            let right = Rect {
                x: beside.right() + GAP,
                width: area.right().saturating_sub(beside.right() + GAP),
                height,
                ..area
            };
            let below = Rect {
                y: area.y + height + 1,
                height: area.height.saturating_sub(height + 1),
                ..area
            };
            let places = [left, right, below].into_iter();
            free.extend(places.flat_map(|area| tiles(area, each)).take(others));
        }
        return Parts {
            matrix: top,
            lists: Some(beside),
            others: free,
        };
    }
    if each <= area.width && rows + 1 + BELOW <= area.height {
        let top = Rect {
            height: rows,
            ..area
        };
        let below = Rect {
            y: area.y + rows + 1,
            height: area.height - rows - 1,
            ..area
        };
        return Parts {
            matrix: top,
            lists: Some(below),
            others: Vec::new(),
        };
    }
    whole
}

/// The places of this size in an area, row by row.
fn tiles(area: Rect, (columns, rows): (u16, u16)) -> impl Iterator<Item = Rect> {
    let across = (area.width + GAP) / (columns + GAP);
    let down = (area.height + 1) / (rows + 1);
    (0..down).flat_map(move |row| {
        (0..across).map(move |column| Rect {
            x: area.x + column * (columns + GAP),
            y: area.y + row * (rows + 1),
            width: columns,
            height: rows,
        })
    })
}
