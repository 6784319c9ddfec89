//! Each channel times a learned number, such as the layer scale of ConvNeXt and of vision transformers (Touvron et
//! al., "Going deeper with image transformers", 2021): `y = γ x`, with gradients `dx = γ dy` and `dγ = Σ dy x` over
//! all samples and places of the channel, put together from the pieces of the batch, in order.

use rayon::prelude::*;

use super::{Array, Kind, Layer, Site};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, add_up, pieces, pieces_mut, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// Each channel of a map, or each feature of a vector or of every token, times a learned number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scale {
    /// The first value of all these numbers.
    pub initial: f32,
}

const INITIAL: f32 = 1.0;

pub(super) static KIND: Kind = Kind {
    name: "scale",
    keys: &["initial"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Scale> {
    let initial = place.fraction("initial", Some(INITIAL), "a number", |x| {
        (x as f32).is_finite()
    })?;
    Some(Scale { initial })
}

impl Layer for Scale {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        match self.initial == INITIAL {
            true => String::new(),
            false => format!("initial {}", self.initial),
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(inputs[0])
    }

    fn arrays(&self, input: Shape) -> Vec<Array> {
        let (channels, _) = input.channels();
        vec![Array::per_channel("weight", channels, true, self.initial)]
    }

    /// One for each number.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (_, places) = site.output.channels();
        Some(Box::new(Scaling {
            elements: site.output.elements(),
            places,
        }))
    }
}

struct Scaling {
    elements: usize,
    /// Neighbouring values of one channel.
    places: usize,
}

impl Scaling {
    fn scale(&self, to: &mut [f32], from: &[f32], scales: &[f32], samples: usize) {
        pieces_mut(to, samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(from, samples))
            .for_each(|(to, from)| {
                vectorized(
                    #[inline(always)]
                    || {
                        if self.places == 1 {
                            let rows = to.chunks_exact_mut(scales.len());
                            for (to, from) in rows.zip(from.chunks_exact(scales.len())) {
                                for ((to, from), scale) in to.iter_mut().zip(from).zip(scales) {
                                    *to = from * scale;
                                }
                            }
                            return;
                        }
                        let runs = to.chunks_exact_mut(self.places);
                        let runs = runs.zip(from.chunks_exact(self.places));
                        for ((to, from), scale) in runs.zip(scales.iter().cycle()) {
                            for (to, from) in to.iter_mut().zip(from) {
                                *to = from * scale;
                            }
                        }
                    },
                );
            });
    }
}

impl Operation for Scaling {
    fn output(&self) -> usize {
        self.elements
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self { places: 1, ..*self })
    }

    fn forward(&self, pass: Forward<'_>) {
        let scales = pass.weights[0].of("weight");
        self.scale(pass.output, pass.inputs[0], scales, pass.samples);
    }

    fn backward(&self, pass: Backward<'_>) {
        let scales = pass.weights[0].of("weight");
        if let [Some(gradient)] = pass.input_gradients {
            self.scale(gradient, pass.output_gradient, scales, pass.samples);
        }
        let Some(mut gradients) = pass.parameter_gradients else {
            return;
        };
        let dys = pieces(pass.output_gradient, pass.samples);
        let mut sums = pass.buffers.take(dys.len() * scales.len());
        dys.into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(sums.par_chunks_exact_mut(scales.len()))
            .for_each(|((dy, input), sums)| {
                sums.fill(0.0);
                if self.places == 1 {
                    return vectorized(
                        #[inline(always)]
                        || {
                            let rows = dy.chunks_exact(sums.len());
                            for (dy, input) in rows.zip(input.chunks_exact(sums.len())) {
                                for ((sum, dy), input) in sums.iter_mut().zip(dy).zip(input) {
                                    *sum += dy * input;
                                }
                            }
                        },
                    );
                }
                let runs = dy.chunks_exact(self.places);
                let runs = runs.zip(input.chunks_exact(self.places));
                for (run, (dy, input)) in runs.enumerate() {
                    let products = dy.iter().zip(input).map(|(dy, x)| dy * x);
                    sums[run % scales.len()] += products.sum::<f32>();
                }
            });
        add_up(&sums, scales.len(), 0, gradients.take("weight"));
    }
}
