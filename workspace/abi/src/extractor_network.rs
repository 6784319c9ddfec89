//! The ability of an extractor to be a network of topwork.

use crate::{Instance, Sink, Status};

/// Id of the ability of an extractor to be a network that topwork builds, with weights of its own: an
/// [`ExtractorNetworkTable`]. Since 1.2.
pub const EXTRACTOR_NETWORK: &str = "topwork.extractor.network/1";

/// The functions behind [`EXTRACTOR_NETWORK`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ExtractorNetworkTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes the network: its weights to `weights`, a safetensors file with every array of the blueprint under the name
    /// it has there, and to `description` a JSON document:
    ///
    /// ```json
    /// { "format": 1, "blueprint": { "format": 1, "input": [1, 8, 8], "layers": [], "cuts": [] },
    ///   "normalise": "stated", "digest": "file a1b2" }
    /// ```
    ///
    /// `blueprint` is what a [`BackboneTable`](crate::BackboneTable) gives. `normalise` and `digest` mean what they mean in
    /// the description of an extractor. A host that takes the network builds it, trains it, and asks the instance for no
    /// features; it may ask for the network without asking for the description before.
    ///
    /// An instance that is no such network answers [`Status::UNSUPPORTED`], and says to `error` what keeps it from being
    /// one; then it is an extractor as any other.
    pub network: Option<
        unsafe extern "C" fn(
            instance: Instance,
            description: *const Sink,
            weights: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
