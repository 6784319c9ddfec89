//! Nodes that move numbers and leave each as it is: what they make of an array.

use crate::{Array, Numbers};

use super::graph::{Graph, Node};
use super::shapes::{axes, broadcast, outputs, reshaped, sliced};

/// Whether an operator does no more than that.
pub(super) fn moves(op: &str) -> bool {
    matches!(
        op,
        "Concat"
            | "Expand"
            | "Flatten"
            | "Gather"
            | "Identity"
            | "Reshape"
            | "Slice"
            | "Squeeze"
            | "Transpose"
            | "Unsqueeze"
            | "topwork.split"
    )
}

/// What such a node makes of its inputs; `room` says whether there is any for an array of a shape, before it is made.
pub(super) fn moved(
    node: &Node,
    inputs: &[Option<&Array>],
    graph: &Graph,
    room: &dyn Fn(&[usize]) -> Option<()>,
) -> Option<Array> {
    let input = |position: usize| inputs.get(position).copied().flatten();
    let integers = |position: usize| Some(input(position)?.as_integers()?.to_vec());
    let first = input(0)?;
    Some(match node.op.as_str() {
        "Identity" => first.clone(),
        "Reshape" => {
            let shape = reshaped(
                &first.shape,
                &integers(1)?,
                node.int("allowzero") == Some(1),
            )?;
            with_shape(first, shape)
        }
        "Unsqueeze" | "Squeeze" | "Flatten" => {
            let shapes = outputs(node, graph);
            with_shape(first, shapes.into_iter().next()?)
        }
        "Concat" => {
            let parts: Option<Vec<&Array>> = inputs.iter().copied().collect();
            let shape = outputs(node, graph).into_iter().next()?;
            room(&shape)?;
            concatenated(&parts?, shape, node.int("axis")?)?
        }
        "Gather" => {
            let [axis] = axes(&[node.int("axis").unwrap_or(0)], first.shape.len())?[..] else {
                return None;
            };
            let size = *first.shape.get(axis)? as i64;
            let wanted = input(1)?;
            let mut places = Vec::new();
            for &place in wanted.as_integers()? {
                let place = if place < 0 { place + size } else { place };
                places.push(usize::try_from(place).ok().filter(|_| place < size)?);
            }
            let mut shape = first.shape.clone();
            shape.splice(axis..=axis, wanted.shape.iter().copied());
            room(&shape)?;
            gathered(first, axis, &places, shape)
        }
        "Slice" | "topwork.split" => {
            let (starts, ends) = match node.has("starts") {
                true => (node.ints("starts")?.to_vec(), node.ints("ends")?.to_vec()),
                false => (integers(1)?, integers(2)?),
            };
            let of_axes = node
                .ints("axes")
                .map(<[i64]>::to_vec)
                .or_else(|| integers(3));
            let steps = integers(4);
            let windows = sliced(
                &first.shape,
                &starts,
                &ends,
                of_axes.as_deref(),
                steps.as_deref(),
            )?;
            let mut array = first.clone();
            for (axis, places) in windows {
                let mut shape = array.shape.clone();
                *shape.get_mut(axis)? = places.len();
                array = gathered(&array, axis, &places, shape);
            }
            array
        }
        "Transpose" => {
            let order: Vec<i64> = match node.ints("perm") {
                Some(order) => order.to_vec(),
                None => (0..first.shape.len() as i64).rev().collect(),
            };
            transposed(first, &axes(&order, first.shape.len())?)?
        }
        "Expand" => {
            let wanted: Option<Vec<usize>> = integers(1)?
                .into_iter()
                .map(|size| usize::try_from(size).ok())
                .collect();
            let shape = broadcast(&first.shape, &wanted?)?;
            room(&shape)?;
            expanded(first, &shape)
        }
        _ => return None,
    })
}

/// The same values in another shape, which has as many.
pub(super) fn with_shape(array: &Array, shape: Vec<usize>) -> Array {
    Array {
        shape,
        numbers: array.numbers.clone(),
    }
}

