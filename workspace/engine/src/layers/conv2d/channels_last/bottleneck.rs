//! A bottleneck whose channels come last, some rows at a time: as many as leave its widened maps in a core's cache.
//!
//! Every value is computed as by the convolutions one after the other, so it has the same bits.

use std::ops::Range;

use rayon::prelude::*;

use super::super::{Convolution, Sizes};
use super::rows::{Rows, runs};
use super::tile::{PLACES, Panel};
use super::{ChannelsLast, Pass};
use crate::compute::{Buffer, Buffers};
use crate::operation::{Backward, Forward, Named, Operation};

/// Numbers of widened maps that are held at a time.
const HELD: usize = 1 << 17;
/// Pieces of work that are aimed at, so that every thread has as much as any other.
const UNITS: usize = 16;
/// With fewer, parts are done one after the other, each in pieces of its own.
const FEWEST: usize = 8;

/// A depthwise convolution with the pointwise one before it, the one behind it, or both.
pub(in super::super) struct Bottleneck {
    expansion: Option<ChannelsLast>,
    depthwise: ChannelsLast,
    projection: Option<ChannelsLast>,
}

/// A part of it in one forward pass.
struct Part<'a> {
    own: &'a ChannelsLast,
    panels: Vec<Panel>,
    weights: &'a [f32],
}

/// What all pieces of work read.
struct Parts<'a> {
    expansion: Option<Part<'a>>,
    depthwise: Part<'a>,
    projection: Option<Part<'a>>,
    images: &'a [f32],
    /// Added to what the last part gives.
    residual: Option<&'a [f32]>,
}

/// Some rows of the map of an image, or all of several.
struct Unit<'a> {
    images: Range<usize>,
    rows: Range<usize>,
    output: &'a mut [f32],
    /// Where these begin in the maps of the batch.
    at: usize,
}

impl Bottleneck {
    /// The same as these, in order; nothing where none of them is depthwise.
    pub(in super::super) fn of(parts: &[Convolution]) -> Option<Self> {
        let at = parts.iter().position(|part| part.conv.sees_its_own())?;
        Some(Self {
            expansion: parts[..at].first().map(ChannelsLast::of),
            depthwise: ChannelsLast::of(&parts[at]),
            projection: parts[at + 1..].first().map(ChannelsLast::of),
        })
    }

    fn parts(&self) -> impl Iterator<Item = &ChannelsLast> {
        let before = self.expansion.iter().chain([&self.depthwise]);
        before.chain(&self.projection)
    }

    fn last(&self) -> &ChannelsLast {
        self.projection.as_ref().unwrap_or(&self.depthwise)
    }

    /// Rows of the expanded map that so many rows of the depthwise one are made of; all where it is all.
    fn rows_under(&self, rows: usize) -> usize {
        let conv = &self.depthwise.conv;
        if rows == conv.map[0] {
            return conv.image[0];
        }
        ((rows - 1) * conv.stride[0] + conv.reach_of_rows()).min(conv.image[0])
    }

    /// Rows of the map that are computed at a time.
    fn rows_at_a_time(&self) -> usize {
        let [rows, columns] = self.depthwise.conv.map;
        let fitting = (1..=rows).take_while(|&rows| self.held(rows) <= HELD);
        let fitting = fitting.last().unwrap_or(1);
        // As many as fill tiles of places.
        let filling = (1..PLACES).find(|rows| (rows * columns).is_multiple_of(PLACES));
        let filling = filling.unwrap_or(PLACES);
        match fitting == rows || fitting < filling {
            true => fitting,
            false => fitting / filling * filling,
        }
    }

    /// Rows of the map in one piece of work, at least: what lies under two pieces is expanded twice, which is to be little.
    fn rows_that_pay(&self) -> usize {
        let conv = &self.depthwise.conv;
        let twice = conv.reach_of_rows().saturating_sub(conv.stride[0]);
        match self.expansion {
            Some(_) => (8 * twice).div_ceil(conv.stride[0]).max(1),
            None => 1,
        }
    }

    /// Numbers of widened maps that are held while so many rows of an image are computed.
    fn held(&self, rows: usize) -> usize {
        let conv = &self.depthwise.conv;
        let before = match self.expansion {
            Some(_) => self.rows_under(rows) * conv.image[1],
            None => 0,
        };
        let behind = match self.projection {
            Some(_) => rows * conv.map[1],
            None => 0,
        };
        (before + behind) * conv.channels
    }

