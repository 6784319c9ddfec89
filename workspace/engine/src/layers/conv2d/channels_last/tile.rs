//! The inner loops of a convolution whose channels come last: a few places of the map times a few filters, held in
//! registers while the window is gone through.
//!
//! Every sum is added up in the order of the window, rows, columns, then channels, with one rounding for a product
//! and its addition. So a value has the same bits whatever tile it lies in, and whatever vector registers the
//! processor has; theirs are chosen at run time. The loops are those of a matrix product that is never laid out
//! (Dukhan, "The indirect convolution algorithm", 2019).

use pulp::{Simd, WithSimd};

use crate::processor;
use crate::rectifier::Rectifier;

/// Filters whose weights lie side by side.
pub(super) const PANEL: usize = 16;
/// Numbers of places that fill the tiles of every processor are multiples of this.
pub(super) const PLACES: usize = 12;

/// What happens to the sums of the filters of one panel: a number for each, of which the last ones may be unused.
#[derive(Clone, Copy, Default)]
pub(super) struct Finish {
    pub(super) bias: Option<[f32; PANEL]>,
    /// Scales and shifts of a norm.
    pub(super) norm: Option<[[f32; PANEL]; 2]>,
    pub(super) rectifier: Option<Rectifier>,
}

impl Finish {
    /// Does all of it to some sums of neighbouring filters, the first of which is the one counted `from` in the panel.
    #[inline(always)]
    pub(super) fn apply<const COUNT: usize>(
        &self,
        sums: &mut [f32; COUNT],
        from: usize,
        residual: Option<&[f32]>,
    ) {
        if let Some(bias) = &self.bias {
            for (sum, bias) in sums.iter_mut().zip(&bias[from..]) {
                *sum += bias;
            }
        }
        if let Some([scales, shifts]) = &self.norm {
            let norm = scales[from..].iter().zip(&shifts[from..]);
            for (sum, (&scale, &shift)) in sums.iter_mut().zip(norm) {
                *sum = sum.mul_add(scale, shift);
            }
        }
        if let Some(residual) = residual {
            for (sum, residual) in sums.iter_mut().zip(residual) {
                *sum += residual;
            }
        }
        if let Some(rectifier) = self.rectifier {
            rectifier.apply(sums);
        }
    }
}

/// The filters of one panel.
pub(super) struct Panel {
    /// The first one, and how many.
    pub(super) filter: usize,
    pub(super) count: usize,
    /// Where what they see begins in each run.
    pub(super) channel: usize,
    pub(super) finish: Finish,
}

/// Some neighbouring places of the maps of a batch.
pub(super) struct Places<'a> {
    /// For each place, one after the other, the runs of values that lie under the window.
    pub(super) windows: &'a [&'a [f32]],
    /// Runs under a window.
    pub(super) taps: usize,
    /// All filters.
    pub(super) panels: &'a [Panel],
    /// Values that a filter sees of each run.
    pub(super) channels: usize,
    /// Panel after panel: run after run, value after value, a number for each filter.
    pub(super) weights: &'a [f32],
    /// How many filters there are.
    pub(super) filters: usize,
    /// Place after place, filter after filter.
    pub(super) output: &'a mut [f32],
    /// As the output; added to it.
    pub(super) residual: Option<&'a [f32]>,
}

/// Calls a method for the vectors of this processor, with how many rows of sums it takes at a time, how many registers hold a panel, and
/// how many half of one or more. Sixteen registers hold twelve sums, their weights and a value of the image; thirty-two hold more.
macro_rules! by_width {
    ($S:ty, $simd:expr, $of:ident.$method:ident) => {
        match <$S>::F32_LANES {
            16 => $of.$method::<$S, 12, 1, 1>($simd),
            8 => $of.$method::<$S, 6, 2, 1>($simd),
            4 => $of.$method::<$S, 6, 4, 2>($simd),
            _ => $of.$method::<$S, 1, PANEL, PANEL>($simd),
        }
    };
}
pub(super) use by_width;

impl Places<'_> {
    /// Fills the output with the widest vectors this processor has.
    pub(super) fn run(self) {
        dispatch(self);
    }
}

/// Does the work with the widest vectors this processor has.
pub(super) fn dispatch<W: WithSimd<Output = ()>>(work: W) {
    #[cfg(test)]
    let work = match super::tests::by_width_wanted(work) {
        Some(work) => work,
        None => return,
    };
    processor::arch().dispatch(work);
}

