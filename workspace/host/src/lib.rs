//! Finds, opens and checks plugins, and turns their components into Rust types.
//!
//! Everything that comes out of a plugin is checked here, before anyone else sees it: lengths, label range, NaN and
//! infinity, UTF-8, duplicate ids, size and depth of JSON; control characters are taken out of its texts. What cannot be
//! checked is a crash: opening a library runs foreign native code, so only a process that may die should do it.
//!
//! This crate must not know the engine (a blueprint is JSON text here) or a terminal (an [`Observer`] hears of everything).
#![allow(
    unsafe_code,
    reason = "calling functions of a shared library is unsafe by nature"
)]

mod backbone;
pub mod bare;
mod call;
mod classifier;
mod cut_rule;
mod dataset;
mod decoder;
mod error;
mod extractor;
mod find;
mod floats;
mod head;
mod json;
mod library;
mod open;
mod plugins;
mod services;
mod streams;
mod text;
mod view;

pub use backbone::Backbone;
pub use classifier::{Classifier, Fit, FitOptions, FittedClassifier, Scores};
pub use cut_rule::{CutPlace, CutRule, RuleCut, RulePool};
pub use dataset::{Dataset, DatasetInfo, Pixel, Split};
pub use decoder::{DecodeError, Decoder};
pub use error::{Ending, ErrorKind, HostError};
pub use extractor::{
    Extractor, ExtractorCut, ExtractorInfo, ExtractorKind, ExtractorModel, ExtractorNetwork,
    ModelLayout, Normalise, Stated,
};
pub use head::NetworkHead;
pub use library::{is_plugin_file_name, plugin_file_names};
pub use plugins::{ComponentInfo, Options, PluginInfo, Plugins, Skipped};
pub use services::{Level, Observer, Silent};
pub use topwork_images::{Filter, Geometry, GeometryError, Image, Pixels, Resize};
pub use topwork_kinds::Kind;
pub use topwork_scoring::ScoringLayers;
pub use view::{DatasetView, Seen};
