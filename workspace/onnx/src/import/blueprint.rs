//! Layers as a blueprint: their names, and the cut points with the names that people know.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde_json::{Value as Json, json};

use crate::OnnxError;

use super::graph::Graph;
use super::lower::{Arrays, Layer, Lowered};
use super::names::{around, within};
use super::{Imported, NamedArray};

/// The name under which layers refer to the network's own input.
const INPUT: &str = "input";

/// Writes the layers up to the one that computes the tensor `end`.
pub(super) fn write(
    graph: &Graph,
    end: &str,
    mut lowered: Lowered,
    left_out: Vec<String>,
) -> Result<Imported, OnnxError> {
    let last = lowered.values.get(end).map_or(0, |value| value.layer);
    let kept = needed(&lowered.layers, last);
    if kept.is_empty() {
        return Err(OnnxError::Damaged(
            "it computes nothing from its image".to_owned(),
        ));
    }
    // Their numbers once the others are gone; the input stays 0.
    let numbers: HashMap<usize, usize> = std::iter::once((0, 0))
        .chain(
            kept.iter()
                .enumerate()
                .map(|(place, &number)| (number, place + 1)),
        )
        .collect();
    let mut values: Vec<Arrays> = (lowered.layers.iter_mut())
        .map(|layer| std::mem::take(&mut layer.arrays))
        .collect();
    let layers: Vec<&Layer> = kept
        .iter()
        .filter_map(|number| lowered.layers.get(number - 1))
        .collect();
    let names = names(&layers);
    let named = |number: usize| match number.checked_sub(1) {
        Some(place) => names.get(place).map_or(INPUT, String::as_str),
        None => INPUT,
    };
    let mut written = Vec::new();
    let mut arrays = Vec::new();
    let mut inputs: Vec<Vec<usize>> = Vec::new();
    for ((layer, name), number) in layers.iter().zip(&names).zip(&kept) {
        let from = layer
            .inputs
            .iter()
            .filter_map(|input| numbers.get(input).copied());
        let from: Vec<usize> = from.collect();
        let mut entry = json!({ "name": name, "op": layer.op });
        if let Json::Object(entry) = &mut entry {
            entry.extend(layer.keys.clone());
            if from != [inputs.len()] {
                let from: Vec<&str> = from.iter().map(|&number| named(number)).collect();
                entry.insert("inputs".to_owned(), json!(from));
            }
        }
        written.push(entry);
        inputs.push(from);
        let own = values.get_mut(number - 1).map(std::mem::take);
        for (array, shape, numbers) in own.unwrap_or_default() {
            let name = format!("{name}.{array}");
            arrays.push(NamedArray {
                name,
                shape,
                numbers,
            });
        }
    }
    let mut tensors: BTreeMap<usize, Vec<&str>> = BTreeMap::new();
    for node in &graph.nodes {
        if let Some(value) = lowered.values.get(node.output())
            && let Some(number) = numbers.get(&value.layer)
        {
            tensors.entry(*number).or_default().push(node.output());
        }
    }
    let cuts: Vec<Json> = cuts(&layers, &inputs, &tensors)
        .into_iter()
        .map(|(name, number)| json!({ "name": name, "after": named(number) }))
        .collect();
    let input = &lowered.image;
    let blueprint = json!({ "format": 1, "input": input, "layers": written, "cuts": cuts });
    Ok(Imported {
        blueprint: blueprint.to_string(),
        arrays,
        left_out,
    })
}

/// The layers that one needs, itself among them, in order and counted from 1.
fn needed(layers: &[Layer], last: usize) -> Vec<usize> {
    let mut keep = vec![false; layers.len() + 1];
    if let Some(last) = keep.get_mut(last) {
        *last = true;
    }
    for (place, layer) in layers.iter().enumerate().rev() {
        if keep[place + 1] {
            for &input in &layer.inputs {
                keep[input] = true;
            }
        }
    }
    (1..=layers.len()).filter(|&number| keep[number]).collect()
}

/// A name for each layer: that of the module where it is the module's only layer, the module's with the operation behind it
/// where there are others, and the tensor's where no exporter left a module.
fn names(layers: &[&Layer]) -> Vec<String> {
    let scopes: HashSet<&str> = layers
        .iter()
        .filter_map(|layer| layer.scope.as_deref())
        .collect();
    // Modules that have others within.
    let outer: HashSet<&str> = scopes
        .iter()
        .flat_map(|scope| around(scope).skip(1))
        .collect();
    let mut taken: HashSet<String> = HashSet::from([INPUT.to_owned()]);
    let mut free = |wanted: String| {
        let mut name = wanted.clone();
        let mut number = 2;
        while !taken.insert(name.clone()) {
            name = format!("{wanted}_{number}");
            number += 1;
        }
        name
    };
    let name = |layer: &&Layer| match &layer.scope {
        Some(scope) if outer.contains(scope.as_str()) => free(format!("{scope}.{}", layer.op)),
        Some(scope) => free(scope.clone()),
        None => free(layer.tensor.clone()),
    };
    layers.iter().map(name).collect()
}

/// Whether a name ends with a number, as `layer4` and `blocks.11` do and `blocks` does not.
fn is_numbered(name: &str) -> bool {
    name.ends_with(|c: char| c.is_ascii_digit())
}

/// The cut points: behind every layer from which on nothing before it is needed, called after the modules that end there,
/// the outermost first but lists of modules last, and after the tensors of the file.
fn cuts(
    layers: &[&Layer],
    inputs: &[Vec<usize>],
    tensors: &BTreeMap<usize, Vec<&str>>,
) -> Vec<(String, usize)> {
    // The least number that the layers behind a place need.
    let mut least = vec![usize::MAX; layers.len() + 1];
    for place in (0..layers.len()).rev() {
        let own = inputs[place].iter().min().copied().unwrap_or(usize::MAX);
        least[place] = least[place + 1].min(own);
    }
    let mut ends: HashMap<&str, usize> = HashMap::new();
    for (place, layer) in layers.iter().enumerate() {
        for module in layer.scope.iter().flat_map(|scope| around(scope)) {
            ends.insert(module, place + 1);
        }
    }
    // Modules without a number that hold numbered ones: `blocks`, `stages`, `features`.
    let lists: HashSet<&str> = (ends.keys())
        .filter_map(|module| module.rsplit_once('.'))
        .filter(|(list, item)| !is_numbered(list) && is_numbered(item))
        .map(|(list, _)| list)
        .collect();
    let of_tensors: HashSet<&str> = tensors.values().flatten().copied().collect();
    let mut found: Vec<(String, usize)> = Vec::new();
    let mut taken: HashSet<String> = HashSet::new();
    for number in 1..=layers.len() {
        if least[number] < number {
            continue;
        }
        let mut modules: Vec<&str> = (layers[number - 1].scope.iter())
            .flat_map(|scope| around(scope))
            .filter(|module| ends.get(module) == Some(&number) && !of_tensors.contains(module))
            .collect();
        modules.reverse();
        debug_assert!(modules.windows(2).all(|pair| within(pair[1], pair[0])));
        // The last block is called after itself, as the others are, and only then after the list of all.
        modules.sort_by_key(|module| lists.contains(module));
        let of_file = tensors.get(&number).into_iter().flatten().copied();
        for name in modules.into_iter().chain(of_file) {
            if taken.insert(name.to_owned()) {
                found.push((name.to_owned(), number));
            }
        }
    }
    found
}
