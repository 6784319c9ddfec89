//! Training: parts of a network put together, some of them frozen, and one step after another.

mod loss;
mod part;
mod state;

use std::fmt;
use std::sync::Arc;

use dfdx::tensor::{Cpu, CpuError};

use crate::compute::Compute;
use crate::error::EngineError;
use crate::executor::execute;
use crate::optimizer::{Moments, NumberLoss, TrainSettings, sum_of_squares, update};
use crate::program::{Program, Training};
use crate::stream::Stream;
use crate::tape::{Gradients, Observed, Recorder, Tape, Value, Variable};
use loss::{Wanted, count_correct, loss_and_gradients};

pub use part::Part;

/// What a training step has to tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// Mean cross-entropy of the batch in nats, before the step; with smoothing and class weights where they
    /// are set.
    pub loss: f32,
    /// Samples whose largest logit was that of their label, before the step.
    pub correct: usize,
}

/// What a training step on numbers has to tell.
#[derive(Clone, Debug, PartialEq)]
pub struct NumberStep {
    /// The loss of the settings, as the mean of all numbers of the batch, before the step.
    pub loss: f32,
    /// Of each output the mean of the squared errors, before the step.
    pub squared_errors: Vec<f64>,
}

/// Trains the parts of a network on one batch after another.
pub struct Trainer<'a> {
    compute: &'a Compute,
    device: Cpu,
    parts: Vec<Part>,
    settings: TrainSettings,
    /// One per part, for the multipliers it has now.
    programs: Vec<Program>,
    /// For each part and each of its layers, one per array that is learned.
    variables: Vec<Vec<Vec<Variable>>>,
    /// For the same arrays, what the optimizer remembers.
    moments: Vec<Vec<Vec<Moments>>>,
    dropout: Stream,
    steps: u64,
    /// Whether the operations are fused.
    fuse: bool,
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

impl<'a> Trainer<'a> {
    /// Puts `parts` together, the output of each being the input of the next. `dropout` decides which
    /// values dropout sets to zero.
    ///
    /// # Errors
    /// When neighbouring shapes differ, the last part does not end in a flat vector of logits, nothing is
    /// to be trained, or a setting is out of range.
    pub fn new(
        compute: &'a Compute,
        parts: Vec<Part>,
        settings: TrainSettings,
        dropout: Stream,
    ) -> Result<Self, EngineError> {
        let last = parts.last().map(|part| part.network.blueprint().output());
        settings.check(last.map_or(0, |shape| shape.elements()))?;
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
        if let Some(gives) = last
            && gives.as_features().is_none()
        {
            return Err(EngineError::NoLogits { gives });
        }
        if !parts.iter().any(Part::has_learning_weights) {
            return Err(EngineError::NothingTrained);
        }
        let device = Cpu::default();
        let mut variables = Vec::new();
        let mut moments = Vec::new();
        for part in &parts {
            let layers = || part.network.layers().iter().map(|layer| layer.learned());
            let own: Result<Vec<Vec<Variable>>, CpuError> = layers()
                .map(|arrays| arrays.map(|_| Variable::new(&device)).collect())
                .collect();
            variables.push(own?);
            let own = layers().map(|arrays| arrays.map(|_| Moments::default()).collect());
            moments.push(own.collect());
        }
        let mut trainer = Self {
            compute,
            variables,
            moments,
            device,
            parts,
            settings,
            programs: Vec::new(),
            dropout,
            steps: 0,
            fuse: true,
        };
        trainer.compile();
        Ok(trainer)
    }

    /// Changes how fast the layers of a part learn, counted from 0. What the optimizer remembers of the
    /// weights is kept.
    ///
    /// # Errors
    /// When there is no such part, there is not one multiplier of 0 or more per layer, or nothing would be
    /// trained any more. Nothing is changed then.
    pub fn set_multipliers(
        &mut self,
        part: usize,
        multipliers: Vec<f32>,
    ) -> Result<(), EngineError> {
        let parts = self.parts.len();
        let Some(old) = self.parts.get_mut(part) else {
            return Err(EngineError::NoPart { part, parts });
        };
        let before = old.multipliers().to_vec();
        old.set_multipliers(multipliers)?;
        if !self.parts.iter().any(Part::has_learning_weights) {
            self.parts[part].set_multipliers(before)?;
            return Err(EngineError::NothingTrained);
        }
        self.compile();
        Ok(())
    }

    /// The learning rate of the next step, before multipliers.
    pub fn learning_rate(&self) -> f32 {
        let settings = &self.settings;
        settings.schedule.rate(self.steps, settings.learning_rate)
    }

    fn compile(&mut self) {
        self.programs.clear();
        let mut input = false;
        for part in &self.parts {
            let learns = part.learns();
            let training = Training {
                learns: &learns,
                input,
            };
            let blueprint = part.network.blueprint();
            self.programs
                .push(Program::compile(blueprint, Some(training), self.fuse));
            input |= part.has_learning_weights();
        }
    }

    /// The same training without fused operations.
    #[cfg(test)]
    fn without_fusion(mut self) -> Self {
        self.fuse = false;
        self.compile();
        self
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
        self.check_batch(inputs, labels.len())?;
        let classes = self.outputs();
        if let Some(sample) = labels.iter().position(|&label| label as usize >= classes) {
            return Err(EngineError::Label {
                sample,
                label: labels[sample],
                classes,
            });
        }
        let compute = self.compute;
        compute.run(|| {
            let (loss, correct) = self.step_on_pool(inputs, Wanted::Classes(labels), |logits| {
                count_correct(logits, labels)
            })?;
            Ok(Step { loss, correct })
        })
    }

