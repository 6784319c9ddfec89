//! The inner loops of a depthwise convolution whose channels come last: some columns of a row of the map times a few
//! channels, held in registers while the window is gone through.
//!
//! Every sum is added up in the order of the window, rows, then columns, without what lies in the padding, and with one
//! rounding for a product and its addition.

use std::ops::Range;

use pulp::{Simd, WithSimd};

use super::Sizes;
use super::tile::{PANEL, Panel, Store, dispatch};

/// A row of the map of one image.
pub(super) struct Rows<'a> {
    pub(super) conv: &'a Sizes,
    /// Rows of the image, from the one counted `first` on: all that lie under the window.
    pub(super) image: &'a [f32],
    pub(super) first: usize,
    /// All of its columns.
    pub(super) runs: &'a [Columns],
    /// All channels.
    pub(super) panels: &'a [Panel],
    /// Panel after panel: value after value of the window, a number for each channel.
    pub(super) weights: &'a [f32],
    /// Its number in the map.
    pub(super) row: usize,
    /// Place after place, channel after channel.
    pub(super) output: &'a mut [f32],
    /// As the output; added to it.
    pub(super) residual: Option<&'a [f32]>,
}

impl Rows<'_> {
    /// Fills the output with the widest vectors this processor has.
    pub(super) fn run(self) {
        dispatch(self);
    }
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.columns::<S, 6, 2, 1, 1>(simd),
            8 => self.columns::<S, 6, 2, 2, 1>(simd),
            4 => self.columns::<S, 2, 2, 4, 2>(simd),
            _ => self.columns::<S, 1, 1, PANEL, PANEL>(simd),
        }
    }
}

/// A row of the image under some row of the window.
struct Under<'a> {
    /// Where the row of the window begins.
    tap: usize,
    values: &'a [f32],
}

/// Neighbouring columns under which the same columns of the window lie within the image.
#[derive(Clone)]
pub(super) struct Columns {
    pub(super) columns: Range<usize>,
    pub(super) window: Range<usize>,
}

