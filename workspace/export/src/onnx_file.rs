//! A trunk that is a model file of another program: its graph is kept as it is, and ours goes around it.

use std::collections::{HashMap, HashSet};

use prost::Message;

use topwork_onnx::message::Value;
use topwork_onnx::verbatim::{Graph, Model, Named, Node};

use crate::{ExportError, graph::Builder};

/// A model file that ends at the cut, with all of its weights within.
#[derive(Clone, Debug)]
pub struct OnnxFile<'a> {
    /// The file.
    pub bytes: &'a [u8],
    /// The input that takes the images, normalised.
    pub input: &'a str,
    /// The order of that input's dimensions.
    pub layout: Layout,
    /// The tensor at the cut: N × `sizes`.
    pub output: &'a str,
    /// The sizes of one sample at the cut in their order.
    pub sizes: &'a [usize],
    /// Which of them counts channels, if anybody knows.
    pub channels: Option<usize>,
    /// How many images it takes at once, where that is built in.
    pub batch: Option<usize>,
}

/// The order of an input's dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Batch, channels, height, width.
    Nchw,
    /// Batch, height, width, channels.
    Nhwc,
}

/// The least version of the operator set: since then all operators broadcast as ours expect it.
const LEAST_OPERATOR_SET: i64 = 7;

/// The least version of the format in which initializers need not be inputs.
const LEAST_FORMAT: i64 = 4;

/// What is left to do once the images are prepared.
pub struct Opened {
    /// The model without its graph.
    pub model: Model,
    /// The graph that ours goes on with; it has neither the image among its inputs nor any output.
    pub builder: Builder,
    /// The name of the tensor that the prepared images must have.
    pub input: String,
    /// The name of the tensor at the cut.
    pub output: String,
}

impl OnnxFile<'_> {
    /// Reads the file and makes room for these names.
    pub fn open(&self, reserved: &[&str]) -> Result<Opened, ExportError> {
        let wrong = |problem: String| ExportError::File(problem);
        let mut model = Model::decode(self.bytes)
            .map_err(|error| wrong(format!("is no model in the ONNX format: {error}")))?;
        let mut graph = model
            .graph
            .take()
            .ok_or_else(|| wrong("has no graph".to_owned()))?;
        let is_onnx = |domain: &str| matches!(domain, "" | "ai.onnx");
        let version = (model.opset_import.iter())
            .find(|set| is_onnx(&set.domain))
            .map_or(1, |set| set.version);
        if version < LEAST_OPERATOR_SET {
            return Err(wrong(format!(
                "has the operator set {version} of ONNX, expected {LEAST_OPERATOR_SET} or later"
            )));
        }
        model.ir_version = model.ir_version.max(LEAST_FORMAT);
        let before = graph.input.len();
        graph.input.retain(|input| input.name != self.input);
        if graph.input.len() == before {
            return Err(wrong(format!("has no input `{}`", self.input)));
        }
        graph.output = Vec::new();
        let (mut names, nodes) = self.names(&graph, reserved)?;
        let renamed = rename(&mut graph, &mut names, reserved)?;
        let now = |name: &str| renamed.get(name).map_or(name, String::as_str).to_owned();
        Ok(Opened {
            input: now(self.input),
            output: now(self.output),
            builder: Builder::new(graph, names, nodes, version),
            model,
        })
    }

    /// All names of tensors in the graph, our own among them, and all names of nodes.
    fn names(
        &self,
        graph: &Graph,
        reserved: &[&str],
    ) -> Result<(HashSet<String>, HashSet<String>), ExportError> {
        let mut names: HashSet<String> = reserved.iter().map(|&name| name.to_owned()).collect();
        let weights = graph.initializer.iter().map(|weight| named(weight));
        let weights = weights.collect::<Result<Vec<_>, _>>()?;
        let inputs = graph.input.iter().map(|Value { name, .. }| name.clone());
        let given: Vec<String> = weights.into_iter().chain(inputs).collect();
        if let Some(taken) = given.iter().find(|name| names.contains(*name)) {
            return Err(ExportError::File(format!(
                "has weights called `{taken}`, the name of an input or output of every exported model"
            )));
        }
        names.extend(given);
        let mut nodes = HashSet::new();
        let mut computed = false;
        for node in &graph.node {
            let node = node_of(node)?;
            computed |= node.output.iter().any(|output| output == self.output);
            // Those that stand for our own are renamed.
            names.extend(node.input);
            names.extend(node.output);
            nodes.insert(node.name);
        }
        match computed {
            true => Ok((names, nodes)),
            false => Err(ExportError::File(format!(
                "computes no tensor `{}`",
                self.output
            ))),
        }
    }
}

/// Gives the tensors of the graph that have a name of ours another one, in the nodes that read or compute them.
fn rename(
    graph: &mut Graph,
    names: &mut HashSet<String>,
    reserved: &[&str],
) -> Result<HashMap<String, String>, ExportError> {
    let mut renamed = HashMap::new();
    for bytes in &mut graph.node {
        let mut node = node_of(bytes)?;
        let mut touched = false;
        for name in node.input.iter_mut().chain(&mut node.output) {
            if !reserved.contains(&name.as_str()) {
                continue;
            }
            touched = true;
            let other = renamed.entry(name.clone()).or_insert_with(|| {
                let mut other = format!("{name}.original");
                while !names.insert(other.clone()) {
                    other.push('\'');
                }
                other
            });
            name.clone_from(other);
        }
        if touched {
            *bytes = node.encode_to_vec();
        }
    }
    Ok(renamed)
}

fn node_of(bytes: &[u8]) -> Result<Node, ExportError> {
    Node::decode(bytes).map_err(|error| ExportError::File(format!("has a broken node: {error}")))
}

fn named(bytes: &[u8]) -> Result<String, ExportError> {
    let named = Named::decode(bytes);
    let named = named.map_err(|error| ExportError::File(format!("has broken weights: {error}")))?;
    Ok(named.name)
}
