//! The weights of an ONNX graph by the order of its nodes, for files whose tensors have lost their names.
//!
//! Convolutions, batch normalisations and linear layers of network and graph are paired in their order.
//! Each pair must agree in shapes and settings, and in which pairs its input comes from, so that branches
//! cannot be mixed up. What stands between them (activations, pooling, sums) is not compared.

use std::collections::{BTreeMap, BTreeSet};

use topwork_engine::layers::{BatchNorm, Conv2d, Linear};
use topwork_engine::{Blueprint, LayerSpec};

use crate::onnx::{FROM_INPUT, Graph, NodeKind, WeightNode};
use crate::{Tensor, WeightsError};

/// Weights in the blueprint's order, and where they come from.
pub(super) struct Taken {
    pub(super) values: Vec<Vec<f32>>,
    /// How many tensors were used.
    pub(super) tensors: usize,
    /// Indices of tensors behind the network's end.
    pub(super) left_over: Vec<usize>,
    /// Batch normalisations that the graph has none for.
    pub(super) folded: usize,
}

/// A layer with weights, and the node it is paired with.
struct Pair<'a> {
    layer: &'a LayerSpec,
    /// Nothing for a batch normalisation that was folded into the convolution before it.
    node: Option<usize>,
}

pub(super) fn take(
    blueprint: &Blueprint,
    tensors: &[Tensor],
    graph: &Graph,
) -> Result<Taken, WeightsError> {
    let pairs = pair_up(blueprint, graph)?;
    check_sources(blueprint, graph, &pairs)?;
    let mut taken = Taking {
        tensors,
        used: BTreeSet::new(),
        values: Vec::new(),
        folded: 0,
    };
    // The bias that the convolution of a folded batch normalisation leaves to it.
    let mut carried: BTreeMap<usize, Vec<f32>> = BTreeMap::new();
    for (number, pair) in &pairs {
        let node = pair.node.map(|node| &graph.nodes[node]);
        match (node, pair.layer.op.get::<BatchNorm>()) {
            (Some(node), None) => {
                let bias = pair.layer.op.get().map(|conv: &Conv2d| conv.bias);
                let leaves_bias = bias == Some(false) && folded_behind(&pairs, *number);
                match bias {
                    Some(_) => {
                        let left = taken.convolution(pair.layer, node, leaves_bias)?;
                        carried.insert(*number, left);
                    }
                    None => taken.linear(pair.layer, node)?,
                }
            }
            (Some(node), Some(_)) => taken.batch_norm(pair.layer, node)?,
            (None, Some(norm)) => {
                let bias = carried.remove(&pair.layer.inputs[0]).unwrap_or_default();
                taken.folded_batch_norm(pair.layer, norm.epsilon, bias);
            }
            (None, None) => {}
        }
    }
    let last = pairs.values().filter_map(|pair| pair.node).max();
    let left_over = taken.left_over(graph, last)?;
    Ok(Taken {
        values: taken.values,
        tensors: taken.used.len(),
        left_over,
        folded: taken.folded,
    })
}

/// Whether a batch normalisation that was folded takes what layer `number` gives.
fn folded_behind(pairs: &BTreeMap<usize, Pair<'_>>, number: usize) -> bool {
    pairs
        .values()
        .any(|pair| pair.node.is_none() && pair.layer.inputs == [number])
}

/// The layers with weights by their number, each with its node.
fn pair_up<'a>(
    blueprint: &'a Blueprint,
    graph: &Graph,
) -> Result<BTreeMap<usize, Pair<'a>>, WeightsError> {
    let mut nodes: BTreeMap<&str, std::vec::IntoIter<usize>> = BTreeMap::new();
    let all = || graph.nodes.iter().enumerate();
    for kind in ["convolution", "linear layer", "batch normalisation"] {
        let own = all().filter(|(_, node)| words(&node.kind) == kind);
        let own: Vec<usize> = own.map(|(index, _)| index).collect();
        nodes.insert(kind, own.into_iter());
    }
    let has_norms = all().any(|(_, node)| matches!(node.kind, NodeKind::BatchNorm { .. }));
    let count = |kind: &str| all().filter(|(_, node)| words(&node.kind) == kind).count();
    let mut pairs = BTreeMap::new();
    for (index, layer) in blueprint.layers().iter().enumerate() {
        let is_norm = layer.op.get::<BatchNorm>().is_some();
        let kind = if layer.op.get::<Conv2d>().is_some() {
            "convolution"
        } else if layer.op.get::<Linear>().is_some() {
            "linear layer"
        } else if is_norm {
            "batch normalisation"
        } else {
            continue;
        };
        let node = match is_norm {
            true if !has_norms => {
                let before = layer.inputs[0].checked_sub(1);
                let before = before.map(|before| &blueprint.layers()[before].op);
                let affine = layer.op.get().is_some_and(|norm: &BatchNorm| norm.affine);
                if !affine || before.is_none_or(|before| before.get::<Conv2d>().is_none()) {
                    return Err(wrong(format!(
                        "it has no batch normalisation for `{}`, and none can have been folded into a convolution there",
                        layer.name
                    )));
                }
                None
            }
            _ => match nodes.get_mut(kind).and_then(Iterator::next) {
                Some(node) => Some(node),
                None => {
                    return Err(wrong(format!(
                        "it has {} nodes that are a {kind}, which leaves none for `{}`",
                        count(kind),
                        layer.name
                    )));
                }
            },
        };
        pairs.insert(index + 1, Pair { layer, node });
    }
    Ok(pairs)
}

