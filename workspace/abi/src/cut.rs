//! Cut rules: where to cut a backbone that they have never seen.

use crate::{Instance, Sink, Status, Text};

/// The functions of a cut rule. Since 1.1.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct CutRuleTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Chooses where to cut. `backbone` is a JSON document that describes one:
    ///
    /// ```json
    /// { "format": 1,
    ///   "input": [1, 28, 28],
    ///   "places": [
    ///     {"name": "conv1", "op": "conv2d", "shape": [20, 24, 24]},
    ///     {"name": "pool1", "op": "max-pool2d", "shape": [20, 12, 12], "cut": "block1"} ] }
    /// ```
    ///
    /// `places` are the layers of a blueprint, or the cut points of an extractor (whose `op` is `"extractor"`), from the input
    /// on; `cut` is there where the backbone itself has a cut point, and is the name it gives it.
    ///
    /// What is written to `cuts` is a JSON document as well, with at least one cut, unique names, in the order of the table:
    ///
    /// ```json
    /// { "cuts": [ {"name": "block1", "after": "pool1", "pool": "gap"} ] }
    /// ```
    ///
    /// `after` is the name of a place; everything up to it is kept. `pool` may be left out: `"gap"` (the mean of each
    /// channel), `"gmp"` (its maximum), `"flatten"` or `"pyramid"` (maxima over 1 × 1, 2 × 2 and 4 × 4 cells).
    pub cuts: Option<
        unsafe extern "C" fn(
            instance: Instance,
            backbone: Text,
            cuts: *const Sink,
            error: *const Sink,
        ) -> Status,
    >,
}
