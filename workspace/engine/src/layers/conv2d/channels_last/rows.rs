//! The inner loops of a depthwise convolution whose channels come last: some columns of a row of the map times a few
//! channels, held in registers while the window is gone through.
//!
//! Every sum is added up in the order of the window, rows, then columns, without what lies in the padding, and with one
//! rounding for a product and its addition.

use std::ops::Range;

use pulp::{Arch, Simd, WithSimd};

use super::Sizes;
use super::tile::{PANEL, Panel, Store, by_width};

/// A row of the map of one image.
pub(super) struct Rows<'a> {
    pub(super) conv: &'a Sizes,
    pub(super) images: &'a [f32],
    /// All channels.
    pub(super) panels: &'a [Panel],
    /// Panel after panel: value after value of the window, a number for each channel.
    pub(super) weights: &'a [f32],
    /// Its number, counted over all images.
    pub(super) row: usize,
    /// Place after place, channel after channel.
    pub(super) output: &'a mut [f32],
    /// As the output; added to it.
    pub(super) residual: Option<&'a [f32]>,
}

impl Rows<'_> {
    /// Fills the output with the widest vectors this processor has.
    pub(super) fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        by_width!(S, simd, self.columns)
    }
}

/// A row of the image under some row of the window.
struct Under<'a> {
    /// Where the row of the window begins.
    tap: usize,
    values: &'a [f32],
}

/// Neighbouring columns under which the same columns of the window lie within the image.
struct Columns {
    columns: Range<usize>,
    window: Range<usize>,
}

impl Rows<'_> {
    /// `FULL` registers hold a panel, `HALF` half of one or more.
    #[inline(always)]
    fn columns<S: Simd, const COLUMNS: usize, const FULL: usize, const HALF: usize>(self, simd: S) {
        let conv = self.conv;
        let (image, y) = (self.row / conv.map[0], self.row % conv.map[0]);
        let size = conv.image[1] * conv.channels;
        let image = &self.images[image * conv.image_elements()..][..conv.image_elements()];
        let under: Vec<Under<'_>> = within(conv, 0, y)
            .map(|tap| {
                let row = y * conv.stride[0] + tap * conv.dilation[0] - conv.padding[0];
                Under {
                    tap: tap * conv.kernel[1],
                    values: &image[row * size..][..size],
                }
            })
            .collect();
        let size = conv.kernel_elements() * PANEL;
        for run in runs(conv) {
            for at in run.columns.clone().step_by(COLUMNS) {
                let columns = at..run.columns.end.min(at + COLUMNS);
                for (panel, weights) in self.panels.iter().zip(self.weights.chunks_exact(size)) {
                    let weights = weights.as_chunks::<PANEL>().0;
                    let tile = Tile {
                        conv,
                        under: &under,
                        window: &run.window,
                        columns: &columns,
                        panel,
                        weights,
                    };
                    let store = Store {
                        panel,
                        filters: conv.filters,
                        at: at * conv.filters + panel.filter,
                        places: columns.len(),
                    };
                    let (output, residual) = (&mut *self.output, self.residual);
                    if panel.count == PANEL {
                        let sums = tile.sums::<S, COLUMNS, FULL>(simd);
                        store.finish(simd, &sums, output, residual);
                    } else if HALF < FULL && panel.count == HALF * S::F32_LANES {
                        let sums = tile.sums::<S, COLUMNS, HALF>(simd);
                        store.finish(simd, &sums, output, residual);
                    } else {
                        let sums = tile.sums::<S, COLUMNS, FULL>(simd);
                        store.finish(simd, &sums, output, residual);
                    }
                }
            }
        }
    }
}

/// The rows or columns of the window that lie within the image at this row or column of the map.
pub(super) fn within(conv: &Sizes, axis: usize, at: usize) -> Range<usize> {
    let is_within = |tap: &usize| {
        let at = at * conv.stride[axis] + tap * conv.dilation[axis];
        (conv.padding[axis]..conv.padding[axis] + conv.image[axis]).contains(&at)
    };
    let taps = 0..conv.kernel[axis];
    let first = taps.clone().find(is_within).unwrap_or(0);
    first..taps.rev().find(is_within).map_or(first, |last| last + 1)
}

/// The columns of the map, in runs.
fn runs(conv: &Sizes) -> Vec<Columns> {
    let mut runs: Vec<Columns> = Vec::new();
    for column in 0..conv.map[1] {
        let window = within(conv, 1, column);
        match runs.last_mut() {
            Some(run) if run.window == window => run.columns.end = column + 1,
            _ => runs.push(Columns {
                columns: column..column + 1,
                window,
            }),
        }
    }
    runs
}

/// Some columns of the map times the channels of one panel.
struct Tile<'a> {
    conv: &'a Sizes,
    under: &'a [Under<'a>],
    window: &'a Range<usize>,
    columns: &'a Range<usize>,
    panel: &'a Panel,
    weights: &'a [[f32; PANEL]],
}

impl Tile<'_> {
    #[inline(always)]
    fn sums<S: Simd, const COLUMNS: usize, const REGISTERS: usize>(
        &self,
        simd: S,
    ) -> [[S::f32s; REGISTERS]; COLUMNS] {
        let conv = self.conv;
        let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; COLUMNS];
        let whole = self.panel.count >= REGISTERS * S::F32_LANES;
        // Behind the last column it is computed again.
        let starts: [usize; COLUMNS] = std::array::from_fn(|index| {
            let column = (self.columns.start + index).min(self.columns.end - 1);
            column * conv.stride[1] * conv.channels + self.panel.channel
        });
        for under in self.under {
            for tap in self.window.clone() {
                let (weights, _) = S::as_simd_f32s(&self.weights[under.tap + tap]);
                let Some(weights) = weights.first_chunk::<REGISTERS>() else {
                    return sums;
                };
                let moved = tap * conv.dilation[1] * conv.channels;
                let padding = conv.padding[1] * conv.channels;
                for column in 0..COLUMNS {
                    let from = starts[column] + moved - padding;
                    let mut filled = [0.0; PANEL];
                    let values = if whole {
                        &under.values[from..from + REGISTERS * S::F32_LANES]
                    } else {
                        let values = &under.values[from..from + self.panel.count];
                        filled[..values.len()].copy_from_slice(values);
                        &filled
                    };
                    let (values, _) = S::as_simd_f32s(values);
                    for register in 0..REGISTERS {
                        let sum = &mut sums[column][register];
                        *sum = simd.mul_add_f32s(values[register], weights[register], *sum);
                    }
                }
            }
        }
        sums
    }
}
