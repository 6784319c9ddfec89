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

use std::sync::Arc;

use dfdx::shapes::Rank1;
use dfdx::tensor::{Cpu, CpuError, NoneTape, OwnedTape, Tape as _, Tensor, ZerosTensor};
use rayon::prelude::*;

use crate::compute::{Buffer, Buffers};
use crate::network::{LayerWeights, Weight};
use crate::ops::{Backward, Forward, Pair, Weights, vectorized};
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

/// The weights of one layer, shared with the network for as long as the tape lives.
#[derive(Clone, Default)]
pub(crate) struct Parameters {
    pub(crate) weight: Arc<Vec<f32>>,
    pub(crate) bias: Arc<Vec<f32>>,
    pub(crate) mean: Arc<Vec<f32>>,
    pub(crate) variance: Arc<Vec<f32>>,
    /// Absent where they are frozen.
    pub(crate) variables: Option<Pair<Variable>>,
}

impl Parameters {
    /// Those of a layer, all frozen.
    pub(crate) fn of(layer: &LayerWeights) -> Self {
        let values = |weight: Option<&Weight>| match weight {
            Some(weight) => Arc::clone(&weight.values),
            None => Arc::default(),
        };
        let buffers = layer.buffers.as_ref();
        Self {
            weight: values(layer.weight.as_ref()),
            bias: values(layer.bias.as_ref()),
            mean: values(buffers.map(|buffers| &buffers.mean)),
            variance: values(buffers.map(|buffers| &buffers.variance)),
            variables: None,
        }
    }

    fn weights(&self) -> Weights<'_> {
        Weights {
            weight: &self.weight,
            bias: &self.bias,
            mean: &self.mean,
            variance: &self.variance,
        }
    }
}

/// What an operation leaves behind beside its output.
pub(crate) type Memory = Arc<Buffer<f32>>;

/// One pass over a batch while it is recorded.
pub(crate) struct Recorder<'a> {
    pub(crate) tape: Tape,
    pub(crate) device: &'a Cpu,
    pub(crate) buffers: &'a Buffers,
    pub(crate) samples: usize,
    /// Where dropout draws from.
    pub(crate) chance: &'a mut Stream,
}

impl Recorder<'_> {
    /// Runs one operation and, where anything up to it learns, puts its backward pass on the tape.
    pub(crate) fn record(
        &mut self,
        step: &Step,
        parameters: Vec<Parameters>,
        inputs: Vec<Value>,
    ) -> Result<(Value, Memory), CpuError> {
        let (buffers, samples) = (self.buffers, self.samples);
        let operation = Arc::clone(&step.operation);
        let mut output = buffers.take(samples * operation.output());
        let mut notes = buffers.take_positions(samples * operation.noted());
        let mut memory = buffers.take(operation.remembered(samples));
        operation.draw(self.chance, &mut memory);
        let weights: Vec<Weights> = parameters.iter().map(Parameters::weights).collect();
        let numbers: Vec<&[f32]> = inputs.iter().map(|input| &input.numbers[..]).collect();
        operation.forward(Forward {
            buffers,
            samples,
            weights: &weights,
            inputs: &numbers,
            output: &mut output,
            notes: &mut notes,
            memory: &mut memory,
        });
        let memory = Arc::new(memory);
        let output = Arc::new(output);
        if !step.learns && inputs.iter().all(|input| input.variable.is_none()) {
            let value = Value {
                numbers: output,
                variable: None,
            };
            return Ok((value, memory));
        }
        let variable = Variable::new(self.device)?;
        let value = Value {
            numbers: Arc::clone(&output),
            variable: Some(variable.clone()),
        };
        let (buffers, remembered) = (buffers.clone(), Arc::clone(&memory));
        self.tape.add_backward_op(move |gradients| {
            let Some(mut output_gradient) = variable.take_gradient(gradients, &buffers)? else {
                return Ok(());
            };
            let weights: Vec<Weights> = parameters.iter().map(Parameters::weights).collect();
            let numbers: Vec<&[f32]> = inputs.iter().map(|input| &input.numbers[..]).collect();
            let room = |input: &Value| {
                let wanted = input.variable.as_ref();
                wanted.map(|_| buffers.take(input.numbers.len()))
            };
            let mut input_gradients: Vec<Option<Buffer<f32>>> = inputs.iter().map(room).collect();
            let own = parameters.first();
            let learned = own.and_then(|own| Some((own, own.variables.as_ref()?)));
            let mut own_gradients = learned.map(|(own, _)| Pair {
                weight: buffers.take(own.weight.len()),
                bias: buffers.take(own.bias.len()),
            });
            operation.backward(Backward {
                buffers: &buffers,
                samples,
                weights: &weights,
                inputs: &numbers,
                output: &output,
                notes: &notes,
                memory: &remembered,
                output_gradient: &mut output_gradient,
                input_gradients: &mut input_gradients
                    .iter_mut()
                    .map(Option::as_deref_mut)
                    .collect::<Vec<_>>(),
                parameter_gradients: own_gradients.as_mut().map(|own| Pair {
                    weight: &mut *own.weight,
                    bias: &mut *own.bias,
                }),
            });
            drop(output_gradient);
            for (input, gradient) in inputs.iter().zip(input_gradients) {
                if let (Some(variable), Some(gradient)) = (&input.variable, gradient) {
                    variable.add_gradient(gradients, gradient)?;
                }
            }
            if let (Some((_, variables)), Some(own)) = (learned, own_gradients) {
                variables.weight.add_gradient(gradients, own.weight)?;
                variables.bias.add_gradient(gradients, own.bias)?;
            }
            Ok(())
        });
        Ok((value, memory))
    }
}
