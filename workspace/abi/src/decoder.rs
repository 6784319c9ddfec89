//! Samples from single files: what a finished model needs of a dataset to tell images that belong to none.

use crate::{HostServices, Instance, Sink, Status, Text};

/// Id of the ability of a dataset to turn single files into samples: a [`DatasetDecoderTable`].
pub const DATASET_DECODER: &str = "topwork.dataset.decoder/1";

/// The functions behind [`DATASET_DECODER`]. They work on decoders of their own and not on instances of the dataset, so that no
/// data need exist. A file becomes the numbers that it has as a sample of the dataset, to the bit.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct DatasetDecoderTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Makes a decoder, as `create` of the component makes an instance. `parameters` are those of the dataset; the ones that
    /// say where the data lies, what of it is taken and how it is split are ignored and may be missing. Opens no file.
    pub create: Option<
        unsafe extern "C" fn(
            host: *const HostServices,
            parameters: Text,
            decoder: *mut Instance,
            error: *const Sink,
        ) -> Status,
    >,
    /// Writes channels, height and width of every sample to `shape`, which has room for these three.
    pub shape: Option<
        unsafe extern "C" fn(decoder: Instance, shape: *mut usize, error: *const Sink) -> Status,
    >,
    /// Turns one file into one sample: `len` finite floats, which is channels × height × width. Where the dataset has bytes, they
    /// are divided by 255 in 32 bits. `path` is the path in the system's own bytes (UTF-8 on Windows), `path_len` of them, none
    /// of them zero. [`Status::BAD_DATA`] says that this file gives no sample, and the error text why, to follow the
    /// name of the file: `cannot be decoded: …`, `is empty`. The decoder can be used afterwards. Calls of `decode` may
    /// overlap on one decoder.
    pub decode: Option<
        unsafe extern "C" fn(
            decoder: Instance,
            path: *const u8,
            path_len: usize,
            sample: *mut f32,
            len: usize,
            error: *const Sink,
        ) -> Status,
    >,
    /// Releases a decoder. No call on it is running or will follow.
    pub destroy: Option<unsafe extern "C" fn(decoder: Instance)>,
}
