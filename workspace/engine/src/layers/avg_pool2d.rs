//! Average pooling, of windows or of whole channels; the zeros of the padding count.

use rayon::prelude::*;

use super::max_pool2d::Windows;
use super::{Kind, Layer, Pooling, Site};
use crate::operation::{Backward, Forward, Operation, pieces, pieces_mut, vectorized};
use crate::problem::Problem;
use crate::shape::Shape;

/// The mean of every window, the zeros of the padding included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AvgPool2d(pub Pooling);

pub(super) static KIND: Kind = Kind {
    name: "avg-pool2d",
    keys: Pooling::KEYS,
    inputs: (1, 1),
    read: |place| Pooling::read(place).map(|pooling| AvgPool2d(pooling).into()),
};

impl Layer for AvgPool2d {
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
        Some(Box::new(Averaging {
            channels,
            windows: Windows::of(&self.0, site)?,
        }))
    }
}

/// Average pooling over windows; a window of the image's size makes it global.
pub(super) struct Averaging {
    pub(super) channels: usize,
    pub(super) windows: Windows,
}

impl Averaging {
    fn is_global(&self) -> bool {
        self.windows.kernel == self.windows.image && self.windows.padding == [0, 0]
    }

    /// Calls `work` with the place of each window's result and the places of its values, row by row.
    #[inline(always)]
    fn each_run(&self, mut work: impl FnMut(usize, std::ops::Range<usize>)) {
        let windows = &self.windows;
        for place in 0..windows.count_elements() {
            let [rows, columns] =
                windows.bounds([place / windows.count[1], place % windows.count[1]]);
            for row in rows {
                let start = row * windows.image[1];
                work(place, start + columns.start..start + columns.end);
            }
        }
    }
}

impl Operation for Averaging {
    fn output(&self) -> usize {
        self.channels * self.windows.count_elements()
    }

    fn forward(&self, pass: Forward<'_>) {
        let share = 1.0 / (self.windows.kernel[0] * self.windows.kernel[1]) as f32;
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], pass.samples))
            .for_each(|(output, input)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact_mut(self.windows.count_elements());
                        let input = input.chunks_exact(self.windows.image_elements());
                        for (output, input) in output.zip(input) {
                            output.fill(0.0);
                            if self.is_global() {
                                output[0] = input.iter().sum();
                            } else {
                                self.each_run(|place, run| {
                                    output[place] += input[run].iter().sum::<f32>()
                                });
                            }
                            for output in output {
                                *output *= share;
                            }
                        }
                    },
                );
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let [Some(input_gradient)] = pass.input_gradients else {
            return;
        };
        let share = 1.0 / (self.windows.kernel[0] * self.windows.kernel[1]) as f32;
        pieces_mut(input_gradient, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.output_gradient, pass.samples))
            .for_each(|(input, output)| {
                vectorized(
                    #[inline(always)]
                    || {
                        let output = output.chunks_exact(self.windows.count_elements());
                        let input = input.chunks_exact_mut(self.windows.image_elements());
                        for (output, input) in output.zip(input) {
                            input.fill(0.0);
                            self.each_run(|place, run| {
                                for input in &mut input[run] {
                                    *input += output[place] * share;
                                }
                            });
                        }
                    },
                );
            });
    }
}
