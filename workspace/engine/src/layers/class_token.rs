//! Learned tokens in front of a sequence: a class token (Dosovitskiy et al., "An image is worth 16×16 words", 2020) and,
//! behind it, registers (Darcet et al., "Vision transformers need registers", 2023). T×D becomes (1 + registers + T)×D.
//!
//! The gradient of such a token is the sum of those at its place, over all samples.

use rayon::prelude::*;

use super::{Array, Kind, Layer, Site, sequence, several};
use crate::operation::{Backward, Forward, Operation, add_up};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// A learned class token in front of a sequence, and registers between the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClassToken {
    /// Further learned tokens behind the class token.
    pub registers: usize,
}

pub(super) static KIND: Kind = Kind {
    name: "class-token",
    keys: &["registers"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<ClassToken> {
    let registers = place.number_from(0, "registers", Some(0))?;
    Some(ClassToken { registers })
}

impl Layer for ClassToken {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        match self.registers {
            0 => String::new(),
            registers => several(registers, "register"),
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [tokens, width] = sequence(&KIND, inputs[0])?;
        let own = 1 + self.registers;
        Ok(Shape::tokens(tokens.saturating_add(own), width))
    }

    /// `class` of 1×1×width and, where there are any, `registers` of 1×registers×width.
    fn arrays(&self, input: Shape) -> Vec<Array> {
        let [_, width] = input.as_tokens().unwrap_or([1, 1]);
        let mut arrays = vec![Array::tokens("class", 1, width)];
        if self.registers > 0 {
            arrays.push(Array::tokens("registers", self.registers, width));
        }
        arrays
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        Some(Box::new(Prepending {
            output: site.output.elements(),
            input: site.inputs[0].elements(),
        }))
    }
}

/// Learned values in front of those of each sample.
struct Prepending {
    output: usize,
    input: usize,
}

impl Operation for Prepending {
    fn output(&self) -> usize {
        self.output
    }

    fn forward(&self, pass: Forward<'_>) {
        let weights = &pass.weights[0];
        let own = [weights.of("class"), weights.of("registers")];
        pass.output
            .par_chunks_exact_mut(self.output)
            .zip(pass.inputs[0].par_chunks_exact(self.input))
            .for_each(|(output, input)| {
                let mut rest = output;
                for part in [own[0], own[1], input] {
                    let (to, behind) = rest.split_at_mut(part.len());
                    to.copy_from_slice(part);
                    rest = behind;
                }
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let first = self.output - self.input;
        if let [Some(gradient)] = pass.input_gradients {
            gradient
                .par_chunks_exact_mut(self.input)
                .zip(pass.output_gradient.par_chunks_exact(self.output))
                .for_each(|(to, from)| to.copy_from_slice(&from[first..]));
        }
        if let Some(mut gradients) = pass.parameter_gradients {
            let (class, registers) = (gradients.take("class"), gradients.take("registers"));
            let from = class.len();
            add_up(pass.output_gradient, self.output, 0, class);
            add_up(pass.output_gradient, self.output, from, registers);
        }
    }
}
