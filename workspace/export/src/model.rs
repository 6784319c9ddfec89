//! The whole model: images in, class, scores and features out, or numbers in place of class and scores.

use std::collections::HashSet;

use prost::Message;
use topwork_engine::Network;
use topwork_engine::layers::LayerNorm;
use topwork_measure::{Scores, TargetKind};
use topwork_onnx::Element;
use topwork_onnx::message::{Dimension, Entry, OperatorSet, Shape, TensorType, Type, Value};
use topwork_onnx::verbatim::{Graph, Metadata, Model};
use topwork_schema::{Normalise, Reduction};
use topwork_scoring::ScoringLayers;
use topwork_tensors::Writer;

use crate::{
    ExportError,
    graph::{Builder, Op, Setting},
    labels::{self, LabelHead},
    network,
    onnx_file::{Layout, OnnxFile, Opened},
    reduce::{self, Activations, Components},
    scoring,
};

/// The input: N × channels × height × width.
pub const IMAGES: &str = "images";
/// The output with the class of the greatest score, the first of equals: N whole numbers.
pub const CLASS: &str = "class";
/// The output with the scores: N × classes.
pub const SCORES: &str = "scores";
/// The output with the predicted numbers, in place of class and scores where these are predicted: N × columns.
pub const NUMBERS: &str = "numbers";

/// The output that has a value for every class, label or column of numbers.
pub(crate) fn values_of(targets: TargetKind) -> &'static str {
    match targets {
        TargetKind::Classes | TargetKind::Multilabel => SCORES,
        TargetKind::Numbers => NUMBERS,
    }
}
/// The output with what the head gets: N × features.
pub const FEATURES: &str = "features";

/// The version of ONNX's operator set in a model whose trunk is layers: the least that has all operators used here, in a form
/// that all runtimes of today read. A model file keeps its own.
pub const OPERATOR_SET: i64 = 13;
/// The version of the format that came with it.
const FORMAT: i64 = 7;
/// The same for models with layer normalisation, which is an operator only since then.
const WITH_LAYER_NORM: (i64, i64) = (17, 8);

/// A fitted model, all that it takes to get from an image to a class.
#[derive(Clone, Debug)]
pub struct Exported<'a> {
    /// What the graph is called.
    pub name: &'a str,
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// Whether images are bytes, 0 to 255, and not numbers from 0 to 1.
    pub bytes: bool,
    /// What is done with an image before it enters the trunk.
    pub normalise: Option<&'a Normalise>,
    /// What computes the activations at the cut.
    pub trunk: Trunk<'a>,
    /// What is done with them. Its number of principal components is not read: [`Exported::components`] has them.
    pub reduction: Reduction,
    /// The principal components that come last.
    pub components: Option<Components<'a>>,
    /// The head.
    pub head: Head<'a>,
    /// What the head's scores are before they are brought to a temperature.
    pub scores: Scores,
    /// What the logits are divided by, where scores were calibrated.
    pub temperature: Option<f64>,
    /// Names of the classes, in the order of the scores; of numbers those of their columns.
    pub classes: &'a [String],
    /// Words for the metadata, each under a key of its own.
    pub metadata: &'a [(String, String)],
}

