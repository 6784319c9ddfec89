//! A network within a larger one, and how fast each of its layers learns.

use crate::error::EngineError;
use crate::network::Network;

/// A network within a larger one.
///
/// A layer with multiplier 0 is frozen: its weights and running statistics do not change, batch
/// normalisation uses the statistics it has stored, and dropout is off.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part itself.
    pub network: Network,
    multipliers: Vec<f32>,
}

impl Part {
    /// All layers frozen.
    pub fn frozen(network: Network) -> Self {
        let multipliers = vec![0.0; network.layers().len()];
        Self {
            network,
            multipliers,
        }
    }

    /// All layers trained at the full learning rate.
    pub fn trained(network: Network) -> Self {
        let multipliers = vec![1.0; network.layers().len()];
        Self {
            network,
            multipliers,
        }
    }

    /// Each layer trained at this multiple of the learning rate.
    ///
    /// # Errors
    /// When there is not one multiplier per layer of the blueprint, or one is not 0 or more.
    pub fn with(network: Network, multipliers: Vec<f32>) -> Result<Self, EngineError> {
        let mut part = Self::frozen(network);
        part.set_multipliers(multipliers)?;
        Ok(part)
    }

    /// One per layer of the blueprint.
    pub fn multipliers(&self) -> &[f32] {
        &self.multipliers
    }

    pub(super) fn set_multipliers(&mut self, multipliers: Vec<f32>) -> Result<(), EngineError> {
        if multipliers.len() != self.multipliers.len() {
            return Err(EngineError::Multipliers {
                found: multipliers.len(),
                layers: self.multipliers.len(),
            });
        }
        for &value in &multipliers {
            if !(value.is_finite() && value >= 0.0) {
                return Err(EngineError::Setting {
                    name: "learning-rate multiplier",
                    value,
                    expected: "0 or more",
                });
            }
        }
        self.multipliers = multipliers;
        Ok(())
    }

    /// Which layers learn.
    pub(super) fn learns(&self) -> Vec<bool> {
        self.multipliers
            .iter()
            .map(|&multiplier| multiplier > 0.0)
            .collect()
    }

    /// Whether any weight learns.
    pub(super) fn has_learning_weights(&self) -> bool {
        let layers = self.network.layers().iter().zip(&self.multipliers);
        let mut learning = layers
            .filter(|(layer, multiplier)| **multiplier > 0.0 && layer.learned().next().is_some());
        learning.next().is_some()
    }
}
