//! A fitted model (trunk, reduction, head) as one ONNX file that proves itself, or its weights as one safetensors file.
//!
//! [`Exported::to_onnx`] writes the file, [`prove`] runs it by a runtime that has nothing in common with the engine and says how
//! far its answers are those there were, [`append_metadata`] puts that into the file.
//!
//! This crate must not know plugins, run folders or the terminal: everything comes in and goes out as values and bytes.

mod error;
mod graph;
mod labels;
mod model;
mod network;
mod onnx_file;
mod proof;
mod reduce;
mod scoring;
mod trees;

pub use error::ExportError;
pub use labels::{LabelHead, OneLabel, PairScore};
pub use model::{
    CLASS, Exported, FEATURES, Head, IMAGES, NUMBERS, OPERATOR_SET, SCORES, Trunk, append_metadata,
};
pub use onnx_file::{Layout, OnnxFile};
pub use proof::{Agreement, Images, ProofError, prove};
pub use reduce::Components;