fn words(kind: &NodeKind) -> &'static str {
    match kind {
        NodeKind::Conv { .. } => "convolution",
        NodeKind::Gemm { .. } => "linear layer",
        NodeKind::BatchNorm { .. } => "batch normalisation",
    }
}

/// Checks that the input of every pair comes from the same pairs in network and graph.
fn check_sources(
    blueprint: &Blueprint,
    graph: &Graph,
    pairs: &BTreeMap<usize, Pair<'_>>,
) -> Result<(), WeightsError> {
    // For every value of the network, the nodes it comes from.
    let mut sources: Vec<BTreeSet<usize>> = vec![BTreeSet::from([FROM_INPUT])];
    for (index, layer) in blueprint.layers().iter().enumerate() {
        let inputs = layer.inputs.iter();
        let own: BTreeSet<usize> = inputs.flat_map(|&input| &sources[input]).copied().collect();
        let own = match pairs.get(&(index + 1)).and_then(|pair| pair.node) {
            Some(node) => {
                let found = &graph.nodes[node];
                if found.sources != own {
                    return Err(wrong(format!(
                        "node `{}` takes its input from other nodes than `{}` from other layers",
                        found.name, layer.name
                    )));
                }
                BTreeSet::from([node])
            }
            None => own,
        };
        sources.push(own);
    }
    Ok(())
}

/// What has been taken so far.
struct Taking<'a> {
    tensors: &'a [Tensor],
    used: BTreeSet<usize>,
    values: Vec<Vec<f32>>,
    folded: usize,
}

