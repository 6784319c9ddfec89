//! What a dataset knows of its samples besides image and label: what they are called, and which belong together.

use crate::{Instance, Sink, Status};

/// Id of the ability of a dataset to tell the provenance of its samples: a [`DatasetProvenanceTable`].
pub const DATASET_PROVENANCE: &str = "topwork.dataset.provenance/1";

/// The functions behind [`DATASET_PROVENANCE`]. Both write one text for every sample of a split, in its order, each followed by
/// a zero byte, or nothing at all where this instance knows none. A text is 1 to 1,024 bytes long.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DatasetProvenanceTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes what the samples are called, such as the path of an image below its folder. Calls may overlap with others where
    /// those of `read` may.
    pub names: Option<
        unsafe extern "C" fn(
            instance: Instance,
            split: usize,
            texts: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes the group of every sample: samples with the same text, in whatever split, belong together, such as the images of
    /// one patient. The host keeps them in one fold. A dataset that draws splits itself keeps them in one split. Calls may
    /// overlap with others where those of `read` may.
    pub groups: Option<
        unsafe extern "C" fn(
            instance: Instance,
            split: usize,
            texts: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
