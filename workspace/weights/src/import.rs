//! From the tensors of a file to the weights of a network.

mod by_order;
#[cfg(test)]
mod tests;

use topwork_engine::{Assignment, Blueprint, Network, Stream, TensorEntry};

use crate::{Tensor, WeightsError, WeightsFile};

/// Weights that fit a network.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The weights as a safetensors file with the network's own names.
    pub safetensors: Vec<u8>,
    /// SHA-256 over names, shapes and values, in hexadecimal; [`Network::digest`].
    pub digest: String,
    /// How places were found for the tensors.
    pub found: Match,
    /// How many tensors of the file were taken.
    pub taken: usize,
    /// Names of tensors that were not taken: those the blueprint passes over, or what stands behind the
    /// network's end.
    pub ignored: Vec<String>,
}

/// How places were found for tensors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Match {
    /// By their names, or by other names that the blueprint knows them by.
    Names,
    /// By their nodes' place in the graph of an ONNX file, shapes and settings compared. Of `folded`
    /// batch normalisations nothing was left but a bias: they now do nothing else.
    Graph {
        /// How many.
        folded: usize,
    },
}

/// Fits the tensors of a file to the network of a blueprint in JSON.
///
/// Every weight must find its tensor, of its shape and of floating-point numbers; every tensor must be
/// taken or be one that may be passed over. Where names do not fit and the file is an ONNX graph, its
/// convolutions, batch normalisations and linear layers are taken in their order instead.
///
/// # Errors
/// When the blueprint is wrong, or, all at once, every weight and tensor that does not fit.
pub fn import(file: &WeightsFile, blueprint: &str) -> Result<Imported, WeightsError> {
    let blueprint = Blueprint::parse(blueprint)?;
    let mut network = Network::init(&blueprint, &mut Stream::new(0, "init"));
    let tensors = file.tensors();
    let entries: Vec<TensorEntry> = tensors.iter().map(entry).collect();
    let name = |index: usize| tensors[index].name.clone();
    let (values, found, taken, ignored) = match (network.assign(&entries), file.graph()) {
        (Ok(Assignment { taken, ignored }), _) => {
            let values = taken.iter().filter_map(|&index| tensors[index].values());
            (values.collect(), Match::Names, taken.len(), ignored)
        }
        (Err(error), None) => return Err(error.into()),
        (Err(_), Some(graph)) => {
            let by_order::Taken {
                values,
                tensors,
                left_over,
                folded,
            } = by_order::take(&blueprint, tensors, graph)?;
            (values, Match::Graph { folded }, tensors, left_over)
        }
    };
    network.set_weights(values)?;
    Ok(Imported {
        safetensors: network.to_safetensors()?,
        digest: network.digest(),
        found,
        taken,
        ignored: ignored.into_iter().map(name).collect(),
    })
}

fn entry(tensor: &Tensor) -> TensorEntry {
    TensorEntry {
        name: tensor.name.clone(),
        shape: tensor.shape.clone(),
        unusable: tensor.unusable(),
    }
}
