//! What a run tells: a stream of typed events, one JSON object a line, and the reducer
//! that turns the stream into a [`RunState`].
//!
//! The stream is a run's only output: screens, plain lines, tables and recordings are its
//! readers. Deliberately absent: input and output, the engine, plugins.

mod came;
mod curve;
mod data;
mod elements;
mod event;
mod judging;
mod keyed;
mod outcome;
mod parts;
mod selection;
mod state;

pub use came::{Came, From, Made, Sizes};
pub use curve::Curve;
pub use data::{Copy, Counts, DataContent, DataRemarks, Duplicates, Near, SplitContent};
pub use elements::Element;
pub use event::{
    CutPlan, EndStatus, Event, FORMAT, LayerPlan, LogLevel, NetworkPlan, Record, Reference,
    RowPlan, RunPlan, StageKind, StagePlan, Start,
};
pub use judging::{Judging, is_uneven};
pub use keyed::{Key, Keyed};
pub use outcome::{
    Agreement, Calibrated, Elsewhere, Failure, FoldOutcome, Outcome, Proved, Resampled, Seconds,
    SourceOutcome,
};
pub use parts::Part;
pub use selection::{Chosen, SelectedOn, Selection, chosen_words, value_words};
pub use topwork_measure::EpochFigures;

pub use state::{Ending, LogLine, RunState, StageState, StageStatus};
