//! What is the same for every image, computed once: settings that exporters wrote as nodes, and arithmetic on weights.

use crate::message::Tensor;
use crate::tensor::as_row;
use crate::{Array, Beside, Numbers};

use super::graph::{Graph, Node};
use super::shapes::{axes, broadcast, reshaped, sliced};

/// How many numbers folding may make in all. Models fold settings and their own weights; a file that would make more of
/// little is one that was made to do harm.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// For a model with initializers of these lengths.
    pub fn new(initializers: impl Iterator<Item = usize>) -> Self {
        let weights = initializers.fold(0usize, usize::saturating_add);
        Self {
            left: weights.saturating_mul(4).saturating_add(1 << 20),
        }
    }

    fn spend(&mut self, numbers: usize) -> Option<()> {
        self.left = self.left.checked_sub(numbers)?;
        Some(())
    }
}

/// The first output of a node, where it is the same for every image.
pub(super) fn fold(
    node: &Node,
    graph: &Graph,
    beside: &dyn Beside,
    budget: &mut Budget,
) -> Option<Array> {
    let array = match node.op.as_str() {
        "Constant" => constant(node, beside)?,
        "Shape" => shape(node, graph)?,
        _ => computed(node, graph, budget)?,
    };
    budget.spend(array.len())?;
    Some(array)
}

fn constant(node: &Node, beside: &dyn Beside) -> Option<Array> {
    if let Some(tensor) = node.tensor("value") {
        return Tensor::array(tensor, beside).ok();
    }
    if let Some(number) = node.int("value_int") {
        return Some(Array::integers(&[], vec![number]));
    }
    if let Some(number) = node.float("value_float") {
        return Some(Array::floats(&[], vec![number]));
    }
    let numbers = node.ints("value_ints")?;
    Some(Array::integers(&[numbers.len()], numbers.to_vec()))
}

fn shape(node: &Node, graph: &Graph) -> Option<Array> {
    let sizes = graph.shape(node.input(0)?)?;
    let rank = sizes.len() as i64;
    let within = |place: i64| {
        let place = if place < 0 {
            place.saturating_add(rank)
        } else {
            place
        };
        place.clamp(0, rank) as usize
    };
    let start = within(node.int("start").unwrap_or(0));
    let end = within(node.int("end").unwrap_or(rank));
    let sizes = sizes.get(start..end).unwrap_or(&[]);
    let sizes: Vec<i64> = sizes.iter().map(|&size| size as i64).collect();
    Some(Array::integers(&[sizes.len()], sizes))
}

