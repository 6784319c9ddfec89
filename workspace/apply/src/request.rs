//! What is asked of the process that loads plugins, and what it says.

use std::{collections::BTreeMap, path::PathBuf};

use serde::{Deserialize, Serialize};
use topwork_events::{Outcome, Resampled, RunPlan};
use topwork_export::Agreement;
use topwork_schema::{Component, Normalise, Plan, Problem, Reduction};
use topwork_store::CacheSettings;

/// What to do, and where things are.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Request {
    /// Folders plugins are loaded from.
    pub plugin_folders: Vec<PathBuf>,
    /// Folders plugins find their data in.
    pub data_folders: Vec<PathBuf>,
    /// Folder plugins may keep derived files in.
    pub cache_folder: PathBuf,
    /// File the plugin call in progress is noted in, so that a crash can be attributed.
    pub call_path: PathBuf,
    /// File that takes what plugins print.
    pub said_path: PathBuf,
    /// Threads to compute with.
    pub threads: usize,
    /// Where extracted features are kept; none when they are not to be.
    pub feature_cache: Option<CacheSettings>,
    /// What to do.
    pub work: Work,
}

/// What to do.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Work {
    /// Classify images.
    Predict {
        /// By what.
        fits: Fits,
        /// Which.
        images: Images,
        /// Where to.
        output: Output,
    },
    /// Extract features.
    Features {
        /// Out of what.
        trunk: Box<TrunkOf>,
        /// Of which images.
        images: Images,
        /// Where to.
        output: Output,
    },
    /// Write a row as one file for other programs.
    Export(Export),
    /// Measure rows on other labelled examples.
    Evaluate {
        /// The run's folder.
        run: PathBuf,
        /// Rows by their positions, and seeds.
        rows: Vec<(usize, u64)>,
        /// The examples.
        dataset: LabelledData,
        /// What the run says of these rows.
        before: Vec<Outcome>,
        /// Its plan, with what they are judged by.
        plan: Box<RunPlan>,
    },
}

/// The fitted models of a row with one seed.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Fits {
    /// The run's folder.
    pub run: PathBuf,
    /// The row's position.
    pub row: usize,
    /// The seed.
    pub seed: u64,
    /// The folds, from 1, whose scores are averaged; empty where there are none.
    pub folds: Vec<u32>,
}

/// A row as one file for other programs.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Export {
    /// The fitted model: without folds, or of one of these.
    pub fits: Fits,
    /// The run's id.
    pub run_id: String,
    /// The format.
    pub to: Written,
    /// Whether the model takes bytes.
    pub bytes: bool,
    /// The file.
    pub path: PathBuf,
    /// How many test images prove the file at the most.
    pub images: usize,
    /// A folder that takes these images and their scores as little-endian `f32`, for a proof by another runtime.
    pub proof: Option<PathBuf>,
}

/// The format of a file for other programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Written {
    /// The whole model as a graph.
    Onnx,
    /// The weights of its layers.
    Safetensors,
}

/// What features come out of.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TrunkOf {
    /// A row of a run: what its head gets, principal components and all.
    Row(Fits),
    /// A cut of a checked experiment.
    Plan {
        /// The experiment.
        plan: Box<Plan>,
        /// The cut's name; where there is but one, none is needed.
        cut: Option<String>,
        /// The seed.
        seed: u64,
        /// Whether the weights are random ones.
        random: bool,
        /// The file of the backbone as the source has left it, where it was trained.
        trained: Option<PathBuf>,
    },
    /// A backbone without an experiment.
    Backbone(Box<BareBackbone>),
}

/// A backbone that no experiment names.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BareBackbone {
    /// The component as written, its parameters not yet checked.
    pub component: Component,
    /// What relative paths among them start from.
    pub folder: PathBuf,
    /// A file of weights for a network.
    pub weights: Option<PathBuf>,
    /// A cut point's name, or how many layers to keep.
    pub cut: Option<String>,
    /// What is done with the activations.
    pub reduction: Reduction,
    /// How samples are normalised, where the backbone does not say it.
    pub normalise: Option<Normalise>,
    /// Whether that was said, be it that they are not.
    pub stated: bool,
    /// How files become samples: parameters of the dataset that decodes them.
    pub decode: serde_json::Map<String, serde_json::Value>,
}

/// Which images.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Images {
    /// Image files: a file with their paths, each ended by a zero byte.
    Files(PathBuf),
    /// Examples of the run or experiment itself: `train`, `test`, or both.
    Splits(Vec<Split>),
    /// A split of a dataset.
    Dataset(LabelledData),
}

/// A split of a target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// For learning.
    Train,
    /// For measuring.
    Test,
}

/// A dataset as a file of its own describes it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LabelledData {
    /// The dataset as written, its parameters not yet checked.
    pub component: Component,
    /// What relative paths start from.
    pub folder: PathBuf,
    /// The split; the only one, or `test`, where none is named.
    pub split: Option<String>,
    /// What classes of the dataset are called in the run, where the names differ.
    pub class_map: BTreeMap<String, String>,
}

/// Where a table goes.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// The file; standard output if none.
    pub path: Option<PathBuf>,
    /// `csv`, `jsonl`, `parquet`, `npy`, `npz` or `safetensors`.
    pub format: String,
}

/// What the process says while it works, a JSON line each.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Said {
    /// How far it is.
    Progress {
        /// Images done.
        done: u64,
        /// Images in all, where that is known.
        total: Option<u64>,
    },
    /// Something to know.
    Note(String),
    /// Something that may be wrong.
    Warning(String),
    /// The end: what was done.
    Done(Done),
    /// The end: why it could not be done.
    Failed(Problem),
}

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Done {
    /// Images that were read.
    pub images: u64,
    /// Images that could not be.
    pub unreadable: u64,
    /// Nobody wanted the rest of what went to standard output, as with `| head`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub cut_short: bool,
    /// Seconds from the first image to the last.
    pub seconds: f64,
    /// Length of a feature vector.
    pub dim: u64,
    /// Images whose features were there already.
    pub cached: u64,
    /// What rows come to on other examples.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outcomes: Vec<Outcome>,
    /// How sure their figures are that have no closed form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub resampled: Vec<Resampled>,
    /// How far an exported model agrees with the row.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agreement: Option<Agreement>,
    /// Examples of classes that the run does not know, by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub unknown: BTreeMap<String, u64>,
}
