//! `dW = Σ dY Xᵀ` where channels come last: for every value of the window, what lies under it is a run of channels at
//! each place of the map, and its products with the gradients of the place are added up.
//!
//! Places are taken some rows of the maps at a time, in their order, and every thread adds up sums of its own: their
//! bits do not depend on who does it.

use std::ops::Range;

use rayon::prelude::*;

use super::super::Sizes;
use super::outer::{BLOCK, Outer, Run, each_block};
use super::tile::PANEL;
use crate::compute::Buffers;
use crate::operation::{pieces, vectorized};

/// Pieces of work aimed at.
pub(super) const UNITS: usize = 16;

impl Sizes {
    /// Fills the gradient of the weights.
    pub(super) fn fill_weight_gradient_last(
        &self,
        buffers: &Buffers,
        images: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        let samples = images.len() / self.image_elements();
        if self.sees_its_own() {
            return self.fill_gradient_of_own(images, map_gradient, gradient);
        }
        if self.suits_patches() {
            return self.fill_gradient_by_patches(buffers, images, map_gradient, gradient);
        }
        let framed;
        let images = match self.is_narrow() {
            true => {
                framed = self.framed(buffers, images, samples);
                &framed
            }
            false => images,
        };
        self.fill_gradient_by_rows(buffers, images, map_gradient, gradient);
    }

    pub(super) fn fill_gradient_by_rows(
        &self,
        buffers: &Buffers,
        images: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        /// Places whose gradients and values stay in a core's cache.
        const PLACES: usize = 512;
        let (taps, width) = (self.taps(), self.map[1]);
        let run = self.window() / taps;
        let panels: Vec<(usize, usize)> = self.panels().collect();
        let size = panels.len() * taps * run * PANEL;
        let units = panels.len() * taps * run.div_ceil(BLOCK);
        // Where sums are few, several pieces of the batch are added up side by side.
        let strands = UNITS.div_ceil(units);
        let rows = map_gradient.len() / (width * self.filters);
        let rows_at_once = PLACES.div_ceil(width).min(rows.div_ceil(strands));
        let room = rows_at_once * width * PANEL;
        let mut packed = buffers.take(strands * panels.len() * room);
        let mut sums = buffers.take(strands * size);
        sums.fill(0.0);
        for first in (0..rows).step_by(strands * rows_at_once) {
            let own = |strand: usize| {
                let from = rows.min(first + strand * rows_at_once);
                from..rows.min(from + rows_at_once)
            };
            packed
                .par_chunks_exact_mut(room)
                .enumerate()
                .for_each(|(index, packed)| {
                    let (strand, panel) = (index / panels.len(), index % panels.len());
                    let rows = own(strand);
                    let maps = &map_gradient[rows.start * width * self.filters..];
                    let places = maps.chunks_exact(self.filters).take(rows.len() * width);
                    vectorized(
                        #[inline(always)]
                        || pack(places, panels[panel], packed),
                    );
                });
            let runs: Vec<Vec<Run>> = (0..strands)
                .flat_map(|strand| (0..taps).map(move |tap| (strand, tap)))
                .map(|(strand, tap)| self.runs_under(tap, own(strand), room))
                .collect();
            let gradients = &packed[..];
            // Panels of one group see the same values.
            sums.par_chunks_exact_mut(panels.len() / self.groups * run * PANEL)
                .enumerate()
                .for_each(|(index, sums)| {
                    let (under, group) = (index / self.groups, index % self.groups);
                    let first = group * (panels.len() / self.groups);
                    each_block(sums, run * PANEL, |[panel, at], sums| {
                        let panel_of_all = under / taps * panels.len() + first + panel;
                        Outer {
                            runs: &runs[under],
                            values: &images[group * self.group_channels() + at..],
                            step: self.stride[1] * self.channels,
                            gradients: &gradients[panel_of_all * room..],
                            filters: self.group_filters() - panel * PANEL,
                            sums,
                        }
                        .run();
                    });
                });
        }
        let across = self.kernel_elements() / taps;
        gradient
            .par_chunks_exact_mut(self.window())
            .enumerate()
            .for_each(|(filter, gradient)| {
                let panel = panels.partition_point(|&(first, _)| first <= filter) - 1;
                let at = panel * run * PANEL + filter - panels[panel].0;
                gradient.fill(0.0);
                for (index, sums) in sums.chunks_exact(panels.len() * run * PANEL).enumerate() {
                    let tap = index % taps;
                    let own = sums[at..].iter().step_by(PANEL).take(run);
                    for (value, sum) in own.enumerate() {
                        let (across_at, channel) = match across {
                            1 => (0, value),
                            _ => (value / self.channels, value % self.channels),
                        };
                        gradient[channel * taps * across + tap * across + across_at] += sum;
                    }
                }
            });
    }

