//! A convolution where the channels of a map come last: `height × width × channels`.
//!
//! What lies under one value of the window is then a run of all channels, so nothing is unfolded, and neither the
//! sums nor what is done with them need to be turned. Where there are few channels, images are laid out with their
//! zeros around them, and a run goes over a row of the window. Depthwise convolutions are done row by row, those
//! with windows of 3×3 and many channels patch by patch.

mod bottleneck;
mod input_gradient;
mod outer;
mod own_gradient;
mod patch_gradient;
mod patches;
mod rows;
mod tile;
mod weight_gradient;

use std::ops::Range;

use rayon::prelude::*;

use super::{Convolution, Frozen, Sizes};
use crate::compute::{Buffer, Buffers};
use crate::layers::batch_norm::scales_and_shifts;
use crate::operation::{Backward, Forward, Named, Operation, each_piece, vectorized};
use crate::rectifier::Rectifier;
pub(super) use bottleneck::Bottleneck;
use rows::Rows;
use tile::{Finish, PANEL, PLACES, Panel, Places};

/// A convolution with what follows it, for values whose channels come last. Where a gradient passes through it, that is
/// a rectifier at most.
pub(super) struct ChannelsLast {
    conv: Sizes,
    rectifier: Option<Rectifier>,
    frozen: Frozen,
}

impl ChannelsLast {
    /// The same as `own`, which pools nothing.
    pub(super) fn of(own: &Convolution) -> Self {
        Self {
            conv: own.conv,
            rectifier: own.rectifier,
            frozen: own.frozen.clone(),
        }
    }

    /// The filters, panel after panel, with what happens to their sums.
    fn panels(&self, weights: &[Named<'_>]) -> Vec<Panel> {
        let bias = weights[0].of("bias");
        let norm = self
            .frozen
            .norm
            .map(|epsilon| scales_and_shifts(&weights[1], epsilon));
        let panels = self.conv.panels();
        panels
            .map(|(filter, count)| {
                let numbers = |of: &dyn Fn(usize) -> f32| {
                    let mut numbers = [0.0; PANEL];
                    for (index, number) in numbers.iter_mut().enumerate().take(count) {
                        *number = of(filter + index);
                    }
                    numbers
                };
                let bias = (!bias.is_empty()).then(|| numbers(&|filter| bias[filter]));
                let norm = norm.as_ref().map(|norm| {
                    let scales = numbers(&|filter| norm[filter].0);
                    [scales, numbers(&|filter| norm[filter].1)]
                });
                Panel {
                    filter,
                    count,
                    channel: self.conv.first_channel(filter),
                    finish: Finish {
                        bias,
                        norm,
                        rectifier: self.rectifier,
                    },
                }
            })
            .collect()
    }

    /// The places of the maps that `output` holds, from the one counted `first` on.
    fn fill(&self, pass: &Pass<'_>, first: usize, output: &mut [f32]) {
        let conv = &self.conv;
        let places = first..first + output.len() / conv.filters;
        let residual = pass
            .residual
            .map(|residual| &residual[first * conv.filters..][..output.len()]);
        let taps = conv.taps();
        let mut windows = Vec::with_capacity(places.len() * taps);
        conv.windows(pass.images, pass.zeros, places, &mut windows);
        Places {
            windows: &windows,
            taps,
            panels: pass.panels,
            channels: conv.window() / taps,
            weights: pass.weights,
            filters: conv.filters,
            residual,
            output,
        }
        .run();
    }

    /// The same where every filter sees the channel of its own number; whole rows of the maps.
    fn fill_rows(&self, pass: &Pass<'_>, first: usize, output: &mut [f32]) {
        let conv = &self.conv;
        let size = conv.map[1] * conv.filters;
        let runs = &rows::runs(conv);
        for (row, output) in output.chunks_exact_mut(size).enumerate() {
            let row = first / conv.map[1] + row;
            let (image, y) = (row / conv.map[0], row % conv.map[0]);
            Rows {
                conv,
                image: &pass.images[image * conv.image_elements()..][..conv.image_elements()],
                first: 0,
                runs,
                panels: pass.panels,
                weights: pass.weights,
                row: y,
                residual: pass
                    .residual
                    .map(|residual| &residual[row * size..][..size]),
                output,
            }
            .run();
        }
    }
}

/// What all pieces of work read.
struct Pass<'a> {
    images: &'a [f32],
    /// As many as there are channels.
    zeros: &'a [f32],
    panels: &'a [Panel],
    weights: &'a [f32],
    residual: Option<&'a [f32]>,
}

