//! What Swin does with maps whose channels are last: attention within windows, and blocks of places as channels. As in
//! [`attention`](super::attention) what counts is where numbers come from, not the nodes that move them.

use crate::message::Attribute;

use super::super::graph::{Graph, Node};
use super::super::moving::moves;
use super::super::places::trace;
use super::attention::{Heads, Sizes, heads, ints, joined, linear_of, projections};

/// What torchvision and timm lower scores by.
const LOWERED: f64 = -100.0;

/// How windows lie in a map.
struct Windows {
    size: [usize; 2],
    shift: [usize; 2],
    map: [usize; 2],
}

impl Windows {
    /// For each place of each window its place in the map.
    fn places(&self) -> Vec<usize> {
        let ([rows, columns], [height, width]) = (self.size, self.map);
        let mut places = Vec::with_capacity(height * width);
        for top in (0..height).step_by(rows) {
            for left in (0..width).step_by(columns) {
                for y in top..top + rows {
                    let row = (y + self.shift[0]) % height * width;
                    let columns = left..left + columns;
                    places.extend(columns.map(|x| row + (x + self.shift[1]) % width));
                }
            }
        }
        places
    }

    /// Those that give these places.
    fn of(places: &[usize], tokens: usize, map: [usize; 2]) -> Option<Self> {
        let first = *places.first()?;
        (1..=tokens)
            .filter(|columns| tokens.is_multiple_of(*columns))
            .map(|columns| Self {
                size: [tokens / columns, columns],
                shift: [first / map[1], first % map[1]],
                map,
            })
            .find(|windows| {
                let fits = |axis: usize| {
                    map[axis].is_multiple_of(windows.size[axis])
                        && windows.shift[axis] < windows.size[axis]
                };
                fits(0) && fits(1) && windows.places() == places
            })
    }

    /// Whether a pair of places of a window has crossed different edges of the map.
    fn is_lowered(&self, window: usize, pair: [usize; 2]) -> bool {
        let across = self.map[1] / self.size[1];
        let is_last = [
            window / across + 1 == self.map[0] / self.size[0],
            window % across + 1 == across,
        ];
        let [own, to] = pair.map(|token| {
            let at = [token / self.size[1], token % self.size[1]];
            [0, 1].map(|axis| is_last[axis] && at[axis] >= self.size[axis] - self.shift[axis])
        });
        own != to
    }

    /// The learned biases by distance, a row of heads for each, out of all that is added to the scores.
    fn table(&self, added: &[f64], sizes: Sizes) -> Option<Vec<f32>> {
        let [rows, columns] = self.size;
        let (tokens, heads) = (sizes.tokens, sizes.heads);
        let mut table = vec![None; (2 * rows - 1) * (2 * columns - 1) * heads];
        for window in 0..sizes.windows {
            for head in 0..heads {
                for own in 0..tokens {
                    for to in 0..tokens {
                        let down = own / columns + rows - 1 - to / columns;
                        let right = own % columns + columns - 1 - to % columns;
                        let place = ((window * heads + head) * tokens + own) * tokens + to;
                        let lowered = match self.is_lowered(window, [own, to]) {
                            true => LOWERED,
                            false => 0.0,
                        };
                        let bias = added.get(place).map_or(0.0, |added| added - lowered) as f32;
                        let entry = &mut table[(down * (2 * columns - 1) + right) * heads + head];
                        if *entry.get_or_insert(bias) != bias {
                            return None;
                        }
                    }
                }
            }
        }
        table.into_iter().collect()
    }
}

