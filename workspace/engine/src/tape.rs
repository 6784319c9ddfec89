//! Operations on dfdx's tape.
//!
//! dfdx keeps the order of the backward pass, the gradients by identity, and the loss. The values
//! themselves stay in buffers of this crate, and what stands on the tape for them is a tensor without
//! elements, a [`Variable`]. The reason: through its public interface a dfdx tensor gives its values one
//! at a time or as a copy, never as a slice. For LeNet and a head of 500 units at batch 64, the copies
//! needed by one pass over the network take 0.05 ms with `copy_into` and 0.44 ms with `as_vec`, on one
//! thread, of a step of 4.3 ms on two; there are two passes per step, and each copy wants a buffer.
//!
//! Gradients do lie in dfdx's store, which lends its vectors: they are exchanged for our buffers.

use std::ops::Deref;
use std::sync::Arc;

use dfdx::shapes::Rank1;
use dfdx::tensor::{Cpu, CpuError, NoneTape, OwnedTape, Tape as _, Tensor, ZerosTensor};
use rayon::prelude::*;

use crate::compute::{Buffer, Buffers};
use crate::executor::{Listener, Made};
use crate::network::LayerWeights;
use crate::operation::{Backward, Named, Operation, vectorized};
use crate::program::Step;
use crate::stream::Stream;

pub(crate) type Tape = OwnedTape<f32, Cpu>;
pub(crate) type Gradients = dfdx::tensor::Gradients<f32, Cpu>;

/// The identity under which the tape keeps a gradient.
#[derive(Clone)]
pub(crate) struct Variable(Tensor<Rank1<0>, f32, Cpu, NoneTape>);

impl Variable {
    pub(crate) fn new(device: &Cpu) -> Result<Self, CpuError> {
        Ok(Self(device.try_zeros::<Rank1<0>>()?))
    }

    /// Takes the gradient out; nothing where no operation has given one.
    pub(crate) fn take_gradient(
        &self,
        gradients: &mut Gradients,
        buffers: &Buffers,
    ) -> Result<Option<Buffer<f32>>, CpuError> {
        let values = std::mem::take(&mut **gradients.get_or_alloc_mut(&self.0)?);
        Ok((!values.is_empty()).then(|| buffers.adopt(values)))
    }

    /// Adds to the gradient, which the first operation to do so merely hands over.
    pub(crate) fn add_gradient(
        &self,
        gradients: &mut Gradients,
        gradient: Buffer<f32>,
    ) -> Result<(), CpuError> {
        /// Large enough to be worth a thread's while.
        const BLOCK: usize = 16 * 1024;
        let sum = gradients.get_or_alloc_mut(&self.0)?;
        if sum.is_empty() {
            **sum = gradient.into_vec();
        } else {
            sum.par_chunks_mut(BLOCK)
                .zip(gradient.par_chunks(BLOCK))
                .for_each(|(sum, gradient)| {
                    vectorized(
                        #[inline(always)]
                        || {
                            for (sum, gradient) in sum.iter_mut().zip(gradient) {
                                *sum += gradient;
                            }
                        },
                    );
                });
        }
        Ok(())
    }
}

/// What flows between two operations: samples × elements.
#[derive(Clone)]
pub(crate) struct Value {
    pub(crate) numbers: Arc<Buffer<f32>>,
    /// Absent where nothing up to here learns.
    pub(crate) variable: Option<Variable>,
}

impl Deref for Value {
    type Target = [f32];

    fn deref(&self) -> &[f32] {
        &self.numbers
    }
}

/// The arrays of one layer, shared with the network for as long as the tape lives.
struct Shared(Vec<(&'static str, Arc<Vec<f32>>)>);

impl Shared {
    fn of(layer: &LayerWeights) -> Self {
        let arrays = layer.arrays.iter();
        Self(
            arrays
                .map(|array| (array.within, Arc::clone(&array.values)))
                .collect(),
        )
    }

    fn named(&self) -> Named<'_> {
        let arrays = self.0.iter();
        arrays.map(|(name, values)| (*name, &values[..])).collect()
    }
}

/// What a layer that keeps statistics has remembered of a batch.
pub(crate) struct Observed {
    pub(crate) part: usize,
    pub(crate) layer: usize,
    pub(crate) operation: Arc<dyn Operation>,
    pub(crate) memory: Arc<Buffer<f32>>,
}

/// One pass over a batch while it is recorded: what the tape needs of every step.
pub(crate) struct Recorder<'a> {
    pub(crate) tape: Tape,
    pub(crate) device: &'a Cpu,
    pub(crate) buffers: &'a Buffers,
    pub(crate) samples: usize,
    /// Where dropout draws from.
    pub(crate) chance: &'a mut Stream,
    /// The part that is being run: its number and its layers.
    pub(crate) part: usize,
    pub(crate) layers: &'a [LayerWeights],
    /// For each of its layers, one per array that is learned.
    pub(crate) variables: &'a [Vec<Variable>],
    pub(crate) observed: Vec<Observed>,
}

