//! Convolution where every filter sees a single channel: there is nothing to multiply matrices for.
//!
//! A plane is laid out with its padding in a grid, once for every remainder of row and column by the
//! stride, all of one pitch. Then the value that a weight is multiplied by lies a fixed distance from the
//! place it is added to, and whole maps are added up in long runs. Behind the last place of a row stand
//! a few that belong to no map; they are computed and left out.

use rayon::prelude::*;

use super::Sizes;
use super::correlate::Finish;
use crate::compute::Buffers;
use crate::operation::vectorized;

/// Places added up at a time, in registers.
const LANES: usize = 32;

/// How the plane of a channel is laid out.
struct Grid {
    /// Values from row to row.
    pitch: usize,
    /// Rows of one remainder.
    rows: usize,
    /// For each weight of the window, the distance of what it is multiplied by from the place.
    offsets: Vec<usize>,
    /// Places with those that belong to no map, a multiple of [`LANES`].
    places: usize,
}

impl Grid {
    /// Values in a plane laid out.
    fn elements(&self) -> usize {
        self.places + self.offsets.iter().max().unwrap_or(&0)
    }
}

impl Sizes {
    /// Whether filters see one channel each, and too few share one to fill the rows of a matrix.
    pub(super) fn is_depthwise(&self) -> bool {
        self.groups > 1 && self.group_channels() == 1 && self.group_filters() <= 4
    }

    fn grid(&self) -> Grid {
        let reach = |axis: usize| {
            let last = (self.map[axis] - 1) * self.stride[axis];
            (last + (self.kernel[axis] - 1) * self.dilation[axis] + 1).div_ceil(self.stride[axis])
        };
        let (rows, pitch) = (reach(0), reach(1));
        let offsets = (0..self.kernel_elements()).map(|weight| {
            let [y, x] = [
                weight / self.kernel[1] * self.dilation[0],
                weight % self.kernel[1] * self.dilation[1],
            ];
            let remainder = y % self.stride[0] * self.stride[1] + x % self.stride[1];
            (remainder * rows + y / self.stride[0]) * pitch + x / self.stride[1]
        });
        Grid {
            pitch,
            rows,
            offsets: offsets.collect(),
            places: (self.map[0] * pitch).next_multiple_of(LANES),
        }
    }

    /// Calls `each` for the runs that a plane and its grid share: where one starts in the grid and in the
    /// plane, where it takes every `stride`th value, and its length.
    #[inline(always)]
    fn shared_runs(&self, grid: &Grid, mut each: impl FnMut(usize, usize, usize)) {
        let [rows, columns] = self.stride;
        for (y, x) in (0..rows).flat_map(|y| (0..columns).map(move |x| (y, x))) {
            let first = self.padding[1].saturating_sub(x).div_ceil(columns);
            let left = first * columns + x - self.padding[1];
            if left >= self.image[1] || first >= grid.pitch {
                continue;
            }
            let count = (self.image[1] - left)
                .div_ceil(columns)
                .min(grid.pitch - first);
            for row in 0..grid.rows {
                let Some(from) = (row * rows + y).checked_sub(self.padding[0]) else {
                    continue;
                };
                if from < self.image[0] {
                    let start = ((y * columns + x) * grid.rows + row) * grid.pitch + first;
                    each(start, from * self.image[1] + left, count);
                }
            }
        }
    }

    #[inline(always)]
    fn lay_out(&self, plane: &[f32], grid: &Grid, target: &mut [f32]) {
        target.fill(0.0);
        self.shared_runs(grid, |to, from, count| {
            // Remainders that no weight asks for lie behind the end.
            let Some(target) = target.get_mut(to..to + count) else {
                return;
            };
            match self.stride[1] {
                1 => target.copy_from_slice(&plane[from..from + count]),
                step => {
                    for (target, value) in target.iter_mut().zip(plane[from..].iter().step_by(step))
                    {
                        *target = *value;
                    }
                }
            }
        });
    }

    /// As [`Sizes::correlate`].
    pub(super) fn correlate_depthwise(
        &self,
        buffers: &Buffers,
        weight: &[f32],
        images: &[f32],
        finish: &Finish<'_>,
        output: &mut [f32],
        notes: &mut [u32],
    ) {
        let grid = self.grid();
        let (filters, kernel) = (self.group_filters(), self.kernel_elements());
        let plane = match &finish.pool {
            Some(windows) => windows.count_elements(),
            None => self.places(),
        };
        let planes = output.len() / (filters * plane);
        let mut noted: Vec<&mut [u32]> = match notes.is_empty() {
            true => (0..planes).map(|_| Default::default()).collect(),
            false => notes.chunks_exact_mut(filters * plane).collect(),
        };
        let scratch = || {
            let sums = buffers.take(grid.places + self.places());
            (buffers.take(grid.elements()), sums)
        };
        output
            .par_chunks_exact_mut(filters * plane)
            .zip(images.par_chunks_exact(self.plane()))
            .zip(&mut noted)
            .enumerate()
            .for_each_init(
                scratch,
                |(laid_out, sums), (index, ((output, image), notes))| {
                    let group = index % self.groups;
                    let (sums, map) = sums.split_at_mut(grid.places);
                    vectorized(
                        #[inline(always)]
                        || {
                            self.lay_out(image, &grid, laid_out);
                            let mut notes = notes.chunks_exact_mut(plane);
                            for (number, output) in output.chunks_exact_mut(plane).enumerate() {
                                let filter = group * filters + number;
                                let weight = &weight[filter * kernel..(filter + 1) * kernel];
                                add_up(laid_out, &grid.offsets, weight, sums);
                                let pooled = finish.pool.as_ref().zip(notes.next());
                                let target = match pooled {
                                    Some(_) => &mut *map,
                                    None => &mut *output,
                                };
                                let rows = sums.chunks_exact(grid.pitch);
                                for (row, sums) in target.chunks_exact_mut(self.map[1]).zip(rows) {
                                    row.copy_from_slice(&sums[..self.map[1]]);
                                }
                                finish.apply(target, filter);
                                if let Some((windows, notes)) = pooled {
                                    windows.pool(map, output, notes);
                                }
                            }
                        },
                    );
                },
            );
    }

