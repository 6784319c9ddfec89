//! Which values of a program have their channels last, `height × width × channels`, instead of first.
//!
//! Blueprints, weights, images, and whoever looks at a value know them first. Convolutions read and write them faster
//! last, and most other operations do not care. So operations that know how take and give them last, and values are turned
//! between those and the others. What has a single place, or no places at all, is the same either way.
//!
//! Whether an operation does so depends on the network alone, never on what is looked at, fused or cut off behind it.

use std::collections::BTreeMap;

use rayon::prelude::*;

use crate::operation::{Backward, Forward, Operation};
use crate::program::Step;
use crate::shape::Shape;

/// An operation for values whose channels come last.
pub(crate) struct Turned {
    pub(crate) operation: Box<dyn Operation>,
    /// Whether it pays to turn its inputs for it; else it takes them as they come.
    pub(crate) gains: bool,
}

impl Turned {
    /// For an operation that takes values as they come.
    pub(crate) fn either(operation: impl Operation) -> Option<Self> {
        Some(Self {
            operation: Box::new(operation),
            gains: false,
        })
    }
}

/// A step before it is laid out.
pub(crate) struct Draft {
    pub(crate) step: Step,
    /// The shape in which it sees each of its inputs.
    pub(crate) sees: Vec<Shape>,
}

/// Where a value is found.
#[derive(Clone, Copy, Default)]
struct Found {
    first: Option<usize>,
    last: Option<usize>,
}

/// Puts steps together while values get their layouts.
pub(crate) struct Layout<'a> {
    /// The shape of each value of the blueprint.
    shapes: &'a dyn Fn(usize) -> Shape,
    found: BTreeMap<usize, Found>,
    steps: Vec<Step>,
    /// The number of the next value that is none of the blueprint's.
    next: usize,
}

impl<'a> Layout<'a> {
    /// For a program whose input is value 0, and whose blueprint has so many values.
    pub(crate) fn new(shapes: &'a dyn Fn(usize) -> Shape, values: usize) -> Self {
        let mut layout = Self {
            shapes,
            found: BTreeMap::new(),
            steps: Vec::new(),
            next: values,
        };
        layout.is_there(0, false);
        layout
    }

    /// Notes that a value was computed, with its channels last or first.
    fn is_there(&mut self, value: usize, last: bool) {
        let same = is_same_either_way((self.shapes)(value));
        let found = Found {
            first: (same || !last).then_some(value),
            last: (same || last).then_some(value),
        };
        self.found.insert(value, found);
    }

    fn find(&self, value: usize) -> Found {
        self.found.get(&value).copied().unwrap_or_default()
    }

    /// Adds a step.
    pub(crate) fn add(&mut self, draft: Draft) {
        let Draft { mut step, sees } = draft;
        let turned = step.operation.channels_last();
        // What sees a map as a vector must have its numbers in the order of the blueprint.
        let seen = step.inputs.iter().zip(&sees);
        let as_they_are = seen
            .clone()
            .all(|(&input, &shape)| (self.shapes)(input) == shape);
        let turned = turned.filter(|turned| {
            let is_last = |(&input, _): (&usize, &Shape)| self.find(input).last.is_some();
            as_they_are && (turned.gains || seen.clone().any(is_last))
        });
        let last = turned.is_some();
        let inputs = step.inputs.iter();
        step.inputs = inputs.map(|&input| self.laid_out(input, last)).collect();
        if let Some(turned) = turned {
            step.operation = turned.operation.into();
        }
        self.is_there(step.output, last);
        self.steps.push(step);
    }

    /// The value with its channels where they are wanted, turned if it is not there yet.
    fn laid_out(&mut self, value: usize, last: bool) -> usize {
        let found = self.find(value);
        let (wanted, other) = match last {
            true => (found.last, found.first),
            false => (found.first, found.last),
        };
        if let Some(wanted) = wanted {
            return wanted;
        }
        let (channels, places) = (self.shapes)(value).channels();
        let output = self.next;
        self.next += 1;
        self.steps.push(Step::of(
            Box::new(Turning {
                rows: if last { channels } else { places },
                columns: if last { places } else { channels },
            }),
            // What nobody has computed is not asked for.
            other.unwrap_or(value),
            output,
        ));
        let found = self.found.entry(value).or_default();
        match last {
            true => found.last = Some(output),
            false => found.first = Some(output),
        }
        output
    }

    /// The value as the blueprint knows it, for who looks at it.
    pub(crate) fn shown(&mut self, value: usize) -> usize {
        self.laid_out(value, false)
    }

    /// All steps in order, and how many values there are.
    pub(crate) fn end(self) -> (Vec<Step>, usize) {
        (self.steps, self.next)
    }
}

/// Whether a sample of this shape has the same numbers in the same order with its channels first and last.
fn is_same_either_way(shape: Shape) -> bool {
    let (channels, places) = shape.channels();
    channels == 1 || places == 1
}

/// Turns each sample of `rows × columns`.
struct Turning {
    rows: usize,
    columns: usize,
}

/// Numbers that a block of rows and columns has along each side: it and what it becomes fit the first-level cache.
const SIDE: usize = 16;

impl Operation for Turning {
    fn output(&self) -> usize {
        self.rows * self.columns
    }

    fn forward(&self, pass: Forward<'_>) {
        self.turn(pass.inputs[0], pass.output);
    }

    fn backward(&self, pass: Backward<'_>) {
        if let [Some(gradient)] = pass.input_gradients {
            let back = Self {
                rows: self.columns,
                columns: self.rows,
            };
            back.turn(pass.output_gradient, gradient);
        }
    }
}

impl Turning {
    fn turn(&self, input: &[f32], output: &mut [f32]) {
        let (rows, columns) = (self.rows, self.columns);
        // A few columns of what enters are rows of what leaves, one behind the other.
        let blocks = output.par_chunks_exact_mut(rows * columns).enumerate();
        let blocks = blocks.flat_map(|(sample, output)| {
            let parts = output.par_chunks_mut(rows * SIDE * 4).enumerate();
            parts.map(move |(part, output)| (sample, part * SIDE * 4, output))
        });
        blocks.for_each(|(sample, first, output)| {
            let input = &input[sample * rows * columns..][..rows * columns];
            let count = output.len() / rows;
            // The colours of an image: there are no blocks of rows, and what leaves is written in one go.
            if rows == 3 {
                let [red, green, blue] =
                    [0, 1, 2].map(|row| &input[row * columns + first..][..count]);
                let (places, _) = output.as_chunks_mut::<3>();
                let colours = red.iter().zip(green).zip(blue);
                for (place, ((&red, &green), &blue)) in places.iter_mut().zip(colours) {
                    *place = [red, green, blue];
                }
                return;
            }
            for from in (0..rows).step_by(SIDE) {
                for at in (0..count).step_by(SIDE) {
                    let own = from..rows.min(from + SIDE);
                    for column in at..count.min(at + SIDE) {
                        let to = &mut output[column * rows..][own.clone()];
                        let values = input[own.start * columns + first + column..].iter();
                        for (to, value) in to.iter_mut().zip(values.step_by(columns)) {
                            *to = *value;
                        }
                    }
                }
            }
        });
    }
}
