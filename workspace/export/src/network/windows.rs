//! What looks at windows or blocks of a map.

use topwork_engine::LayerSpec;
use topwork_engine::layers::{SpaceToDepth, WindowAttention};

use super::ints;
use super::tokens::{linear, product, transposed};
use crate::graph::{Builder, Op, Setting};

/// Places gathered window by window, attention within each, and places gathered back.
pub(super) fn attention(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    own: &WindowAttention,
    weights: &[String],
) -> Option<String> {
    let name = &layer.name;
    let [channels, height, width] = layer.input.as_image()?;
    let (heads, head, tokens) = (own.heads, channels / own.heads, own.tokens());
    let (all, map) = (height * width, [height, width]);
    let part = |what: &str| format!("{name}.{what}");
    let mut weights = weights.iter();
    let first = weights.next()?;
    let first_bias = if own.bias { weights.next() } else { None };
    let (last, last_bias, table) = (weights.next()?, weights.next()?, weights.next()?);
    let places = own.places(map);
    let mut back = vec![0; all];
    for (at, &place) in places.iter().enumerate() {
        *back.get_mut(place)? = at as i64;
    }
    let flat = builder.reshape(&part("flat"), x, &ints(&[0, channels, all]));
    let rows = transposed(builder, &part("rows"), &flat, &[0, 2, 1]);
    let gathered = |builder: &mut Builder, what: &str, x: &str, places: &[i64]| {
        let places = builder.integers(&part(&format!("{what}.places")), &[places.len()], places);
        let settings = [("axis", Setting::Int(1))];
        builder.node(Op("Gather", 1), &part(what), &[x, &places], &settings)
    };
    let rows = gathered(builder, "windows", &rows, &ints(&places));
    let maps = linear(builder, &part("qkv"), &rows, first, first_bias);
    let windows = all / tokens;
    let shape = ints(&[0, windows, tokens, 3 * heads, head]);
    let maps = builder.reshape(&part("heads"), &maps, &shape);
    // Sample × window × queries, keys and values of each head × token × width of a head.
    let maps = transposed(builder, &part("maps"), &maps, &[0, 1, 3, 2, 4]);
    let mut of_kind = |which: usize| {
        let of_heads: Vec<usize> = (which * heads..(which + 1) * heads).collect();
        let of_heads = builder.integers(&part("which"), &[heads], &ints(&of_heads));
        let settings = [("axis", Setting::Int(2))];
        builder.node(
            Op("Gather", 1),
            &part("map"),
            &[&maps, &of_heads],
            &settings,
        )
    };
    let [queries, keys, values] = [of_kind(0), of_kind(1), of_kind(2)];
    let keys = transposed(builder, &part("keys"), &keys, &[0, 1, 2, 4, 3]);
    let scores = product(builder, &part("products"), &queries, &keys);
    let scale = builder.floats(&part("scale"), &[], &[1.0 / (head as f32).sqrt()]);
    let scores = builder.binary("Mul", &part("scores"), &scores, &scale);
    let distances = own.distances();
    let distances = builder.integers(&part("distances"), &[tokens * tokens], &ints(&distances));
    let settings = [("axis", Setting::Int(0))];
    let inputs = [table.as_str(), &distances];
    let biases = builder.node(Op("Gather", 1), &part("of_pairs"), &inputs, &settings);
    let biases = transposed(builder, &part("of_heads"), &biases, &[1, 0]);
    let biases = builder.reshape(&part("biases"), &biases, &ints(&[heads, tokens, tokens]));
    let mut scores = builder.binary("Add", &part("biased"), &scores, &biases);
    if own.shift != [0, 0] {
        let of_window = |is_last| own.lowered(is_last);
        let lowered: Vec<f32> = own.last(map).into_iter().flat_map(of_window).collect();
        let shape = [windows, 1, tokens, tokens];
        let lowered = builder.floats(&part("lowered"), &shape, &lowered);
        scores = builder.binary("Add", &part("masked"), &scores, &lowered);
    }
    let settings = [("axis", Setting::Int(-1))];
    let shares = builder.node(Op("Softmax", 13), &part("shares"), &[&scores], &settings);
    let joined = product(builder, &part("sums"), &shares, &values);
    let joined = transposed(builder, &part("side_by_side"), &joined, &[0, 1, 3, 2, 4]);
    let joined = builder.reshape(&part("joined"), &joined, &ints(&[0, all, channels]));
    let rows = linear(builder, &part("proj"), &joined, last, Some(last_bias));
    let rows = gathered(builder, "map_rows", &rows, &back);
    let flat = transposed(builder, &part("channels"), &rows, &[0, 2, 1]);
    Some(builder.reshape(name, &flat, &ints(&[0, channels, height, width])))
}

/// Blocks as channels; `SpaceToDepth` itself knows rows alone.
pub(super) fn space_to_depth(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    own: &SpaceToDepth,
) -> Option<String> {
    let name = &layer.name;
    let [channels, height, width] = layer.input.as_image()?;
    let block = own.block;
    let [rows, columns] = [height / block, width / block];
    let shape = ints(&[0, channels, rows, block, columns, block]);
    let split = builder.reshape(&format!("{name}.blocks"), x, &shape);
    let axes = match own.by_columns {
        true => [0, 5, 3, 1, 2, 4],
        false => [0, 3, 5, 1, 2, 4],
    };
    let turned = transposed(builder, &format!("{name}.turned"), &split, &axes);
    let shape = ints(&[0, channels * block * block, rows, columns]);
    Some(builder.reshape(name, &turned, &shape))
}
