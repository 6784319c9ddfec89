//! Average pooling: of windows, of whole channels, or of as many parts of a channel as are wanted.

use std::ops::Range;

use super::{Kind, Layer, Pooling, Site};
use crate::layout::Turned;
use crate::operation::{Backward, Forward, Operation, each_piece, vectorized};
use crate::place::Place;
use crate::problem::Problem;
use crate::shape::Shape;

/// The mean of every window, `torch.nn.AvgPool2d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d {
    /// The windows.
    pub pooling: Pooling,
    /// Whether the zeros of the padding count.
    pub count_include_pad: bool,
}

pub(super) static KIND: Kind = Kind {
    name: "avg-pool2d",
    keys: &[
        "kernel",
        "stride",
        "padding",
        "ceil-mode",
        "count-include-pad",
    ],
    inputs: (1, 1),
    read: |place| read(place).map(Into::into),
};

fn read(place: &mut Place<'_, '_>) -> Option<AvgPool2d> {
    let pooling = Pooling::read(place);
    let count_include_pad = place.flag("count-include-pad", true);
    Some(AvgPool2d {
        pooling: pooling?,
        count_include_pad: count_include_pad?,
    })
}

impl Layer for AvgPool2d {
    fn kind(&self) -> &'static Kind {
        &KIND
    }

    fn detail(&self) -> String {
        let mut detail = self.pooling.detail();
        if !self.count_include_pad {
            detail += ", padding does not count";
        }
        detail
    }

    fn output(&self, inputs: &[Shape]) -> Result<Shape, Problem> {
        self.pooling.output(&KIND, inputs[0], self.pooling.kernel)
    }

    fn operation(&self, site: &Site<'_>) -> Option<Box<dyn Operation>> {
        let [channels, height, width] = site.inputs[0].as_image()?;
        let [_, rows, columns] = site.output.as_image()?;
        let along = |axis: usize, image: usize, count: usize| Axis {
            image,
            windows: (0..count)
                .map(|window| self.window(axis, image, window))
                .collect(),
        };
        Some(Box::new(Averaging {
            channels,
            axes: [along(0, height, rows), along(1, width, columns)],
        }))
    }
}

impl AvgPool2d {
    fn window(&self, axis: usize, image: usize, window: usize) -> Window {
        let padding = self.pooling.padding[axis];
        let start = window * self.pooling.stride[axis];
        // What reaches beyond the padding never counts.
        let end = (start + self.pooling.kernel[axis]).min(image + 2 * padding);
        let covers = start.saturating_sub(padding)..end.saturating_sub(padding).min(image);
        Window {
            counts: match self.count_include_pad {
                true => end - start,
                false => covers.len(),
            },
            covers,
        }
    }
}

/// Average pooling over windows.
#[derive(Clone)]
pub(super) struct Averaging {
    pub(super) channels: usize,
    /// Along height and width.
    pub(super) axes: [Axis; 2],
}

/// Windows along one side of an image.
#[derive(Clone)]
pub(super) struct Axis {
    /// Rows or columns of the image.
    pub(super) image: usize,
    pub(super) windows: Vec<Window>,
}

#[derive(Clone)]
pub(super) struct Window {
    /// Rows or columns of the image that it covers.
    pub(super) covers: Range<usize>,
    /// How many it is divided by.
    pub(super) counts: usize,
}

impl Axis {
    /// A single window over all.
    pub(super) fn whole(image: usize) -> Self {
        Self {
            image,
            windows: vec![Window {
                covers: 0..image,
                counts: image,
            }],
        }
    }

    fn is_whole(&self) -> bool {
        matches!(self.windows.as_slice(), [only] if only.covers.len() == self.image && only.counts == self.image)
    }
}

impl Averaging {
    /// Values in one channel of the image.
    fn image_elements(&self) -> usize {
        self.axes[0].image * self.axes[1].image
    }

    /// Values in one channel of the result.
    fn count_elements(&self) -> usize {
        self.axes[0].windows.len() * self.axes[1].windows.len()
    }

