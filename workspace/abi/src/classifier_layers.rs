//! What a fitted classifier does from features to scores, said as layers: a host can write it into a model file.

use crate::{Instance, Sink, Status};

/// Id of the ability of a fitted classifier to say what it does as layers: a [`ClassifierLayersTable`]. Since 1.2.
pub const CLASSIFIER_LAYERS: &str = "topwork.classifier.layers/1";

/// The functions behind [`CLASSIFIER_LAYERS`]. Since 1.2.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ClassifierLayersTable {
    /// The bytes of this table that the plugin filled.
    pub size: usize,
    /// Writes what `predict` of a fitted instance does to `layers`, as a file in the safetensors format. Its metadata has, under
    /// the key `layers`, a JSON document as text:
    ///
    /// ```json
    /// { "format": 1,
    ///   "features": 800,
    ///   "layers": [ {"op": "scale"}, {"op": "linear"}, {"op": "softmax"} ] }
    /// ```
    ///
    /// Every layer takes the row of numbers that the one before it gives, the first one the features, and the last one gives one
    /// score for each class. The arrays of the layer counted n from 0 are called `n.` and what stands below, such as `1.weight`;
    /// they are `F32`, finite, and row-major unless something else is said. `d` is how many numbers the layer gets.
    ///
    /// - `scale`: `(x − shift) · factor`, number by number. `shift` and `factor`, each `[d]`.
    /// - `unit-length`: x divided by its Euclidean length; zeros stay.
    /// - `linear`: `W x + b`. `weight`, `[outputs, d]`, and `bias`, `[outputs]`.
    /// - `distances`: for each stored row r `−½ Σ p (x − r)² + b`. `rows`, `[n, d]`, and `bias`, `[n]`; with `"precision": true` p is
    ///   `precision`, `[n, d]`, none below 0, otherwise 1. `"metric"` is `"euclidean"` or `"cosine"`. By the cosine, a
    ///   `unit-length` stands right before it, rows have a length of 1 or are 0, there is no `precision`, and where x or r is 0
    ///   it is `−1 + b`.
    /// - `neighbours`: the share of each class in the vote of the `"k"` stored rows nearest to x, of all where there are fewer; of
    ///   equally near ones the earlier. `rows`, `[n, d]`, and `labels`, `[n]`, `U32`, each below `"classes"`. `"metric"` as above:
    ///   the distance is `‖x − r‖`, by the cosine `½ ‖x − r‖²`, and 1 where x or r is 0. `"weights"` is `"uniform"`,
    ///   `"distance"`: votes count 1 / distance, and where some rows are at distance 0, they alone count, or `"exponential"`:
    ///   votes count exp(−distance / t) with t the `"temperature"`, above 0.
    /// - `trees`: the mean over trees of the leaf that x falls into. `roots`, `[trees]`; `feature`, `threshold` and `child`, each
    ///   `[nodes]`; `leaves`, `[leaves, outputs]`; `U32` but for `threshold` and `leaves`. From a node with a `child` other than 0
    ///   the way goes on to that child, and where the number `feature` of x is greater than `threshold` to the node after it;
    ///   children stand behind their parent. A node whose `child` is 0 is a leaf, and its `feature` is its row in `leaves`.
    /// - `softmax`: `exp(x) / Σ exp(x)`.
    /// - `log-softmax`: `x − ln Σ exp(x)`.
    ///
    /// The scores are those of `predict`, up to what single precision rounds. A class without training samples has the score that
    /// `predict` gives it. An instance that cannot say what it does in these words answers [`Status::UNSUPPORTED`].
    pub layers: Option<
        unsafe extern "C" fn(instance: Instance, layers: *const Sink, error: *const Sink) -> Status,
    >,
}
