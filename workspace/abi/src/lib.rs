//! The C ABI between topwork and its plugins: `#[repr(C)]` types, constants, and in their comments the contract.
//!
//! A plugin is a shared library that exports one function, [`ENTRY_SYMBOL`], of type [`EntryFunction`]. Everything else is
//! reached through the [`Entry`] it returns. Authors who write Rust use the sdk and never see this crate.
//!
//! This crate must not know anything: it has no dependencies and holds no code that runs, apart from building a [`Text`] and
//! from reading and filling a [`Table`] no further than its size goes.
//!
//! # Rules that hold everywhere
//!
//! - **Versions.** Same major: compatible. A newer minor only appends fields to tables and adds constants. Every table
//!   starts with `size`, the number of bytes its writer knew (in a table to be filled: has room for); a reader or filler
//!   touches a field only where `size` covers it. A table is never shorter than in the first version that had it;
//!   a field added later counts as zero where `size` does not cover it.
//!   Unknown numbers (a kind, a status) are skipped or treated as failures, never as undefined behaviour: that is why
//!   kinds and statuses are integers here and no enums.
//! - **Ownership.** Nobody frees what the other side allocated. A plugin's tables and texts live until the process ends
//!   unless a field says otherwise (the library is never unloaded). What the host passes into a call lives until that
//!   call returns, apart from [`HostServices`], which lives until the process ends.
//! - **Text** is UTF-8, a pointer and a length, without a terminating zero. An empty text may have a null pointer.
//! - **Errors.** A call that can fail returns a [`Status`]. Any status but [`Status::OK`] may be explained by writing to
//!   the `error` sink: the first line is the message (lowercase, no final period), what follows it is a hint.
//!   Output parameters are meaningful only after [`Status::OK`].
//! - **Unwinding** must not leave a function of either side: a panic or a C++ exception is caught and becomes
//!   [`Status::PANICKED`] (plugin) or is swallowed (host).
//! - **State.** `init` comes before everything but reading the tables; `create` before any call on an instance; `destroy`
//!   after the last one; `deinit` after the last `destroy`.
//! - **Threads.** Any thread may call, but calls on one instance never overlap except where a function says that they may.
//!   Calls on different instances may always overlap.
//! - **Numbers.** Tensors are row-major, images are channels × height × width, labels count from 0.
#![allow(
    unsafe_code,
    reason = "the types of a C interface hold raw pointers and functions that are unsafe to call"
)]

mod backbone;
mod classifier;
mod classifier_layers;
mod component;
mod cut;
mod dataset;
mod decoder;
mod extractor;
mod extractor_network;
mod extractor_onnx;
mod head;
mod host;
mod images;
mod numbers;
mod provenance;
mod table;

pub use backbone::BackboneTable;
pub use classifier::{
    CLASSIFIER_FACTS, CLASSIFIER_PATH, CLASSIFIER_SAVE, CLASSIFIER_SCORES, ClassifierFactsTable,
    ClassifierPathTable, ClassifierSaveTable, ClassifierScoresTable, ClassifierTable, Features,
    FitOptions, FitReport, Scores,
};
pub use classifier_layers::{CLASSIFIER_LAYERS, ClassifierLayersTable};
pub use component::{Component, Instance, Kind};
pub use cut::CutRuleTable;
pub use dataset::{DatasetDescription, DatasetTable, Element, READS_IN_PARALLEL, Split};
pub use decoder::{DATASET_DECODER, DatasetDecoderTable};
pub use extractor::ExtractorTable;
pub use extractor_network::{EXTRACTOR_NETWORK, ExtractorNetworkTable};
pub use extractor_onnx::{EXTRACTOR_ONNX, ExtractorOnnxTable};
pub use head::NetworkHeadTable;
pub use host::{HostServices, Level};
pub use images::{DATASET_IMAGES, DatasetImagesTable};
pub use numbers::{
    CLASSIFIER_NUMBERS, ClassifierNumbersTable, DATASET_MULTILABEL, DATASET_NUMBERS,
    DatasetNumbersTable,
};
pub use provenance::{DATASET_PROVENANCE, DatasetProvenanceTable};
pub use table::{Table, TooShort, fill_table, read_table, table_size};

use core::ffi::c_void;