    /// Cuts a batch into pieces of work; gives it back where they would be too few.
    fn units<'a>(
        &self,
        samples: usize,
        output: &'a mut [f32],
    ) -> Result<Vec<Unit<'a>>, &'a mut [f32]> {
        let rows = self.depthwise.conv.map[0];
        let step = self.rows_at_a_time();
        let (images, rows_of_unit) = match step == rows {
            true => (HELD / self.held(rows), rows),
            false => {
                let bands = UNITS.div_ceil(samples);
                let least = rows.div_ceil(bands).max(self.rows_that_pay());
                let steps = if least < step { 1 } else { step };
                (1, least.next_multiple_of(steps).min(rows))
            }
        };
        let images = images.clamp(1, samples.div_ceil(UNITS));
        if samples.div_ceil(images) * rows.div_ceil(rows_of_unit) < FEWEST {
            return Err(output);
        }
        let row = self.last().conv.map_elements() / rows;
        let (mut units, mut rest, mut at) = (Vec::new(), output, 0);
        for image in (0..samples).step_by(images) {
            let images = image..samples.min(image + images);
            for top in (0..rows).step_by(rows_of_unit) {
                let rows = top..rows.min(top + rows_of_unit);
                let size = images.len() * rows.len() * row;
                units.push(Unit {
                    images: images.clone(),
                    rows,
                    output: rest.split_off_mut(..size).unwrap_or_default(),
                    at,
                });
                at += size;
            }
        }
        Ok(units)
    }

    /// Its parts for a pass.
    fn ready<'a>(
        &'a self,
        mut weights: &[Named<'_>],
        mut prepared: &'a [f32],
        inputs: &[&'a [f32]],
    ) -> Parts<'a> {
        let mut part = |own: &'a ChannelsLast| {
            let panels = own.panels(weights);
            weights = &weights[1 + usize::from(own.frozen.norm.is_some())..];
            let (own_weights, rest) = prepared.split_at(own.conv.packed_tiles_len());
            prepared = rest;
            Part {
                own,
                panels,
                weights: own_weights,
            }
        };
        Parts {
            expansion: self.expansion.as_ref().map(&mut part),
            depthwise: part(&self.depthwise),
            projection: self.projection.as_ref().map(&mut part),
            images: inputs[0],
            residual: self.last().frozen.residual.then(|| inputs[1]),
        }
    }

    /// Computes a piece of work.
    fn fill(&self, buffers: &Buffers, parts: &Parts<'_>, unit: Unit<'_>) {
        let conv = &self.depthwise.conv;
        let (step, images) = (self.rows_at_a_time(), unit.images);
        let room = |part: &Option<ChannelsLast>, places: usize| {
            let size = images.len() * places * conv.channels;
            part.as_ref().map(|_| buffers.take(size))
        };
        let mut expanded = room(&self.expansion, self.rows_under(step) * conv.image[1]);
        let mut filtered = room(&self.projection, step * conv.map[1]);
        let row = self.last().conv.map_elements() / conv.map[0];
        let (mut rest, mut at) = (unit.output, unit.at);
        // Rows of the expanded maps that are there.
        let mut held = 0..0;
        for top in unit.rows.clone().step_by(step) {
            let rows = top..unit.rows.end.min(top + step);
            let size = images.len() * rows.len() * row;
            let output = rest.split_off_mut(..size).unwrap_or_default();
            let residual = parts.residual.map(|residual| &residual[at..at + size]);
            at += size;
            if let (Some(expansion), Some(expanded)) = (&parts.expansion, &mut expanded) {
                held = expand(
                    conv,
                    expansion,
                    parts.images,
                    &images,
                    &rows,
                    held,
                    expanded,
                );
            }
            let seen = match &expanded {
                Some(expanded) => Seen {
                    images: expanded,
                    rows: held.clone(),
                },
                None => Seen {
                    images: &parts.images[images.start * conv.image_elements()..],
                    rows: 0..conv.image[0],
                },
            };
            match (&parts.projection, &mut filtered) {
                (Some(projection), Some(filtered)) => {
                    let places = images.len() * rows.len() * conv.map[1];
                    let filtered = &mut filtered[..places * conv.channels];
                    filter(&parts.depthwise, &seen, &rows, None, filtered);
                    projection.fill(filtered, residual, 0, output);
                }
                _ => filter(&parts.depthwise, &seen, &rows, residual, output),
            }
        }
    }
}

/// Rows of images that are there, image after image.
struct Seen<'a> {
    images: &'a [f32],
    rows: Range<usize>,
}

impl Parts<'_> {
    /// Computes the maps of a batch, part by part, with whole maps in between.
    fn fill_one_by_one(&self, buffers: &Buffers, samples: usize, output: &mut [f32]) {
        let parts = self.expansion.iter().chain([&self.depthwise]);
        let mut parts = parts.chain(&self.projection).peekable();
        let (mut before, mut output): (Option<Buffer<f32>>, _) = (None, Some(output));
        while let Some(part) = parts.next() {
            let images = before.as_deref().unwrap_or(self.images);
            let fill = |residual, output: &mut [f32]| {
                let pass = part.pass(images, residual);
                part.own.fill_batch(buffers, samples, pass, output);
            };
            if parts.peek().is_some() {
                let mut map = buffers.take(samples * part.own.conv.map_elements());
                fill(None, &mut map);
                before = Some(map);
            } else if let Some(output) = output.take() {
                fill(self.residual, output);
            }
        }
    }
}