fn computed(node: &Node, graph: &Graph, budget: &mut Budget) -> Option<Array> {
    let mut inputs = Vec::new();
    for name in &node.inputs {
        inputs.push(match name.as_str() {
            "" => None,
            name => Some(&**graph.constant(name)?),
        });
    }
    let input = |position: usize| inputs.get(position).copied().flatten();
    let integers = |position: usize| Some(input(position)?.as_integers()?.to_vec());
    let first = input(0)?;
    // Sizes beside a size of 0 may be anything.
    if inputs
        .iter()
        .flatten()
        .any(|array| array.is_empty() && array.shape.len() > 1)
    {
        return None;
    }
    // What a node makes is told before it is made.
    let room = |shape: &[usize]| -> Option<()> {
        let count = (shape.iter()).try_fold(1usize, |count, size| count.checked_mul(*size))?;
        (count <= budget.left).then_some(())
    };
    Some(match node.op.as_str() {
        "Identity" => first.clone(),
        "Cast" => cast(first, node.int("to")?)?,
        "Reshape" => {
            let shape = reshaped(
                &first.shape,
                &integers(1)?,
                node.int("allowzero") == Some(1),
            )?;
            with_shape(first, shape)
        }
        "Unsqueeze" | "Squeeze" | "Flatten" => {
            let shapes = super::shapes::outputs(node, graph);
            with_shape(first, shapes.into_iter().next()?)
        }
        "Concat" => {
            let parts: Option<Vec<&Array>> = inputs.iter().copied().collect();
            let shape = super::shapes::outputs(node, graph).into_iter().next()?;
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
        "Slice" => {
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
        "ConstantOfShape" => {
            let sizes: Option<Vec<usize>> = first
                .as_integers()?
                .iter()
                .map(|&size| usize::try_from(size).ok())
                .collect();
            let shape = sizes?;
            room(&shape)?;
            let value = match node.tensor("value") {
                Some(tensor) => tensor.array(&crate::Nowhere).ok()?,
                None => Array::floats(&[], vec![0.0]),
            };
            let single = with_shape(&value, vec![1; shape.len()]);
            (single.len() == 1).then(|| expanded(&single, &shape))?
        }
        "Range" => {
            let number = |position| input(position)?.as_integers()?.first().copied();
            let (start, limit, step) = (number(0)?, number(1)?, number(2)?);
            if step == 0 {
                return None;
            }
            let count = limit
                .checked_sub(start)?
                .checked_add(step - step.signum())?
                / step;
            let count = count.max(0);
            room(&[usize::try_from(count).ok()?])?;
            let numbers: Vec<i64> = (0..count).map(|place| start + place * step).collect();
            Array::integers(&[numbers.len()], numbers)
        }
        "Where" => {
            let (yes, no) = (input(1)?, input(2)?);
            let shape = broadcast(&broadcast(&first.shape, &yes.shape)?, &no.shape)?;
            room(&shape)?;
            let chosen = expanded(first, &shape);
            let (yes, no) = (expanded(yes, &shape), expanded(no, &shape));
            let chosen = chosen.as_integers()?.iter();
            match (yes.numbers, no.numbers) {
                (Numbers::Integers(yes), Numbers::Integers(no)) => {
                    let picked = chosen.zip(yes.into_iter().zip(no));
                    let picked =
                        picked.map(|(which, (yes, no))| if *which != 0 { yes } else { no });
                    Array::integers(&shape, picked.collect())
                }
                (Numbers::Floats(yes), Numbers::Floats(no)) => {
                    let picked = chosen.zip(yes.into_iter().zip(no));
                    let picked =
                        picked.map(|(which, (yes, no))| if *which != 0 { yes } else { no });
                    Array::floats(&shape, picked.collect())
                }
                _ => return None,
            }
        }
        op => match (inputs.len(), input(1)) {
            (1, None) => unary(op, first)?,
            (2, Some(second)) => {
                let shape = broadcast(&first.shape, &second.shape)?;
                room(&shape)?;
                binary(
                    op,
                    &expanded(first, &shape),
                    &expanded(second, &shape),
                    shape,
                )?
            }
            _ => return None,
        },
    })
}

fn with_shape(array: &Array, shape: Vec<usize>) -> Array {
    Array {
        shape,
        numbers: array.numbers.clone(),
    }
}

fn cast(array: &Array, to: i64) -> Option<Array> {
    let element = crate::Element::of(i32::try_from(to).ok()?)?;
    let is_truth = element == crate::Element::Bool;
    let numbers = match (&array.numbers, element.is_float()) {
        (_, true) => Numbers::Floats(as_row(array).into_owned()),
        (Numbers::Integers(numbers), false) => {
            let numbers = numbers.iter().map(|&number| match is_truth {
                true => i64::from(number != 0),
                false => number,
            });
            Numbers::Integers(numbers.collect())
        }
        (Numbers::Floats(numbers), false) => {
            let numbers = numbers.iter().map(|&number| match is_truth {
                true => i64::from(number != 0.0),
                false => number as i64,
            });
            Numbers::Integers(numbers.collect())
        }
    };
    Some(Array {
        shape: array.shape.clone(),
        numbers,
    })
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
pub(super) fn transposed(array: &Array, order: &[usize]) -> Option<Array> {
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
fn expanded(array: &Array, shape: &[usize]) -> Array {
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

fn unary(op: &str, array: &Array) -> Option<Array> {
    let float = |f: fn(f32) -> f32| {
        let numbers = array.as_floats()?.iter().map(|&x| f(x)).collect();
        Some(Numbers::Floats(numbers))
    };
    let numbers = match (op, &array.numbers) {
        ("Sqrt", _) => float(f32::sqrt)?,
        ("Reciprocal", _) => float(f32::recip)?,
        ("Exp", _) => float(f32::exp)?,
        ("Log", _) => float(f32::ln)?,
        ("Floor", _) => float(f32::floor)?,
        ("Ceil", _) => float(f32::ceil)?,
        ("Neg", Numbers::Integers(numbers)) => Numbers::Integers(
            numbers
                .iter()
                .map(|x| x.checked_neg())
                .collect::<Option<_>>()?,
        ),
        ("Neg", _) => float(|x| -x)?,
        ("Not", Numbers::Integers(numbers)) => {
            Numbers::Integers(numbers.iter().map(|x| i64::from(*x == 0)).collect())
        }
        _ => return None,
    };
    Some(Array {
        shape: array.shape.clone(),
        numbers,
    })
}

/// Two arrays of one shape.
fn binary(op: &str, a: &Array, b: &Array, shape: Vec<usize>) -> Option<Array> {
    let numbers = match (&a.numbers, &b.numbers) {
        (Numbers::Integers(a), Numbers::Integers(b)) => {
            let f: fn(i64, i64) -> Option<i64> = match op {
                "Add" => i64::checked_add,
                "Sub" => i64::checked_sub,
                "Mul" => i64::checked_mul,
                "Div" => i64::checked_div,
                "Mod" => i64::checked_rem_euclid,
                "Min" => |a, b| Some(a.min(b)),
                "Max" => |a, b| Some(a.max(b)),
                "Equal" => |a, b| Some(i64::from(a == b)),
                "Greater" => |a, b| Some(i64::from(a > b)),
                "Less" => |a, b| Some(i64::from(a < b)),
                _ => return None,
            };
            let numbers: Option<Vec<i64>> = a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect();
            Numbers::Integers(numbers?)
        }
        (Numbers::Floats(a), Numbers::Floats(b)) => {
            let f: fn(f32, f32) -> f32 = match op {
                "Add" => |a, b| a + b,
                "Sub" => |a, b| a - b,
                "Mul" => |a, b| a * b,
                "Div" => |a, b| a / b,
                "Pow" => f32::powf,
                "Min" => f32::min,
                "Max" => f32::max,
                _ => return None,
            };
            Numbers::Floats(a.iter().zip(b).map(|(&a, &b)| f(a, b)).collect())
        }
        _ => return None,
    };
    Some(Array { shape, numbers })
}
