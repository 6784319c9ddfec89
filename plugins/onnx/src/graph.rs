//! The graph of a model file, borrowed from its bytes: which tensors there are, and a smaller file that ends at some of them.
//!
//! Field numbers are those of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use crate::node::Node;
use crate::weights::{FLOAT, Weights, values};
use crate::wire::{Broken, Field, fields, write_bytes, write_number};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use topwork_sdk::Error;

/// A model file's graph.
#[derive(Default)]
pub struct Graph<'a> {
    /// Fields of the model beside the graph, as they are: versions, operator sets, functions.
    beside: Vec<&'a [u8]>,
    /// Fields of the graph that every smaller file keeps as they are.
    kept: Vec<&'a [u8]>,
    /// The version of the operator set of ONNX itself.
    pub operator_set: i64,
    /// In an order in which every tensor comes after those it is computed from.
    pub nodes: Vec<Node<'a>>,
    /// The tensors whose values the file holds.
    pub weights: Vec<Weights<'a>>,
    inputs: Vec<Input<'a>>,
    /// The functions of the file itself: domain, name and nodes.
    functions: Vec<(&'a str, &'a str, Vec<Node<'a>>)>,
}

/// What a model takes.
pub struct Input<'a> {
    message: &'a [u8],
    /// Its name.
    pub name: &'a str,
    /// The `elem_type` of the file; none for what is no tensor.
    pub element: Option<u64>,
    /// The sizes, none where the file leaves one open. The file may leave open even how many there are.
    pub sizes: Option<Vec<Option<usize>>>,
}

/// A tensor that a node computes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tensor {
    /// Its name.
    pub name: String,
    /// What computes it, such as `Conv`.
    pub operator: String,
}

