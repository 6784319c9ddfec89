//! The folders runs live in: what is written there, by whom, and how it is found again.
//!
//! ```text
//! runs/0007-mnist-transfer/
//!   experiment.toml    the experiment as resolved: defaults filled, overrides applied
//!   plan.json          the plan made from it, which the worker carries out
//!   manifest.json      versions, plugins with digests, folders, machine
//!   owner.json         the processes that look after the run
//!   heartbeat          their sign of life, every second
//!   stop-requested     there while somebody wants the run to end
//!   events.jsonl       the event stream
//!   call               the plugin call in progress, so that a crash can be attributed
//!   worker.log         what the worker and its plugins print
//!   models/            what every row has fitted
//!   checkpoints/       the backbone as the source left it, and in training/ the states of trainings that are not over
//!   predictions/       what every strategy said of every test example
//!   samples/           some feature vectors and test images, for viewers to draw
//!   results.json       the figures, once there are any
//!   elements/          of the processes that work on it, where these are several; submission.json says who was asked
//!   claims/            which of these does which task
//! ```
//!
//! Deliberately absent: the engine, plugins, the terminal.

mod cache;
mod call;
mod checkpoints;
mod claims;
mod clock;
mod digest;
mod elements;
mod error;
mod event_log;
mod folder;
mod heartbeat;
mod load;
mod manifest;
mod models;
mod owner;
mod replace;
mod request;
mod runs;
mod samples;
mod standing;
mod stream;

pub use cache::{CacheEntry, FeatureCache, Lookup, MappedFeatures};
pub use call::{CallRecorder, LastCall};
pub use checkpoints::{Checkpoints, Found, Unusable};
pub use claims::{Claim, Claimed, Claims};
pub use clock::now;
pub use digest::sha256_of_file;
pub use elements::{Assignment, Submission, element_name};
pub use error::StoreError;
pub use event_log::{EventWriter, open_at_tail};
pub use folder::{RunFolder, RunLock};
pub use heartbeat::Heartbeat;
pub use load::{Load, Meter};
pub use manifest::{CacheSettings, FileDigest, Machine, Manifest, PluginDigest};
pub use models::ModelFolder;
pub use owner::{Owner, Process};
pub use request::StopRequest;
pub use runs::Runs;
pub use samples::{FeatureSample, ImageSample, evenly_spaced};
pub use standing::{Crew, Processes, Signs, Standing};
pub use stream::EventReader;
