//! Which axis of a tensor counts channels. Files do not say; operators do: a convolution takes and gives channels behind the
//! batch, weights are multiplied with the last axis. From there it goes along the edges of the graph, both ways, through
//! whatever leaves the axes as they are or says where it moves them.

use crate::graph::Graph;
use crate::node::Node;
use crate::normalise::Shapes;
use std::collections::HashMap;

/// The axis of channels of every tensor for which there is one, the batch counted as axis 0.
pub type Channels = HashMap<String, usize>;

/// Operators whose definition has the channels behind the batch.
const BEHIND_BATCH: [&str; 18] = [
    "Conv",
    "ConvInteger",
    "ConvTranspose",
    "QLinearConv",
    "DeformConv",
    "MaxPool",
    "AveragePool",
    "LpPool",
    "GlobalAveragePool",
    "GlobalMaxPool",
    "GlobalLpPool",
    "BatchNormalization",
    "InstanceNormalization",
    "GroupNormalization",
    "LRN",
    "DepthToSpace",
    "SpaceToDepth",
    "GridSample",
];

/// Operators that multiply the last axis with weights, or normalise along it.
const ALONG_LAST: [&str; 6] = [
    "MatMul",
    "MatMulInteger",
    "QLinearMatMul",
    "LayerNormalization",
    "SimplifiedLayerNormalization",
    "RMSNormalization",
];

/// Operators of which the other axes of what comes in are not those of what goes out, though there may be as many.
const REARRANGING: [&str; 9] = [
    "Gather",
    "GatherElements",
    "GatherND",
    "ScatterND",
    "Einsum",
    "Attention",
    "MultiHeadAttention",
    "Gemm",
    "Constant",
];

/// Works out the axis of channels of the tensors of these shapes. What is certain comes first and goes as far as it reaches;
/// then what most networks mean by it; then the image.
pub fn channels(graph: &Graph<'_>, shapes: &Shapes, image: &str, of_image: usize) -> Channels {
    let mut found = Found {
        graph,
        shapes,
        channels: Channels::new(),
    };
    found.set(image, of_image);
    for node in &graph.nodes {
        if node.domain.is_empty() && BEHIND_BATCH.contains(&&*node.operator) {
            found.behind_batch(node);
        }
    }
    found.spread();
    for seed in [Found::reduced, Found::along_last] {
        for node in &graph.nodes {
            seed(&mut found, node);
        }
        found.spread();
    }
    found.channels
}

struct Found<'g, 'a> {
    graph: &'g Graph<'a>,
    shapes: &'g Shapes,
    channels: Channels,
}

impl Found<'_, '_> {
    fn rank(&self, name: &str) -> usize {
        self.shapes.get(name).map_or(0, Vec::len)
    }

    /// Takes down an axis; true if it was not known.
    fn set(&mut self, name: &str, axis: usize) -> bool {
        // What has channels alone needs no axis.
        if axis >= self.rank(name) || self.rank(name) < 3 || self.channels.contains_key(name) {
            return false;
        }
        self.channels.insert(name.to_owned(), axis);
        true
    }

    fn get(&self, name: &str) -> Option<usize> {
        self.channels.get(name).copied()
    }

    fn behind_batch(&mut self, node: &Node<'_>) {
        for name in node.input(0).into_iter().chain([node.output()]) {
            self.set(&name, 1);
        }
    }

    /// Means over what is not channels: over height and width of four axes, over the middle one of three.
    fn reduced(&mut self, node: &Node<'_>) {
        if !node.operator.starts_with("Reduce") {
            return;
        }
        let Some(input) = node.input(0) else {
            return;
        };
        let rank = self.rank(&input);
        let listed = node.input(1).and_then(|axes| self.graph.constant(&axes));
        let listed = listed.map(|axes| axes.into_iter().map(|axis| axis as i64).collect());
        let Some(axes) = node.ints("axes").or(listed) else {
            return;
        };
        let axes: Vec<i64> = (axes.into_iter())
            .map(|axis| if axis < 0 { axis + rank as i64 } else { axis })
            .collect();
        let channels = match (rank, axes.as_slice()) {
            (4, [2, 3]) => 1,
            (4, [1, 2]) => 3,
            (3, [1]) => 2,
            _ => return,
        };
        self.set(&input, channels);
    }

