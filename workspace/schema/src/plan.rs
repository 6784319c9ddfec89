//! The checked experiment: fully typed, defaults filled, components and classes resolved.
//!
//! A [`Plan`] comes only out of [`Draft::check`](crate::Draft::check), so whoever holds one need
//! not check anything again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::catalog::Extractor;
use crate::file_form::{self, ComponentForm, DatasetForm};
use crate::multipliers::LayerPattern;
use crate::strategies::StrategyKind;
use crate::training::Train;

/// An experiment that can be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The experiment with every component resolved.
    pub experiment: Experiment,
    /// The rows of the table: every strategy with each of its cuts and, within that, each of its
    /// numbers of training samples.
    pub rows: Vec<Row>,
    /// What there is to know of a backbone that computes features itself; `None` for a network.
    pub extractor: Option<Extractor>,
    /// Names of the source classes in label order; empty without a source.
    pub source_classes: Vec<String>,
    /// Names of the target classes in label order.
    pub target_classes: Vec<String>,
}

impl Plan {
    /// The strategy of a row.
    pub fn strategy(&self, row: &Row) -> &Strategy {
        &self.experiment.strategies[row.strategy]
    }

    /// The row's name: that of its strategy, and after it what tells it from the strategy's other
    /// rows, such as `frozen backbone · pool1 · 100`.
    pub fn title(&self, row: &Row) -> String {
        let name = &self.strategy(row).name;
        match &row.detail {
            Some(detail) => format!("{name} · {detail}"),
            None => name.clone(),
        }
    }

    /// The cuts of all rows, each once, in the order they come first.
    pub fn cuts(&self) -> Vec<&CutPoint> {
        let mut cuts: Vec<&CutPoint> = Vec::new();
        for row in &self.rows {
            if !cuts.iter().any(|cut| cut.same_as(&row.cut)) {
                cuts.push(&row.cut);
            }
        }
        cuts
    }
}

/// A row of the table: one strategy with one cut and one number of training samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Row {
    /// Index into [`Experiment::strategies`].
    pub strategy: usize,
    /// Where the backbone is cut.
    pub cut: CutPoint,
    /// How many training samples are drawn (stratified); all if `None`.
    pub train_samples: Option<usize>,
    /// What tells the row from the others of its strategy; `None` when there are none.
    pub detail: Option<String>,
}

/// A cut as it is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutPoint {
    /// Its name: the one written, or for a layer count the declared cut point with as many layers,
    /// or else the last layer kept,
    /// or its number where a cut point elsewhere has that name. What is done with the activations
    /// follows: `block7 gap`.
    pub name: String,
    /// How many layers of the backbone are kept, 1 or more.
    pub layers: usize,
    /// What is done with the activations there.
    #[serde(default, skip_serializing_if = "Reduction::is_none")]
    pub reduction: Reduction,
}

impl CutPoint {
    /// Whether both give the same features, whatever they are called.
    pub fn same_as(&self, other: &CutPoint) -> bool {
        (self.layers, self.reduction) == (other.layers, other.reduction)
    }

    /// The cut before anything is fitted to the features: what can be computed image by image.
    pub fn unfitted(&self) -> CutPoint {
        let mut cut = self.clone();
        if let Some(components) = cut.reduction.pca.take() {
            let suffix = format!(" pca{components}");
            cut.name = cut
                .name
                .strip_suffix(&suffix)
                .unwrap_or(&cut.name)
                .to_owned();
        }
        cut
    }
}

/// What is done with the activations at a cut before a head gets them, in this order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reduction {
    /// From a map to a vector; the activations as they are if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pool: Option<Pool>,
    /// Whether each vector is divided by its Euclidean length.
    #[serde(default)]
    pub l2: bool,
    /// The number of principal components kept, fitted to the training features alone; all
    /// numbers as they are if `None`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pca: Option<usize>,
}

impl Reduction {
    /// Whether nothing is done.
    pub fn is_none(&self) -> bool {
        *self == Reduction::default()
    }

    /// What is done, as it ends a cut's name: ` gap l2 pca64`, or nothing.
    pub fn suffix(&self) -> String {
        let pool = self.pool.map(|pool| format!(" {}", pool.as_str()));
        let l2 = self.l2.then(|| " l2".to_owned());
        let pca = self.pca.map(|components| format!(" pca{components}"));
        [pool, l2, pca].into_iter().flatten().collect()
    }
}

/// From a map of activations, channels × height × width, to a vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Pool {
    /// The mean of each channel.
    Gap,
    /// The maximum of each channel.
    Gmp,
    /// All numbers in one row.
    Flatten,
    /// Maxima of each channel over 1 × 1, 2 × 2 and 4 × 4 cells.
    Pyramid,
}

impl Pool {
    /// The word in the experiment file.
    pub fn as_str(self) -> &'static str {
        match self {
            Pool::Gap => "gap",
            Pool::Gmp => "gmp",
            Pool::Flatten => "flatten",
            Pool::Pyramid => "pyramid",
        }
    }
}

