//! Images at their own size: what a dataset hands out for backbones that want other samples than the ones it makes.

use crate::{Instance, Sink, Status};

/// Id of the ability of a dataset to hand out images as they are before it scales them: a [`DatasetImagesTable`].
pub const DATASET_IMAGES: &str = "topwork.dataset.images/1";

/// The functions behind [`DATASET_IMAGES`]. Both write channels (1 or 3), height and width to `shape`, which has room for these
/// three, and the image, channels × height × width bytes, to `pixels`: decoded, the right way up, transparency put on its
/// background, and otherwise as the file has it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DatasetImagesTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// The image behind the sample with this index, which is below the split's length. Calls may overlap with others where those
    /// of `read` may.
    pub read: Option<
        unsafe extern "C" fn(
            instance: Instance,
            split: usize,
            index: u64,
            shape: *mut usize,
            pixels: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
    /// The image in a file, by a decoder that [`DatasetDecoderTable`](crate::DatasetDecoderTable) makes; null where the dataset has none of these. Path,
    /// errors and overlapping calls are as with its `decode`.
    pub decode: Option<
        unsafe extern "C" fn(
            decoder: Instance,
            path: *const u8,
            path_len: usize,
            shape: *mut usize,
            pixels: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
