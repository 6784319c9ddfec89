//! The state of a training as bytes: with the networks' weights, everything that is needed to go on as if
//! there had been no break. The format is safetensors.

use std::collections::BTreeMap;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use super::Trainer;
use crate::error::EngineError;
use crate::network::LayerWeights;
use crate::optimizer::Moments;
use crate::stream::Stream;

/// One array of the state.
struct Entry {
    name: String,
    dtype: Dtype,
    len: usize,
    bytes: Vec<u8>,
}

impl Entry {
    fn numbers(name: String, values: &[f32]) -> Self {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes());
        Self {
            name,
            dtype: Dtype::F32,
            len: values.len(),
            bytes: bytes.collect(),
        }
    }

    fn count(name: String, value: u64) -> Self {
        Self {
            name,
            dtype: Dtype::U64,
            len: 1,
            bytes: value.to_le_bytes().to_vec(),
        }
    }
}

/// Name in the state and length of each array of weights of a layer: of its weight and its bias.
fn names(part: usize, layer: &LayerWeights) -> impl Iterator<Item = (String, usize)> {
    [&layer.weight, &layer.bias]
        .map(|weight| match weight {
            Some(weight) => (format!("part{part}/{}", weight.name), weight.values.len()),
            None => (String::new(), 0),
        })
        .into_iter()
}

impl Trainer<'_> {
    /// Everything but the weights and the settings: steps taken, multipliers, what the optimizer
    /// remembers, and where the stream of dropout stands.
    ///
    /// # Errors
    /// When the format cannot hold it.
    pub fn state(&self) -> Result<Vec<u8>, EngineError> {
        let mut entries = vec![Entry::count("steps".to_owned(), self.steps)];
        entries.push(Entry {
            name: "dropout".to_owned(),
            dtype: Dtype::U8,
            len: 48,
            bytes: self.dropout.position().to_vec(),
        });
        for (index, (part, learned)) in self.parts.iter().zip(&self.learned).enumerate() {
            let name = format!("part{index}/multipliers");
            entries.push(Entry::numbers(name, part.multipliers()));
            let layers = part.network.layers().iter().zip(learned);
            let arrays = layers.flat_map(|(layer, learned)| {
                names(index, layer).zip([&learned.weight.moments, &learned.bias.moments])
            });
            for ((name, _), moments) in arrays.filter(|((_, len), _)| *len > 0) {
                entries.push(Entry::count(format!("{name}/steps"), moments.steps));
                entries.push(Entry::numbers(format!("{name}/first"), &moments.first));
                entries.push(Entry::numbers(format!("{name}/second"), &moments.second));
            }
        }
        let views = entries.iter().map(|entry| {
            let view = TensorView::new(entry.dtype, vec![entry.len], &entry.bytes)?;
            Ok((entry.name.as_str(), view))
        });
        let views: Result<Vec<_>, EngineError> = views.collect();
        Ok(safetensors::serialize(views?, None)?)
    }

    /// Goes on from a state written by [`Trainer::state`] of a trainer of the same parts and settings,
    /// whose networks have the weights they had then. Changes nothing unless all of it fits.
    ///
    /// # Errors
    /// When `bytes` is no such state, or that of other parts.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let file = SafeTensors::deserialize(bytes)?;
        let mut found: BTreeMap<&str, TensorView> = file.iter().collect();
        let mut take = |name: &str, dtype: Dtype, lengths: &[usize]| {
            let reason = |reason: &str| EngineError::State {
                reason: format!("`{name}` {reason}"),
            };
            let view = found.remove(name).ok_or_else(|| reason("is missing"))?;
            let len = view.shape().iter().product();
            match view.dtype() == dtype && lengths.contains(&len) {
                true => Ok(view.data().to_vec()),
                false => Err(reason("is of another type or length")),
            }
        };
        let steps = count(&take("steps", Dtype::U64, &[1])?);
        let dropout = take("dropout", Dtype::U8, &[48])?;
        let mut multipliers = Vec::new();
        let mut remembered = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let name = format!("part{index}/multipliers");
            let layers = part.network.layers();
            let values = numbers(&take(&name, Dtype::F32, &[layers.len()])?);
            let mut changed = part.clone();
            changed.set_multipliers(values.clone())?;
            multipliers.push(values);
            for (name, len) in layers.iter().flat_map(|layer| names(index, layer)) {
                if len == 0 {
                    remembered.push(Moments::default());
                    continue;
                }
                let lengths = [0, len];
                remembered.push(Moments {
                    steps: count(&take(&format!("{name}/steps"), Dtype::U64, &[1])?),
                    first: numbers(&take(&format!("{name}/first"), Dtype::F32, &lengths)?),
                    second: numbers(&take(&format!("{name}/second"), Dtype::F32, &lengths)?),
                });
            }
        }
        if let Some(name) = found.keys().next() {
            return Err(EngineError::State {
                reason: format!("`{name}` is not part of this training"),
            });
        }
        for (part, multipliers) in self.parts.iter_mut().zip(multipliers) {
            part.set_multipliers(multipliers)?;
        }
        let arrays = self.learned.iter_mut().flatten();
        let arrays = arrays.flat_map(|learned| [&mut learned.weight, &mut learned.bias]);
        for (array, moments) in arrays.zip(remembered) {
            array.moments = moments;
        }
        if let Some(position) = dropout.first_chunk() {
            self.dropout = Stream::at(position);
        }
        self.steps = steps;
        self.compile();
        Ok(())
    }
}

fn count(bytes: &[u8]) -> u64 {
    bytes
        .first_chunk()
        .map_or(0, |&bytes| u64::from_le_bytes(bytes))
}

fn numbers(bytes: &[u8]) -> Vec<f32> {
    let values = bytes.as_chunks::<4>().0.iter();
    values.map(|&value| f32::from_le_bytes(value)).collect()
}
