//! The seven views. Each has a selection of its own, draws from a run and that, and acts on the
//! keys that hold in it.

pub mod compare;
pub mod confusion;
pub mod features;
pub mod live;
pub mod log;
pub mod network;
pub mod runs;

use crate::{graphics::Pictures, theme::Theme, watched::Watched};

/// What every view draws from, besides its own selection.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The run that is shown.
    pub run: &'a Watched,
    /// All runs that are followed.
    pub all: &'a [Watched],
    /// How it looks.
    pub theme: Theme,
    /// Where images stand.
    pub pictures: &'a Pictures,
    /// Milliseconds since the Unix epoch.
    pub now: u64,
}

/// Whether a row contains a filter, whatever the case.
pub fn fits(text: &str, filter: &str) -> bool {
    filter.is_empty() || text.to_lowercase().contains(&filter.to_lowercase())
}
