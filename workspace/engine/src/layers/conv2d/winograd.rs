//! The forward pass of a convolution with windows of 3×3 that move by one, by Winograd's algorithm
//! F(2×2, 3×3): `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` gives 2×2 values `Y` of the map from a patch `d` of 4×4
//! values of the image and the weights `g` with 16 multiplications instead of 36 (Lavin and Gray, "Fast
//! algorithms for convolutional neural networks", 2016).
//!
//! With many channels and filters, the products at each of the 16 positions of a patch are a product of
//! matrices: filters × channels times channels × patches. The matrices `A` and `B` hold nothing but 0 and
//! ±1, `G` nothing but 0, ±½ and 1, so little is lost by rounding; larger patches would save more and lose
//! more.
//!
//! Whether a convolution is done this way depends on its sizes alone, never on the batch, and no patch
//! depends on what stands beside it: training, evaluation and any batch give the same bits.

use std::array::from_fn;
use std::ops::Range;

use rayon::prelude::*;

use super::Sizes;
use super::correlate::{Finish, Weight};
use crate::compute::Buffers;
use crate::kernel::{Product, ROWS, WIDTH, stride_of};
use crate::operation::vectorized;

/// Positions in a patch.
const POSITIONS: usize = 16;
/// Channels whose patches are transformed at a time.
const CHANNELS: usize = 16;
/// Channels multiplied at a time: with the width of a kernel's registers, they fit the first-level cache.
const DEPTH: usize = 128;
/// Values in a line of the cache.
const LINE: usize = 16;

/// Some rows of patches of one image.
struct Part {
    image: usize,
    rows: Range<usize>,
    /// Patches that stand before them in the unit.
    at: usize,
}

/// The patches of one piece of work, and the runs of the output that they fill: those of the first filter,
/// part after part, then those of the next.
#[derive(Default)]
struct Unit<'a> {
    parts: Vec<Part>,
    outputs: Vec<&'a mut [f32]>,
    notes: Vec<&'a mut [u32]>,
}

impl Sizes {
    /// Whether Winograd's algorithm applies and pays: there must be enough channels and filters to outweigh
    /// the transforms, and most of what the patches cover must lie within the map.
    pub(super) fn suits_winograd(&self) -> bool {
        let [rows, columns] = self.patches();
        self.kernel == [3, 3]
            && self.stride == [1, 1]
            && self.dilation == [1, 1]
            && self.groups == 1
            && self.channels.min(self.filters) >= 32
            && 2 * (4 * rows * columns) <= 3 * self.places()
    }

    /// Rows and columns of patches of one image.
    pub(super) fn patches(&self) -> [usize; 2] {
        self.map.map(|size| size.div_ceil(2))
    }

    /// As [`Sizes::correlate`].
    pub(super) fn correlate_by_winograd(
        &self,
        buffers: &Buffers,
        weight: Weight<'_>,
        images: &[f32],
        finish: &Finish<'_>,
        output: &mut [f32],
        notes: &mut [u32],
    ) {
        let mut transformed;
        let weights: &[f32] = match weight {
            Weight::Prepared(weights) => weights,
            Weight::Plain(weight) => {
                transformed = buffers.take(self.transformed_len());
                self.transform_weights(weight, &mut transformed);
                &transformed
            }
        };
        let units = self.units(images.len() / self.image_elements(), finish, output, notes);
        // The work within a unit is split as well, for the times when there are fewer units than threads.
        units.into_par_iter().with_max_len(1).for_each(|unit| {
            let patches: usize = unit.parts.iter().map(|part| self.patches_of(part)).sum();
            let width = patches.next_multiple_of(WIDTH);
            let stride = stride_of(width);
            let mut inputs = buffers.take(POSITIONS * self.channels * stride + LINE);
            // A register's width that lies across two lines of the cache takes twice as long to read.
            let start = inputs.as_ptr().align_offset(LINE * size_of::<f32>());
            let inputs = &mut inputs[start.min(LINE)..][..POSITIONS * self.channels * stride];
            self.transform_images(buffers, images, &unit.parts, inputs, stride);
            let filters = self.filters.next_multiple_of(ROWS);
            let mut products = buffers.take(POSITIONS * filters * stride);
            products
                .par_chunks_exact_mut(filters * stride)
                .zip(inputs.par_chunks_exact(self.channels * stride))
                .enumerate()
                .for_each(|(position, (sums, inputs))| {
                    for first in (0..self.channels).step_by(DEPTH) {
                        Product {
                            left: weights,
                            depth_of_panel: POSITIONS * self.channels,
                            from: position * self.channels + first,
                            depth: DEPTH.min(self.channels - first),
                            right: &inputs[first * stride..],
                            sums,
                            add: first > 0,
                            stride,
                            width,
                        }
                        .run();
                    }
                });
            self.transform_back(buffers, &products, stride, finish, unit);
        });
    }

