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
    /// `input` is the shape of one sample, `[channels, height, width]`, `[tokens, width]` or `[features]`. Each layer takes what the one before it
    /// gives, the first one the sample; or it lists in `"inputs"` the names of earlier layers, `"input"` being the sample. Names
    /// are unique, and the last layer gives the result. A cut keeps every layer up to and including `after`.
    ///
    /// The operations with their keys; what has a value behind `=` may be left out, and pairs are down and across:
    ///
    /// ```text
    /// conv2d             filters, kernel, stride = [1, 1], dilation = [1, 1], groups = 1, bias = true,
    ///                    padding = [0, 0]: rows and columns of zeros on both sides,
    ///                    or [top, left, bottom, right]
    /// max-pool2d         kernel, stride = kernel, padding = [0, 0], dilation = [1, 1],
    ///                    ceil-mode = false
    /// avg-pool2d         kernel, stride = kernel, padding = [0, 0], ceil-mode = false,
    ///                    count-include-pad = true
    /// global-avg-pool2d  [channels, h, w] to [channels, 1, 1]
    /// adaptive-avg-pool2d  size; [channels, h, w] to [channels, size[0], size[1]]
    /// pad                padding as of conv2d, mode = "constant" (or "reflect", "replicate"),
    ///                    value = 0
    /// resize             size, mode = "nearest" (or "bilinear"); corners are not aligned
    /// batch-norm2d       epsilon = 1e-5, momentum = 0.1, affine = true
    /// batch-norm1d       the same for a flat vector
    /// layer-norm         epsilon = 1e-5: of a vector, of each token, of the channels at each place
    /// group-norm         groups, epsilon = 1e-5, affine = true
    /// instance-norm      epsilon = 1e-5, affine = false
    /// local-response-norm  size, alpha = 1e-4, beta = 0.75, k = 1
    /// scale              initial = 1: a learned factor for each channel or feature
    /// linear             units, bias = true; [features] to [units], of each token alike
    /// flatten            [channels, h, w] to [channels x h x w]
    /// tokens             [channels, h, w] to [h x w, channels]
    /// class-token        registers = 0; [tokens, width] to [1 + registers + tokens, width]. Its
    ///                    arrays are NAME.class and NAME.registers
    /// position-embedding  skip = 0: so many tokens at the front have none
    /// select-token       index = 0; [tokens, width] to [width]
    /// mean-tokens        skip = 0; [tokens, width] to [width]
    /// attention          heads, bias = true, position-bias = false; between tokens. Its arrays are
    ///                    NAME.qkv.weight, NAME.qkv.bias, NAME.proj.weight, NAME.proj.bias and
    ///                    NAME.position_bias
    /// dropout            rate
    /// relu, relu6, gelu, gelu-tanh, tanh, sigmoid, silu, hard-sigmoid, hard-swish
    /// leaky-relu         slope = 0.01
    /// elu                alpha = 1
    /// mish
    /// prelu              per-channel = false, initial = 0.25
    /// softmax            of a vector, of each token, of the channels at each place
    /// add                two inputs or more
    /// concat             two inputs or more, one behind the other: channels, tokens or features
    /// slice              from = 0, to; channels, tokens or features
    /// channel-shuffle    groups
    /// multiply           two inputs; the second may have one number per channel
    /// ```
    ///
    /// Their arithmetic is PyTorch's.
    ///
    /// `"weights": {"ignore": ["fc.*"], "rename": [["features.*", "*"]]}` tells how files with weights may look. A layer's
    /// weights are called `NAME.weight`, `NAME.bias`, `NAME.running_mean` and `NAME.running_var`, with PyTorch's shapes. A name
    /// in a file that is none of these is put through the first pair of `rename` whose first half fits it (`*` stands for
    /// anything, and the second half has as many, which take over what those of the first stood for); a name that then is still
    /// unknown is an error unless it fits one of `ignore`. `"normalise": {"mean": [0.5], "std": [0.5]}` beside them tells how
    /// samples were normalised that published weights have learnt from, one number for each channel; bytes are 0 to 1. Whoever
    /// uses a file of weights and normalises otherwise is told. A host that is older than this key refuses it.
    pub network: Option<
        unsafe extern "C" fn(
            instance: Instance,
            blueprint: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