    /// The same with numbers, as many per sample as there are outputs, and the loss that the settings have for them.
    ///
    /// # Errors
    /// When the sizes do not fit, or the loss is not finite. No weight is changed then.
    pub fn step_numbers(
        &mut self,
        inputs: &[f32],
        numbers: &[f32],
    ) -> Result<NumberStep, EngineError> {
        let outputs = self.outputs();
        if !numbers.len().is_multiple_of(outputs) {
            let found = numbers.len();
            return Err(EngineError::NumberOutputs { found, outputs });
        }
        self.check_batch(inputs, numbers.len() / outputs)?;
        let compute = self.compute;
        compute.run(|| {
            let wanted = Wanted::Numbers(numbers);
            let (loss, squared_errors) = self.step_on_pool(inputs, wanted, |found| {
                NumberLoss::Squared.means(found, numbers, outputs)
            })?;
            Ok(NumberStep {
                loss,
                squared_errors,
            })
        })
    }

    /// The parts as they stand now.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// Ends the training.
    pub fn into_parts(self) -> Vec<Part> {
        self.parts
    }

    fn outputs(&self) -> usize {
        let last = self.parts.last();
        last.map_or(0, |part| part.network.blueprint().output().elements())
    }

    fn samples(&self, inputs: &[f32]) -> Result<usize, EngineError> {
        match self.parts.first() {
            Some(first) => first.network.samples(inputs),
            None => Ok(0),
        }
    }

    fn check_batch(&self, inputs: &[f32], targets: usize) -> Result<(), EngineError> {
        let samples = self.samples(inputs)?;
        if samples == 0 {
            return Err(EngineError::EmptyBatch);
        }
        if targets != samples {
            return Err(EngineError::LabelCount {
                found: targets,
                samples,
            });
        }
        Ok(())
    }

    /// The loss, and what `told` says of the outputs.
    fn step_on_pool<R>(
        &mut self,
        inputs: &[f32],
        wanted: Wanted<'_>,
        told: impl FnOnce(&[f32]) -> R,
    ) -> Result<(f32, R), EngineError> {
        let samples = self.samples(inputs)?;
        let (tape, outputs, observed) = self.record_forward(inputs, samples)?;
        let told = told(&outputs.numbers);
        let buffers = self.compute.buffers();
        let (device, settings) = (&self.device, &self.settings);
        let (loss, gradients) =
            loss_and_gradients(device, buffers, tape, (&outputs, samples), wanted, settings)?;
        let learning_rate = self.learning_rate();
        let Some(mut gradients) = gradients else {
            return Err(EngineError::Diverged {
                loss,
                step: self.steps + 1,
                learning_rate,
            });
        };
        drop(outputs);
        self.update_statistics(observed, samples);
        self.update_weights(&mut gradients, learning_rate)?;
        self.steps += 1;
        Ok((loss, told))
    }

    /// The outputs of a batch, and the statistics met on the way. The tape starts with the first operation that has something to learn: what comes before needs no gradient.
    fn record_forward(
        &mut self,
        inputs: &[f32],
        samples: usize,
    ) -> Result<(Tape, Value, Vec<Observed>), EngineError> {
        let buffers = self.compute.buffers();
        let mut numbers = buffers.take(inputs.len());
        numbers.copy_from_slice(inputs);
        let mut recorder = Recorder {
            tape: Tape::default(),
            device: &self.device,
            buffers,
            samples,
            chance: &mut self.dropout,
            part: 0,
            layers: &[],
            variables: &[],
            observed: Vec::new(),
        };
        let mut value = Value {
            numbers: Arc::new(numbers),
            variable: None,
        };
        let parts = self.parts.iter().zip(&self.variables).zip(&self.programs);
        for (index, ((part, variables), program)) in parts.enumerate() {
            let layers = part.network.layers();
            (recorder.part, recorder.layers, recorder.variables) = (index, layers, variables);
            let input = value.clone();
            let result = execute(program, layers, buffers, samples, input, &mut recorder)?;
            value = result.unwrap_or(value);
        }
        Ok((recorder.tape, value, recorder.observed))
    }

    fn update_statistics(&mut self, observed: Vec<Observed>, samples: usize) {
        for seen in observed {
            let layer = &mut self.parts[seen.part].network.layers_mut()[seen.layer];
            let statistics = layer.kept_mut();
            seen.operation.observe(samples, &seen.memory, statistics);
        }
    }

    fn update_weights(
        &mut self,
        gradients: &mut Gradients,
        learning_rate: f32,
    ) -> Result<(), EngineError> {
        let buffers = self.compute.buffers();
        let mut updates = Vec::new();
        let learned = self.variables.iter().zip(&mut self.moments);
        for (part, (variables, moments)) in self.parts.iter_mut().zip(learned) {
            let multipliers = part.multipliers().to_vec();
            let layers = part.network.layers_mut().iter_mut().zip(multipliers);
            let learned = variables.iter().zip(moments);
            for ((layer, multiplier), (variables, moments)) in layers.zip(learned) {
                let arrays = layer.learned_mut().zip(variables).zip(moments);
                for ((array, variable), moments) in arrays {
                    if let Some(gradient) = variable.take_gradient(gradients, buffers)? {
                        updates.push((array, moments, multiplier, gradient));
                    }
                }
            }
        }
        let squares = match self.settings.clip_norm {
            Some(_) => updates
                .iter()
                .map(|(.., gradient)| sum_of_squares(gradient))
                .sum(),
            None => 0.0,
        };
        let scale = self.settings.clip_scale(squares);
        for (weight, moments, multiplier, gradient) in updates {
            update(
                &self.settings,
                learning_rate * multiplier,
                scale,
                moments,
                Arc::make_mut(&mut weight.values).as_mut_slice(),
                &gradient,
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
