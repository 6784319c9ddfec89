//! The gradients of a convolution.
//!
//! Where weights are few, each piece of the batch does everything for its samples while their columns are
//! in the cache, and the pieces' sums are added up in order. Where they are many, such sums would be
//! larger than the batch: then the weights are cut by channels, and each piece of work goes over the whole
//! batch for its own.

use rayon::prelude::*;

use super::columns::Tile;
use super::correlate::{Finish, Weight};
use super::{Convolution, Sizes};
use crate::compute::{Buffer, Buffers};
use crate::matrix::{Matrix, MatrixMut};
use crate::operation::{Backward, add_up, pieces, pieces_mut, rooms, vectorized};

/// Weights up to which every piece of a batch may have sums of its own.
const FEW_WEIGHTS: usize = 1 << 15;
/// Columns of one image, in values, up to which they stay in a core's cache.
const FEW_COLUMNS: usize = 1 << 17;
/// Places multiplied at a time: the depth of the product for the weights.
const PLACES: usize = 256;

impl Convolution {
    pub(super) fn backward_of(&self, pass: Backward<'_>) {
        let conv = &self.conv;
        let few = conv.filters * conv.window() <= FEW_WEIGHTS && !conv.is_depthwise();
        if few && conv.window() * conv.places() <= FEW_COLUMNS {
            return self.backward_by_samples(pass);
        }
        let (samples, buffers) = (pass.samples, pass.buffers);
        if let Some(rectifier) = self.rectifier {
            pieces_mut(pass.output_gradient, samples)
                .into_par_iter()
                .with_max_len(1)
                .zip(pieces(pass.output, samples))
                .for_each(|(gradient, output)| {
                    vectorized(
                        #[inline(always)]
                        || rectifier.mask(gradient, output),
                    )
                });
        }
        let mut map;
        let map_gradient: &[f32] = match &self.pool {
            Some(windows) => {
                map = buffers.take(samples * conv.map_elements());
                pieces_mut(&mut map, samples)
                    .into_par_iter()
                    .with_max_len(1)
                    .zip(pieces(pass.output_gradient, samples))
                    .zip(pieces(pass.notes, samples))
                    .for_each(|((map, gradient), notes)| windows.scatter(gradient, notes, map));
                &map
            }
            None => pass.output_gradient,
        };
        if let Some(mut gradients) = pass.parameter_gradients {
            let (weight, bias) = (gradients.take("weight"), gradients.take("bias"));
            match conv.is_depthwise() {
                true => conv.fill_depthwise_weight_gradient(
                    buffers,
                    pass.inputs[0],
                    map_gradient,
                    weight,
                ),
                false => conv.fill_weight_gradient(buffers, pass.inputs[0], map_gradient, weight),
            }
            conv.fill_bias_gradient(map_gradient, bias);
        }
        if let Some(Some(input_gradient)) = pass.input_gradients.first_mut() {
            let weight = pass.weights[0].of("weight");
            if conv.is_depthwise() {
                return conv.fill_depthwise_input_gradient(
                    buffers,
                    weight,
                    map_gradient,
                    input_gradient,
                );
            }
            match conv.turned_round() {
                Some(turned) => {
                    let weight = conv.turned_weights(buffers, weight);
                    let (nothing, notes) = (Finish::NOTHING, &mut []);
                    turned.correlate(
                        buffers,
                        Weight::Plain(&weight),
                        map_gradient,
                        &nothing,
                        input_gradient,
                        notes,
                    );
                }
                None => conv.fold_gradient(buffers, weight, map_gradient, input_gradient),
            }
        }
    }

