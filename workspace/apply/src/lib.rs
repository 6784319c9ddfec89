//! Puts what a run has fitted to use, in a process of its own, because plugins are native code: classifies images, extracts
//! features, measures rows on other data.
//!
//! Deliberately absent: how anything is computed (that is `topwork-graft`), how a run is conducted, the terminal.

mod cuts;
mod error;
mod evaluate;
mod export;
mod features;
mod images;
mod opened;
mod predict;
mod request;
mod rows;
mod serve;
mod speaker;

pub use error::ApplyError;
pub use export::told;
pub use request::{
    BareBackbone, Done, Export, Fits, Images, LabelledData, Output, Request, Said, Split, TrunkOf,
    Work, Written,
};
pub use serve::serve;
pub use speaker::stop;
pub use topwork_export::{Agreement, append_metadata};
