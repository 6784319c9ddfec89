//! A model's graph for one image: nodes in the order in which they can be computed, and what is known of every tensor.

use std::cell::Cell;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::message::{self, Attribute, Model, Tensor};
use crate::{Array, Beside, Element, OnnxError};

use super::names::scope;
use super::split::parts;
use super::{Wanted, fold, shapes};

/// The operator sets before it broadcast otherwise.
pub(super) const LEAST_OPERATOR_SET: i64 = 7;

/// So many numbers are followed to where they come from, and four times those of the weights: of a large vision transformer it
/// is three times those. What was made to do harm ends after seconds.
const MOST_FOLLOWED: usize = 1 << 27;

/// Those of one tensor: the queries, keys and values of 1,370 tokens of a width of 1,024 are a quarter of it.
const MOST_OF_ONE: usize = 1 << 24;

/// More numbers than this in one image are a mistake of the file: 256 MiB.
const LARGEST_IMAGE: usize = 1 << 26;

/// A node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// The operator, behind its domain where that is not ONNX's own: `com.microsoft.FusedConv`.
    pub op: String,
    pub name: String,
    /// The module that it was exported from, where the exporter has left that: `layer4.1.relu`.
    pub scope: Option<String>,
    /// Names of tensors; empty for what is left out.
    pub inputs: Vec<String>,
    pub outputs: Vec<String>,
    pub attributes: Vec<Attribute>,
}

impl Node {
    fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|found| found.name == name)
    }

    pub fn int(&self, name: &str) -> Option<i64> {
        self.attribute(name)?.i
    }

    pub fn float(&self, name: &str) -> Option<f32> {
        self.attribute(name)?.f
    }

    pub fn ints(&self, name: &str) -> Option<&[i64]> {
        Some(&self.attribute(name)?.ints)
    }

    pub fn floats(&self, name: &str) -> Option<&[f32]> {
        Some(&self.attribute(name)?.floats)
    }

    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.attribute(name)?.s.as_deref()?).ok()
    }

    pub fn tensor(&self, name: &str) -> Option<&Tensor> {
        self.attribute(name)?.t.as_ref()
    }

    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// The name of an input; nothing where it is left out.
    pub fn input(&self, position: usize) -> Option<&str> {
        let name = self.inputs.get(position)?;
        (!name.is_empty()).then_some(name)
    }

    pub fn output(&self) -> &str {
        self.outputs.first().map_or("", String::as_str)
    }

    /// Whether it has this operator.
    pub fn is(&self, op: &str) -> bool {
        self.op == op
    }
}

/// What is known of a tensor for one image.
#[derive(Clone, Debug)]
pub(super) enum Fact {
    /// It is the same for every image.
    Constant(Arc<Array>),
    /// It is computed from the image and has this shape.
    Computed(Vec<usize>),
}

pub(super) struct Graph {
    pub nodes: Vec<Node>,
    pub facts: HashMap<String, Fact>,
    /// The tensor that takes the image, with the shape of a batch of one.
    pub input: String,
    pub image: Vec<usize>,
    pub outputs: Vec<String>,
    pub operator_set: i64,
    producers: HashMap<String, usize>,
    /// How many numbers may still be followed to where they come from.
    followed: Cell<usize>,
}

impl Graph {
    /// Reads a model and works out what is the same for every image.
    pub fn read(model: &Model, beside: &dyn Beside, wanted: &Wanted) -> Result<Self, OnnxError> {
        let graph = (model.graph.as_ref())
            .ok_or_else(|| OnnxError::Damaged("it has no graph".to_owned()))?;
        let sets = model.opset_import.iter();
        let mut own = sets.filter(|set| matches!(&*set.domain, "" | "ai.onnx"));
        let operator_set = own.next().map_or(1, |set| set.version);
        let mut facts = HashMap::new();
        for tensor in &graph.initializer {
            let array = tensor.array(beside)?;
            facts.insert(tensor.name.clone(), Fact::Constant(Arc::new(array)));
        }
        let (input, image) = image(graph, &facts, wanted)?;
        facts.insert(input.clone(), Fact::Computed(image.clone()));
        let nodes = sorted(graph.node.iter().map(node).collect(), &facts)?;
        let mut read = Self {
            nodes,
            facts,
            input,
            image,
            outputs: graph
                .output
                .iter()
                .map(|value| value.name.clone())
                .collect(),
            operator_set,
            producers: HashMap::new(),
            followed: Cell::new(0),
        };
        let weights = read.facts.values().filter_map(|fact| match fact {
            Fact::Constant(array) => Some(array.len()),
            Fact::Computed(_) => None,
        });
        let weights = weights.fold(0usize, usize::saturating_add);
        let most = weights.saturating_mul(4).saturating_add(MOST_FOLLOWED);
        read.followed.set(most);
        read.infer(beside, weights);
        read.index();
        Ok(read)
    }

