//! The experiment file: from the text as written to a checked [`Plan`].
//!
//! ```text
//! text --Draft::read--> Draft --Draft::check(&Catalog)--> Plan, or Diagnostics with all mistakes
//!                         └-- Draft::uses() --> the components to ask, which fills the Catalog
//! ```
//!
//! Everything about the file's keys stands in one table (`keys`): the checks, the JSON Schema for
//! editors and the reference page come from it.
//!
//! This crate must not know plugins' native code, the engine or the terminal. It does no I/O but
//! two questions: whether a file exists whose path is written in an experiment, and what the
//! variables are that the path names.

mod catalog;
mod check;
mod components;
mod data;
mod diagnostics;
mod draft;
mod each;
mod file_form;
mod further;
mod groups;
mod input;
mod keys;
mod multipliers;
mod overrides;
mod pairs;
mod parameters;
mod paths;
mod plan;
mod protocols;
mod pyramid;
mod reference;
mod refusal;
mod resolved;
mod rules;
mod select;
mod shape;
mod strategies;
mod task;
mod training;
mod tree;
mod view;
mod words;
mod written;

pub use catalog::{
    Catalog, ComponentEntry, ComponentKind, Content, Counted, CutChoice, CutEntry, Described,
    Description, Dims, LayerEntry, Looked, Place as SharedPlace, PluginEntry, Problem,
    SharedImages, SkippedPlugin, Use, UseKind, plain_map,
};
pub use data::{About, Finding, TaskData, TaskRole, learnt_before};
pub use diagnostics::{Category, Diagnostic, Diagnostics};
pub use draft::{Ask, Draft};
pub use further::{TestSet, target_labels};
pub use groups::{Group, GroupCounts};
pub use input::{Input, InputNormalise, NotNormalised};
pub use multipliers::{LayerPattern, MultiplierError, PatternError};
pub use overrides::{OverrideError, apply_overrides};
pub use pairs::{Pair, Plans};
pub use parameters::{check_parameters, resolve_parameters, without_paths};
pub use plan::{
    Cut, CutPoint, Experiment, Pin, Place, Plan, Reference, Row, Source, Start, Strategy, Target,
};
pub use protocols::{ALL as PROTOCOLS, Protocol};
pub use pyramid::pyramid_cells;
pub use reference::{json_schema, reference};
pub use select::{Candidate, Lists, Select, SelectOn};
pub use strategies::StrategyKind;
pub use topwork_images::{Filter, Resize};
pub use training::{Augment, ClassWeights, Loss, Optimizer, Schedule, Train};
pub use words::{Component, DatasetUse, Extractor, Normalise, Pool, Reduction, WantedNormalise};
