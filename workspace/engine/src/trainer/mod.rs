//! Training: parts of a network put together, some of them frozen, and one step after another.

use std::fmt;
use std::sync::Arc;

use dfdx::losses::cross_entropy_with_logits_loss;
use dfdx::tensor::{AsArray, Cpu, CpuError, PutTape, Tape as _, TensorFromVec};
use dfdx::tensor_ops::Backward;

use crate::compute::Compute;
use crate::error::EngineError;
use crate::network::Network;
use crate::ops::Pair;
use crate::optimizer::{Moments, TrainSettings, update};
use crate::tape::{Activation, Gradients, Parameters, Tape, Variable, record};

/// A network within a larger one.
#[derive(Clone, Debug)]
pub struct Part {
    /// The part itself.
    pub network: Network,
    /// Whether its weights are changed; those of a frozen part are not touched.
    pub trained: bool,
}

/// What a training step has to tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean cross-entropy of the batch in nats, before the step.
    pub loss: f32,
    /// Samples whose largest logit was that of their label, before the step.
    pub correct: usize,
}

/// Trains the parts of a network on one batch after another.
pub struct Trainer<'a> {
    compute: &'a Compute,
    device: Cpu,
    parts: Vec<Part>,
    settings: TrainSettings,
    /// For each part, one per layer with weights; none in frozen parts.
    learned: Vec<Vec<Pair<Learned>>>,
    steps: u64,
}

impl fmt::Debug for Trainer<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trainer")
            .field("parts", &self.parts)
            .field("settings", &self.settings)
            .field("steps", &self.steps)
            .finish_non_exhaustive()
    }
}

/// What training keeps beside one array of weights.
struct Learned {
    variable: Variable,
    moments: Moments,
}

impl<'a> Trainer<'a> {
    /// Puts `parts` together, the output of each being the input of the next.
    ///
    /// # Errors
    /// When neighbouring shapes differ, the last part does not end in a flat vector of logits, nothing is
    /// to be trained, or a setting is out of range.
    pub fn new(
        compute: &'a Compute,
        parts: Vec<Part>,
        settings: TrainSettings,
    ) -> Result<Self, EngineError> {
        settings.check()?;
        for (index, pair) in parts.windows(2).enumerate() {
            let gives = pair[0].network.blueprint().output();
            let takes = pair[1].network.blueprint().input();
            if gives != takes {
                return Err(EngineError::PartsDoNotFit {
                    part: index + 2,
                    takes,
                    gives,
                });
            }
        }
        if let Some(last) = parts.last() {
            let gives = last.network.blueprint().output();
            if gives.as_image().is_some() {
                return Err(EngineError::NoLogits { gives });
            }
        }
        let device = Cpu::default();
        let learned: Result<Vec<_>, CpuError> = parts
            .iter()
            .map(|part| Learned::of(part, &device))
            .collect();
        let learned = learned?;
        if learned.iter().all(Vec::is_empty) {
            return Err(EngineError::NothingTrained);
        }
        Ok(Self {
            compute,
            device,
            parts,
            settings,
            learned,
            steps: 0,
        })
    }

    /// One step on one batch: forward, mean cross-entropy, backward, and a change of the trained weights.
    ///
    /// `inputs` holds samples × input elements, `labels` one class from 0 per sample. Batches may differ
    /// in size.
    ///
    /// # Errors
    /// When the sizes do not fit, a label has no logit, or the loss is not finite. No weight is changed
    /// then.
    pub fn step(&mut self, inputs: &[f32], labels: &[u32]) -> Result<Step, EngineError> {
        self.check_batch(inputs, labels)?;
        let compute = self.compute;
        compute.run(|| self.step_on_pool(inputs, labels))
    }

