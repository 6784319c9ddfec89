//! A node of a graph with its attributes, which the rules of [`crate::normalise`] may replace.
//!
//! Field numbers are those of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

use crate::graph::Input;
use crate::wire::{Broken, Field, Value, fields, write_bytes, write_number};
use std::borrow::Cow;

/// Graphs within nodes within graphs: more than this many levels are no model.
const DEEPEST: usize = 16;

/// The type of an attribute that holds a number, and several: `AttributeType`.
const INT: u64 = 2;
const INTS: u64 = 7;

/// Something that a graph computes.
#[derive(Clone, Default)]
pub struct Node<'a> {
    /// What it does, such as `Conv`.
    pub operator: Cow<'a, str>,
    /// Who says what the operator does; empty for ONNX itself.
    pub domain: &'a str,
    /// The tensors it reads; an empty name stands for one that is left out.
    pub inputs: Vec<Cow<'a, str>>,
    /// The tensors it computes; an empty name stands for one that nobody wants.
    pub outputs: Vec<Cow<'a, str>>,
    /// What the graphs within it read; some of it are tensors around the node.
    pub captured: Vec<&'a str>,
    /// The operators of the graphs within it.
    pub inner: Vec<&'a str>,
    attributes: Vec<(Cow<'a, str>, Cow<'a, [u8]>)>,
    /// Fields that no rule looks at.
    rest: Vec<&'a [u8]>,
}

