//! Convolution, alone or with a rectifier and max pooling behind it: `y = pool(relu(w ⋆ x + b))`.
//!
//! As in PyTorch, `⋆` is cross-correlation and `w` is `filters × channels × height × width`. Sample by
//! sample, the windows of the image are unfolded into the columns of a matrix `X` of
//! `channels·height·width × places`, so that the map is `W X` (Chellapilla, Puri and Simard, "High
//! performance convolutional neural networks for document processing", 2006). With `dY` the gradient
//! of the map, `dW = Σ dY Xᵀ`, `db = Σ dY`, and `dx` is `Wᵀ dY` folded back.
//!
//! Map and columns of one sample fit into the cache of a core and live in scratch buffers only; columns
//! are unfolded again for the backward pass, which is cheaper than fetching them from memory.

mod columns;

use rayon::prelude::*;

use super::max_pool2d::Windows;
use super::{
    Backward, Forward, Operation, Pair, mask_by_output, pieces, pieces_mut, rectify, vectorized,
};
use crate::compute::{Buffer, Buffers};
use crate::matrix::{Matrix, MatrixMut};

/// Sizes of a convolution. Pairs are height, then width.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Conv2d {
    pub(crate) channels: usize,
    pub(crate) image: [usize; 2],
    pub(crate) filters: usize,
    pub(crate) kernel: [usize; 2],
    pub(crate) stride: [usize; 2],
    pub(crate) padding: [usize; 2],
    /// Height and width of the map.
    pub(crate) map: [usize; 2],
}

impl Conv2d {
    /// Weights of one filter, which is the height of the matrix of columns.
    fn window(&self) -> usize {
        self.channels * self.kernel[0] * self.kernel[1]
    }

    /// Places of one channel of the map, which is the width of the matrix of columns.
    fn places(&self) -> usize {
        self.map[0] * self.map[1]
    }

    fn image_elements(&self) -> usize {
        self.channels * self.image[0] * self.image[1]
    }

    fn map_elements(&self) -> usize {
        self.filters * self.places()
    }
}

/// A convolution with what follows it.
pub(crate) struct Convolution {
    pub(crate) conv: Conv2d,
    pub(crate) relu: bool,
    /// Windows over the map.
    pub(crate) pool: Option<Windows>,
}

impl Operation for Convolution {
    fn input(&self) -> usize {
        self.conv.image_elements()
    }

    fn output(&self) -> usize {
        match &self.pool {
            Some(windows) => self.conv.filters * windows.count_elements(),
            None => self.conv.map_elements(),
        }
    }

    fn noted(&self) -> usize {
        self.pool.map_or(0, |_| self.output())
    }

    fn forward(&self, pass: Forward<'_>) {
        let (buffers, parameters) = (pass.buffers, &pass.parameters);
        pieces_mut(pass.output, pass.samples)
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.input, pass.samples))
            .zip(pieces_mut(pass.notes, pass.samples))
            .for_each(|((outputs, images), places)| {
                let mut columns = buffers.take(self.conv.window() * self.conv.places());
                let mut map = self.map_scratch(buffers);
                let images = images.chunks_exact(self.input());
                let outputs = outputs.chunks_exact_mut(self.output());
                for (sample, (image, output)) in images.zip(outputs).enumerate() {
                    match &self.pool {
                        Some(windows) => {
                            self.fill_map(parameters, image, &mut columns, &mut map);
                            let from = sample * self.noted();
                            let places = &mut places[from..from + self.noted()];
                            vectorized(|| windows.pool(&map, output, places));
                        }
                        None => self.fill_map(parameters, image, &mut columns, output),
                    }
                }
            });
    }

    fn backward(&self, pass: Backward<'_>) {
        let samples = pass.samples;
        let (input, output) = (self.input(), self.output());
        // Each piece of the batch adds up its own gradients; they are added up in order at the end.
        let weights = self.conv.filters * self.conv.window();
        let mine = match &pass.parameter_gradients {
            Some(_) => weights + self.conv.filters,
            None => 0,
        };
        let gradients = pieces_mut(pass.output_gradient, samples);
        let mut sums = pass.buffers.take(gradients.len() * mine);
        let mut empty = [];
        let input_gradient = pass.input_gradient.unwrap_or(&mut empty);
        let mut sums_of: Vec<&mut [f32]> = match mine {
            0 => gradients.iter().map(|_| Default::default()).collect(),
            mine => sums.chunks_exact_mut(mine).collect(),
        };
        gradients
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.input, samples))
            .zip(pieces(pass.output, samples))
            .zip(pieces(pass.notes, samples))
            .zip(pieces_mut(input_gradient, samples))
            .zip(&mut sums_of)
            .for_each(
                |(((((gradients, images), outputs), places), image_gradients), sums)| {
                    let mut columns = pass.buffers.take(self.conv.window() * self.conv.places());
                    let mut map = self.map_scratch(pass.buffers);
                    let (weight_sums, bias_sums) = sums.split_at_mut(mine.min(weights));
                    weight_sums.fill(0.0);
                    bias_sums.fill(0.0);
                    for (sample, image) in images.chunks_exact(input).enumerate() {
                        let gradient = &mut gradients[sample * output..(sample + 1) * output];
                        if self.relu {
                            let output = &outputs[sample * output..(sample + 1) * output];
                            vectorized(|| mask_by_output(gradient, output));
                        }
                        let map_gradient = match &self.pool {
                            Some(windows) => {
                                let noted = self.noted();
                                let places = &places[sample * noted..(sample + 1) * noted];
                                windows.scatter(gradient, places, &mut map);
                                &*map
                            }
                            None => &*gradient,
                        };
                        if mine > 0 {
                            self.add_parameter_gradients(
                                image,
                                map_gradient,
                                &mut columns,
                                weight_sums,
                                bias_sums,
                            );
                        }
                        if !image_gradients.is_empty() {
                            let image = &mut image_gradients[sample * input..(sample + 1) * input];
                            self.fill_image_gradient(
                                pass.weight,
                                map_gradient,
                                &mut columns,
                                image,
                            );
                        }
                    }
                },
            );
        if let Some(Pair { weight, bias }) = pass.parameter_gradients {
            add_up(&sums, mine, 0, weight);
            add_up(&sums, mine, weights, bias);
        }
    }
}

