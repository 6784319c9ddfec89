//! What a plan comes to: a set of [`Task`]s, a directed graph without cycles. Every task has a key, and the same key means
//! the same bits: what was broken off, what another run has and what is still missing are found by it.
//!
//! | task | needs | makes |
//! |---|---|---|
//! | data | – | labels, sizes, digest of both datasets |
//! | source, per seed | data | the trained backbone with its head |
//! | features of a trunk, per seed | data; the source, where it has its weights | a vector for every example |
//! | row, per seed | data; its features, or the source | predictions and the fitted model |
//!
//! Deliberately absent: files, the engine, plugins' code, the terminal.

mod keys;
mod order;
mod trunk;

pub use keys::Made;
pub use order::{Task, Tasks, Work};
pub use trunk::TrunkId;