impl Operation for ChannelsLast {
    fn output(&self) -> usize {
        self.conv.map_elements()
    }

    fn prepare(&self, weights: &[Named<'_>]) -> Option<Vec<f32>> {
        Some(self.conv.packed_channels_last(weights[0].of("weight")))
    }

    fn forward(&self, pass: Forward<'_>) {
        let conv = &self.conv;
        let packed;
        let weights = match pass.prepared {
            Some(prepared) => prepared,
            None => {
                packed = conv.packed_channels_last(pass.weights[0].of("weight"));
                &packed
            }
        };
        let own = Pass {
            images: pass.inputs[0],
            zeros: &vec![0.0; conv.channels],
            panels: &self.panels(pass.weights),
            weights,
            residual: self.frozen.residual.then(|| pass.inputs[1]),
        };
        self.fill_batch(pass.buffers, pass.samples, own, pass.output);
    }

    fn backward(&self, pass: Backward<'_>) {
        let (conv, buffers) = (&self.conv, pass.buffers);
        if let Some(rectifier) = self.rectifier {
            each_piece(
                pass.output_gradient,
                pass.output,
                pass.samples,
                |gradient, output| {
                    vectorized(
                        #[inline(always)]
                        || rectifier.mask(gradient, output),
                    )
                },
            );
        }
        let dy = &*pass.output_gradient;
        if let Some(mut gradients) = pass.parameter_gradients {
            let (weight, bias) = (gradients.take("weight"), gradients.take("bias"));
            conv.fill_weight_gradient_last(buffers, pass.inputs[0], dy, weight);
            if !bias.is_empty() {
                conv.fill_bias_gradient_last(dy, pass.samples, bias);
            }
        }
        if let Some(Some(input_gradient)) = pass.input_gradients.first_mut() {
            let weight = pass.weights[0].of("weight");
            conv.fill_input_gradient_last(buffers, weight, dy, input_gradient);
        }
    }
}

impl ChannelsLast {
    /// Fills the maps of a batch from images as they are.
    fn fill_batch(&self, buffers: &Buffers, samples: usize, pass: Pass<'_>, output: &mut [f32]) {
        let conv = &self.conv;
        let framed = conv
            .is_narrow()
            .then(|| conv.framed(buffers, pass.images, samples));
        let own = Pass {
            images: framed.as_deref().unwrap_or(pass.images),
            ..pass
        };
        if conv.suits_patches() {
            return self.fill_patches(buffers, &own, samples, output);
        }
        let places = match conv.sees_its_own() {
            true => conv.map[1] * conv.places_at_a_time(samples).div_ceil(conv.map[1]),
            false => conv.places_at_a_time(samples),
        };
        output
            .par_chunks_mut(places * conv.filters)
            .enumerate()
            .for_each(|(unit, output)| {
                match conv.sees_its_own() {
                    true => self.fill_rows(&own, unit * places, output),
                    false => self.fill(&own, unit * places, output),
                }
                self.activate(output);
            });
    }

    /// Does to values of the map what is not done while they are sums.
    fn activate(&self, output: &mut [f32]) {
        if let Some(activation) = &self.frozen.activation {
            activation.apply(output);
        }
    }
}

impl Sizes {
    /// Whether every filter sees one channel, that of its own number.
    pub(super) fn sees_its_own(&self) -> bool {
        self.group_channels() == 1 && self.group_filters() == 1 && self.channels > 1
    }

    /// The first channel that the panel of a filter sees.
    fn first_channel(&self, filter: usize) -> usize {
        match self.sees_its_own() {
            true => filter,
            false => filter / self.group_filters() * self.group_channels(),
        }
    }

