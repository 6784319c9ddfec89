//! Layer normalisation: `y = γ x̂ + β` with `x̂ = (x - μ)/√(σ² + ε)`, `μ` and `σ²` over the features of a vector,
//! of each token, or over the channels at each place of a map (Ba, Kiros and Hinton, "Layer normalization", 2016).
//!
//! Gradients, over the `n` values that are normalised together and with `g = γ dy`:
//! `dx = (g - Σ g/n - x̂ Σ(g x̂)/n)/√(σ² + ε)`, `dγ = Σ dy x̂` and `dβ = Σ dy` over all samples and places. Those sums
//! are put together from the pieces of the batch, in order.

use rayon::prelude::*;

use super::{Array, Kind, Layer, Site};
use crate::layout::Turned;
use crate::operation::{
    Backward, Forward, Operation, add_up, each_piece, pieces, pieces_mut, rooms, vectorized,
};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;
use crate::sums::{STRANDS, add_up_pairs};

/// Layer normalisation: of a vector or of each token, `torch.nn.LayerNorm`; or over the channels at each place of
/// a map.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LayerNorm {
    /// Added to the variance.
    pub epsilon: f32,
}

/// PyTorch's epsilon.
const EPSILON: f32 = 1e-5;

pub(super) static KIND: Kind = Kind {
    name: "layer-norm",
    keys: &["epsilon"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<LayerNorm> {
    let epsilon = place.fraction("epsilon", Some(EPSILON), "a number above 0", |x| {
        x > 0.0 && (x as f32) > 0.0 && (x as f32).is_finite()
    })?;
    Some(LayerNorm { epsilon })
}

impl Layer for LayerNorm {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        match self.epsilon == EPSILON {
            true => String::new(),
            false => format!("epsilon {}", self.epsilon),
        }
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        Ok(inputs[0])
    }

    fn arrays(&self, input: Shape) -> Vec<Array> {
        let (count, _) = input.channels();
        vec![
            Array::per_channel("weight", count, true, 1.0),
            Array::per_channel("bias", count, true, 0.0),
        ]
    }

    /// One for each number.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let (count, apart) = site.output.channels();
        Some(Box::new(Normalisation {
            elements: site.output.elements(),
            count,
            apart,
            epsilon: self.epsilon,
        }))
    }
}

struct Normalisation {
    elements: usize,
    /// Values normalised together.
    count: usize,
    /// Distance between neighbouring ones.
    apart: usize,
    epsilon: f32,
}

impl Normalisation {
    /// Where the values that are normalised together begin, in a batch of so many values.
    fn starts(&self, len: usize) -> impl Iterator<Item = usize> + use<> {
        let (block, apart) = (self.count * self.apart, self.apart);
        (0..len)
            .step_by(block)
            .flat_map(move |block| block..block + apart)
    }

    /// The values from `start` on that are normalised together.
    #[inline(always)]
    fn own<'a>(&self, values: &'a [f32], start: usize) -> impl Iterator<Item = &'a f32> {
        values[start..].iter().step_by(self.apart).take(self.count)
    }

    /// Copies the values from `start` on that are normalised together.
    #[inline(always)]
    fn gather(&self, values: &[f32], start: usize, to: &mut [f32]) {
        if self.apart == 1 {
            return to.copy_from_slice(&values[start..start + self.count]);
        }
        for (to, &value) in to.iter_mut().zip(self.own(values, start)) {
            *to = value;
        }
    }

    /// Mean and 1/√(σ² + ε).
    #[inline(always)]
    fn statistics(&self, values: &[f32], start: usize) -> (f32, f32) {
        let count = self.count as f64;
        let mean = (self.total(values, start, |x| x) / count) as f32;
        let squares = self.total(values, start, |x| (x - mean) * (x - mean));
        let variance = (squares / count) as f32;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }

    /// The sum of something of all values, in partial sums.
    #[inline(always)]
    fn total(&self, values: &[f32], start: usize, of: impl Fn(f32) -> f32) -> f64 {
        if self.apart == 1 {
            let own = &values[start..start + self.count];
            return add_up_pairs([own; 2], |x, _| of(x));
        }
        let mut totals = [0.0; STRANDS];
        for (index, &x) in self.own(values, start).enumerate() {
            totals[index % STRANDS] += f64::from(of(x));
        }
        totals.iter().sum()
    }
}

