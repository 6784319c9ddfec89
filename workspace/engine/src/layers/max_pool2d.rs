//! Max pooling: the largest value of every window, whose place is noted and receives the gradient.
//!
//! Of equal values the first in reading order wins, as in PyTorch.

use std::ops::Range;

use rayon::prelude::*;

use super::windows::reach;
use super::{Kind, Layer, Pooling, Site};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, pieces, pieces_mut, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::{Shape, by};

/// The largest value of every window, `torch.nn.MaxPool2d`; what the padding adds never wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPool2d {
    /// The windows.
    pub pooling: Pooling,
    /// Distance between neighbouring values of one window, height, then width.
    pub dilation: [usize; 2],
}

pub(super) static KIND: Kind = Kind {
    name: "max-pool2d",
    keys: &["kernel", "stride", "padding", "dilation", "ceil-mode"],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

impl MaxPool2d {
    /// The maximum of all of a map.
    pub(crate) fn over(height: usize, width: usize) -> Self {
        Self {
            pooling: Pooling::over(height, width),
            dilation: [1, 1],
        }
    }
}

fn read(place: &mut Place<'_, '_>) -> Option<MaxPool2d> {
    let pooling = Pooling::read(place);
    let dilation = place.pair("dilation", 1, Some([1, 1]));
    Some(MaxPool2d {
        pooling: pooling?,
        dilation: dilation?,
    })
}

impl Layer for MaxPool2d {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mut detail = self.pooling.detail();
        if self.dilation != [1, 1] {
            detail += &format!(", dilation {}", by(&self.dilation));
        }
        detail
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        let reach = reach(self.pooling.kernel, self.dilation);
        let output = self.pooling.output(&KIND, inputs[0], reach)?;
        // A window with gaps may have all its values in the padding.
        let windows = self.windows(inputs[0], output);
        if windows.is_some_and(|windows| windows.misses_the_image()) {
            return Err(Problem::new(format!(
                "`dilation` is {}, which leaves a window without a value of {}, expected less of it or less padding",
                by(&self.dilation),
                inputs[0]
            )));
        }
        Ok(output)
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, ..] = site.inputs[0].as_image()?;
        Some(Box::new(MaxPooling {
            channels,
            windows: self.windows(site.inputs[0], site.output)?,
        }))
    }
}

impl MaxPool2d {
    fn windows(&self, input: Shape, output: Shape) -> Option<Windows> {
        let [_, height, width] = input.as_image()?;
        let [_, rows, columns] = output.as_image()?;
        let Pooling {
            kernel,
            stride,
            padding,
            ceil_mode: _,
        } = self.pooling;
        Some(Windows {
            image: [height, width],
            kernel,
            stride,
            padding,
            dilation: self.dilation,
            count: [rows, columns],
        })
    }
}

/// Where the windows lie: `count` of them along height and width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Windows {
    /// Height and width of the image.
    pub(crate) image: [usize; 2],
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    pub(crate) dilation: [usize; 2],
    pub(crate) count: [usize; 2],
}

/// Max pooling as a step of its own.
pub(crate) struct MaxPooling {
    pub(crate) channels: usize,
    pub(crate) windows: Windows,
}

impl Windows {
    /// Values in one channel of the image.
    pub(crate) fn image_elements(&self) -> usize {
        self.image[0] * self.image[1]
    }

    /// Values in one channel of the result.
    pub(crate) fn count_elements(&self) -> usize {
        self.count[0] * self.count[1]
    }

    /// Whether every value of every window is one of the image, and neighbours in a window are neighbours there.
    pub(crate) fn all_within(&self) -> bool {
        self.padding == [0, 0]
            && self.dilation == [1, 1]
            && (0..2).all(|axis| {
                (self.count[axis] - 1) * self.stride[axis] + self.kernel[axis] <= self.image[axis]
            })
    }

    /// Whether some window has no value of the image.
    fn misses_the_image(&self) -> bool {
        (0..2).any(|axis| (0..self.count[axis]).any(|window| self.along(axis, window).is_empty()))
    }

