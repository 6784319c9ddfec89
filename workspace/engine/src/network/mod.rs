//! A network: a blueprint with weights, and its forward pass.

mod assign;
mod several_cuts;
mod weights;

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::blueprint::{Blueprint, LayerOp, LayerSpec};
use crate::compute::{Buffer, Buffers, Compute};
use crate::error::EngineError;
use crate::ops::{Forward, Weights};
use crate::program::Program;
use crate::shape::Shape;
use crate::stream::Stream;

pub use assign::{Assignment, TensorEntry};
pub use several_cuts::SeveralCuts;
pub use weights::NamedArray;

/// A blueprint with weights. Cloning is cheap: weights are shared until one of the owners trains them.
#[derive(Clone)]
pub struct Network {
    blueprint: Blueprint,
    /// The program for evaluation.
    program: Arc<Program>,
    /// One per layer.
    layers: Vec<LayerWeights>,
}

impl fmt::Debug for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Network")
            .field("blueprint", &self.blueprint)
            .field("parameters", &self.parameters())
            .finish_non_exhaustive()
    }
}

/// One named array of weights, or of running statistics.
#[derive(Clone)]
pub(crate) struct Weight {
    /// Such as `conv1.weight`.
    pub(crate) name: String,
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Arc<Vec<f32>>,
}

/// The weights of one layer, as far as it has them.
#[derive(Clone, Default)]
pub(crate) struct LayerWeights {
    pub(crate) weight: Option<Weight>,
    pub(crate) bias: Option<Weight>,
    pub(crate) buffers: Option<RunningStatistics>,
}

/// What batch normalisation keeps, but does not learn by gradient.
#[derive(Clone)]
pub(crate) struct RunningStatistics {
    pub(crate) mean: Weight,
    pub(crate) variance: Weight,
}

/// What an operation has computed, and where.
enum Value<'a> {
    Buffered(Buffer<f32>),
    Placed(&'a mut [f32]),
}

impl Deref for Value<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Buffered(buffer) => buffer,
            Self::Placed(place) => place,
        }
    }
}

impl DerefMut for Value<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Buffered(buffer) => buffer,
            Self::Placed(place) => place,
        }
    }
}

/// Samples that go through the network at a time when no gradient is wanted: enough for all threads,
/// little enough that what lies between two layers stays in the cache.
const BLOCK: usize = 128;
/// Values in the largest layer of such a block, for networks with large images.
const BLOCK_VALUES: usize = 1 << 23;

impl Network {
    /// A network with random weights, PyTorch's default: weights and biases of a layer are uniform in
    /// ±1/√(fan-in), where fan-in is the number of inputs of one unit. Source:
    /// `Linear.reset_parameters` in `torch/nn/modules/linear.py` and `_ConvNd.reset_parameters` in
    /// `torch/nn/modules/conv.py`, whose `kaiming_uniform_(a=√5)` comes to the same bound.
    ///
    /// Batch normalisation starts with weight 1, bias 0, running mean 0 and running variance 1.
    ///
    /// Draws in the order of the blueprint, the weight of each layer before its bias.
    pub fn init(blueprint: &Blueprint, stream: &mut Stream) -> Self {
        let layers = blueprint.layers().iter();
        let layers = layers
            .map(|layer| LayerWeights::init(layer, stream))
            .collect();
        Self {
            blueprint: blueprint.clone(),
            program: Arc::new(Program::compile(blueprint, None, true)),
            layers,
        }
    }

    /// What the network is made of.
    pub fn blueprint(&self) -> &Blueprint {
        &self.blueprint
    }

    /// The trunk: the first `layers` layers with their weights.
    ///
    /// # Errors
    /// When `layers` is 0 or more than there are, or the cut runs through a branch.
    pub fn keep(&self, layers: usize) -> Result<Self, EngineError> {
        let blueprint = self.blueprint.keep(layers)?;
        Ok(Self {
            layers: self.layers[..layers].to_vec(),
            program: Arc::new(Program::compile(&blueprint, None, true)),
            blueprint,
        })
    }

    /// Number of weights and biases; running statistics are not counted.
    pub fn parameters(&self) -> usize {
        let parameters = self.layers.iter().flat_map(LayerWeights::parameters);
        parameters.map(|weight| weight.values.len()).sum()
    }