    /// Everything for one sample after another, for small convolutions.
    fn backward_by_samples(&self, pass: Backward<'_>) {
        let (conv, samples, buffers) = (&self.conv, pass.samples, pass.buffers);
        let output = pass.output.len() / samples.max(1);
        let noted = pass.notes.len() / samples.max(1);
        let biases = match &pass.parameter_gradients {
            Some(_) => pass.weights[0].of("bias").len(),
            None => 0,
        };
        let sparse = conv.has_sparse_gradient(self.pool.as_ref());
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

    /// `dx` where it is no convolution itself: several images at a time where maps are small, so that the
    /// weights are read less often.
    fn fold_gradient(
        &self,
        buffers: &Buffers,
        weight: &[f32],
        map_gradient: &[f32],
        input_gradient: &mut [f32],
    ) {
        let (filters, window, places) = (self.group_filters(), self.window(), self.places());
        let images = (PLACES / 2 / places).max(1);
        input_gradient
            .par_chunks_mut(images * self.image_elements())
            .with_max_len(1)
            .zip(map_gradient.par_chunks(images * self.map_elements()))
            .for_each(|(image_gradients, maps)| {
                let width = maps.len() / self.map_elements() * places;
                let mut columns = buffers.take(window * width);
                let mut gathered = buffers.take(filters * width);
                let mut plane = buffers.take(self.plane_scratch(&(0..self.map[0])));
                for group in 0..self.groups {
                    for (index, map) in maps.chunks_exact(self.map_elements()).enumerate() {
                        self.gather(
                            map,
                            group,
                            0..places,
                            &mut gathered[index * places..],
                            width,
                        );
                    }
                    let weight = &weight[group * filters * window..(group + 1) * filters * window];
                    MatrixMut::new(&mut columns, window, width).set_product(
                        Matrix::new(weight, filters, window).transposed(),
                        Matrix::new(&gathered, filters, width),
                    );
                    let channels = self.channels_of(group);
                    vectorized(
                        #[inline(always)]
                        || self.fold(&columns, width, channels, &mut plane, image_gradients),
                    );
                }
            });
    }

    /// Copies some places of the filters of one group of a map to rows `stride` values apart.
    fn gather(
        &self,
        map: &[f32],
        group: usize,
        places: std::ops::Range<usize>,
        target: &mut [f32],
        stride: usize,
    ) {
        let planes = map.chunks_exact(self.places());
        let planes = planes.skip(group * self.group_filters());
        let targets = target.chunks_mut(stride);
        for (target, plane) in targets.zip(planes.take(self.group_filters())) {
            target[..places.len()].copy_from_slice(&plane[places.clone()]);
        }
    }

    /// The convolution whose forward pass gives `dx` from `dY`: filters and channels change places. Only
    /// where windows move by one, and where it costs no more than folding.
    fn turned_round(&self) -> Option<Self> {
        let reach = |axis: usize| (self.kernel[axis] - 1) * self.dilation[axis];
        let padding = [
            reach(0).checked_sub(self.padding[0])?,
            reach(1).checked_sub(self.padding[1])?,
        ];
        let pays = self.plane() * 4 <= self.places() * 5;
        (self.stride == [1, 1] && pays).then_some(Self {
            channels: self.filters,
            image: self.map,
            filters: self.channels,
            padding,
            map: self.image,
            ..*self
        })
    }

    /// The weights for [`Sizes::turned_round`]: turned by half a circle, filters and channels exchanged.
    fn turned_weights(&self, buffers: &Buffers, weight: &[f32]) -> Buffer<f32> {
        let (filters, channels) = (self.group_filters(), self.group_channels());
        let size = self.kernel_elements();
        let mut turned = buffers.take(weight.len());
        turned
            .par_chunks_exact_mut(filters * size)
            .enumerate()
            .for_each(|(index, target)| {
                let (group, channel) = (index / channels, index % channels);
                for (filter, target) in target.chunks_exact_mut(size).enumerate() {
                    let start = ((group * filters + filter) * channels + channel) * size;
                    let source = &weight[start..start + size];
                    for (target, source) in target.iter_mut().zip(source.iter().rev()) {
                        *target = *source;
                    }
                }
            });
        turned
    }

    /// `dW = Σ dY Xᵀ`, cut by channels and, where those are few, by samples as well.
    fn fill_weight_gradient(
        &self,
        buffers: &Buffers,
        images: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        /// Pieces of work aimed at, and rows of columns in each.
        const UNITS: usize = 8;
        const ROWS: usize = 192;
        let (filters, channels, kernel) = (
            self.group_filters(),
            self.group_channels(),
            self.kernel_elements(),
        );
        let at_once = (ROWS / kernel).clamp(1, channels);
        let blocks = channels.div_ceil(at_once);
        let samples = images.len() / self.image_elements();
        let (piece, pieces) = match blocks * self.groups {
            enough if enough >= UNITS => (samples, 1),
            few => {
                let piece = samples.div_ceil(UNITS.div_ceil(few));
                (piece, samples.div_ceil(piece.max(1)))
            }
        };
        let units: Vec<(usize, usize, usize)> = (0..self.groups)
            .flat_map(|group| (0..blocks).map(move |block| (group, block)))
            .flat_map(|(group, block)| (0..pieces).map(move |piece| (group, block, piece)))
            .collect();
        let sums: Vec<Buffer<f32>> = units
            .into_par_iter()
            .with_max_len(1)
            .map(|(group, block, index)| {
                let from = group * channels + block * at_once;
                let some = from..(from + at_once).min((group + 1) * channels);
                let own = index * piece..samples.min((index + 1) * piece);
                self.weight_sums(buffers, images, map_gradient, group, some, own)
            })
            .collect();
        // A row of the gradient is the window of one filter: the blocks' parts one after another.
        let window = self.window();
        gradient
            .par_chunks_exact_mut(window)
            .enumerate()
            .for_each(|(filter, row)| {
                let (group, filter) = (filter / filters, filter % filters);
                for (block, row) in row.chunks_mut(at_once * kernel).enumerate() {
                    let width = row.len();
                    for index in 0..pieces {
                        let sums = &sums[(group * blocks + block) * pieces + index];
                        let sums = &sums[filter * width..(filter + 1) * width];
                        match index {
                            0 => row.copy_from_slice(sums),
                            _ => row
                                .iter_mut()
                                .zip(sums)
                                .for_each(|(sum, part)| *sum += part),
                        }
                    }
                }
            });
    }

    /// The gradient of the weights for some channels, over some samples: filters × rows of the columns.
    fn weight_sums(
        &self,
        buffers: &Buffers,
        images: &[f32],
        map_gradient: &[f32],
        group: usize,
        channels: std::ops::Range<usize>,
        samples: std::ops::Range<usize>,
    ) -> Buffer<f32> {
        let (filters, width) = (self.group_filters(), self.map[1]);
        let height = channels.len() * self.kernel_elements();
        let mut sums = buffers.take(filters * height);
        sums.fill(0.0);
        let at_once = (PLACES / self.places()).max(1);
        let rows_at_once = (PLACES / width).clamp(1, self.map[0]);
        for image in samples.clone().step_by(at_once) {
            for row in (0..self.map[0]).step_by(rows_at_once) {
                let tile = Tile {
                    images: image..samples.end.min(image + at_once),
                    rows: row..self.map[0].min(row + rows_at_once),
                };
                let places = tile.places(self);
                let per_image = places / tile.images.len();
                let mut columns = buffers.take(height * places);
                let mut gathered = buffers.take(filters * places);
                let mut plane = buffers.take(self.plane_scratch(&tile.rows));
                let own = channels.clone();
                vectorized(
                    #[inline(always)]
                    || self.unfold(images, &tile, own, &mut plane, &mut columns, places),
                );
                for (index, image) in tile.images.clone().enumerate() {
                    let map = &map_gradient[image * self.map_elements()..][..self.map_elements()];
                    let read = row * width..row * width + per_image;
                    self.gather(map, group, read, &mut gathered[index * per_image..], places);
                }
                MatrixMut::new(&mut sums, filters, height).add_product(
                    Matrix::new(&gathered, filters, places),
                    Matrix::new(&columns, height, places).transposed(),
                );
            }
        }
        sums
    }

    /// `db = Σ dY`, a filter at a time.
    fn fill_bias_gradient(&self, map_gradient: &[f32], bias: &mut [f32]) {
        bias.par_iter_mut().enumerate().for_each(|(filter, bias)| {
            let planes = map_gradient.chunks_exact(self.places());
            let planes = planes.skip(filter).step_by(self.filters);
            *bias = planes.map(|plane| plane.iter().sum::<f32>()).sum();
        });
    }
}