    /// Rows or columns of the image that a window covers: from the first of its values that is within the image up to
    /// the last.
    #[inline(always)]
    fn along(&self, axis: usize, window: usize) -> Range<usize> {
        let (padding, dilation) = (self.padding[axis], self.dilation[axis]);
        let start = window * self.stride[axis];
        let end = (start + (self.kernel[axis] - 1) * dilation + 1).saturating_sub(padding);
        let before = padding.saturating_sub(start);
        let first = start.saturating_sub(padding) + before.next_multiple_of(dilation) - before;
        first..end.min(self.image[axis])
    }

    /// Pools one channel; `places` receives the winner's place within it.
    #[inline(always)]
    pub(crate) fn pool(&self, image: &[f32], output: &mut [f32], places: &mut [u32]) {
        let output = output.chunks_exact_mut(self.count[1]);
        let places = places.chunks_exact_mut(self.count[1]);
        let padded = !self.all_within();
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
            let (rows, columns) = (self.along(0, y), self.along(1, x));
            let first = rows.start * self.image[1] + columns.start;
            let mut best = (image[first], first);
            for row in rows.step_by(self.dilation[0]) {
                let start = row * self.image[1];
                let run = start + columns.start..start + columns.end;
                let values = run.clone().zip(&image[run]).step_by(self.dilation[1]);
                for (at, &value) in values {
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

/// The same for values whose channels come last.
struct ChannelsLast {
    channels: usize,
    windows: Windows,
}

impl Operation for ChannelsLast {
    fn output(&self) -> usize {
        self.channels * self.windows.count_elements()
    }

    fn forward(&self, pass: Forward<'_>) {
        let (channels, windows) = (self.channels, &self.windows);
        let size = windows.image_elements() * channels;
        let rows = pass
            .output
            .par_chunks_exact_mut(windows.count[1] * channels);
        rows.enumerate().for_each(|(index, output)| {
            let (sample, y) = (index / windows.count[0], index % windows.count[0]);
            let image = &pass.inputs[0][sample * size..][..size];
            vectorized(
                #[inline(always)]
                || {
                    for (x, output) in output.chunks_exact_mut(channels).enumerate() {
                        let columns = windows.along(1, x);
                        let mut first = true;
                        for row in windows.along(0, y).step_by(windows.dilation[0]) {
                            for column in columns.clone().step_by(windows.dilation[1]) {
                                let place = row * windows.image[1] + column;
                                let values = &image[place * channels..][..channels];
                                if std::mem::take(&mut first) {
                                    output.copy_from_slice(values);
                                    continue;
                                }
                                for (best, &value) in output.iter_mut().zip(values) {
                                    *best = winner((*best, ()), (value, ())).0;
                                }
                            }
                        }
                    }
                },
            );
        });
    }

    /// Who has won is found anew: window by window, and of equal values the first.
    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let (channels, windows) = (self.channels, &self.windows);
        let [from, to] = [windows.image_elements(), windows.count_elements()];
        input_gradient
            .par_chunks_exact_mut(from * channels)
            .zip(pass.inputs[0].par_chunks_exact(from * channels))
            .zip(pass.output.par_chunks_exact(to * channels))
            .zip(pass.output_gradient.par_chunks_exact_mut(to * channels))
            .for_each(|(((gradient, image), output), dy)| {
                gradient.fill(0.0);
                let places = output.chunks_exact(channels);
                let places = places.zip(dy.chunks_exact_mut(channels)).enumerate();
                vectorized(
                    #[inline(always)]
                    || {
                        for (place, (output, dy)) in places {
                            let columns = windows.along(1, place % windows.count[1]);
                            let rows = windows.along(0, place / windows.count[1]);
                            for row in rows.step_by(windows.dilation[0]) {
                                for column in columns.clone().step_by(windows.dilation[1]) {
                                    let at = (row * windows.image[1] + column) * channels;
                                    let gradient = &mut gradient[at..][..channels];
                                    let values = image[at..][..channels].iter().zip(output);
                                    let values = values.zip(gradient).zip(dy.iter_mut());
                                    for (((&value, &best), gradient), dy) in values {
                                        let wins = value == best;
                                        *gradient += if wins { *dy } else { 0.0 };
                                        // It is given once.
                                        *dy = if wins { 0.0 } else { *dy };
                                    }
                                }
                            }
                        }
                    },
                );
            });
    }
}

impl Operation for MaxPooling {
    fn output(&self) -> usize {
        self.channels * self.windows.count_elements()
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(ChannelsLast {
            channels: self.channels,
            windows: self.windows,
        })
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
