//! The inner loops of the gradient of weights: sums over places of products of a few values of the image and the
//! gradients of a few filters, held in registers while the places are gone through.
//!
//! Every sum is added up place by place, with one rounding for a product and its addition, and then added to what is
//! there: so it has the same bits whatever tile it lies in and whatever vector registers the processor has.

use pulp::{Simd, WithSimd};

use super::tile::{PANEL, by_width, dispatch};

/// Rows of sums that fill the tiles of every processor are multiples of this.
pub(super) const ROWS: usize = 12;

/// Places at which values and gradients meet, evenly spaced in both.
#[derive(Clone, Copy)]
pub(super) struct Run {
    /// Where the values of the first place begin, and where its gradients do.
    pub(super) values: usize,
    pub(super) gradients: usize,
    pub(super) places: usize,
}

/// `sums += Σ values · gradients`, a row for each value and a column for each filter of a panel.
pub(super) struct Outer<'a> {
    pub(super) runs: &'a [Run],
    pub(super) values: &'a [f32],
    /// Distance from place to place.
    pub(super) step: usize,
    /// [`PANEL`] for each place.
    pub(super) gradients: &'a [f32],
    /// Filters of the panel; the rest is dropped.
    pub(super) filters: usize,
    /// Row after row, [`PANEL`] each.
    pub(super) sums: &'a mut [f32],
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
        let rows = self.sums.len() / PANEL;
        for first in (0..rows).step_by(ROWS) {
            if HALF < FULL && self.filters <= HALF * S::F32_LANES {
                self.tile::<S, ROWS, HALF>(simd, first, ROWS.min(rows - first));
            } else {
                self.tile::<S, ROWS, FULL>(simd, first, ROWS.min(rows - first));
            }
        }
    }

    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const REGISTERS: usize>(
        &mut self,
        simd: S,
        first: usize,
        count: usize,
    ) {
        let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; ROWS];
        for run in self.runs {
            let gradients = self.gradients[run.gradients..].as_chunks::<PANEL>().0;
            let mut at = run.values + first;
            for gradients in gradients.iter().take(run.places) {
                let (gradients, _) = S::as_simd_f32s(gradients);
                let Some(gradients) = gradients.first_chunk::<REGISTERS>() else {
                    return;
                };
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
                    for register in 0..REGISTERS {
                        let sum = &mut sums[row][register];
                        *sum = simd.mul_add_f32s(value, gradients[register], *sum);
                    }
                }
            }
        }
        for (row, own) in sums.iter().enumerate() {
            if row >= count {
                return;
            }
            let to = &mut self.sums[(first + row) * PANEL..][..PANEL];
            let (to, _) = S::as_mut_simd_f32s(to);
            for register in 0..REGISTERS {
                to[register] = simd.add_f32s(to[register], own[register]);
            }
        }
    }
}
