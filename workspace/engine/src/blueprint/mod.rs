//! Blueprints: the layers of a network and the places where it may be cut, checked before use.

mod join;
mod parse;
mod pattern;
mod unit;

use crate::layers::{Array, LayerOp};
use crate::problem::{BlueprintError, Problem};
use crate::shape::Shape;

pub use join::JoinedMaps;

/// The layers of a network in order, with every shape worked out, and its named cut points. Layers form a
/// graph: each names the earlier ones it takes its inputs from, and the last one gives the result.
///
/// Only [`Blueprint::parse`], [`Blueprint::keep`], [`Blueprint::joined`] and [`Blueprint::in_unit`] make one, so a blueprint in hand is a valid one.
#[derive(Clone, Debug, PartialEq)]
pub struct Blueprint {
    input: Shape,
    layers: Vec<LayerSpec>,
    cuts: Vec<CutPoint>,
    weights: WeightFiles,
}

/// How files with weights may look.
#[derive(Clone, Debug, Default, PartialEq)]
struct WeightFiles {
    /// Patterns of what may be passed over.
    ignore: Vec<String>,
    /// Patterns of names in files, and what they are called here.
    rename: Vec<[String; 2]>,
    /// How samples were normalised that published weights learnt from.
    normalise: Option<ChannelNormalise>,
}

/// Normalisation of each channel: `(x - mean) / std`.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelNormalise {
    /// Mean of every channel; bytes are numbers from 0 to 1.
    pub mean: Vec<f64>,
    /// Standard deviation of every channel, above 0.
    pub std: Vec<f64>,
}

/// One layer: its name, what it computes, and the shape of what it gives.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSpec {
    /// Unique within the blueprint; its arrays are called `NAME.weight` and so on.
    pub name: String,
    /// What the layer computes.
    pub op: LayerOp,
    /// Where its inputs come from: 0 is the network's own input, `n` the output of the layer counted `n`
    /// from 1.
    pub inputs: Vec<usize>,
    /// Shape of one sample of its first input.
    pub input: Shape,
    /// Shape of one sample that leaves the layer.
    pub output: Shape,
}

/// A named place where the network may be cut; a cut keeps every layer up to and including `after`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutPoint {
    /// Name the experiment file uses.
    pub name: String,
    /// Name of the last layer kept.
    pub after: String,
}

/// The name under which layers refer to the network's own input.
const INPUT: &str = "input";

/// What one layer amounts to, for people and for tables.
#[derive(Clone, Debug, PartialEq)]
pub struct LayerSummary {
    /// The layer's name.
    pub name: String,
    /// Its kind as written in the blueprint, such as `conv2d`.
    pub op: &'static str,
    /// Its settings in words, such as `20 filters 5×5`; empty where there is nothing to say.
    pub detail: String,
    /// Shape of one sample that leaves the layer.
    pub output: Shape,
    /// Weights and biases.
    pub parameters: usize,
    /// Multiply-add pairs for one sample.
    pub multiply_adds: u64,
}

impl Blueprint {
    /// Reads and checks a blueprint in format 1, shapes included.
    ///
    /// # Errors
    /// All problems found, in the order of the text.
    pub fn parse(json: &str) -> Result<Self, BlueprintError> {
        parse::parse(json)
    }

    /// Shape of one sample that enters the network.
    pub fn input(&self) -> Shape {
        self.input
    }

    /// The layers in order; never empty.
    pub fn layers(&self) -> &[LayerSpec] {
        &self.layers
    }

    /// The named cut points in the order written.
    pub fn cuts(&self) -> &[CutPoint] {
        &self.cuts
    }

    /// Shape of one sample that leaves the network.
    pub fn output(&self) -> Shape {
        self.layers.last().map_or(self.input, |layer| layer.output)
    }

    /// Shape of what is counted `number`: 0 is the network's input, `n` the output of the layer counted
    /// `n` from 1.
    pub(crate) fn shape_of(&self, number: usize) -> Shape {
        match number
            .checked_sub(1)
            .and_then(|index| self.layers.get(index))
        {
            Some(layer) => layer.output,
            None => self.input,
        }
    }

    /// How samples were normalised that the published weights learnt from, where the plugin says so.
    pub fn published_normalise(&self) -> Option<&ChannelNormalise> {
        self.weights.normalise.as_ref()
    }

    /// Whether a weight called `name` in a file may be passed over, by the blueprint's own patterns.
    pub(crate) fn ignores(&self, name: &str) -> bool {
        let mut patterns = self.weights.ignore.iter();
        patterns.any(|pattern| pattern::stand_ins(pattern, name).is_some())
    }

