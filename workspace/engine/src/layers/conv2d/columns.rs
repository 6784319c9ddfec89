//! Unfolding images into columns and folding columns back.
//!
//! Row `(channel, y, x)` of the columns holds, for every place of the map, the value that the weight at
//! `(channel, y, x)` is multiplied by. Where there is padding, the part of the image that a tile needs is
//! first laid out with its zeros around it, so that every row is made of whole runs.

use std::ops::Range;

use super::Sizes;

/// Some rows of the maps of some images.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tile {
    pub(super) images: Range<usize>,
    pub(super) rows: Range<usize>,
}

impl Tile {
    pub(super) fn places(&self, conv: &Sizes) -> usize {
        self.images.len() * self.rows.len() * conv.map[1]
    }
}

/// The part of a plane that the rows of a tile read, and where its rows lie.
struct Patch {
    /// First row, counted in the padded plane, and how many.
    top: usize,
    rows: usize,
    /// Values from row to row of the padded plane.
    width: usize,
}

impl Sizes {
    fn patch(&self, rows: &Range<usize>) -> Patch {
        let reach = (self.kernel[0] - 1) * self.dilation[0] + 1;
        Patch {
            top: rows.start * self.stride[0],
            rows: (rows.len() - 1) * self.stride[0] + reach,
            width: self.padded(1),
        }
    }

    /// Rows or columns of a plane with its padding, as far as windows reach.
    fn padded(&self, axis: usize) -> usize {
        let reach = (self.kernel[axis] - 1) * self.dilation[axis] + 1;
        let read = (self.map[axis] - 1) * self.stride[axis] + reach;
        read.max(self.padding[axis] + self.image[axis])
    }

    fn is_padded(&self) -> bool {
        (0..2).any(|axis| self.padded(axis) > self.image[axis])
    }

    /// Room that [`Sizes::unfold`] and [`Sizes::fold`] need for one padded plane.
    pub(super) fn plane_scratch(&self, rows: &Range<usize>) -> usize {
        let patch = self.patch(rows);
        match self.is_padded() {
            true => patch.rows * patch.width,
            false => 0,
        }
    }

    /// Rows of the image that a padded patch holds, and the row of the patch they start at.
    fn rows_within(&self, patch: &Patch) -> (Range<usize>, usize) {
        let start = patch.top.saturating_sub(self.padding[0]);
        let end = (patch.top + patch.rows).saturating_sub(self.padding[0]);
        let end = end.min(self.image[0]);
        let at = (start + self.padding[0]).saturating_sub(patch.top);
        (start.min(end)..end, at)
    }

    /// Fills the rows of `channels` of the columns of a tile: each `stride` values after the last,
    /// the places of one image after those of another. `images` holds the whole batch.
    #[inline(always)]
    pub(super) fn unfold(
        &self,
        images: &[f32],
        tile: &Tile,
        channels: Range<usize>,
        plane: &mut [f32],
        columns: &mut [f32],
        stride: usize,
    ) {
        let patch = self.patch(&tile.rows);
        let places = tile.rows.len() * self.map[1];
        for (number, image) in tile.images.clone().enumerate() {
            for (index, channel) in channels.clone().enumerate() {
                let start = image * self.image_elements() + channel * self.plane();
                let source = &images[start..start + self.plane()];
                let rows =
                    &mut columns[index * self.kernel_elements() * stride + number * places..];
                if self.is_padded() {
                    self.pad(source, &patch, plane);
                    self.unfold_plane(plane, patch.width, rows, stride, places);
                } else {
                    let source = &source[patch.top * self.image[1]..];
                    self.unfold_plane(source, patch.width, rows, stride, places);
                }
            }
        }
    }

    /// A patch of one channel with its zeros.
    #[inline(always)]
    fn pad(&self, source: &[f32], patch: &Patch, plane: &mut [f32]) {
        let (within, at) = self.rows_within(patch);
        plane.fill(0.0);
        for (row, target) in within.zip(plane.chunks_exact_mut(patch.width).skip(at)) {
            let from = &source[row * self.image[1]..(row + 1) * self.image[1]];
            target[self.padding[1]..][..self.image[1]].copy_from_slice(from);
        }
    }

