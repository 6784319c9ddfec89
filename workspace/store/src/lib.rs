//! The folders runs live in: what is written there, by whom, and how it is found again.
//!
//! ```text
//! runs/0007-mnist-transfer/
//!   experiment.toml    the experiment as resolved: defaults filled, overrides applied
//!   manifest.json      versions, plugins with digests, folders, machine
//!   owner.json         the process that looks after the run
//!   events.jsonl       the event stream
//!   call               the plugin call in progress, so that a crash can be attributed
//!   worker.log         what the worker and its plugins print
//!   checkpoints/       weights
//!   predictions/       what every strategy said of every test example
//!   samples/           some feature vectors and test images, for viewers to draw
//!   results.json       the figures, once there are any
//! ```
//!
//! Deliberately absent: the engine, plugins, the terminal.

mod cache;
mod call;
mod error;
mod event_log;
mod folder;
mod manifest;
mod owner;
mod runs;
mod samples;

pub use cache::{CacheEntry, FeatureCache, FeatureKey, Lookup, MappedFeatures};
pub use call::CallRecorder;
pub use error::{StoreError, reason};
pub use event_log::{EventReader, EventWriter, now};
pub use folder::RunFolder;
pub use manifest::{CacheSettings, FileDigest, Machine, Manifest, PluginDigest};
pub use owner::Owner;
pub use runs::Runs;
pub use samples::{FeatureSample, ImageSample, evenly_spaced};
