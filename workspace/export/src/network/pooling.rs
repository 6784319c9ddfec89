//! Windows over maps, and maps of other sizes.

use topwork_engine::LayerSpec;
use topwork_engine::layers::{AvgPool2d, Interpolation, MaxPool2d, Pooling, Resize};

use super::ints;
use super::moves::{padded, slice};
use crate::graph::{Builder, Op, Setting};

/// Windows as runtimes agree on: with as much padding on each side as they reach into. `ceil_mode`, of which runtimes have more
/// than one notion, is not made use of.
struct Windows {
    kernel: Vec<i64>,
    stride: Vec<i64>,
    pads: Vec<i64>,
}

impl Windows {
    fn of(pooling: &Pooling, dilation: [usize; 2], layer: &LayerSpec) -> Self {
        let [rows, columns] = pooling.padding;
        let mut pads = ints(&[rows, columns, rows, columns]);
        if pooling.ceil_mode {
            for axis in [0, 1] {
                pads[axis + 2] = behind(pooling, dilation, layer, axis) as i64;
            }
        }
        Self {
            kernel: ints(&pooling.kernel),
            stride: ints(&pooling.stride),
            pads,
        }
    }

    fn settings(&self) -> Vec<(&'static str, Setting<'_>)> {
        vec![
            ("kernel_shape", Setting::Ints(&self.kernel)),
            ("strides", Setting::Ints(&self.stride)),
            ("pads", Setting::Ints(&self.pads)),
        ]
    }
}

/// Rows or columns behind the map that the last window reaches into.
fn behind(pooling: &Pooling, dilation: [usize; 2], layer: &LayerSpec, axis: usize) -> usize {
    let [size, count] = [layer.input, layer.output].map(|shape| shape.dims()[1 + axis]);
    let reach = (pooling.kernel[axis] - 1) * dilation[axis] + 1;
    let end = (count - 1) * pooling.stride[axis] + reach;
    end.saturating_sub(size + pooling.padding[axis])
}

pub(super) fn max(builder: &mut Builder, layer: &LayerSpec, x: &str, pool: &MaxPool2d) -> String {
    let windows = Windows::of(&pool.pooling, pool.dilation, layer);
    let name = &layer.name;
    if pool.dilation == [1, 1] {
        return builder.node(Op("MaxPool", 1), name, &[x], &windows.settings());
    }
    // Runtimes without dilation are many: the maximum of as many maps as a window has values.
    let [top, left] = pool.pooling.padding;
    let [bottom, right] = [0, 1].map(|axis| behind(&pool.pooling, pool.dilation, layer, axis));
    let sides = [top, left, bottom, right];
    let x = padded(
        builder,
        &format!("{name}.padded"),
        x,
        sides,
        f32::NEG_INFINITY,
    );
    let [rows, columns] = [1, 2].map(|axis| layer.output.dims()[axis]);
    let mut parts = Vec::new();
    for y in 0..pool.pooling.kernel[0] {
        for column in 0..pool.pooling.kernel[1] {
            let start = [y * pool.dilation[0], column * pool.dilation[1]];
            let step = pool.pooling.stride;
            let end = [
                start[0] + (rows - 1) * step[0] + 1,
                start[1] + (columns - 1) * step[1] + 1,
            ];
            let part = format!("{name}.value");
            parts.push(slice(builder, &part, &x, &[2, 3], &start, &end, &step));
        }
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    builder.node(Op("Max", 8), name, &parts, &[])
}

pub(super) fn mean(builder: &mut Builder, layer: &LayerSpec, x: &str, pool: &AvgPool2d) -> String {
    let mut windows = Windows::of(&pool.pooling, [1, 1], layer);
    let (name, pooling) = (&layer.name, &pool.pooling);
    let mut x = x.to_owned();
    let mut include = pool.count_include_pad;
    if include && pooling.ceil_mode {
        // The zeros of the padding count, and what a window reaches beyond them does not.
        let [rows, columns] = pooling.padding;
        let sides = [rows, columns, rows, columns];
        x = padded(builder, &format!("{name}.padded"), &x, sides, 0.0);
        let beyond = [
            windows.pads[2] - rows as i64,
            windows.pads[3] - columns as i64,
        ];
        windows.pads = vec![0, 0, beyond[0].max(0), beyond[1].max(0)];
        include = false;
    }
    let mut settings = windows.settings();
    settings.push(("count_include_pad", Setting::Int(i64::from(include))));
    builder.node(Op("AveragePool", 7), name, &[&x], &settings)
}

/// The means of as many parts as are wanted, whose sizes differ: products with matrices from both sides.
pub(super) fn adaptive(builder: &mut Builder, layer: &LayerSpec, x: &str) -> String {
    let shares = |from: usize, to: usize| {
        let mut matrix = vec![0.0; to * from];
        for (part, row) in matrix.chunks_exact_mut(from).enumerate() {
            let covers = part * from / to..((part + 1) * from).div_ceil(to);
            let share = 1.0 / covers.len() as f32;
            row[covers].fill(share);
        }
        matrix
    };
    from_both_sides(builder, layer, x, shares)
}

pub(super) fn resize(builder: &mut Builder, layer: &LayerSpec, x: &str, resize: &Resize) -> String {
    match resize.mode {
        Interpolation::Nearest => {
            // Picked by number: how places are rounded differs from runtime to runtime.
            let mut x = x.to_owned();
            for axis in [1, 2] {
                let [from, to] = [layer.input, layer.output].map(|shape| shape.dims()[axis]);
                let ratio = from as f32 / to as f32;
                let picked: Vec<i64> = (0..to)
                    .map(|at| ((at as f32 * ratio) as usize).min(from - 1) as i64)
                    .collect();
                let name = &layer.name;
                let places = builder.integers(&format!("{name}.places"), &[to], &picked);
                let settings = [("axis", Setting::Int(1 + axis as i64))];
                x = builder.node(Op("Gather", 1), name, &[&x, &places], &settings);
            }
            x
        }
        Interpolation::Bilinear => {
            let shares = |from: usize, to: usize| {
                let ratio = from as f32 / to as f32;
                let mut matrix = vec![0.0; to * from];
                for (at, row) in matrix.chunks_exact_mut(from).enumerate() {
                    let place = ((at as f32 + 0.5) * ratio - 0.5).max(0.0);
                    let first = (place as usize).min(from - 1);
                    let share = place - first as f32;
                    row[first] += 1.0 - share;
                    row[(first + 1).min(from - 1)] += share;
                }
                matrix
            };
            from_both_sides(builder, layer, x, shares)
        }
    }
}

/// Rows and columns of every channel mixed in these shares, `to × from` of them.
fn from_both_sides(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    shares: impl Fn(usize, usize) -> Vec<f32>,
) -> String {
    let name = &layer.name;
    let [rows, columns] =
        [1, 2].map(|axis| [layer.input, layer.output].map(|shape| shape.dims()[axis]));
    let of_rows = shares(rows[0], rows[1]);
    let of_columns = shares(columns[0], columns[1]);
    let [from, to] = columns;
    let transposed: Vec<f32> = (0..from * to)
        .map(|at| of_columns[at % to * from + at / to])
        .collect();
    let of_rows = builder.floats(&format!("{name}.rows"), &[rows[1], rows[0]], &of_rows);
    let of_columns = builder.floats(&format!("{name}.columns"), &[from, to], &transposed);
    let mixed = builder.node(
        Op("MatMul", 9),
        &format!("{name}.down"),
        &[&of_rows, x],
        &[],
    );
    builder.node(Op("MatMul", 9), name, &[&mixed, &of_columns], &[])
}