impl<'a> Node<'a> {
    /// A node of ONNX itself without attributes.
    pub fn new(
        operator: &'static str,
        inputs: impl IntoIterator<Item = Cow<'a, str>>,
        output: Cow<'a, str>,
    ) -> Node<'a> {
        Node {
            operator: Cow::Borrowed(operator),
            inputs: inputs.into_iter().collect(),
            outputs: vec![output],
            ..Node::default()
        }
    }

    /// Reads a node.
    pub fn read(message: &'a [u8]) -> Result<Node<'a>, Broken> {
        let mut node = Node::default();
        for field in fields(message) {
            let field = field?;
            match field.number {
                1 => node.inputs.push(Cow::Borrowed(field.text()?)),
                2 => node.outputs.push(Cow::Borrowed(field.text()?)),
                4 => node.operator = Cow::Borrowed(field.text()?),
                7 => node.domain = field.text()?,
                5 => node.read_attribute(field)?,
                _ => node.rest.push(field.raw),
            }
        }
        // Both names mean ONNX itself.
        if node.domain == "ai.onnx" {
            node.domain = "";
        }
        Ok(node)
    }

    fn read_attribute(&mut self, attribute: Field<'a>) -> Result<(), Broken> {
        let message = attribute.bytes()?;
        let mut name = "";
        for field in fields(message) {
            let field = field?;
            if field.number == 1 {
                name = field.text()?;
            }
        }
        self.attributes
            .push((Cow::Borrowed(name), Cow::Borrowed(message)));
        self.read_inner(message, DEEPEST)
    }

    /// Takes in the names and operators of the graphs in an attribute.
    fn read_inner(&mut self, attribute: &'a [u8], levels: usize) -> Result<(), Broken> {
        if levels == 0 {
            return Err(Broken::Deep);
        }
        for field in fields(attribute) {
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
                                1 => self.captured.push(field.text()?),
                                4 => self.inner.push(field.text()?),
                                5 => self.read_inner(field.bytes()?, levels - 1)?,
                                _ => {}
                            }
                        }
                    }
                    12 => self.captured.push(Input::read(field.bytes()?)?.name),
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// The node as a message.
    pub fn write(&self) -> Vec<u8> {
        let mut message = Vec::new();
        for input in &self.inputs {
            write_bytes(&mut message, 1, input.as_bytes());
        }
        for output in &self.outputs {
            write_bytes(&mut message, 2, output.as_bytes());
        }
        write_bytes(&mut message, 4, self.operator.as_bytes());
        for (_, attribute) in &self.attributes {
            write_bytes(&mut message, 5, attribute);
        }
        if !self.domain.is_empty() {
            write_bytes(&mut message, 7, self.domain.as_bytes());
        }
        for field in &self.rest {
            message.extend_from_slice(field);
        }
        message
    }

    /// Whether it is this operator of ONNX itself.
    pub fn is(&self, operator: &str) -> bool {
        self.domain.is_empty() && self.operator == operator
    }

    /// All names that it reads, those of graphs within it among them.
    pub fn reads(&self) -> impl Iterator<Item = &str> {
        let inputs = self.inputs.iter().map(|name| &**name);
        let all = inputs.chain(self.captured.iter().copied());
        all.filter(|name| !name.is_empty())
    }

    /// The names of what it computes.
    pub fn computes(&self) -> impl Iterator<Item = &str> {
        let outputs = self.outputs.iter().map(|name| &**name);
        outputs.filter(|name| !name.is_empty())
    }

    /// The name of an input, unless it is left out.
    pub fn input(&self, position: usize) -> Option<Cow<'a, str>> {
        let name = self.inputs.get(position)?;
        (!name.is_empty()).then(|| name.clone())
    }

    /// The name of its first output.
    pub fn output(&self) -> Cow<'a, str> {
        self.outputs.first().cloned().unwrap_or_default()
    }

    /// Whether anybody may want one of its outputs beside the first.
    pub fn has_more_outputs(&self) -> bool {
        self.outputs.iter().skip(1).any(|name| !name.is_empty())
    }

    fn attribute(&self, name: &str) -> Option<&[u8]> {
        let mut all = self.attributes.iter();
        all.find_map(|(key, message)| (key == name).then_some(&**message))
    }

    /// Whether it has an attribute of this name.
    pub fn has(&self, name: &str) -> bool {
        self.attribute(name).is_some()
    }

    /// A number among the attributes.
    pub fn int(&self, name: &str) -> Option<i64> {
        let number = fields(self.attribute(name)?)
            .flatten()
            .find(|field| field.number == 3);
        // A number that is 0 may be left out.
        Some(number.map_or(0, |field| field.number().unwrap_or(0) as i64))
    }

    /// A floating point number among the attributes.
    pub fn float(&self, name: &str) -> Option<f32> {
        let number = fields(self.attribute(name)?)
            .flatten()
            .find(|field| field.number == 2);
        Some(number.map_or(0.0, |field| match field.value {
            Value::Fixed(bytes) => bytes.try_into().map_or(0.0, f32::from_le_bytes),
            _ => 0.0,
        }))
    }

    /// A text among the attributes.
    pub fn text(&self, name: &str) -> Option<&str> {
        let mut all = fields(self.attribute(name)?).flatten();
        all.find(|field| field.number == 4)?.text().ok()
    }

    /// Several numbers among the attributes.
    pub fn ints(&self, name: &str) -> Option<Vec<i64>> {
        let mut numbers = Vec::new();
        for field in fields(self.attribute(name)?).flatten() {
            if field.number == 8 {
                field.numbers(&mut numbers).ok()?;
            }
        }
        Some(numbers)
    }

    /// The message of a tensor among the attributes.
    pub fn tensor(&self, name: &str) -> Option<&[u8]> {
        let message = self.attribute(name)?;
        let tensor = fields(message).flatten().find(|field| field.number == 5);
        tensor.and_then(|field| field.bytes().ok())
    }

    /// Takes an attribute away.
    pub fn without(mut self, name: &str) -> Self {
        self.attributes.retain(|(key, _)| key != name);
        self
    }

    /// With this number as an attribute.
    pub fn with_int(self, name: &'static str, number: i64) -> Self {
        self.with(name, INT, |message| write_number(message, 3, number as u64))
    }

    /// With these numbers as an attribute.
    pub fn with_ints(self, name: &'static str, numbers: &[i64]) -> Self {
        self.with(name, INTS, |message| {
            for number in numbers {
                write_number(message, 8, *number as u64);
            }
        })
    }

    fn with(self, name: &'static str, kind: u64, value: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut node = self.without(name);
        let mut message = Vec::new();
        write_bytes(&mut message, 1, name.as_bytes());
        value(&mut message);
        write_number(&mut message, 20, kind);
        node.attributes
            .push((Cow::Borrowed(name), Cow::Owned(message)));
        node
    }
}
