//! The forward pass of a convolution, tile by tile: unfold some channels into the cache, multiply, go on
//! with the next ones, and finish the sums while they are at hand.
//!
//! No element depends on the tile it lies in, so tiles may be chosen for speed: work for every thread
//! even where the batch is a single image.

use std::ops::Range;

use rayon::prelude::*;

use super::columns::Tile;
use super::{Sizes, Windows};
use crate::compute::{Buffer, Buffers};
use crate::kernel::{Product, ROWS, WIDTH, stride_of};
use crate::operation::vectorized;
use crate::rectifier::Rectifier;

/// What is done with the sums of a convolution.
pub(super) struct Finish<'a> {
    /// One per filter, or none.
    pub(super) bias: &'a [f32],
    pub(super) rectifier: Option<Rectifier>,
    pub(super) pool: Option<Windows>,
}

impl Finish<'_> {
    /// Does all of it but the pooling to a run of sums of one filter.
    #[inline(always)]
    pub(super) fn apply(&self, sums: &mut [f32], filter: usize) {
        let bias = self.bias.get(filter).copied().unwrap_or(0.0);
        for sum in sums.iter_mut() {
            *sum += bias;
        }
        if let Some(rectifier) = self.rectifier {
            rectifier.apply(sums);
        }
    }
}

/// The weights of a convolution.
#[derive(Clone, Copy)]
pub(super) enum Weight<'a> {
    /// As the network keeps them.
    Plain(&'a [f32]),
    /// As [`Sizes::prepared`] has laid them out.
    Prepared(&'a [f32]),
}

/// Places in a tile: enough for the weights read with it to pay, few enough to stay in a core's cache.
const PLACES: usize = 4 * WIDTH;
/// Rows of columns unfolded at a time: with the width of a kernel's registers, they fit the first-level
/// cache.
const DEPTH: usize = 128;
/// Values in a line of the cache.
const LINE: usize = 16;
/// Pieces of work below which a tile's filters are split as well.
const UNITS: usize = 8;

/// The part of the output one piece of work fills: a run for each image and filter.
#[derive(Default)]
struct Unit<'a> {
    /// All filters of an image at once where the tile holds whole images.
    outputs: Vec<&'a mut [f32]>,
    notes: Vec<&'a mut [u32]>,
}

