//! ONNX: the tensors of a graph, and which node uses which, since exporters often rename tensors and fold
//! batch normalisations into convolutions.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use prost::Message;
use topwork_onnx::message::{self, Model, Node};
use topwork_onnx::{Element, Nowhere, OnnxError};

use crate::{Dtype, Format, Tensor, WeightsError};

/// The nodes of a graph that have weights.
#[derive(Clone, Debug, Default)]
pub(crate) struct Graph {
    /// In the order of the graph, in which every node stands behind those it needs.
    pub(crate) nodes: Vec<WeightNode>,
}

/// A node with weights.
#[derive(Clone, Debug)]
pub(crate) struct WeightNode {
    /// Its own name, or that of its first output.
    pub(crate) name: String,
    pub(crate) kind: NodeKind,
    /// Indices of the tensors it uses, in the order of its inputs; nothing for what is computed.
    pub(crate) tensors: Vec<Option<usize>>,
    /// The nodes with weights that its first input comes from directly, by their place in
    /// [`Graph::nodes`]; [`FROM_INPUT`] for what comes from the graph's input without any between.
    pub(crate) sources: BTreeSet<usize>,
}

/// In place of a node, the input of the graph.
pub(crate) const FROM_INPUT: usize = usize::MAX;

/// What a node with weights computes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum NodeKind {
    Conv {
        strides: Vec<i64>,
        dilations: Vec<i64>,
        groups: i64,
        /// `[top, left, bottom, right]`; nothing where another node pads, or the exporter left it open.
        pads: Option<Vec<i64>>,
    },
    BatchNorm {
        epsilon: f32,
    },
    /// A linear layer; whether its weight is `units × features`.
    Gemm {
        transposed: bool,
    },
}

/// Nodes, and those with weights, up to which it is worked out where their inputs come from: several times as
/// many as networks have that are described as a blueprint.
const MOST_NODES: usize = 1 << 14;
const MOST_WITH_WEIGHTS: usize = 1 << 10;

/// Models begin with their version, or at worst with the name of what wrote them.
pub(crate) fn looks_like_one(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0x08]) || bytes.starts_with(&[0x12]) || bytes.starts_with(&[0x3a])
}

/// The initializers of the graph, and its nodes with weights, unless there are too many.
pub(crate) fn read(bytes: Bytes) -> Result<(Vec<Tensor>, Option<Graph>), WeightsError> {
    let format = Format::Onnx;
    let damaged = |problem: String| WeightsError::Damaged { format, problem };
    let model = Model::decode(bytes).map_err(|error| damaged(error.to_string()))?;
    let graph = model
        .graph
        .ok_or_else(|| damaged("it has no graph".to_owned()))?;
    let tensors: Result<Vec<Tensor>, WeightsError> =
        graph.initializer.into_iter().map(tensor).collect();
    let tensors = tensors?;
    let nodes = nodes_with_weights(&graph.node, &tensors);
    Ok((tensors, nodes))
}

fn tensor(message: message::Tensor) -> Result<Tensor, WeightsError> {
    let format = Format::Onnx;
    let damaged = |error: OnnxError| WeightsError::Damaged {
        format,
        problem: error.to_string(),
    };
    if message.data_location == message::Tensor::EXTERNAL {
        return Err(WeightsError::Unsupported {
            format,
            problem: format!("the values of `{}` lie in another file", message.name),
        });
    }
    let (shape, _) = message.shape().map_err(damaged)?;
    let element = Element::of(message.data_type);
    let dtype = match element {
        Some(Element::Float32) => Dtype::F32,
        Some(Element::Uint8) => Dtype::U8,
        Some(Element::Int8) => Dtype::I8,
        Some(Element::Int16) => Dtype::I16,
        Some(Element::Int32) => Dtype::I32,
        Some(Element::Int64) => Dtype::I64,
        Some(Element::Bool) => Dtype::Bool,
        Some(Element::Float16) => Dtype::F16,
        Some(Element::Float64) => Dtype::F64,
        Some(Element::Bfloat16) => Dtype::Bf16,
        Some(other) => Dtype::Other(other.name().to_owned()),
        None => Dtype::Other(format!("type {}", message.data_type)),
    };
    let data = match (element, &dtype) {
        (None, _) | (_, Dtype::Other(_)) => Bytes::new(),
        _ => message.bytes(&Nowhere).map_err(damaged)?,
    };
    Ok(Tensor {
        name: message.name,
        shape,
        dtype,
        data,
        strides: None,
    })
}

