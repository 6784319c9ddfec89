//! A run's figures: `results.json`, and the comparison as typed columns. Both are made from the
//! [`topwork_events::RunState`] alone, so that what a screen shows, what a file says and what a
//! recording gives again are the same.
//!
//! Deliberately absent: the terminal, the engine, and how the comparison is laid out.

mod across;
mod columns;
mod families;
mod from_state;
mod judged;
mod layout;
mod raw;
mod results;
mod tables;

pub use across::{Across, Apart, Member, across};
pub use columns::{Align, Cell, Column, Mark, Part, Value, columns, side_by_side};
pub use families::{Among, Families};
pub use raw::{Raw, raw};
pub use results::{
    ALPHA, CountResult, FailedSeed, FigureResult, FoldResult, IntervalBy, LEVEL, PairResult,
    PairSeed, PairTest, Results, RowResult, SeedResult, SourceResult, Verdict, json_schema,
};
pub use tables::{Place, RanksOverTargets, Tables};