impl<'a> Graph<'a> {
    /// Reads a model file.
    pub fn read(file: &'a [u8]) -> Result<Graph<'a>, Broken> {
        let mut graph = Graph::default();
        for field in fields(file) {
            let field = field?;
            match field.number {
                7 => graph.read_graph(field.bytes()?)?,
                _ => {
                    match field.number {
                        8 => graph.read_operator_set(field)?,
                        25 => graph.read_function(field)?,
                        _ => {}
                    }
                    graph.beside.push(field.raw);
                }
            }
        }
        graph.sort();
        Ok(graph)
    }

    fn read_operator_set(&mut self, set: Field<'a>) -> Result<(), Broken> {
        let (mut domain, mut version) = ("", 0);
        for field in fields(set.bytes()?) {
            let field = field?;
            match field.number {
                1 => domain = field.text()?,
                2 => version = field.number()? as i64,
                _ => {}
            }
        }
        if matches!(domain, "" | "ai.onnx") {
            self.operator_set = version;
        }
        Ok(())
    }

    fn read_function(&mut self, function: Field<'a>) -> Result<(), Broken> {
        let (mut domain, mut name, mut nodes) = ("", "", Vec::new());
        for field in fields(function.bytes()?) {
            let field = field?;
            match field.number {
                1 => name = field.text()?,
                7 => nodes.push(Node::read(field.bytes()?)?),
                10 => domain = field.text()?,
                _ => {}
            }
        }
        self.functions.push((domain, name, nodes));
        Ok(())
    }

    fn read_graph(&mut self, message: &'a [u8]) -> Result<(), Broken> {
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => self.nodes.push(Node::read(field.bytes()?)?),
                5 => self.weights.push(Weights::read(field.bytes()?)?),
                11 => self.inputs.push(Input::read(field.bytes()?)?),
                // Outputs are set anew; what the file says of values in between may not hold for another batch.
                12 | 13 => {}
                _ => self.kept.push(field.raw),
            }
        }
        Ok(())
    }

    /// Puts every node after those it reads from, and else as the file has them: the format asks for that, but not every
    /// writer does it. Nodes that read from each other in a circle stay where they are, at the end.
    fn sort(&mut self) {
        let made_by = made_by(&self.nodes);
        let mut waits = vec![0_usize; self.nodes.len()];
        let mut readers: Vec<Vec<usize>> = vec![Vec::new(); self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let sources: HashSet<usize> = node
                .reads()
                .filter_map(|name| made_by.get(name))
                .copied()
                .collect();
            waits[index] = sources.len();
            for source in sources {
                readers[source].push(index);
            }
        }
        let ready = (0..waits.len()).filter(|index| waits[*index] == 0);
        let mut ready: std::collections::BTreeSet<usize> = ready.collect();
        let mut order = Vec::with_capacity(waits.len());
        while let Some(index) = ready.pop_first() {
            order.push(index);
            for &reader in &readers[index] {
                waits[reader] -= 1;
                if waits[reader] == 0 {
                    ready.insert(reader);
                }
            }
        }
        let placed: HashSet<usize> = order.iter().copied().collect();
        order.extend((0..waits.len()).filter(|index| !placed.contains(index)));
        let mut nodes: Vec<Option<Node>> = self.nodes.drain(..).map(Some).collect();
        self.nodes = (order.into_iter())
            .filter_map(|index| nodes[index].take())
            .collect();
    }

    /// Whether there is anything to compute.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What the model takes. Inputs that the file itself gives values to are none; old files list all weights among them.
    pub fn inputs(&self) -> impl Iterator<Item = &Input<'a>> {
        let given: HashSet<&str> = self.weights.iter().map(|weights| &*weights.name).collect();
        self.inputs
            .iter()
            .filter(move |input| !given.contains(input.name))
    }

    /// The weights of this name.
    pub fn weights_of(&self, name: &str) -> Option<&Weights<'a>> {
        self.weights.iter().find(|weights| weights.name == name)
    }

    /// The values of a tensor that is the same for every image: few weights of the file, or of a node `Constant`.
    pub fn constant(&self, name: &str) -> Option<Vec<f64>> {
        if let Some(weights) = self.weights_of(name) {
            return weights.values();
        }
        let node = self.maker(name)?;
        match &*node.operator {
            "Identity" | "Cast" => self.constant(&node.input(0)?),
            "Constant" => match (node.float("value_float"), node.int("value_int")) {
                (Some(number), _) => Some(vec![f64::from(number)]),
                (_, Some(number)) => Some(vec![number as f64]),
                _ => match node.ints("value_ints") {
                    Some(numbers) => Some(numbers.into_iter().map(|n| n as f64).collect()),
                    None => values(node.tensor("value")?),
                },
            },
            _ => None,
        }
    }

    /// The nodes of the file's own function that a node calls; none for an operator.
    pub fn within(&self, node: &Node<'_>) -> &[Node<'a>] {
        let mut functions = self.functions.iter();
        let called =
            functions.find(|(domain, name, _)| (*domain, *name) == (node.domain, &*node.operator));
        called.map_or(&[], |(_, _, nodes)| nodes)
    }

    /// The node that computes this tensor.
    pub fn maker(&self, name: &str) -> Option<&Node<'a>> {
        self.nodes
            .iter()
            .find(|node| node.computes().any(|made| made == name))
    }

    /// The tensors that depend on what this input holds and on no other input, in an order in which every one comes after those
    /// it is computed from.
    pub fn tensors_from(&self, input: &str) -> Vec<Tensor> {
        let mut foreign: HashSet<&str> = self.inputs().map(|input| input.name).collect();
        foreign.remove(input);
        let mut dependent: HashSet<&str> = HashSet::from([input]);
        let mut tensors = Vec::new();
        for node in &self.nodes {
            if node.reads().any(|name| foreign.contains(name)) {
                foreign.extend(node.computes());
            } else if node.reads().any(|name| dependent.contains(name)) && !tells_sizes(node) {
                // The mask of a Dropout that drops nothing is the same for every image.
                let features = if node.is("Dropout") { 1 } else { usize::MAX };
                for name in node.computes().take(features) {
                    if dependent.insert(name) {
                        tensors.push(Tensor {
                            name: name.to_owned(),
                            operator: node.operator.to_string(),
                        });
                    }
                }
            }
        }
        tensors
    }

    /// The files that weights lie in beside the model file, as they are named there, each once.
    pub fn weight_files(&self) -> Vec<&'a str> {
        let mut files: Vec<&str> = self.weights.iter().filter_map(Weights::file).collect();
        files.sort_unstable();
        files.dedup();
        files
    }

    /// Leaves out the nodes and the weights that these tensors do not need, so that a runtime reads, optimises and computes no
    /// more than that, and nothing in them can be in its way.
    pub fn cut_to(&mut self, outputs: &[&str]) {
        let (nodes, names) = {
            let (nodes, names) = self.needed(outputs);
            let names: HashSet<String> = names.into_iter().map(str::to_owned).collect();
            (nodes, names)
        };
        let mut needed = nodes.into_iter();
        self.nodes.retain(|_| needed.next().unwrap_or(false));
        self.weights
            .retain(|weights| names.contains(&*weights.name));
        let weights: HashSet<&str> = self.weights.iter().map(|weights| &*weights.name).collect();
        // Old files list all weights among the inputs, too.
        self.inputs
            .retain(|input| names.contains(input.name) || weights.contains(input.name));
    }

    /// A model file that computes these tensors from a batch of images of this shape, and nothing else. Weights beside the
    /// model file, in `folder`, are taken in.
    pub fn write(
        &self,
        outputs: &[&str],
        image: &str,
        shape: [usize; 4],
        folder: &Path,
    ) -> Result<Vec<u8>, Error> {
        let mut graph = Vec::new();
        for node in &self.nodes {
            write_bytes(&mut graph, 1, &node.write());
        }
        for weights in &self.weights {
            weights.write(&mut graph, 5, folder)?;
        }
        let given: HashSet<&str> = self.weights.iter().map(|weights| &*weights.name).collect();
        for input in &self.inputs {
            if input.name == image {
                write_bytes(&mut graph, 11, &value_of(image, Some(shape)));
            } else if given.contains(input.name) {
                write_bytes(&mut graph, 11, input.message);
            }
        }
        for name in outputs {
            write_bytes(&mut graph, 12, &value_of(name, None));
        }
        for field in &self.kept {
            graph.extend_from_slice(field);
        }
        let mut model = self.beside.concat();
        write_bytes(&mut model, 7, &graph);
        Ok(model)
    }

    /// Which nodes are needed for these tensors, and all names that they read.
    fn needed<'g>(&'g self, outputs: &[&'g str]) -> (Vec<bool>, HashSet<&'g str>) {
        let made_by = made_by(&self.nodes);
        let mut nodes = vec![false; self.nodes.len()];
        let mut names = HashSet::new();
        let mut open: Vec<&str> = outputs.to_vec();
        while let Some(name) = open.pop() {
            if let Some(&index) = made_by.get(name)
                && !std::mem::replace(&mut nodes[index], true)
            {
                names.extend(self.nodes[index].reads());
                open.extend(self.nodes[index].reads());
            }
        }
        (nodes, names)
    }
}

