//! Network heads: layers that the host puts on top of the features and trains by gradient.

use crate::{Instance, Sink, Status};

/// The functions of a network head.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct NetworkHeadTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes the head's layers to `blueprint`, a JSON document as in [`BackboneTable`](crate::BackboneTable) without `cuts`.
    /// Its `input` is the feature shape: `rank` numbers at `feature_shape`, `[channels, height, width]`, `[tokens, width]` or
    /// `[features]`.
    /// The last layer gives one logit for each of the `classes`.
    pub network: Option<
        unsafe extern "C" fn(
            instance: Instance,
            feature_shape: *const usize,
            rank: usize,
            classes: usize,
            blueprint: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
