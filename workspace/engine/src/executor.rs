//! The one way through a program: its operations in order, each told to a listener when it is done. Whoever
//! wants the results alone and whoever records them for a backward pass listen to the same.

use std::ops::{Deref, DerefMut};

use crate::compute::{Buffer, Buffers};
use crate::network::LayerWeights;
use crate::operation::{Forward, Named, Operation};
use crate::program::{Program, Step};

/// Who provides room for values, is told of them, and keeps them until no later step needs them.
pub(crate) trait Listener {
    /// Where a value is computed.
    type Room: DerefMut<Target = [f32]>;
    /// A value that is kept.
    type Value: Deref<Target = [f32]>;
    type Error;

    /// Room for so many numbers of the value counted `number`.
    fn room(&mut self, number: usize, len: usize) -> Self::Room;

    /// Draws what an operation leaves to chance.
    fn draw(&mut self, operation: &dyn Operation, memory: &mut [f32]);

    /// Takes over what a step has computed.
    fn done(
        &mut self,
        step: &Step,
        inputs: &[&Self::Value],
        made: Made<Self::Room>,
    ) -> Result<Self::Value, Self::Error>;
}

/// What a step has computed, noted and remembered.
pub(crate) struct Made<Room> {
    pub(crate) output: Room,
    pub(crate) notes: Buffer<u32>,
    pub(crate) memory: Buffer<f32>,
}

/// Runs a batch through a program, on the current thread and those of its pool. `layers` are those of the
/// network the program was compiled from. Gives the result; nothing where the program has no step.
pub(crate) fn execute<L: Listener>(
    program: &Program,
    layers: &[LayerWeights],
    buffers: &Buffers,
    samples: usize,
    input: L::Value,
    listener: &mut L,
) -> Result<Option<L::Value>, L::Error> {
    let mut values: Vec<Option<L::Value>> = Vec::new();
    values.resize_with(program.values, || None);
    values[0] = Some(input);
    for step in &program.steps {
        let operation = &*step.operation;
        let inputs = step.inputs.iter();
        let inputs: Vec<&L::Value> = inputs
            .filter_map(|&number| values[number].as_ref())
            .collect();
        let numbers: Vec<&[f32]> = inputs.iter().map(|value| &***value).collect();
        let weights: Vec<Named<'_>> = step.layers.iter().map(|&own| layers[own].named()).collect();
        let prepared = match step.learns {
            true => None,
            false => step.prepared(&weights),
        };
        let mut output = listener.room(step.output, samples * operation.output());
        let mut notes = buffers.take_positions(samples * operation.noted());
        let mut memory = buffers.take(operation.remembered(samples));
        listener.draw(operation, &mut memory);
        operation.forward(Forward {
            buffers,
            samples,
            weights: &weights,
            prepared,
            inputs: &numbers,
            output: &mut output,
            notes: &mut notes,
            memory: &mut memory,
        });
        let made = Made {
            output,
            notes,
            memory,
        };
        let value = listener.done(step, &inputs, made)?;
        values[step.output] = Some(value);
        for &number in &step.finished {
            values[number] = None;
        }
    }
    Ok(match program.result {
        0 => None,
        result => values[result].take(),
    })
}
