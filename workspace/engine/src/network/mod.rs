//! A network: a blueprint with weights, and its forward pass.

mod weights;

use std::fmt;
use std::sync::Arc;

use crate::blueprint::Blueprint;
use crate::compute::{Buffers, Compute};
use crate::error::EngineError;
use crate::ops::{Forward, Pair};
use crate::program::{Program, Step};
use crate::stream::Stream;

/// A blueprint with weights. Cloning is cheap: weights are shared until one of the owners trains them.
#[derive(Clone)]
pub struct Network {
    blueprint: Blueprint,
    program: Arc<Program>,
    /// Of the layers that have any, in the blueprint's order.
    weights: Vec<Pair<Weight>>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("blueprint", &self.blueprint)
            .field("parameters", &self.parameters())
            .finish_non_exhaustive()
    }
}

/// One named array of weights.
#[derive(Clone)]
pub(crate) struct Weight {
    /// Such as `conv1.weight`.
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Arc<Vec<f32>>,
}

/// Samples that go through the network at a time when no gradient is wanted: enough for all threads,
/// little enough that what lies between two layers stays in the cache.
const BLOCK: usize = 128;

impl Network {
    /// A network with random weights, PyTorch's default: weights and biases of a layer are uniform in
    /// ±1/√(fan-in), where fan-in is the number of inputs of one unit. Source:
    /// `Linear.reset_parameters` in `torch/nn/modules/linear.py` and `_ConvNd.reset_parameters` in
    /// `torch/nn/modules/conv.py`, whose `kaiming_uniform_(a=√5)` comes to the same bound.
    ///
    /// Draws in the order of the blueprint, the weight of each layer before its bias.
    pub fn init(blueprint: &Blueprint, stream: &mut Stream) -> Self {
        let layers = blueprint.layers().iter();
        let weights = layers
            .filter_map(|layer| {
                let [weight, bias] = layer.parameter_shapes()?;
                let fan_in: usize = weight[1..].iter().product();
                let bound = 1.0 / (fan_in as f32).sqrt();
                let mut draw = |kind: &str, shape: Vec<usize>| {
                    let values = (0..shape.iter().product()).map(|_| stream.uniform(-bound, bound));
                    Weight {
                        name: format!("{}.{kind}", layer.name),
                        values: Arc::new(values.collect()),
                        shape,
                    }
                };
                Some(Pair {
                    weight: draw("weight", weight),
                    bias: draw("bias", bias),
                })
            })
            .collect();
        Self {
            blueprint: blueprint.clone(),
            program: Arc::new(Program::compile(blueprint, true)),
            weights,
        }
    }

    /// What the network is made of.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// The trunk: the first `layers` layers with their weights.
    ///
    /// # Errors
    /// When `layers` is 0 or more than there are.
    pub fn keep(&self, layers: usize) -> Result<Self, EngineError> {
        let blueprint = self.blueprint.keep(layers)?;
        let with_weights = blueprint.layers().iter();
        let with_weights = with_weights.filter(|layer| layer.parameter_shapes().is_some());
        Ok(Self {
            weights: self.weights[..with_weights.count()].to_vec(),
            program: Arc::new(Program::compile(&blueprint, true)),
            blueprint,
        })
    }

    /// Number of weights and biases.
    pub fn parameters(&self) -> usize {
        self.weights().map(|weight| weight.values.len()).sum()
    }

    /// Computes the outputs of any number of samples, without noting anything for training.
    ///
    /// `inputs` holds samples × input elements, `outputs` samples × output elements.
    ///
    /// # Errors
    /// When `inputs` is not a whole number of samples, or `outputs` has not room for exactly as many.
    pub fn forward(
        &self,
        compute: &Compute,
        inputs: &[f32],
        outputs: &mut [f32],
    ) -> Result<(), EngineError> {
        let samples = self.samples(inputs)?;
        let shape = self.blueprint.output();
        if outputs.len() != samples * shape.elements() {
            return Err(EngineError::OutputLength {
                found: outputs.len(),
                samples,
                shape,
            });
        }
        let inputs = inputs.chunks(BLOCK * self.blueprint.input().elements());
        let outputs = outputs.chunks_mut(BLOCK * shape.elements());
        compute.run(|| {
            for (input, output) in inputs.zip(outputs) {
                let samples = output.len() / shape.elements();
                self.run(compute.buffers(), samples, input, output);
            }
        });
        Ok(())
    }

    /// How many samples `inputs` holds.
    pub(crate) fn samples(&self, inputs: &[f32]) -> Result<usize, EngineError> {
        let shape = self.blueprint.input();
        if !inputs.len().is_multiple_of(shape.elements()) {
            return Err(EngineError::InputLength {
                found: inputs.len(),
                shape,
            });
        }
        Ok(inputs.len() / shape.elements())
    }

    /// The forward pass itself, on the current thread and those of its pool.
    pub(crate) fn run(&self, buffers: &Buffers, samples: usize, input: &[f32], output: &mut [f32]) {
        let mut between = None;
        for (index, step) in self.program.steps.iter().enumerate() {
            let last = index + 1 == self.program.steps.len();
            let mut next = (!last).then(|| buffers.take(samples * step.operation.output()));
            step.operation.forward(Forward {
                buffers,
                samples,
                parameters: self.parameters_of(step),
                input: between.as_deref().unwrap_or(input),
                output: next.as_deref_mut().unwrap_or(&mut *output),
                notes: &mut buffers.take_positions(samples * step.operation.noted()),
            });
            between = next;
        }
        if self.program.steps.is_empty() {
            output.copy_from_slice(input);
        }
    }

    pub(crate) fn steps(&self) -> &[Step] {
        &self.program.steps
    }

    fn parameters_of(&self, step: &Step) -> Pair<&[f32]> {
        match step.weights.and_then(|index| self.weights.get(index)) {
            Some(pair) => Pair {
                weight: &pair.weight.values,
                bias: &pair.bias.values,
            },
            None => Pair {
                weight: &[],
                bias: &[],
            },
        }
    }

    /// Weight and bias of every layer that has them; see [`Step::weights`].
    pub(crate) fn pairs(&self) -> &[Pair<Weight>] {
        &self.weights
    }

    pub(crate) fn pairs_mut(&mut self) -> &mut [Pair<Weight>] {
        &mut self.weights
    }

    /// Every weight and bias in the blueprint's order.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.weights
            .iter()
            .flat_map(|pair| [&pair.weight, &pair.bias])
    }

    pub(crate) fn weights_mut(&mut self) -> impl Iterator<Item = &mut Weight> {
        self.weights
            .iter_mut()
            .flat_map(|pair| [&mut pair.weight, &mut pair.bias])
    }

    /// The same network without fused operations.
    #[cfg(test)]
    pub(crate) fn without_fusion(&self) -> Self {
        Self {
            program: Arc::new(Program::compile(&self.blueprint, false)),
            ..self.clone()
        }
    }
}

#[cfg(test)]
mod tests;