    fn patches_of(&self, part: &Part) -> usize {
        part.rows.len() * self.patches()[1]
    }

    /// Cuts the batch into pieces of work.
    fn units<'a>(
        &self,
        samples: usize,
        finish: &Finish<'_>,
        output: &'a mut [f32],
        notes: &'a mut [u32],
    ) -> Vec<Unit<'a>> {
        let [rows, columns] = self.patches();
        let rows_per_unit = self.rows_per_unit(samples, finish.pool.is_some());
        let mut units: Vec<Unit> = Vec::new();
        units.resize_with((samples * rows).div_ceil(rows_per_unit), Unit::default);
        // Every image's rows, cut where a unit ends.
        let parts = |image: usize| {
            let mut next = 0;
            std::iter::from_fn(move || {
                let own =
                    next..rows.min(next + rows_per_unit - (image * rows + next) % rows_per_unit);
                next = own.end;
                (!own.is_empty()).then(|| ((image * rows + own.start) / rows_per_unit, own))
            })
        };
        for image in 0..samples {
            for (unit, own) in parts(image) {
                let at = (image * rows + own.start) % rows_per_unit * columns;
                units[unit].parts.push(Part {
                    image,
                    rows: own,
                    at,
                });
            }
        }
        let plane = match &finish.pool {
            Some(windows) => windows.count_elements(),
            None => self.places(),
        };
        let mut planes: Vec<&mut [f32]> = output.chunks_exact_mut(plane).collect();
        let mut noted: Vec<&mut [u32]> = notes.chunks_exact_mut(plane).collect();
        for filter in 0..self.filters {
            for image in 0..samples {
                let mut rest = std::mem::take(&mut planes[image * self.filters + filter]);
                for (unit, own) in parts(image) {
                    let length = match &finish.pool {
                        Some(_) => plane,
                        None => self.map_rows(&own).len() * self.map[1],
                    };
                    let run = rest.split_off_mut(..length).unwrap_or_default();
                    units[unit].outputs.push(run);
                    if let Some(noted) = noted.get_mut(image * self.filters + filter) {
                        units[unit].notes.push(std::mem::take(noted));
                    }
                }
            }
        }
        units
    }

    /// Rows of the map that rows of patches make.
    pub(super) fn map_rows(&self, rows: &Range<usize>) -> Range<usize> {
        2 * rows.start..self.map[0].min(2 * rows.end)
    }

    /// Rows of patches in a unit: as little as possible of what the kernel computes lies beyond them.
    fn rows_per_unit(&self, samples: usize, whole_images: bool) -> usize {
        /// Values of one position of the patches up to which they stay in a core's cache.
        const VALUES: usize = 1 << 16;
        let [rows, columns] = self.patches();
        let step = if whole_images { rows } else { 1 };
        let patches = (VALUES / self.channels).clamp(2 * WIDTH, 4 * WIDTH);
        let most = (patches / (columns * step)).clamp(1, samples.max(1) * rows / step);
        let wasted = |count: usize| {
            let patches = count * step * columns;
            patches.next_multiple_of(WIDTH) * 1000 / patches
        };
        (1..=most)
            .rev()
            .min_by_key(|&count| wasted(count))
            .unwrap_or(1)
            * step
    }

    pub(super) fn transformed_len(&self) -> usize {
        self.filters.div_ceil(ROWS) * POSITIONS * self.channels * ROWS
    }

    /// `G g Gᵀ` in panels of [`ROWS`] filters, position after position, channel after channel; filters
    /// that fill up the last panel are zero.
    pub(super) fn transform_weights(&self, weight: &[f32], transformed: &mut [f32]) {
        let window = self.window();
        let size = POSITIONS * self.channels * ROWS;
        transformed
            .par_chunks_exact_mut(size)
            .zip(weight.par_chunks(ROWS * window))
            .for_each(|(panel, weight)| {
                vectorized(
                    #[inline(always)]
                    || self.transform_panel(panel, weight),
                )
            });
    }

    #[inline(always)]
    fn transform_panel(&self, panel: &mut [f32], weight: &[f32]) {
        let panel = panel.as_chunks_mut::<ROWS>().0;
        for channel in 0..self.channels {
            let mut g = [[0.0; ROWS]; 9];
            for (row, weight) in weight.chunks_exact(self.window()).enumerate() {
                for (g, weight) in g.iter_mut().zip(&weight[channel * 9..][..9]) {
                    g[row] = *weight;
                }
            }
            // The three rows of `g` become four, then its three columns.
            let mut tall = [[[0.0; ROWS]; 3]; 4];
            for column in 0..3 {
                for row in 0..ROWS {
                    let values = spread([0, 3, 6].map(|first| g[first + column][row]));
                    for (tall, value) in tall.iter_mut().zip(values) {
                        tall[column][row] = value;
                    }
                }
            }
            for (index, tall) in tall.iter().enumerate() {
                let mut wide = [[0.0; ROWS]; 4];
                for row in 0..ROWS {
                    let values = spread([0, 1, 2].map(|column| tall[column][row]));
                    for (wide, value) in wide.iter_mut().zip(values) {
                        wide[row] = value;
                    }
                }
                for (column, values) in wide.into_iter().enumerate() {
                    panel[(4 * index + column) * self.channels + channel] = values;
                }
            }
        }
    }

    /// `Bᵀ d B` of all patches of a unit: position after position, channels × patches.
    fn transform_images(
        &self,
        buffers: &Buffers,
        images: &[f32],
        parts: &[Part],
        transformed: &mut [f32],
        stride: usize,
    ) {
        let columns = self.patches()[1];
        let mut blocks: Vec<Vec<&mut [f32]>> = Vec::new();
        blocks.resize_with(self.channels.div_ceil(CHANNELS), Vec::new);
        for position in transformed.chunks_exact_mut(self.channels * stride) {
            for (block, own) in blocks
                .iter_mut()
                .zip(position.chunks_mut(CHANNELS * stride))
            {
                block.push(own);
            }
        }
        let most = parts.iter().map(|part| part.rows.len()).max().unwrap_or(0);
        let width = 2 * (columns + 1);
        blocks
            .into_par_iter()
            .enumerate()
            .for_each(|(block, mut targets)| {
                let mut scratch = buffers.take((2 * most + 3) * width);
                let channels = targets[0].len() / stride;
                vectorized(
                    #[inline(always)]
                    || {
                        for part in parts {
                            for index in 0..channels {
                                let plane = part.image * self.channels + block * CHANNELS + index;
                                let plane = &images[plane * self.plane()..][..self.plane()];
                                let (sums, rows) = scratch.split_at_mut(width);
                                let rows = &mut rows[..(2 * part.rows.len() + 2) * width];
                                self.fill_patch_rows(plane, 2 * part.rows.start, rows, width);
                                for row in 0..part.rows.len() {
                                    let at = index * stride + part.at + row * columns;
                                    let rows = &rows[2 * row * width..][..4 * width];
                                    transform_row(rows, sums, &mut targets, at);
                                }
                            }
                        }
                    },
                );
            });
    }

    /// Rows of one channel from `top` on, counted with padding: of each, first the values of even columns,
    /// then those of odd ones.
    #[inline(always)]
    fn fill_patch_rows(&self, plane: &[f32], top: usize, rows: &mut [f32], width: usize) {
        let [above, left] = self.padding;
        for (index, row) in rows.chunks_exact_mut(width).enumerate() {
            let source = (top + index)
                .checked_sub(above)
                .and_then(|row| plane.get(row * self.image[1]..(row + 1) * self.image[1]));
            let Some(source) = source else {
                row.fill(0.0);
                continue;
            };
            let (even, odd) = row.split_at_mut(width / 2);
            // The first value of the image stands in column `left`.
            let (first, second) = if left.is_multiple_of(2) {
                (even, odd)
            } else {
                (odd, even)
            };
            let (lead_first, lead_second) = (left / 2, left.div_ceil(2));
            deal_out(source, first, lead_first, 0);
            deal_out(source, second, lead_second, 1);
        }
    }

    /// `Aᵀ M A` of all patches of a unit, finished and brought to their place.
    fn transform_back(
        &self,
        buffers: &Buffers,
        products: &[f32],
        stride: usize,
        finish: &Finish<'_>,
        unit: Unit<'_>,
    ) {
        let Unit {
            parts,
            mut outputs,
            mut notes,
        } = unit;
        let columns = self.patches()[1];
        let filters = self.filters.next_multiple_of(ROWS);
        let mut noted: Vec<&mut [&mut [u32]]> = match notes.is_empty() {
            true => (0..self.filters).map(|_| Default::default()).collect(),
            false => notes.chunks_exact_mut(parts.len()).collect(),
        };
        outputs
            .par_chunks_exact_mut(parts.len())
            .zip(&mut noted)
            .enumerate()
            .for_each(|(filter, (outputs, notes))| {
                let mut half = buffers.take(8 * stride);
                let mut map = buffers.take(finish.pool.map_or(0, |_| self.places()));
                let products: [&[f32]; POSITIONS] = from_fn(|position| {
                    &products[(position * filters + filter) * stride..][..stride]
                });
                vectorized(
                    #[inline(always)]
                    || {
                        for column in 0..4 {
                            let m = from_fn(|row| products[4 * row + column]);
                            let (upper, lower) = half.split_at_mut(4 * stride);
                            let upper = &mut upper[column * stride..][..stride];
                            let lower = &mut lower[column * stride..][..stride];
                            add_up_columns(m, upper, lower);
                        }
                        let parts = parts.iter().zip(outputs.iter_mut()).enumerate();
                        for (index, (part, output)) in parts {
                            let sums = match &finish.pool {
                                Some(_) => &mut map[..],
                                None => &mut **output,
                            };
                            for (row, sums) in sums.chunks_exact_mut(self.map[1]).enumerate() {
                                let at = part.at + row / 2 * columns;
                                let half = &half[row % 2 * 4 * stride..][..4 * stride];
                                add_up_row(half, stride, at, sums);
                            }
                            finish.apply(sums, filter);
                            if let (Some(windows), Some(notes)) =
                                (&finish.pool, notes.get_mut(index))
                            {
                                windows.pool(&map, output, notes);
                            }
                        }
                    },
                );
            });
    }
}

