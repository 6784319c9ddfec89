//! Weights as bytes: the digest that proves a network was not touched, and the safetensors format.

use std::collections::BTreeMap;
use std::sync::Arc;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::{Network, Weight};
use crate::error::EngineError;
use crate::shape::by;

impl Network {
    /// SHA-256 over all weights and running statistics, in hexadecimal: equal before and after means
    /// that none changed by a bit.
    ///
    /// For each weight in the blueprint's order, the hash reads the length of its name and the name, the
    /// number of its dimensions and the dimensions (all counts as 8 little-endian bytes), and its values
    /// as little-endian `f32`.
    pub fn digest(&self) -> String {
        let mut hash = Sha256::new();
        for weight in self.weights() {
            hash.update((weight.name.len() as u64).to_le_bytes());
            hash.update(&weight.name);
            hash.update((weight.shape.len() as u64).to_le_bytes());
            for &dim in &weight.shape {
                hash.update((dim as u64).to_le_bytes());
            }
            hash.update(weight.bytes());
        }
        let bytes = hash.finalize();
        bytes.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// The weights in the safetensors format, named `LAYER.weight`, `LAYER.bias`, `LAYER.running_mean` and
    /// `LAYER.running_var`. The same weights always give the same bytes.
    ///
    /// # Errors
    /// When the format cannot hold them.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, EngineError> {
        let bytes: Vec<Vec<u8>> = self.weights().map(Weight::bytes).collect();
        let views = self.weights().zip(&bytes).map(|(weight, bytes)| {
            let view = TensorView::new(Dtype::F32, weight.shape.clone(), bytes)?;
            Ok((weight.name.as_str(), view))
        });
        let views: Result<Vec<_>, EngineError> = views.collect();
        Ok(safetensors::serialize(views?, None)?)
    }

    /// Replaces all weights by those of a safetensors file. Changes nothing unless every one fits. What the
    /// blueprint says may be ignored is passed over.
    ///
    /// # Errors
    /// When `bytes` is no safetensors file; or, all at once, every weight that is missing, unexpected, of
    /// another shape or not `F32`.
    pub fn load_safetensors(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut found: BTreeMap<&str, TensorView> = file.iter().collect();
        let mut problems = Vec::new();
        let mut loaded = Vec::new();
        for weight in self.weights() {
            let Weight { name, shape, .. } = weight;
            match found.remove(name.as_str()) {
                None => problems.push(format!("`{name}` is missing, expected {}", by(shape))),
                Some(view) if view.dtype() != Dtype::F32 => problems.push(format!(
                    "`{name}` is of type {:?}, expected F32",
                    view.dtype()
                )),
                Some(view) if view.shape() != shape => problems.push(format!(
                    "`{name}` is {}, expected {}",
                    by(view.shape()),
                    by(shape)
                )),
                Some(view) => loaded.push(from_bytes(view.data())),
            }
        }
        for (name, view) in found {
            if self.blueprint.ignores(name) {
                continue;
            }
            problems.push(format!(
                "`{name}` ({}) is not part of the network",
                by(view.shape())
            ));
        }
        if !problems.is_empty() {
            return Err(EngineError::Weights { problems });
        }
        for (weight, values) in self.weights_mut().zip(loaded) {
            weight.values = Arc::new(values);
        }
        Ok(())
    }
}

impl Weight {
    fn bytes(&self) -> Vec<u8> {
        self.values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect()
    }
}

fn from_bytes(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|&value| f32::from_le_bytes(value)).collect()
}
