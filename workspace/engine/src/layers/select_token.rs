//! One token of a sequence as a vector, such as the class token: T×D becomes D.

use std::ops::Range;

use rayon::prelude::*;

use super::{Kind, Layer, Site, sequence};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// One token of a sequence as a flat vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectToken {
    /// Which one, from 0.
    pub index: usize,
}

pub(super) static KIND: Kind = Kind {
    name: "select-token",
    keys: &["index"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<SelectToken> {
    let index = place.number_from(0, "index", Some(0))?;
    Some(SelectToken { index })
}

impl Layer for SelectToken {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        match self.index {
            0 => String::new(),
            index => format!("token {index}"),
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let [tokens, width] = sequence(&KIND, inputs[0])?;
        match self.index < tokens {
            true => Ok(Shape::features(width)),
            false => Err(Problem::new(format!(
                "`index` is {}, expected one of the {tokens} tokens, 0 to {}",
                self.index,
                tokens - 1
            ))),
        }
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [_, width] = site.inputs[0].as_tokens()?;
        Some(Box::new(Selection {
            input: site.inputs[0].elements(),
            start: self.index * width,
            length: width,
            places: 1,
            channels_last: false,
        }))
    }
}

/// A run of values out of each sample, or of channels where these come last.
#[derive(Clone, Copy)]
pub(super) struct Selection {
    /// Values in one sample.
    pub(super) input: usize,
    pub(super) start: usize,
    pub(super) length: usize,
    /// Of a map.
    pub(super) places: usize,
    pub(super) channels_last: bool,
}

impl Selection {
    /// What is selected of each of the rows that a sample consists of, and how long they are.
    fn of_row(&self) -> (Range<usize>, usize) {
        let rows = match self.channels_last {
            true => self.places,
            false => 1,
        };
        let start = self.start / rows;
        (start..start + self.length / rows, self.input / rows)
    }
}

impl Operation for Selection {
    fn output(&self) -> usize {
        self.length
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self {
            channels_last: true,
            ..*self
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        let (own, row) = self.of_row();
        pass.output
            .par_chunks_exact_mut(self.length)
            .zip(pass.inputs[0].par_chunks_exact(self.input))
            .for_each(|(to, from)| {
                for (to, from) in to.chunks_exact_mut(own.len()).zip(from.chunks_exact(row)) {
                    to.copy_from_slice(&from[own.clone()]);
                }
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(gradient)] = pass.input_gradients else {
            return;
        };
        let (own, row) = self.of_row();
        gradient
            .par_chunks_exact_mut(self.input)
            .zip(pass.output_gradient.par_chunks_exact(self.length))
            .for_each(|(to, from)| {
                to.fill(0.0);
                for (to, from) in to.chunks_exact_mut(row).zip(from.chunks_exact(own.len())) {
                    to[own.clone()].copy_from_slice(from);
                }
            });
    }
}
