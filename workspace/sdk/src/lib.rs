//! Write topwork plugins in safe Rust: implement a trait, name the type in [`export_plugin!`], build a `cdylib`.
//!
//! ```
//! use topwork_sdk::{Backbone, Blueprint, Component, Error, Host, Layer, NoParameters, backbone, export_plugin};
//!
//! struct Small;
//!
//! impl Component for Small {
//!     const ID: &str = "small";
//!     const ABOUT: &str = "one convolution";
//!     const SCHEMA: &str = NoParameters::SCHEMA;
//!     type Parameters = NoParameters;
//!     fn create(_: Host, _: NoParameters) -> Result<Self, Error> {
//!         Ok(Small)
//!     }
//! }
//!
//! impl Backbone for Small {
//!     fn blueprint(&self) -> Result<Blueprint, Error> {
//!         Ok(Blueprint::new(&[1, 28, 28])
//!             .layer("conv", Layer::conv2d(8, [5, 5]))
//!             .layer("relu", Layer::Relu)
//!             .layer("flatten", Layer::Flatten)
//!             .cut("features"))
//!     }
//! }
//!
//! export_plugin! {
//!     id: "my-plugin",
//!     licence: "MIT OR Apache-2.0",
//!     components: [backbone::<Small>()],
//! }
//! ```
//!
//! Every call from the host enters through one function that checks pointers, catches panics and turns errors into a status
//! and a text. [`drive`] calls a plugin through the same tables in the same process, so that most tests need no shared library.
//!
//! This crate must not know the host or the engine: it sees nothing of ours but the [`abi`], [`images`], [`nearest`], [`sniff`] and [`tensors`].
#![allow(
    unsafe_code,
    reason = "this is where the pointers of the C interface become Rust types"
)]

mod backbone;
mod blueprint;
mod classifier;
mod classifier_facts;
mod classifier_layers;
mod classifier_path;
mod component;
mod cut_rule;
mod dataset;
mod decoder;
pub mod drive;
mod enter;
mod error;
mod extractor;
mod extractor_network;
mod extractor_onnx;
mod head;
mod host;
mod layer;
mod numbers;
mod own_size;
mod parameters;
mod provenance;
mod splits;
mod targets;

pub use backbone::{Backbone, backbone};
pub use blueprint::Blueprint;
pub use classifier::{
    Classifier, Features, FitOptions, FitReport, SavedClassifier, Scores, classifier,
    saved_classifier,
};
pub use classifier_facts::Facts;
pub use classifier_layers::{ClassifierLayers, Metric, Trees, Votes};
pub use component::{Component, ExportedComponent, NoParameters, Plugin};
pub use cut_rule::{CutBackbone, CutPlace, CutRule, Pool, RuleCut, cut_rule};
pub use dataset::{Dataset, Description, Element, Split, dataset};
pub use decoder::{DecodesFiles, FileDecoder, dataset_with_decoder};
pub use error::{Error, ErrorKind};
pub use extractor::{Extraction, Extractor, Normalise, extractor};
pub use extractor_network::GivenNetwork;
pub use extractor_onnx::OnnxModel;
pub use head::{NetworkHead, network_head};
pub use host::{Host, Level};
pub use layer::{
    BatchNorm, BlockOrder, Conv2d, Interpolation, Layer, LocalResponseNorm, Pad, PadMode, Pool2d,
};
pub use own_size::{DecodesImages, OwnSize, dataset_of_image_files, dataset_with_images};
pub use parameters::parameters;
pub use provenance::{Provenance, dataset_with_provenance};
pub use splits::Splits;
pub use targets::{
    Column, LabelColumns, LabelWords, Targets, check_target_numbers, finite_number, indicator,
    position_of, target_number,
};
pub use topwork_abi as abi;
pub use topwork_images as images;
pub use topwork_nearest as nearest;
pub use topwork_sniff as sniff;
pub use topwork_tensors as tensors;
