//! The inner product of a convolution: a few rows of weights times many columns of unfolded image.
//!
//! Every element is summed over the depth in the same order whatever stands beside it, so results do not
//! depend on how images and rows are put together. Written once for every width of vector register; the
//! processor's own is chosen at run time (after Goto and van de Geijn, "Anatomy of high-performance matrix
//! multiplication", 2008).

use pulp::{Simd, WithSimd};

use crate::processor;

/// Rows of weights that are multiplied at a time; packed side by side.
pub(crate) const ROWS: usize = 8;
/// Columns are filled up to a multiple of this: three of the widest registers.
pub(crate) const WIDTH: usize = 48;
const REGISTERS: usize = 3;

/// `sums (+)= left · right`.
///
/// `left` holds panels of `depth_of_panel × ROWS` weights, of which `depth` from `from` on are used;
/// `right` and `sums` are rows of `stride` values, a multiple of [`WIDTH`] of which count: `width`. With
/// `add`, the sums go on from what they are.
pub(crate) struct Product<'a> {
    pub(crate) left: &'a [f32],
    pub(crate) depth_of_panel: usize,
    pub(crate) from: usize,
    pub(crate) depth: usize,
    pub(crate) right: &'a [f32],
    pub(crate) sums: &'a mut [f32],
    pub(crate) add: bool,
    pub(crate) stride: usize,
    pub(crate) width: usize,
}

impl Product<'_> {
    /// Runs it with the widest vectors this processor has.
    pub(crate) fn run(self) {
        processor::arch().dispatch(self);
    }
}

/// The distance between rows of so many columns that does not send them all to the same few lines of the
/// first-level cache: an odd number of lines.
pub(crate) fn stride_of(width: usize) -> usize {
    let lines = width.div_ceil(16);
    (lines | 1) * 16
}

impl WithSimd for Product<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // Sixteen registers hold four rows of sums, thirty-two hold eight.
        match S::F32_LANES {
            8 => self.rows_at_a_time::<S, 4>(simd),
            _ => self.rows_at_a_time::<S, ROWS>(simd),
        }
    }
}

impl Product<'_> {
    #[inline(always)]
    fn rows_at_a_time<S: Simd, const COUNT: usize>(self, simd: S) {
        let columns = REGISTERS * S::F32_LANES;
        let panels = self.left.chunks_exact(self.depth_of_panel * ROWS);
        let sums = self.sums.chunks_mut(self.stride * ROWS);
        for (panel, sums) in panels.zip(sums) {
            for at in (0..self.width).step_by(columns) {
                let panel = &panel[self.from * ROWS..(self.from + self.depth) * ROWS];
                for row in (0..ROWS).step_by(COUNT) {
                    let sums = &mut sums[row * self.stride + at..];
                    let right = &self.right[at..];
                    block::<S, COUNT>(simd, panel, row, right, sums, self.stride, self.add);
                }
            }
        }
    }
}

/// `COUNT` rows times three registers' width of columns.
#[inline(always)]
fn block<S: Simd, const COUNT: usize>(
    simd: S,
    panel: &[f32],
    row: usize,
    right: &[f32],
    sums: &mut [f32],
    stride: usize,
    add: bool,
) {
    let columns = REGISTERS * S::F32_LANES;
    // Loops over `totals` have constant bounds: only then do the totals stay in registers.
    let mut totals = [[simd.splat_f32s(0.0); REGISTERS]; COUNT];
    if add {
        for row in 0..COUNT {
            let (vectors, _) = S::as_simd_f32s(&sums[row * stride..][..columns]);
            if let Some(vectors) = vectors.first_chunk::<REGISTERS>() {
                totals[row] = *vectors;
            }
        }
    }
    let weights = panel.as_chunks::<ROWS>().0;
    for (weights, right) in weights.iter().zip(right.chunks(stride)) {
        let (vectors, _) = S::as_simd_f32s(&right[..columns]);
        let &[first, second, third] = match vectors.first_chunk::<REGISTERS>() {
            Some(vectors) => vectors,
            None => return,
        };
        for index in 0..COUNT {
            let (weight, total) = (simd.splat_f32s(weights[row + index]), &mut totals[index]);
            total[0] = simd.mul_add_f32s(weight, first, total[0]);
            total[1] = simd.mul_add_f32s(weight, second, total[1]);
            total[2] = simd.mul_add_f32s(weight, third, total[2]);
        }
    }
    for row in 0..COUNT {
        let (vectors, _) = S::as_mut_simd_f32s(&mut sums[row * stride..][..columns]);
        if let Some(vectors) = vectors.first_chunk_mut::<REGISTERS>() {
            *vectors = totals[row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example_networks::numbers;

    #[test]
    fn products_equal_plain_loops_and_depth_may_come_in_pieces() {
        for (panels, depth, width) in [(1, 1, 48), (2, 7, 48), (3, 50, 96), (1, 300, 144)] {
            let stride = stride_of(width);
            let left = numbers(panels * depth * ROWS, 1);
            let right = numbers(depth * stride, 2);
            let run = |cuts: &[usize]| {
                let mut sums = vec![f32::NAN; panels * ROWS * stride];
                for cut in cuts.windows(2).filter(|cut| cut[0] < cut[1]) {
                    Product {
                        left: &left,
                        depth_of_panel: depth,
                        from: cut[0],
                        depth: cut[1] - cut[0],
                        right: &right[cut[0] * stride..],
                        sums: &mut sums,
                        add: cut[0] > 0,
                        stride,
                        width,
                    }
                    .run();
                }
                sums
            };
            let sums = run(&[0, depth]);
            for (row, column) in
                (0..panels * ROWS).flat_map(|row| (0..width).map(move |c| (row, c)))
            {
                let terms = (0..depth).map(|k| {
                    let weight = left[(row / ROWS * depth + k) * ROWS + row % ROWS];
                    f64::from(weight) * f64::from(right[k * stride + column])
                });
                let (expected, found) = (terms.sum::<f64>(), sums[row * stride + column]);
                assert!((expected - f64::from(found)).abs() < 1e-4, "{row} {column}");
            }
            let pieces = run(&[0, depth.div_ceil(2), depth]);
            for (row, pieces) in sums.chunks(stride).zip(pieces.chunks(stride)) {
                assert_eq!(row[..width], pieces[..width]);
            }
        }
    }
}
