//! `dx` where channels come last. What a value of the image has gone into are the places of the map whose windows it
//! lies in: their gradients are the runs under a window of the image, and the weights are the same with filters and
//! channels exchanged.
//!
//! Where windows move by one, that is a convolution itself, of weights turned by half a circle. Else the values of the
//! image fall into classes, by what is left of rows and columns divided by the stride: those of one class meet the
//! same weights.

use rayon::prelude::*;

use super::super::Convolution;
use super::super::Sizes;
use super::rows::within;
use super::tile::{Finish, PANEL, Panel, Places};
use super::{ChannelsLast, Pass};
use crate::compute::{Buffer, Buffers};
use crate::operation::vectorized;

/// The values of images whose rows and columns leave the same when divided by the stride.
struct Class {
    /// What they leave.
    rest: [usize; 2],
    /// The values of the window that they meet, rows and columns.
    taps: Vec<[usize; 2]>,
    /// Panel after panel of channels: tap after tap, filter after filter of the group, a number for each channel.
    weights: Vec<f32>,
}

impl Sizes {
    /// Fills the gradient of the images.
    pub(super) fn fill_input_gradient_last(
        &self,
        buffers: &Buffers,
        weight: &[f32],
        map_gradient: &[f32],
        input_gradient: &mut [f32],
    ) {
        if let Some(turned) = self.turned_round() {
            let samples = map_gradient.len() / self.map_elements();
            let weight = self.turned_weights(buffers, weight);
            let convolution = ChannelsLast::of(&Convolution::alone(turned));
            let panels = turned.plain_panels();
            let packed = turned.packed_channels_last(&weight);
            return convolution.fill_batch(
                buffers,
                samples,
                Pass {
                    images: map_gradient,
                    zeros: &vec![0.0; turned.channels],
                    panels: &panels,
                    weights: &packed,
                    residual: None,
                },
                input_gradient,
            );
        }
        if self.sees_its_own() {
            return self.fill_input_gradient_of_own(weight, map_gradient, input_gradient);
        }
        self.fill_input_gradient_by_classes(weight, map_gradient, input_gradient);
    }

    /// The convolution whose forward pass gives `dx` from `dY`: filters and channels change places. Only where windows
    /// move by one, and no padding is wider than they reach.
    fn turned_round(&self) -> Option<Self> {
        let reach = |axis: usize| (self.kernel[axis] - 1) * self.dilation[axis];
        let padding = [
            reach(0).checked_sub(self.padding[0])?,
            reach(1).checked_sub(self.padding[1])?,
        ];
        (self.stride == [1, 1]).then_some(Self {
            channels: self.filters,
            image: self.map,
            filters: self.channels,
            padding,
            map: self.image,
            ..*self
        })
    }

    /// The weights for [`Sizes::turned_round`]: turned by half a circle, filters and channels exchanged.
    fn turned_weights(&self, buffers: &Buffers, weight: &[f32]) -> Buffer<f32> {
        let (filters, channels) = (self.group_filters(), self.group_channels());
        let size = self.kernel_elements();
        let mut turned = buffers.take(weight.len());
        turned
            .par_chunks_exact_mut(filters * size)
            .enumerate()
            .for_each(|(index, target)| {
                let (group, channel) = (index / channels, index % channels);
                for (filter, target) in target.chunks_exact_mut(size).enumerate() {
                    let start = ((group * filters + filter) * channels + channel) * size;
                    let source = &weight[start..start + size];
                    for (target, source) in target.iter_mut().zip(source.iter().rev()) {
                        *target = *source;
                    }
                }
            });
        turned
    }

    /// Panels of filters whose sums are all there is to do.
    pub(super) fn plain_panels(&self) -> Vec<Panel> {
        let panels = self.panels();
        panels
            .map(|(filter, count)| Panel {
                filter,
                count,
                channel: self.first_channel(filter),
                finish: Finish::default(),
            })
            .collect()
    }

    /// The classes along one axis: what each value of the window meets.
    fn taps_of(&self, axis: usize, rest: usize) -> Vec<usize> {
        let (padding, dilation) = (self.padding[axis], self.dilation[axis]);
        let meets = |tap: &usize| {
            let at = (rest + padding).abs_diff(tap * dilation);
            at.is_multiple_of(self.stride[axis])
        };
        (0..self.kernel[axis]).filter(meets).collect()
    }

    fn classes(&self, weight: &[f32], panels: &[Panel]) -> Vec<Class> {
        let [rows, columns] = self.stride;
        let rests = (0..rows).flat_map(|row| (0..columns).map(move |column| [row, column]));
        let classes = rests.map(|rest| {
            let across = self.taps_of(1, rest[1]);
            let down = self.taps_of(0, rest[0]).into_iter();
            let taps: Vec<[usize; 2]> = down
                .flat_map(|row| across.iter().map(move |&column| [row, column]))
                .collect();
            let filters = self.group_filters();
            let mut weights = vec![0.0; panels.len() * taps.len() * filters * PANEL];
            let by_panel = weights.par_chunks_exact_mut((taps.len() * filters * PANEL).max(1));
            by_panel.zip(panels).for_each(|(packed, panel)| {
                let (first, channels) = (panel.channel, self.group_channels());
                let rows = packed.as_chunks_mut::<PANEL>().0.iter_mut().enumerate();
                for (index, packed) in rows {
                    let ([row, column], filter) = (taps[index / filters], index % filters);
                    let own = &weight[(first + filter) * self.window()..][..self.window()];
                    for (at, packed) in packed.iter_mut().enumerate().take(panel.count) {
                        let channel = (panel.filter + at) % channels;
                        *packed = own[(channel * self.kernel[0] + row) * self.kernel[1] + column];
                    }
                }
            });
            Class {
                rest,
                taps,
                weights,
            }
        });
        classes.collect()
    }

