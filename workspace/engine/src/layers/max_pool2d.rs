//! Max pooling: the largest value of every window, whose place is noted and receives the gradient.
//!
//! Of equal values the first in reading order wins, as in PyTorch.

use std::ops::Range;

use rayon::prelude::*;

use super::{Kind, Layer, Pooling, Site};
use crate::operation::{Backward, Forward, Operation, pieces, pieces_mut, vectorized};
use crate::problem::Problem;
use crate::shape::Shape;

/// The largest value of every window; windows that would leave the padded image are dropped, and what the
/// padding adds never wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d(pub Pooling);

pub(super) static KIND: Kind = Kind {
    name: "max-pool2d",
    keys: Pooling::KEYS,
    inputs: (1, 1),
    read: |place| Pooling::read(place).map(|pooling| MaxPool2d(pooling).into()),
};

impl MaxPool2d {
    /// The maximum of all of a map.
    pub(crate) fn over(height: usize, width: usize) -> Self {
        Self(Pooling::over(height, width))
    }
}

impl Layer for MaxPool2d {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        self.0.detail()
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        self.0.output(&KIND, inputs[0])
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, ..] = site.inputs[0].as_image()?;
        Some(Box::new(MaxPooling {
            channels,
            windows: Windows::of(&self.0, site)?,
        }))
    }
}

/// Where the windows lie: `count` of them along height and width, all within the padded image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Windows {
    /// Height and width of the image.
    pub(crate) image: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) count: [usize; 2],
}

/// Max pooling as a step of its own.
pub(crate) struct MaxPooling {
    pub(crate) channels: usize,
    pub(crate) windows: Windows,
}

impl Windows {
    /// Those of a pooling layer at this site.
    pub(super) fn of(pooling: &Pooling, site: &Site<'_>) -> Option<Self> {
        let [_, height, width] = site.inputs[0].as_image()?;
        let [_, rows, columns] = site.output.as_image()?;
        let Pooling {
            kernel,
            stride,
            padding,
        } = *pooling;
        Some(Self {
            image: [height, width],
            kernel,
            stride,
            padding,
            count: [rows, columns],
        })
    }

    /// Values in one channel of the image.
    pub(crate) fn image_elements(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// Values in one channel of the result.
    pub(crate) fn count_elements(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// Rows and columns of the image that a window covers.
    #[inline(always)]
    pub(crate) fn bounds(&self, window: [usize; 2]) -> [Range<usize>; 2] {
        [0, 1].map(|axis| {
            let start = window[axis] * self.stride[axis];
            let end = (start + self.kernel[axis]).saturating_sub(self.padding[axis]);
            start.saturating_sub(self.padding[axis])..end.min(self.image[axis])
        })
    }

    /// Pools one channel; `places` receives the winner's place within it.
    #[inline(always)]
    pub(crate) fn pool(&self, image: &[f32], output: &mut [f32], places: &mut [u32]) {
        let output = output.chunks_exact_mut(self.count[1]);
        let places = places.chunks_exact_mut(self.count[1]);
        let padded = self.padding != [0, 0];
        let halving = self.kernel == [2, 2] && self.stride == [2, 2];
        for (y, (output, places)) in output.zip(places).enumerate() {
            if padded {
                self.pool_padded_row(image, y, output, places);
                continue;
            }
            let top = y * self.stride[0] * self.image[1];
            let rows = &image[top..];
            if halving {
                pool_row_by_two(rows, self.image[1], top, output, places);
            } else {
                self.pool_row(rows, top, output, places);
            }
        }
    }

    /// One row of results, some of whose windows may reach beyond the image.
    fn pool_padded_row(&self, image: &[f32], y: usize, output: &mut [f32], places: &mut [u32]) {
        for (x, (output, place)) in output.iter_mut().zip(places).enumerate() {
            let [rows, columns] = self.bounds([y, x]);
            let first = rows.start * self.image[1] + columns.start;
            let mut best = (image[first], first);
            for row in rows {
                let start = row * self.image[1];
                let run = start + columns.start..start + columns.end;
                for (at, &value) in run.clone().zip(&image[run]) {
                    best = winner(best, (value, at));
                }
            }
            *output = best.0;
            *place = best.1 as u32;
        }
    }

    /// One row of results; `rows` starts with the first row of the windows, at place `top`.
    fn pool_row(&self, rows: &[f32], top: usize, output: &mut [f32], places: &mut [u32]) {
        for (x, (output, place)) in output.iter_mut().zip(places).enumerate() {
            let left = x * self.stride[1];
            let mut best = (rows[left], left);
            for y in 0..self.kernel[0] {
                let start = y * self.image[1] + left;
                let row = &rows[start..start + self.kernel[1]];
                for (at, &value) in row.iter().enumerate() {
                    best = winner(best, (value, start + at));
                }
            }
            *output = best.0;
            *place = (top + best.1) as u32;
        }
    }

    /// Adds each gradient at the place its value came from.
    pub(crate) fn scatter(&self, gradient: &[f32], places: &[u32], images: &mut [f32]) {
        let channels = images.chunks_exact_mut(self.image_elements());
        let gradients = gradient.chunks_exact(self.count_elements());
        let places = places.chunks_exact(self.count_elements());
        for ((image, gradient), places) in channels.zip(gradients).zip(places) {
            image.fill(0.0);
            for (&gradient, &place) in gradient.iter().zip(places) {
                image[place as usize] += gradient;
            }
        }
    }
}

/// The usual windows, 2×2 side by side, without branches.
#[inline(always)]
fn pool_row_by_two(rows: &[f32], width: usize, top: usize, output: &mut [f32], places: &mut [u32]) {
    let upper = rows[..width].as_chunks::<2>().0;
    let lower = rows[width..2 * width].as_chunks::<2>().0;
    let pairs = upper.iter().zip(lower);
    for (x, ((&[a, b], &[c, d]), (output, place))) in
        pairs.zip(output.iter_mut().zip(places)).enumerate()
    {
        let at = (top + 2 * x) as u32;
        let below = at + width as u32;
        let first = winner((a, at), (b, at + 1));
        let second = winner((c, below), (d, below + 1));
        (*output, *place) = winner(first, second);
    }
}

/// The larger value with its place; what is not a number wins, so that a diverged network is noticed.
#[inline(always)]
fn winner<P>(best: (f32, P), next: (f32, P)) -> (f32, P) {
    if next.0 > best.0 || next.0.is_nan() {
        next
    } else {
        best
    }
}

impl Operation for MaxPooling {
    fn output(&self) -> usize {
        self.channels * self.windows.count_elements()
    }

    fn noted(&self) -> usize {
        self.output()
    }

    fn forward(&self, pass: Forward<'_>) {
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .zip(pieces_mut(pass.notes, pass.samples))
            .for_each(|((output, input), places)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact_mut(self.windows.count_elements());
                        let places = places.chunks_exact_mut(self.windows.count_elements());
                        let input = input.chunks_exact(self.windows.image_elements());
                        for ((output, places), input) in output.zip(places).zip(input) {
                            self.windows.pool(input, output, places);
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        pieces_mut(input_gradient, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.output_gradient, pass.samples))
            .zip(pieces(pass.notes, pass.samples))
            .for_each(|((input_gradient, output_gradient), places)| {
                self.windows
                    .scatter(output_gradient, places, input_gradient);
            });
    }
}