    /// The transpose of what [`Sizes::unfold`] gives for one whole image: the window of every place, each
    /// `pitch` values after the last.
    #[inline(always)]
    pub(super) fn unfold_windows(
        &self,
        image: &[f32],
        plane: &mut [f32],
        windows: &mut [f32],
        pitch: usize,
    ) {
        let patch = self.patch(&(0..self.map[0]));
        for (channel, source) in image.chunks_exact(self.plane()).enumerate() {
            let windows = &mut windows[channel * self.kernel_elements()..];
            let source = if self.is_padded() {
                self.pad(source, &patch, plane);
                &*plane
            } else {
                source
            };
            match (self.kernel[1], self.dilation[1]) {
                (3, 1) => self.unfold_plane_windows::<3>(source, patch.width, windows, pitch),
                (5, 1) => self.unfold_plane_windows::<5>(source, patch.width, windows, pitch),
                _ => self.unfold_plane_windows::<0>(source, patch.width, windows, pitch),
            }
        }
    }

    /// The windows of one channel. `WIDTH` is that of the kernel, if it was known beforehand, or 0.
    #[inline(always)]
    fn unfold_plane_windows<const WIDTH: usize>(
        &self,
        plane: &[f32],
        width: usize,
        windows: &mut [f32],
        pitch: usize,
    ) {
        for (y, row) in (0..self.map[0]).flat_map(|y| (0..self.kernel[0]).map(move |row| (y, row)))
        {
            let source = &plane[(y * self.stride[0] + row * self.dilation[0]) * width..][..width];
            let targets =
                windows[y * self.map[1] * pitch + row * self.kernel[1]..].chunks_mut(pitch);
            for (x, target) in targets.take(self.map[1]).enumerate() {
                let source = &source[x * self.stride[1]..];
                match (
                    target.first_chunk_mut::<WIDTH>(),
                    source.first_chunk::<WIDTH>(),
                ) {
                    (Some(target), Some(source)) if WIDTH > 0 => *target = *source,
                    _ => {
                        let values = source.iter().step_by(self.dilation[1]);
                        let target = &mut target[..self.kernel[1]];
                        target
                            .iter_mut()
                            .zip(values)
                            .for_each(|(to, from)| *to = *from);
                    }
                }
            }
        }
    }

    #[inline(always)]
    fn unfold_plane(
        &self,
        plane: &[f32],
        width: usize,
        columns: &mut [f32],
        stride: usize,
        places: usize,
    ) {
        for offset in 0..self.kernel_elements() {
            let (y, x) = (offset / self.kernel[1], offset % self.kernel[1]);
            let source = &plane[y * self.dilation[0] * width + x * self.dilation[1]..];
            let row = &mut columns[offset * stride..][..places];
            copy_runs(
                source,
                width * self.stride[0],
                self.stride[1],
                row,
                self.map[1],
            );
        }
    }

    /// Adds up in the images of a tile what `unfold` would have read from each place; its exact
    /// transpose. The tile must hold whole images, whose gradients `images` is: it is overwritten.
    #[inline(always)]
    pub(super) fn fold(
        &self,
        columns: &[f32],
        stride: usize,
        channels: Range<usize>,
        plane: &mut [f32],
        images: &mut [f32],
    ) {
        let patch = self.patch(&(0..self.map[0]));
        for (number, image) in images.chunks_exact_mut(self.image_elements()).enumerate() {
            for (index, channel) in channels.clone().enumerate() {
                let target = &mut image[channel * self.plane()..(channel + 1) * self.plane()];
                let rows =
                    &columns[index * self.kernel_elements() * stride + number * self.places()..];
                if self.is_padded() {
                    plane.fill(0.0);
                    self.fold_plane(rows, stride, plane, patch.width);
                    target.fill(0.0);
                    let (within, at) = self.rows_within(&patch);
                    for (row, source) in within.zip(plane.chunks_exact(patch.width).skip(at)) {
                        let to = &mut target[row * self.image[1]..(row + 1) * self.image[1]];
                        to.copy_from_slice(&source[self.padding[1]..][..self.image[1]]);
                    }
                } else {
                    target.fill(0.0);
                    self.fold_plane(rows, stride, target, patch.width);
                }
            }
        }
    }