impl Listener for Recorder<'_> {
    type Room = Buffer<f32>;
    type Value = Value;
    type Error = CpuError;

    fn room(&mut self, _number: usize, len: usize) -> Buffer<f32> {
        self.buffers.take(len)
    }

    fn draw(&mut self, operation: &dyn Operation, memory: &mut [f32]) {
        operation.draw(self.chance, memory);
    }

    /// Puts the step's backward pass on the tape, where anything up to it learns.
    fn done(
        &mut self,
        step: &Step,
        inputs: &[&Value],
        made: Made<Buffer<f32>>,
    ) -> Result<Value, CpuError> {
        let (output, memory) = (Arc::new(made.output), Arc::new(made.memory));
        if let (true, Some(&layer)) = (step.observes, step.layers.first()) {
            self.observed.push(Observed {
                part: self.part,
                layer,
                operation: Arc::clone(&step.operation),
                memory: Arc::clone(&memory),
            });
        }
        if !step.learns && inputs.iter().all(|input| input.variable.is_none()) {
            return Ok(Value {
                numbers: output,
                variable: None,
            });
        }
        let variable = Variable::new(self.device)?;
        let value = Value {
            numbers: Arc::clone(&output),
            variable: Some(variable.clone()),
        };
        // The arrays that learn, with their lengths.
        let own = step.layers.first().filter(|_| step.learns);
        let learned: Option<Vec<(&'static str, usize, Variable)>> = own.map(|&layer| {
            let arrays = self.layers[layer].learned().zip(&self.variables[layer]);
            arrays
                .map(|(array, variable)| (array.within, array.values.len(), variable.clone()))
                .collect()
        });
        let shared = step.layers.iter();
        let shared: Vec<Shared> = shared
            .map(|&layer| Shared::of(&self.layers[layer]))
            .collect();
        let inputs: Vec<Value> = inputs.iter().map(|&input| input.clone()).collect();
        let (operation, notes) = (Arc::clone(&step.operation), made.notes);
        let (buffers, samples) = (self.buffers.clone(), self.samples);
        self.tape.add_backward_op(move |gradients| {
            let Some(mut output_gradient) = variable.take_gradient(gradients, &buffers)? else {
                return Ok(());
            };
            let weights: Vec<Named<'_>> = shared.iter().map(Shared::named).collect();
            let numbers: Vec<&[f32]> = inputs.iter().map(|input| &**input).collect();
            let room = |input: &Value| {
                let wanted = input.variable.as_ref();
                wanted.map(|_| buffers.take_to_give(input.numbers.len()))
            };
            let mut input_gradients: Vec<Option<Buffer<f32>>> = inputs.iter().map(room).collect();
            let mut own_gradients: Option<Vec<Buffer<f32>>> = learned.as_ref().map(|learned| {
                let arrays = learned.iter();
                arrays
                    .map(|&(_, len, _)| buffers.take_to_give(len))
                    .collect()
            });
            operation.backward(Backward {
                buffers: &buffers,
                samples,
                weights: &weights,
                inputs: &numbers,
                output: &output,
                notes: &notes,
                memory: &memory,
                output_gradient: &mut output_gradient,
                input_gradients: &mut input_gradients
                    .iter_mut()
                    .map(Option::as_deref_mut)
                    .collect::<Vec<_>>(),
                parameter_gradients: own_gradients.as_mut().map(|own| {
                    let names = learned.iter().flatten().map(|(name, ..)| *name);
                    names.zip(own.iter_mut().map(|own| &mut **own)).collect()
                }),
            });
            drop(output_gradient);
            for (input, gradient) in inputs.iter().zip(input_gradients) {
                if let (Some(variable), Some(gradient)) = (&input.variable, gradient) {
                    variable.add_gradient(gradients, gradient)?;
                }
            }
            let own = learned
                .iter()
                .flatten()
                .zip(own_gradients.into_iter().flatten());
            for ((_, _, variable), gradient) in own {
                variable.add_gradient(gradients, gradient)?;
            }
            Ok(())
        });
        Ok(value)
    }
}