    pub(super) fn fill_input_gradient_by_classes(
        &self,
        weight: &[f32],
        map_gradient: &[f32],
        input_gradient: &mut [f32],
    ) {
        /// Values of a class in a piece of work.
        const PLACES: usize = 96;
        const UNITS: usize = 16;
        let row = self.image[1] * self.channels;
        // Panels of channels; what they see are the filters of their group.
        let exchanged = Self {
            filters: self.channels,
            channels: self.filters,
            ..*self
        };
        let panels = exchanged.plain_panels();
        let classes = self.classes(weight, &panels);
        let zeros = vec![0.0; self.filters];
        let rows = input_gradient.len() / row;
        let wanted = (PLACES * self.stride[0] * self.stride[1]).div_ceil(self.image[1]);
        let rows_at_once = wanted.min(rows.div_ceil(UNITS)).max(1);
        input_gradient
            .par_chunks_mut(rows_at_once * row)
            .enumerate()
            .for_each(|(unit, output)| {
                let mut windows = Vec::new();
                let mut sums = Vec::new();
                for class in &classes {
                    let own: Vec<usize> = (0..output.len() / row)
                        .filter(|index| {
                            let row = (unit * rows_at_once + index) % self.image[0];
                            row % self.stride[0] == class.rest[0]
                        })
                        .collect();
                    let columns = class.rest[1]..self.image[1];
                    let columns = columns.step_by(self.stride[1]);
                    windows.clear();
                    for &index in &own {
                        let at = unit * rows_at_once + index;
                        let map = at / self.image[0] * self.map_elements();
                        let map = &map_gradient[map..][..self.map_elements()];
                        let row = at % self.image[0];
                        for column in columns.clone() {
                            windows.extend(class.taps.iter().map(|&tap| {
                                self.place_of([row, column], tap)
                                    .map_or(&zeros[..], |place| {
                                        &map[place * self.filters..][..self.filters]
                                    })
                            }));
                        }
                    }
                    sums.clear();
                    sums.resize(own.len() * columns.len() * self.channels, 0.0);
                    if !class.taps.is_empty() && !sums.is_empty() {
                        Places {
                            windows: &windows,
                            taps: class.taps.len(),
                            panels: &panels,
                            channels: self.group_filters(),
                            weights: &class.weights,
                            filters: self.channels,
                            output: &mut sums,
                            residual: None,
                        }
                        .run();
                    }
                    let mut places = sums.chunks_exact(self.channels);
                    for &index in &own {
                        let output = &mut output[index * row..][..row];
                        for (column, place) in columns.clone().zip(&mut places) {
                            output[column * self.channels..][..self.channels]
                                .copy_from_slice(place);
                        }
                    }
                }
            });
    }

    /// The place of the map where this value of the window lies on this value of the image.
    fn place_of(&self, at: [usize; 2], tap: [usize; 2]) -> Option<usize> {
        let along = |axis: usize| {
            let moved = at[axis] + self.padding[axis];
            let start = moved.checked_sub(tap[axis] * self.dilation[axis])?;
            let place = start / self.stride[axis];
            (place < self.map[axis]).then_some(place)
        };
        Some(along(0)? * self.map[1] + along(1)?)
    }

    /// The same where every filter sees the channel of its own number, image by image.
    fn fill_input_gradient_of_own(
        &self,
        weight: &[f32],
        map_gradient: &[f32],
        input_gradient: &mut [f32],
    ) {
        let (channels, kernel) = (self.channels, self.kernel_elements());
        let mut by_tap = vec![0.0; weight.len()];
        for (channel, weight) in weight.chunks_exact(kernel).enumerate() {
            for (tap, weight) in weight.iter().enumerate() {
                by_tap[tap * channels + channel] = *weight;
            }
        }
        input_gradient
            .par_chunks_exact_mut(self.image_elements())
            .zip(map_gradient.par_chunks_exact(self.map_elements()))
            .for_each(|(image, map)| {
                vectorized(
                    #[inline(always)]
                    || {
                        image.fill(0.0);
                        let rows = map.chunks_exact(self.map[1] * channels);
                        for (y, row) in rows.enumerate() {
                            for (x, dy) in row.chunks_exact(channels).enumerate() {
                                for down in within(self, 0, y) {
                                    for right in within(self, 1, x) {
                                        let row = y * self.stride[0] + down * self.dilation[0];
                                        let column = x * self.stride[1] + right * self.dilation[1];
                                        let [row, column] =
                                            [row - self.padding[0], column - self.padding[1]];
                                        let at = (row * self.image[1] + column) * channels;
                                        let tap = down * self.kernel[1] + right;
                                        let own = &by_tap[tap * channels..][..channels];
                                        let image = &mut image[at..][..channels];
                                        for ((image, dy), weight) in
                                            image.iter_mut().zip(dy).zip(own)
                                        {
                                            *image += dy * weight;
                                        }
                                    }
                                }
                            }
                        }
                    },
                );
            });
    }
}
