//! Weights as bytes: the digest that proves a network was not touched, and the safetensors format.

use std::sync::Arc;

use sha2::{Digest, Sha256};
use topwork_tensors::{Dtype, File, TensorView, Writer, bytes, numbers};

use super::{Network, TensorEntry};
use crate::error::EngineError;

/// One array of a network's state.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NamedArray<'a> {
    /// The position of its layer in the blueprint.
    pub layer: usize,
    /// Such as `conv1.weight`.
    pub name: &'a str,
    /// Its shape.
    pub shape: &'a [usize],
    /// Its values, row-major.
    pub values: &'a [f32],
}

impl Network {
    /// All weights and running statistics in the blueprint's order: of each layer weight, bias, running mean and
    /// running variance, as far as it has them, or whatever arrays it keeps.
    pub fn arrays(&self) -> impl Iterator<Item = NamedArray<'_>> {
        (self.layers().iter().enumerate()).flat_map(|(layer, weights)| {
            weights.arrays.iter().map(move |weight| NamedArray {
                layer,
                name: &weight.name,
                shape: &weight.shape,
                values: &weight.values,
            })
        })
    }

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
            hash.update(bytes(&weight.values));
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
        let mut file = Writer::default();
        for weight in self.weights() {
            file.array(&weight.name, &weight.shape, &weight.values);
        }
        Ok(file.finish()?)
    }

    /// Replaces all weights by those of a safetensors file, found by [`Network::assign`]. Changes nothing
    /// unless every one fits.
    ///
    /// # Errors
    /// When `bytes` is no safetensors file; or, all at once, every weight that is missing, unexpected, of
    /// another shape or not `F32`.
    pub fn load_safetensors(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let file = File::read(bytes)?;
        let (names, views): (Vec<&str>, Vec<TensorView>) = file.arrays().unzip();
        let tensors = names.iter().zip(&views).map(|(name, view)| TensorEntry {
            name: (*name).to_owned(),
            shape: view.shape().to_vec(),
            unusable: (view.dtype() != Dtype::F32)
                .then(|| format!("of type {:?}, expected F32", view.dtype())),
        });
        let assignment = self.assign(&tensors.collect::<Vec<_>>())?;
        let taken = assignment.taken.iter();
        // Nothing of another type is taken.
        let values = taken.filter_map(|&index| numbers(&views[index]));
        self.set_weights(values.collect())
    }

    /// Replaces all weights and running statistics, given in the blueprint's order: weight, bias, running
    /// mean and running variance of each layer. Changes nothing unless all fit.
    ///
    /// # Errors
    /// When they are not as many as the network has, or one has not the right number of values.
    pub fn set_weights(&mut self, values: Vec<Vec<f32>>) -> Result<(), EngineError> {
        let count = self.weights().count();
        let mut problems = Vec::new();
        if values.len() != count {
            problems.push(format!("{} tensors, expected {count}", values.len()));
        }
        for (weight, values) in self.weights().zip(&values) {
            if weight.values.len() != values.len() {
                problems.push(format!(
                    "`{}` has {} values, expected {}",
                    weight.name,
                    values.len(),
                    weight.values.len()
                ));
            }
        }
        if !problems.is_empty() {
            return Err(EngineError::Weights { problems });
        }
        for (weight, values) in self.weights_mut().zip(values) {
            weight.values = Arc::new(values);
        }
        Ok(())
    }
}