/// The values at these places; all of them are within.
fn picked(array: &Array, places: impl Iterator<Item = usize>) -> Numbers {
    match &array.numbers {
        Numbers::Floats(numbers) => Numbers::Floats(places.map(|place| numbers[place]).collect()),
        Numbers::Integers(numbers) => {
            Numbers::Integers(places.map(|place| numbers[place]).collect())
        }
    }
}

/// The slices of an axis at these places, which are below its size.
fn gathered(array: &Array, axis: usize, places: &[usize], shape: Vec<usize>) -> Array {
    let outer: usize = array.shape[..axis].iter().product();
    let inner: usize = array.shape[axis + 1..].iter().product();
    let size = array.shape[axis];
    let all = (0..outer).flat_map(|block| {
        let starts = places
            .iter()
            .map(move |place| (block * size + place) * inner);
        starts.flat_map(|start| start..start + inner)
    });
    let numbers = picked(array, all);
    Array { shape, numbers }
}

/// Axes in another order; `order` names each once.
fn transposed(array: &Array, order: &[usize]) -> Option<Array> {
    let rank = array.shape.len();
    let mut seen = order.to_vec();
    seen.sort_unstable();
    if !seen.into_iter().eq(0..rank) {
        return None;
    }
    let strides = strides(&array.shape);
    let shape: Vec<usize> = order.iter().map(|&axis| array.shape[axis]).collect();
    let steps: Vec<usize> = order.iter().map(|&axis| strides[axis]).collect();
    let numbers = picked(array, places(&shape, &steps));
    Some(Array { shape, numbers })
}

fn strides(shape: &[usize]) -> Vec<usize> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    strides
}

/// The places of all values of a shape, when each axis steps so far.
fn places<'a>(shape: &'a [usize], steps: &'a [usize]) -> impl Iterator<Item = usize> + 'a {
    let count: usize = shape.iter().product();
    let mut index = vec![0; shape.len()];
    let mut place = 0;
    (0..count).map(move |_| {
        let now = place;
        for axis in (0..shape.len()).rev() {
            index[axis] += 1;
            place += steps[axis];
            if index[axis] < shape[axis] {
                break;
            }
            place -= index[axis] * steps[axis];
            index[axis] = 0;
        }
        now
    })
}

/// The values repeated along axes of 1, to a shape that they broadcast to.
pub(super) fn expanded(array: &Array, shape: &[usize]) -> Array {
    if array.shape == shape {
        return array.clone();
    }
    let own = strides(&array.shape);
    let missing = shape.len() - array.shape.len();
    let steps: Vec<usize> = (0..shape.len())
        .map(|axis| match axis.checked_sub(missing) {
            Some(axis) if array.shape[axis] > 1 => own[axis],
            _ => 0,
        })
        .collect();
    let numbers = picked(array, places(shape, &steps));
    Array {
        shape: shape.to_vec(),
        numbers,
    }
}

fn concatenated(parts: &[&Array], shape: Vec<usize>, axis: i64) -> Option<Array> {
    let [axis] = axes(&[axis], shape.len())?[..] else {
        return None;
    };
    let outer: usize = shape[..axis].iter().product();
    let lengths: Vec<usize> = (parts.iter())
        .map(|part| part.shape[axis..].iter().product())
        .collect();
    let rows = |block: usize| {
        parts
            .iter()
            .zip(&lengths)
            .map(move |(part, length)| (*part, block * length..(block + 1) * length))
    };
    let all_integers: Option<Vec<&[i64]>> = parts.iter().map(|part| part.as_integers()).collect();
    let numbers = match all_integers {
        Some(_) => Numbers::Integers(
            (0..outer)
                .flat_map(rows)
                .flat_map(|(part, range)| part.as_integers().unwrap_or(&[])[range].to_vec())
                .collect(),
        ),
        None => {
            let all_floats: Option<Vec<&[f32]>> =
                parts.iter().map(|part| part.as_floats()).collect();
            all_floats?;
            Numbers::Floats(
                (0..outer)
                    .flat_map(rows)
                    .flat_map(|(part, range)| part.as_floats().unwrap_or(&[])[range].to_vec())
                    .collect(),
            )
        }
    };
    Some(Array { shape, numbers })
}
