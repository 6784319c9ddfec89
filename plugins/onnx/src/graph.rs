//! The graph of a model file, borrowed from its bytes: which tensors there are, and a smaller file that ends at some of them.
//!
//! Field numbers are those of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use crate::weights::Weights;
use crate::wire::{Broken, Field, fields, write_bytes, write_number};
use std::collections::{HashMap, HashSet};
use std::path::Path;
use topwork_sdk::Error;

/// Graphs within nodes within graphs: more than this many levels are no model.
const DEEPEST: usize = 16;

/// A model file's graph.
#[derive(Default)]
pub struct Graph<'a> {
    /// Fields of the model beside the graph, as they are: versions, operator sets, functions.
    beside: Vec<&'a [u8]>,
    /// Fields of the graph that every smaller file keeps as they are.
    kept: Vec<&'a [u8]>,
    nodes: Vec<Node<'a>>,
    weights: Vec<Weights<'a>>,
    inputs: Vec<Input<'a>>,
}

struct Node<'a> {
    message: &'a [u8],
    operator: &'a str,
    /// With those of the graphs within the node.
    inputs: Vec<&'a str>,
    outputs: Vec<&'a str>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// Its name.
    pub name: &'a str,
    /// What computes it, such as `Conv`.
    pub operator: &'a str,
}

impl<'a> Graph<'a> {
    /// Reads a model file.
    pub fn read(file: &'a [u8]) -> Result<Graph<'a>, Broken> {
        let mut graph = Graph::default();
        for field in fields(file) {
            let field = field?;
            match field.number {
                7 => graph.read_graph(field.bytes()?)?,
                _ => graph.beside.push(field.raw),
            }
        }
        Ok(graph)
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

    /// Whether there is anything to compute.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// What the model takes. Inputs that the file itself gives values to are none; old files list all weights among them.
    pub fn inputs(&self) -> impl Iterator<Item = &Input<'a>> {
        let given: HashSet<&str> = self.weights.iter().map(|weights| weights.name).collect();
        self.inputs
            .iter()
            .filter(move |input| !given.contains(input.name))
    }

    /// The tensors that depend on this input and on no other, in the order of the file, in which every tensor comes after those
    /// it is computed from.
    pub fn tensors_from(&self, input: &str) -> Vec<Tensor<'a>> {
        let mut foreign: HashSet<&str> = self.inputs().map(|input| input.name).collect();
        foreign.remove(input);
        let mut dependent: HashSet<&str> = HashSet::from([input]);
        let mut tensors = Vec::new();
        for node in &self.nodes {
            let outputs = node.outputs.iter().copied().filter(|name| !name.is_empty());
            if node.inputs.iter().any(|name| foreign.contains(name)) {
                foreign.extend(outputs);
            } else if node.inputs.iter().any(|name| dependent.contains(name)) {
                for name in outputs {
                    if dependent.insert(name) {
                        let operator = node.operator;
                        tensors.push(Tensor { name, operator });
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

    /// A model file that computes these tensors from one image of the input's shape, and nothing else: without the nodes and
    /// weights that they do not need, so that a runtime reads, optimises and computes no more than that. Weights beside the
    /// model file, in `folder`, are taken in.
    pub fn up_to(
        &self,
        outputs: &[&str],
        image: &Input<'_>,
        shape: [usize; 4],
        folder: &Path,
    ) -> Result<Vec<u8>, Error> {
        let (nodes, names) = self.needed(outputs);
        let mut graph = Vec::new();
        for (node, _) in self.nodes.iter().zip(nodes).filter(|(_, needed)| *needed) {
            write_bytes(&mut graph, 1, node.message);
        }
        for weights in self.weights.iter().filter(|w| names.contains(w.name)) {
            weights.write(&mut graph, 5, folder)?;
        }
        let given: HashSet<&str> = self.weights.iter().map(|weights| weights.name).collect();
        for input in &self.inputs {
            if input.name == image.name {
                write_bytes(&mut graph, 11, &value_of(image.name, Some(shape)));
            } else if names.contains(input.name) && given.contains(input.name) {
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
    fn needed(&self, outputs: &[&str]) -> (Vec<bool>, HashSet<&str>) {
        let mut made_by = HashMap::new();
        for (index, node) in self.nodes.iter().enumerate() {
            for name in &node.outputs {
                made_by.entry(*name).or_insert(index);
            }
        }
        let mut nodes = vec![false; self.nodes.len()];
        let mut names = HashSet::new();
        let mut open: Vec<&str> = outputs.to_vec();
        while let Some(name) = open.pop() {
            if let Some(&index) = made_by.get(name)
                && !std::mem::replace(&mut nodes[index], true)
            {
                let inputs = &self.nodes[index].inputs;
                names.extend(inputs.iter().copied());
                open.extend(inputs.iter().copied());
            }
        }
        (nodes, names)
    }
}

impl<'a> Node<'a> {
    fn read(message: &'a [u8]) -> Result<Node<'a>, Broken> {
        let mut node = Node {
            message,
            operator: "",
            inputs: Vec::new(),
            outputs: Vec::new(),
        };
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => node.inputs.push(field.text()?),
                2 => node.outputs.push(field.text()?),
                4 => node.operator = field.text()?,
                5 => read_inner(field, &mut node.inputs, DEEPEST)?,
                _ => {}
            }
        }
        Ok(node)
    }
}

/// Adds the names that the graphs in an attribute read; some of them are those of tensors around the node.
fn read_inner<'a>(
    attribute: Field<'a>,
    names: &mut Vec<&'a str>,
    levels: usize,
) -> Result<(), Broken> {
    if levels == 0 {
        return Err(Broken::Deep);
    }
    for field in fields(attribute.bytes()?) {
        let field = field?;
        if !matches!(field.number, 6 | 11) {
            continue;
        }
        for field in fields(field.bytes()?) {
            let field = field?;
            match field.number {
                1 => {
                    for field in fields(field.bytes()?) {
                        let field = field?;
                        match field.number {
                            1 => names.push(field.text()?),
                            5 => read_inner(field, names, levels - 1)?,
                            _ => {}
                        }
                    }
                }
                12 => names.push(Input::read(field.bytes()?)?.name),
                _ => {}
            }
        }
    }
    Ok(())
}

impl<'a> Input<'a> {
    fn read(message: &'a [u8]) -> Result<Input<'a>, Broken> {
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
        write_number(&mut tensor, 1, crate::image::FLOAT);
        write_bytes(&mut tensor, 2, &sizes);
        let mut kind = Vec::new();
        write_bytes(&mut kind, 1, &tensor);
        write_bytes(&mut value, 2, &kind);
    }
    value
}
