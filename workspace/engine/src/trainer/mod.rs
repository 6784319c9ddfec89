//! Training: parts of a network put together, some of them frozen, and one step after another.

mod loss;
mod part;
mod state;

use std::fmt;
use std::sync::Arc;

use dfdx::tensor::{Cpu, CpuError};

use crate::compute::Compute;
use crate::error::EngineError;
use crate::network::Weight;
use crate::ops::Pair;
use crate::optimizer::{Moments, TrainSettings, sum_of_squares, update};
use crate::program::{Program, Statistics, Training};
use crate::stream::Stream;
use crate::tape::{Gradients, Memory, Parameters, Recorder, Tape, Value, Variable};
use loss::{count_correct, loss_and_gradients};

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

/// Trains the parts of a network on one batch after another.
pub struct Trainer<'a> {
    compute: &'a Compute,
    device: Cpu,
    parts: Vec<Part>,
    settings: TrainSettings,
    /// One per part, for the multipliers it has now.
    programs: Vec<Program>,
    /// For each part, one per layer.
    learned: Vec<Vec<Learned>>,
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

/// What training keeps beside the weights of one layer.
type Learned = Pair<LearnedArray>;

/// What training keeps beside one array of weights.
struct LearnedArray {
    variable: Variable,
    moments: Moments,
}

/// The statistics of a batch, to be taken over into the running ones.
struct Observed {
    part: usize,
    layer: usize,
    statistics: Statistics,
    /// Mean and variance, channel by channel.
    memory: Memory,
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
            && gives.as_image().is_some()
        {
            return Err(EngineError::NoLogits { gives });
        }
        if !parts.iter().any(Part::has_learning_weights) {
            return Err(EngineError::NothingTrained);
        }
        let device = Cpu::default();
        let array = || {
            Ok(LearnedArray {
                variable: Variable::new(&device)?,
                moments: Moments::default(),
            })
        };
        let layer = |_: usize| {
            Ok(Pair {
                weight: array()?,
                bias: array()?,
            })
        };
        let learned: Result<Vec<Vec<Learned>>, CpuError> = parts
            .iter()
            .map(|part| (0..part.network.layers().len()).map(layer).collect())
            .collect();
        let mut trainer = Self {
            compute,
            learned: learned?,
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
        let (tape, logits, observed) = self.record_forward(inputs, labels.len())?;
        let correct = count_correct(&logits.numbers, labels);
        let buffers = self.compute.buffers();
        let (device, settings) = (&self.device, &self.settings);
        let (loss, gradients) =
            loss_and_gradients(device, buffers, tape, &logits, labels, settings)?;
        let learning_rate = self.learning_rate();
        let Some(mut gradients) = gradients else {
            return Err(EngineError::Diverged {
                loss,
                step: self.steps + 1,
                learning_rate,
            });
        };
        drop(logits);
        self.update_statistics(observed, labels.len());
        self.update_weights(&mut gradients, learning_rate)?;
        self.steps += 1;
        Ok(Step { loss, correct })
    }

    /// The logits of a batch, and the statistics met on the way. The tape starts with the first operation
    /// that has something to learn: what comes before needs no gradient.
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
        };
        let mut observed = Vec::new();
        let mut input = Value {
            numbers: Arc::new(numbers),
            variable: None,
        };
        let parts = self.parts.iter().zip(&self.learned).zip(&self.programs);
        for (index, ((part, learned), program)) in parts.enumerate() {
            let layers = part.network.layers();
            let mut values: Vec<Option<Value>> = vec![None; layers.len() + 1];
            values[0] = Some(input.clone());
            for step in &program.steps {
                let parameters = step.layers.iter().enumerate().map(|(place, &layer)| {
                    let mut parameters = Parameters::of(&layers[layer]);
                    parameters.variables = (place == 0 && step.learns).then(|| Pair {
                        weight: learned[layer].weight.variable.clone(),
                        bias: learned[layer].bias.variable.clone(),
                    });
                    parameters
                });
                let inputs = step
                    .inputs
                    .iter()
                    .filter_map(|&number| values[number].clone());
                let (value, memory) =
                    recorder.record(step, parameters.collect(), inputs.collect())?;
                if let (Some(statistics), Some(&layer)) = (step.statistics, step.layers.first()) {
                    observed.push(Observed {
                        part: index,
                        layer,
                        statistics,
                        memory,
                    });
                }
                values[step.output] = Some(value);
                for &number in &step.finished {
                    values[number] = None;
                }
            }
            if let Some(result) = values[program.result].take() {
                input = result;
            }
        }
        Ok((recorder.tape, input, observed))
    }

    /// Running statistics take over a share of the batch's, the variance as an estimate without bias:
    /// over `n - 1` of `n` values, as in PyTorch.
    fn update_statistics(&mut self, observed: Vec<Observed>, samples: usize) {
        for seen in observed {
            let Statistics { momentum, places } = seen.statistics;
            let count = (samples * places) as f32;
            let unbiased = count / (count - 1.0).max(1.0);
            let layer = &mut self.parts[seen.part].network.layers_mut()[seen.layer];
            let Some(buffers) = &mut layer.buffers else {
                continue;
            };
            let means = Arc::make_mut(&mut buffers.mean.values).iter_mut();
            let variances = Arc::make_mut(&mut buffers.variance.values).iter_mut();
            let batch = seen.memory.as_chunks::<2>().0;
            for ((running_mean, running_variance), &[mean, variance]) in
                means.zip(variances).zip(batch)
            {
                *running_mean += momentum * (mean - *running_mean);
                *running_variance += momentum * (variance * unbiased - *running_variance);
            }
        }
    }

    fn update_weights(
        &mut self,
        gradients: &mut Gradients,
        learning_rate: f32,
    ) -> Result<(), EngineError> {
        let buffers = self.compute.buffers();
        let mut updates = Vec::new();
        for (part, learned) in self.parts.iter_mut().zip(&mut self.learned) {
            let multipliers = part.multipliers().to_vec();
            let layers = part.network.layers_mut().iter_mut().zip(learned);
            for ((layer, learned), multiplier) in layers.zip(multipliers) {
                let arrays: [(&mut Option<Weight>, &mut LearnedArray); 2] = [
                    (&mut layer.weight, &mut learned.weight),
                    (&mut layer.bias, &mut learned.bias),
                ];
                for (weight, learned) in arrays {
                    let Some(weight) = weight else { continue };
                    let gradient = learned.variable.take_gradient(gradients, buffers)?;
                    if let Some(gradient) = gradient {
                        updates.push((weight, &mut learned.moments, multiplier, gradient));
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