    /// What a weight called `name` in a file is called here, if one of the blueprint's patterns fits it.
    pub(crate) fn renamed(&self, name: &str) -> Option<String> {
        self.weights.rename.iter().find_map(|[theirs, ours]| {
            let stand_ins = pattern::stand_ins(theirs, name)?;
            Some(pattern::filled(ours, &stand_ins))
        })
    }

    /// The trunk: the first `layers` layers with the cut points that lie within them.
    ///
    /// # Errors
    /// When `layers` is 0 or more than there are; or when the cut runs through a branch, so that a layer
    /// behind it needs one before it other than the last one kept.
    pub fn keep(&self, layers: usize) -> Result<Self, BlueprintError> {
        if layers == 0 || layers > self.layers.len() {
            return Err(BlueprintError::new(vec![Problem::new(format!(
                "cannot keep {layers} layers, expected 1 to {}",
                self.layers.len()
            ))]));
        }
        if let Some((needing, needed)) = self.torn_by(layers) {
            let legal = |other: &usize| self.torn_by(*other).is_none();
            let nearest = [
                (1..layers).rev().find(legal),
                (layers..=self.layers.len()).find(legal),
            ];
            let nearest = nearest.into_iter().flatten();
            let nearest = nearest.map(|other| format!("after `{}`", self.name_of(other)));
            let nearest: Vec<String> = nearest.collect();
            return Err(BlueprintError::new(vec![
                Problem::new(format!(
                    "the cut after `{}` runs through a branch: `{}` still needs `{}`",
                    self.name_of(layers),
                    self.name_of(needing),
                    self.name_of(needed)
                ))
                .hint(match nearest.len() {
                    1 => format!("the nearest legal cut is {}", nearest[0]),
                    _ => format!("the nearest legal cuts are {}", nearest.join(" and ")),
                }),
            ]));
        }
        let kept = &self.layers[..layers];
        let cuts = self.cuts.iter();
        let cuts = cuts.filter(|cut| kept.iter().any(|layer| layer.name == cut.after));
        Ok(Self {
            input: self.input,
            layers: kept.to_vec(),
            cuts: cuts.cloned().collect(),
            weights: self.weights.clone(),
        })
    }

    /// What keeps the network from being cut behind the first `layers` layers: the number of a layer
    /// behind, and that of what it needs from before.
    fn torn_by(&self, layers: usize) -> Option<(usize, usize)> {
        let behind = self.layers.iter().enumerate().skip(layers);
        behind
            .flat_map(|(index, layer)| layer.inputs.iter().map(move |&input| (index + 1, input)))
            .find(|&(_, input)| input < layers)
    }

    fn name_of(&self, number: usize) -> &str {
        match number
            .checked_sub(1)
            .and_then(|index| self.layers.get(index))
        {
            Some(layer) => &layer.name,
            None => INPUT,
        }
    }

    /// Number of layers kept by the cut point called `name`.
    pub fn cut(&self, name: &str) -> Option<usize> {
        let cut = self.cuts.iter().find(|cut| cut.name == name)?;
        let after = self
            .layers
            .iter()
            .position(|layer| layer.name == cut.after)?;
        Some(after + 1)
    }

    /// What each layer amounts to, in order.
    pub fn summary(&self) -> Vec<LayerSummary> {
        self.layers.iter().map(LayerSpec::summary).collect()
    }
}

impl LayerSpec {
    fn summary(&self) -> LayerSummary {
        LayerSummary {
            name: self.name.clone(),
            op: self.op.name(),
            detail: self.op.layer().detail(),
            output: self.output,
            parameters: self.parameters(),
            multiply_adds: self.multiply_adds(),
        }
    }

    /// The arrays that the layer keeps.
    pub(crate) fn arrays(&self) -> Vec<Array> {
        self.op.layer().arrays(self.input)
    }

    /// Whether any of its arrays can be learned.
    pub(crate) fn can_learn(&self) -> bool {
        self.arrays().iter().any(|array| array.learned)
    }

    fn parameters(&self) -> usize {
        let arrays = self.arrays();
        let learned = arrays.iter().filter(|array| array.learned);
        learned.map(Array::elements).sum()
    }

    fn multiply_adds(&self) -> u64 {
        self.op.layer().multiply_adds(self.input, self.output)
    }
}

#[cfg(test)]
mod tests;