impl WithSimd for Places<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        by_width!(S, simd, self.tiles)
    }
}

/// A panel with its weights.
type Packed<'a> = (&'a Panel, &'a [f32]);

/// Numbers of weights that stay in a core's cache beside all else.
const KEPT: usize = 1 << 17;

impl Places<'_> {
    /// `FULL` registers hold a panel, `HALF` half of one or more. Where one holds all of it, there are enough for the sums
    /// of two panels, which are computed together: so values of the image are fetched half as often.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const FULL: usize, const HALF: usize>(mut self, simd: S) {
        let size = self.channels * self.taps * PANEL;
        let places = self.output.len() / self.filters;
        let panels: Vec<Packed<'_>> = self
            .panels
            .iter()
            .zip(self.weights.chunks_exact(size))
            .collect();
        let mut groups: Vec<&[Packed<'_>]> = Vec::with_capacity(panels.len());
        let mut rest = &panels[..];
        while let [(panel, _), behind @ ..] = rest {
            let second = behind.first();
            let second = second.filter(|(second, _)| FULL == 1 && second.channel == panel.channel);
            let (group, behind) = rest.split_at(1 + usize::from(second.is_some()));
            groups.push(group);
            rest = behind;
        }
        let tiles = places.div_ceil(ROWS);
        // Rows of inputs and outputs are gone through one after the other where all weights stay in the cache meanwhile;
        // else those of two panels do.
        let by_places = panels.len() * size <= KEPT;
        let (outer, inner) = match by_places {
            true => (tiles, groups.len()),
            false => (groups.len(), tiles),
        };
        for outer in 0..outer {
            for inner in 0..inner {
                let (tile, group) = match by_places {
                    true => (outer, inner),
                    false => (inner, outer),
                };
                self.tile::<S, ROWS, FULL, HALF>(simd, tile * ROWS, places, groups[group]);
            }
        }
    }

    /// `ROWS` places from the one counted `at` on, or as many as there are, times one panel or two.
    #[inline(always)]
    fn tile<S: Simd, const ROWS: usize, const FULL: usize, const HALF: usize>(
        &mut self,
        simd: S,
        at: usize,
        places: usize,
        group: &[Packed<'_>],
    ) {
        let (taps, filters) = (self.taps, self.filters);
        let windows: [&[&[f32]]; ROWS] = std::array::from_fn(|row| {
            // Behind the last place it is computed again.
            let place = (at + row).min(places - 1);
            &self.windows[place * taps..(place + 1) * taps]
        });
        let store = |panel| Store {
            panel,
            filters,
            at: at * filters + panel.filter,
            places: ROWS.min(places - at),
        };
        let (output, residual) = (&mut *self.output, self.residual);
        match group {
            [(panel, weights), (second, others)] => {
                let channels = panel.channel..panel.channel + self.channels;
                let weights = [*weights, *others].map(|weights| weights.as_chunks::<PANEL>().0);
                let [sums, others] = sums::<S, ROWS, FULL, 2>(simd, &windows, channels, weights);
                store(panel).finish(simd, &sums, output, residual);
                store(second).finish(simd, &others, output, residual);
            }
            [(panel, weights), ..] => {
                let channels = panel.channel..panel.channel + self.channels;
                let weights = [weights.as_chunks::<PANEL>().0];
                if HALF < FULL && panel.count <= HALF * S::F32_LANES {
                    let [sums] = sums::<S, ROWS, HALF, 1>(simd, &windows, channels, weights);
                    store(panel).finish(simd, &sums, output, residual);
                } else {
                    let [sums] = sums::<S, ROWS, FULL, 1>(simd, &windows, channels, weights);
                    store(panel).finish(simd, &sums, output, residual);
                }
            }
            [] => {}
        }
    }
}

/// The sums of one tile.
type Sums<S, const ROWS: usize, const REGISTERS: usize> = [[<S as Simd>::f32s; REGISTERS]; ROWS];