/// What computes the activations at the cut.
#[derive(Clone, Debug)]
pub enum Trunk<'a> {
    /// Layers.
    Network(&'a Network),
    /// A model file.
    File(OnnxFile<'a>),
}

/// What computes the scores.
#[derive(Clone, Debug)]
pub enum Head<'a> {
    /// Layers; their output are logits.
    Network(&'a Network),
    /// What a fitted classifier says of itself.
    Classifier(&'a ScoringLayers),
    /// What a classifier says of itself that was put to several labels.
    Labels(&'a LabelHead),
}

impl Exported<'_> {
    /// Of the operator set and of the format, where all is written here.
    fn versions(&self) -> (i64, i64) {
        let trunk = match &self.trunk {
            Trunk::Network(trunk) => Some(trunk),
            Trunk::File(_) => None,
        };
        let head = match &self.head {
            Head::Network(head) => Some(head),
            Head::Classifier(_) | Head::Labels(_) => None,
        };
        let mut layers =
            (trunk.into_iter().chain(head)).flat_map(|network| network.blueprint().layers());
        match layers.any(|layer| layer.op.get::<LayerNorm>().is_some()) {
            true => WITH_LAYER_NORM,
            false => (OPERATOR_SET, FORMAT),
        }
    }

    /// The model as an ONNX file: input [`IMAGES`], outputs [`CLASS`], [`SCORES`] and [`FEATURES`], or [`NUMBERS`] and [`FEATURES`],
    /// for any number of images at a time unless a model file has its own built in. `classes` in the metadata are the names of the
    /// classes as a JSON list, `columns` those of the numbers.
    ///
    /// # Errors
    /// When the parts do not fit each other, a model file is not what was said of it or too old, or the file would be larger
    /// than the format allows.
    pub fn to_onnx(&self) -> Result<Vec<u8>, ExportError> {
        self.check()?;
        let reserved = [IMAGES, CLASS, SCORES, NUMBERS, FEATURES];
        let (mut model, mut builder, at_cut) = match &self.trunk {
            Trunk::Network(trunk) => {
                let (operator_set, format) = self.versions();
                let names = reserved.map(str::to_owned);
                let graph = Graph::default();
                let mut builder =
                    Builder::new(graph, HashSet::from(names), HashSet::new(), operator_set);
                let images = self.prepared(&mut builder, IMAGES.to_owned());
                builder.scope("trunk");
                let name = network::write(&mut builder, trunk, images)?;
                let model = Model {
                    ir_version: format,
                    opset_import: vec![OperatorSet {
                        domain: String::new(),
                        version: operator_set,
                    }],
                    ..Model::default()
                };
                let sizes = trunk.blueprint().output().dims().to_vec();
                // Maps have their channels first, tokens theirs last.
                let channels = match sizes.len() {
                    3 => Some(0),
                    2 => Some(1),
                    _ => None,
                };
                let blueprint = trunk.blueprint();
                let at_cut = Activations {
                    name,
                    sizes,
                    channels,
                    leading: blueprint.leading_tokens(blueprint.layers().len()),
                };
                (model, builder, at_cut)
            }
            Trunk::File(file) => {
                let Opened {
                    model,
                    mut builder,
                    input,
                    output,
                } = file.open(&reserved)?;
                // Nodes stand after those they read from.
                let theirs = std::mem::take(&mut builder.graph.node);
                let mut images = self.prepared(&mut builder, IMAGES.to_owned());
                if file.layout == Layout::Nhwc {
                    images = builder.node(
                        Op("Transpose", 1),
                        "channels-last",
                        &[&images],
                        &[("perm", Setting::Ints(&[0, 2, 3, 1]))],
                    );
                }
                builder.emit(Op("Identity", 1), &[&images], &[], vec![input]);
                builder.graph.node.extend(theirs);
                let at_cut = Activations {
                    name: output,
                    sizes: file.sizes.to_vec(),
                    channels: file.channels,
                    leading: 0,
                };
                (model, builder, at_cut)
            }
        };
        builder.scope("reduction");
        let mut features = reduce::write(&mut builder, at_cut, self.reduction);
        if let Some(components) = self.components {
            builder.scope("components");
            features = reduce::components(&mut builder, &features, components)?;
        }
        builder.scope("head");
        let row = features.row(&mut builder);
        let numbers: usize = features.sizes.iter().product();
        let scores = match &self.head {
            Head::Network(head) => {
                let input = head.blueprint().input();
                if input.elements() != numbers {
                    return Err(ExportError::Parts(format!(
                        "the head takes {input} numbers, and gets {numbers}"
                    )));
                }
                let input = match input.dims() {
                    [_] => row.clone(),
                    dims if dims == features.sizes => features.name,
                    dims => {
                        let dims = dims.iter().map(|&dim| dim as i64);
                        let shape: Vec<i64> = std::iter::once(0).chain(dims).collect();
                        builder.reshape("input", &row, &shape)
                    }
                };
                network::write(&mut builder, head, input)?
            }
            Head::Classifier(layers) => {
                takes(layers, numbers)?;
                scoring::write(&mut builder, layers, row.clone())
            }
            Head::Labels(head) => {
                head.layers()
                    .try_for_each(|layers| takes(layers, numbers))?;
                labels::write(&mut builder, head, &row, numbers)
            }
        };
        let scores = match self.temperature {
            None => scores,
            Some(temperature) => {
                builder.scope("calibration");
                let classes = self.classes.len();
                scoring::calibrated(&mut builder, &scores, self.scores, temperature, classes)
            }
        };
        let identity = Op("Identity", 1);
        builder.emit(identity, &[&row], &[], vec![FEATURES.to_owned()]);
        match self.targets() {
            TargetKind::Numbers | TargetKind::Multilabel => {
                let output = values_of(self.targets()).to_owned();
                builder.emit(identity, &[&scores], &[], vec![output]);
            }
            TargetKind::Classes => {
                builder.emit(identity, &[&scores], &[], vec![SCORES.to_owned()]);
                let settings = [("axis", Setting::Int(1)), ("keepdims", Setting::Int(0))];
                let class = vec![CLASS.to_owned()];
                builder.emit(Op("ArgMax", 1), &[SCORES], &settings, class);
            }
        }
        builder.check()?;
        let mut graph = builder.graph;
        self.ends(&mut graph, numbers);
        model.graph = Some(graph);
        "topwork".clone_into(&mut model.producer_name);
        env!("CARGO_PKG_VERSION").clone_into(&mut model.producer_version);
        let ours = self.metadata();
        (model.metadata_props).retain(|entry| ours.iter().all(|other| other.key != entry.key));
        model.metadata_props.extend(ours);
        let bytes = model.encoded_len();
        match i32::try_from(bytes) {
            Ok(_) => Ok(model.encode_to_vec()),
            Err(_) => Err(ExportError::TooLarge { bytes }),
        }
    }

    /// Trunk and head as one safetensors file, by the names of their layers: `trunk.*` where the trunk is layers, `head.*` where
    /// the head is, `components.mean` and `components.basis` where there are some.
    ///
    /// # Errors
    /// When neither trunk nor head is layers, or the arrays cannot be written.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, ExportError> {
        let mut file = Writer::default();
        let mut parts = Vec::new();
        if let Trunk::Network(trunk) = &self.trunk {
            parts.push(("trunk", *trunk));
        }
        if let Head::Network(head) = &self.head {
            parts.push(("head", *head));
        }
        if parts.is_empty() {
            return Err(ExportError::Parts(
                "neither trunk nor head is made of layers whose weights have names".to_owned(),
            ));
        }
        for (part, network) in parts {
            for array in network.arrays() {
                file.array(format!("{part}.{}", array.name), array.shape, array.values);
            }
        }
        if let Some(Components { mean, basis }) = self.components {
            let count = basis.len() / mean.len().max(1);
            file.array("components.mean", &[mean.len()], mean);
            file.array("components.basis", &[count, mean.len()], basis);
        }
        Ok(file.finish()?)
    }

    /// What it predicts.
    fn targets(&self) -> TargetKind {
        self.scores.gives().of()
    }

    fn check(&self) -> Result<(), ExportError> {
        let channels = self.input[0];
        if let Some(Normalise { mean, std }) = self.normalise
            && (mean.len() != channels || std.len() != channels)
        {
            return Err(ExportError::Parts(format!(
                "{} means and {} standard deviations, expected one for each of {channels} channels",
                mean.len(),
                std.len()
            )));
        }
        if let Trunk::Network(trunk) = &self.trunk
            && trunk.blueprint().input().dims() != self.input
        {
            return Err(ExportError::Parts(format!(
                "the trunk takes {}, expected images of {:?}",
                trunk.blueprint().input(),
                self.input
            )));
        }
        let scores = match &self.head {
            Head::Network(head) => head.blueprint().output().elements(),
            Head::Classifier(layers) => layers.classes(),
            Head::Labels(head) => head.labels(),
        };
        if scores != self.classes.len() {
            return Err(ExportError::Parts(format!(
                "the head gives {scores} scores for {} classes",
                self.classes.len()
            )));
        }
        Ok(())
    }

    /// Images as they enter the trunk, in single precision as everywhere: bytes divided by 255, then `(x − mean) / std`.
    fn prepared(&self, builder: &mut Builder, mut images: String) -> String {
        builder.scope("normalise");
        if self.bytes {
            let to = Setting::Int(Element::Float32 as i64);
            let numbers = builder.node(Op("Cast", 6), "numbers", &[&images], &[("to", to)]);
            let most = builder.floats("most", &[1], &[255.0]);
            images = builder.binary("Div", "unit", &numbers, &most);
        }
        if let Some(Normalise { mean, std }) = self.normalise {
            let shape = [1, self.input[0], 1, 1];
            let single = |values: &[f64]| values.iter().map(|x| *x as f32).collect::<Vec<_>>();
            let mean = builder.floats("mean", &shape, &single(mean));
            let std = builder.floats("std", &shape, &single(std));
            let centred = builder.binary("Sub", "centred", &images, &mean);
            images = builder.binary("Div", "normalised", &centred, &std);
        }
        builder.scope("");
        images
    }

    /// Input and outputs with their shapes.
    fn ends(&self, graph: &mut Graph, features: usize) {
        self.name.clone_into(&mut graph.name);
        let batch = match &self.trunk {
            Trunk::File(file) => file.batch,
            Trunk::Network(_) => None,
        };
        let value = |name: &str, elem_type: i32, sizes: &[usize]| {
            let batch = match batch {
                Some(batch) => Dimension {
                    value: Some(batch as i64),
                    param: None,
                },
                None => Dimension {
                    value: None,
                    param: Some("batch".to_owned()),
                },
            };
            let sizes = sizes.iter().map(|&size| Dimension {
                value: Some(size as i64),
                param: None,
            });
            Value {
                name: name.to_owned(),
                kind: Some(Type {
                    tensor: Some(TensorType {
                        elem_type,
                        shape: Some(Shape {
                            dim: std::iter::once(batch).chain(sizes).collect(),
                        }),
                    }),
                }),
            }
        };
        let images = match self.bytes {
            true => Element::Uint8 as i32,
            false => Element::Float32 as i32,
        };
        graph.input.insert(0, value(IMAGES, images, &self.input));
        let floats = |name, count| value(name, Element::Float32 as i32, &[count]);
        let count = self.classes.len();
        graph.output = match self.targets() {
            targets @ (TargetKind::Numbers | TargetKind::Multilabel) => {
                vec![floats(values_of(targets), count)]
            }
            TargetKind::Classes => vec![
                value(CLASS, Element::Int64 as i32, &[]),
                floats(SCORES, count),
            ],
        };
        graph.output.push(floats(FEATURES, features));
    }

    fn metadata(&self) -> Vec<Entry> {
        let classes: Vec<String> = self.classes.iter().map(|class| quoted(class)).collect();
        let names = match self.targets() {
            TargetKind::Classes => "classes",
            TargetKind::Numbers => "columns",
            TargetKind::Multilabel => "labels",
        };
        let own = [(names, format!("[{}]", classes.join(", ")))];
        let own = own.map(|(key, value)| (key.to_owned(), value));
        let all = own.iter().chain(self.metadata);
        all.map(|(key, value)| Entry {
            key: key.clone(),
            value: value.clone(),
        })
        .collect()
    }
}

/// Refuses layers that take another number of features.
fn takes(layers: &ScoringLayers, features: usize) -> Result<(), ExportError> {
    match layers.features() {
        takes if takes == features => Ok(()),
        takes => Err(ExportError::Parts(format!(
            "the head takes {takes} numbers, and gets {features}"
        ))),
    }
}

/// A text as JSON.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Adds words to the metadata of an ONNX file.
pub fn append_metadata(file: &mut Vec<u8>, words: &[(&str, &str)]) {
    let entries = words.iter().map(|(key, value)| Entry {
        key: (*key).to_owned(),
        value: (*value).to_owned(),
    });
    let metadata = Metadata {
        metadata_props: entries.collect(),
    };
    file.extend_from_slice(&metadata.encode_to_vec());
}

#[cfg(test)]
mod tests;
