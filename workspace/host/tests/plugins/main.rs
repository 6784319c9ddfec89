//! The host against real libraries: the first-party plugins, one that misbehaves, and one of another ABI major.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "helpers of tests are tests too"
)]

mod crash;
mod first_party;
mod folders;
mod misbehaviour;
mod stage;