fn nodes_with_weights(nodes: &[Node], tensors: &[Tensor]) -> Option<Graph> {
    if nodes.len() > MOST_NODES {
        return None;
    }
    let by_name: BTreeMap<&str, usize> = (tensors.iter().enumerate())
        .map(|(index, tensor)| (tensor.name.as_str(), index))
        .collect();
    let mut graph = Graph::default();
    // Where each value computed so far comes from.
    let mut sources: BTreeMap<&str, BTreeSet<usize>> = BTreeMap::new();
    let mut padded: BTreeSet<&str> = BTreeSet::new();
    for node in nodes {
        let mut own = BTreeSet::new();
        for input in &node.input {
            match sources.get(input.as_str()) {
                Some(sources) => own.extend(sources),
                None if input.is_empty() || by_name.contains_key(input.as_str()) => {}
                None => {
                    own.insert(FROM_INPUT);
                }
            }
        }
        if let Some(kind) = kind(node, &padded) {
            if graph.nodes.len() == MOST_WITH_WEIGHTS {
                return None;
            }
            let first = node
                .input
                .first()
                .and_then(|input| sources.get(input.as_str()));
            let name = match node.name.is_empty() {
                true => node.output.first().cloned().unwrap_or_default(),
                false => node.name.clone(),
            };
            let used = node.input.iter().skip(1);
            let weights = used.map(|input| by_name.get(input.as_str()).copied());
            let place = graph.nodes.len();
            graph.nodes.push(WeightNode {
                name,
                kind,
                tensors: weights.collect(),
                sources: first.cloned().unwrap_or(BTreeSet::from([FROM_INPUT])),
            });
            own = BTreeSet::from([place]);
        }
        for output in &node.output {
            if node.op_type == "Pad" {
                padded.insert(output);
            }
            sources.insert(output, own.clone());
        }
    }
    Some(graph)
}

fn kind(node: &Node, padded: &BTreeSet<&str>) -> Option<NodeKind> {
    let attribute = |name: &str| node.attribute.iter().find(|other| other.name == name);
    let whole =
        |name: &str, default: i64| attribute(name).and_then(|found| found.i).unwrap_or(default);
    let pair = |name: &str| attribute(name).map_or(vec![1, 1], |found| found.ints.clone());
    match node.op_type.as_str() {
        "Conv" => {
            let auto = attribute("auto_pad").and_then(|found| found.s.as_deref());
            let auto = auto.unwrap_or_default();
            let padded = node
                .input
                .first()
                .is_some_and(|input| padded.contains(input.as_str()));
            let open = padded || !matches!(auto, b"" | b"NOTSET");
            let pads = attribute("pads").map_or(vec![0; 4], |found| found.ints.clone());
            Some(NodeKind::Conv {
                strides: pair("strides"),
                dilations: pair("dilations"),
                groups: whole("group", 1),
                pads: (!open).then_some(pads),
            })
        }
        "BatchNormalization" => Some(NodeKind::BatchNorm {
            epsilon: attribute("epsilon")
                .and_then(|found| found.f)
                .unwrap_or(1e-5),
        }),
        "Gemm" => Some(NodeKind::Gemm {
            transposed: whole("transB", 0) == 1,
        }),
        _ => None,
    }
}
