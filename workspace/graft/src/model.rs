//! The fitted model of a row: all that it takes to get from an image to a class, beside the backbone itself.
//!
//! It is kept in parts: the head (and the trunk where it has learnt), the principal components its features were brought to,
//! and a description that says how they belong together.

use serde::{Deserialize, Serialize};
use topwork_measure::PrincipalComponents;
use topwork_schema::{Component, CutPoint, Input, Normalise, Plan, Row, Start};
use topwork_tensors::Writer;

use crate::{Fold, GraftError};

/// The extension of what a classifier plugin saves of its fit.
pub const STATE: &str = "state";

/// A fitted part as bytes.
pub struct Saved {
    /// `head` or `trunk`.
    pub part: &'static str,
    /// The format: `safetensors`, or `state` of a classifier plugin.
    pub extension: &'static str,
    /// The content of its file.
    pub bytes: Vec<u8>,
}

/// What a model can have, as name and extension of its part.
pub const PARTS: [(&str, &str); 5] = [
    ("head", "safetensors"),
    ("head", STATE),
    ("trunk", "safetensors"),
    COMPONENTS,
    DESCRIPTION,
];

const COMPONENTS: (&str, &str) = ("components", "safetensors");
const DESCRIPTION: (&str, &str) = ("model", "json");

/// How the parts of a model belong together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Model {
    /// Version of this layout.
    pub format: u32,
    /// The row's title.
    pub title: String,
    /// The seed.
    pub seed: u64,
    /// The fold it has not seen, from 1, where there are any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// The dataset, whose parameters tell how a file of an image becomes a sample; models of format 1 do not say it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<Component>,
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// What is done with an image before it enters the trunk.
    pub normalise: Option<Normalise>,
    /// How an image of any size becomes one of that shape; as the dataset makes its samples if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preprocess: Option<Input>,
    /// The backbone.
    pub backbone: Component,
    /// Whose weights its trunk began with.
    pub weights: Start,
    /// SHA-256 over the weights and buffers of a frozen trunk; `None` where it learns, of an extractor, and in models of format 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trunk: Option<String>,
    /// SHA-256 of what was frozen; `None` when nothing was.
    pub frozen: Option<String>,
    /// Where the trunk ends, and what is done with its activations.
    pub cut: CutPoint,
    /// The head.
    pub head: Component,
    /// Names of the classes, in the order of the scores.
    pub classes: Vec<String>,
    /// What its head's logits are divided by, of probabilities their logarithms; `None` where they were not calibrated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// The other parts that were made: `head.safetensors`, for instance.
    pub parts: Vec<String>,
}

/// Principal components as a part: `mean` (`dim`) and `basis` (`components × dim`), `f64`.
pub(crate) fn components(fitted: &PrincipalComponents) -> Result<Saved, GraftError> {
    let (mean, basis) = (fitted.mean(), fitted.basis());
    let (dim, count) = (mean.len(), basis.len() / mean.len().max(1));
    let mut file = Writer::default();
    file.array("mean", &[dim], &mean)
        .array("basis", &[count, dim], &basis);
    let bytes = file.finish().map_err(fail)?;
    Ok(saved(COMPONENTS, bytes))
}

impl Model {
    /// The present [`Model::format`].
    pub const FORMAT: u32 = 2;

    /// What a row's fit, made at this cut, is described by before it is known what it has come to.
    pub fn of(
        plan: &Plan,
        (row, cut): (&Row, &CutPoint),
        seed: u64,
        fold: Option<Fold>,
        input: [usize; 3],
    ) -> Self {
        let strategy = plan.strategy(row);
        let data = &plan.experiment.target.dataset;
        Self {
            format: Self::FORMAT,
            title: plan.title(row),
            seed,
            fold: fold.map(|fold| fold.number),
            dataset: Some(data.component.clone()),
            input,
            normalise: plan.experiment.seen(data).normalise,
            preprocess: plan.experiment.backbone_input.clone(),
            backbone: plan.experiment.backbone.clone(),
            weights: strategy.weights,
            trunk: None,
            frozen: None,
            cut: cut.clone(),
            head: strategy.head.clone(),
            classes: plan.target_classes.clone(),
            temperature: None,
            parts: Vec::new(),
        }
    }

    /// The description as a part, beside these other ones.
    pub(crate) fn describing(mut self, parts: &[Saved]) -> Result<Saved, GraftError> {
        let name = |saved: &Saved| format!("{}.{}", saved.part, saved.extension);
        self.parts = parts.iter().map(name).collect();
        let mut bytes = serde_json::to_vec_pretty(&self).map_err(fail)?;
        bytes.push(b'\n');
        Ok(saved(DESCRIPTION, bytes))
    }
}

fn saved((part, extension): (&'static str, &'static str), bytes: Vec<u8>) -> Saved {
    Saved {
        part,
        extension,
        bytes,
    }
}

fn fail(error: impl ToString) -> GraftError {
    GraftError::System {
        action: "put a model into bytes",
        reason: error.to_string(),
    }
}