/// The major number of the ABI described here. A plugin with another one is not opened.
pub const ABI_MAJOR: u32 = 1;

/// The minor number of the ABI described here. 1.0 is the first: datasets, blueprint backbones, network heads, classifiers.
/// 1.1 has extractor backbones and cut rules as well, 1.2 classifiers that say what their scores are and
/// what they do, and that are fitted for several values of a parameter at once, extractors that give their model or are networks, and
/// datasets that say where their samples come from, hand out images at their own size and have numbers as targets.
pub const ABI_MINOR: u32 = 2;

/// The name of the one symbol a plugin exports.
pub const ENTRY_SYMBOL: &str = "topwork_plugin_entry";

/// The type of the exported symbol: it returns the plugin's [`Entry`], or null when it cannot offer one.
///
/// A function and not a constant, because every language can export a function in the same way on every system, and because
/// it lets a plugin put its tables together on the first call. It must be cheap, may be called on any thread and more than
/// once, and returns the same pointer each time.
pub type EntryFunction = unsafe extern "C" fn() -> *const Entry;

/// What a plugin is and what it offers. Its first three fields keep their place in every version of the ABI, so that a host
/// can refuse a plugin of another major with a sentence before it reads anything else.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// The plugin's [`ABI_MAJOR`].
    pub abi_major: u32,
    /// The plugin's [`ABI_MINOR`].
    pub abi_minor: u32,
    /// The plugin's id: 1 to 64 of `a-z`, `0-9` and `-`, unique among the plugins a user has.
    pub id: Text,
    /// The plugin's version, for people: `1.4.0`.
    pub version: Text,
    /// The plugin's licence as an SPDX expression.
    pub licence: Text,
    /// Prepares the whole library; null when there is nothing to prepare. Called once for every host that opens the library
    /// in this process, before the first `create`. `host` is that host's services; work done for an instance uses the
    /// services given to its `create`.
    pub init: Option<unsafe extern "C" fn(host: *const HostServices, error: *const Sink) -> Status>,
    /// Undoes one successful `init`; may be null. No instance made for that host is left.
    pub deinit: Option<unsafe extern "C" fn()>,
    /// `component_count` pointers to components, each not null. Reading them needs no `init`.
    pub components: *const *const Component,
    /// How many components there are.
    pub component_count: usize,
}

// SAFETY: an entry is written once by the plugin before it is shown, is read-only afterwards, and points to data that is too.
unsafe impl Sync for Entry {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Entry {}

/// UTF-8 text that somebody else owns: a pointer to `len` bytes. The pointer may be null when `len` is 0.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Text {
    /// The first byte.
    pub data: *const u8,
    /// The number of bytes.
    pub len: usize,
}

impl Text {
    /// Points at `text`; the caller sees to it that it lives long enough.
    pub const fn new(text: &str) -> Self {
        Text {
            data: text.as_ptr(),
            len: text.len(),
        }
    }
}

/// A place of the caller's to which the callee writes text or bytes whose length nobody knows beforehand.
///
/// It may be used only during the call it was passed to and only on the thread of that call. The caller may cut off what
/// exceeds its limits.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Sink {
    /// Handed back to `write` unchanged.
    pub context: *mut c_void,
    /// Appends `len` bytes, copied before it returns. May be called any number of times, also with parts of a character.
    pub write: unsafe extern "C" fn(context: *mut c_void, data: *const u8, len: usize),
}

/// How a call ended.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u32);

impl Status {
    /// The call did what it is for.
    pub const OK: Status = Status(0);
    /// It failed for a reason that is none of the following.
    pub const FAILED: Status = Status(1);
    /// The parameters, or the shapes the host asks for, are not ones this component can work with: the user's mistake.
    pub const BAD_PARAMETERS: Status = Status(2);
    /// Data that the component needs is missing, altered or unreadable.
    pub const BAD_DATA: Status = Status(3);
    /// The call ended early because the host asked it to stop.
    pub const STOPPED: Status = Status(4);
    /// A panic or an exception was caught at the edge of the plugin. The instance must only be destroyed after that.
    pub const PANICKED: Status = Status(5);
    /// The component does not offer this.
    pub const UNSUPPORTED: Status = Status(6);
    /// The host broke this contract: a null pointer or a table that is too short.
    pub const BAD_CALL: Status = Status(7);
}