impl Operation for Normalisation {
    fn output(&self) -> usize {
        self.elements
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(Self { apart: 1, ..*self })
    }

    fn forward(&self, pass: Forward<'_>) {
        let (weight, bias) = (pass.weights[0].of("weight"), pass.weights[0].of("bias"));
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        for start in self.starts(input.len()) {
                            let (mean, inverse) = self.statistics(input, start);
                            let affine = weight.iter().zip(bias);
                            let normal = |x, weight, bias| (x - mean) * inverse * weight + bias;
                            // A loop over neighbours is vectorised.
                            if self.apart == 1 {
                                let own = start..start + self.count;
                                let values = output[own.clone()].iter_mut().zip(&input[own]);
                                for ((y, &x), (&weight, &bias)) in values.zip(affine) {
                                    *y = normal(x, weight, bias);
                                }
                                continue;
                            }
                            let values = self.own(input, start).zip(affine).enumerate();
                            for (index, (&x, (&weight, &bias))) in values {
                                output[start + index * self.apart] = normal(x, weight, bias);
                            }
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let weight = pass.weights[0].of("weight");
        let input_gradient = match pass.input_gradients {
            [Some(gradient)] => &mut **gradient,
            _ => &mut [],
        };
        let dys = pieces(pass.output_gradient, pass.samples);
        let learns = pass.parameter_gradients.is_some();
        let room = if learns { 2 * self.count } else { 0 };
        let mut sums = pass.buffers.take(dys.len() * room);
        let mut sums_of = rooms(&mut sums, dys.len(), room);
        dys.into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(pieces_mut(input_gradient, pass.samples))
            .zip(&mut sums_of)
            .for_each(|(((dy, input), dx), sums)| {
                sums.fill(0.0);
                let (dweight, dbias) = sums.split_at_mut(room / 2);
                let [mut own_dy, mut normal] = [0; 2].map(|_| vec![0.0; self.count]);
                vectorized(
                    #[inline(always)]
                    || {
                        for start in self.starts(input.len()) {
                            let (mean, inverse) = self.statistics(input, start);
                            self.gather(input, start, &mut normal);
                            for x in &mut normal {
                                *x = (*x - mean) * inverse;
                            }
                            self.gather(dy, start, &mut own_dy);
                            let own = dweight.iter_mut().zip(dbias.iter_mut());
                            let values = own_dy.iter().zip(&normal);
                            for ((dweight, dbias), (&dy, &normal)) in own.zip(values) {
                                *dweight += dy * normal;
                                *dbias += dy;
                            }
                            if dx.is_empty() {
                                continue;
                            }
                            for (dy, weight) in own_dy.iter_mut().zip(weight) {
                                *dy *= weight;
                            }
                            let count = self.count as f64;
                            let total = add_up_pairs([&own_dy; 2], |dy, _| dy);
                            let products =
                                add_up_pairs([&own_dy, &normal], |dy, normal| dy * normal);
                            let (total, products) =
                                ((total / count) as f32, (products / count) as f32);
                            for (dy, &normal) in own_dy.iter_mut().zip(&normal) {
                                *dy = inverse * (*dy - total - normal * products);
                            }
                            if self.apart == 1 {
                                dx[start..start + self.count].copy_from_slice(&own_dy);
                                continue;
                            }
                            let own = dx[start..].iter_mut().step_by(self.apart);
                            for (dx, &own) in own.zip(&own_dy) {
                                *dx = own;
                            }
                        }
                    },
                );
            });
        if let Some(mut gradients) = pass.parameter_gradients {
            for (name, offset) in [("weight", 0), ("bias", self.count)] {
                add_up(&sums, room, offset, gradients.take(name));
            }
        }
    }
}