    /// Where the values under one tap of the window meet the gradients of these rows of the maps, counted over all
    /// images; those of the next panel are so far `apart`.
    fn runs_under(&self, tap: usize, rows: Range<usize>, apart: usize) -> Vec<Run> {
        let (narrow, width) = (self.is_narrow(), self.map[1]);
        let [height, image_width] = match narrow {
            true => self.frame(),
            false => self.image,
        };
        let [y, x] = match narrow {
            true => [tap, 0],
            false => [tap / self.kernel[1], tap % self.kernel[1]],
        };
        let [above, left] = match narrow {
            true => [0, 0],
            false => self.padding,
        };
        // The first row or column under the tap that is within the image, and those behind the last one.
        let valid = |offset: usize, padding: usize, stride: usize, size: usize, count: usize| {
            let first = padding.saturating_sub(offset).div_ceil(stride);
            let end = (size + padding).saturating_sub(offset).div_ceil(stride);
            first.min(count)..end.min(count)
        };
        let [down, right] = [y * self.dilation[0], x * self.dilation[1]];
        let own = valid(down, above, self.stride[0], height, self.map[0]);
        let columns = valid(right, left, self.stride[1], image_width, width);
        if columns.is_empty() {
            return Vec::new();
        }
        let mut runs: Vec<Run> = Vec::with_capacity(rows.len());
        for (index, row) in rows.enumerate() {
            let (image, row) = (row / self.map[0], row % self.map[0]);
            if !own.contains(&row) {
                continue;
            }
            let top = image * height + row * self.stride[0] + down - above;
            let at = top * image_width + columns.start * self.stride[1] + right - left;
            let run = Run {
                values: at * self.channels,
                gradients: (index * width + columns.start) * PANEL,
                apart,
                places: columns.len(),
            };
            // Where a row follows on the last one, both are one run.
            match runs.last_mut() {
                Some(last)
                    if last.gradients + last.places * PANEL == run.gradients
                        && last.values + last.places * self.stride[1] * self.channels
                            == run.values =>
                {
                    last.places += run.places;
                }
                _ => runs.push(run),
            }
        }
        runs
    }

    /// `db = Σ dY`, piece after piece of the batch.
    pub(super) fn fill_bias_gradient_last(
        &self,
        map_gradient: &[f32],
        samples: usize,
        bias: &mut [f32],
    ) {
        let sums: Vec<Vec<f64>> = pieces(map_gradient, samples)
            .into_par_iter()
            .map(|maps| {
                let mut sums = vec![0.0; self.filters];
                let mut few = vec![0.0; self.filters];
                for places in maps.chunks(256 * self.filters) {
                    vectorized(
                        #[inline(always)]
                        || {
                            few.fill(0.0);
                            for place in places.chunks_exact(self.filters) {
                                for (sum, dy) in few.iter_mut().zip(place) {
                                    *sum += dy;
                                }
                            }
                            for (sum, few) in sums.iter_mut().zip(&few) {
                                *sum += f64::from(*few);
                            }
                        },
                    );
                }
                sums
            })
            .collect();
        for (filter, bias) in bias.iter_mut().enumerate() {
            *bias = sums.iter().map(|sums| sums[filter]).sum::<f64>() as f32;
        }
    }
}

/// Copies the gradients of the filters of a panel, place after place, with zeros where there are too few.
#[inline(always)]
fn pack<'a>(
    places: impl Iterator<Item = &'a [f32]>,
    (filter, count): (usize, usize),
    packed: &mut [f32],
) {
    let packed = packed.as_chunks_mut::<PANEL>().0;
    for (packed, place) in packed.iter_mut().zip(places) {
        match place[filter..].first_chunk::<PANEL>() {
            Some(values) if count == PANEL => *packed = *values,
            _ => {
                *packed = [0.0; PANEL];
                packed[..count].copy_from_slice(&place[filter..filter + count]);
            }
        }
    }
}
