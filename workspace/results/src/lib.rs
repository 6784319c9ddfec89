//! A run's figures: `results.json`, and the comparison as typed columns. Both are made from the
//! [`topwork_events::RunState`] alone, so that what a screen shows, what a file says and what a
//! recording gives again are the same.
//!
//! Deliberately absent: the terminal, the engine, and how the comparison is laid out.

mod across;
mod columns;
mod estimated;
mod families;
mod from_state;
mod judged;
mod layout;
mod pairs;
mod raw;
mod results;
mod tables;
mod winner;

pub use across::{Across, Apart, Member, across};
pub use columns::{Align, Cell, Column, Mark, Part, Value, columns, side_by_side};
pub use estimated::{Ordered, ordered};
pub use families::{Among, Families};
pub use pairs::{ALPHA, PairResult, PairSeed, PairTest, Verdict};
pub use raw::{Raw, raw};
pub use results::{
    ColumnResult, CountResult, FailedSeed, FigureResult, FoldResult, IntervalBy, LEVEL, Results,
    RowResult, SeedResult, SourceResult, json_schema,
};
pub use tables::{Place, RanksOverTargets, Tables};
pub use winner::Winner;