impl Part<'_> {
    fn pass<'b>(&'b self, images: &'b [f32], residual: Option<&'b [f32]>) -> Pass<'b> {
        Pass {
            images,
            // No part reads zeros: pointwise ones have no padding, and depthwise ones leave theirs out.
            zeros: &[],
            panels: &self.panels,
            weights: self.weights,
            residual,
        }
    }

    /// The places of the map that `output` holds, from the one counted `first` on.
    fn fill(&self, images: &[f32], residual: Option<&[f32]>, first: usize, output: &mut [f32]) {
        self.own.fill(&self.pass(images, residual), first, output);
        self.own.activate(output);
    }
}

/// Sees to it that all rows of the expanded maps are there that lie under these rows of the depthwise ones, where those
/// of `held` are; gives which they are.
fn expand(
    conv: &Sizes,
    expansion: &Part<'_>,
    input: &[f32],
    images: &Range<usize>,
    rows: &Range<usize>,
    held: Range<usize>,
    expanded: &mut [f32],
) -> Range<usize> {
    let row = conv.image[1] * conv.channels;
    let wanted = match rows.len() == conv.map[0] {
        true => 0..conv.image[0],
        false => conv.rows_seen_by(rows),
    };
    let kept = wanted.start..held.end.clamp(wanted.start, wanted.end);
    if !kept.is_empty() {
        let from = (kept.start - held.start) * row;
        expanded.copy_within(from..from + kept.len() * row, 0);
    }
    // Only one image has rows left from before, so those of several lie side by side.
    let new = kept.end..wanted.end;
    let place = (images.start * conv.image[0] + new.start) * conv.image[1];
    let to = &mut expanded[kept.len() * row..][..images.len() * new.len() * row];
    expansion.fill(input, None, place, to);
    wanted
}

/// These rows of the depthwise maps.
fn filter(
    depthwise: &Part<'_>,
    seen: &Seen<'_>,
    rows: &Range<usize>,
    residual: Option<&[f32]>,
    output: &mut [f32],
) {
    let conv = &depthwise.own.conv;
    let size = conv.map[1] * conv.channels;
    let runs = &runs(conv);
    let image = seen.rows.len() * conv.image[1] * conv.channels;
    for (index, output) in output.chunks_exact_mut(size).enumerate() {
        Rows {
            conv,
            image: &seen.images[index / rows.len() * image..],
            first: seen.rows.start,
            runs,
            panels: &depthwise.panels,
            weights: depthwise.weights,
            row: rows.start + index % rows.len(),
            residual: residual.map(|residual| &residual[index * size..][..size]),
            output,
        }
        .run();
    }
    depthwise.own.activate(output);
}

impl Sizes {
    /// Rows of the image that lie under windows of these rows of the map.
    fn rows_seen_by(&self, rows: &Range<usize>) -> Range<usize> {
        let within = |row: usize| row.saturating_sub(self.padding[0]).min(self.image[0]);
        let end = (rows.end - 1) * self.stride[0] + self.reach_of_rows();
        within(rows.start * self.stride[0])..within(end)
    }

    /// Rows of the image from the first to the last that lies under a window.
    fn reach_of_rows(&self) -> usize {
        (self.kernel[0] - 1) * self.dilation[0] + 1
    }
}

impl Operation for Bottleneck {
    fn output(&self) -> usize {
        self.last().output()
    }

    fn prepare(&self, weights: &[Named<'_>]) -> Option<Vec<f32>> {
        let mut weights = weights.iter();
        let packed = self.parts().filter_map(|part| {
            let own = weights.next()?;
            if part.frozen.norm.is_some() {
                weights.next();
            }
            Some(part.conv.packed_channels_last(own.of("weight")))
        });
        Some(packed.collect::<Vec<_>>().concat())
    }

    fn forward(&self, pass: Forward<'_>) {
        if pass.samples == 0 {
            return;
        }
        let packed;
        let prepared = match pass.prepared {
            Some(prepared) => prepared,
            None => {
                packed = self.prepare(pass.weights).unwrap_or_default();
                &packed
            }
        };
        let parts = self.ready(pass.weights, prepared, pass.inputs);
        match self.units(pass.samples, pass.output) {
            Ok(units) => (units.into_par_iter())
                .with_max_len(1)
                .for_each(|unit| self.fill(pass.buffers, &parts, unit)),
            Err(output) => parts.fill_one_by_one(pass.buffers, pass.samples, output),
        }
    }

    /// No gradient passes through it.
    fn backward(&self, _pass: Backward<'_>) {}
}

#[cfg(test)]
mod tests;
