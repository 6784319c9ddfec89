//! The checked experiment: fully typed, defaults filled, components and classes resolved.
//!
//! A [`Plan`] comes only out of [`Draft::check`](crate::Draft::check), so whoever holds one need
//! not check anything again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use topwork_measure::{ACCURACY, TargetKind};

use crate::file_form::{ComponentForm, DatasetForm};
use crate::further::TestSet;
use crate::input::Input;
use crate::multipliers::{self, LayerPattern, MultiplierError};
use crate::select::Select;
use crate::strategies::StrategyKind;
use crate::training::Train;
use crate::words::{Component, DatasetUse, Extractor, Reduction};

/// An experiment that can be run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// The experiment with every component resolved.
    pub experiment: Experiment,
    /// The rows of the table: every strategy with each of its cuts and, within that, each of its
    /// numbers of training samples.
    pub rows: Vec<Row>,
    /// What there is to know of a backbone that computes features itself, or is a network with weights of its own; `None`
    /// for any other network.
    pub extractor: Option<Extractor>,
    /// Names of the source classes in label order; empty without a source.
    pub source_classes: Vec<String>,
    /// Names of the target classes in label order; of numbers the name of their column.
    pub target_classes: Vec<String>,
    /// Whether the target's examples have classes or numbers.
    #[serde(default, skip_serializing_if = "TargetKind::is_classes")]
    pub targets: TargetKind,
    /// The target's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The backbone's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<String>,
}

impl Plan {
    /// The strategy of a row.
    pub fn strategy(&self, row: &Row) -> &Strategy {
        &self.experiment.strategies[row.strategy]
    }