    /// Folds what is the same for every image, and tells the shapes of the rest as far as they are known.
    fn infer(&mut self, beside: &dyn Beside, weights: usize) {
        let mut budget = fold::Budget::new(weights);
        let mut kept = Vec::with_capacity(self.nodes.len());
        for whole in std::mem::take(&mut self.nodes) {
            for node in parts(&whole, self).unwrap_or_else(|| vec![whole]) {
                if let Some(array) = fold::fold(&node, self, beside, &mut budget) {
                    let fact = Fact::Constant(Arc::new(array));
                    self.facts.insert(node.output().to_owned(), fact);
                    continue;
                }
                for (name, shape) in node.outputs.iter().zip(shapes::outputs(&node, self)) {
                    self.facts.insert(name.clone(), Fact::Computed(shape));
                }
                kept.push(node);
            }
        }
        self.nodes = kept;
    }

    fn index(&mut self) {
        self.producers.clear();
        for (place, node) in self.nodes.iter().enumerate() {
            for output in node.outputs.iter().filter(|name| !name.is_empty()) {
                self.producers.insert(output.clone(), place);
            }
        }
    }

    /// The node that computes a tensor.
    pub fn producer(&self, name: &str) -> Option<&Node> {
        self.nodes.get(*self.producers.get(name)?)
    }

    /// The node that computes an input of another one.
    pub fn before(&self, node: &Node, position: usize) -> Option<&Node> {
        self.producer(node.input(position)?)
    }

    /// Puts a node in the place of another one that computes the same first output.
    pub fn replace(&mut self, place: usize, node: Node) {
        if let Some(old) = self.nodes.get_mut(place) {
            *old = node;
        }
    }

    /// Drops the nodes that a tensor does not need.
    pub fn prune(&mut self, end: &str) {
        let mut needed: HashSet<&str> = HashSet::from([end]);
        let mut keep = vec![false; self.nodes.len()];
        for (node, keep) in self.nodes.iter().zip(&mut keep).rev() {
            if node
                .outputs
                .iter()
                .any(|name| needed.contains(name.as_str()))
            {
                *keep = true;
                needed.extend(node.inputs.iter().map(String::as_str));
            }
        }
        let mut keep = keep.into_iter();
        self.nodes.retain(|_| keep.next().unwrap_or(false));
        self.index();
    }

    pub fn constant(&self, name: &str) -> Option<&Arc<Array>> {
        match self.facts.get(name)? {
            Fact::Constant(array) => Some(array),
            Fact::Computed(_) => None,
        }
    }

    /// The constant that an input is.
    pub fn constant_of(&self, node: &Node, position: usize) -> Option<&Arc<Array>> {
        self.constant(node.input(position)?)
    }

    /// The shape of a tensor for one image.
    pub fn shape(&self, name: &str) -> Option<&[usize]> {
        Some(match self.facts.get(name)? {
            Fact::Constant(array) => &array.shape,
            Fact::Computed(shape) => shape,
        })
    }

    /// Counts numbers that are followed to where they come from; nothing where they are too many.
    pub fn follow(&self, numbers: usize) -> Option<()> {
        let left = self.followed.get().checked_sub(numbers)?;
        self.followed.set(left);
        (numbers <= MOST_OF_ONE).then_some(())
    }

    /// Whole numbers that an attribute gave in old operator sets and an input gives in newer ones.
    pub fn settings(&self, node: &Node, attribute: &str, input: usize) -> Option<Vec<i64>> {
        if let Some(ints) = node.ints(attribute) {
            return Some(ints.to_vec());
        }
        let array = self.constant_of(node, input)?;
        Some(array.as_integers()?.to_vec())
    }
}

