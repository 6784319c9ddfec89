//! The inner loops of the gradient of weights: sums over places of products of a few values of the image and the
//! gradients of a few filters, held in registers while the places are gone through. Where there are enough registers,
//! those of two panels of filters are: so values are fetched half as often.
//!
//! Every sum is added up place by place, with one rounding for a product and its addition, and then added to what is
//! there: so it has the same bits whatever tile it lies in and whatever vector registers the processor has.

use pulp::{Simd, WithSimd};
use rayon::prelude::*;

use super::tile::{PANEL, by_width, dispatch};

/// Rows of sums that fill the tiles of every processor are multiples of this.
const ROWS: usize = 12;
/// Rows of sums in a piece of work.
pub(super) const BLOCK: usize = 4 * ROWS;

/// Places at which values and gradients meet, evenly spaced in both.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Where the values of the first place begin, and where its gradients do.
    pub(super) values: usize,
    pub(super) gradients: usize,
    /// Distance from there to the gradients of the next panel.
    pub(super) apart: usize,
    pub(super) places: usize,
}

/// `sums += Σ values · gradients`, a row for each value and a column for each filter of a panel or two.
pub(super) struct Outer<'a> {
    pub(super) runs: &'a [Run],
    pub(super) values: &'a [f32],
    /// Distance from place to place.
    pub(super) step: usize,
    /// [`PANEL`] for each place, panel after panel.
    pub(super) gradients: &'a [f32],
    /// Filters of the panels, of which the last one may not be full; the rest is dropped.
    pub(super) filters: usize,
    /// Panel by panel row after row, [`PANEL`] each; the second is empty where there is one panel.
    pub(super) sums: [&'a mut [f32]; 2],
}

/// Cuts the sums of neighbouring panels, `size` numbers each, into pieces of work: some rows of two panels, or of the last
/// one. Each is told the first panel and the first row.
pub(super) fn each_block(
    sums: &mut [f32],
    size: usize,
    work: impl Fn([usize; 2], [&mut [f32]; 2]) + Sync,
) {
    let pairs = sums.par_chunks_mut(2 * size).enumerate();
    pairs.for_each(|(pair, sums)| {
        let (first, second) = sums.split_at_mut(size);
        let mut rest = second;
        let blocks = first.chunks_mut(BLOCK * PANEL).enumerate();
        let blocks: Vec<_> = blocks
            .map(|(block, first)| {
                let second = rest.split_off_mut(..first.len()).unwrap_or_default();
                ([2 * pair, block * BLOCK], [first, second])
            })
            .collect();
        let blocks = blocks.into_par_iter();
        blocks.for_each(|(at, sums)| work(at, sums));
    });
}

impl Outer<'_> {
    /// Does it with the widest vectors this processor has.
    pub(super) fn run(self) {
        dispatch(self);
    }
}

impl WithSimd for Outer<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        by_width!(S, simd, self.tiles)
    }
}

impl Outer<'_> {
    /// `FULL` registers hold a panel, `HALF` half of one or more.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const FULL: usize, const HALF: usize>(mut self, simd: S) {
        let rows = self.sums[0].len() / PANEL;
        for first in (0..rows).step_by(ROWS) {
            let count = ROWS.min(rows - first);
            if FULL == 1 && !self.sums[1].is_empty() {
                self.tile::<S, ROWS, FULL, 2>(simd, 0, first, count);
                continue;
            }
            for panel in 0..2 {
                let filters = self.filters.saturating_sub(panel * PANEL);
                if self.sums[panel].is_empty() {
                    break;
                } else if HALF < FULL && filters <= HALF * S::F32_LANES {
                    self.tile::<S, ROWS, HALF, 1>(simd, panel, first, count);
                } else {
                    self.tile::<S, ROWS, FULL, 1>(simd, panel, first, count);
                }
            }
        }
    }

    /// `ROWS` rows from the one counted `first` on, of which `count` are wanted, times so many panels from this one on.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const REGISTERS: usize, const PANELS: usize>(
        &mut self,
        simd: S,
        panel: usize,
        first: usize,
        count: usize,
    ) {
        let mut sums = [[[simd.splat_f32s(0.0); REGISTERS]; ROWS]; PANELS];
        for run in self.runs {
            let gradients: [&[[f32; PANEL]]; PANELS] = std::array::from_fn(|own| {
                let from = run.gradients + (panel + own) * run.apart;
                &self.gradients[from..].as_chunks::<PANEL>().0[..run.places]
            });
            let mut at = run.values + first;
            for place in 0..run.places {
                let mut vectors = [[simd.splat_f32s(0.0); REGISTERS]; PANELS];
                for panel in 0..PANELS {
                    let (gradients, _) = S::as_simd_f32s(&gradients[panel][place]);
                    if let Some(gradients) = gradients.first_chunk() {
                        vectors[panel] = *gradients;
                    }
                }
                // Behind the last row others are computed and dropped.
                let mut filled = [0.0; ROWS];
                let values = &self.values[at..];
                at += self.step;
                let values = match values.first_chunk::<ROWS>() {
                    Some(values) => values,
                    None => {
                        filled[..values.len()].copy_from_slice(values);
                        &filled
                    }
                };
                for row in 0..ROWS {
                    let value = simd.splat_f32s(values[row]);
                    for panel in 0..PANELS {
                        for register in 0..REGISTERS {
                            let sum = &mut sums[panel][row][register];
                            *sum = simd.mul_add_f32s(value, vectors[panel][register], *sum);
                        }
                    }
                }
            }
        }
        for (sums, to) in sums.iter().zip(&mut self.sums[panel..]) {
            // All rows are gone through, whose number is fixed: only then do the sums stay in registers.
            for (row, own) in sums.iter().enumerate() {
                if row >= count {
                    break;
                }
                let to = &mut to[(first + row) * PANEL..][..PANEL];
                let (to, _) = S::as_mut_simd_f32s(to);
                for register in 0..REGISTERS {
                    to[register] = simd.add_f32s(to[register], own[register]);
                }
            }
        }
    }
}
