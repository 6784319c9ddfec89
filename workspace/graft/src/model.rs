//! The fitted model of a row: all that it takes to get from an image to a class, beside the backbone itself.
//!
//! It is kept in parts: the head (and the trunk where it has learnt), the principal components its features were brought to,
//! and a description that says how they belong together.

use serde::{Deserialize, Serialize};
use topwork_measure::PrincipalComponents;
use topwork_schema::{Component, CutPoint, Normalise, Start};
use topwork_tensors::Writer;

use crate::{
    Fold, GraftError,
    proof::Proof,
    row::RowTask,
    strategies::{STATE, Saved},
};

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
    /// Channels, height and width of an image.
    pub input: [usize; 3],
    /// What is done with an image before it enters the trunk.
    pub normalise: Option<Normalise>,
    /// The backbone.
    pub backbone: Component,
    /// Whose weights its trunk began with.
    pub weights: Start,
    /// SHA-256 of what was frozen; `None` when nothing was.
    pub frozen: Option<String>,
    /// Where the trunk ends, and what is done with its activations.
    pub cut: CutPoint,
    /// The head.
    pub head: Component,
    /// Names of the classes, in the order of the scores.
    pub classes: Vec<String>,
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

/// The description of a row's model with these other parts.
pub(crate) fn described(
    row: &RowTask<'_>,
    fold: Option<Fold>,
    proof: Option<&Proof>,
    parts: &[Saved],
) -> Result<Saved, GraftError> {
    let plan = row.tools.plan;
    let strategy = plan.strategy(row.row);
    let model = Model {
        format: 1,
        title: plan.title(row.row),
        seed: row.seed,
        fold: fold.map(|fold| fold.number),
        input: row.task.image_shape(),
        normalise: plan.experiment.target.dataset.normalise.clone(),
        backbone: plan.experiment.backbone.clone(),
        weights: strategy.weights,
        frozen: proof.map(|proof| proof.before.clone()),
        cut: row.row.cut.clone(),
        head: strategy.head.clone(),
        classes: plan.target_classes.clone(),
        parts: parts
            .iter()
            .map(|saved| format!("{}.{}", saved.part, saved.extension))
            .collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&model).map_err(fail)?;
    bytes.push(b'\n');
    Ok(saved(DESCRIPTION, bytes))
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
