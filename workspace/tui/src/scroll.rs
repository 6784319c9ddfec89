//! Which of many rows are shown, and which is selected after a key.

use crate::keys::Action;

/// The row after a key that moves by rows.
pub fn moved(row: usize, rows: usize, page: usize, action: Action) -> usize {
    let last = rows.saturating_sub(1);
    match action {
        Action::Up => row.saturating_sub(1),
        Action::Down => row + 1,
        Action::PageUp => row.saturating_sub(page.max(1)),
        Action::PageDown => row + page.max(1),
        Action::First => 0,
        Action::Last => last,
        _ => row,
    }
    .min(last)
}

/// The first row shown, so that the selected one is: in the middle where there is more on both
/// sides.
pub fn first_shown(selected: usize, rows: usize, room: usize) -> usize {
    selected
        .saturating_sub(room / 2)
        .min(rows.saturating_sub(room))
}

/// The lines shown of a list with headings: as [`first_shown`] says, but that the heading of the first line stays on top
/// while it has no line of its own.
pub fn shown_under_headings(
    selected: usize,
    lines: usize,
    room: usize,
    is_heading: impl Fn(usize) -> bool,
) -> Vec<usize> {
    /// Lines below which a heading would hide what is selected.
    const LEAST: usize = 3;
    let mut first = first_shown(selected, lines, room);
    // A heading with none of its lines below it would say nothing.
    let is_last = first < selected && !is_heading(first) && is_heading(first + 1);
    first += usize::from(is_last && first + room < lines);
    let mut shown: Vec<usize> = (first..lines).take(room).collect();
    let heading = (0..=first).rev().find(|line| is_heading(*line));
    if let (true, Some(heading), Some(line)) = (room >= LEAST, heading, shown.first_mut()) {
        *line = heading;
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_stays_with_its_rows() {
        // Lines 0 and 5 are headings.
        let check = |selected, room, expected: &[usize]| {
            let shown = shown_under_headings(selected, 9, room, |line| line % 5 == 0);
            assert_eq!(shown, expected, "{selected} in {room}");
        };
        check(1, 4, &[0, 1, 2, 3]);
        check(3, 4, &[0, 2, 3, 4]);
        check(4, 4, &[0, 3, 4, 5]);
        check(6, 4, &[5, 6, 7, 8]);
        check(7, 4, &[5, 6, 7, 8]);
        check(8, 4, &[5, 6, 7, 8]);
        check(8, 3, &[5, 7, 8]);
        check(4, 1, &[4]);
        check(6, 2, &[5, 6]);
        check(8, 1, &[8]);
        check(8, 20, &[0, 1, 2, 3, 4, 5, 6, 7, 8]);
        check(8, 0, &[]);
        assert!(shown_under_headings(0, 0, 5, |_| true).is_empty());
        assert_eq!(shown_under_headings(3, 4, 3, |_| false), [1, 2, 3]);
    }
}
