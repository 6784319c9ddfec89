//! End-to-end tests: the real binary, real plugins, real data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod boundaries;
mod broken_experiments;
mod commands;
mod cuts;
mod dashboard;
mod disk;
mod feature_cache;
mod flagship;
mod folds;
mod grid;
mod hostile_plugins;
mod interruption;
mod onnx_models;
mod resume;
mod runs;
mod samples;
mod small;
mod trust;
mod whole_networks;
