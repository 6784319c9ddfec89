//! What an extractor computes, given as a model file in the ONNX format.

use crate::{Instance, Sink, Status};

/// Id of the ability of an extractor to give what it computes as a file in the ONNX format: an [`ExtractorOnnxTable`]. Since 1.2.
pub const EXTRACTOR_ONNX: &str = "topwork.extractor.onnx/1";

/// The functions behind [`EXTRACTOR_ONNX`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ExtractorOnnxTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes a model that computes the features at the cut with position `cut` from normalised samples: its file to `model`,
    /// with all of its weights within, and to `description` a JSON document:
    ///
    /// ```json
    /// { "format": 1, "input": "image", "layout": "nchw", "output": "gap", "batch": 1 }
    /// ```
    ///
    /// `input` and `output` are names of tensors in the file. `input` takes samples as `forward` does, each
    /// `[channels, height, width]` for the layout `"nchw"` and `[height, width, channels]` for `"nhwc"`, the number of samples before
    /// that; `output` holds the features in their order, the number of samples before them. `batch` is how many samples the model
    /// takes at once, and is left out where it takes any number. The file need have nothing that `output` does not need.
    ///
    /// An instance that has no such file answers [`Status::UNSUPPORTED`].
    pub model: Option<
        unsafe extern "C" fn(
            instance: Instance,
            cut: usize,
            description: *const Sink,
            model: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
