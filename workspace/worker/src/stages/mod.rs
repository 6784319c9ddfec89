//! What each kind of task takes, and what is told and kept of what it makes: a file for each.

mod data;
mod features;
mod row;
mod source;

use topwork_measure::{percent, thousands};

/// What came out, for a person.
pub fn correct_of(correct: u64, total: u64) -> String {
    let share = correct as f64 / total.max(1) as f64;
    format!(
        "{} of {} correct, {}",
        thousands(correct),
        thousands(total),
        percent(share)
    )
}
