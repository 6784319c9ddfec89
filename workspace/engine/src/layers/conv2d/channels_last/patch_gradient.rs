//! `dW` of windows of 3×3 that move by one over many channels, by the algorithm of `patches`, turned round:
//! with `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A`, it is `dg = Gᵀ [Σ (A dY Aᵀ) ⊙ (Bᵀ d B)] G`, the sum over all patches.
//!
//! Patches are taken some at a time, in their order; the sums of every position are added up by one thread.

use std::array::from_fn;
use std::ops::Range;

use rayon::prelude::*;

use super::super::Sizes;
use super::outer::{Outer, Run, each_block};
use super::patches::{LANES, POSITIONS, minus, plus, transform_images};
use super::tile::PANEL;
use crate::compute::Buffers;
use crate::operation::vectorized;

impl Sizes {
    /// Fills the gradient of the weights.
    pub(super) fn fill_gradient_by_patches(
        &self,
        buffers: &Buffers,
        images: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        /// Patches whose transforms are made by one thread.
        const FEW: usize = 32;
        /// Patches that are added up at a time, at least, and their transformed values, about.
        const MANY: usize = 512;
        const VALUES: usize = 1 << 20;
        let (channels, panels) = (self.channels, self.filters.div_ceil(PANEL));
        let [rows, columns] = self.patches();
        let samples = images.len() / self.image_elements();
        let rows_per_unit = FEW.div_ceil(columns).min(rows);
        let units: Vec<[Range<usize>; 2]> = (0..samples)
            .flat_map(|image| {
                let units = (0..rows).step_by(rows_per_unit);
                units.map(move |row| [image..image + 1, row..rows.min(row + rows_per_unit)])
            })
            .collect();
        let room = rows_per_unit * columns;
        let at_once = (VALUES / (POSITIONS * channels)).max(MANY).div_ceil(room);
        let at_once = at_once.min(units.len());
        let zeros = vec![0.0; channels];
        let mut values = buffers.take(at_once * POSITIONS * room * channels);
        let mut gradients = buffers.take(at_once * POSITIONS * room * panels * PANEL);
        let mut sums = buffers.take(POSITIONS * panels * channels * PANEL);
        sums.fill(0.0);
        for units in units.chunks(at_once) {
            let patches = |unit: &[Range<usize>; 2]| unit[1].len() * columns;
            values
                .par_chunks_exact_mut(POSITIONS * room * channels)
                .zip(gradients.par_chunks_exact_mut(POSITIONS * room * panels * PANEL))
                .zip(units)
                .for_each(|((values, gradients), unit)| {
                    let count = patches(unit);
                    let [own, rows] = unit;
                    vectorized(
                        #[inline(always)]
                        || {
                            let values = &mut values[..POSITIONS * count * channels];
                            transform_images(self, images, &zeros, [own, rows], values);
                            let map = &map_gradient[own.start * self.map_elements()..];
                            let map = &map[..self.map_elements()];
                            self.transform_gradients(map, rows, count, gradients);
                        },
                    );
                });
            let (values, gradients) = (&values[..], &gradients[..]);
            sums.par_chunks_exact_mut(panels * channels * PANEL)
                .enumerate()
                .for_each(|(position, sums)| {
                    each_block(sums, channels * PANEL, |[panel, at], sums| {
                        let runs = units.iter().enumerate().map(|(unit, own)| {
                            let count = patches(own);
                            let unit = unit * POSITIONS * room;
                            Run {
                                values: unit * channels + position * count * channels,
                                gradients: (unit * panels + (position * panels + panel) * count)
                                    * PANEL,
                                apart: count * PANEL,
                                places: count,
                            }
                        });
                        Outer {
                            runs: &runs.collect::<Vec<Run>>(),
                            values: &values[at..],
                            step: channels,
                            gradients,
                            filters: self.filters - panel * PANEL,
                            sums,
                        }
                        .run();
                    });
                });
        }
        gradient
            .par_chunks_exact_mut(self.window())
            .enumerate()
            .for_each(|(filter, gradient)| {
                let (panel, at) = (filter / PANEL, filter % PANEL);
                for (channel, gradient) in gradient.as_chunks_mut::<9>().0.iter_mut().enumerate() {
                    let m: [f32; POSITIONS] = from_fn(|position| {
                        let row = (position * panels + panel) * channels + channel;
                        sums[row * PANEL + at]
                    });
                    let tall: [[f32; 3]; 4] =
                        from_fn(|column| gather([0, 1, 2, 3].map(|row| m[4 * row + column])));
                    for row in 0..3 {
                        let values = gather([0, 1, 2, 3].map(|column| tall[column][row]));
                        gradient[3 * row..][..3].copy_from_slice(&values);
                    }
                }
            });
    }

    /// `A dY Aᵀ` of the patches of some rows of one map: position after position, panel after panel of filters, patch
    /// after patch.
    #[inline(always)]
    fn transform_gradients(
        &self,
        map: &[f32],
        rows: &Range<usize>,
        count: usize,
        transformed: &mut [f32],
    ) {
        let (filters, panels) = (self.filters, self.filters.div_ceil(PANEL));
        let mut patch = 0;
        for top in rows.clone() {
            for left in 0..self.patches()[1] {
                for filter in (0..filters).step_by(LANES) {
                    let mut y = [[0.0; LANES]; 4];
                    for (index, y) in y.iter_mut().enumerate() {
                        let [row, column] = [2 * top + index / 2, 2 * left + index % 2];
                        if row < self.map[0] && column < self.map[1] {
                            let values = &map[(row * self.map[1] + column) * filters + filter..];
                            if let Some(values) = values.first_chunk() {
                                *y = *values;
                            }
                        }
                    }
                    // Loops over fixed bounds, without closures: only then do all values stay in registers.
                    let zero = [0.0; LANES];
                    let mut tall = [[zero; 2]; 4];
                    for column in 0..2 {
                        let (a, b) = (y[column], y[2 + column]);
                        tall[0][column] = a;
                        tall[1][column] = plus(a, b);
                        tall[2][column] = minus(a, b);
                        tall[3][column] = minus(zero, b);
                    }
                    for (row, &[a, b]) in tall.iter().enumerate() {
                        let wide = [a, plus(a, b), minus(a, b), minus(zero, b)];
                        for (column, values) in wide.iter().enumerate() {
                            let panel = (4 * row + column) * panels + filter / PANEL;
                            let to = (panel * count + patch) * PANEL + filter % PANEL;
                            if let Some(to) = transformed[to..].first_chunk_mut() {
                                *to = *values;
                            }
                        }
                    }
                }
                patch += 1;
            }
        }
    }
}

/// `Gᵀ m`: the transpose of what spreads three weights over four positions.
#[inline(always)]
fn gather([a, b, c, d]: [f32; 4]) -> [f32; 3] {
    [a + 0.5 * (b + c), 0.5 * (b - c), 0.5 * (b + c) + d]
}