    /// Whether there are so few channels that rows of the window are worth being seen as one run.
    fn is_narrow(&self) -> bool {
        self.groups == 1 && self.channels < PANEL && self.kernel[1] > 1 && self.dilation[1] == 1
    }

    /// Runs of values under a window.
    fn taps(&self) -> usize {
        match self.is_narrow() {
            true => self.kernel[0],
            false => self.kernel_elements(),
        }
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

    /// The weights as they are read.
    fn packed_channels_last(&self, weight: &[f32]) -> Vec<f32> {
        match self.suits_patches() {
            true => self.packed_patches(weight),
            false => self.packed_tiles(weight),
        }
    }

    /// How many numbers [`Self::packed_tiles`] gives.
    fn packed_tiles_len(&self) -> usize {
        self.panels().count() * self.window() * PANEL
    }

    /// The weights as tiles read them; see [`Places::weights`].
    fn packed_tiles(&self, weight: &[f32]) -> Vec<f32> {
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

    /// Height and width of an image with its padding, as far as windows reach.
    fn frame(&self) -> [usize; 2] {
        [0, 1].map(|axis| {
            let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
            let read = (self.map[axis] - 1) * self.stride[axis] + reach;
            read.max(self.padding[axis] + self.image[axis])
        })
    }

    /// A batch of images with zeros around them.
    fn framed(&self, buffers: &Buffers, images: &[f32], samples: usize) -> Buffer<f32> {
        let [height, width] = self.frame();
        let [above, left] = self.padding;
        let row = self.image[1] * self.channels;
        let mut framed = buffers.take(samples * height * width * self.channels);
        framed
            .par_chunks_exact_mut(height * width * self.channels)
            .zip(images.par_chunks_exact(self.image_elements()))
            .for_each(|(framed, image)| {
                framed.fill(0.0);
                let rows = framed.chunks_exact_mut(width * self.channels).skip(above);
                for (framed, image) in rows.zip(image.chunks_exact(row)) {
                    framed[left * self.channels..][..row].copy_from_slice(image);
                }
            });
        framed
    }

    /// What lies under the windows of these places of the maps of a batch, run after run.
    fn windows<'a>(
        &self,
        images: &'a [f32],
        zeros: &'a [f32],
        places: Range<usize>,
        windows: &mut Vec<&'a [f32]>,
    ) {
        let (narrow, channels) = (self.is_narrow(), self.channels);
        if self.kernel == [1, 1] && self.stride == [1, 1] && self.padding == [0, 0] {
            let own = images[places.start * channels..].chunks_exact(channels);
            windows.extend(own.take(places.len()));
            return;
        }
        let [height, width] = match narrow {
            true => self.frame(),
            false => self.image,
        };
        let run = match narrow {
            true => self.kernel[1] * channels,
            false => channels,
        };
        let mut image = places.start / self.places();
        let mut start = [
            places.start % self.places() / self.map[1],
            places.start % self.map[1],
        ];
        for _ in places {
            let at = |row: usize, column: usize| {
                let place = (image * height + row) * width + column;
                &images[place * channels..][..run]
            };
            let [top, left] = [0, 1].map(|axis| start[axis] * self.stride[axis]);
            for y in 0..self.kernel[0] {
                let row = top + y * self.dilation[0];
                if narrow {
                    windows.push(at(row, left));
                    continue;
                }
                let row = row.checked_sub(self.padding[0]).filter(|&row| row < height);
                windows.extend((0..self.kernel[1]).map(|x| {
                    let column = left + x * self.dilation[1];
                    let column = column
                        .checked_sub(self.padding[1])
                        .filter(|&column| column < width);
                    match (row, column) {
                        (Some(row), Some(column)) => at(row, column),
                        _ => zeros,
                    }
                }));
            }
            start[1] += 1;
            if start[1] == self.map[1] {
                start = [start[0] + 1, 0];
                if start[0] == self.map[0] {
                    (image, start) = (image + 1, [0, 0]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
