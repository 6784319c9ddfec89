//! Unfolding an image into columns and folding columns back.
//!
//! Row `(channel, y, x)` of the columns holds, for every place of the map, the value that the weight at
//! `(channel, y, x)` is multiplied by: a row of the image after another, shifted and cut.

use super::Conv2d;

/// What one offset within the kernel touches along one axis.
#[derive(Clone, Copy)]
struct Axis {
    /// Places of the map whose value lies within the image: `from` (included) to `to` (excluded).
    from: usize,
    to: usize,
    /// Where in the image the value of place `from` lies.
    start: usize,
}

impl Conv2d {
    fn axis(&self, axis: usize, offset: usize) -> Axis {
        let (stride, padding) = (self.stride[axis], self.padding[axis]);
        // Place `p` reads `p·stride + offset - padding`.
        let from = padding.saturating_sub(offset).div_ceil(stride);
        let end = (self.image[axis] + padding)
            .saturating_sub(offset)
            .div_ceil(stride);
        let to = end.min(self.map[axis]).max(from);
        Axis {
            from: from.min(self.map[axis]),
            to: to.min(self.map[axis]),
            start: (from * stride + offset).saturating_sub(padding),
        }
    }

    /// Whether every row of the columns is made of whole runs of the image.
    fn is_plain(&self) -> bool {
        self.stride == [1, 1] && self.padding == [0, 0]
    }

    /// Fills `columns` (`channels·height·width of the kernel × places`) from one image.
    #[inline(always)]
    pub(super) fn unfold(&self, image: &[f32], columns: &mut [f32]) {
        let rows = columns.chunks_exact_mut(self.places());
        for (index, row) in rows.enumerate() {
            let (channel, y, x) = self.offsets(index);
            let channel = &image[channel * self.image[0] * self.image[1]..];
            if self.is_plain() {
                let source = &channel[y * self.image[1] + x..];
                match self.map[1] {
                    4 => copy_rows::<4>(source, self.image[1], row),
                    8 => copy_rows::<8>(source, self.image[1], row),
                    12 => copy_rows::<12>(source, self.image[1], row),
                    16 => copy_rows::<16>(source, self.image[1], row),
                    24 => copy_rows::<24>(source, self.image[1], row),
                    28 => copy_rows::<28>(source, self.image[1], row),
                    _ => self.unfold_row(channel, y, x, row),
                }
            } else {
                self.unfold_row(channel, y, x, row);
            }
        }
    }

    /// Adds up in `image` what `unfold` would have read from each place; the exact transpose of it.
    #[inline(always)]
    pub(super) fn fold(&self, columns: &[f32], image: &mut [f32]) {
        image.fill(0.0);
        let rows = columns.chunks_exact(self.places());
        for (index, row) in rows.enumerate() {
            let (channel, y, x) = self.offsets(index);
            let channel = &mut image[channel * self.image[0] * self.image[1]..];
            if self.is_plain() {
                let target = &mut channel[y * self.image[1] + x..];
                match self.map[1] {
                    4 => add_rows::<4>(row, target, self.image[1]),
                    8 => add_rows::<8>(row, target, self.image[1]),
                    12 => add_rows::<12>(row, target, self.image[1]),
                    16 => add_rows::<16>(row, target, self.image[1]),
                    24 => add_rows::<24>(row, target, self.image[1]),
                    28 => add_rows::<28>(row, target, self.image[1]),
                    _ => self.fold_row(channel, y, x, row),
                }
            } else {
                self.fold_row(channel, y, x, row);
            }
        }
    }

    /// Channel and offsets within the kernel for a row of the columns.
    fn offsets(&self, row: usize) -> (usize, usize, usize) {
        let [height, width] = self.kernel;
        (row / (height * width), row / width % height, row % width)
    }

    fn unfold_row(&self, channel: &[f32], y: usize, x: usize, row: &mut [f32]) {
        let (vertical, horizontal) = (self.axis(0, y), self.axis(1, x));
        row.fill(0.0);
        for place in vertical.from..vertical.to {
            let line = vertical.start + (place - vertical.from) * self.stride[0];
            let line = &channel[line * self.image[1]..(line + 1) * self.image[1]];
            let row = &mut row[place * self.map[1]..(place + 1) * self.map[1]];
            let targets = &mut row[horizontal.from..horizontal.to];
            for (index, target) in targets.iter_mut().enumerate() {
                *target = line[horizontal.start + index * self.stride[1]];
            }
        }
    }

    fn fold_row(&self, channel: &mut [f32], y: usize, x: usize, row: &[f32]) {
        let (vertical, horizontal) = (self.axis(0, y), self.axis(1, x));
        for place in vertical.from..vertical.to {
            let line = vertical.start + (place - vertical.from) * self.stride[0];
            let line = &mut channel[line * self.image[1]..(line + 1) * self.image[1]];
            let row = &row[place * self.map[1]..(place + 1) * self.map[1]];
            let sources = &row[horizontal.from..horizontal.to];
            for (index, source) in sources.iter().enumerate() {
                line[horizontal.start + index * self.stride[1]] += source;
            }
        }
    }
}

/// Copies rows of a width known to the compiler: as slices, so few values would cost a call each.
#[inline(always)]
fn copy_rows<const WIDTH: usize>(source: &[f32], stride: usize, target: &mut [f32]) {
    let targets = target.as_chunks_mut::<WIDTH>().0;
    for (target, source) in targets.iter_mut().zip(source.chunks(stride)) {
        if let Some(source) = source.first_chunk::<WIDTH>() {
            *target = *source;
        }
    }
}

/// Adds rows of a width known to the compiler.
#[inline(always)]
fn add_rows<const WIDTH: usize>(source: &[f32], target: &mut [f32], stride: usize) {
    let sources = source.as_chunks::<WIDTH>().0;
    for (target, source) in target.chunks_mut(stride).zip(sources) {
        if let Some(target) = target.first_chunk_mut::<WIDTH>() {
            for (target, source) in target.iter_mut().zip(source) {
                *target += source;
            }
        }
    }
}
