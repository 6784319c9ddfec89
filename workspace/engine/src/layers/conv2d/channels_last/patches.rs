//! Windows of 3×3 that move by one over many channels, by Winograd's algorithm F(2×2, 3×3):
//! `Y = Aᵀ [(G g Gᵀ) ⊙ (Bᵀ d B)] A` gives 2×2 values `Y` of the map from a patch `d` of 4×4 values of the image and the
//! weights `g` with 16 multiplications instead of 36 (Lavin and Gray, "Fast algorithms for convolutional neural
//! networks", 2016). The values at one of the 16 positions of all patches are the rows of a matrix, and so are their
//! products.
//!
//! The matrices `A` and `B` hold nothing but 0 and ±1, `G` nothing but 0, ±½ and 1, so little is lost by rounding;
//! larger patches would save more and lose more.

use std::array::from_fn;
use std::ops::Range;

use rayon::prelude::*;

use super::super::Sizes;
use super::tile::{PANEL, Places};
use super::{ChannelsLast, Pass};
use crate::compute::Buffers;
use crate::operation::vectorized;

/// Positions in a patch.
pub(super) const POSITIONS: usize = 16;
/// Channels and filters that are transformed at a time; their numbers are multiples of it.
pub(super) const LANES: usize = 8;

/// Some rows of patches of some images: of one image, or all of several.
pub(super) struct Unit<'a> {
    pub(super) images: Range<usize>,
    pub(super) rows: Range<usize>,
    /// The rows of the maps that they make.
    output: &'a mut [f32],
    /// Where these begin in the maps of the batch.
    at: usize,
}

impl Sizes {
    /// Whether it applies and pays: there must be enough channels and filters to outweigh the transforms, and most of
    /// what the patches cover must lie within the map. Their sizes alone decide, never the batch.
    pub(super) fn suits_patches(&self) -> bool {
        let [rows, columns] = self.patches();
        self.kernel == [3, 3]
            && self.stride == [1, 1]
            && self.dilation == [1, 1]
            && self.groups == 1
            && self.channels.min(self.filters) >= 32
            && self.channels.is_multiple_of(LANES)
            && self.filters.is_multiple_of(LANES)
            && 2 * (4 * rows * columns) <= 3 * self.places()
    }

    /// Rows and columns of patches of one image.
    pub(super) fn patches(&self) -> [usize; 2] {
        self.map.map(|size| size.div_ceil(2))
    }

    /// Rows of the map that rows of patches make.
    fn map_rows(&self, rows: &Range<usize>) -> Range<usize> {
        2 * rows.start..self.map[0].min(2 * rows.end)
    }

    /// Cuts the batch into pieces of work of some patches each: as many as make the reading of all weights pay.
    fn patch_units<'a>(&self, samples: usize, output: &'a mut [f32]) -> Vec<Unit<'a>> {
        const FEW: usize = 48;
        const MANY: usize = 96;
        /// Products of channels and filters from which weights do not stay in a core's cache. Then they are read anew for
        /// every piece, which costs more than threads gain by more pieces: positions are shared out among them, too.
        const LARGE: usize = 1 << 16;
        const UNITS: usize = 8;
        const UNITS_OF_LARGE: usize = 2;
        let [rows, columns] = self.patches();
        let (wanted, units) = match self.channels * self.filters >= LARGE {
            true => (MANY, UNITS_OF_LARGE),
            false => (FEW, UNITS),
        };
        let wanted = wanted.min((samples * rows * columns).div_ceil(units));
        let rows_per_unit = wanted.div_ceil(columns).min(rows);
        let images_per_unit = match rows_per_unit == rows {
            true => wanted.div_ceil(rows * columns),
            false => 1,
        };
        let mut units = Vec::new();
        let mut rest = output;
        let mut at = 0;
        for image in (0..samples).step_by(images_per_unit) {
            let images = image..samples.min(image + images_per_unit);
            for row in (0..rows).step_by(rows_per_unit) {
                let own = row..rows.min(row + rows_per_unit);
                let count = self.map_rows(&own).len() * images.len();
                let size = count * self.map[1] * self.filters;
                units.push(Unit {
                    images: images.clone(),
                    rows: own,
                    output: rest.split_off_mut(..size).unwrap_or_default(),
                    at,
                });
                at += size;
            }
        }
        units
    }

    /// `G g Gᵀ`, position after position, panel after panel of filters, channel after channel.
    pub(super) fn packed_patches(&self, weight: &[f32]) -> Vec<f32> {
        let panels: Vec<(usize, usize)> = self.panels().collect();
        let size = self.channels * PANEL;
        let mut packed = vec![0.0; POSITIONS * panels.len() * size];
        let mut by_panel: Vec<Vec<&mut [f32]>> = Vec::new();
        by_panel.resize_with(panels.len(), Vec::new);
        for (index, chunk) in packed.chunks_exact_mut(size).enumerate() {
            by_panel[index % panels.len()].push(chunk);
        }
        by_panel
            .into_par_iter()
            .zip(panels)
            .for_each(|(mut positions, (filter, count))| {
                for index in 0..count {
                    let weight = &weight[(filter + index) * self.window()..][..self.window()];
                    for (channel, g) in weight.as_chunks::<9>().0.iter().enumerate() {
                        let tall: [[f32; 4]; 3] =
                            from_fn(|column| spread([0, 3, 6].map(|row| g[row + column])));
                        for row in 0..4 {
                            let values = spread([0, 1, 2].map(|column| tall[column][row]));
                            for (column, value) in values.into_iter().enumerate() {
                                positions[4 * row + column][channel * PANEL + index] = value;
                            }
                        }
                    }
                }
            });
        packed
    }
}

