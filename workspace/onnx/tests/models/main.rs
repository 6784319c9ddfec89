//! Models read and made networks; a file for each matter.
#![allow(clippy::unwrap_used, reason = "tests")]

mod activations;
mod networks;
mod refusals;
mod small;
