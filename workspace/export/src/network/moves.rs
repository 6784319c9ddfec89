//! Values that change their places.

use topwork_engine::LayerSpec;
use topwork_engine::layers::{ChannelShuffle, Pad, PadMode, Slice};

use super::ints;
use crate::graph::{Builder, Op, Setting};

/// A map with so many rows above, columns on the left, rows below and columns on the right, all of one value.
pub(super) fn padded(
    builder: &mut Builder,
    name: &str,
    x: &str,
    sides: [usize; 4],
    value: f32,
) -> String {
    let pads = sizes_of(sides);
    let pads = builder.integers(&format!("{name}.pads"), &[8], &pads);
    let value = builder.floats(&format!("{name}.value"), &[], &[value]);
    builder.node(Op("Pad", 11), name, &[x, &pads, &value], &[])
}

fn sizes_of([top, left, bottom, right]: [usize; 4]) -> Vec<i64> {
    ints(&[0, 0, top, left, 0, 0, bottom, right])
}

pub(super) fn pad(builder: &mut Builder, layer: &LayerSpec, x: &str, pad: &Pad) -> String {
    let name = &layer.name;
    let mode = match pad.mode {
        PadMode::Constant(value) => return padded(builder, name, x, pad.padding, value),
        PadMode::Reflect => "reflect",
        PadMode::Replicate => "edge",
    };
    let pads = builder.integers(&format!("{name}.pads"), &[8], &sizes_of(pad.padding));
    let settings = [("mode", Setting::Text(mode))];
    builder.node(Op("Pad", 11), name, &[x, &pads], &settings)
}

/// From `starts` up to `ends`, every so many, along these axes, the batch counting as the first.
pub(super) fn slice(
    builder: &mut Builder,
    name: &str,
    x: &str,
    axes: &[usize],
    starts: &[usize],
    ends: &[usize],
    steps: &[usize],
) -> String {
    let mut numbers = |what: &str, values: &[usize]| {
        builder.integers(&format!("{name}.{what}"), &[values.len()], &ints(values))
    };
    let (starts, ends) = (numbers("from", starts), numbers("to", ends));
    let (axes, steps) = (numbers("axes", axes), numbers("steps", steps));
    builder.node(
        Op("Slice", 10),
        name,
        &[x, &starts, &ends, &axes, &steps],
        &[],
    )
}

pub(super) fn part(builder: &mut Builder, layer: &LayerSpec, x: &str, part: &Slice) -> String {
    slice(
        builder,
        &layer.name,
        x,
        &[1],
        &[part.from],
        &[part.to],
        &[1],
    )
}

pub(super) fn shuffle(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    shuffle: &ChannelShuffle,
) -> Option<String> {
    let name = &layer.name;
    let [channels, height, width] = layer.input.as_image()?;
    let groups = shuffle.groups;
    let shape = [0, groups, channels / groups, height * width];
    let dealt = builder.reshape(&format!("{name}.groups"), x, &ints(&shape));
    let settings = [("perm", Setting::Ints(&[0, 2, 1, 3]))];
    let dealt = builder.node(
        Op("Transpose", 1),
        &format!("{name}.dealt"),
        &[&dealt],
        &settings,
    );
    Some(builder.reshape(name, &dealt, &ints(&[0, channels, height, width])))
}
