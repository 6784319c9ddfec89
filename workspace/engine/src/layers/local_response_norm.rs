//! Local response normalisation: `y = x s^-β` with `s = k + α/n Σ x²` over the `n` channels around each, those beyond the
//! first and the last counting as 0 (Krizhevsky, Sutskever and Hinton, "ImageNet classification with deep convolutional
//! neural networks", 2012; `α/n` instead of their `α` is PyTorch's).
//!
//! Gradient: `dx = dy s^-β - 2 (α/n) β x Σ dy x s^(-β-1)`, the sum over the channels that see this one.

use std::ops::Range;

use rayon::prelude::*;

use super::{Kind, Layer, Site, image};
use crate::operation::{Backward, Forward, Operation, each_piece, pieces, pieces_mut};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// Each value divided by a power of the mean square of its neighbours in other channels, `torch.nn.LocalResponseNorm`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct LocalResponseNorm {
    /// Channels that are taken together; where it is even, one more before than behind.
    pub size: usize,
    /// What the mean square is multiplied by.
    pub alpha: f32,
    /// The exponent.
    pub beta: f32,
    /// What is added before.
    pub k: f32,
}

pub(super) static KIND: Kind = Kind {
    name: "local-response-norm",
    keys: &["size", "alpha", "beta", "k"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

/// PyTorch's settings.
const USUAL: LocalResponseNorm = LocalResponseNorm {
    size: 5,
    alpha: 1e-4,
    beta: 0.75,
    k: 1.0,
};

fn read(place: &mut Place<'_, '_>) -> Option<LocalResponseNorm> {
    let size = place.number("size", None);
    let mut number = |key, default, expected, least: f64| {
        place.fraction(key, Some(default), expected, |x| {
            x >= least && (x as f32).is_finite()
        })
    };
    let alpha = number("alpha", USUAL.alpha, "a number of 0 or more", 0.0);
    let beta = number("beta", USUAL.beta, "a number of 0 or more", 0.0);
    // Below, the power of a channel of zeros would leave the numbers.
    let k = number("k", USUAL.k, "a number from 1e-9", 1e-9);
    Some(LocalResponseNorm {
        size: size?,
        alpha: alpha?,
        beta: beta?,
        k: k?,
    })
}

impl Layer for LocalResponseNorm {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mut detail = format!("{} channels", self.size);
        for (name, own, usual) in [
            ("alpha", self.alpha, USUAL.alpha),
            ("beta", self.beta, USUAL.beta),
            ("k", self.k, USUAL.k),
        ] {
            if own != usual {
                detail += &format!(", {name} {own}");
            }
        }
        detail
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        image(&KIND, inputs[0])?;
        Ok(inputs[0])
    }

    /// Squares and products, one each for each number.
    fn multiply_adds(&self, _input: Shape, output: Shape) -> u64 {
        2 * output.elements() as u64
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.output.as_image()?;
        Some(Box::new(Normalisation {
            channels,
            places: height * width,
            before: self.size / 2,
            behind: (self.size - 1) / 2,
            alpha: self.alpha / self.size as f32,
            beta: self.beta,
            k: self.k,
        }))
    }
}

struct Normalisation {
    channels: usize,
    places: usize,
    /// Channels before and behind that are taken together with one.
    before: usize,
    behind: usize,
    /// For each square.
    alpha: f32,
    beta: f32,
    k: f32,
}

impl Normalisation {
    fn around(&self, channel: usize, before: usize, behind: usize) -> Range<usize> {
        channel.saturating_sub(before)..(channel + behind + 1).min(self.channels)
    }

    /// Adds up rows of `values`, those of the channels in this range.
    fn add_up(&self, values: &[f32], channels: Range<usize>, sums: &mut [f32]) {
        sums.fill(0.0);
        let values = &values[channels.start * self.places..channels.end * self.places];
        for row in values.chunks_exact(self.places) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += value;
            }
        }
    }

    /// `s` of one sample; `squares` is room for as many values.
    fn scales(&self, input: &[f32], squares: &mut [f32], scales: &mut [f32]) {
        for (square, x) in squares.iter_mut().zip(input) {
            *square = x * x;
        }
        for (channel, scales) in scales.chunks_exact_mut(self.places).enumerate() {
            let own = self.around(channel, self.before, self.behind);
            self.add_up(squares, own, scales);
            for scale in scales {
                *scale = self.k + self.alpha * *scale;
            }
        }
    }
}

impl Operation for Normalisation {
    fn output(&self) -> usize {
        self.channels * self.places
    }

    fn forward(&self, pass: Forward<'_>) {
        let (size, buffers) = (self.output(), pass.buffers);
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                let mut squares = buffers.take(size);
                let samples = output.chunks_exact_mut(size);
                for (output, input) in samples.zip(input.chunks_exact(size)) {
                    self.scales(input, &mut squares, output);
                    for (y, x) in output.iter_mut().zip(input) {
                        *y = x * y.powf(-self.beta);
                    }
                }
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let (size, buffers) = (self.output(), pass.buffers);
        pieces_mut(input_gradient, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.output_gradient, pass.samples))
            .zip(pieces(pass.inputs[0], pass.samples))
            .for_each(|((dx, dy), input)| {
                let [mut room, mut scales] = [(); 2].map(|()| buffers.take(size));
                let samples = dx.chunks_exact_mut(size).zip(dy.chunks_exact(size));
                for ((dx, dy), input) in samples.zip(input.chunks_exact(size)) {
                    self.scales(input, &mut room, &mut scales);
                    // `dy x s^(-β-1)` of each value.
                    let values = room.iter_mut().zip(&mut *scales).zip(dy.iter().zip(input));
                    for ((product, scale), (dy, x)) in values {
                        let power = scale.powf(-self.beta);
                        *product = dy * x * power / *scale;
                        *scale = power;
                    }
                    for (channel, dx) in dx.chunks_exact_mut(self.places).enumerate() {
                        let seen_by = self.around(channel, self.behind, self.before);
                        self.add_up(&room, seen_by, dx);
                    }
                    let values = dx.iter_mut().zip(&*scales).zip(dy.iter().zip(input));
                    for ((dx, power), (dy, x)) in values {
                        *dx = dy * power - 2.0 * self.alpha * self.beta * x * *dx;
                    }
                }
            });
    }
}
