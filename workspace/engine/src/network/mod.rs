//! A network: a blueprint with weights, and its forward pass.

mod assign;
mod several_cuts;
mod weights;

use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use crate::blueprint::{Blueprint, JoinedMaps, LayerSpec};
use crate::compute::{Buffer, Buffers, Compute};
use crate::error::EngineError;
use crate::executor::{Listener, Made, execute};
use crate::layers::Start;
use crate::operation::{Named, NamedMut, Operation};
use crate::program::{Program, Step};
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

/// One named array of weights, running statistics or constants.
#[derive(Clone)]
pub(crate) struct Weight {
    /// Such as `conv1.weight`.
    pub(crate) name: String,
    /// Its name within the layer, such as `weight`.
    pub(crate) within: &'static str,
    pub(crate) shape: Vec<usize>,
    /// Whether it is learned by gradient.
    pub(crate) learned: bool,
    pub(crate) values: Arc<Vec<f32>>,
}

/// The arrays of one layer, in the order of its definition.
#[derive(Clone)]
pub(crate) struct LayerWeights {
    pub(crate) arrays: Vec<Weight>,
}

/// What an operation has computed, and where.
enum Value<'a> {
    Given(&'a [f32]),
    Room(Room<'a>),
}

enum Room<'a> {
    Buffered(Buffer<f32>),
    Placed(&'a mut [f32]),
}

impl Deref for Value<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Given(given) => given,
            Self::Room(room) => room,
        }
    }
}

impl Deref for Room<'_> {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        match self {
            Self::Buffered(buffer) => buffer,
            Self::Placed(place) => place,
        }
    }
}

impl DerefMut for Room<'_> {
    fn deref_mut(&mut self) -> &mut [f32] {
        match self {
            Self::Buffered(buffer) => buffer,
            Self::Placed(place) => place,
        }
    }
}

/// Listens to an evaluation: values are computed where `place` wants them, asked by their number, else in
/// buffers; every one is shown when it is there.
struct Evaluation<'a, 'b, P, S> {
    buffers: &'b Buffers,
    place: P,
    show: S,
    values: PhantomData<Value<'a>>,
}

impl<'a, P, S> Listener for Evaluation<'a, '_, P, S>
where
    P: FnMut(usize) -> Option<&'a mut [f32]>,
    S: FnMut(usize, &[f32]),
{
    type Room = Room<'a>;
    type Value = Value<'a>;
    type Error = Infallible;

    fn room(&mut self, number: usize, len: usize) -> Room<'a> {
        match (self.place)(number) {
            Some(place) => Room::Placed(place),
            None => Room::Buffered(self.buffers.take(len)),
        }
    }

    /// Nothing is left to chance in evaluation.
    fn draw(&mut self, _operation: &dyn Operation, _memory: &mut [f32]) {}

    fn done(
        &mut self,
        step: &Step,
        _inputs: &[&Value<'a>],
        made: Made<Room<'a>>,
    ) -> Result<Value<'a>, Infallible> {
        (self.show)(step.output, &made.output);
        Ok(Value::Room(made.output))
    }
}

/// Samples that go through the network at a time when no gradient is wanted: enough for all threads,
/// little enough that what lies between two layers stays in the cache.
const BLOCK: usize = 128;
/// Values in the largest layer of such a block, for networks with large images.
const BLOCK_VALUES: usize = 1 << 22;

impl Network {
    /// A network with random weights, PyTorch's defaults: the first values of each layer's arrays are told in its
    /// file in [`layers`](crate::layers). Those of a convolution or a linear layer are uniform in ±1/√(fan-in);
    /// batch normalisation starts with weight 1, bias 0, running mean 0 and running variance 1.
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

    /// The layers as far as the deepest of these cuts, with what each gives joined to one vector; see
    /// [`Blueprint::joined`].
    ///
    /// # Errors
    /// As there.
    pub fn joined(&self, cuts: &[usize], maps: JoinedMaps) -> Result<Self, EngineError> {
        let blueprint = self.blueprint.joined(cuts, maps)?;
        let mut layers = self.layers.clone();
        layers.truncate(cuts.iter().copied().max().unwrap_or(0));
        // What joins has no weights: nothing is drawn.
        let mut nothing = Stream::new(0, "join");
        let behind = &blueprint.layers()[layers.len()..];
        layers.extend(
            behind
                .iter()
                .map(|layer| LayerWeights::init(layer, &mut nothing)),
        );
        Ok(Self {
            program: Arc::new(Program::compile(&blueprint, None, true)),
            blueprint,
            layers,
        })
    }

