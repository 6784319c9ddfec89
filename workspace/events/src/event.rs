//! The events, as they are written.

use std::collections::HashMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use topwork_measure::{ACCURACY, EpochFigures, TargetKind};

use crate::{
    came::Came,
    data::{DataContent, DataRemarks},
    judging::Judging,
    outcome::{Agreement, Elsewhere, Failure, Outcome, Resampled, SourceOutcome},
};

/// Version of the stream, told by its first event. A reader skips event kinds it does not
/// know, so only a change of meaning raises it. Format 1, which is read, too, had confusion
/// matrices as lists of rows, and the classes in every row of the plan.
pub const FORMAT: u32 = 2;

/// One line of the stream: when, and what.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Milliseconds since the Unix epoch.
    pub at: u64,
    /// In a run of several backbones or targets the part it speaks of, one backbone with one target: rows and stages are
    /// counted within it.
    #[serde(default, skip_serializing_if = "is_first")]
    pub part: usize,
    /// Which of several processes that work on the run has said it, by its name. In their files it is not written: it is that of the
    /// folder.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub element: Option<String>,
    /// What happened.
    #[serde(flatten)]
    pub event: Event,
}

fn is_first(part: &usize) -> bool {
    *part == 0
}

impl Record {
    /// A record of the first part, which most runs have alone.
    pub fn new(at: u64, event: Event) -> Self {
        Self {
            at,
            part: 0,
            element: None,
            event,
        }
    }

    /// The same record as said by this element.
    pub fn of_element(self, name: &str) -> Self {
        Self {
            element: Some(name.to_owned()),
            ..self
        }
    }

    /// The record as one JSON line, line end included.
    pub fn to_line(&self) -> Result<String, serde_json::Error> {
        let mut line = serde_json::to_string(self)?;
        line.push('\n');
        Ok(line)
    }

