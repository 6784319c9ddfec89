//! Everything the bits of features depend on, once weights and images are known.

use crate::{Digest, Sha256, hexadecimal};
use serde::{Deserialize, Serialize};

/// The identity of a set of features. Two sets with the same key are the same to the bit, on
/// one kind of machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct FeatureKey {
    /// The backbone's component, `plugin/component`.
    pub backbone: String,
    /// SHA-256 of the backbone's plugin.
    pub plugin: String,
    /// SHA-256 of the trunk's weights and buffers.
    pub weights: String,
    /// Name of the cut.
    pub cut: String,
    /// Layers kept.
    pub layers: u64,
    /// SHA-256 of the images as they enter the trunk: the dataset, its classes, the examples
    /// drawn and everything done to them before.
    pub images: String,
    /// The split they come from.
    pub split: String,
    /// Number of images.
    pub examples: u64,
    /// Length of one feature vector.
    pub dim: u64,
    /// Type of the numbers.
    pub dtype: String,
    /// Version of the engine: another one may round otherwise. The architecture of the
    /// processor belongs to it for the same reason.
    pub engine: String,
}

impl FeatureKey {
    /// What a person is told the part [`FeatureKey::images`] as.
    pub const IMAGES: &'static str = "images";

    /// SHA-256 over all parts, in hexadecimal.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for (name, value) in self.parts() {
            // Lengths keep neighbouring parts apart.
            for text in [name, &value] {
                hash.update((text.len() as u64).to_le_bytes());
                hash.update(text.as_bytes());
            }
        }
        hexadecimal(&hash.finalize())
    }

    /// The parts by name, in the words a person is told them with.
    pub fn parts(&self) -> [(&'static str, String); 11] {
        [
            ("backbone", self.backbone.clone()),
            ("backbone plugin", self.plugin.clone()),
            ("weights", self.weights.clone()),
            ("cut", self.cut.clone()),
            ("layers", self.layers.to_string()),
            (Self::IMAGES, self.images.clone()),
            ("split", self.split.clone()),
            ("examples", self.examples.to_string()),
            ("feature length", self.dim.to_string()),
            ("dtype", self.dtype.clone()),
            ("engine", self.engine.clone()),
        ]
    }

    /// Names of the parts in which two keys differ.
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        (self.parts().into_iter().zip(other.parts()))
            .filter(|(mine, theirs)| mine.1 != theirs.1)
            .map(|(mine, _)| mine.0)
            .collect()
    }
}