    #[inline(always)]
    fn fold_plane(&self, columns: &[f32], stride: usize, plane: &mut [f32], width: usize) {
        for offset in 0..self.kernel_elements() {
            let (y, x) = (offset / self.kernel[1], offset % self.kernel[1]);
            let target = &mut plane[y * self.dilation[0] * width + x * self.dilation[1]..];
            let row = &columns[offset * stride..][..self.places()];
            add_runs(
                row,
                self.map[1],
                target,
                width * self.stride[0],
                self.stride[1],
            );
        }
    }
}

/// Copies runs of `width` values that start `pitch` values apart and take every `step`th one. As slices,
/// so few values would cost a call each: the usual widths are known to the compiler.
#[inline(always)]
fn copy_runs(source: &[f32], pitch: usize, step: usize, target: &mut [f32], width: usize) {
    if step == 1 {
        match width {
            4 => return copy_arrays::<4>(source, pitch, target),
            7 => return copy_arrays::<7>(source, pitch, target),
            8 => return copy_arrays::<8>(source, pitch, target),
            12 => return copy_arrays::<12>(source, pitch, target),
            14 => return copy_arrays::<14>(source, pitch, target),
            16 => return copy_arrays::<16>(source, pitch, target),
            24 => return copy_arrays::<24>(source, pitch, target),
            28 => return copy_arrays::<28>(source, pitch, target),
            32 => return copy_arrays::<32>(source, pitch, target),
            56 => return copy_arrays::<56>(source, pitch, target),
            _ => {}
        }
    }
    for (target, source) in target.chunks_exact_mut(width).zip(source.chunks(pitch)) {
        match step {
            1 => target.copy_from_slice(&source[..width]),
            2 => {
                let (pairs, rest) = source.as_chunks::<2>();
                let values = pairs
                    .iter()
                    .map(|pair| pair[0])
                    .chain(rest.first().copied());
                for (target, value) in target.iter_mut().zip(values) {
                    *target = value;
                }
            }
            step => {
                for (target, value) in target.iter_mut().zip(source.iter().step_by(step)) {
                    *target = *value;
                }
            }
        }
    }
}

#[inline(always)]
fn copy_arrays<const WIDTH: usize>(source: &[f32], pitch: usize, target: &mut [f32]) {
    let targets = target.as_chunks_mut::<WIDTH>().0;
    for (target, source) in targets.iter_mut().zip(source.chunks(pitch)) {
        if let Some(source) = source.first_chunk::<WIDTH>() {
            *target = *source;
        }
    }
}

/// The transpose of [`copy_runs`]: adds where that one reads.
#[inline(always)]
fn add_runs(source: &[f32], width: usize, target: &mut [f32], pitch: usize, step: usize) {
    if step == 1 {
        match width {
            4 => return add_arrays::<4>(source, target, pitch),
            7 => return add_arrays::<7>(source, target, pitch),
            8 => return add_arrays::<8>(source, target, pitch),
            12 => return add_arrays::<12>(source, target, pitch),
            14 => return add_arrays::<14>(source, target, pitch),
            16 => return add_arrays::<16>(source, target, pitch),
            24 => return add_arrays::<24>(source, target, pitch),
            28 => return add_arrays::<28>(source, target, pitch),
            _ => {}
        }
    }
    for (source, target) in source.chunks_exact(width).zip(target.chunks_mut(pitch)) {
        for (target, source) in target.iter_mut().step_by(step).zip(source) {
            *target += source;
        }
    }
}

#[inline(always)]
fn add_arrays<const WIDTH: usize>(source: &[f32], target: &mut [f32], pitch: usize) {
    let sources = source.as_chunks::<WIDTH>().0;
    for (target, source) in target.chunks_mut(pitch).zip(sources) {
        if let Some(target) = target.first_chunk_mut::<WIDTH>() {
            for (target, source) in target.iter_mut().zip(source) {
                *target += source;
            }
        }
    }
}