    /// Reads one line. `None` for a line that is torn or no record at all.
    pub fn from_line(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

/// What can happen in a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(
    tag = "event",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Event {
    /// Always the first: what is going to be done.
    RunStarted(RunPlan),
    /// A network is used for the first time: its layers.
    Network(NetworkPlan),
    /// A stage of the plan begins.
    StageStarted {
        /// Index into [`RunPlan::stages`].
        stage: usize,
    },
    /// How far the running stage is. Sent several times a second at most.
    Progress {
        /// Index into [`RunPlan::stages`].
        stage: usize,
        /// Units done so far, over all epochs.
        done: u64,
        /// Units in all; 0 when that is not known.
        total: u64,
        /// What is counted: `images`, `iterations`, …
        unit: String,
        /// The fold left out, from 1, where there are any. Units are counted over all folds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fold: Option<u32>,
        /// The epoch running, from 1; 0 outside of training.
        #[serde(default)]
        epoch: u32,
        /// Mean cross-entropy of the latest batches.
        #[serde(default)]
        loss: Option<f64>,
        /// Units a second.
        #[serde(default)]
        per_second: Option<f64>,
    },
    /// One pass over the training samples is complete.
    EpochEnded {
        /// Index into [`RunPlan::stages`].
        stage: usize,
        /// What the epoch came to.
        #[serde(flatten)]
        figures: EpochFigures,
    },
    /// A stage is complete, or given up.
    StageEnded {
        /// Index into [`RunPlan::stages`].
        stage: usize,
        /// Wall-clock time.
        seconds: f64,
        /// What came out, or what went wrong.
        #[serde(rename = "detail")]
        came: Came,
        /// It could not be completed; the run goes on without what it would have given.
        #[serde(default)]
        failed: bool,
    },
    /// The trained backbone was tried on the source task's test examples.
    SourceEvaluated(SourceOutcome),
    /// One row was tried on the target task's test examples, with one seed.
    #[serde(rename = "strategy-evaluated")]
    RowMeasured(Outcome),
    /// One row was tried on a further test set. Told before [`Event::RowMeasured`], which says that the row is done.
    #[serde(rename = "strategy-evaluated-elsewhere")]
    MeasuredElsewhere(Elsewhere),
    /// Two strategies were compared on the test examples they share. Outcomes that say which
    /// examples are right tell this, too: only earlier versions have written it.
    Compared(Agreement),
    /// How sure a figure of a row, or the difference of two rows, is: what resampling the test
    /// examples has shown.
    Resampled(Resampled),
    /// One row could not be measured with one seed. The others go on.
    #[serde(rename = "strategy-failed")]
    RowFailed(Failure),
    /// The data was read: what it is recognised by when the run goes on later.
    DataRead {
        /// SHA-256 over the labels of all examples used and the images of some.
        digest: String,
    },
    /// All images were read: what the examples are recognised by.
    DataCompared(DataContent),
    /// What is odd about the data, in place of what was said before.
    DataRemarked(DataRemarks),
    /// A run that had ended goes on: what is said after this replaces what was said before
    /// of the same epoch, row or pair, and failed rows are tried again.
    RunResumed {
        /// The version of topwork that goes on.
        version: String,
    },
    /// Always the first of an element, one of several processes that work on the run, and each time that it goes on. Stands in the
    /// stream of the element, which ends with [`Event::RunEnded`] when the element does.
    ElementStarted {
        /// The machine it runs on.
        host: String,
        /// What it is to a scheduler, such as `slurm 1234_5`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        job: Option<String>,
        /// What gives the same bits for the same work: the engine's revision on this kind of machine.
        kind: String,
    },
    /// A line from the worker or a plugin.
    Log {
        /// How much it matters.
        level: LogLevel,
        /// `topwork` or a plugin's id.
        from: String,
        /// The text, without control characters.
        text: String,
    },
    /// Always the last.
    RunEnded {
        /// How it ended.
        status: EndStatus,
        /// What went wrong, when something did.
        #[serde(default)]
        message: Option<String>,
        /// What to try.
        #[serde(default)]
        hint: Option<String>,
        /// The exit code the command line gives for it.
        exit_code: u8,
        /// Wall-clock time of the whole run.
        seconds: f64,
        /// The worker's largest resident memory, where the system tells it.
        #[serde(default)]
        peak_bytes: Option<u64>,
    },
    /// An event of a newer version: skipped.
    #[serde(other)]
    Unknown,
}

/// Everything a viewer must know before the first stage.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RunPlan {
    /// [`FORMAT`] of the writer.
    pub format: u32,
    /// The run's id.
    pub run: String,
    /// The experiment's name.
    pub name: String,
    /// The target's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The backbone's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<String>,
    /// The experiment's one-line description.
    #[serde(default)]
    pub about: Option<String>,
    /// The version of topwork that computes.
    pub version: String,
    /// Every seed of the experiment.
    pub seeds: Vec<u64>,
    /// Threads of the worker's pool.
    pub threads: usize,
    /// How many folds the target's examples are cut into: every row is then fitted once for each,
    /// and measured on the one left out. `None` when it is measured on the test split.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// The target classes, in the order of the labels; of numbers the name of their column.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Whether the target's examples have classes or numbers.
    #[serde(default, skip_serializing_if = "TargetKind::is_classes")]
    pub targets: TargetKind,
    /// Names of the further test sets that rows are measured on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<String>,
    /// The stages, in the order they run.
    pub stages: Vec<StagePlan>,
    /// The rows of the comparison: by strategy in the order of the file, then by cut, then by
    /// number of training samples.
    pub rows: Vec<RowPlan>,
    /// What the rows are judged by.
    #[serde(default, skip_serializing_if = "Judging::is_default")]
    pub judging: Judging,
    /// Figures from elsewhere.
    #[serde(default)]
    pub references: Vec<Reference>,
}

/// One network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NetworkPlan {
    /// The part of the run that it belongs to; streams say it in the record.
    #[serde(skip)]
    pub part: usize,
    /// `backbone`, `source head` or a strategy's name.
    pub role: String,
    /// `plugin/component`.
    pub component: String,
    /// What computes it, with its version, where that is not this program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub computed_by: Option<String>,
    /// Shape of its input, per sample.
    pub input: Vec<usize>,
    /// Number of its first layer: heads go on counting where the layers before them end, as
    /// learning-rate multipliers do.
    pub first: usize,
    /// Its layers.
    pub layers: Vec<LayerPlan>,
    /// Its cut points.
    pub cuts: Vec<CutPlan>,
}

/// One layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct LayerPlan {
    /// Unique name of the layer.
    pub name: String,
    /// Operation, for example `conv2d`.
    pub op: String,
    /// Its settings in words, for example `20 filters 5×5`.
    pub detail: String,
    /// Shape of its output per sample.
    pub output: Vec<usize>,
    /// Trainable numbers.
    pub parameters: u64,
    /// Multiply-adds per sample.
    pub multiply_adds: u64,
}

/// A place where a network can be cut.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CutPlan {
    /// Its name.
    pub name: String,
    /// How many layers stay: all up to and including the one cut after.
    pub layers: usize,
}

