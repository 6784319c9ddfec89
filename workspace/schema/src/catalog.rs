//! What the installed components are and say of themselves, as plain data.
//!
//! The worker's probe fills a [`Catalog`] (only it loads plugins) and hands it over as JSON;
//! the experiment file is then checked against it without any native code.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use topwork_measure::TargetKind;

use crate::diagnostics::Category;
use crate::groups::Group;
use crate::plan::CutPoint;
use crate::words::{Component, Extractor, Normalise, Pool};

pub use topwork_kinds::{Kind as ComponentKind, Role as UseKind};

/// Everything that is known about the installed components.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Catalog {
    /// The plugins.
    pub plugins: Vec<PluginEntry>,
    /// The components that plugins offer.
    pub components: Vec<ComponentEntry>,
    /// Shared libraries that were found and could not be used.
    pub skipped: Vec<SkippedPlugin>,
    /// What the components named by an experiment said when asked with its parameters.
    pub described: Vec<Described>,
    /// The classes of the datasets' examples, as far as somebody counted.
    pub counted: Vec<Counted>,
    /// What comparing all images has shown, or why they cannot be read; `None` where nobody did,
    /// or not to the end.
    pub content: Option<Result<Content, Problem>>,
    /// What came of putting the file of `backbone.weights` into the backbone; `None` when nobody
    /// tried.
    pub weights: Option<Result<(), Problem>>,
    /// How samples were normalised that published weights of the backbone have learnt from, where
    /// it says so.
    pub published: Option<Normalise>,
}

/// How many examples of every class a split of a dataset has.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Counted {
    /// The dataset, its parameters resolved.
    pub component: Component,
    /// The split's name.
    pub split: String,
    /// The number of examples by class of the dataset, or why there is none.
    pub classes: Result<Vec<u64>, Problem>,
    /// The groups its examples are in, by name; `None` where nothing belongs together.
    pub groups: Option<Vec<Group>>,
}

/// What was seen of images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Content {
    /// The datasets that were looked at.
    pub datasets: Vec<Looked>,
    /// The images that occur more than once, those alike in where they occur counted together.
    pub shared: Vec<SharedImages>,
}

/// A dataset all of whose images were read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Looked {
    /// The dataset, its parameters resolved.
    pub component: Component,
    /// The smallest and the largest number of all samples.
    pub numbers: (f32, f32),
}

/// Images that occur more than once, all in the same places.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SharedImages {
    /// How many different images.
    pub images: u64,
    /// Where each of them occurs.
    pub places: Vec<Place>,
}

/// A class in a split of a dataset in which shared images occur.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Place {
    /// Index into [`Content::datasets`].
    pub dataset: usize,
    /// The split's name.
    pub split: String,
    /// The class, as the dataset counts them.
    pub class: usize,
    /// Whether each of the images is there more than once.
    pub several: bool,
    /// How many examples they are there.
    pub examples: u64,
    /// Positions in the split for the first few images: image by image, the same ones in every
    /// place, and for each of them the first few.
    pub first: Vec<Vec<u64>>,
}

/// One plugin and its file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginEntry {
    /// Its id.
    pub id: String,
    /// Where its file lies.
    pub path: String,
    /// SHA-256 of that file, in lower-case hexadecimal.
    pub sha256: String,
}

/// One component as its plugin lists it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ComponentEntry {
    /// What the component is.
    pub kind: ComponentKind,
    /// Id of the plugin that offers it.
    pub plugin: String,
    /// Id of the component within its plugin.
    pub id: String,
    /// One line about it.
    pub about: String,
    /// JSON Schema of its parameters. Keys it does not name are refused unless it sets
    /// `additionalProperties`; a string with `"format": "path"` is a path relative to the
    /// experiment file; a `default` is filled in where the file says nothing.
    pub schema: Value,
    /// Whether it is a head that can be fitted to numbers.
    #[serde(default)]
    pub numbers: bool,
}

impl ComponentEntry {
    /// The id that is never ambiguous: `plugin/component`.
    pub fn full_id(&self) -> String {
        format!("{}/{}", self.plugin, self.id)
    }
}

/// A shared library that was found and could not be used.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct SkippedPlugin {
    /// Where the library lies.
    pub path: String,
    /// Why it was skipped: one sentence, lowercase, without a final period.
    pub reason: String,
}

/// One component named by an experiment file, with its parameters as written there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Use {
    /// The role it is named for.
    pub kind: UseKind,
    /// The component as written: `component` or `plugin/component`.
    pub component: String,
    /// Its parameters as written, a JSON object; see [`resolve_parameters`](crate::resolve_parameters).
    pub parameters: Value,
}

/// What came out when a component was created with the parameters of one [`Use`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Described {
    /// The component and its parameters.
    pub of: Use,
    /// What it said of itself, or why it could not.
    pub outcome: Result<Description, Problem>,
}