    /// The row's name: that of its strategy, and after it what tells it from the strategy's other
    /// rows, such as `frozen backbone · pool1 · 100`; with several targets and backbones
    /// `stamps · frozen backbone · LeNet · pool1 · 100`.
    pub fn title(&self, row: &Row) -> String {
        let name = &self.strategy(row).name;
        let parts = [
            self.target.as_ref(),
            Some(name),
            self.backbone.as_ref(),
            row.detail.as_ref(),
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join(" · ")
    }

    /// The cuts of all rows, each once, in the order they come first.
    pub fn cuts(&self) -> Vec<&CutPoint> {
        let mut cuts: Vec<&CutPoint> = Vec::new();
        for cut in self.rows.iter().flat_map(Row::cuts) {
            if !cuts.iter().any(|known| known.same_as(cut)) {
                cuts.push(cut);
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
    /// Where the backbone is cut; where that is chosen on training samples, the first of the cuts it is chosen from.
    pub cut: CutPoint,
    /// The cuts it is chosen from; empty where it is not chosen.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub among: Vec<CutPoint>,
    /// How many training samples are drawn (stratified); all if `None`.
    pub train_samples: Option<usize>,
    /// How many training samples of every class are drawn instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub train_per_class: Option<usize>,
    /// What tells the row from the others of its strategy; `None` when there are none.
    pub detail: Option<String>,
}

impl Row {
    /// Its cut, or all cuts that it chooses from.
    pub fn cuts(&self) -> &[CutPoint] {
        match self.among.as_slice() {
            [] => std::slice::from_ref(&self.cut),
            among => among,
        }
    }

    /// The name of its cut; where that is chosen, out of how many.
    pub fn cut_name(&self) -> String {
        match self.among.len() {
            0 => self.cut.name.clone(),
            all => format!("chosen of {all}"),
        }
    }
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
    /// The numbers of layers behind which activations are taken and joined to one vector, in this
    /// order; the largest is `layers`. Empty for those behind `layers` alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joined: Vec<usize>,
    /// What is done with the activations there: those that are joined are pooled each by itself, and
    /// the vector they are joined to is normalised and brought to its principal components.
    #[serde(default, skip_serializing_if = "Reduction::is_none")]
    pub reduction: Reduction,
}

impl CutPoint {
    /// Whether both give the same features, whatever they are called.
    pub fn same_as(&self, other: &CutPoint) -> bool {
        let what = |cut: &CutPoint| (cut.layers, cut.reduction);
        what(self) == what(other) && self.joined == other.joined
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
    /// What the backbone is called; by its component if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone_name: Option<String>,
    /// The backbone.
    #[serde(with = "ComponentForm")]
    pub backbone: Component,
    /// A file of trained weights (absolute path) that replaces the source training.
    pub backbone_weights: Option<PathBuf>,
    /// How images reach the backbone; as the datasets make their samples if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone_input: Option<Input>,
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
    #[serde(rename = "plugins", default, skip_serializing_if = "Vec::is_empty")]
    pub pins: Vec<(String, Pin)>,
}

/// A plugin whose file must have this digest.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Pin {
    /// SHA-256 of its file, in lower-case hexadecimal.
    pub sha256: String,
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
    pub train: Train,
}

/// The new task and where the backbone is cut for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Target {
    /// What it is called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The target task.
    #[serde(with = "DatasetForm")]
    pub dataset: DatasetUse,
    /// Where the backbone is cut, as written; at least one.
    #[serde(rename = "cut")]
    pub cuts: Vec<Cut>,
    /// How many stratified folds the split `train` is cut into for cross-validation, 2 or more;
    /// strategies learn from `train` and are measured on `test` if `None`.
    pub folds: Option<usize>,
    /// Further test sets.
    #[serde(rename = "test", default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<TestSet>,
    /// Ids of the figures that have columns; accuracy alone if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<String>,
    /// Id of the figure that ranks and compares; the first of `metrics` if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rank_by: Option<String>,
    /// Ids of estimates of how well features suit the target.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transferability: Vec<String>,
    /// Name of the strategy that the others are compared with; rows of a family with each other if
    /// `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compare_to: Option<String>,
    /// How far apart two rows may be and still count as equally good, in percentage points for a
    /// share, otherwise in the figure's unit; no pair counts as that if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivalent_within: Option<f64>,
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
    /// Several of those, whose activations are joined.
    Joined {
        /// Where they are taken, in the order of the vector.
        join: Vec<Place>,
    },
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
    /// The protocol that its keys are taken from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// A classifier head for `feature-classifier`, a network head for every other kind. Parameters
    /// that `select` chooses are not among its own.
    #[serde(with = "ComponentForm")]
    pub head: Component,
    /// How a network head is trained; `None` for a classifier head.
    pub train: Option<Train>,
    /// Where the backbone is cut, as written; where the target says if empty.
    #[serde(rename = "cut", default, skip_serializing_if = "Vec::is_empty")]
    pub cuts: Vec<Cut>,
    /// How many training samples are drawn (stratified), a row for each; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train_samples: Vec<usize>,
    /// How many training samples of every class are drawn, a row for each; none beside
    /// `train_samples`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub train_per_class: Vec<usize>,
    /// How many test samples are drawn (stratified); all if `None`.
    pub test_samples: Option<usize>,
    /// The weights the backbone begins with; random with `from-scratch`.
    pub weights: Start,
    /// Learning-rate multipliers of `fine-tune` in the order written: the first pattern that
    /// matches a layer counts, and a layer no pattern matches has 1. See
    /// [`Strategy::multipliers`].
    #[serde(rename = "learning-rate-multipliers")]
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub multipliers: Vec<(LayerPattern, f64)>,
    /// Epochs of `fine-tune` during which the whole trunk stays frozen, 1 or more and fewer than
    /// there are; none if `None`.
    pub unfreeze_after: Option<usize>,
    /// What is chosen on training samples alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub select: Option<Select>,
    /// Whether scores are calibrated: brought to the temperature that held-out training samples ask for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub calibrate: bool,
}

impl Strategy {
    /// The learning-rate multiplier of every layer, trunk first, given the layers' names.
    /// Names are looked up in the trunk alone, where they are unique.
    ///
    /// # Errors
    ///
    /// The first pattern that matches no layer.
    pub fn multipliers(
        &self,
        trunk: &[impl AsRef<str>],
        head: &[impl AsRef<str>],
    ) -> Result<Vec<f64>, MultiplierError> {
        let trunk: Vec<&str> = trunk.iter().map(AsRef::as_ref).collect();
        multipliers::of_layers(&self.multipliers, &trunk, head.len())
    }
}

/// Where the weights of a strategy's backbone come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// Those learnt on the source task, or from `backbone.weights`.
    Source,
    /// Its initial random weights: the control.
    Random,
}

/// A figure from elsewhere: shown beside the results with its note, never ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Reference {
    /// Name of a strategy, or `source`.
    pub strategy: String,
    /// Accuracy as a fraction, 0 to 1; `None` where another figure is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accuracy: Option<f64>,
    /// Id of another figure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<f64>,
    /// Name of the target it belongs to; all of them if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Where the figure comes from; may be empty.
    pub note: String,
}

impl Reference {
    /// Id and value of the figure.
    pub fn figure(&self) -> (&str, f64) {
        let accuracy = (ACCURACY.id, self.accuracy.unwrap_or(f64::NAN));
        let other = self.metric.as_deref().zip(self.value);
        other.unwrap_or(accuracy)
    }
}
