//! Computes the tasks of a run: reads and compares the data, trains the source, extracts features, fits and tries rows.
//! A task takes what it needs, asks [`Services`] for the rest and returns what it has made.
//!
//! Deliberately absent: events, run folders, the terminal. Whoever conducts tasks ([`Services`]) tells, keeps and stops.

mod answers;
mod backbone;
mod blocks;
pub mod data;
mod error;
mod evaluate;
mod features;
mod heads;
mod joined;
mod model;
mod network;
mod predictor;
mod proof;
mod row;
mod services;
mod source;
mod strategies;
mod tools;
mod training;

pub use backbone::{Backbone, Trunk};
pub use error::{GraftError, engine, out_of_order};
pub use features::{
    Activations, Extraction, Features, Images, NEAR, NearFound, NearPair, TrunkIdentity,
    engine_kind, near, shape,
};
pub use heads::{FittedHead, LabelForm, LabelHead};
pub use joined::{Tested, mean_scores};
pub use model::{Model, PARTS, STATE, Saved};
pub use network::{
    backbone_blueprint, cut, head_blueprint, initialised, layer_entries, load_weights,
};
pub use predictor::{FeaturePass, Head, Predictor, ReadPart};
pub use proof::{Proof, Proved};
pub use row::{MeasuredRow, RowTask};
pub use services::{Fold, Halt, Held, Progress, Services};
pub use source::Source;
pub use strategies::{Chosen, Fitted, Uncalibrated};
pub use tools::Tools;
pub use topwork_host::Scores;
pub use topwork_measure::predicted;