    /// The gradient of a map in the pitch of the grid, zero in between.
    #[inline(always)]
    fn spread(&self, map: &[f32], grid: &Grid, target: &mut [f32]) {
        target.fill(0.0);
        for (target, row) in target
            .chunks_mut(grid.pitch)
            .zip(map.chunks_exact(self.map[1]))
        {
            target[..self.map[1]].copy_from_slice(row);
        }
    }

    /// `dW`: each channel by itself over the whole batch, so that sums are added up in the same order by
    /// any number of threads.
    pub(super) fn fill_depthwise_weight_gradient(
        &self,
        buffers: &Buffers,
        images: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        let grid = self.grid();
        let (filters, kernel) = (self.group_filters(), self.kernel_elements());
        let scratch = || (buffers.take(grid.elements()), buffers.take(grid.places));
        gradient
            .par_chunks_exact_mut(filters * kernel)
            .enumerate()
            .for_each_init(scratch, |(laid_out, spread), (group, gradient)| {
                gradient.fill(0.0);
                let planes = images.chunks_exact(self.plane());
                let maps = map_gradient.chunks_exact(filters * self.places());
                let own = planes.zip(maps).skip(group).step_by(self.groups);
                vectorized(
                    #[inline(always)]
                    || {
                        for (plane, maps) in own {
                            self.lay_out(plane, &grid, laid_out);
                            let maps = maps.chunks_exact(self.places());
                            for (map, gradient) in maps.zip(gradient.chunks_exact_mut(kernel)) {
                                self.spread(map, &grid, spread);
                                for (gradient, &offset) in gradient.iter_mut().zip(&grid.offsets) {
                                    *gradient += product(&laid_out[offset..], spread);
                                }
                            }
                        }
                    },
                );
            });
    }

    /// `dx`, plane by plane.
    pub(super) fn fill_depthwise_input_gradient(
        &self,
        buffers: &Buffers,
        weight: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        let grid = self.grid();
        let (filters, kernel) = (self.group_filters(), self.kernel_elements());
        let scratch = || (buffers.take(grid.elements()), buffers.take(grid.places));
        gradient
            .par_chunks_exact_mut(self.plane())
            .zip(map_gradient.par_chunks_exact(filters * self.places()))
            .enumerate()
            .for_each_init(scratch, |(laid_out, spread), (index, (gradient, maps))| {
                let group = index % self.groups;
                let weights = &weight[group * filters * kernel..(group + 1) * filters * kernel];
                vectorized(
                    #[inline(always)]
                    || {
                        laid_out.fill(0.0);
                        let maps = maps.chunks_exact(self.places());
                        for (map, weights) in maps.zip(weights.chunks_exact(kernel)) {
                            self.spread(map, &grid, spread);
                            for (&weight, &offset) in weights.iter().zip(&grid.offsets) {
                                let targets = laid_out[offset..].iter_mut();
                                for (target, &value) in targets.zip(spread.iter()) {
                                    *target += weight * value;
                                }
                            }
                        }
                        gradient.fill(0.0);
                        self.shared_runs(&grid, |from, to, count| {
                            // Remainders that no weight asks for lie behind the end.
                            let source = laid_out.get(from..from + count).unwrap_or_default();
                            let targets = gradient[to..].iter_mut().step_by(self.stride[1]);
                            for (target, value) in targets.zip(source) {
                                *target = *value;
                            }
                        });
                    },
                );
            });
    }
}

/// Each place's products with all weights, added up in registers.
#[inline(always)]
fn add_up(laid_out: &[f32], offsets: &[usize], weights: &[f32], sums: &mut [f32]) {
    for (index, sums) in sums.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
        let mut totals = [0.0; LANES];
        for (&offset, &weight) in offsets.iter().zip(weights) {
            if let Some(values) = laid_out[index * LANES + offset..].first_chunk::<LANES>() {
                for (total, value) in totals.iter_mut().zip(values) {
                    *total += weight * value;
                }
            }
        }
        *sums = totals;
    }
}

/// The inner product of two runs, as long as `right`.
#[inline(always)]
fn product(left: &[f32], right: &[f32]) -> f32 {
    let mut totals = [0.0; LANES];
    let left = left.as_chunks::<LANES>().0.iter();
    for (left, right) in left.zip(right.as_chunks::<LANES>().0) {
        for ((total, &left), &right) in totals.iter_mut().zip(left).zip(right) {
            *total += left * right;
        }
    }
    totals.iter().sum()
}
