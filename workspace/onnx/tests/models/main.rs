//! Models read and made networks; a file for each matter.
#![allow(clippy::unwrap_used, reason = "tests")]

mod activations;
mod attention;
mod classic;
mod names;
mod networks;
mod refusals;
mod small;
mod tokens;
mod windows;
