//! The figures for programs: `results.json`.

use crate::{Page, PageError, Report};

/// The page.
pub const PAGE: Page = Page {
    id: "json",
    about: "the figures for programs, as in results.json",
    extension: "json",
    write,
};

fn write(report: &Report, _: Option<usize>) -> Result<String, PageError> {
    Ok(report.tables.to_json()?)
}