impl ChannelsLast {
    /// Fills the maps of a batch.
    pub(super) fn fill_patches(
        &self,
        buffers: &Buffers,
        pass: &Pass<'_>,
        samples: usize,
        output: &mut [f32],
    ) {
        let conv = &self.conv;
        let plain = conv.plain_panels();
        let units = conv.patch_units(samples, output);
        units.into_par_iter().with_max_len(1).for_each(|unit| {
            let patches = unit.images.len() * unit.rows.len() * conv.patches()[1];
            let mut inputs = buffers.take(POSITIONS * patches * conv.channels);
            vectorized(
                #[inline(always)]
                || {
                    let patches = [&unit.images, &unit.rows];
                    transform_images(conv, pass.images, pass.zeros, patches, &mut inputs)
                },
            );
            let mut products = buffers.take(POSITIONS * patches * conv.filters);
            let positions = products
                .par_chunks_exact_mut(patches * conv.filters)
                .zip(inputs.par_chunks_exact(patches * conv.channels))
                .zip(
                    pass.weights
                        .par_chunks_exact(plain.len() * conv.channels * PANEL),
                );
            positions.for_each(|((output, inputs), weights)| {
                let windows: Vec<&[f32]> = inputs.chunks_exact(conv.channels).collect();
                Places {
                    windows: &windows,
                    taps: 1,
                    panels: &plain,
                    channels: conv.channels,
                    weights,
                    filters: conv.filters,
                    output,
                    residual: None,
                }
                .run();
            });
            let (at, images, rows) = (unit.at, unit.images, unit.rows);
            vectorized(
                #[inline(always)]
                || {
                    transform_back(
                        conv,
                        pass,
                        &products,
                        [images.len(), patches],
                        rows,
                        at,
                        unit.output,
                    )
                },
            );
            self.activate(unit.output);
        });
    }
}