impl Sizes {
    /// Fills `output`, and `notes` where there is pooling, from a batch of `images`.
    pub(super) fn correlate(
        &self,
        buffers: &Buffers,
        weight: Weight<'_>,
        images: &[f32],
        finish: &Finish<'_>,
        output: &mut [f32],
        notes: &mut [u32],
    ) {
        let samples = images.len() / self.image_elements();
        let mut packed;
        let weights: &[f32] = match weight {
            Weight::Prepared(weights) => weights,
            Weight::Plain(weight) => {
                packed = buffers.take(self.packed_len());
                self.pack(weight, &mut packed);
                &packed
            }
        };
        let panels = self.group_filters().div_ceil(ROWS);
        let (images_per_tile, rows_per_tile) = match finish.pool {
            Some(_) => (self.tile_of_whole_images(samples), self.map[0]),
            None => self.tile(samples),
        };
        let row_tiles = self.map[0].div_ceil(rows_per_tile);
        let tiles: Vec<Tile> = (0..samples)
            .step_by(images_per_tile)
            .flat_map(|image| {
                (0..self.map[0])
                    .step_by(rows_per_tile)
                    .map(move |row| Tile {
                        images: image..samples.min(image + images_per_tile),
                        rows: row..self.map[0].min(row + rows_per_tile),
                    })
            })
            .collect();
        let blocks = UNITS.div_ceil(tiles.len() * self.groups).min(panels);
        let panels_per_block = panels.div_ceil(blocks);
        let blocks = panels.div_ceil(panels_per_block);
        // Unit after unit: by tile, then group, then block of filters.
        let mut units: Vec<Unit> = Vec::new();
        units.resize_with(tiles.len() * self.groups * blocks, Unit::default);
        let (plane, run) = match finish.pool {
            Some(windows) => (windows.count_elements(), windows.count_elements()),
            None => (self.places(), rows_per_tile * self.map[1]),
        };
        let filters_per_block = panels_per_block * ROWS;
        let of_an_image = self.groups * blocks;
        for (image, output) in output.chunks_exact_mut(self.filters * plane).enumerate() {
            let first = image / images_per_tile * row_tiles * of_an_image;
            let groups = output.chunks_exact_mut(self.group_filters() * plane);
            let own = groups.flat_map(|group| group.chunks_mut(filters_per_block * plane));
            for (block, filters) in own.enumerate() {
                if row_tiles == 1 {
                    units[first + block].outputs.push(filters);
                    continue;
                }
                for filter in filters.chunks_exact_mut(plane) {
                    for (row_tile, run) in filter.chunks_mut(run).enumerate() {
                        units[first + row_tile * of_an_image + block]
                            .outputs
                            .push(run);
                    }
                }
            }
        }
        if !notes.is_empty() {
            for (image, notes) in notes.chunks_exact_mut(self.filters * plane).enumerate() {
                let first = image / images_per_tile * of_an_image;
                let groups = notes.chunks_exact_mut(self.group_filters() * plane);
                let own = groups.flat_map(|group| group.chunks_mut(filters_per_block * plane));
                for (block, filters) in own.enumerate() {
                    units[first + block].notes.push(filters);
                }
            }
        }
        units
            .into_par_iter()
            .with_max_len(1)
            .enumerate()
            .for_each(|(index, unit)| {
                let tile = &tiles[index / (self.groups * blocks)];
                let group = index / blocks % self.groups;
                let from = index % blocks * panels_per_block;
                let own = from..panels.min(from + panels_per_block);
                let size = self.window() * ROWS;
                let weights = &weights[group * panels * size..(group + 1) * panels * size];
                let weights = &weights[own.start * size..own.end * size];
                let sums = self.sums(buffers, weights, images, tile, group);
                self.finish(sums, tile, group, own.start * ROWS, finish, unit);
            });
    }

    /// Weights laid out as [`Sizes::correlate`] reads them, to be handed over instead of them.
    pub(super) fn prepared(&self, weight: &[f32]) -> Vec<f32> {
        let mut prepared = vec![0.0; self.packed_len()];
        self.pack(weight, &mut prepared);
        prepared
    }

    fn packed_len(&self) -> usize {
        self.groups * self.group_filters().div_ceil(ROWS) * self.window() * ROWS
    }

    /// The weights in panels of [`ROWS`] filters of one group, weight after weight of the window; filters
    /// that fill up the last panel are zero.
    fn pack(&self, weight: &[f32], packed: &mut [f32]) {
        let (filters, window) = (self.group_filters(), self.window());
        let panels = filters.div_ceil(ROWS);
        packed
            .par_chunks_exact_mut(window * ROWS)
            .enumerate()
            .for_each(|(index, panel)| {
                let (group, first) = (index / panels, index % panels * ROWS);
                let count = ROWS.min(filters - first);
                let start = (group * filters + first) * window;
                let rows = &weight[start..start + count * window];
                if count < ROWS {
                    panel.fill(0.0);
                }
                for (row, weights) in rows.chunks_exact(window).enumerate() {
                    for (panel, &weight) in panel.as_chunks_mut::<ROWS>().0.iter_mut().zip(weights)
                    {
                        panel[row] = weight;
                    }
                }
            });
    }

