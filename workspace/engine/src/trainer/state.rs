//! The state of a training as bytes: with the networks' weights, everything that is needed to go on as if
//! there had been no break. The format is safetensors.

use std::collections::BTreeSet;

use topwork_tensors::{File, Number, Writer, numbers};

use super::Trainer;
use crate::error::EngineError;
use crate::network::LayerWeights;
use crate::optimizer::Moments;
use crate::stream::Stream;

/// Name in the state and length of each array of a layer that is learned.
fn names(part: usize, layer: &LayerWeights) -> impl Iterator<Item = (String, usize)> {
    let arrays = layer.learned();
    arrays.map(move |array| (format!("part{part}/{}", array.name), array.values.len()))
}

impl Trainer<'_> {
    /// Everything but the weights and the settings: steps taken, multipliers, what the optimizer
    /// remembers, and where the stream of dropout stands.
    ///
    /// # Errors
    /// When the format cannot hold it.
    pub fn state(&self) -> Result<Vec<u8>, EngineError> {
        let mut file = Writer::default();
        file.array("steps", &[1], &[self.steps]);
        file.array("dropout", &[48], &self.dropout.position());
        for (index, (part, moments)) in self.parts.iter().zip(&self.moments).enumerate() {
            let multipliers = part.multipliers();
            let name = format!("part{index}/multipliers");
            file.array(name, &[multipliers.len()], multipliers);
            let layers = part.network.layers().iter().zip(moments);
            let arrays = layers.flat_map(|(layer, moments)| names(index, layer).zip(moments));
            for ((name, _), moments) in arrays {
                file.array(format!("{name}/steps"), &[1], &[moments.steps]);
                for (which, values) in [("first", &moments.first), ("second", &moments.second)] {
                    file.array(format!("{name}/{which}"), &[values.len()], values);
                }
            }
        }
        Ok(file.finish()?)
    }

    /// Goes on from a state written by [`Trainer::state`] of a trainer of the same parts and settings,
    /// whose networks have the weights they had then. Changes nothing unless all of it fits.
    ///
    /// # Errors
    /// When `bytes` is no such state, or that of other parts.
    pub fn restore(&mut self, bytes: &[u8]) -> Result<(), EngineError> {
        let mut file = State::read(bytes)?;
        let steps = file.count("steps")?;
        let dropout = file.take::<u8>("dropout", &[48])?;
        let mut multipliers = Vec::new();
        let mut remembered = Vec::new();
        for (index, part) in self.parts.iter().enumerate() {
            let name = format!("part{index}/multipliers");
            let layers = part.network.layers();
            let values: Vec<f32> = file.take(&name, &[layers.len()])?;
            let mut changed = part.clone();
            changed.set_multipliers(values.clone())?;
            multipliers.push(values);
            for (name, len) in layers.iter().flat_map(|layer| names(index, layer)) {
                let lengths = [0, len];
                remembered.push(Moments {
                    steps: file.count(&format!("{name}/steps"))?,
                    first: file.take(&format!("{name}/first"), &lengths)?,
                    second: file.take(&format!("{name}/second"), &lengths)?,
                });
            }
        }
        if let Some(name) = file.left.first() {
            return Err(wrong(name, "is not part of this training"));
        }
        for (part, multipliers) in self.parts.iter_mut().zip(multipliers) {
            part.set_multipliers(multipliers)?;
        }
        let arrays = self.moments.iter_mut().flatten().flatten();
        for (moments, remembered) in arrays.zip(remembered) {
            *moments = remembered;
        }
        if let Some(position) = dropout.first_chunk() {
            self.dropout = Stream::at(position);
        }
        self.steps = steps;
        self.compile();
        Ok(())
    }
}

/// A state that is read, array by array.
struct State<'a> {
    file: File<'a>,
    /// Names of what was not read yet.
    left: BTreeSet<String>,
}

impl<'a> State<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, EngineError> {
        let file = File::read(bytes)?;
        let left = file.arrays().map(|(name, _)| name.to_owned()).collect();
        Ok(Self { file, left })
    }

    /// The numbers under a name, as many as one of `lengths`.
    fn take<T: Number>(&mut self, name: &str, lengths: &[usize]) -> Result<Vec<T>, EngineError> {
        let array = self
            .file
            .array(name)
            .ok()
            .filter(|_| self.left.remove(name));
        let array = array.ok_or_else(|| wrong(name, "is missing"))?;
        let values = numbers(&array).filter(|values| lengths.contains(&values.len()));
        values.ok_or_else(|| wrong(name, "is of another type or length"))
    }

    fn count(&mut self, name: &str) -> Result<u64, EngineError> {
        Ok(self.take(name, &[1])?[0])
    }
}

fn wrong(name: &str, reason: &str) -> EngineError {
    EngineError::State {
        reason: format!("`{name}` {reason}"),
    }
}
