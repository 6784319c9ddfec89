//! The gradient of weights behind max pooling, where most of the map's gradient is zero: only the winner of
//! every window receives any, and none where the rectifier is off.
//!
//! Then `dW = Σ dY Xᵀ` is, for each filter, the sum of the windows of a few places. They are added up in
//! registers, a run of the window at a time.

use super::Sizes;
use crate::kernel::stride_of;
use crate::layers::max_pool2d::Windows;

/// Values of a window added up at a time, and the least.
const RUN: usize = 128;
const SHORT: usize = 32;

impl Sizes {
    /// Whether pooling leaves few enough gradients for it to pay.
    pub(super) fn has_sparse_gradient(&self, windows: &Windows) -> bool {
        4 * windows.count_elements() <= self.places() && self.groups == 1
    }

    /// Values from window to window.
    pub(super) fn window_pitch(&self) -> usize {
        stride_of(self.window().next_multiple_of(SHORT))
    }

    /// Adds the gradient of the weights by one sample. `windows` come from [`Sizes::unfold_windows`];
    /// `gradient` and `places` are of the pooled maps; `winners` is used up.
    #[inline(always)]
    pub(super) fn add_sparse_gradient(
        &self,
        windows: &[f32],
        gradient: &[f32],
        places: &[u32],
        winners: &mut Vec<(f32, usize)>,
        sums: &mut [f32],
    ) {
        let (window, pitch) = (self.window(), self.window_pitch());
        let count = gradient.len() / self.filters;
        let filters = gradient.chunks_exact(count).zip(places.chunks_exact(count));
        for ((gradient, places), sums) in filters.zip(sums.chunks_exact_mut(window)) {
            let found = gradient.iter().zip(places);
            let found = found.filter(|(gradient, _)| **gradient != 0.0);
            winners.clear();
            winners.extend(found.map(|(&gradient, &place)| (gradient, place as usize * pitch)));
            let mut at = 0;
            while at < window {
                let (windows, sums) = (&windows[at..], &mut sums[at..]);
                if window - at + SHORT > RUN {
                    add_run::<RUN>(winners, windows, sums);
                    at += RUN;
                } else {
                    add_run::<SHORT>(winners, windows, sums);
                    at += SHORT;
                }
            }
        }
    }
}

/// Adds up `LENGTH` values of the winners' windows; those beyond the end of `sums` count for nothing.
#[inline(always)]
fn add_run<const LENGTH: usize>(winners: &[(f32, usize)], windows: &[f32], sums: &mut [f32]) {
    let mut totals = [0.0; LENGTH];
    for &(gradient, start) in winners {
        if let Some(values) = windows[start..].first_chunk::<LENGTH>() {
            for (total, value) in totals.iter_mut().zip(values) {
                *total += gradient * value;
            }
        }
    }
    for (sum, total) in sums.iter_mut().zip(totals) {
        *sum += total;
    }
}