    /// Images and rows of a tile: as little as possible of what the kernel computes lies beyond it.
    fn tile(&self, samples: usize) -> (usize, usize) {
        if self.places() <= PLACES {
            return (self.tile_of_whole_images(samples), self.map[0]);
        }
        let width = self.map[1];
        let filled = |rows: usize| (rows * width).next_multiple_of(WIDTH);
        let most = (2 * PLACES / width).clamp(1, self.map[0]);
        let cost = |rows: usize| {
            let whole = self.map[0] / rows * filled(rows);
            let rest = self.map[0] % rows;
            // A tile has its own cost as well, about that of half a register's width.
            whole + if rest > 0 { filled(rest) } else { 0 } + self.map[0].div_ceil(rows) * WIDTH / 2
        };
        (1, (1..=most).min_by_key(|&rows| cost(rows)).unwrap_or(1))
    }

    fn tile_of_whole_images(&self, samples: usize) -> usize {
        let most = (2 * PLACES / self.places()).clamp(1, samples.max(1));
        let share = |images: usize| {
            let places = images * self.places();
            (
                places.next_multiple_of(WIDTH) * 1000 / places,
                usize::MAX - images,
            )
        };
        (1..=most).min_by_key(|&images| share(images)).unwrap_or(1)
    }

    /// `W X` of one tile for these panels of weights: filters × places, with [`stride_of`] the places.
    fn sums(
        &self,
        buffers: &Buffers,
        weights: &[f32],
        images: &[f32],
        tile: &Tile,
        group: usize,
    ) -> Buffer<f32> {
        let width = tile.places(self).next_multiple_of(WIDTH);
        let stride = stride_of(width);
        let (kernel, channels) = (self.kernel_elements(), self.group_channels());
        let at_once = (DEPTH / kernel).clamp(1, channels);
        // A register's width that lies across two lines of the cache takes twice as long to read.
        let mut columns = buffers.take(at_once * kernel * stride + LINE);
        let start = columns.as_ptr().align_offset(LINE * size_of::<f32>());
        let columns = &mut columns[start.min(LINE)..];
        let mut plane = buffers.take(self.plane_scratch(&tile.rows));
        let mut sums = buffers.take(weights.len() / self.window() * stride);
        for first in (0..channels).step_by(at_once) {
            let some: Range<usize> = first..channels.min(first + at_once);
            let offset = group * channels;
            let read = offset + some.start..offset + some.end;
            vectorized(
                #[inline(always)]
                || self.unfold(images, tile, read, &mut plane, columns, stride),
            );
            Product {
                left: weights,
                depth_of_panel: self.window(),
                from: some.start * kernel,
                depth: some.len() * kernel,
                right: columns,
                sums: &mut sums,
                add: some.start > 0,
                stride,
                width,
            }
            .run();
        }
        sums
    }

    /// Brings the sums of one tile to their place, doing on the way what is to be done with them.
    fn finish(
        &self,
        mut sums: Buffer<f32>,
        tile: &Tile,
        group: usize,
        first: usize,
        finish: &Finish<'_>,
        unit: Unit<'_>,
    ) {
        let stride = stride_of(tile.places(self).next_multiple_of(WIDTH));
        let places = tile.rows.len() * self.map[1];
        let plane = finish
            .pool
            .map_or(places, |windows| windows.count_elements());
        let outputs = unit.outputs.into_iter();
        let outputs: Vec<&mut [f32]> = outputs.flat_map(|run| run.chunks_mut(plane)).collect();
        let filters = outputs.len() / tile.images.len().max(1);
        let notes = unit.notes.into_iter();
        let mut notes = notes.flat_map(|run| run.chunks_mut(plane));
        for (index, output) in outputs.into_iter().enumerate() {
            let (number, row) = (index / filters, index % filters);
            let filter = group * self.group_filters() + first + row;
            let start = row * stride + number * places;
            let sums = &mut sums[start..start + places];
            vectorized(
                #[inline(always)]
                || {
                    finish.apply(sums, filter);
                    match (&finish.pool, notes.next()) {
                        (Some(windows), Some(notes)) => windows.pool(sums, output, notes),
                        _ => output.copy_from_slice(sums),
                    }
                },
            );
        }
    }
}