    /// The same network with [`Blueprint::in_unit`]'s layer behind it, which gives `deviation · y + mean` of each output.
    ///
    /// # Errors
    /// As there, and when there are not as many deviations and means as outputs.
    pub fn in_unit(&self, deviations: &[f32], means: &[f32]) -> Result<Self, EngineError> {
        let blueprint = self.blueprint.in_unit()?;
        let weights = self.weights().map(|weight| weight.values.to_vec());
        let mut network = Self::init(&blueprint, &mut Stream::new(0, "unit"));
        let mut diagonal = vec![0.0; deviations.len().pow(2)];
        for (at, deviation) in deviations.iter().enumerate() {
            diagonal[at * deviations.len() + at] = *deviation;
        }
        network.set_weights(weights.chain([diagonal, means.to_vec()]).collect())?;
        Ok(network)
    }

    /// Number of weights and biases; running statistics are not counted.
    pub fn parameters(&self) -> usize {
        let parameters = self.layers.iter().flat_map(LayerWeights::learned);
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
        // What a fused operation keeps to itself does not count.
        let steps = self.program.steps.iter();
        let largest = steps.map(|step| step.operation.output()).max();
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
        place: impl FnMut(usize) -> Option<&'a mut [f32]>,
        mut show: impl FnMut(usize, &[f32]),
    ) {
        show(0, input);
        let mut evaluation = Evaluation {
            buffers,
            place,
            show,
            values: PhantomData,
        };
        let (program, input) = (&self.program, Value::Given(input));
        let Ok(_) = execute(
            program,
            &self.layers,
            buffers,
            samples,
            input,
            &mut evaluation,
        );
    }

    pub(crate) fn layers(&self) -> &[LayerWeights] {
        &self.layers
    }

    pub(crate) fn layers_mut(&mut self) -> &mut [LayerWeights] {
        self.renew();
        &mut self.layers
    }

    /// Everything that belongs to the network's state: the arrays of each layer, in the blueprint's order.
    pub(crate) fn weights(&self) -> impl Iterator<Item = &Weight> {
        self.layers.iter().flat_map(|layer| &layer.arrays)
    }

    pub(crate) fn weights_mut(&mut self) -> impl Iterator<Item = &mut Weight> {
        self.renew();
        self.layers.iter_mut().flat_map(|layer| &mut layer.arrays)
    }

    /// Forgets what the program has made of arrays that are about to change.
    fn renew(&mut self) {
        if let Some(program) = self.program.renewed() {
            self.program = Arc::new(program);
        }
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
        let arrays = layer.arrays().into_iter().map(|array| {
            let count = array.elements();
            let values = match array.start {
                Start::Constant(value) => vec![value; count],
                Start::Within(bound) => {
                    let draws = (0..count).map(|_| stream.uniform(-bound, bound));
                    draws.collect()
                }
            };
            Weight {
                name: format!("{}.{}", layer.name, array.name),
                within: array.name,
                shape: array.shape,
                learned: array.learned,
                values: Arc::new(values),
            }
        });
        Self {
            arrays: arrays.collect(),
        }
    }

    /// The arrays that are learned by gradient.
    pub(crate) fn learned(&self) -> impl Iterator<Item = &Weight> {
        self.arrays.iter().filter(|array| array.learned)
    }

    pub(crate) fn learned_mut(&mut self) -> impl Iterator<Item = &mut Weight> {
        self.arrays.iter_mut().filter(|array| array.learned)
    }

    pub(crate) fn named(&self) -> Named<'_> {
        let arrays = self.arrays.iter();
        arrays
            .map(|array| (array.within, &array.values[..]))
            .collect()
    }

    /// The arrays that are not learned, to be written.
    pub(crate) fn kept_mut(&mut self) -> NamedMut<'_> {
        let kept = self.arrays.iter_mut().filter(|array| !array.learned);
        kept.map(|array| {
            let values = Arc::make_mut(&mut array.values);
            (array.within, values.as_mut_slice())
        })
        .collect()
    }
}

#[cfg(test)]
mod tests;