impl Convolution {
    /// Room for the map of one sample, where it is not the output itself.
    fn map_scratch(&self, buffers: &Buffers) -> Buffer<f32> {
        buffers.take(self.pool.map_or(0, |_| self.conv.map_elements()))
    }

    /// The map of one image, rectified where that is asked for.
    fn fill_map(
        &self,
        parameters: &Pair<&[f32]>,
        image: &[f32],
        columns: &mut [f32],
        map: &mut [f32],
    ) {
        let conv = &self.conv;
        vectorized(|| conv.unfold(image, columns));
        MatrixMut::new(map, conv.filters, conv.places()).set_product(
            Matrix::new(parameters.weight, conv.filters, conv.window()),
            Matrix::new(columns, conv.window(), conv.places()),
        );
        vectorized(|| {
            let filters = map.chunks_exact_mut(conv.places());
            for (values, &bias) in filters.zip(parameters.bias) {
                for value in values {
                    let sum = *value + bias;
                    *value = if self.relu { rectify(sum) } else { sum };
                }
            }
        });
    }

    /// `dW += dY Xᵀ` and `db += Σ dY` for one sample.
    fn add_parameter_gradients(
        &self,
        image: &[f32],
        map_gradient: &[f32],
        columns: &mut [f32],
        weight_sums: &mut [f32],
        bias_sums: &mut [f32],
    ) {
        let conv = &self.conv;
        vectorized(|| conv.unfold(image, columns));
        MatrixMut::new(weight_sums, conv.filters, conv.window()).add_product(
            Matrix::new(map_gradient, conv.filters, conv.places()),
            Matrix::new(columns, conv.window(), conv.places()).transposed(),
        );
        let filters = map_gradient.chunks_exact(conv.places());
        for (sum, values) in bias_sums.iter_mut().zip(filters) {
            *sum += values.iter().sum::<f32>();
        }
    }

    /// `dx = fold(Wᵀ dY)` for one sample.
    fn fill_image_gradient(
        &self,
        weight: &[f32],
        map_gradient: &[f32],
        columns: &mut [f32],
        image_gradient: &mut [f32],
    ) {
        let conv = &self.conv;
        MatrixMut::new(columns, conv.window(), conv.places()).set_product(
            Matrix::new(weight, conv.filters, conv.window()).transposed(),
            Matrix::new(map_gradient, conv.filters, conv.places()),
        );
        vectorized(|| conv.fold(columns, image_gradient));
    }
}

/// Adds up the gradients of all pieces in their order: those of one parameter, which start at `offset` in
/// the `mine` values of each piece.
fn add_up(sums: &[f32], mine: usize, offset: usize, gradient: &mut [f32]) {
    /// Large enough to be worth a thread's while, small enough to stay in its cache.
    const BLOCK: usize = 4096;
    gradient
        .par_chunks_mut(BLOCK)
        .enumerate()
        .for_each(|(block, gradient)| {
            gradient.fill(0.0);
            vectorized(|| {
                for piece in sums.chunks_exact(mine) {
                    let piece = &piece[offset + block * BLOCK..];
                    for (gradient, &sum) in gradient.iter_mut().zip(piece) {
                        *gradient += sum;
                    }
                }
            });
        });
}
