//! Tensors by their names, with or without what the names begin with.

use std::collections::BTreeMap;

use topwork_engine::{Assignment, EngineError, Network, TensorEntry};

use crate::{Key, Tensor, WeightsError, WeightsFile};

/// How many beginnings are tried. Those with the most tensors come first; what has fewer than a network has weights
/// cannot fit.
const MOST: usize = 16;

/// Tensors that fit.
pub(super) struct Named {
    /// What their names begin with.
    pub(super) prefix: String,
    /// For each weight in the blueprint's order, the index of its tensor.
    pub(super) taken: Vec<usize>,
    /// Indices of all others.
    pub(super) ignored: Vec<usize>,
}

/// Looks for the one beginning without which the names fit.
pub(super) fn anywhere(network: &Network, file: &WeightsFile) -> Result<Named, WeightsError> {
    search(network, file, "")
}

/// The same among the names that begin with `prefix`; a dot behind it may be missing.
pub(super) fn within(
    network: &Network,
    file: &WeightsFile,
    prefix: &str,
) -> Result<Named, WeightsError> {
    let dotted = match prefix.is_empty() || prefix.ends_with('.') {
        true => prefix.to_owned(),
        false => format!("{prefix}."),
    };
    if !file
        .tensors()
        .iter()
        .any(|tensor| tensor.name.starts_with(&dotted))
    {
        let prefix = dotted;
        let known = known(file);
        return Err(WeightsError::NoPrefix { prefix, known });
    }
    search(network, file, &dotted)
}

fn search(network: &Network, file: &WeightsFile, within: &str) -> Result<Named, WeightsError> {
    let mut fitting = Vec::new();
    // The beginning with which the most weights find a tensor: each leaves one missing and one too many less.
    let mut nearest: Option<(isize, String, Vec<String>)> = None;
    for Key { prefix, tensors } in beginnings(file.tensors(), within) {
        match assign(network, file.tensors(), &prefix) {
            // All names as they are come first, and need nothing else.
            Ok(named) if prefix == within => return Ok(named),
            Ok(named) => fitting.push((Key { prefix, tensors }, named)),
            Err(EngineError::Weights { problems }) => {
                let near = tensors as isize - problems.len() as isize;
                if nearest.as_ref().is_none_or(|(most, ..)| near > *most) {
                    nearest = Some((near, prefix, problems));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    let several = fitting.len() > 1;
    match (fitting.pop(), nearest) {
        (Some((_, named)), _) if !several => Ok(named),
        (Some(last), _) => {
            let mut fitting: Vec<Key> = fitting.into_iter().map(|(key, _)| key).collect();
            fitting.push(last.0);
            Err(WeightsError::Several { fitting })
        }
        (None, nearest) => {
            let (_, prefix, problems) = nearest.unwrap_or_default();
            Err(WeightsError::Misfit {
                prefix,
                problem: Box::new(EngineError::Weights { problems }),
                known: file.keys().to_vec(),
            })
        }
    }
}

/// What names begin with up to a dot: first `within` itself, then those with the most tensors.
fn beginnings(tensors: &[Tensor], within: &str) -> Vec<Key> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for Tensor { name, .. } in tensors {
        let ends = name.match_indices('.').map(|(at, _)| at + 1);
        for end in ends.filter(|&end| end > within.len() && name.starts_with(within)) {
            *counts.entry(&name[..end]).or_default() += 1;
        }
    }
    let key = |(prefix, tensors): (&str, usize)| Key {
        prefix: prefix.to_owned(),
        tensors,
    };
    let mut keys: Vec<Key> = counts.into_iter().map(key).collect();
    keys.sort_by_key(|key| (std::cmp::Reverse(key.tensors), key.prefix.len()));
    let whole = tensors
        .iter()
        .filter(|tensor| tensor.name.starts_with(within))
        .count();
    keys.insert(0, key((within, whole)));
    keys.truncate(MOST);
    keys
}

fn assign(network: &Network, tensors: &[Tensor], prefix: &str) -> Result<Named, EngineError> {
    let (mut indices, mut entries, mut ignored) = (Vec::new(), Vec::new(), Vec::new());
    for (index, tensor) in tensors.iter().enumerate() {
        match tensor.name.strip_prefix(prefix) {
            Some(name) => {
                indices.push(index);
                entries.push(TensorEntry {
                    name: name.to_owned(),
                    shape: tensor.shape.clone(),
                    unusable: tensor.unusable(),
                });
            }
            None => ignored.push(index),
        }
    }
    let Assignment {
        taken,
        ignored: passed_over,
    } = network.assign(&entries)?;
    ignored.extend(passed_over.iter().map(|&index| indices[index]));
    ignored.sort_unstable();
    Ok(Named {
        prefix: prefix.to_owned(),
        taken: taken.iter().map(|&index| indices[index]).collect(),
        ignored,
    })
}

/// Where the tensors of a file lie: the keys of a checkpoint, else what names begin with up to their first dot.
fn known(file: &WeightsFile) -> Vec<Key> {
    if !file.keys().is_empty() {
        return file.keys().to_vec();
    }
    let mut known: Vec<Key> = Vec::new();
    for Tensor { name, .. } in file.tensors() {
        let prefix = name
            .split_inclusive('.')
            .next()
            .filter(|first| first.ends_with('.'));
        let prefix = prefix.unwrap_or_default().to_owned();
        match known.iter_mut().find(|key| key.prefix == prefix) {
            Some(key) => key.tensors += 1,
            None => known.push(Key { prefix, tensors: 1 }),
        }
    }
    known
}
