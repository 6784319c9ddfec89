//! A run's figures: `results.json`, and the comparison as typed columns. Both are made from the
//! [`topwork_events::RunState`] alone, so that what a screen shows, what a file says and what a
//! recording gives again are the same.
//!
//! Deliberately absent: the terminal, the engine, and how the comparison is laid out.

mod columns;
mod from_state;
mod layout;
mod results;

pub use columns::{Align, Cell, Column, Mark, Part, Value, columns, side_by_side};
pub use results::{
    ALPHA, CountResult, FailedSeed, FigureResult, FoldResult, PairResult, PairSeed, Results,
    RowResult, SeedResult, SourceResult, Verdict,
};
