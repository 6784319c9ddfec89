//! From nodes to layers.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value as Json};

use super::graph::{Graph, Node};
use super::names::of_weights;
use super::operators::OPERATORS;
use super::{Obstacle, Wanted};

/// Names within a layer, sizes, values.
pub(super) type Arrays = Vec<(&'static str, Vec<usize>, Vec<f32>)>;

/// A layer in the making.
#[derive(Debug)]
pub(super) struct Layer {
    /// As blueprints write it.
    pub op: &'static str,
    pub keys: Map<String, Json>,
    /// 0 is the network's input, `n` the layer counted `n` from 1.
    pub inputs: Vec<usize>,
    /// Shape of one sample that leaves it.
    pub shape: Vec<usize>,
    pub arrays: Arrays,
    /// The module it belongs to.
    pub scope: Option<String>,
    /// The tensor it computes.
    pub tensor: String,
}

/// A tensor of the file in the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Value {
    /// Whose output it is, counted as in [`Layer::inputs`].
    pub layer: usize,
    pub view: View,
}

/// How a tensor of the file lies where the layer's output is channels × height × width, tokens × width or a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View {
    /// As it is, behind a batch of 1.
    Plain,
    /// A map with its channels last.
    ChannelsLast,
    /// A map as channels × places.
    Places,
    /// A map as places × channels.
    Rows,
}

/// What came of it.
pub(super) struct Lowered {
    /// Channels, height and width of the network's input.
    pub image: Vec<usize>,
    pub layers: Vec<Layer>,
    pub values: HashMap<String, Value>,
    pub obstacles: Vec<Obstacle>,
}

/// The nodes of a graph as layers, as far as there are any.
pub(super) fn lower(graph: &Graph, wanted: &Wanted) -> Lowered {
    let mut lowering = Lowering::new(graph, wanted);
    let mut obstacles = Vec::new();
    let mut blocked: HashSet<&str> = HashSet::new();
    for node in &graph.nodes {
        let known = OPERATORS.iter().find(|(op, _)| *op == node.op);
        let is_blocked = node
            .inputs
            .iter()
            .any(|name| blocked.contains(name.as_str()));
        let result = match known {
            None => Err(match node.input(0).map(|name| graph.shape(name)) {
                Some(None) if !is_blocked => "gets a tensor of a shape that is not known",
                _ => "has no layer in topwork",
            }
            .to_owned()),
            // What stands behind an obstacle cannot be judged: shapes may be unknown.
            Some(_) if is_blocked => {
                blocked.extend(node.outputs.iter().map(String::as_str));
                continue;
            }
            Some((_, write)) => write(&mut lowering, node),
        };
        match result {
            Ok(value) => {
                lowering.values.insert(node.output().to_owned(), value);
            }
            Err(reason) => {
                blocked.extend(node.outputs.iter().map(String::as_str));
                obstacles.push(Obstacle {
                    operator: node
                        .op
                        .strip_prefix("topwork.")
                        .unwrap_or(&node.op)
                        .to_owned(),
                    node: match node.name.as_str() {
                        "" => node.output().to_owned(),
                        name => name.to_owned(),
                    },
                    reason,
                });
            }
        }
    }
    Lowered {
        image: lowering.image,
        layers: lowering.layers,
        values: lowering.values,
        obstacles,
    }
}

pub(super) struct Lowering<'g> {
    pub graph: &'g Graph,
    pub layers: Vec<Layer>,
    values: HashMap<String, Value>,
    image: Vec<usize>,
}

/// A layer without settings, or the start of one with some.
pub(super) struct New<'n> {
    node: &'n Node,
    op: &'static str,
    keys: Map<String, Json>,
    arrays: Arrays,
}

impl<'n> New<'n> {
    /// A layer of this kind, made of a node.
    pub fn of(node: &'n Node, op: &'static str) -> Self {
        Self {
            node,
            op,
            keys: Map::new(),
            arrays: Vec::new(),
        }
    }

    pub fn key(mut self, key: &str, value: impl Into<Json>) -> Self {
        self.keys.insert(key.to_owned(), value.into());
        self
    }

    pub fn array(mut self, name: &'static str, shape: &[usize], numbers: Vec<f32>) -> Self {
        self.arrays.push((name, shape.to_vec(), numbers));
        self
    }
}

impl<'g> Lowering<'g> {
    fn new(graph: &'g Graph, wanted: &Wanted) -> Self {
        let (view, image) = match (wanted.channels_last, &graph.image[..]) {
            (true, &[_, height, width, channels]) => {
                (View::ChannelsLast, vec![channels, height, width])
            }
            (_, shape) => (View::Plain, shape.get(1..).unwrap_or(&[]).to_vec()),
        };
        let input = Value { layer: 0, view };
        Self {
            graph,
            layers: Vec::new(),
            values: HashMap::from([(graph.input.clone(), input)]),
            image,
        }
    }

    /// Adds a layer; what comes back is its output as it is.
    pub fn push(&mut self, new: New<'_>, inputs: &[Value], shape: &[usize]) -> Value {
        let New {
            node,
            op,
            keys,
            arrays,
        } = new;
        self.layers.push(Layer {
            op,
            keys,
            inputs: inputs.iter().map(|value| value.layer).collect(),
            shape: shape.to_vec(),
            arrays,
            scope: (node.scope.clone())
                .or_else(|| node.inputs.iter().skip(1).find_map(|name| of_weights(name))),
            tensor: node.output().to_owned(),
        });
        Value {
            layer: self.layers.len(),
            view: View::Plain,
        }
    }

    /// The value of an input that is computed from the image.
    pub fn value(&self, node: &Node, position: usize) -> Result<Value, String> {
        let name = node.input(position).unwrap_or_default();
        let value = self.values.get(name).copied();
        value.ok_or_else(|| match self.graph.constant(name) {
            Some(_) => format!("has a constant as input {position}"),
            None => format!("lacks input {position}"),
        })
    }

    /// The shape of a value's sample as the layer gives it.
    pub fn shape(&self, value: Value) -> &[usize] {
        match value.layer.checked_sub(1) {
            Some(layer) => self.layers.get(layer).map_or(&[], |layer| &layer.shape),
            None => &self.image,
        }
    }

    /// An input that is a map with its channels first.
    pub fn map(&self, node: &Node, position: usize) -> Result<(Value, [usize; 3]), String> {
        let value = self.value(node, position)?;
        match (value.view, self.shape(value)) {
            (View::Plain, &[channels, height, width]) => Ok((value, [channels, height, width])),
            (View::Plain, shape) => Err(format!(
                "gets {}, expected channels×height×width",
                by(shape)
            )),
            _ => Err("gets a map with its channels last".to_owned()),
        }
    }

    /// A constant input as 32-bit floating-point numbers with its sizes.
    pub fn weights(
        &self,
        node: &Node,
        position: usize,
    ) -> Result<(&'g [usize], &'g [f32]), String> {
        let array = self.graph.constant_of(node, position);
        let array =
            array.ok_or_else(|| format!("computes its input {position}, expected a constant"))?;
        let numbers = array.as_floats();
        let numbers = numbers.ok_or_else(|| format!("has whole numbers as input {position}"))?;
        Ok((&array.shape, numbers))
    }
}

/// Sizes as people write them.
pub(super) fn by(shape: &[usize]) -> String {
    let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
    sizes.join("×")
}