/// The tensor where the windows are a map again.
pub(super) fn attention(graph: &Graph, node: &Node) -> Option<Node> {
    if !moves(&node.op) || node.is("Identity") {
        return None;
    }
    let &[1, height, width, channels] = graph.shape(node.output())? else {
        return None;
    };
    let is_linear = |name: &str| linear_of(graph, name).is_some();
    let back = trace(graph, node.output(), is_linear)?;
    let last = linear_of(graph, back.from)?;
    let mut heads: Heads<'_> = heads(graph, last.x)?;
    let count = (height * width).checked_div(heads.sizes.tokens)?;
    heads.sizes.windows = count;
    heads.sizes.heads = heads.sizes.heads.checked_div(count)?;
    let sizes = heads.sizes;
    if last.units != channels
        || back.factor != 1.0
        || sizes.tokens * count != height * width
        || sizes.heads * sizes.width != channels
        || (!heads.added.is_empty()
            && heads.added.len() != count * sizes.heads * sizes.tokens * sizes.tokens)
    {
        return None;
    }
    let joined = joined(graph, &last, &heads)?;
    let projections = projections(graph, &heads)?;
    let is_map = |name: &str| {
        graph.shape(name) == Some(&[1, height, width, channels])
            && !graph.producer(name).is_some_and(|node| moves(&node.op))
    };
    let into = trace(graph, projections.x, is_map)?;
    let places = rows(&into.places, channels).filter(|_| into.factor == 1.0)?;
    let windows = Windows::of(&places, sizes.tokens, [height, width])?;
    let back = rows(&back.places, channels)?;
    let is_inverse = |(place, row): (usize, &usize)| places.get(*row) == Some(&place);
    if back.len() != places.len() || !back.iter().enumerate().all(is_inverse) {
        return None;
    }
    let table = windows.table(&heads.added, sizes)?;
    let mut inputs = vec![into.from];
    inputs.extend(projections.inputs);
    inputs.extend([last.weight, last.bias]);
    let mut turned = projections.turned;
    turned.push(last.is_turned);
    let inputs = inputs.into_iter().map(str::to_owned).collect();
    let mut attention = node.becomes("topwork.window-attention", inputs);
    attention.scope = heads.scope.clone().or(attention.scope);
    attention.attributes = vec![
        ints("heads", [sizes.heads])?,
        ints("columns", projections.columns)?,
        ints("joined", joined)?,
        ints("turned", turned.into_iter().map(usize::from))?,
        ints("window", windows.size)?,
        ints("shift", windows.shift)?,
        Attribute {
            name: "table".to_owned(),
            floats: table,
            kind: Attribute::FLOATS,
            ..Attribute::default()
        },
    ];
    Some(attention)
}

/// Places of whole rows of channels, out of places of numbers.
fn rows(places: &[usize], channels: usize) -> Option<Vec<usize>> {
    let row = |row: &[usize]| {
        let first = *row.first()?;
        let is_whole = row.iter().copied().eq(first..first + channels);
        (is_whole && first % channels == 0).then_some(first / channels)
    };
    places.chunks(channels).map(row).collect()
}

/// Blocks of places as channels of one place.
pub(super) fn merging(graph: &Graph, node: &Node) -> Option<Node> {
    if !moves(&node.op) {
        return None;
    }
    let &[1, rows, columns, channels] = graph.shape(node.output())? else {
        return None;
    };
    let block_of = |name: &str| match graph.shape(name) {
        Some(&[1, height, width, own]) => {
            let block = height / rows;
            let fits = [block * rows, block * columns] == [height, width]
                && own * block * block == channels;
            (fits && block > 1).then_some(block)
        }
        _ => None,
    };
    let traced = trace(graph, node.output(), |name| block_of(name).is_some())?;
    let block = block_of(traced.from)?;
    let (own, width) = (channels / (block * block), columns * block);
    let has_order = |by_columns: bool| {
        let mut places = traced.places.iter();
        (0..rows).all(|y| {
            (0..columns).all(|x| {
                (0..block * block).all(|part| {
                    let (first, second) = (part / block, part % block);
                    let [down, right] = match by_columns {
                        true => [second, first],
                        false => [first, second],
                    };
                    let place = ((y * block + down) * width + x * block + right) * own;
                    places.by_ref().take(own).copied().eq(place..place + own)
                })
            })
        })
    };
    let by_columns = [false, true].into_iter().find(|order| has_order(*order))?;
    let mut merging = node.becomes("topwork.space-to-depth", vec![traced.from.to_owned()]);
    merging.attributes = vec![
        ints("block", [block])?,
        ints("columns", [usize::from(by_columns)])?,
    ];
    (traced.factor == 1.0).then_some(merging)
}
