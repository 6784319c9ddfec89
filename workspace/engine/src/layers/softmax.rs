//! Softmax: `y = exp(x)/Σ exp(x)` over the features of a vector, of each token, or over the channels at each place of a map.
//!
//! Gradient: `dx = y (dy - Σ dy y)`, the sum over the same values.

use rayon::prelude::*;

use super::activation::exp;
use super::{Kind, Layer, Site};
use crate::operation::{Backward, Forward, Operation, each_piece, pieces, pieces_mut, vectorized};
use crate::problem::Problem;
use crate::shape::Shape;

/// Softmax over the features of a vector or of each token, `torch.nn.Softmax(dim=-1)`, or over the channels at each place
/// of a map, `torch.nn.Softmax2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Softmax;

pub(super) static KIND: Kind = Kind {
    name: "softmax",
    keys: &[],
    inputs: (1, 1),
    read: |_| Some(Softmax.into()),
};

impl Layer for Softmax {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(inputs[0])
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (count, apart) = site.output.channels();
        Some(Box::new(Shares {
            elements: site.output.elements(),
            count,
            apart,
        }))
    }
}

struct Shares {
    elements: usize,
    /// Values that share one whole.
    count: usize,
    /// Distance between neighbouring ones.
    apart: usize,
}

impl Shares {
    /// Calls `work` with the first place of all that share one whole, in a batch of so many values.
    #[inline(always)]
    fn each(&self, len: usize, mut work: impl FnMut(usize)) {
        for block in (0..len).step_by(self.count * self.apart) {
            for start in block..block + self.apart {
                work(start);
            }
        }
    }

    #[inline(always)]
    fn own<'a>(&self, values: &'a [f32], start: usize) -> impl Iterator<Item = &'a f32> {
        values[start..].iter().step_by(self.apart).take(self.count)
    }

    #[inline(always)]
    fn own_mut<'a>(
        &self,
        values: &'a mut [f32],
        start: usize,
    ) -> impl Iterator<Item = &'a mut f32> {
        let own = values[start..].iter_mut();
        own.step_by(self.apart).take(self.count)
    }
}

impl Operation for Shares {
    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        self.each(input.len(), |start| {
                            let own = self.own(input, start);
                            let most = own.copied().fold(f32::NEG_INFINITY, f32::max);
                            let mut total = 0.0;
                            let values = self.own_mut(output, start).zip(self.own(input, start));
                            for (y, x) in values {
                                // The largest is taken away first, so that nothing overflows.
                                *y = exp(x - most);
                                total += f64::from(*y);
                            }
                            let share = (1.0 / total) as f32;
                            for y in self.own_mut(output, start) {
                                *y *= share;
                            }
                        });
                    },
                );
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        pieces_mut(input_gradient, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.output_gradient, pass.samples))
            .zip(pieces(pass.output, pass.samples))
            .for_each(|((dx, dy), output)| {
                self.each(output.len(), |start| {
                    let values = || self.own(dy, start).zip(self.own(output, start));
                    let total = values().map(|(dy, y)| f64::from(dy * y)).sum::<f64>() as f32;
                    for (dx, (dy, y)) in self.own_mut(dx, start).zip(values()) {
                        *dx = y * (dy - total);
                    }
                });
            });
    }
}
