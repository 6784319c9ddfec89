//! What each kind of task takes, and what is told and kept of what it makes: a file for each.

mod data;
mod elsewhere;
mod features;
mod row;
mod source;
