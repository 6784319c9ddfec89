//! A run's figures, for files and for people: `results.json` and the comparison table.
//! Both are made from the [`topwork_events::RunState`] alone, so that what a screen shows,
//! what a file says and what a recording gives again are the same.
//!
//! Deliberately absent: the terminal (widths are told, colours are not used) and the engine.

mod from_state;
mod grid;
mod layout;
mod results;
mod table;

pub use grid::{Align, grid};
pub use results::{
    ALPHA, CountResult, FailedSeed, FigureResult, FoldResult, PairResult, PairSeed, Results,
    SeedResult, SourceResult, StrategyResult, Verdict,
};
pub use table::{Figures, comparison, figures, over_folds};