/// `Bᵀ d B` of all patches of these rows of patches of these images, position after position, patch after patch.
#[inline(always)]
pub(super) fn transform_images(
    conv: &Sizes,
    values: &[f32],
    zeros: &[f32],
    [images, rows]: [&Range<usize>; 2],
    transformed: &mut [f32],
) {
    let channels = conv.channels;
    let row = conv.image[1] * channels;
    let zeros = &zeros[..channels];
    let patches = images.len() * rows.len() * conv.patches()[1];
    let mut patch = 0;
    let mut targets: Vec<&mut [f32]> = transformed.chunks_exact_mut(patches * channels).collect();
    for image in images.clone() {
        let image = &values[image * conv.image_elements()..][..conv.image_elements()];
        for top in rows.clone() {
            for left in 0..conv.patches()[1] {
                let mut d = [zeros; POSITIONS];
                for (position, d) in d.iter_mut().enumerate() {
                    let y = (2 * top + position / 4).wrapping_sub(conv.padding[0]);
                    let x = (2 * left + position % 4).wrapping_sub(conv.padding[1]);
                    // What lies before the image has wrapped around.
                    if y < conv.image[0] && x < conv.image[1] {
                        *d = &image[y * row + x * channels..][..channels];
                    }
                }
                let to = patch * channels;
                for at in (0..channels).step_by(LANES) {
                    // Loops over fixed bounds, without closures: only then do all values stay in registers.
                    let mut patch = [[0.0; LANES]; POSITIONS];
                    for position in 0..POSITIONS {
                        if let Some(values) = d[position][at..].first_chunk() {
                            patch[position] = *values;
                        }
                    }
                    let mut tall = [[0.0; LANES]; POSITIONS];
                    for column in 0..4 {
                        let [a, b, c, e] = [
                            patch[column],
                            patch[4 + column],
                            patch[8 + column],
                            patch[12 + column],
                        ];
                        tall[column] = minus(a, c);
                        tall[4 + column] = plus(b, c);
                        tall[8 + column] = minus(c, b);
                        tall[12 + column] = minus(b, e);
                    }
                    for row in 0..4 {
                        let [a, b, c, e] = [
                            tall[4 * row],
                            tall[4 * row + 1],
                            tall[4 * row + 2],
                            tall[4 * row + 3],
                        ];
                        let wide = [minus(a, c), plus(b, c), minus(c, b), minus(b, e)];
                        for column in 0..4 {
                            let target = &mut targets[4 * row + column][to + at..];
                            if let Some(target) = target.first_chunk_mut() {
                                *target = wide[column];
                            }
                        }
                    }
                }
                patch += 1;
            }
        }
    }
}

/// `Aᵀ [products] A` of all patches of a unit, with all that is done with a sum; `counts` are images and patches.
#[inline(always)]
fn transform_back(
    conv: &Sizes,
    pass: &Pass<'_>,
    products: &[f32],
    counts: [usize; 2],
    rows: Range<usize>,
    at: usize,
    output: &mut [f32],
) {
    let [images, patches] = counts;
    let (filters, width) = (conv.filters, conv.map[1]);
    let sources: [&[f32]; POSITIONS] =
        from_fn(|position| &products[position * patches * filters..][..patches * filters]);
    let own = conv.map_rows(&rows);
    let mut patch = 0;
    for image in 0..images {
        for top in rows.clone() {
            for left in 0..conv.patches()[1] {
                let from = patch * filters;
                patch += 1;
                for panel in pass.panels {
                    for half in (0..panel.count).step_by(LANES) {
                        let filter = panel.filter + half;
                        let mut p = [[0.0; LANES]; POSITIONS];
                        for position in 0..POSITIONS {
                            let values = &sources[position][from + filter..];
                            if let Some(values) = values.first_chunk() {
                                p[position] = *values;
                            }
                        }
                        let mut tall = [[[0.0; LANES]; 4]; 2];
                        for column in 0..4 {
                            let [a, b, c, d] =
                                [p[column], p[4 + column], p[8 + column], p[12 + column]];
                            tall[0][column] = plus(plus(a, b), c);
                            tall[1][column] = minus(minus(b, c), d);
                        }
                        for (y, &[a, b, c, d]) in tall.iter().enumerate() {
                            let mut sums = [plus(plus(a, b), c), minus(minus(b, c), d)];
                            for (x, sums) in sums.iter_mut().enumerate() {
                                let (y, x) = (2 * top + y, 2 * left + x);
                                if y >= own.end || x >= width {
                                    continue;
                                }
                                let place = image * own.len() + y - own.start;
                                let place = (place * width + x) * filters + filter;
                                let residual = pass.residual;
                                let residual =
                                    residual.map(|residual| &residual[at + place..][..LANES]);
                                panel.finish.apply(sums, half, residual);
                                output[place..][..LANES].copy_from_slice(sums);
                            }
                        }
                    }
                }
            }
        }
    }
}

#[inline(always)]
pub(super) fn plus(left: [f32; LANES], right: [f32; LANES]) -> [f32; LANES] {
    let mut sum = left;
    for lane in 0..LANES {
        sum[lane] += right[lane];
    }
    sum
}

#[inline(always)]
pub(super) fn minus(left: [f32; LANES], right: [f32; LANES]) -> [f32; LANES] {
    let mut difference = left;
    for lane in 0..LANES {
        difference[lane] -= right[lane];
    }
    difference
}

/// `G` times three weights.
#[inline(always)]
pub(super) fn spread([a, b, c]: [f32; 3]) -> [f32; 4] {
    [a, 0.5 * (a + b + c), 0.5 * (a - b + c), c]
}
