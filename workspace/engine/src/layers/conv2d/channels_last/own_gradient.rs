//! `dW` where every filter sees the channel of its own number: for every value of the window, the products of what lies
//! under it and the gradients are added up, some neighbouring channels and all columns of the window at a time.
//!
//! Rows of the maps are taken in pieces of the same size. Every sum goes over a row, column after column, with one rounding for
//! a product and its addition; the sums of the rows are then added up in their order.

use std::ops::Range;

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::super::Sizes;
use super::rows::{Columns, runs, within};
use super::tile::dispatch;
use super::weight_gradient::UNITS;

impl Sizes {
    /// Fills the gradient of the weights, some rows of the maps in each piece of work.
    pub(super) fn fill_gradient_of_own(
        &self,
        images: &[f32],
        map_gradient: &[f32],
        gradient: &mut [f32],
    ) {
        let rows = map_gradient.len() / (self.map[1] * self.filters);
        let at_once = rows.div_ceil(UNITS);
        let columns = runs(self);
        let sums: Vec<Vec<f32>> = (0..rows.div_ceil(at_once))
            .into_par_iter()
            .map(|unit| {
                let rows = unit * at_once..rows.min((unit + 1) * at_once);
                self.sums_of_own(&columns, images, map_gradient, rows)
            })
            .collect();
        gradient.fill(0.0);
        for sums in &sums {
            for (tap, sums) in sums.chunks_exact(self.filters).enumerate() {
                let own = gradient[tap..].iter_mut().step_by(self.kernel_elements());
                for (gradient, sum) in own.zip(sums) {
                    *gradient += sum;
                }
            }
        }
    }

    /// The sums over some rows of the maps, tap after tap, channel after channel.
    pub(super) fn sums_of_own(
        &self,
        columns: &[Columns],
        images: &[f32],
        gradients: &[f32],
        rows: Range<usize>,
    ) -> Vec<f32> {
        let mut sums = vec![0.0; self.kernel_elements() * self.filters];
        dispatch(Rows {
            conv: self,
            rows,
            columns,
            images,
            gradients,
            sums: &mut sums,
        });
        sums
    }
}

/// Some rows of the maps of a batch.
struct Rows<'a> {
    conv: &'a Sizes,
    rows: Range<usize>,
    /// All of their columns.
    columns: &'a [Columns],
    images: &'a [f32],
    gradients: &'a [f32],
    /// Tap after tap, channel after channel.
    sums: &'a mut [f32],
}

impl WithSimd for Rows<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match self.conv.kernel[1] {
            3 => self.taps::<S, 3>(simd),
            5 => self.taps::<S, 5>(simd),
            7 => self.taps::<S, 7>(simd),
            _ => self.taps::<S, 1>(simd),
        }
    }
}

/// A row of a map and one under some row of the window.
struct Pair<'a> {
    columns: &'a [Columns],
    values: &'a [f32],
    gradients: &'a [f32],
    /// The first column of the window.
    first: usize,
    /// Distances in the values from column to column, of the map and of the window, and what is to the left of them.
    steps: [usize; 2],
    padding: usize,
    channels: usize,
}

impl Rows<'_> {
    /// `TAPS` columns of the window at a time, which divide all.
    #[inline(always)]
    fn taps<S: Simd, const TAPS: usize>(self, simd: S) {
        let conv = self.conv;
        let channels = conv.channels;
        for row in self.rows.clone() {
            let (image, y) = (row / conv.map[0], row % conv.map[0]);
            let gradients = &self.gradients[row * conv.map[1] * channels..];
            for down in within(conv, 0, y) {
                let top = y * conv.stride[0] + down * conv.dilation[0] - conv.padding[0];
                let size = conv.image[1] * channels;
                let values = &self.images[(image * conv.image[0] + top) * size..][..size];
                for first in (0..conv.kernel[1]).step_by(TAPS) {
                    let pair = Pair {
                        columns: self.columns,
                        values,
                        gradients: &gradients[..conv.map[1] * channels],
                        first,
                        steps: [conv.stride[1] * channels, conv.dilation[1] * channels],
                        padding: conv.padding[1] * channels,
                        channels,
                    };
                    let sums = (down * conv.kernel[1] + first) * channels;
                    pair.add_up::<S, TAPS>(simd, &mut self.sums[sums..][..TAPS * channels]);
                }
            }
        }
    }
}

impl Pair<'_> {
    #[inline(always)]
    fn add_up<S: Simd, const TAPS: usize>(&self, simd: S, sums: &mut [f32]) {
        let mut at = 0;
        while at < self.channels {
            let left = self.channels - at;
            // Two registers, so that no sum waits for itself.
            at += if left >= 2 * S::F32_LANES {
                self.block::<S, TAPS, 2>(simd, at, 2 * S::F32_LANES, sums)
            } else {
                self.block::<S, TAPS, 1>(simd, at, left.min(S::F32_LANES), sums)
            };
        }
    }

    /// `count` channels from the one counted `at` on, which `REGISTERS` hold. Gives how many they are.
    #[inline(always)]
    fn block<S: Simd, const TAPS: usize, const REGISTERS: usize>(
        &self,
        simd: S,
        at: usize,
        count: usize,
        sums: &mut [f32],
    ) -> usize {
        let mut totals = [[simd.splat_f32s(0.0); REGISTERS]; TAPS];
        for run in self.columns {
            let window = &run.window;
            let all = window.start <= self.first && self.first + TAPS <= window.end;
            for column in run.columns.clone() {
                let dy: [S::f32s; REGISTERS] = load(
                    simd,
                    &self.gradients[column * self.channels + at..][..count],
                );
                let from = column * self.steps[0] + at;
                // Two loops, the first without a branch: only then do all sums stay in registers.
                if all {
                    for (tap, total) in totals.iter_mut().enumerate() {
                        self.add(simd, dy, [from, self.first + tap, count], total);
                    }
                } else {
                    for (tap, total) in totals.iter_mut().enumerate() {
                        if window.contains(&(self.first + tap)) {
                            self.add(simd, dy, [from, self.first + tap, count], total);
                        }
                    }
                }
            }
        }
        for (total, sums) in totals.iter().zip(sums.chunks_exact_mut(self.channels)) {
            let sums = &mut sums[at..at + count];
            let own: [S::f32s; REGISTERS] = load(simd, sums);
            for register in 0..REGISTERS {
                let from = count.min(register * S::F32_LANES);
                let to = &mut sums[from..count.min(from + S::F32_LANES)];
                simd.partial_store_f32s(to, simd.add_f32s(own[register], total[register]));
            }
        }
        count
    }

    /// Adds the products of gradients and as many values under a column of the window, which the first column would have at
    /// `from` were nothing to the left of them.
    #[inline(always)]
    fn add<S: Simd, const REGISTERS: usize>(
        &self,
        simd: S,
        dy: [S::f32s; REGISTERS],
        [from, tap, count]: [usize; 3],
        total: &mut [S::f32s; REGISTERS],
    ) {
        let from = from + tap * self.steps[1] - self.padding;
        let x: [S::f32s; REGISTERS] = load(simd, &self.values[from..][..count]);
        for register in 0..REGISTERS {
            total[register] = simd.mul_add_f32s(dy[register], x[register], total[register]);
        }
    }
}

#[inline(always)]
fn load<S: Simd, const REGISTERS: usize>(simd: S, values: &[f32]) -> [S::f32s; REGISTERS] {
    let (whole, _) = S::as_simd_f32s(values);
    match whole.first_chunk() {
        Some(values) => *values,
        None => [simd.partial_load_f32s(values); REGISTERS],
    }
}
