//! A run's comparison as pages for people and files for programs: a file for every format, and a line in
//! [`PAGES`]. What stands in the columns is said by [`topwork_results`]; how they are laid out, and the words
//! around them, here.
//!
//! Deliberately absent: the terminal (widths are told, colours are not used), run folders and the engine.

mod csv;
mod grid;
mod html;
mod json;
mod latex;
mod markdown;
mod pictures;
mod report;
mod text;

pub use grid::grid;
pub use report::{ClassFeatures, PageError, Report};
pub use text::{comparison, comparisons};
pub use topwork_results::Align;

/// A way to write a report.
#[derive(Clone, Copy, Debug)]
pub struct Page {
    /// What it is asked for by.
    pub id: &'static str,
    /// What it is, in a few words.
    pub about: &'static str,
    /// How the names of its files end, without the dot.
    pub extension: &'static str,
    /// Writes it; where its lines can be folded, to at most so many characters.
    pub write: fn(&Report, Option<usize>) -> Result<String, PageError>,
}

/// All of them, the one that is written without being asked for first.
pub const PAGES: &[Page] = &[
    text::PAGE,
    markdown::PAGE,
    csv::PAGE,
    latex::PAGE,
    json::PAGE,
    html::PAGE,
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::PAGES;

    #[test]
    fn every_page_has_a_name_and_files_of_its_own() {
        let names: BTreeSet<_> = PAGES.iter().map(|page| page.id).collect();
        let extensions: BTreeSet<_> = PAGES.iter().map(|page| page.extension).collect();
        assert_eq!((names.len(), extensions.len()), (PAGES.len(), PAGES.len()));
    }
}
