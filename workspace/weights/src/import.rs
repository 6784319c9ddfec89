//! From the tensors of a file to the weights of a network.

mod by_order;
mod named;
#[cfg(test)]
mod tests;

use topwork_engine::{Blueprint, Network, Stream};

use crate::{WeightsError, WeightsFile};

/// Weights that fit a network.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The weights as a safetensors file with the network's own names.
    pub safetensors: Vec<u8>,
    /// SHA-256 over names, shapes and values, in hexadecimal; [`Network::digest`].
    pub digest: String,
    /// How places were found for the tensors.
    pub found: Match,
    /// What was taken away from the beginning of the names.
    pub prefix: String,
    /// How many tensors of the file were taken.
    pub taken: usize,
    /// Names of tensors that were not taken: those the blueprint passes over, what stands behind the
    /// network's end, or what has another prefix.
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

/// What the names of some tensors begin with: a key of a checkpoint such as `state_dict.`, what a wrapper has put
/// before them such as `module.`, or both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Key {
    /// With the dot behind it; empty for what lies under no key.
    pub prefix: String,
    /// How many tensors there are.
    pub tensors: usize,
}

/// Fits the tensors of a file to the network of a blueprint in JSON.
///
/// Every weight must find its tensor, of its shape and of floating-point numbers; every tensor must be
/// taken or be one that may be passed over. Where names do not fit and the file is an ONNX graph, its
/// convolutions, batch normalisations and linear layers are taken in their order instead. Else, what names begin
/// with is taken away, where that makes them fit: `state_dict.module.conv1.weight` becomes `conv1.weight`, and
/// what does not begin so is passed over. With `prefix`, all this is done with the names that begin with it.
///
/// # Errors
/// When the blueprint is wrong; all at once, every weight and tensor that does not fit; when several prefixes
/// fit; or when a weight is no finite number, or a variance negative.
pub fn import(
    file: &WeightsFile,
    blueprint: &str,
    prefix: Option<&str>,
) -> Result<Imported, WeightsError> {
    let blueprint = Blueprint::parse(blueprint)?;
    let mut network = Network::init(&blueprint, &mut Stream::new(0, "init"));
    let tensors = file.tensors();
    let by_name = match prefix {
        Some(prefix) => named::within(&network, file, prefix),
        None => named::anywhere(&network, file),
    };
    let name = |index: usize| tensors[index].name.clone();
    let weights: Vec<String> = network
        .arrays()
        .map(|array| array.name.to_owned())
        .collect();
    let (values, found, prefix, taken, ignored) = match (by_name, file.graph()) {
        (
            Ok(named::Named {
                prefix,
                taken,
                ignored,
            }),
            _,
        ) => {
            let values = taken.iter().filter_map(|&index| tensors[index].values());
            let values: Vec<Vec<f32>> = values.collect();
            let names: Vec<String> = taken.iter().map(|&index| name(index)).collect();
            check_values(&weights, &names, &values)?;
            (values, Match::Names, prefix, taken.len(), ignored)
        }
        (Err(WeightsError::Misfit { .. }), Some(graph)) if prefix.is_none() => {
            let by_order::Taken {
                values,
                tensors,
                left_over,
                folded,
            } = by_order::take(&blueprint, tensors, graph)?;
            check_values(&weights, &weights, &values)?;
            let prefix = String::new();
            (values, Match::Graph { folded }, prefix, tensors, left_over)
        }
        (Err(error), _) => return Err(error),
    };
    network.set_weights(values)?;
    Ok(Imported {
        safetensors: network.to_safetensors()?,
        digest: network.digest(),
        found,
        prefix,
        taken,
        ignored: ignored.into_iter().map(name).collect(),
    })
}

/// Checks that all values are numbers a trained network may have.
fn check_values(
    weights: &[String],
    names: &[String],
    values: &[Vec<f32>],
) -> Result<(), WeightsError> {
    /// Tensors that are told: a diverged training leaves all of them alike.
    const MOST: usize = 8;
    let mut problems = Vec::new();
    for ((weight, name), values) in weights.iter().zip(names).zip(values) {
        let variance = weight.ends_with(".running_var");
        let wrong = |value: f32| !value.is_finite() || (variance && value < 0.0);
        let mut places = (0..values.len()).filter(|&place| wrong(values[place]));
        let Some(first) = places.next() else {
            continue;
        };
        let more = match places.count() {
            0 => String::new(),
            more => format!(", and so on at {more} more places"),
        };
        let expected = match variance {
            true => "a variance of 0 or more",
            false => "a finite number of 32 bits",
        };
        problems.push(format!(
            "`{name}` is {} at place {first} of {}{more}, expected {expected}",
            values[first],
            values.len()
        ));
    }
    if problems.len() > MOST {
        let rest = problems.len() - MOST;
        problems.truncate(MOST);
        problems.push(format!("and {rest} more"));
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(WeightsError::Values { problems }),
    }
}
