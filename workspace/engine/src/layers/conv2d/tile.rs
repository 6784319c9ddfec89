//! The inner loops of a convolution whose channels come last: a few places of the map times a few filters, held in
//! registers while the window is gone through.
//!
//! Every sum is added up in the order of the window, rows, columns, then channels, with one rounding for a product
//! and its addition. So a value has the same bits whatever tile it lies in, and whatever vector registers the
//! processor has; theirs are chosen at run time. The loops are those of a matrix product that is never laid out
//! (Dukhan, "The indirect convolution algorithm", 2019).

use pulp::{Arch, Simd, WithSimd};

use crate::rectifier::Rectifier;

/// Filters whose weights lie side by side.
pub(super) const PANEL: usize = 16;
/// Numbers of places that fill the tiles of every processor are multiples of this.
pub(super) const PLACES: usize = 12;

/// What happens to the sums of the filters of one panel: a number for each, of which the last ones may be unused.
#[derive(Clone, Copy)]
pub(super) struct Finish {
    pub(super) bias: [f32; PANEL],
    /// Scales and shifts of a norm.
    pub(super) norm: Option<[[f32; PANEL]; 2]>,
    pub(super) rectifier: Option<Rectifier>,
}

/// The filters of one panel.
pub(super) struct Panel {
    /// The first one, and how many.
    pub(super) filter: usize,
    pub(super) count: usize,
    /// The first channel that they see.
    pub(super) channel: usize,
    pub(super) finish: Finish,
}

/// Some neighbouring places of the maps of a batch.
pub(super) struct Places<'a> {
    /// For each place, one after the other, what lies under each value of the window: all channels there.
    pub(super) windows: &'a [&'a [f32]],
    /// Values of the window.
    pub(super) taps: usize,
    /// How each panel sees the channels.
    pub(super) panels: &'a [Panel],
    /// Channels that a filter sees; nothing where each sees the channel of its own number.
    pub(super) channels: Option<usize>,
    /// Panel after panel: value after value of the window, channel after channel, a number for each filter.
    pub(super) weights: &'a [f32],
    /// All filters.
    pub(super) filters: usize,
    /// Place after place, filter after filter.
    pub(super) output: &'a mut [f32],
    /// As the output; added to it.
    pub(super) residual: Option<&'a [f32]>,
}

impl Places<'_> {
    /// Fills the output with the widest vectors this processor has.
    pub(super) fn run(self) {
        Arch::new().dispatch(self);
    }
}

impl WithSimd for Places<'_> {
    type Output = ();

    /// Sixteen registers hold twelve sums, their weights and a value of the image; thirty-two hold more.
    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        match S::F32_LANES {
            16 => self.tiles::<S, 12, 1, 1>(simd),
            8 => self.tiles::<S, 6, 2, 1>(simd),
            4 => self.tiles::<S, 6, 4, 2>(simd),
            _ => self.tiles::<S, 1, PANEL, PANEL>(simd),
        }
    }
}

impl Places<'_> {
    /// `FULL` registers hold a panel, `HALF` half of one or more.
    #[inline(always)]
    fn tiles<S: Simd, const ROWS: usize, const FULL: usize, const HALF: usize>(self, simd: S) {
        let size = self.channels.unwrap_or(1) * self.taps * PANEL;
        let places = self.output.len() / self.filters;
        let windows = |at: usize, row: usize| {
            // Behind the last place it is computed again.
            let place = (at + row).min(places - 1);
            &self.windows[place * self.taps..(place + 1) * self.taps]
        };
        let tiles: Vec<[&[&[f32]]; ROWS]> = (0..places)
            .step_by(ROWS)
            .map(|at| std::array::from_fn(|row| windows(at, row)))
            .collect();
        for (panel, weights) in self.panels.iter().zip(self.weights.chunks_exact(size)) {
            for (tile, windows) in tiles.iter().enumerate() {
                let store = Store {
                    panel,
                    filters: self.filters,
                    at: tile * ROWS * self.filters + panel.filter,
                    places: ROWS.min(places - tile * ROWS),
                };
                let (output, residual) = (&mut *self.output, self.residual);
                let weights = weights.as_chunks::<PANEL>().0;
                let half = HALF < FULL && panel.count <= HALF * S::F32_LANES;
                match (self.channels, half) {
                    (Some(channels), false) => {
                        let channels = panel.channel..panel.channel + channels;
                        let sums = dense::<S, ROWS, FULL>(simd, windows, channels, weights);
                        store.finish(simd, &sums, output, residual);
                    }
                    (Some(channels), true) => {
                        let channels = panel.channel..panel.channel + channels;
                        let sums = dense::<S, ROWS, HALF>(simd, windows, channels, weights);
                        store.finish(simd, &sums, output, residual);
                    }
                    (None, _) => {
                        let channels = panel.channel..panel.channel + panel.count;
                        let sums = depthwise::<S, ROWS, FULL>(simd, windows, channels, weights);
                        store.finish(simd, &sums, output, residual);
                    }
                }
            }
        }
    }
}