    /// The parts as they stand now.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Ends the training.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    fn classes(&self) -> usize {
        let last = self.parts.last();
        last.map_or(0, |part| part.network.blueprint().output().elements())
    }

    fn check_batch(&self, inputs: &[f32], labels: &[u32]) -> Result<(), EngineError> {
        let samples = match self.parts.first() {
            Some(first) => first.network.samples(inputs)?,
            None => 0,
        };
        if samples == 0 {
            return Err(EngineError::EmptyBatch);
        }
        if labels.len() != samples {
            return Err(EngineError::LabelCount {
                found: labels.len(),
                samples,
            });
        }
        let classes = self.classes();
        match labels.iter().position(|&label| label as usize >= classes) {
            Some(sample) => Err(EngineError::Label {
                sample,
                label: labels[sample],
                classes,
            }),
            None => Ok(()),
        }
    }

    fn step_on_pool(&mut self, inputs: &[f32], labels: &[u32]) -> Result<Step, EngineError> {
        let mut tape = Tape::default();
        let logits = self.record_forward(&mut tape, inputs, labels.len())?;
        let correct = count_correct(&logits.values, labels);
        let (loss, mut gradients) = self.loss_and_gradients(tape, &logits, labels)?;
        drop(logits);
        self.steps += 1;
        self.update_weights(&mut gradients)?;
        Ok(Step { loss, correct })
    }

    /// The logits of a batch. The tape starts with the first operation that has something to learn: what
    /// comes before needs no gradient.
    fn record_forward(
        &self,
        tape: &mut Tape,
        inputs: &[f32],
        samples: usize,
    ) -> Result<Activation, EngineError> {
        let buffers = self.compute.buffers();
        let mut values = buffers.take(inputs.len());
        values.copy_from_slice(inputs);
        let mut activation = Activation {
            values: Arc::new(values),
            variable: Variable::new(&self.device)?,
        };
        let mut recording = false;
        for (part, learned) in self.parts.iter().zip(&self.learned) {
            if !recording && learned.is_empty() {
                let output = part.network.blueprint().output().elements();
                let mut values = buffers.take(samples * output);
                part.network
                    .run(buffers, samples, &activation.values, &mut values);
                activation.values = Arc::new(values);
                continue;
            }
            for step in part.network.steps() {
                let parameters = step.weights.map(|index| {
                    let Pair { weight, bias } = &part.network.pairs()[index];
                    Parameters {
                        values: Pair {
                            weight: Arc::clone(&weight.values),
                            bias: Arc::clone(&bias.values),
                        },
                        variables: learned.get(index).map(|pair| Pair {
                            weight: pair.weight.variable.clone(),
                            bias: pair.bias.variable.clone(),
                        }),
                    }
                });
                let learns = parameters
                    .as_ref()
                    .is_some_and(|parameters| parameters.variables.is_some());
                activation = record(
                    tape,
                    buffers,
                    step,
                    parameters,
                    samples,
                    &activation,
                    recording,
                )?;
                recording |= learns;
            }
        }
        Ok(activation)
    }

    /// dfdx's cross-entropy over the logits, and everything the tape gives for it.
    fn loss_and_gradients(
        &self,
        mut tape: Tape,
        logits: &Activation,
        labels: &[u32],
    ) -> Result<(f32, Gradients), EngineError> {
        let shape = (labels.len(), self.classes());
        let tensor = self
            .device
            .try_tensor_from_vec(logits.values.to_vec(), shape)?;
        let mut targets = vec![0.0; labels.len() * shape.1];
        for (targets, &label) in targets.chunks_exact_mut(shape.1).zip(labels) {
            targets[label as usize] = 1.0;
        }
        let targets = self.device.try_tensor_from_vec(targets, shape)?;
        // From the tensor the loss is computed from, the gradient goes over to the variable that the last
        // operation knows.
        let (known_to_loss, variable) = (tensor.clone(), logits.variable.clone());
        let buffers = self.compute.buffers().clone();
        tape.add_backward_op(move |gradients| {
            let gradient = std::mem::take(&mut **gradients.get_or_alloc_mut(&known_to_loss)?);
            variable.add_gradient(gradients, buffers.adopt(gradient))
        });
        let loss = cross_entropy_with_logits_loss(tensor.put_tape(tape), targets);
        let value = loss.array();
        if !value.is_finite() {
            return Err(EngineError::Diverged {
                loss: value,
                step: self.steps + 1,
                learning_rate: self.settings.learning_rate,
            });
        }
        Ok((value, loss.try_backward()?))
    }

    fn update_weights(&mut self, gradients: &mut Gradients) -> Result<(), EngineError> {
        let buffers = self.compute.buffers();
        for (part, learned) in self.parts.iter_mut().zip(&mut self.learned) {
            for (pair, learned) in part.network.pairs_mut().iter_mut().zip(learned) {
                for (weight, learned) in [
                    (&mut pair.weight, &mut learned.weight),
                    (&mut pair.bias, &mut learned.bias),
                ] {
                    let Some(gradient) = learned.variable.take_gradient(gradients, buffers)? else {
                        continue;
                    };
                    update(
                        &self.settings,
                        self.steps,
                        &mut learned.moments,
                        Arc::make_mut(&mut weight.values).as_mut_slice(),
                        &gradient,
                    );
                }
            }
        }
        Ok(())
    }
}

impl Learned {
    fn of(part: &Part, device: &Cpu) -> Result<Vec<Pair<Self>>, CpuError> {
        let new = || {
            Ok(Self {
                variable: Variable::new(device)?,
                moments: Moments::default(),
            })
        };
        let learns = part.network.pairs().iter().filter(|_| part.trained);
        learns
            .map(|_| {
                Ok(Pair {
                    weight: new()?,
                    bias: new()?,
                })
            })
            .collect()
    }
}

/// Samples whose first largest logit is that of their label.
fn count_correct(logits: &[f32], labels: &[u32]) -> usize {
    let classes = logits.len() / labels.len();
    let rows = logits.chunks_exact(classes).zip(labels);
    rows.filter(|(row, label)| {
        let mut best = 0;
        for (class, &logit) in row.iter().enumerate() {
            if logit > row[best] {
                best = class;
            }
        }
        best == **label as usize
    })
    .count()
}

#[cfg(test)]
mod tests;
