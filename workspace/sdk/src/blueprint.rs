//! Blueprints: networks described as layers, written as JSON.

use crate::Layer;
use serde::Serialize;

/// Layers with cut points, for backbones and network heads: a chain, or a graph where layers name their inputs.
///
/// Shapes are only worked out by the host, which says which layer does not fit.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Blueprint {
    format: u32,
    input: Vec<usize>,
    layers: Vec<NamedLayer>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    cuts: Vec<Cut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<Weights>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct NamedLayer {
    name: String,
    #[serde(flatten)]
    layer: Layer,
    /// Unless it is the layer before alone.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    inputs: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Cut {
    name: String,
    after: String,
}

/// How files with weights for the network may look.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Weights {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    ignore: Vec<String>,
    /// The name in files, then the name here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    rename: Vec<(String, String)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    normalise: Option<Normalised>,
}

/// How samples are normalised, channel by channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct Normalised {
    mean: Vec<f64>,
    std: Vec<f64>,
}

impl Blueprint {
    /// A network for samples of this shape, `[channels, height, width]` or `[features]`, still without layers.
    pub fn new(input: &[usize]) -> Self {
        Blueprint {
            format: 1,
            input: input.to_vec(),
            layers: Vec::new(),
            cuts: Vec::new(),
            weights: None,
        }
    }

    /// Appends a layer that takes what the layer before gives; the first takes the sample. Names are unique in a blueprint.
    #[must_use]
    pub fn layer(self, name: impl Into<String>, layer: Layer) -> Self {
        self.layer_from(&[] as &[&str], name, layer)
    }

    /// Appends a layer that takes what the layers named in `inputs` give, all of them earlier ones; `"input"` is the sample.
    #[must_use]
    pub fn layer_from(
        mut self,
        inputs: &[impl AsRef<str>],
        name: impl Into<String>,
        layer: Layer,
    ) -> Self {
        self.layers.push(NamedLayer {
            name: name.into(),
            layer,
            inputs: inputs.iter().map(|name| name.as_ref().into()).collect(),
        });
        self
    }

    /// Declares a cut point behind the layer added last; before the first layer there is nothing to cut, and nothing happens.
    #[must_use]
    pub fn cut(mut self, name: impl Into<String>) -> Self {
        if let Some(last) = self.layers.last() {
            self.cuts.push(Cut {
                name: name.into(),
                after: last.name.clone(),
            });
        }
        self
    }

    /// Names in a file with weights that are no mistake although no layer has them; `*` stands for anything.
    #[must_use]
    pub fn ignore_weights(mut self, patterns: &[&str]) -> Self {
        let ignore = &mut self.weights.get_or_insert_default().ignore;
        ignore.extend(patterns.iter().map(|&pattern| pattern.to_owned()));
        self
    }

    /// What a weight is called in published files, and what it is called here. `*` stands for anything, in the same order in
    /// both. A weight whose name is one of the layers' anyway is never renamed; of several pairs the first that fits counts.
    #[must_use]
    pub fn rename_weights(mut self, in_files: impl Into<String>, here: impl Into<String>) -> Self {
        let rename = &mut self.weights.get_or_insert_default().rename;
        rename.push((in_files.into(), here.into()));
        self
    }

    /// How the samples were normalised that published weights have learnt from, `(x - mean) / std` channel by channel, where
    /// bytes are numbers from 0 to 1. Whoever uses a file of weights and normalises otherwise is told.
    #[must_use]
    pub fn published_normalise(mut self, mean: &[f64], std: &[f64]) -> Self {
        self.weights.get_or_insert_default().normalise = Some(Normalised {
            mean: mean.to_vec(),
            std: std.to_vec(),
        });
        self
    }

    /// The JSON document that the host reads.
    pub fn to_json(&self) -> String {
        serde_json::json!(self).to_string()
    }
}