    fn is_global(&self) -> bool {
        self.axes.iter().all(Axis::is_whole)
    }

    /// Calls `work` for each window with the place of its result, its rows and columns, and what its sum is multiplied by.
    #[inline(always)]
    fn each_window(&self, mut work: impl FnMut(usize, [Range<usize>; 2], f32)) {
        let [rows, columns] = &self.axes;
        for (y, row) in rows.windows.iter().enumerate() {
            for (x, column) in columns.windows.iter().enumerate() {
                let place = y * columns.windows.len() + x;
                let covers = [row.covers.clone(), column.covers.clone()];
                work(place, covers, 1.0 / (row.counts * column.counts) as f32);
            }
        }
    }
}

/// The same for values whose channels come last.
struct ChannelsLast(Averaging);

impl Operation for ChannelsLast {
    fn output(&self) -> usize {
        self.0.output()
    }

    fn forward(&self, pass: Forward<'_>) {
        let (own, channels) = (&self.0, self.0.channels);
        let width = own.axes[1].image;
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact_mut(own.output());
                        let input = input.chunks_exact(own.image_elements() * channels);
                        for (output, input) in output.zip(input) {
                            own.each_window(|place, [rows, columns], share| {
                                let output = &mut output[place * channels..][..channels];
                                output.fill(0.0);
                                for row in rows {
                                    for column in columns.clone() {
                                        let at = (row * width + column) * channels;
                                        let input = &input[at..][..channels];
                                        for (output, input) in output.iter_mut().zip(input) {
                                            *output += input;
                                        }
                                    }
                                }
                                for output in output {
                                    *output *= share;
                                }
                            });
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let (own, channels) = (&self.0, self.0.channels);
        let width = own.axes[1].image;
        each_piece(
            input_gradient,
            pass.output_gradient,
            pass.samples,
            |input, output| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact(own.output());
                        let input = input.chunks_exact_mut(own.image_elements() * channels);
                        for (output, input) in output.zip(input) {
                            input.fill(0.0);
                            own.each_window(|place, [rows, columns], share| {
                                let output = &output[place * channels..][..channels];
                                for row in rows {
                                    for column in columns.clone() {
                                        let at = (row * width + column) * channels;
                                        let input = &mut input[at..][..channels];
                                        for (input, output) in input.iter_mut().zip(output) {
                                            *input += output * share;
                                        }
                                    }
                                }
                            });
                        }
                    },
                );
            },
        );
    }
}

impl Operation for Averaging {
    fn output(&self) -> usize {
        self.channels * self.count_elements()
    }

    fn channels_last(&self) -> Option<Turned> {
        Turned::either(ChannelsLast(self.clone()))
    }

    fn forward(&self, pass: Forward<'_>) {
        let width = self.axes[1].image;
        each_piece(
            pass.output,
            pass.inputs[0],
            pass.samples,
            |output, input| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact_mut(self.count_elements());
                        let input = input.chunks_exact(self.image_elements());
                        for (output, input) in output.zip(input) {
                            if self.is_global() {
                                let share = 1.0 / input.len() as f32;
                                output[0] = input.iter().sum::<f32>() * share;
                                continue;
                            }
                            self.each_window(|place, [rows, columns], share| {
                                let mut sum = 0.0;
                                for row in rows {
                                    let row = &input[row * width..][columns.clone()];
                                    sum += row.iter().sum::<f32>();
                                }
                                output[place] = sum * share;
                            });
                        }
                    },
                );
            },
        );
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let width = self.axes[1].image;
        each_piece(
            input_gradient,
            pass.output_gradient,
            pass.samples,
            |input, output| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact(self.count_elements());
                        let input = input.chunks_exact_mut(self.image_elements());
                        for (output, input) in output.zip(input) {
                            input.fill(0.0);
                            self.each_window(|place, [rows, columns], share| {
                                for row in rows {
                                    let row = &mut input[row * width..][columns.clone()];
                                    for input in row {
                                        *input += output[place] * share;
                                    }
                                }
                            });
                        }
                    },
                );
            },
        );
    }
}
