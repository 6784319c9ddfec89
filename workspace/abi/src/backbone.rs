//! Backbones given as a blueprint: a description of layers that the host builds, trains, freezes and saves.

use crate::{Instance, Sink, Status};

/// The functions of a blueprint backbone.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct BackboneTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes the blueprint to `blueprint` as a JSON document, the same at every call:
    ///
    /// ```json
    /// { "format": 1,
    ///   "input": [1, 28, 28],
    ///   "layers": [
    ///     {"name": "conv1", "op": "conv2d", "filters": 20, "kernel": [5, 5], "stride": [1, 1], "padding": [0, 0]},
    ///     {"name": "relu1", "op": "relu"},
    ///     {"name": "pool1", "op": "max-pool2d", "kernel": [2, 2], "stride": [2, 2]},
    ///     {"name": "flatten", "op": "flatten"},
    ///     {"name": "hidden1", "op": "linear", "units": 500} ],
    ///   "cuts": [ {"name": "pool1", "after": "pool1"}, {"name": "features", "after": "flatten"} ] }
    /// ```
    ///
    /// `input` is the shape of one sample, `[channels, height, width]` or `[features]`. The layers form a chain; their names
    /// are unique. `stride` and `padding` of a convolution may be left out (1 and 0), so may the `stride` of a pooling layer
    /// (its `kernel`); convolutions and linear layers always have a bias. A cut keeps every layer up to and including
    /// `after`.
    pub network: Option<
        unsafe extern "C" fn(
            instance: Instance,
            blueprint: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
