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
