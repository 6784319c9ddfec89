//! The experiment file from the outside: messages, plans, and what editors get.

#![allow(
    clippy::unwrap_used,
    reason = "helpers outside of test functions stop a test as well"
)]

mod catalog;
mod cuts;
mod each;
mod editors;
mod further;
mod input;
mod messages;
mod plans;
mod resolved;
mod selection;
mod several;
mod training;
mod warnings;