/// The sums of one tile.
type Sums<S, const ROWS: usize, const REGISTERS: usize> = [[<S as Simd>::f32s; REGISTERS]; ROWS];

/// Every filter sees all of these channels.
#[inline(always)]
fn dense<S: Simd, const ROWS: usize, const REGISTERS: usize>(
    simd: S,
    windows: &[&[&[f32]]; ROWS],
    channels: std::ops::Range<usize>,
    weights: &[[f32; PANEL]],
) -> Sums<S, ROWS, REGISTERS> {
    let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; ROWS];
    let count = channels.len();
    for (tap, weights) in weights.chunks_exact(count).enumerate() {
        let values: [&[f32]; ROWS] =
            std::array::from_fn(|row| &windows[row][tap][channels.clone()][..count]);
        for (channel, weights) in weights.iter().enumerate().take(count) {
            let (weights, _) = S::as_simd_f32s(weights);
            let Some(weights) = weights.first_chunk::<REGISTERS>() else {
                return sums;
            };
            for row in 0..ROWS {
                let value = simd.splat_f32s(values[row][channel]);
                for register in 0..REGISTERS {
                    let sum = &mut sums[row][register];
                    *sum = simd.mul_add_f32s(value, weights[register], *sum);
                }
            }
        }
    }
    sums
}

/// Every filter sees the channel of its own number, at most [`PANEL`] of them.
#[inline(always)]
fn depthwise<S: Simd, const ROWS: usize, const REGISTERS: usize>(
    simd: S,
    windows: &[&[&[f32]]; ROWS],
    channels: std::ops::Range<usize>,
    weights: &[[f32; PANEL]],
) -> Sums<S, ROWS, REGISTERS> {
    let mut sums = [[simd.splat_f32s(0.0); REGISTERS]; ROWS];
    let whole = channels.len() == PANEL;
    for (tap, weights) in weights.iter().enumerate() {
        let (weights, _) = S::as_simd_f32s(weights);
        let Some(weights) = weights.first_chunk::<REGISTERS>() else {
            return sums;
        };
        for row in 0..ROWS {
            let values = &windows[row][tap][channels.clone()];
            let mut filled = [0.0; PANEL];
            let values = match values.first_chunk::<PANEL>() {
                Some(values) if whole => values,
                _ => {
                    filled[..values.len()].copy_from_slice(values);
                    &filled
                }
            };
            let (values, _) = S::as_simd_f32s(values);
            let Some(values) = values.first_chunk::<REGISTERS>() else {
                return sums;
            };
            for register in 0..REGISTERS {
                let sum = &mut sums[row][register];
                *sum = simd.mul_add_f32s(values[register], weights[register], *sum);
            }
        }
    }
    sums
}

/// Where the sums of a tile go.
struct Store<'a> {
    panel: &'a Panel,
    filters: usize,
    /// The value of the output that the first filter has at the first place.
    at: usize,
    /// How many places of the tile there are.
    places: usize,
}

impl Store<'_> {
    #[inline(always)]
    fn finish<S: Simd, const ROWS: usize, const REGISTERS: usize>(
        &self,
        simd: S,
        sums: &Sums<S, ROWS, REGISTERS>,
        output: &mut [f32],
        residual: Option<&[f32]>,
    ) {
        let Panel { count, finish, .. } = self.panel;
        for row in 0..ROWS {
            if row >= self.places {
                return;
            }
            let range = self.at + row * self.filters..self.at + row * self.filters + count;
            let mut filled = [0.0; PANEL];
            if let Some(residual) = residual {
                filled[..*count].copy_from_slice(&residual[range.clone()]);
            }
            let residual = residual.map(|_| &filled);
            let mut numbers = [0.0; PANEL];
            let (vectors, _) = S::as_mut_simd_f32s(&mut numbers);
            let Some(vectors) = vectors.first_chunk_mut::<REGISTERS>() else {
                return;
            };
            for register in 0..REGISTERS {
                let of = |numbers: &[f32; PANEL]| {
                    let (vectors, _) = S::as_simd_f32s(numbers);
                    vectors[register]
                };
                let mut sum = simd.add_f32s(sums[row][register], of(&finish.bias));
                if let Some([scales, shifts]) = &finish.norm {
                    sum = simd.add_f32s(simd.mul_f32s(sum, of(scales)), of(shifts));
                }
                if let Some(residual) = residual {
                    sum = simd.add_f32s(sum, of(residual));
                }
                vectors[register] = rectified(simd, finish.rectifier, sum);
            }
            match output[range.clone()].first_chunk_mut::<PANEL>() {
                Some(output) => *output = numbers,
                None => output[range].copy_from_slice(&numbers[..*count]),
            }
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
