//! Backbones that compute features themselves: a model file, hand-made features, a vendor's library. Opaque and frozen.

use crate::{Instance, Sink, Status};

/// The functions of an extractor backbone. Since 1.1.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ExtractorTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes what the extractor takes and gives to `description` as a JSON document, the same at every call:
    ///
    /// ```json
    /// { "format": 1,
    ///   "input": [3, 224, 224],
    ///   "cuts": [ {"name": "block7", "shape": [80, 14, 14], "op": "Conv"}, {"name": "gap", "shape": [1280]} ],
    ///   "normalise": {"mean": [0.498, 0.498, 0.498], "std": [0.502, 0.502, 0.502]},
    ///   "parallel": true,
    ///   "digest": "5f70bf18a086007016e948b04aed3b82103a36be",
    ///   "runtime": "onnxruntime 1.32.0" }
    /// ```
    ///
    /// `input` is the shape of one sample, `[channels, height, width]` or `[features]`. `cuts` are the places where features
    /// can be taken, at least one, unique names, from the input on; `shape` is that of one sample's features,
    /// `[channels, height, width]` or `[features]`. `op` may be left out; it names what computes the features, for people and
    /// for cut rules.
    ///
    /// A shape of three has its channels first. Where that is not so, or where the features have a form that `shape` cannot say,
    /// a cut may have `dims`, the sizes of one sample's features in their order, with the product of `shape`; and `channels`, the
    /// position of the size among them that counts channels: `{"name": "norm", "shape": [37824], "dims": [197, 192],
    /// "channels": 1}` are 197 tokens. The host pools over all sizes but that one, and not at all where `channels` is left out.
    /// `"block": true` says that a cut is the end of a block of a residual network, for cut rules.
    ///
    /// `normalise` may be left out: then any samples will do. An object says the mean and the standard deviation that the
    /// dataset must be normalised with, one of each per channel; the string `"stated"` says that the plugin cannot know them,
    /// and that the experiment must state some.
    /// `parallel`, false when left out, says that `forward` calls may overlap.
    /// `digest` may be left out. It names the files that decide the features, such as the SHA-256 of a model file: results
    /// and cached features of another digest are not taken for this one's. `runtime` may be left out: it names what computes the
    /// features, with its version, for people. `batch` may be left out: it is how many samples are computed at once, however many
    /// come in a call (the plugin fills the batch up): the host then asks about whole batches where it can.
    pub describe: Option<
        unsafe extern "C" fn(
            instance: Instance,
            description: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
    /// Computes the features of `count` samples, at least 1, at the cut with position `cut` in `cuts`. `samples` holds
    /// `count` × the numbers of `input`, one sample after the other; `features` has room for `count` × the numbers of the
    /// cut's shape, holding some valid number already, and gets finite numbers. A sample's features depend on this sample alone,
    /// and the same sample gives the same bits every time.
    pub forward: Option<
        unsafe extern "C" fn(
            instance: Instance,
            cut: usize,
            samples: *const f32,
            count: usize,
            features: *mut f32,
            error: *const Sink,
        ) -> Status,
    >,
}