/// What a created component says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Description {
    /// Labelled samples.
    Dataset {
        /// Names of the classes; a label is an index into them.
        classes: Vec<String>,
        /// Shape of one sample: channels, height, width.
        shape: [usize; 3],
        /// Name and number of samples of every split.
        splits: Vec<(String, u64)>,
        /// Whether samples have classes or numbers; of numbers `classes` are the names of their columns.
        #[serde(default)]
        targets: TargetKind,
    },
    /// A network with the places where it can be cut.
    Backbone {
        /// Shape of one sample: `[channels, height, width]` or `[features]`.
        input: Vec<usize>,
        /// The layers in order.
        layers: Vec<LayerEntry>,
        /// The declared cut points.
        cuts: Vec<CutEntry>,
        /// What there is to know of a backbone that a plugin gives whole: one that computes features itself, whose layers
        /// are its cut points, or a network with weights of its own. `None` for one that only has layers.
        extractor: Option<Extractor>,
        /// What keeps an extractor from being a network that the engine builds, where its plugin says so.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        opaque_because: Option<String>,
    },
    /// The cuts that a rule chooses for the backbone of the experiment.
    Cuts(Vec<CutChoice>),
    /// A head that accepted its parameters.
    Head,
}

/// One layer of a backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerEntry {
    /// Unique name of the layer.
    pub name: String,
    /// Operation, for example `conv2d`.
    pub op: String,
    /// Its settings in words, for example `20 filters 5x5`.
    pub detail: String,
    /// Shape of its output per sample.
    pub output: Vec<usize>,
    /// How an extractor's features lie there, where the shape does not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dims: Option<Dims>,
    /// Number of trainable parameters.
    pub parameters: u64,
    /// Multiply-adds per sample.
    pub multiply_adds: u64,
}

/// Features that are no map of channels, height and width, and no plain row of numbers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Dims {
    /// The sizes of one sample's features in their order.
    pub sizes: Vec<usize>,
    /// Which of them counts channels; none if nobody knows.
    pub channels: Option<usize>,
    /// Of tokens, how many stand in front of those of patches: class token and registers; none if nobody knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leading: Option<usize>,
}

impl Description {
    /// How many numbers the features at a cut of this backbone are at most, before principal components are taken of them; `None`
    /// for what is no backbone or has no such layer.
    pub fn most_features(&self, cut: &CutPoint) -> Option<usize> {
        let Self::Backbone { layers, .. } = self else {
            return None;
        };
        let places = match cut.joined.as_slice() {
            [] => std::slice::from_ref(&cut.layers),
            joined => joined,
        };
        most_features(layers, places, cut.reduction.pool)
    }
}

/// How many numbers the features behind these numbers of layers are together at most; `None` where there is no such layer.
pub(crate) fn most_features(
    layers: &[LayerEntry],
    places: &[usize],
    pool: Option<Pool>,
) -> Option<usize> {
    let behind = |kept: &usize| Some(layers.get(kept.checked_sub(1)?)?.most_features(pool));
    places.iter().map(behind).sum()
}

impl LayerEntry {
    fn most_features(&self, pool: Option<Pool>) -> usize {
        let all = self.output.iter().product();
        let Some([channels, ..]) = self.map() else {
            return all;
        };
        match pool {
            Some(Pool::Gap | Pool::Gmp | Pool::ClassToken | Pool::MeanTokens) => channels,
            Some(Pool::ClassMean) => 2 * channels,
            // One for each cell of the three grids, fewer where the map is small.
            Some(Pool::Pyramid) => channels * 21,
            Some(Pool::Flatten) | None => all,
        }
    }

    /// The sizes of one sample's output in their order.
    pub fn sizes(&self) -> &[usize] {
        self.dims.as_ref().map_or(&self.output, |dims| &dims.sizes)
    }

    /// Channels, height and width as pooling takes them, whatever the order in which they lie; tokens count as the rows of a
    /// column. `None` where nobody knows which axis counts channels.
    pub fn map(&self) -> Option<[usize; 3]> {
        match &self.dims {
            Some(dims) => dims.map(),
            None => Some(plain_map(&self.output)),
        }
    }
}

/// The same for what a shape says in full: a vector counts as channels of one pixel each.
pub fn plain_map(shape: &[usize]) -> [usize; 3] {
    match *shape {
        [channels, height, width] => [channels, height, width],
        _ => [shape.iter().product(), 1, 1],
    }
}

impl Dims {
    /// A sequence of tokens, so many of which stand in front of those of patches.
    pub fn tokens(count: usize, width: usize, leading: usize) -> Self {
        Self {
            sizes: vec![count, width],
            channels: Some(1),
            leading: Some(leading),
        }
    }

    /// See [`LayerEntry::map`].
    pub fn map(&self) -> Option<[usize; 3]> {
        let channels = self.channels?;
        let others: Vec<usize> = (self.sizes.iter().enumerate())
            .filter(|(axis, _)| *axis != channels)
            .map(|(_, size)| *size)
            .collect();
        let [height, width] = match others[..] {
            [height, width] => [height, width],
            _ => [others.iter().product(), 1],
        };
        Some([*self.sizes.get(channels)?, height, width])
    }
}

/// One declared cut point of a backbone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutEntry {
    /// Name of the cut point.
    pub name: String,
    /// How many layers stay: all up to and including the one cut after.
    pub layers: usize,
}

/// A cut that a rule has chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutChoice {
    /// Its name.
    pub name: String,
    /// How many layers stay.
    pub layers: usize,
    /// What is done with the activations there, if anything.
    pub pool: Option<Pool>,
}

/// Why a component could not be described.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// Who has to act: `Experiment` when the component refuses its parameters, `Plugin` when it
    /// misbehaves, `Data` when what it reads is missing or damaged.
    pub category: Category,
    /// One sentence, lowercase, without a final period.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}