impl RunPlan {
    /// The indices of the rows by strategy, target and backbone, in the order of the file: the points of a curve over
    /// cuts or over numbers of training samples.
    pub fn strategies(&self) -> Vec<(String, Vec<usize>)> {
        let mut strategies: Vec<(String, Vec<usize>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for (index, row) in self.rows.iter().enumerate() {
            let name = row.series();
            let place = *places.entry(name.clone()).or_insert(strategies.len());
            match strategies.get_mut(place) {
                Some((_, rows)) => rows.push(index),
                None => strategies.push((name, vec![index])),
            }
        }
        strategies
    }

    /// The plan in the present format, whatever format it was written in.
    pub fn upgraded(mut self) -> Self {
        for row in &mut self.rows {
            let classes = std::mem::take(&mut row.classes);
            if self.classes.is_empty() {
                self.classes = classes;
            }
        }
        self.format = self.format.max(FORMAT);
        self
    }
}

/// One stage of the plan.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct StagePlan {
    /// What kind of work.
    pub kind: StageKind,
    /// For a person: `source`, `extract features`, a row's title.
    pub title: String,
    /// The seed it runs with; none for stages that do not depend on one.
    #[serde(default)]
    pub seed: Option<u64>,
    /// The row it measures, an index into [`RunPlan::rows`]; none for stages that measure none.
    #[serde(default)]
    pub row: Option<usize>,
    /// SHA-256 over all that what it makes depends on, but for the data itself: the stage is recognised by it when a run goes
    /// on. None in runs that were begun before stages had keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// The kinds of stages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StageKind {
    /// Reading and checking the data.
    Data,
    /// Training the backbone on the source task.
    Source,
    /// Passing images through the frozen trunk.
    #[serde(rename = "extract")]
    Features,
    /// Fitting and evaluating the head of one row.
    #[serde(rename = "strategy")]
    Row,
}

/// What stays the same over the seeds of a row of the comparison.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct RowPlan {
    /// The target's name, where the experiment has several and they stand side by side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The backbone's name, where the experiment has several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backbone: Option<String>,
    /// The strategy's name, which no other strategy has.
    pub name: String,
    /// What tells the row from the others of its strategy: cut, number of training samples or
    /// both. `None` when there are none.
    #[serde(default)]
    pub detail: Option<String>,
    /// `frozen-backbone`, `feature-classifier`, `fine-tune` or `from-scratch`.
    pub kind: String,
    /// The cut point's name; where the row chooses its cut, out of how many.
    pub cut: String,
    /// How many layers of the backbone stand before it; 0 in streams of earlier versions.
    #[serde(default)]
    pub layers: usize,
    /// The frozen trunks whose features it works on, by the names that their samples have in the run folder; several where the row
    /// chooses its cut. Empty where the trunk learns, and in streams of earlier versions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trunks: Vec<CutPlan>,
    /// Length of one feature vector; where the row chooses its cut that of the longest.
    pub feature_dim: usize,
    /// The head's component id.
    pub head: String,
    /// Where the trunk's weights come from.
    pub weights: Start,
    /// Training samples asked for; all if `None`.
    #[serde(default)]
    pub train_samples: Option<u64>,
    /// The published protocol it follows; rows under different ones are not ranked against each other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<String>,
    /// The target classes in streams of format 1; empty in later ones, and in a
    /// [`RunState`](crate::RunState): [`RunPlan::classes`] has them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

impl RowPlan {
    /// What the rows of one strategy with one backbone and target have in common: their title without the detail.
    pub fn series(&self) -> String {
        let bare = Self {
            detail: None,
            ..self.clone()
        };
        bare.title()
    }

    /// The names of the trunks whose features it works on, with their weights: what its samples of features are kept under.
    pub fn samples(&self) -> Vec<(&str, Start)> {
        let mut names: Vec<&str> = self.trunks.iter().map(|cut| cut.name.as_str()).collect();
        // Streams of earlier versions say the row's cut alone.
        let on_features = ["frozen-backbone", "feature-classifier"].contains(&self.kind.as_str());
        if names.is_empty() && on_features {
            names.push(&self.cut);
        }
        names.into_iter().map(|name| (name, self.weights)).collect()
    }

    /// The row's name, which no other row has: `frozen backbone · pool1 · 100`, and with several targets and backbones
    /// `stamps · frozen backbone · LeNet · pool1 · 100`.
    pub fn title(&self) -> String {
        let parts = [
            &self.target,
            &Some(self.name.clone()),
            &self.backbone,
            &self.detail,
        ];
        let parts: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
        parts.join(" · ")
    }
}

/// Where a trunk's weights come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    #[default]
    /// From training on the source task, or from the weights file.
    Source,
    /// As initialised: the control.
    Random,
}

/// A figure from elsewhere, shown under the table and never ranked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Reference {
    /// The strategy it belongs to, or `source`.
    pub strategy: String,
    /// Id of the figure; accuracy in streams that do not say it.
    #[serde(default = "accuracy")]
    pub metric: String,
    /// Its value.
    #[serde(alias = "accuracy")]
    pub value: f64,
    /// Where it comes from and what to know about it.
    #[serde(default)]
    pub note: Option<String>,
}

fn accuracy() -> String {
    ACCURACY.id.to_owned()
}

/// How much a log line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogLevel {
    /// For someone who looks for a fault.
    Debug,
    /// Worth knowing.
    Info,
    /// Something may be wrong.
    Warning,
    /// Something is wrong.
    Error,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndStatus {
    /// Everything planned was done.
    Done,
    /// The run itself found that it cannot go on.
    Failed,
    /// The user asked for it.
    Stopped,
    /// The worker process ended without a word.
    Crashed,
}

impl EndStatus {
    /// The word, as written in files and tables.
    pub fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Stopped => "stopped",
            Self::Crashed => "crashed",
        }
    }
}
