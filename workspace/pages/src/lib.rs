//! The comparison of a run as pages for people: a file for every format, and a line in [`PAGES`].
//! What stands in the columns is said by [`topwork_results`]; how they are laid out, and the words
//! around them, here.
//!
//! Deliberately absent: the terminal (widths are told, colours are not used) and the engine.

mod grid;
mod text;

pub use grid::grid;
pub use text::comparison;
pub use topwork_results::Align;
use topwork_results::Results;

/// A way to write the comparison.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What it is asked for by.
    pub id: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// Writes it; where its lines can be folded, to at most so many characters.
    pub write: fn(&Results, Option<usize>) -> String,
}

/// All of them.
pub const PAGES: &[Page] = &[text::PAGE];