/// The experiment file with every default filled in.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Experiment {
    /// Name of the experiment.
    pub name: String,
    /// What it is about; may be empty.
    pub about: String,
    /// The seeds; everything is repeated for each.
    pub seeds: Vec<u64>,
    /// The backbone.
    #[serde(with = "ComponentForm")]
    pub backbone: Component,
    /// A file of trained weights (absolute path) that replaces the source training.
    pub backbone_weights: Option<PathBuf>,
    /// What the backbone learns first.
    pub source: Option<Source>,
    /// The new task.
    pub target: Target,
    /// The strategies to compare, at least one.
    #[serde(rename = "strategy")]
    pub strategies: Vec<Strategy>,
    /// Figures from elsewhere.
    #[serde(rename = "reference", default, skip_serializing_if = "Vec::is_empty")]
    pub references: Vec<Reference>,
    /// Plugins that must be the ones they were, by their ids.
    #[serde(rename = "plugins", with = "file_form::entries")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<(String, Pin)>,
}

/// A plugin whose file must have this digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pin {
    /// SHA-256 of its file, in lower-case hexadecimal.
    pub sha256: String,
}

/// A component with its parameters.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Component {
    /// `plugin/component`.
    pub component: String,
    /// Its parameters with top-level defaults filled in and paths made absolute.
    pub parameters: Map<String, Value>,
}

impl Component {
    /// Id of the plugin that offers the component.
    pub fn plugin(&self) -> &str {
        self.component
            .split_once('/')
            .map_or("", |(plugin, _)| plugin)
    }

    /// Id of the component within its plugin.
    pub fn id(&self) -> &str {
        self.component
            .split_once('/')
            .map_or(&self.component, |(_, id)| id)
    }
}

/// A dataset and the classes taken from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct DatasetUse {
    /// The dataset.
    pub component: Component,
    /// Class indices of the dataset in the order written; the place in this list is the label.
    pub classes: Vec<usize>,
    /// How samples are normalised before they enter the network; not at all if `None`.
    pub normalise: Option<Normalise>,
}

/// Normalisation per channel: `(x - mean) / std`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Normalise {
    /// Mean of every channel, in the units of the samples (bytes are 0 to 1).
    pub mean: Vec<f64>,
    /// Standard deviation of every channel, above 0; as many as means.
    pub std: Vec<f64>,
}

/// What the backbone learns first.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Source {
    /// The source task.
    #[serde(with = "DatasetForm")]
    pub dataset: DatasetUse,
    /// The network head trained with the backbone.
    #[serde(with = "ComponentForm")]
    pub head: Component,
    /// How both are trained.
    #[serde(with = "file_form::train")]
    pub train: Train,
}

/// The new task and where the backbone is cut for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// The target task.
    #[serde(with = "DatasetForm")]
    pub dataset: DatasetUse,
    /// Where the backbone is cut, as written; at least one.
    #[serde(rename = "cut")]
    pub cuts: Vec<Cut>,
    /// How many stratified folds the split `train` is cut into for cross-validation, 2 or more;
    /// strategies learn from `train` and are measured on `test` if `None`.
    pub folds: Option<usize>,
}

/// A cut, or several that a rule chooses, as written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cut {
    /// Where the backbone is cut.
    pub place: Place,
    /// What is done with the activations there.
    pub reduction: Reduction,
}

/// Where a backbone is cut.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// The number of layers kept, counted from the input.
    Layers(usize),
    /// A cut point the backbone declares.
    Name(String),
    /// Wherever a cut rule says.
    Rule(#[serde(with = "ComponentForm")] Component),
}

/// One way to reach the target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Strategy {
    /// Unique name, that of its rows in the results table.
    pub name: String,
    /// How the head is obtained.
    pub kind: StrategyKind,
    /// A classifier head for `feature-classifier`, a network head for every other kind.
    #[serde(with = "ComponentForm")]
    pub head: Component,
    /// How a network head is trained; `None` for a classifier head.
    #[serde(with = "file_form::train")]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train: Option<Train>,
    /// Where the backbone is cut, as written; where the target says if empty.
    #[serde(rename = "cut", default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// How many training samples are drawn (stratified), a row for each; all if empty.
    #[serde(with = "file_form::one_or_more")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train_samples: Vec<usize>,
    /// How many test samples are drawn (stratified); all if `None`.
    pub test_samples: Option<usize>,
    /// The weights the backbone begins with; random with `from-scratch`.
    pub weights: Weights,
    /// Learning-rate multipliers of `fine-tune` in the order written: the first pattern that
    /// matches a layer counts, and a layer no pattern matches has 1. See
    /// [`Strategy::multipliers`].
    #[serde(rename = "learning-rate-multipliers", with = "file_form::entries")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub multipliers: Vec<(LayerPattern, f64)>,
    /// Epochs of `fine-tune` during which the whole trunk stays frozen, 1 or more and fewer than
    /// there are; none if `None`.
    pub unfreeze_after: Option<usize>,
}

/// Where the weights of a strategy's backbone come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Weights {
    /// Those learnt on the source task, or from `backbone.weights`.
    Source,
    /// Its initial random weights: the control.
    Random,
}

impl Weights {
    /// The word in the experiment file.
    pub fn as_str(self) -> &'static str {
        match self {
            Weights::Source => "source",
            Weights::Random => "random",
        }
    }
}

/// A figure from elsewhere: shown beside the results with its note, never ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reference {
    /// Name of a strategy, or `source`.
    pub strategy: String,
    /// Accuracy as a fraction, 0 to 1.
    pub accuracy: f64,
    /// Where the figure comes from; may be empty.
    pub note: String,
}
