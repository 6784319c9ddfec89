//! Small models, written node by node.

use bytes::Bytes;
use topwork_onnx::message::{
    Attribute, Dimension, Graph, Model, Node, OperatorSet, Shape, Tensor, TensorType, Type, Value,
};

/// No attributes.
pub const NONE: &[(&str, Is<'_>)] = &[];

/// The value of an attribute.
pub enum Is<'a> {
    Int(i64),
    Ints(&'a [i64]),
    Float(f32),
    Text(&'a str),
}

/// A model in the making, which takes the tensor `image`.
pub struct Small {
    graph: Graph,
    operator_set: i64,
    /// Numbers for weights, none like another.
    drawn: u32,
}

impl Small {
    /// A model that takes images of this shape; `None` leaves a size open.
    pub fn new(image: [Option<i64>; 4]) -> Self {
        let dim = image
            .into_iter()
            .map(|value| Dimension { value, param: None });
        let shape = Some(Shape { dim: dim.collect() });
        let tensor = TensorType {
            elem_type: 1,
            shape,
        };
        let kind = Some(Type {
            tensor: Some(tensor),
        });
        let image = Value {
            name: "image".to_owned(),
            kind,
        };
        let graph = Graph {
            name: "small".to_owned(),
            input: vec![image],
            ..Graph::default()
        };
        Self {
            graph,
            operator_set: 17,
            drawn: 0,
        }
    }

    /// One for images of channels × height × width.
    pub fn of(channels: i64, height: i64, width: i64) -> Self {
        Self::new([None, Some(channels), Some(height), Some(width)])
    }

    pub fn operator_set(mut self, version: i64) -> Self {
        self.operator_set = version;
        self
    }

    /// Weights that are drawn, from -1 to 1.
    pub fn weights(mut self, name: &str, shape: &[i64]) -> Self {
        let count: i64 = shape.iter().product();
        let values: Vec<f32> = (0..count)
            .map(|_| {
                self.drawn += 1;
                let mixed = self.drawn.wrapping_mul(2_654_435_761) >> 8;
                mixed as f32 / (1 << 23) as f32 - 1.0
            })
            .collect();
        self.floats(name, shape, &values)
    }

    pub fn floats(mut self, name: &str, shape: &[i64], values: &[f32]) -> Self {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.graph.initializer.push(tensor(name, 1, shape, bytes));
        self
    }

    pub fn integers(self, name: &str, values: &[i64]) -> Self {
        self.grid(name, &[values.len() as i64], values)
    }

    /// A whole number without an axis.
    pub fn whole(self, name: &str, value: i64) -> Self {
        self.grid(name, &[], &[value])
    }

    /// Whole numbers of any shape.
    pub fn grid(mut self, name: &str, shape: &[i64], values: &[i64]) -> Self {
        let bytes: Vec<u8> = values
            .iter()
            .flat_map(|value| value.to_le_bytes())
            .collect();
        self.graph.initializer.push(tensor(name, 7, shape, bytes));
        self
    }

    /// A node; a name of its own is given before the operator: `/layer1/relu/Relu Relu`.
    pub fn node(
        mut self,
        op: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Is<'_>)],
    ) -> Self {
        let (name, op_type) = op.rsplit_once(' ').unwrap_or(("", op));
        let attribute = attributes.iter().map(|(name, is)| {
            let mut attribute = Attribute {
                name: (*name).to_owned(),
                ..Attribute::default()
            };
            match is {
                Is::Int(value) => (attribute.kind, attribute.i) = (Attribute::INT, Some(*value)),
                Is::Ints(values) => {
                    (attribute.kind, attribute.ints) = (Attribute::INTS, values.to_vec())
                }
                Is::Float(value) => {
                    (attribute.kind, attribute.f) = (Attribute::FLOAT, Some(*value))
                }
                Is::Text(text) => {
                    attribute.kind = Attribute::STRING;
                    attribute.s = Some(Bytes::copy_from_slice(text.as_bytes()));
                }
            }
            attribute
        });
        self.graph.node.push(Node {
            input: inputs.iter().map(|name| (*name).to_owned()).collect(),
            output: output.split(' ').map(str::to_owned).collect(),
            name: name.to_owned(),
            op_type: op_type.to_owned(),
            attribute: attribute.collect(),
            ..Node::default()
        });
        self
    }

    /// The model that gives these tensors.
    pub fn giving(mut self, outputs: &[&str]) -> Model {
        let output = |name: &&str| Value {
            name: (*name).to_owned(),
            kind: Some(Type {
                tensor: Some(TensorType {
                    elem_type: 1,
                    shape: None,
                }),
            }),
        };
        self.graph.output = outputs.iter().map(output).collect();
        Model {
            ir_version: 8,
            graph: Some(self.graph),
            opset_import: vec![OperatorSet {
                domain: String::new(),
                version: self.operator_set,
            }],
            ..Model::default()
        }
    }
}

pub fn tensor(name: &str, data_type: i32, dims: &[i64], raw_data: Vec<u8>) -> Tensor {
    Tensor {
        dims: dims.to_vec(),
        data_type,
        name: name.to_owned(),
        raw_data: raw_data.into(),
        ..Tensor::default()
    }
}