/// The sums of the filters of some panels.
#[inline(always)]
fn sums<S: Simd, const ROWS: usize, const REGISTERS: usize, const PANELS: usize>(
    simd: S,
    windows: &[&[&[f32]]; ROWS],
    channels: std::ops::Range<usize>,
    weights: [&[[f32; PANEL]]; PANELS],
) -> [Sums<S, ROWS, REGISTERS>; PANELS] {
    let mut sums = [[[simd.splat_f32s(0.0); REGISTERS]; ROWS]; PANELS];
    let count = channels.len();
    for tap in 0..weights[0].len() / count {
        let values: [&[f32]; ROWS] =
            std::array::from_fn(|row| &windows[row][tap][channels.clone()][..count]);
        let weights: [&[[f32; PANEL]]; PANELS] =
            std::array::from_fn(|panel| &weights[panel][tap * count..][..count]);
        for channel in 0..count {
            let mut vectors = [[simd.splat_f32s(0.0); REGISTERS]; PANELS];
            for panel in 0..PANELS {
                let (weights, _) = S::as_simd_f32s(&weights[panel][channel]);
                if let Some(weights) = weights.first_chunk() {
                    vectors[panel] = *weights;
                }
            }
            for row in 0..ROWS {
                let value = simd.splat_f32s(values[row][channel]);
                for panel in 0..PANELS {
                    for register in 0..REGISTERS {
                        let sum = &mut sums[panel][row][register];
                        *sum = simd.mul_add_f32s(value, vectors[panel][register], *sum);
                    }
                }
            }
        }
    }
    sums
}

/// Where the sums of a tile go.
pub(super) struct Store<'a> {
    pub(super) panel: &'a Panel,
    pub(super) filters: usize,
    /// The value of the output that the first filter has at the first place.
    pub(super) at: usize,
    /// How many places of the tile there are.
    pub(super) places: usize,
}

impl Store<'_> {
    #[inline(always)]
    pub(super) fn finish<S: Simd, const ROWS: usize, const REGISTERS: usize>(
        &self,
        simd: S,
        sums: &Sums<S, ROWS, REGISTERS>,
        output: &mut [f32],
        residual: Option<&[f32]>,
    ) {
        let count = self.panel.count;
        // All rows are gone through, whose number is fixed: only then do the sums stay in registers.
        for (row, sums) in sums.iter().enumerate() {
            if row >= self.places {
                return;
            }
            let range = self.at + row * self.filters..self.at + row * self.filters + count;
            let residual = residual.map(|residual| &residual[range.clone()]);
            let output = &mut output[range];
            if count == REGISTERS * S::F32_LANES {
                self.finish_row(simd, sums, output, residual);
                continue;
            }
            // What fills up the panel is computed, too, and dropped.
            let (mut filled, mut numbers) = ([0.0; PANEL], [0.0; PANEL]);
            let residual = residual.map(|residual| {
                filled[..count].copy_from_slice(residual);
                &filled[..]
            });
            self.finish_row(simd, sums, &mut numbers, residual);
            output.copy_from_slice(&numbers[..count]);
        }
    }

    #[inline(always)]
    fn finish_row<S: Simd, const REGISTERS: usize>(
        &self,
        simd: S,
        sums: &[S::f32s; REGISTERS],
        output: &mut [f32],
        residual: Option<&[f32]>,
    ) {
        let finish = &self.panel.finish;
        let (output, _) = S::as_mut_simd_f32s(output);
        let residual = residual.map(|residual| S::as_simd_f32s(residual).0);
        let of = |numbers: &[f32; PANEL], register: usize| S::as_simd_f32s(numbers).0[register];
        for register in 0..REGISTERS {
            let mut sum = sums[register];
            if let Some(bias) = &finish.bias {
                sum = simd.add_f32s(sum, of(bias, register));
            }
            if let Some([scales, shifts]) = &finish.norm {
                sum = simd.mul_add_f32s(sum, of(scales, register), of(shifts, register));
            }
            if let Some(residual) = residual {
                sum = simd.add_f32s(sum, residual[register]);
            }
            output[register] = rectified(simd, finish.rectifier, sum);
        }
    }
}

/// As [`Rectifier::value`].
#[inline(always)]
fn rectified<S: Simd>(simd: S, rectifier: Option<Rectifier>, values: S::f32s) -> S::f32s {
    let Some(rectifier) = rectifier else {
        return values;
    };
    let (zero, six) = (simd.splat_f32s(0.0), simd.splat_f32s(6.0));
    let below = match rectifier {
        Rectifier::Relu => values,
        Rectifier::Relu6 => simd.select_f32s(simd.less_than_f32s(six, values), six, values),
    };
    simd.select_f32s(simd.less_than_f32s(below, zero), zero, below)
}