    fn along_last(&mut self, node: &Node<'_>) {
        if !ALONG_LAST.contains(&&*node.operator) {
            return;
        }
        let Some(input) = node.input(0) else {
            return;
        };
        let normalises = node.operator.ends_with("Normalization");
        let last = node.int("axis").unwrap_or(-1);
        let rank = self.rank(&input);
        if (normalises && last != -1 && last + 1 != rank as i64)
            || (!normalises && !self.by_weights(node))
        {
            return;
        }
        for name in [input, node.output()] {
            let rank = self.rank(&name);
            if rank > 2 {
                self.set(&name, rank - 1);
            }
        }
    }

    /// Whether a product is one with a matrix that is the same for every image.
    fn by_weights(&self, node: &Node<'_>) -> bool {
        let factor = if node.is("QLinearMatMul") { 3 } else { 1 };
        node.input(factor).is_some_and(|name| {
            let sizes = self
                .graph
                .weights_of(&name)
                .map(|weights| weights.sizes().len());
            sizes.or(self.shapes.get(&*name).map(Vec::len)) == Some(2)
        })
    }

    /// Goes over the graph, there and back, until nothing is added.
    fn spread(&mut self) {
        let nodes = &self.graph.nodes;
        loop {
            let mut added = false;
            for node in nodes.iter().chain(nodes.iter().rev()) {
                added |= self.pass_on(node);
            }
            if !added {
                return;
            }
        }
    }

    /// Carries what is known of one side of a node to the other.
    fn pass_on(&mut self, node: &Node<'_>) -> bool {
        if !node.domain.is_empty() && node.domain != "com.microsoft"
            || REARRANGING.contains(&&*node.operator)
        {
            return false;
        }
        let mut added = false;
        let outputs: Vec<_> = node.computes().map(str::to_owned).collect();
        for input in node.inputs.iter().filter(|name| !name.is_empty()) {
            for output in &outputs {
                if let Some(axis) = self
                    .get(input)
                    .and_then(|axis| self.there(node, axis, input, output))
                {
                    added |= self.set(output, axis);
                }
                if let Some(axis) = self
                    .get(output)
                    .and_then(|axis| self.back(node, axis, input, output))
                {
                    added |= self.set(input, axis);
                }
            }
        }
        added
    }

    /// Where an axis of the input is in the output.
    fn there(&self, node: &Node<'_>, axis: usize, input: &str, output: &str) -> Option<usize> {
        match &*node.operator {
            "Transpose" => self
                .permutation(node, input)?
                .iter()
                .position(|from| *from == axis),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshaped(axis, input, output),
            _ => self.same(node, axis, input, output),
        }
    }

    /// Where an axis of the output is in the input.
    fn back(&self, node: &Node<'_>, axis: usize, input: &str, output: &str) -> Option<usize> {
        match &*node.operator {
            "Transpose" => self.permutation(node, input)?.get(axis).copied(),
            "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => self.reshaped(axis, output, input),
            _ => self.same(node, axis, input, output),
        }
    }

    fn permutation(&self, node: &Node<'_>, input: &str) -> Option<Vec<usize>> {
        match node.ints("perm") {
            Some(order) => order
                .into_iter()
                .map(|axis| usize::try_from(axis).ok())
                .collect(),
            None => Some((0..self.rank(input)).rev().collect()),
        }
    }

    /// Channels behind the batch, or last, are left there if as many of them are there.
    fn reshaped(&self, axis: usize, from: &str, to: &str) -> Option<usize> {
        let (from, to) = (self.shapes.get(from)?, self.shapes.get(to)?);
        let channels = *from.get(axis)?;
        let last = to.len().checked_sub(1)?;
        if axis == 1 && to.len() > 2 && to[1] == channels {
            return Some(1);
        }
        (axis + 1 == from.len() && to[last] == channels).then_some(last)
    }

    /// Most operators leave the axes where they are, as long as there are as many.
    fn same(&self, node: &Node<'_>, axis: usize, input: &str, output: &str) -> Option<usize> {
        let (from, to) = (self.shapes.get(input)?, self.shapes.get(output)?);
        // Products of two tensors of the image make new axes of both.
        if node.operator.contains("MatMul") && !self.by_weights(node) || from.len() != to.len() {
            return None;
        }
        // A product with weights keeps channels that are not last; those it makes are last.
        Some(axis)
    }
}