/// Which node computes each tensor.
fn made_by<'g>(nodes: &'g [Node<'_>]) -> HashMap<&'g str, usize> {
    let mut made_by = HashMap::new();
    for (index, node) in nodes.iter().enumerate() {
        for name in node.computes() {
            made_by.entry(name).or_insert(index);
        }
    }
    made_by
}

/// Whether a node looks at the sizes of what it reads alone: images are all of one size, so what comes of it is the same for
/// every image.
fn tells_sizes(node: &Node<'_>) -> bool {
    node.is("Shape") || node.is("Size")
}

impl<'a> Input<'a> {
    /// How many images the file says that it takes at once; 1 where it leaves that open.
    pub fn batch(&self) -> usize {
        let first = self.sizes.as_ref().and_then(|sizes| sizes.first());
        first.copied().flatten().unwrap_or(1)
    }

    /// Reads an input or an output.
    pub fn read(message: &'a [u8]) -> Result<Input<'a>, Broken> {
        let mut input = Input {
            message,
            name: "",
            element: None,
            sizes: None,
        };
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => input.name = field.text()?,
                2 => input.read_type(field)?,
                _ => {}
            }
        }
        Ok(input)
    }

    fn read_type(&mut self, kind: Field<'a>) -> Result<(), Broken> {
        for tensor in fields(kind.bytes()?) {
            let tensor = tensor?;
            if tensor.number != 1 {
                continue;
            }
            for field in fields(tensor.bytes()?) {
                let field = field?;
                match field.number {
                    1 => self.element = Some(field.number()?),
                    2 => {
                        let sizes = fields(field.bytes()?).map(|size| read_size(size?));
                        self.sizes = Some(sizes.collect::<Result<_, _>>()?);
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// One dimension: a number from 1, or open. Some writers mean an open one by 0 or -1.
fn read_size(dimension: Field<'_>) -> Result<Option<usize>, Broken> {
    let mut size = None;
    for field in fields(dimension.bytes()?) {
        let field = field?;
        if field.number == 1 {
            let number = field.number()? as i64;
            size = usize::try_from(number).ok().filter(|&size| size > 0);
        }
    }
    Ok(size)
}

/// The description of an input or an output: 32-bit floating point numbers of this shape, or whatever comes.
fn value_of(name: &str, shape: Option<[usize; 4]>) -> Vec<u8> {
    let mut value = Vec::new();
    write_bytes(&mut value, 1, name.as_bytes());
    if let Some(shape) = shape {
        let mut sizes = Vec::new();
        for size in shape {
            let mut dimension = Vec::new();
            write_number(&mut dimension, 1, size as u64);
            write_bytes(&mut sizes, 1, &dimension);
        }
        let mut tensor = Vec::new();
        write_number(&mut tensor, 1, FLOAT);
        write_bytes(&mut tensor, 2, &sizes);
        let mut kind = Vec::new();
        write_bytes(&mut kind, 1, &tensor);
        write_bytes(&mut value, 2, &kind);
    }
    value
}
