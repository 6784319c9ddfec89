//! A graph in the making: nodes, initializers, and names that are not taken twice.

use std::collections::HashSet;

use prost::Message;

use topwork_onnx::Element;
use topwork_onnx::message::{Attribute, Tensor};
use topwork_onnx::verbatim::{Graph, Node};

use crate::ExportError;

/// A graph in the making.
pub struct Builder {
    /// What is there so far.
    pub graph: Graph,
    names: HashSet<String>,
    /// Names of nodes, which are a matter of their own.
    nodes: HashSet<String>,
    /// The version of the operator set.
    operator_set: i64,
    /// The first operator used that needs a newer one, with the version it needs.
    lacking: Option<(&'static str, i64)>,
    /// What all names made here begin with.
    scope: String,
}

/// An operator of ONNX and the version of the operator set that brought it in the form used here. Versions after it must not
/// have changed that form: reductions over axes, for example, are written as products with ones for this reason.
#[derive(Clone, Copy)]
pub struct Op(pub &'static str, pub i64);

/// An attribute of a node.
pub enum Setting<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

impl Builder {
    /// Goes on with a graph in which these names of tensors and of nodes are taken.
    pub fn new(
        graph: Graph,
        names: HashSet<String>,
        nodes: HashSet<String>,
        operator_set: i64,
    ) -> Self {
        Self {
            graph,
            names,
            nodes,
            operator_set,
            lacking: None,
            scope: String::new(),
        }
    }

    /// Names that follow begin with this word, such as `head`.
    pub fn scope(&mut self, word: &str) {
        self.scope = word.to_owned();
    }

    /// The version of the operator set is enough for all that was written.
    pub fn check(&self) -> Result<(), ExportError> {
        match self.lacking {
            None => Ok(()),
            Some((op, needs)) => Err(ExportError::OperatorSet {
                op,
                needs,
                found: self.operator_set,
            }),
        }
    }

    /// This name within the scope, or one like it that is free.
    pub fn name(&mut self, wanted: &str) -> String {
        let wanted = match self.scope.as_str() {
            "" => wanted.to_owned(),
            scope => format!("{scope}.{wanted}"),
        };
        let mut name = wanted.clone();
        let mut number = 2;
        while !self.names.insert(name.clone()) {
            name = format!("{wanted}.{number}");
            number += 1;
        }
        name
    }

    /// Numbers as an initializer.
    pub fn floats(&mut self, name: &str, shape: &[usize], values: &[f32]) -> String {
        let raw = topwork_tensors::bytes(values);
        self.initializer(name, shape, Element::Float32 as i32, raw)
    }

    /// Whole numbers as an initializer.
    pub fn integers(&mut self, name: &str, shape: &[usize], values: &[i64]) -> String {
        let raw = values.iter().flat_map(|value| value.to_le_bytes());
        self.initializer(name, shape, Element::Int64 as i32, raw.collect())
    }

    fn initializer(
        &mut self,
        name: &str,
        shape: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> String {
        let name = self.name(name);
        let tensor = Tensor {
            dims: shape.iter().map(|&dim| dim as i64).collect(),
            data_type,
            name: name.clone(),
            raw_data: raw_data.into(),
            ..Tensor::default()
        };
        self.graph.initializer.push(tensor.encode_to_vec());
        name
    }

    /// A node with one output, whose name comes back.
    pub fn node(
        &mut self,
        op: Op,
        name: &str,
        inputs: &[&str],
        settings: &[(&str, Setting<'_>)],
    ) -> String {
        let [output] = self.nodes(op, name, inputs, settings);
        output
    }

    /// A node with so many outputs.
    pub fn nodes<const N: usize>(
        &mut self,
        op: Op,
        name: &str,
        inputs: &[&str],
        settings: &[(&str, Setting<'_>)],
    ) -> [String; N] {
        let output = std::array::from_fn(|_| self.name(name));
        self.emit(op, inputs, settings, output.to_vec());
        output
    }

    /// A node that computes these tensors, whose names are taken already.
    pub fn emit(
        &mut self,
        Op(op, since): Op,
        inputs: &[&str],
        settings: &[(&str, Setting<'_>)],
        output: Vec<String>,
    ) {
        if since > self.operator_set && self.lacking.is_none() {
            self.lacking = Some((op, since));
        }
        // Some runtimes refuse two nodes of one name.
        let mut name = output.first().cloned().unwrap_or_default();
        while !self.nodes.insert(name.clone()) {
            name.push('\'');
        }
        let node = Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            name,
            output,
            op_type: op.to_owned(),
            attribute: (settings.iter())
                .map(|(name, setting)| setting.attribute(name).encode_to_vec())
                .collect(),
            ..Node::default()
        };
        self.graph.node.push(node.encode_to_vec());
    }

    /// The tensor in another shape; a side of 0 is that of the tensor itself.
    pub fn reshape(&mut self, name: &str, x: &str, shape: &[i64]) -> String {
        let shape = self.integers(&format!("{name}.shape"), &[shape.len()], shape);
        self.node(Op("Reshape", 5), name, &[x, &shape], &[])
    }

    /// A node of two inputs that are broadcast.
    pub fn binary(&mut self, op: &'static str, name: &str, a: &str, b: &str) -> String {
        self.node(Op(op, 7), name, &[a, b], &[])
    }
}

impl Setting<'_> {
    fn attribute(&self, name: &str) -> Attribute {
        let mut attribute = Attribute {
            name: name.to_owned(),
            ..Attribute::default()
        };
        match self {
            Setting::Int(value) => {
                attribute.kind = Attribute::INT;
                attribute.i = Some(*value);
            }
            Setting::Ints(values) => {
                attribute.kind = Attribute::INTS;
                attribute.ints = values.to_vec();
            }
            Setting::Float(value) => {
                attribute.kind = Attribute::FLOAT;
                attribute.f = Some(*value);
            }
            Setting::Text(value) => {
                attribute.kind = Attribute::STRING;
                attribute.s = Some(value.as_bytes().to_vec().into());
            }
        }
        attribute
    }
}
