//! The proof that what was frozen stayed as it was: SHA-256 before and after, and over what.

use topwork_engine::Network;
use topwork_keys::{Digest, Sha256, hexadecimal};
use topwork_tensors::File;

use crate::GraftError;

/// Digests of what was frozen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// Before the strategy.
    pub before: String,
    /// After it.
    pub after: String,
    /// What they are of.
    pub of: Proved,
}

/// What a proof covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proved {
    /// Every weight and buffer of the frozen layers.
    Weights {
        /// Parameters of the trunk's frozen layers.
        frozen: u64,
        /// Parameters of the trunk.
        of: u64,
    },
    /// What an extractor says of itself, with the digest of its file, and its answers to images of this run, each alone and all
    /// in one batch.
    Answers {
        /// So many.
        images: u64,
    },
}

impl Proved {
    /// All weights of a trunk that is frozen as a whole.
    pub fn whole(trunk: &Network) -> Self {
        let of = trunk.parameters() as u64;
        Self::Weights { frozen: of, of }
    }
}

impl Proof {
    /// Nothing has changed.
    pub fn holds(&self) -> bool {
        self.before == self.after
    }
}

/// Which layers of some networks are frozen: those with a multiplier of 0.
pub struct Frozen(Vec<Vec<String>>);

impl Frozen {
    /// The frozen layers of these networks, each with one multiplier per layer.
    pub fn of<'a>(parts: impl IntoIterator<Item = (&'a Network, &'a [f32])>) -> Self {
        let layers = |(network, multipliers): (&Network, &[f32])| {
            (network.blueprint().summary().into_iter().zip(multipliers))
                .filter(|(_, multiplier)| **multiplier == 0.0)
                .map(|(layer, _)| layer.name)
                .collect()
        };
        Self(parts.into_iter().map(layers).collect())
    }

    /// SHA-256 over name, shape and content of every weight and buffer of the frozen layers;
    /// `None` when there is none.
    pub fn digest(&self, networks: &[&Network]) -> Result<Option<String>, GraftError> {
        let mut hash = Sha256::new();
        let mut any = false;
        for (network, frozen) in networks.iter().zip(&self.0) {
            let fail = |source| GraftError::Engine {
                stage: "proving what was frozen".to_owned(),
                source,
            };
            let bytes = network.to_safetensors().map_err(fail)?;
            let file = File::read(&bytes).map_err(|error| GraftError::System {
                action: "read weights back",
                reason: error.to_string(),
            })?;
            let mut tensors: Vec<_> = file.arrays().collect();
            tensors.sort_by(|a, b| a.0.cmp(b.0));
            for (name, tensor) in &tensors {
                let layer = name.rsplit_once('.').map_or(*name, |(layer, _)| layer);
                if frozen.iter().any(|frozen| frozen == layer) {
                    any = true;
                    hash.update((name.len() as u64).to_le_bytes());
                    hash.update(name.as_bytes());
                    for dim in tensor.shape() {
                        hash.update((*dim as u64).to_le_bytes());
                    }
                    hash.update(tensor.data());
                }
            }
        }
        Ok(any.then(|| hexadecimal(&hash.finalize())))
    }
}
