//! What is the same for every image, computed once: settings that exporters wrote as nodes, and arithmetic on weights.

use crate::message::Tensor;
use crate::tensor::as_row;
use crate::{Array, Beside, Numbers};

use super::graph::{Graph, Node};
use super::moving::{expanded, moved, moves, with_shape};
use super::shapes::broadcast;

/// How many numbers folding may make in all. Models fold settings and their own weights; a file that would make more of
/// little is one that was made to do harm.
pub(super) struct Budget {
    left: usize,
}

impl Budget {
    /// For a model with so many numbers in its weights.
    pub fn new(weights: usize) -> Self {
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
        op if moves(op) => moved(node, &inputs, graph, &room)?,
        "Cast" => cast(first, node.int("to")?)?,
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
        "ScatterND" => scattered(first, input(1)?, input(2)?, node)?,
        "Clip" => clipped(first, [input(1), input(2)], node)?,
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

/// Numbers within bounds that inputs give, and attributes in old operator sets.
fn clipped(array: &Array, bounds: [Option<&Array>; 2], node: &Node) -> Option<Array> {
    let mut clipped = array.clone();
    for (bound, name, is_least) in [(bounds[0], "min", true), (bounds[1], "max", false)] {
        match (&mut clipped.numbers, bound, node.float(name)) {
            (_, None, None) => {}
            (Numbers::Integers(numbers), Some(bound), _) => {
                let &[bound] = bound.as_integers()? else {
                    return None;
                };
                for number in numbers {
                    *number = if is_least {
                        bound.max(*number)
                    } else {
                        bound.min(*number)
                    };
                }
            }
            (Numbers::Floats(numbers), bound, attribute) => {
                let bound = match bound {
                    Some(bound) => bound.as_floats()?.first().copied()?,
                    None => attribute?,
                };
                for number in numbers {
                    *number = if is_least {
                        number.max(bound)
                    } else {
                        number.min(bound)
                    };
                }
            }
            _ => return None,
        }
    }
    Some(clipped)
}

/// An array with parts of it replaced: `indices` has the first places of each part along its last axis.
fn scattered(array: &Array, indices: &Array, updates: &Array, node: &Node) -> Option<Array> {
    if node.has("reduction") && node.text("reduction") != Some("none") {
        return None;
    }
    let depth = *indices.shape.last()?;
    let (outer, inner) = array.shape.split_at_checked(depth)?;
    let each: usize = inner.iter().product();
    let mut scattered = array.clone();
    if depth == 0 || updates.len() != indices.len() / depth * each {
        return None;
    }
    for (number, index) in indices.as_integers()?.chunks_exact(depth).enumerate() {
        let mut start = 0;
        for (&place, &size) in index.iter().zip(outer) {
            let place = if place < 0 {
                place + size as i64
            } else {
                place
            };
            let place = usize::try_from(place).ok().filter(|place| *place < size)?;
            start = start * size + place;
        }
        let (to, from) = (
            start * each..(start + 1) * each,
            number * each..(number + 1) * each,
        );
        match (&mut scattered.numbers, &updates.numbers) {
            (Numbers::Floats(to_all), Numbers::Floats(from_all)) => {
                to_all[to].copy_from_slice(&from_all[from]);
            }
            (Numbers::Integers(to_all), Numbers::Integers(from_all)) => {
                to_all[to].copy_from_slice(&from_all[from]);
            }
            _ => return None,
        }
    }
    Some(scattered)
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
        (Numbers::Floats(a), Numbers::Floats(b)) if matches!(op, "Equal" | "Greater" | "Less") => {
            let compared = a.iter().zip(b).map(|(a, b)| match op {
                "Equal" => a == b,
                "Greater" => a > b,
                _ => a < b,
            });
            Numbers::Integers(compared.map(i64::from).collect())
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
