//! Small ONNX files, written field by field.
//!
//! Field numbers are those of <https://github.com/onnx/onnx/blob/main/onnx/onnx.proto>.

/// A model file in the making: operator set 13, unless another is set.
#[derive(Clone, Default)]
pub struct OnnxFile {
    graph: Vec<u8>,
    operator_set: Option<u64>,
}

/// What an attribute of a node holds.
pub enum Attribute<'a> {
    /// A number.
    Int(i64),
    /// Several.
    Ints(&'a [i64]),
    /// A text.
    Text(&'a str),
}

impl OnnxFile {
    /// The `elem_type` of 32-bit floating point numbers.
    pub const FLOAT: u64 = 1;
    /// The `elem_type` of bytes.
    pub const UINT8: u64 = 2;
    /// The `elem_type` of 64-bit whole numbers.
    pub const INT64: u64 = 7;
    /// The `elem_type` of truth values.
    pub const BOOL: u64 = 9;
    /// The `elem_type` of 16-bit floating point numbers.
    pub const FLOAT16: u64 = 10;

    /// An input or, as files of old list them, weights: `None` is a size left open.
    pub fn input(mut self, name: &str, element: u64, sizes: &[Option<i64>]) -> Self {
        let mut shape = Vec::new();
        for size in sizes {
            let mut dimension = Vec::new();
            match size {
                Some(size) => number(&mut dimension, 1, *size as u64),
                None => bytes(&mut dimension, 2, b"N"),
            }
            bytes(&mut shape, 1, &dimension);
        }
        let mut tensor = Vec::new();
        number(&mut tensor, 1, element);
        bytes(&mut tensor, 2, &shape);
        let mut kind = Vec::new();
        bytes(&mut kind, 1, &tensor);
        let mut value = Vec::new();
        bytes(&mut value, 1, name.as_bytes());
        bytes(&mut value, 2, &kind);
        bytes(&mut self.graph, 11, &value);
        self
    }

    /// Weights in the file.
    pub fn weights(self, name: &str, sizes: &[u64], values: &[f32]) -> Self {
        let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.tensor(name, sizes, Self::FLOAT, |tensor| bytes(tensor, 9, &raw))
    }

    /// Whole numbers in the file.
    pub fn integers(self, name: &str, sizes: &[u64], values: &[i64]) -> Self {
        let raw: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
        self.tensor(name, sizes, Self::INT64, |tensor| bytes(tensor, 9, &raw))
    }

    /// A truth value in the file.
    pub fn truth(self, name: &str, value: bool) -> Self {
        self.tensor(name, &[], Self::BOOL, |tensor| {
            bytes(tensor, 9, &[u8::from(value)]);
        })
    }

    /// Of this operator set.
    pub fn of_set(mut self, version: u64) -> Self {
        self.operator_set = Some(version);
        self
    }

    /// Weights in another file, from this byte on and so many bytes.
    pub fn weights_in(self, name: &str, sizes: &[u64], file: &str, place: [u64; 2]) -> Self {
        self.tensor(name, sizes, Self::FLOAT, |tensor| {
            let [offset, length] = place.map(|number| number.to_string());
            let entries = [("location", file), ("offset", &offset), ("length", &length)];
            for (key, value) in entries {
                let mut entry = Vec::new();
                bytes(&mut entry, 1, key.as_bytes());
                bytes(&mut entry, 2, value.as_bytes());
                bytes(tensor, 13, &entry);
            }
            number(tensor, 14, 1);
        })
    }

    fn tensor(
        mut self,
        name: &str,
        sizes: &[u64],
        element: u64,
        values: impl FnOnce(&mut Vec<u8>),
    ) -> Self {
        let mut tensor = Vec::new();
        for size in sizes {
            number(&mut tensor, 1, *size);
        }
        number(&mut tensor, 2, element);
        bytes(&mut tensor, 8, name.as_bytes());
        values(&mut tensor);
        bytes(&mut self.graph, 5, &tensor);
        self
    }

    /// A node with one output, which has its name.
    pub fn node(
        self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[(&str, Attribute)],
    ) -> Self {
        self.node_of(operator, inputs, &[output], attributes)
    }

    /// A node with these outputs.
    pub fn node_of(
        mut self,
        operator: &str,
        inputs: &[&str],
        outputs: &[&str],
        attributes: &[(&str, Attribute)],
    ) -> Self {
        let mut node = Vec::new();
        for input in inputs {
            bytes(&mut node, 1, input.as_bytes());
        }
        for output in outputs {
            bytes(&mut node, 2, output.as_bytes());
        }
        bytes(&mut node, 3, outputs.join(" ").as_bytes());
        bytes(&mut node, 4, operator.as_bytes());
        for (name, value) in attributes {
            let mut attribute = Vec::new();
            bytes(&mut attribute, 1, name.as_bytes());
            match value {
                Attribute::Int(value) => {
                    number(&mut attribute, 3, *value as u64);
                    number(&mut attribute, 20, 2);
                }
                Attribute::Ints(values) => {
                    for value in *values {
                        number(&mut attribute, 8, *value as u64);
                    }
                    number(&mut attribute, 20, 7);
                }
                Attribute::Text(value) => {
                    bytes(&mut attribute, 4, value.as_bytes());
                    number(&mut attribute, 20, 3);
                }
            }
            bytes(&mut node, 5, &attribute);
        }
        bytes(&mut self.graph, 1, &node);
        self
    }

    /// The bytes of the file, whose output is this tensor.
    pub fn ending_at(&self, output: &str) -> Vec<u8> {
        let mut graph = self.graph.clone();
        bytes(&mut graph, 2, b"small");
        let mut value = Vec::new();
        bytes(&mut value, 1, output.as_bytes());
        bytes(&mut graph, 12, &value);
        let mut operators = Vec::new();
        bytes(&mut operators, 1, b"");
        number(&mut operators, 2, self.operator_set.unwrap_or(13));
        let mut model = Vec::new();
        number(&mut model, 1, 8);
        bytes(&mut model, 8, &operators);
        bytes(&mut model, 7, &graph);
        model
    }
}

fn number(message: &mut Vec<u8>, field: u64, number: u64) {
    varint(message, field << 3);
    varint(message, number);
}

fn bytes(message: &mut Vec<u8>, field: u64, content: &[u8]) {
    varint(message, field << 3 | 2);
    varint(message, content.len() as u64);
    message.extend_from_slice(content);
}

fn varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push(number as u8 | 0x80);
        number >>= 7;
    }
    message.push(number as u8);
}