impl Rows<'_> {
    /// As many columns as there are registers for their sums, then `SOME`, then each by itself. `FULL` registers hold a
    /// panel, `HALF` half of one or more.
    #[inline(always)]
    fn columns<
        S: Simd,
        const MANY: usize,
        const SOME: usize,
        const FULL: usize,
        const HALF: usize,
    >(
        mut self,
        simd: S,
    ) {
        let conv = self.conv;
        let size = conv.image[1] * conv.channels;
        let under: Vec<Under<'_>> = within(conv, 0, self.row)
            .map(|tap| {
                let row = self.row * conv.stride[0] + tap * conv.dilation[0] - conv.padding[0];
                Under {
                    tap: tap * conv.kernel[1],
                    values: &self.image[(row - self.first) * size..][..size],
                }
            })
            .collect();
        for run in self.runs {
            let mut at = run.columns.start;
            while at < run.columns.end {
                let (under, window) = (&under[..], &run.window);
                let left = run.columns.end - at;
                at += match (left >= MANY, left >= SOME, window.len()) {
                    (true, _, 3) => self.tiles::<S, MANY, 3, FULL, HALF>(simd, under, window, at),
                    (true, _, 5) => self.tiles::<S, MANY, 5, FULL, HALF>(simd, under, window, at),
                    (true, _, _) => self.tiles::<S, MANY, 0, FULL, HALF>(simd, under, window, at),
                    (_, true, 3) => self.tiles::<S, SOME, 3, FULL, HALF>(simd, under, window, at),
                    (_, true, 5) => self.tiles::<S, SOME, 5, FULL, HALF>(simd, under, window, at),
                    _ => self.tiles::<S, 1, 0, FULL, HALF>(simd, under, window, at),
                };
            }
        }
    }

    /// `COLUMNS` columns of the row from `first` on, under which these columns of the window lie within the image: `TAPS`,
    /// where that is not 0. Gives how many they are.
    #[inline(always)]
    fn tiles<
        S: Simd,
        const COLUMNS: usize,
        const TAPS: usize,
        const FULL: usize,
        const HALF: usize,
    >(
        &mut self,
        simd: S,
        under: &[Under<'_>],
        window: &Range<usize>,
        first: usize,
    ) -> usize {
        let conv = self.conv;
        let size = conv.kernel_elements() * PANEL;
        for (panel, weights) in self.panels.iter().zip(self.weights.chunks_exact(size)) {
            let tile = Tile {
                conv,
                under,
                window,
                first,
                panel,
                weights: weights.as_chunks::<PANEL>().0,
            };
            let store = Store {
                panel,
                filters: conv.filters,
                at: first * conv.filters + panel.filter,
                places: COLUMNS,
            };
            let (output, residual) = (&mut *self.output, self.residual);
            if panel.count == PANEL {
                let sums = tile.sums::<S, COLUMNS, TAPS, FULL, true>(simd);
                store.finish(simd, &sums, output, residual);
            } else if HALF < FULL && panel.count == HALF * S::F32_LANES {
                let sums = tile.sums::<S, COLUMNS, TAPS, HALF, true>(simd);
                store.finish(simd, &sums, output, residual);
            } else {
                let sums = tile.sums::<S, COLUMNS, TAPS, FULL, false>(simd);
                store.finish(simd, &sums, output, residual);
            }
        }
        COLUMNS
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
pub(super) fn runs(conv: &Sizes) -> Vec<Columns> {
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
    /// The first column.
    first: usize,
    panel: &'a Panel,
    weights: &'a [[f32; PANEL]],
}

impl Tile<'_> {
    /// `WHOLE` where the channels fill all registers.
    #[inline(always)]
    fn sums<
        S: Simd,
        const COLUMNS: usize,
        const TAPS: usize,
        const REGISTERS: usize,
        const WHOLE: bool,
    >(
        &self,
        simd: S,
    ) -> [[S::f32s; REGISTERS]; COLUMNS] {
        let conv = self.conv;
        let lanes = S::F32_LANES;
        let count = match WHOLE {
            true => REGISTERS * lanes,
            false => self.panel.count,
        };
        // Few enough columns that the loops are unrolled: only then do the sums stay in registers.
        let taps = match TAPS {
            0 => self.window.len(),
            _ => TAPS,
        };
        let [step, stride] = [conv.dilation[1], conv.stride[1]].map(|by| by * conv.channels);
        let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; COLUMNS];
        if self.window.is_empty() {
            return sums;
        }
        let from = self.first * stride + self.window.start * step + self.panel.channel
            - conv.padding[1] * conv.channels;
        for under in self.under {
            let weights = &self.weights[under.tap + self.window.start..][..taps];
            let values = &under.values[from..];
            // Windows of neighbouring columns overlap: what lies under several is fetched once. A sum still gets its products
            // in the order of its window.
            if WHOLE && TAPS > 0 && step == stride {
                for position in 0..COLUMNS + TAPS - 1 {
                    let (values, _) = S::as_simd_f32s(&values[position * step..][..count]);
                    for (column, sums) in sums.iter_mut().enumerate() {
                        let tap = position.wrapping_sub(column);
                        if tap >= TAPS {
                            continue;
                        }
                        let (weights, _) = S::as_simd_f32s(&weights[tap]);
                        for register in 0..REGISTERS {
                            let sum = &mut sums[register];
                            *sum = simd.mul_add_f32s(values[register], weights[register], *sum);
                        }
                    }
                }
                continue;
            }
            for tap in 0..taps {
                let (weights, _) = S::as_simd_f32s(&weights[tap]);
                for column in 0..COLUMNS {
                    let values = &values[column * stride + tap * step..][..count];
                    for register in 0..REGISTERS {
                        let from = (register * lanes).min(count);
                        let values = &values[from..count.min(from + lanes)];
                        let value = match WHOLE {
                            true => S::as_simd_f32s(values).0[0],
                            false => simd.partial_load_f32s(values),
                        };
                        let sum = &mut sums[column][register];
                        *sum = simd.mul_add_f32s(value, weights[register], *sum);
                    }
                }
            }
        }
        sums
    }
}
