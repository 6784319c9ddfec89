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

use crate::compute::{Buffer, Buffers};
use crate::ops::{Backward, Forward, Pair};
use crate::program::Step;

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
        let sum = gradients.get_or_alloc_mut(&self.0)?;
        if sum.is_empty() {
            **sum = gradient.into_vec();
        } else {
            for (sum, gradient) in sum.iter_mut().zip(gradient.iter()) {
                *sum += gradient;
            }
        }
        Ok(())
    }
}

/// What flows between two operations: samples × elements.
#[derive(Clone)]
pub(crate) struct Activation {
    pub(crate) values: Arc<Buffer<f32>>,
    pub(crate) variable: Variable,
}

/// The parameters of one operation as the tape sees them.
#[derive(Clone)]
pub(crate) struct Parameters {
    pub(crate) values: Pair<Arc<Vec<f32>>>,
    /// Absent where they are frozen.
    pub(crate) variables: Option<Pair<Variable>>,
}

/// Runs one operation and puts its backward pass on the tape.
///
/// `input_gradient` says whether anything before this operation is trained.
pub(crate) fn record(
    tape: &mut Tape,
    buffers: &Buffers,
    step: &Step,
    parameters: Option<Parameters>,
    samples: usize,
    input: &Activation,
    input_gradient: bool,
) -> Result<Activation, CpuError> {
    let operation = Arc::clone(&step.operation);
    let parameters = parameters.unwrap_or_else(|| Parameters {
        values: Pair {
            weight: Arc::default(),
            bias: Arc::default(),
        },
        variables: None,
    });
    let mut values = buffers.take(samples * operation.output());
    let mut notes = buffers.take_positions(samples * operation.noted());
    operation.forward(Forward {
        buffers,
        samples,
        parameters: Pair {
            weight: &parameters.values.weight,
            bias: &parameters.values.bias,
        },
        input: &input.values,
        output: &mut values,
        notes: &mut notes,
    });
    let output = Activation {
        values: Arc::new(values),
        variable: Variable::new(input.variable.0.device())?,
    };
    let (input, result, buffers) = (input.clone(), output.clone(), buffers.clone());
    tape.add_backward_op(move |gradients| {
        let Some(mut output_gradient) = output.variable.take_gradient(gradients, &buffers)? else {
            return Ok(());
        };
        let mut input_gradient = input_gradient.then(|| buffers.take(input.values.len()));
        let mut own = parameters.variables.as_ref().map(|_| Pair {
            weight: buffers.take(parameters.values.weight.len()),
            bias: buffers.take(parameters.values.bias.len()),
        });
        operation.backward(Backward {
            buffers: &buffers,
            samples,
            weight: &parameters.values.weight,
            input: &input.values,
            output: &output.values,
            notes: &notes,
            output_gradient: &mut output_gradient,
            input_gradient: input_gradient.as_deref_mut(),
            parameter_gradients: own.as_mut().map(|own| Pair {
                weight: &mut *own.weight,
                bias: &mut *own.bias,
            }),
        });
        if let Some(gradient) = input_gradient {
            input.variable.add_gradient(gradients, gradient)?;
        }
        if let (Some(variables), Some(own)) = (&parameters.variables, own) {
            variables.weight.add_gradient(gradients, own.weight)?;
            variables.bias.add_gradient(gradients, own.bias)?;
        }
        Ok(())
    });
    Ok(result)
}
