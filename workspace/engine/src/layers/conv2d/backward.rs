//! The gradients of a convolution: each piece of the batch does everything for its samples while their columns are in
//! the cache, and the pieces' sums are added up in order.

use rayon::prelude::*;

use super::columns::Tile;
use super::{Convolution, Sizes};
use crate::matrix::{Matrix, MatrixMut};
use crate::operation::{Backward, add_up, pieces, pieces_mut, rooms, vectorized};

impl Convolution {
    pub(super) fn backward_of(&self, pass: Backward<'_>) {
        let (conv, samples, buffers) = (&self.conv, pass.samples, pass.buffers);
        let output = pass.output.len() / samples.max(1);
        let noted = pass.notes.len() / samples.max(1);
        let biases = match &pass.parameter_gradients {
            Some(_) => pass.weights[0].of("bias").len(),
            None => 0,
        };
        let pool = self.pool.as_ref();
        let sparse = pool.is_some_and(|windows| conv.has_sparse_gradient(windows));
        let weights = conv.filters * conv.window();
        let mine = match &pass.parameter_gradients {
            Some(_) => weights + biases,
            None => 0,
        };
        let gradients = pieces_mut(pass.output_gradient, samples);
        let mut sums = buffers.take(gradients.len() * mine);
        let mut empty = [];
        let input_gradient = match pass.input_gradients.first_mut() {
            Some(Some(gradient)) => &mut **gradient,
            _ => &mut empty,
        };
        let mut sums_of = rooms(&mut sums, gradients.len(), mine);
        gradients
            .into_par_iter()
            .with_max_len(1)
            .zip(pieces(pass.inputs[0], samples))
            .zip(pieces(pass.output, samples))
            .zip(pieces(pass.notes, samples))
            .zip(pieces_mut(input_gradient, samples))
            .zip(&mut sums_of)
            .for_each(
                |(((((gradients, images), outputs), places), image_gradients), sums)| {
                    let mut columns = buffers.take(conv.window() * conv.places());
                    let mut plane = buffers.take(conv.plane_scratch(&(0..conv.map[0])));
                    let mut map = buffers.take(self.pool.map_or(0, |_| conv.map_elements()));
                    let room = usize::from(sparse) * conv.places() * conv.window_pitch();
                    let (mut windows, mut winners) = (buffers.take(room), Vec::new());
                    let (weight_sums, bias_sums) = sums.split_at_mut(mine.min(weights));
                    weight_sums.fill(0.0);
                    bias_sums.fill(0.0);
                    let mut image_gradients =
                        image_gradients.chunks_exact_mut(conv.image_elements());
                    for (sample, gradient) in gradients.chunks_exact_mut(output).enumerate() {
                        if let Some(rectifier) = self.rectifier {
                            let output = &outputs[sample * output..(sample + 1) * output];
                            vectorized(
                                #[inline(always)]
                                || rectifier.mask(gradient, output),
                            );
                        }
                        let map_gradient = match &self.pool {
                            Some(windows) => {
                                let places = &places[sample * noted..(sample + 1) * noted];
                                windows.scatter(gradient, places, &mut map);
                                &*map
                            }
                            None => &*gradient,
                        };
                        if sparse && mine > 0 {
                            let size = conv.image_elements();
                            let image = &images[sample * size..(sample + 1) * size];
                            let places = &places[sample * noted..(sample + 1) * noted];
                            vectorized(
                                #[inline(always)]
                                || {
                                    let pitch = conv.window_pitch();
                                    conv.unfold_windows(image, &mut plane, &mut windows, pitch);
                                    conv.add_sparse_gradient(
                                        &windows,
                                        gradient,
                                        places,
                                        &mut winners,
                                        weight_sums,
                                    );
                                },
                            );
                        }
                        let tile = Tile {
                            images: sample..sample + 1,
                            rows: 0..conv.map[0],
                        };
                        for group in 0..conv.groups * usize::from(mine > 0 && !sparse) {
                            let channels = conv.channels_of(group);
                            vectorized(
                                #[inline(always)]
                                || {
                                    let places = conv.places();
                                    conv.unfold(
                                        images,
                                        &tile,
                                        channels,
                                        &mut plane,
                                        &mut columns,
                                        places,
                                    );
                                },
                            );
                            let (filters, window) = (conv.group_filters(), conv.window());
                            let weights = &mut weight_sums[group * filters * window..];
                            MatrixMut::new(&mut weights[..filters * window], filters, window)
                                .add_product(
                                    conv.group_matrix(map_gradient, group),
                                    Matrix::new(&columns, window, conv.places()).transposed(),
                                );
                        }
                        let filters = map_gradient.chunks_exact(conv.places());
                        for (sum, values) in bias_sums.iter_mut().zip(filters) {
                            *sum += values.iter().sum::<f32>();
                        }
                        if let Some(image_gradient) = image_gradients.next() {
                            conv.fold_sample(
                                pass.weights[0].of("weight"),
                                map_gradient,
                                &mut columns,
                                &mut plane,
                                image_gradient,
                            );
                        }
                    }
                },
            );
        if let Some(mut gradients) = pass.parameter_gradients {
            add_up(&sums, mine, 0, gradients.take("weight"));
            add_up(&sums, mine, weights, gradients.take("bias"));
        }
    }
}

impl Sizes {
    fn channels_of(&self, group: usize) -> std::ops::Range<usize> {
        group * self.group_channels()..(group + 1) * self.group_channels()
    }

    /// The filters of one group of one map: filters × places.
    fn group_matrix<'a>(&self, map: &'a [f32], group: usize) -> Matrix<'a> {
        let size = self.group_filters() * self.places();
        let map = &map[group * size..(group + 1) * size];
        Matrix::new(map, self.group_filters(), self.places())
    }

    /// `dx = fold(Wᵀ dY)` for one sample.
    fn fold_sample(
        &self,
        weight: &[f32],
        map_gradient: &[f32],
        columns: &mut [f32],
        plane: &mut [f32],
        image_gradient: &mut [f32],
    ) {
        let (filters, window, places) = (self.group_filters(), self.window(), self.places());
        for group in 0..self.groups {
            let weight = &weight[group * filters * window..(group + 1) * filters * window];
            MatrixMut::new(columns, window, places).set_product(
                Matrix::new(weight, filters, window).transposed(),
                self.group_matrix(map_gradient, group),
            );
            let channels = self.channels_of(group);
            vectorized(
                #[inline(always)]
                || self.fold(columns, places, channels, plane, image_gradient),
            );
        }
    }
}
