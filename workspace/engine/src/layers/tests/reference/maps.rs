//! Layers that move the values of maps, or pool them.

use super::{LayerSpec, Numbers, places};
use crate::layers::{
    AdaptiveAvgPool2d, AvgPool2d, ChannelShuffle, Interpolation, MaxPool2d, Pad, PadMode, Pooling,
    Resize, Slice, SpaceToDepth,
};

/// One sample through such a layer; nothing for others.
pub(super) fn sample(layer: &LayerSpec, input: &[f64]) -> Option<Numbers> {
    if let Some(Slice { from, to }) = layer.op.get() {
        let each = input.len() / layer.input.dims()[0];
        return Some(input[from * each..to * each].to_vec());
    }
    let [channels, height, width] = layer.input.as_image()?;
    let [_, rows, columns] = layer.output.as_image()?;
    let at = |channel: usize, y: usize, x: usize| input[(channel * height + y) * width + x];
    let each = |value: &dyn Fn(usize, usize, usize) -> f64| -> Numbers {
        let all = (0..channels).flat_map(|channel| {
            places(rows, columns).map(move |(row, column)| (channel, row, column))
        });
        all.map(|(channel, row, column)| value(channel, row, column))
            .collect()
    };
    if let Some(&SpaceToDepth { block, by_columns }) = layer.op.get() {
        let merged = places(block * block, channels)
            .flat_map(|(part, channel)| {
                places(rows, columns).map(move |(row, column)| (part, channel, row, column))
            })
            .map(|(part, channel, row, column)| {
                let (first, second) = (part / block, part % block);
                let (y, x) = if by_columns {
                    (second, first)
                } else {
                    (first, second)
                };
                at(channel, row * block + y, column * block + x)
            });
        return Some(merged.collect());
    }
    if let Some(MaxPool2d { pooling, dilation }) = layer.op.get() {
        return Some(each(&|channel, row, column| {
            let values = window(pooling, *dilation, [row, column]);
            let values = values.iter().filter_map(|place| inside(*place, layer));
            let values = values.map(|[y, x]| at(channel, y, x));
            values.fold(f64::NEG_INFINITY, f64::max)
        }));
    }
    if let Some(&AvgPool2d {
        pooling,
        count_include_pad,
    }) = layer.op.get()
    {
        return Some(each(&|channel, row, column| {
            let all = window(&pooling, [1, 1], [row, column]);
            let own: Vec<f64> = (all.iter())
                .filter_map(|place| inside(*place, layer))
                .map(|[y, x]| at(channel, y, x))
                .collect();
            // The padding ends where it was added; what a last window reaches beyond it does not count.
            let padded = all.iter().filter(|[y, x]| {
                let end = |size: usize, axis: usize| (size + pooling.padding[axis]) as isize;
                *y < end(height, 0) && *x < end(width, 1)
            });
            let count = if count_include_pad {
                padded.count()
            } else {
                own.len()
            };
            own.iter().sum::<f64>() / count as f64
        }));
    }
    if let Some(AdaptiveAvgPool2d { .. }) = layer.op.get() {
        return Some(each(&|channel, row, column| {
            let within = |place: usize, part: usize, parts: usize, size: usize| {
                // Overlaps part/parts … (part + 1)/parts of the whole.
                (place + 1) * parts > part * size && place * parts < (part + 1) * size
            };
            let own: Vec<f64> = places(height, width)
                .filter(|&(y, x)| within(y, row, rows, height) && within(x, column, columns, width))
                .map(|(y, x)| at(channel, y, x))
                .collect();
            own.iter().sum::<f64>() / own.len() as f64
        }));
    }
    if let Some(Pad { padding, mode }) = layer.op.get() {
        return Some(each(&|channel, row, column| {
            let place = |at: usize, before: usize, size: usize| {
                let (at, last) = (at as isize - before as isize, size as isize - 1);
                let reflected = if at > last { 2 * last - at } else { at.abs() };
                match mode {
                    PadMode::Constant(_) => (0..=last).contains(&at).then_some(at as usize),
                    PadMode::Reflect => Some(reflected as usize),
                    PadMode::Replicate => Some(at.clamp(0, last) as usize),
                }
            };
            match (
                place(row, padding[0], height),
                place(column, padding[1], width),
                mode,
            ) {
                (Some(y), Some(x), _) => at(channel, y, x),
                (_, _, PadMode::Constant(value)) => f64::from(*value),
                _ => unreachable!(),
            }
        }));
    }
    if let Some(ChannelShuffle { groups }) = layer.op.get() {
        let size = channels / groups;
        return Some(each(&|channel, row, column| {
            at(channel % groups * size + channel / groups, row, column)
        }));
    }
    if let Some(Resize { mode, .. }) = layer.op.get() {
        return Some(each(&|channel, row, column| match mode {
            Interpolation::Nearest => at(channel, row * height / rows, column * width / columns),
            Interpolation::Bilinear => {
                // Each value of the map is a tent over its place.
                let share = |place: usize, at: usize, to: usize, size: usize| {
                    let wanted = (at as f64 + 0.5) * size as f64 / to as f64 - 0.5;
                    let wanted = wanted.clamp(0.0, (size - 1) as f64);
                    (1.0 - (wanted - place as f64).abs()).max(0.0)
                };
                let values = places(height, width).map(|(y, x)| {
                    share(y, row, rows, height)
                        * share(x, column, columns, width)
                        * at(channel, y, x)
                });
                values.sum()
            }
        }));
    }
    None
}

/// The places of a window's values, as they count from the first one of the map.
fn window(pooling: &Pooling, dilation: [usize; 2], at: [usize; 2]) -> Vec<[isize; 2]> {
    let along = |axis: usize, step: usize| {
        (at[axis] * pooling.stride[axis] + step * dilation[axis]) as isize
            - pooling.padding[axis] as isize
    };
    places(pooling.kernel[0], pooling.kernel[1])
        .map(|(y, x)| [along(0, y), along(1, x)])
        .collect()
}

fn inside([y, x]: [isize; 2], layer: &LayerSpec) -> Option<[usize; 2]> {
    let [_, height, width] = layer.input.as_image()?;
    let [y, x] = [usize::try_from(y).ok()?, usize::try_from(x).ok()?];
    (y < height && x < width).then_some([y, x])
}
