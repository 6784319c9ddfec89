//! The forward pass of a convolution where the channels of a map come last: `height × width × channels`.
//!
//! What lies under one value of the window is then a run of all channels, so nothing is unfolded, and neither the
//! sums nor what is done with them need to be turned.

use rayon::prelude::*;

use super::tile::{Finish, PANEL, PLACES, Panel, Places};
use super::{Convolution, Sizes};
use crate::layers::batch_norm::scales_and_shifts;
use crate::operation::{Backward, Forward, Named, Operation};
use crate::rectifier::Rectifier;

/// A convolution with what follows it, for values whose channels come last. No gradient passes through it.
pub(super) struct ChannelsLast {
    conv: Sizes,
    /// The ε of a frozen batch normalisation; its weights come second.
    norm: Option<f32>,
    residual: bool,
    rectifier: Option<Rectifier>,
}

impl ChannelsLast {
    /// The same as `own`, which pools nothing.
    pub(super) fn of(own: &Convolution) -> Self {
        Self {
            conv: own.conv,
            norm: own.norm,
            residual: own.residual,
            rectifier: own.rectifier,
        }
    }

    /// The filters, panel after panel, with what happens to their sums.
    fn panels(&self, weights: &[Named<'_>]) -> Vec<Panel> {
        let bias = weights[0].of("bias");
        let norm = self
            .norm
            .map(|epsilon| scales_and_shifts(&weights[1], epsilon));
        let panels = self.conv.panels();
        panels
            .map(|(filter, count)| {
                let group = filter / self.conv.group_filters();
                let numbers = |of: &dyn Fn(usize) -> f32| {
                    let mut numbers = [0.0; PANEL];
                    for (index, number) in numbers.iter_mut().enumerate().take(count) {
                        *number = of(filter + index);
                    }
                    numbers
                };
                Panel {
                    filter,
                    count,
                    channel: match self.conv.sees_its_own() {
                        true => filter,
                        false => group * self.conv.group_channels(),
                    },
                    finish: Finish {
                        bias: numbers(&|filter| bias.get(filter).copied().unwrap_or(0.0)),
                        norm: norm.as_ref().map(|norm| {
                            [
                                numbers(&|filter| norm[filter].0),
                                numbers(&|filter| norm[filter].1),
                            ]
                        }),
                        rectifier: self.rectifier,
                    },
                }
            })
            .collect()
    }
}

impl Operation for ChannelsLast {
    fn output(&self) -> usize {
        self.conv.map_elements()
    }

    fn prepare(&self, weights: &[Named<'_>]) -> Option<Vec<f32>> {
        Some(self.conv.packed_channels_last(weights[0].of("weight")))
    }

    fn forward(&self, pass: Forward<'_>) {
        let packed;
        let weights = match pass.prepared {
            Some(prepared) => prepared,
            None => {
                packed = self.conv.packed_channels_last(pass.weights[0].of("weight"));
                &packed
            }
        };
        let conv = &self.conv;
        let panels = self.panels(pass.weights);
        let zeros = vec![0.0; conv.channels];
        let places = conv.places_at_a_time(pass.samples);
        let size = places * conv.filters;
        let images = pass.inputs[0];
        pass.output
            .par_chunks_mut(size)
            .enumerate()
            .for_each(|(unit, output)| {
                let first = unit * places;
                let count = output.len() / conv.filters;
                let mut windows = Vec::with_capacity(count * conv.kernel_elements());
                conv.windows(images, &zeros, first..first + count, &mut windows);
                let residual = self.residual.then(|| pass.inputs[1]);
                Places {
                    windows: &windows,
                    taps: conv.kernel_elements(),
                    panels: &panels,
                    channels: (!conv.sees_its_own()).then(|| conv.group_channels()),
                    weights,
                    filters: conv.filters,
                    residual: residual.map(|residual| &residual[unit * size..][..output.len()]),
                    output,
                }
                .run();
            });
    }

    /// Nothing before it and nothing of its own learns, else it would not be laid out like this.
    fn backward(&self, _pass: Backward<'_>) {}
}

impl Sizes {
    /// Whether every filter sees one channel, that of its own number.
    fn sees_its_own(&self) -> bool {
        self.group_channels() == 1 && self.group_filters() == 1
    }

    /// The first filter of every panel, and how many there are. A panel lies within a group, but for those that see
    /// one channel each.
    fn panels(&self) -> impl Iterator<Item = (usize, usize)> + use<> {
        let group = match self.sees_its_own() {
            true => self.filters,
            false => self.group_filters(),
        };
        (0..self.filters).step_by(group).flat_map(move |first| {
            (0..group)
                .step_by(PANEL)
                .map(move |filter| (first + filter, PANEL.min(group - filter)))
        })
    }

    /// The weights as tiles read them; see [`Places::weights`].
    fn packed_channels_last(&self, weight: &[f32]) -> Vec<f32> {
        let (taps, channels) = (self.kernel_elements(), self.group_channels());
        let panels: Vec<(usize, usize)> = self.panels().collect();
        let mut packed = vec![0.0; panels.len() * taps * channels * PANEL];
        let size = taps * channels * PANEL;
        packed
            .par_chunks_exact_mut(size)
            .zip(panels)
            .for_each(|(packed, (filter, count))| {
                let weight = &weight[filter * self.window()..];
                let filters = weight.chunks_exact(self.window()).take(count);
                for (index, weight) in filters.enumerate() {
                    for (channel, weight) in weight.chunks_exact(taps).enumerate() {
                        for (tap, weight) in weight.iter().enumerate() {
                            packed[(tap * channels + channel) * PANEL + index] = *weight;
                        }
                    }
                }
            });
        packed
    }

    /// Places of the maps in one piece of work: what they read stays in a core's cache, and there is work for
    /// every thread even where the batch is a single image.
    fn places_at_a_time(&self, samples: usize) -> usize {
        const VALUES: usize = 1 << 16;
        const UNITS: usize = 16;
        let cached = (VALUES / (self.channels + self.filters)).clamp(2 * PLACES, 32 * PLACES);
        let shared = (samples * self.places()).div_ceil(UNITS);
        cached.min(shared).next_multiple_of(PLACES)
    }

    /// What lies under every value of the window at these places of the maps of a batch.
    fn windows<'a>(
        &self,
        images: &'a [f32],
        zeros: &'a [f32],
        places: std::ops::Range<usize>,
        windows: &mut Vec<&'a [f32]>,
    ) {
        let at = |image: usize, [row, column]: [usize; 2]| {
            let place = image * self.plane() + row * self.image[1] + column;
            &images[place * self.channels..][..self.channels]
        };
        for place in places {
            let (image, place) = (place / self.places(), place % self.places());
            let start = [place / self.map[1], place % self.map[1]];
            let along = |axis: usize, tap: usize| {
                let at = start[axis] * self.stride[axis] + tap * self.dilation[axis];
                at.checked_sub(self.padding[axis])
                    .filter(|&at| at < self.image[axis])
            };
            for y in 0..self.kernel[0] {
                let row = along(0, y);
                windows.extend((0..self.kernel[1]).map(|x| match (row, along(1, x)) {
                    (Some(row), Some(column)) => at(image, [row, column]),
                    _ => zeros,
                }));
            }
        }
    }
}