/// `G` times three weights.
#[inline(always)]
pub(super) fn spread([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
}

/// Every second value of `source` from `from` on, after `lead` zeros, and zeros behind them.
#[inline(always)]
fn deal_out(source: &[f32], target: &mut [f32], lead: usize, from: usize) {
    let lead = lead.min(target.len());
    let (zeros, target) = target.split_at_mut(lead);
    zeros.fill(0.0);
    let source = &source[from.min(source.len())..];
    let count = source.len().div_ceil(2).min(target.len());
    let (target, behind) = target.split_at_mut(count);
    for (target, value) in target.iter_mut().zip(source.iter().step_by(2)) {
        *target = *value;
    }
    behind.fill(0.0);
}

/// One row of patches of one channel: `rows` are four rows of even, then odd columns; the results go to
/// place `at` of each of the 16 targets.
#[inline(always)]
fn transform_row(rows: &[f32], sums: &mut [f32], targets: &mut [&mut [f32]], at: usize) {
    let width = sums.len();
    let row = |index: usize| &rows[index * width..][..width];
    for (index, targets) in targets.chunks_exact_mut(4).enumerate() {
        match index {
            0 => combine(sums, row(0), row(2), |a, b| a - b),
            1 => combine(sums, row(1), row(2), |a, b| a + b),
            2 => combine(sums, row(2), row(1), |a, b| a - b),
            _ => combine(sums, row(1), row(3), |a, b| a - b),
        }
        // Loops whose length is known beforehand are several times as fast.
        match width / 2 - 1 {
            2 => transform_columns::<2>(sums, targets, at),
            4 => transform_columns::<4>(sums, targets, at),
            7 => transform_columns::<7>(sums, targets, at),
            8 => transform_columns::<8>(sums, targets, at),
            14 => transform_columns::<14>(sums, targets, at),
            16 => transform_columns::<16>(sums, targets, at),
            28 => transform_columns::<28>(sums, targets, at),
            columns => transform_columns_of(sums, targets, at, columns),
        }
    }
}

#[inline(always)]
fn transform_columns<const COUNT: usize>(sums: &[f32], targets: &mut [&mut [f32]], at: usize) {
    transform_columns_of(sums, targets, at, COUNT);
}

/// The columns of `Bᵀ d B` from one row of `Bᵀ d`.
#[inline(always)]
fn transform_columns_of(sums: &[f32], targets: &mut [&mut [f32]], at: usize, count: usize) {
    let (even, odd) = sums.split_at(count + 1);
    let (even, next_even) = (&even[..count], &even[1..][..count]);
    let (odd, next_odd) = (&odd[..count], &odd[1..][..count]);
    combine(&mut targets[0][at..][..count], even, next_even, |a, b| {
        a - b
    });
    combine(&mut targets[1][at..][..count], odd, next_even, |a, b| a + b);
    combine(&mut targets[2][at..][..count], next_even, odd, |a, b| a - b);
    combine(&mut targets[3][at..][..count], odd, next_odd, |a, b| a - b);
}

#[inline(always)]
fn combine(target: &mut [f32], left: &[f32], right: &[f32], with: impl Fn(f32, f32) -> f32) {
    for ((target, &left), &right) in target.iter_mut().zip(left).zip(right) {
        *target = with(left, right);
    }
}

/// The rows of `Aᵀ M`, from one column of `M`.
#[inline(always)]
fn add_up_columns(m: [&[f32]; 4], upper: &mut [f32], lower: &mut [f32]) {
    let [first, second, third, fourth] = m;
    let values = first.iter().zip(second).zip(third).zip(fourth);
    for ((upper, lower), (((a, b), c), d)) in upper.iter_mut().zip(lower).zip(values) {
        *upper = a + b + c;
        *lower = b - c - d;
    }
}

/// One row of the map from one row of `Aᵀ M`, whose columns are `stride` values apart.
#[inline(always)]
fn add_up_row(half: &[f32], stride: usize, at: usize, sums: &mut [f32]) {
    let column = |index: usize| &half[index * stride + at..][..sums.len().div_ceil(2)];
    let (first, second, third, fourth) = (column(0), column(1), column(2), column(3));
    let (pairs, last) = sums.as_chunks_mut::<2>();
    let values = first.iter().zip(second).zip(third).zip(fourth);
    for (pair, (((a, b), c), d)) in pairs.iter_mut().zip(values) {
        *pair = [a + b + c, b - c - d];
    }
    if let [last] = last {
        let at = first.len() - 1;
        *last = first[at] + second[at] + third[at];
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Compute;
    use crate::example_networks::numbers;
    use crate::layers::max_pool2d::Windows;
    use crate::rectifier::Rectifier;

    /// Few channels, so that the plain way is the one taken by default.
    fn convolution(
        channels: usize,
        filters: usize,
        map: [usize; 2],
        padding: [usize; 2],
    ) -> Option<Sizes> {
        let image = [0, 1].map(|axis| (map[axis] + 2).saturating_sub(2 * padding[axis]));
        (!image.contains(&0)).then_some(Sizes {
            channels,
            image,
            filters,
            kernel: [3, 3],
            stride: [1, 1],
            padding,
            dilation: [1, 1],
            groups: 1,
            map,
        })
    }

    proptest! {
        #[test]
        fn the_plain_way_gives_the_same_and_batch_and_threads_make_no_difference(
            channels in 1usize..40, filters in 1usize..20, samples in 1usize..9,
            map in [1usize..20, 1usize..40], padding in [0usize..4, 0usize..4],
            relu: bool, pool: bool, threads in 1usize..5, seed in 0u64..1000,
        ) {
            let Some(conv) = convolution(channels, filters, map, padding) else {
                return Ok(());
            };
            let image = conv.image_elements();
            let [images, weight, bias] = [samples * image, filters * conv.window(), filters]
                .map(|count| numbers(count, seed + count as u64));
            let pool = pool.then(|| Windows {
                image: map,
                kernel: map.map(|size| size.min(2)),
                stride: [2, 2],
                padding: [0, 0],
                dilation: [1, 1],
                count: map.map(|size| (size - size.min(2)) / 2 + 1),
            });
            let size = filters * pool.map_or(conv.places(), |windows| windows.count_elements());
            let run = |winograd: bool, threads: usize, own: Range<usize>| {
                let compute = Compute::new(threads).unwrap();
                let finish = Finish {
                    bias: &bias,
                    rectifier: relu.then_some(Rectifier::Relu),
                    pool,
                };
                let mut output = vec![f32::NAN; own.len() * size];
                let mut notes = vec![u32::MAX; pool.map_or(0, |_| output.len())];
                let images = &images[own.start * image..own.end * image];
                compute.run(|| {
                    let way = match winograd {
                        true => Sizes::correlate_by_winograd,
                        false => Sizes::correlate,
                    };
                    way(&conv, compute.buffers(), Weight::Plain(&weight), images, &finish, &mut output, &mut notes);
                });
                (output, notes)
            };
            let (output, notes) = run(true, threads, 0..samples);
            let (plain, _) = run(false, threads, 0..samples);
            for (&found, &expected) in output.iter().zip(&plain) {
                prop_assert!((found - expected).abs() <= 2e-5 * (1.0 + expected.abs()), "{found} {expected}");
            }
            let singly: Vec<_> = (0..samples).map(|sample| run(true, 1, sample..sample + 1)).collect();
            let (outputs, singly_noted): (Vec<_>, Vec<_>) = singly.into_iter().unzip();
            prop_assert_eq!(output, outputs.concat());
            prop_assert_eq!(notes, singly_noted.concat());
        }
    }
}
