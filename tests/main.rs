//! End-to-end tests: the real binary, real plugins, real data.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by panicking"
)]

mod abi_versions;
mod applied;
mod boundaries;
mod broken_experiments;
mod c_examples;
mod calibration;
mod check_data;
mod cluster;
mod commands;
mod cuts;
mod dashboard;
mod datasets;
mod disk;
mod elsewhere;
mod extractors;
mod feature_cache;
mod figures;
mod first_hour;
mod flagship;
mod folds;
mod grid;
mod heads;
mod hostile_plugins;
mod install;
mod interruption;
mod label_words;
mod number_networks;
mod number_pictures;
mod numbers;
mod onnx_models;
mod plugin_check;
mod plugin_guide;
mod plugin_projects;
mod reports;
mod resume;
mod runs;
mod samples;
mod selection;
mod several;
mod several_columns;
mod shared_examples;
mod small;
mod trust;
mod ways_out;
mod weights;
mod whole_networks;