fn node(message: &message::Node) -> Node {
    let op = match &*message.domain {
        "" | "ai.onnx" => message.op_type.clone(),
        domain => format!("{domain}.{}", message.op_type),
    };
    Node {
        op,
        name: message.name.clone(),
        scope: scope(message),
        inputs: message.input.clone(),
        outputs: message.output.clone(),
        attributes: message.attribute.clone(),
    }
}

/// The tensor that takes the image, and its shape for one.
fn image(
    graph: &message::Graph,
    facts: &HashMap<String, Fact>,
    wanted: &Wanted,
) -> Result<(String, Vec<usize>), OnnxError> {
    let wrong = |problem: String| Err(OnnxError::Input(problem));
    let inputs = graph.input.iter();
    let inputs = inputs.filter(|value| !facts.contains_key(&value.name));
    let typed = inputs.filter_map(|value| {
        let tensor = value.kind.as_ref()?.tensor.as_ref()?;
        Some((value, tensor.elem_type, tensor.shape.as_ref()?))
    });
    let images: Vec<_> = typed.filter(|(.., shape)| shape.dim.len() == 4).collect();
    let [(value, element, shape)] = images[..] else {
        return wrong(format!(
            "it takes {} images, expected one input of four dimensions",
            images.len()
        ));
    };
    if Element::of(element) != Some(Element::Float32) {
        let found = Element::of(element).map_or("other numbers", Element::name);
        return wrong(format!("`{}` takes {found}, expected float32", value.name));
    }
    let stated = wanted
        .input
        .map(|[channels, height, width]| match wanted.channels_last {
            true => [height, width, channels],
            false => [channels, height, width],
        });
    let mut sizes = vec![1];
    for (axis, dimension) in shape.dim.iter().enumerate().skip(1) {
        let written = dimension.value.and_then(|size| usize::try_from(size).ok());
        let written = written.filter(|size| *size > 0);
        let stated = stated.and_then(|stated| stated.get(axis - 1).copied());
        match written.or(stated) {
            Some(size) => sizes.push(size),
            None => {
                return wrong(format!(
                    "`{}` leaves the size of its images open",
                    value.name
                ));
            }
        }
    }
    let count = (sizes.iter()).try_fold(1usize, |count, size| count.checked_mul(*size));
    if count.is_none_or(|count| count > LARGEST_IMAGE) {
        return wrong(format!(
            "`{}` takes images of {sizes:?}, expected at most {LARGEST_IMAGE} numbers",
            value.name
        ));
    }
    Ok((value.name.clone(), sizes))
}

/// The nodes so that each stands behind those it needs; files are found that have them otherwise.
fn sorted(nodes: Vec<Node>, facts: &HashMap<String, Fact>) -> Result<Vec<Node>, OnnxError> {
    let mut made_by: HashMap<&str, usize> = HashMap::new();
    for (place, node) in nodes.iter().enumerate() {
        for output in node.outputs.iter().filter(|name| !name.is_empty()) {
            if made_by.insert(output, place).is_some() || facts.contains_key(output) {
                let problem = format!("the tensor `{output}` is computed twice");
                return Err(OnnxError::Damaged(problem));
            }
        }
    }
    let mut waits = vec![0usize; nodes.len()];
    let mut waiting: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (place, node) in nodes.iter().enumerate() {
        for input in &node.inputs {
            if let Some(&needed) = made_by.get(input.as_str()) {
                waits[place] += 1;
                waiting[needed].push(place);
            }
        }
    }
    // The file's own order wherever it can be: a place in the heap is the place in the file.
    let ready = (0..nodes.len()).filter(|&place| waits[place] == 0);
    let mut ready: std::collections::BTreeSet<usize> = ready.collect();
    let mut order = Vec::with_capacity(nodes.len());
    while let Some(place) = ready.pop_first() {
        order.push(place);
        for &next in &waiting[place] {
            waits[next] -= 1;
            if waits[next] == 0 {
                ready.insert(next);
            }
        }
    }
    if order.len() < nodes.len() {
        let problem = "its nodes need one another in a circle".to_owned();
        return Err(OnnxError::Damaged(problem));
    }
    let mut nodes: Vec<Option<Node>> = nodes.into_iter().map(Some).collect();
    let sorted = order.into_iter().filter_map(|place| nodes[place].take());
    Ok(sorted.collect())
}
