//! What every component has, whatever its kind.

use crate::{HostServices, Sink, Status, Text};
use core::ffi::c_void;

/// An instance of a component: the plugin's own, opaque to the host, which only hands it back.
pub type Instance = *mut c_void;

/// One thing a plugin offers: a dataset, a backbone, a head.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Component {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// What it is; decides the type behind `table`. A host skips components of kinds it does not know.
    pub kind: Kind,
    /// The component's id, as written after `use =`: 1 to 64 of `a-z`, `0-9` and `-`. No two datasets, no two backbones
    /// (of either kind), no two cut rules and no two heads (of either kind) of a plugin share one.
    pub id: Text,
    /// One line for people about what it is.
    pub about: Text,
    /// The JSON Schema of the parameters, a JSON object.
    pub parameter_schema: Text,
    /// Makes an instance. `parameters` is a JSON object that fits `parameter_schema`; keys left out mean their defaults.
    /// `host` serves this instance and lives until the process ends. On success `*instance` is set and not null.
    /// It should be quick: heavy work belongs to the first call that needs it.
    pub create: Option<
        unsafe extern "C" fn(
            host: *const HostServices,
            parameters: Text,
            instance: *mut Instance,
            error: *const Sink,
        ) -> Status,
    >,
    /// Releases an instance and everything it handed out. No call on it is running or will follow.
    pub destroy: Option<unsafe extern "C" fn(instance: Instance)>,
    /// The functions of its kind: a [`DatasetTable`](crate::DatasetTable), [`BackboneTable`](crate::BackboneTable),
    /// [`ExtractorTable`](crate::ExtractorTable), [`CutRuleTable`](crate::CutRuleTable),
    /// [`NetworkHeadTable`](crate::NetworkHeadTable) or [`ClassifierTable`](crate::ClassifierTable).
    pub table: *const c_void,
    /// Gives the table of an ability beyond the basic one, asked for by an id with a revision such as
    /// [`CLASSIFIER_SAVE`](crate::CLASSIFIER_SAVE); null means that it is not offered. The function itself may be null.
    pub extension: Option<unsafe extern "C" fn(id: Text) -> *const c_void>,
    /// The plugin's own, handed to `create_in_context` unchanged. Since 1.2.
    pub context: *const c_void,
    /// As `create`, for components that a plugin puts together while it runs, of which one function makes many: such as a bridge to
    /// another language. Where it is not null, a host calls it in place of `create`, which must be there all the same. Since 1.2.
    pub create_in_context: Option<
        unsafe extern "C" fn(
            context: *const c_void,
            host: *const HostServices,
            parameters: Text,
            instance: *mut Instance,
            error: *const Sink,
        ) -> Status,
    >,
}

// SAFETY: a component is written once by the plugin before it is shown, is read-only afterwards, and points to data that is too.
unsafe impl Sync for Component {}
// SAFETY: as above; nothing in it belongs to a thread.
unsafe impl Send for Component {}

/// What a component is. The tens leave room for relatives.
#[repr(transparent)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind(pub u32);

impl Kind {
    /// Labelled images: a [`DatasetTable`](crate::DatasetTable).
    pub const DATASET: Kind = Kind(1);
    /// A backbone given as a description that the host builds and trains: a [`BackboneTable`](crate::BackboneTable).
    pub const BACKBONE_BLUEPRINT: Kind = Kind(10);
    /// A backbone that computes features itself: an [`ExtractorTable`](crate::ExtractorTable). Since 1.1.
    pub const BACKBONE_EXTRACTOR: Kind = Kind(11);
    /// A rule that says where to cut a backbone: a [`CutRuleTable`](crate::CutRuleTable). Since 1.1.
    pub const CUT_RULE: Kind = Kind(20);
    /// A head of layers that the host trains: a [`NetworkHeadTable`](crate::NetworkHeadTable).
    pub const NETWORK_HEAD: Kind = Kind(30);
    /// A head that fits itself to features once: a [`ClassifierTable`](crate::ClassifierTable).
    pub const CLASSIFIER_HEAD: Kind = Kind(31);
}
