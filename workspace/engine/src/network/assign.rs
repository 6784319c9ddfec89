//! Which tensors of a file become which weights: by name, then by the names the blueprint says are the same.

use std::collections::BTreeMap;

use topwork_nearest::most_alike;

use super::{Network, Weight};
use crate::error::EngineError;
use crate::shape::by;

/// A tensor in a file, as far as it must be known to find its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TensorEntry {
    /// Its name in the file.
    pub name: String,
    /// Its shape; none for a single number.
    pub shape: Vec<usize>,
    /// What keeps its values from being weights, such as `of type I64, expected F32`.
    pub unusable: Option<String>,
}

/// Which tensors of a file become which weights of a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// For each weight and each running statistic in the blueprint's order, the index of its tensor.
    pub taken: Vec<usize>,
    /// Indices of tensors that the blueprint says may be passed over.
    pub ignored: Vec<usize>,
}

impl Network {
    /// Finds the tensor of each weight: the one of the same name, else the one whose name the blueprint
    /// says is another for it (`"weights": {"rename": …}`). It must have the same shape but for dimensions of 1.
    ///
    /// # Errors
    /// All at once, every weight that is missing, given twice, of another shape or unusable, and every
    /// tensor that is neither taken nor to be ignored.
    pub fn assign(&self, tensors: &[TensorEntry]) -> Result<Assignment, EngineError> {
        let places: BTreeMap<&str, usize> = (self.weights().enumerate())
            .map(|(place, weight)| (weight.name.as_str(), place))
            .collect();
        let mut of_place: Vec<Vec<usize>> = vec![Vec::new(); places.len()];
        let mut others = Vec::new();
        for (index, tensor) in tensors.iter().enumerate() {
            match places.get(tensor.name.as_str()) {
                Some(&place) => of_place[place].push(index),
                None => others.push(index),
            }
        }
        let mut ignored = Vec::new();
        let mut left_over = Vec::new();
        for index in others {
            let name = &tensors[index].name;
            let renamed = self.blueprint.renamed(name);
            match renamed.and_then(|renamed| places.get(renamed.as_str())) {
                Some(&place) => of_place[place].push(index),
                None if self.blueprint.ignores(name) => ignored.push(index),
                None => left_over.push(&tensors[index]),
            }
        }
        let mut problems = Vec::new();
        let mut taken = Vec::new();
        for (weight, found) in self.weights().zip(&of_place) {
            match found.as_slice() {
                &[index] => {
                    problems.extend(misfit(weight, &tensors[index]));
                    taken.push(index);
                }
                [] => problems.push(missing(weight, &left_over)),
                several => {
                    let names = several.iter().map(|&index| &tensors[index].name);
                    let names: Vec<String> = names.map(|name| format!("`{name}`")).collect();
                    problems.push(format!(
                        "{} all stand for `{}`, expected one of them",
                        names.join(", "),
                        weight.name
                    ));
                }
            }
        }
        left_over.sort_by(|a, b| a.name.cmp(&b.name));
        problems.extend(left_over.iter().map(|TensorEntry { name, shape, .. }| {
            format!("`{name}` ({}) is not part of the network", dims(shape))
        }));
        match problems.is_empty() {
            true => Ok(Assignment { taken, ignored }),
            false => Err(EngineError::Weights { problems }),
        }
    }
}

/// Whether both have the same numbers in the same order: dimensions of 1 do not count. A dense layer at each place of a map is
/// a convolution of one place, and a scale of each channel is also written as channels × 1 × 1.
fn same_shape(a: &[usize], b: &[usize]) -> bool {
    let counting = |shape: &[usize]| shape.iter().copied().filter(|&size| size != 1).collect();
    let [a, b]: [Vec<usize>; 2] = [counting(a), counting(b)];
    a == b
}

fn misfit(weight: &Weight, tensor: &TensorEntry) -> Option<String> {
    let name = match tensor.name == weight.name {
        true => format!("`{}`", weight.name),
        false => format!("`{}` (for `{}`)", tensor.name, weight.name),
    };
    match &tensor.unusable {
        Some(reason) => Some(format!("{name} is {reason}")),
        None if !same_shape(&tensor.shape, &weight.shape) => Some(format!(
            "{name} is {}, expected {}",
            dims(&tensor.shape),
            dims(&weight.shape)
        )),
        None => None,
    }
}

/// With the tensor that may have been meant: of those nobody asked for, the one with the most similar
/// name, one of the same shape if there is any.
fn missing(weight: &Weight, left_over: &[&TensorEntry]) -> String {
    let Weight { name, shape, .. } = weight;
    let fits = |tensor: &TensorEntry| same_shape(&tensor.shape, shape);
    let any_fits = left_over.iter().any(|tensor| fits(tensor));
    let fitting = (left_over.iter()).filter(|tensor| !any_fits || fits(tensor));
    let nearest = match most_alike(name, fitting, |tensor| &tensor.name) {
        Some((tensor, similarity)) if similarity > 0.65 => {
            format!("; nearest is `{}` ({})", tensor.name, dims(&tensor.shape))
        }
        _ => String::new(),
    };
    format!("`{name}` is missing, expected {}{nearest}", dims(shape))
}

fn dims(shape: &[usize]) -> String {
    match shape {
        [] => "a single number".to_owned(),
        shape => by(shape),
    }
}
