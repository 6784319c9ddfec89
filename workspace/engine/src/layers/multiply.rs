//! The product of two inputs.

use rayon::prelude::*;

use super::{Kind, Layer, Site};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, pieces, pieces_mut, vectorized};
use crate::problem::Problem;
use crate::shape::Shape;

/// The product of two inputs: of one shape, or the second C×1×1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Multiply;

pub(super) static KIND: Kind = Kind {
    name: "multiply",
    keys: &[],
    inputs: (2, 2),
    read: |_| Some(Multiply.into()),
};

impl Layer for Multiply {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let (input, other) = (inputs[0], inputs[1]);
        let scales = |[channels, _, _]: [usize; 3]| other == Shape::image(channels, 1, 1);
        if other == input || input.as_image().is_some_and(scales) {
            return Ok(input);
        }
        Err(Problem::new(format!(
            "multiply needs two inputs of one shape, or a second one of channels×1×1, \
             but gets {input} and {other}"
        )))
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let elements = site.output.elements();
        Some(Box::new(Product {
            elements,
            places: elements / site.inputs[1].elements(),
            last: false,
        }))
    }
}

/// The product of two inputs; the second may hold one value per `places` of the first.
struct Product {
    elements: usize,
    /// Values of the first input that share one of the second.
    places: usize,
    /// Whether those that share one lie apart, and the values of one place side by side.
    last: bool,
}

impl Operation for Product {
    fn output(&self) -> usize {
        self.elements
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self {
            last: true,
            ..*self
        })
    }

    fn forward(&self, pass: Forward<'_>) {
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(pieces(pass.inputs[1], pass.samples))
            .for_each(|((output, input), scales)| self.scale(output, input, scales));
    }

    fn backward(&self, pass: Backward<'_>) {
        let [first, second] = pass.input_gradients else {
            return;
        };
        if let Some(first) = first {
            pieces_mut(first, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output_gradient, pass.samples))
                .zip(pieces(pass.inputs[1], pass.samples))
                .for_each(|((to, from), scales)| self.scale(to, from, scales));
        }
        if let Some(second) = second {
            pieces_mut(second, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output_gradient, pass.samples))
                .zip(pieces(pass.inputs[0], pass.samples))
                .for_each(|((to, from), input)| {
                    if self.last {
                        return self.sum_products(to, from, input);
                    }
                    let runs = from
                        .chunks_exact(self.places)
                        .zip(input.chunks_exact(self.places));
                    for (to, (from, input)) in to.iter_mut().zip(runs) {
                        *to = from
                            .iter()
                            .zip(input)
                            .map(|(from, input)| from * input)
                            .sum();
                    }
                });
        }
    }
}

impl Product {
    /// The gradients of values that are shared by all places, where those of one place lie side by side.
    fn sum_products(&self, to: &mut [f32], from: &[f32], input: &[f32]) {
        let channels = self.elements / self.places;
        vectorized(
            #[inline(always)]
            || {
                let samples = to.chunks_exact_mut(channels);
                let samples = samples.zip(from.chunks_exact(self.elements));
                let samples = samples.zip(input.chunks_exact(self.elements));
                for ((to, from), input) in samples {
                    to.fill(0.0);
                    let places = from.chunks_exact(channels);
                    for (from, input) in places.zip(input.chunks_exact(channels)) {
                        for ((to, &from), &input) in to.iter_mut().zip(from).zip(input) {
                            *to += from * input;
                        }
                    }
                }
            },
        );
    }

    fn scale(&self, output: &mut [f32], input: &[f32], scales: &[f32]) {
        vectorized(
            #[inline(always)]
            || {
                if self.places == 1 {
                    for ((output, &input), &scale) in output.iter_mut().zip(input).zip(scales) {
                        *output = input * scale;
                    }
                    return;
                }
                if self.last {
                    let scales = scales.chunks_exact(self.elements / self.places);
                    let samples = output.chunks_exact_mut(self.elements);
                    let samples = samples.zip(input.chunks_exact(self.elements));
                    for ((output, input), scales) in samples.zip(scales) {
                        let places = output.chunks_exact_mut(scales.len());
                        let places = places.zip(input.chunks_exact(scales.len()));
                        for (output, input) in places {
                            let values = output.iter_mut().zip(input).zip(scales);
                            for ((output, &input), &scale) in values {
                                *output = input * scale;
                            }
                        }
                    }
                    return;
                }
                let output = output.chunks_exact_mut(self.places);
                let runs = output.zip(input.chunks_exact(self.places));
                for ((output, input), &scale) in runs.zip(scales) {
                    for (output, &input) in output.iter_mut().zip(input) {
                        *output = input * scale;
                    }
                }
            },
        );
    }
}