    /// Computes the outputs of any number of samples in evaluation: batch normalisation uses its running
    /// statistics, and dropout is off.
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
        has_room(outputs, samples, shape)?;
        let block = self.block();
        let inputs = inputs.chunks(block * self.blueprint.input().elements());
        let outputs = outputs.chunks_mut(block * shape.elements());
        compute.run(|| {
            for (input, output) in inputs.zip(outputs) {
                let samples = output.len() / shape.elements();
                let result = self.program.result;
                if result == 0 {
                    output.copy_from_slice(input);
                    continue;
                }
                let mut output = Some(output);
                let place = |value: usize| output.take_if(|_| value == result);
                self.run(compute.buffers(), samples, input, place, |_, _| ());
            }
        });
        Ok(())
    }

    /// Samples that go through at a time.
    fn block(&self) -> usize {
        let layers = self.blueprint.layers().iter();
        let largest = layers.map(|layer| layer.output.elements()).max();
        (BLOCK_VALUES / largest.unwrap_or(1)).clamp(1, BLOCK)
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

    /// The forward pass itself, on the current thread and those of its pool. Values are computed where
    /// `place` wants them, asked by their number, else in buffers; every one is shown when it is there.
    fn run<'a>(
        &self,
        buffers: &Buffers,
        samples: usize,
        input: &'a [f32],
        mut place: impl FnMut(usize) -> Option<&'a mut [f32]>,
        mut show: impl FnMut(usize, &[f32]),
    ) {
        show(0, input);
        let mut values: Vec<Option<Value<'a>>> = Vec::new();
        values.resize_with(self.layers.len() + 1, || None);
        for step in &self.program.steps {
            let operation = &step.operation;
            let mut next = match place(step.output) {
                Some(place) => Value::Placed(place),
                None => Value::Buffered(buffers.take(samples * operation.output())),
            };
            let inputs = step.inputs.iter();
            let inputs: Vec<&[f32]> = inputs
                .map(|&number| values[number].as_deref().unwrap_or(input))
                .collect();
            let weights = step.layers.iter();
            let weights: Vec<Weights> = weights.map(|&layer| self.layers[layer].view()).collect();
            operation.forward(Forward {
                buffers,
                samples,
                weights: &weights,
                inputs: &inputs,
                output: &mut next,
                notes: &mut buffers.take_positions(samples * operation.noted()),
                memory: &mut [],
            });
            show(step.output, &next);
            values[step.output] = Some(next);
            for &number in &step.finished {
                values[number] = None;
            }
        }
    }

    pub(crate) fn layers(&self) -> &[LayerWeights] {
        &self.layers
    }

    pub(crate) fn layers_mut(&mut self) -> &mut [LayerWeights] {
        &mut self.layers
    }

    /// Everything that belongs to the network's state, in the blueprint's order: weight, bias, running
    /// mean and running variance of each layer.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.layers.iter().flat_map(LayerWeights::all)
    }

    pub(crate) fn weights_mut(&mut self) -> impl Iterator<Item = &mut Weight> {
        self.layers.iter_mut().flat_map(|layer| {
            let buffers = layer.buffers.iter_mut();
            let buffers = buffers.flat_map(|buffers| [&mut buffers.mean, &mut buffers.variance]);
            layer
                .weight
                .iter_mut()
                .chain(&mut layer.bias)
                .chain(buffers)
        })
    }

    /// The same network without fused operations.
    #[cfg(test)]
    pub(crate) fn without_fusion(&self) -> Self {
        Self {
            program: Arc::new(Program::compile(&self.blueprint, None, false)),
            ..self.clone()
        }
    }
}

/// Checks that `outputs` is what as many samples of this shape need.
fn has_room(outputs: &[f32], samples: usize, shape: Shape) -> Result<(), EngineError> {
    let found = outputs.len();
    match found == samples * shape.elements() {
        true => Ok(()),
        false => Err(EngineError::OutputLength {
            found,
            samples,
            shape,
        }),
    }
}

impl LayerWeights {
    fn init(layer: &LayerSpec, stream: &mut Stream) -> Self {
        let named = |kind: &str, shape: &[usize], values: Vec<f32>| Weight {
            name: format!("{}.{kind}", layer.name),
            shape: shape.to_vec(),
            values: Arc::new(values),
        };
        let (Some(weight), bias) = layer.parameter_shapes() else {
            return Self::default();
        };
        if let LayerOp::BatchNorm2d { .. } | LayerOp::BatchNorm1d { .. } = layer.op {
            let constant = |kind, value| named(kind, &weight, vec![value; weight[0]]);
            return Self {
                weight: Some(constant("weight", 1.0)),
                bias: Some(constant("bias", 0.0)),
                buffers: Some(RunningStatistics {
                    mean: constant("running_mean", 0.0),
                    variance: constant("running_var", 1.0),
                }),
            };
        }
        let fan_in: usize = weight[1..].iter().product();
        let bound = 1.0 / (fan_in as f32).sqrt();
        let mut draw = |kind: &str, shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|_| stream.uniform(-bound, bound));
            named(kind, shape, values.collect())
        };
        Self {
            weight: Some(draw("weight", &weight)),
            bias: bias.map(|bias| draw("bias", &bias)),
            buffers: None,
        }
    }

    /// Weight and bias.
    fn parameters(&self) -> impl Iterator<Item = &Weight> {
        self.weight.iter().chain(&self.bias)
    }

    /// Weight, bias, running mean, running variance.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Weight> {
        let buffers = self.buffers.iter();
        let buffers = buffers.flat_map(|buffers| [&buffers.mean, &buffers.variance]);
        self.parameters().chain(buffers)
    }

    fn view(&self) -> Weights<'_> {
        let buffers = self.buffers.as_ref();
        Weights {
            weight: self.weight.as_ref().map_or(&[], |weight| &weight.values),
            bias: self.bias.as_ref().map_or(&[], |bias| &bias.values),
            mean: buffers.map_or(&[], |buffers| &buffers.mean.values),
            variance: buffers.map_or(&[], |buffers| &buffers.variance.values),
        }
    }
}

#[cfg(test)]
mod tests;