impl Taking<'_> {
    /// The tensor at `place` behind the node's first input, which must have this shape.
    fn tensor(
        &mut self,
        node: &WeightNode,
        place: usize,
        layer: &LayerSpec,
        shape: &[usize],
    ) -> Result<Vec<f32>, WeightsError> {
        let index = node.tensors.get(place).copied().flatten();
        let Some(index) = index else {
            return Err(wrong(format!(
                "node `{}` has no stored tensor at input {}, which `{}` needs",
                node.name,
                place + 1,
                layer.name
            )));
        };
        let tensor = &self.tensors[index];
        if let Some(reason) = tensor.unusable() {
            return Err(wrong(format!("`{}` is {reason}", tensor.name)));
        }
        if tensor.shape != shape {
            return Err(wrong(format!(
                "`{}` of node `{}` has the shape {:?}, expected {shape:?} for `{}`",
                tensor.name, node.name, tensor.shape, layer.name
            )));
        }
        self.used.insert(index);
        Ok(tensor.values().unwrap_or_default())
    }

    fn has(&self, node: &WeightNode, place: usize) -> bool {
        node.tensors.get(place).is_some()
    }

    /// Takes the weight, and the bias if the layer has one; gives back a bias that it has none for.
    fn convolution(
        &mut self,
        layer: &LayerSpec,
        node: &WeightNode,
        leaves_bias: bool,
    ) -> Result<Vec<f32>, WeightsError> {
        let Some(&Conv2d {
            filters,
            kernel,
            stride,
            padding,
            dilation,
            groups,
            bias,
        }) = layer.op.get()
        else {
            return Ok(Vec::new());
        };
        let NodeKind::Conv {
            strides,
            dilations,
            groups: found_groups,
            pads,
        } = &node.kind
        else {
            return Ok(Vec::new());
        };
        compare(layer, node, "a stride", &stride, strides)?;
        compare(layer, node, "a dilation", &dilation, dilations)?;
        compare(
            layer,
            node,
            "a number of groups",
            &[groups],
            &[*found_groups],
        )?;
        if let Some(pads) = pads {
            compare(layer, node, "a padding", &padding, pads)?;
        }
        let channels = layer.input.dims()[0] / groups;
        let weight = [filters, channels, kernel[0], kernel[1]];
        let weight = self.tensor(node, 0, layer, &weight)?;
        self.values.push(weight);
        let found = match self.has(node, 1) {
            true => Some(self.tensor(node, 1, layer, &[filters])?),
            false => None,
        };
        match found {
            found if bias => self.values.push(found.unwrap_or(vec![0.0; filters])),
            Some(found) if leaves_bias => return Ok(found),
            Some(_) => {
                return Err(wrong(format!(
                    "node `{}` has a bias, but `{}` has none",
                    node.name, layer.name
                )));
            }
            None => {}
        }
        Ok(Vec::new())
    }

    fn linear(&mut self, layer: &LayerSpec, node: &WeightNode) -> Result<(), WeightsError> {
        let (Some(Linear { units, bias }), NodeKind::Gemm { transposed }) =
            (layer.op.get(), &node.kind)
        else {
            return Ok(());
        };
        let features = layer.input.elements();
        let weight = match transposed {
            true => self.tensor(node, 0, layer, &[*units, features])?,
            false => {
                let stored = self.tensor(node, 0, layer, &[features, *units])?;
                let columns = (0..*units).flat_map(|unit| stored.iter().skip(unit).step_by(*units));
                columns.copied().collect()
            }
        };
        self.values.push(weight);
        match (bias, self.has(node, 1)) {
            (true, true) => {
                let bias = self.tensor(node, 1, layer, &[*units])?;
                self.values.push(bias);
            }
            (true, false) => self.values.push(vec![0.0; *units]),
            (false, false) => {}
            (false, true) => {
                return Err(wrong(format!(
                    "node `{}` has a bias, but `{}` has none",
                    node.name, layer.name
                )));
            }
        }
        Ok(())
    }

    fn batch_norm(&mut self, layer: &LayerSpec, node: &WeightNode) -> Result<(), WeightsError> {
        let (
            Some(BatchNorm {
                epsilon, affine, ..
            }),
            NodeKind::BatchNorm { epsilon: found },
        ) = (layer.op.get(), &node.kind)
        else {
            return Ok(());
        };
        if epsilon != found {
            return Err(wrong(format!(
                "node `{}` has the epsilon {found}, expected {epsilon} for `{}`",
                node.name, layer.name
            )));
        }
        for place in 0..4 {
            let values = self.tensor(node, place, layer, &[layer.input.dims()[0]])?;
            // Scales and shifts, where the layer has none, must do nothing.
            let plain = [1.0, 0.0].get(place).filter(|_| !affine);
            match plain {
                Some(plain) if values.iter().all(|value| value == plain) => {}
                Some(_) => {
                    return Err(wrong(format!(
                        "node `{}` scales and shifts, but `{}` does not",
                        node.name, layer.name
                    )));
                }
                None => self.values.push(values),
            }
        }
        Ok(())
    }

    /// A batch normalisation that adds `bias` and does nothing else: with mean 0 and variance 1, the weight
    /// √(1 + ε) cancels what it is divided by to the bit.
    fn folded_batch_norm(&mut self, layer: &LayerSpec, epsilon: f32, bias: Vec<f32>) {
        let channels = layer.input.dims()[0];
        let bias = match bias.is_empty() {
            true => vec![0.0; channels],
            false => bias,
        };
        self.values.extend([
            vec![(1.0 + epsilon).sqrt(); channels],
            bias,
            vec![0.0; channels],
            vec![1.0; channels],
        ]);
        self.folded += 1;
    }

    /// Tensors that were not used: only nodes behind the network's last one may have some.
    fn left_over(&self, graph: &Graph, last: Option<usize>) -> Result<Vec<usize>, WeightsError> {
        for (index, node) in graph.nodes.iter().enumerate() {
            let unused = |tensor: &&usize| !self.used.contains(tensor);
            let unused = node.tensors.iter().flatten().find(unused);
            if let Some(&tensor) = unused
                && last.is_some_and(|last| index < last)
            {
                return Err(wrong(format!(
                    "no layer takes `{}` of node `{}`",
                    self.tensors[tensor].name, node.name
                )));
            }
        }
        let all = 0..self.tensors.len();
        Ok(all.filter(|tensor| !self.used.contains(tensor)).collect())
    }
}

/// A setting of a layer against that of its node.
fn compare(
    layer: &LayerSpec,
    node: &WeightNode,
    what: &str,
    expected: &[usize],
    found: &[i64],
) -> Result<(), WeightsError> {
    let same = expected.len() == found.len()
        && (expected.iter().zip(found)).all(|(&expected, &found)| found == expected as i64);
    match same {
        true => Ok(()),
        false => Err(wrong(format!(
            "node `{}` has {what} of {found:?}, expected {expected:?} for `{}`",
            node.name, layer.name
        ))),
    }
}

fn wrong(problem: String) -> WeightsError {
    WeightsError::Graph { problem }
}
