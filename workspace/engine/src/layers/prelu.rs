//! A rectifier with learned slopes below 0: `y = x` where `x > 0`, else `a x` (He et al., "Delving deep into rectifiers",
//! 2015). Gradients: `dx = dy` or `a dy`, and `da = Σ dy x` over all values below 0, of one channel or of all; those sums
//! are put together from the pieces of the batch, in order.

use rayon::prelude::*;

use super::{Array, Kind, Layer, Site};
use crate::operation::{Backward, Forward, Operation, add_up, each_piece, pieces, pieces_mut};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// A rectifier with learned slopes below 0, `torch.nn.PReLU`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Prelu {
    /// Whether each channel of a map, or each feature of a vector or of every token, has its own; else all share one.
    pub per_channel: bool,
    /// The first value of the slopes.
    pub initial: f32,
}

/// PyTorch's first slope.
const INITIAL: f32 = 0.25;

pub(super) static KIND: Kind = Kind {
    name: "prelu",
    keys: &["per-channel", "initial"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<Prelu> {
    let per_channel = place.flag("per-channel", false);
    let initial = place.fraction("initial", Some(INITIAL), "a number", |x| {
        (x as f32).is_finite()
    });
    Some(Prelu {
        per_channel: per_channel?,
        initial: initial?,
    })
}

impl Layer for Prelu {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let parts = [
            self.per_channel.then(|| "per channel".to_owned()),
            (self.initial != INITIAL).then(|| format!("initial {}", self.initial)),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(", ")
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(inputs[0])
    }

    fn arrays(&self, input: Shape) -> Vec<Array> {
        let (channels, _) = input.channels();
        let count = if self.per_channel { channels } else { 1 };
        vec![Array::per_channel("weight", count, true, self.initial)]
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (channels, places) = site.output.channels();
        let elements = site.output.elements();
        Some(Box::new(match self.per_channel {
            true => Bending {
                elements,
                slopes: channels,
                run: places,
            },
            false => Bending {
                elements,
                slopes: 1,
                run: elements,
            },
        }))
    }
}

struct Bending {
    elements: usize,
    slopes: usize,
    /// Neighbouring values that have one slope.
    run: usize,
}

impl Operation for Bending {
    fn output(&self) -> usize {
        self.elements
    }

    fn forward(&self, pass: Forward<'_>) {
        let slopes = pass.weights[0].of("weight");
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                let runs = output.chunks_exact_mut(self.run);
                let runs = runs.zip(input.chunks_exact(self.run));
                for ((output, input), slope) in runs.zip(slopes.iter().cycle()) {
                    for (y, &x) in output.iter_mut().zip(input) {
                        *y = if x < 0.0 { slope * x } else { x };
                    }
                }
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let slopes = pass.weights[0].of("weight");
        if let [Some(gradient)] = pass.input_gradients {
            pieces_mut(gradient, pass.samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output_gradient, pass.samples))
                .zip(pieces(pass.inputs[0], pass.samples))
                .for_each(|((dx, dy), input)| {
                    let runs = dx.chunks_exact_mut(self.run);
                    let runs =
                        runs.zip(dy.chunks_exact(self.run).zip(input.chunks_exact(self.run)));
                    for ((dx, (dy, input)), slope) in runs.zip(slopes.iter().cycle()) {
                        for (dx, (&dy, &x)) in dx.iter_mut().zip(dy.iter().zip(input)) {
                            *dx = if x > 0.0 { dy } else { slope * dy };
                        }
                    }
                });
        }
        let Some(mut gradients) = pass.parameter_gradients else {
            return;
        };
        let dys = pieces(pass.output_gradient, pass.samples);
        let mut sums = pass.buffers.take(dys.len() * self.slopes);
        dys.into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(sums.par_chunks_exact_mut(self.slopes))
            .for_each(|((dy, input), sums)| {
                sums.fill(0.0);
                let runs = dy.chunks_exact(self.run);
                let runs = runs.zip(input.chunks_exact(self.run));
                for (run, (dy, input)) in runs.enumerate() {
                    let products = dy.iter().zip(input).map(|(dy, x)| dy * x.min(0.0));
                    sums[run % self.slopes] += products.sum::<f32>();
                }
            });
        add_up(&sums, self.slopes, 0, gradients.take("weight"));
    }
}
