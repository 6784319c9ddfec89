//! How images reach a backbone: the key `input` of `[backbone]`, with every default filled in.

use serde::{Deserialize, Serialize};
use topwork_images::{Filter, Geometry, GeometryError, Resize};

use crate::plan::Experiment;
use crate::words::{DatasetUse, Normalise};

/// How the images of a dataset become samples of a backbone, whatever size and channels the dataset has. Channels are not said:
/// there are as many as the backbone takes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Input {
    /// The size an image is scaled to.
    pub resize: Resize,
    /// Height and width of what is then taken from its middle: what the backbone takes.
    pub crop: [usize; 2],
    /// How it is scaled.
    pub filter: Filter,
    /// How it is normalised afterwards.
    pub normalise: InputNormalise,
}

/// How samples are normalised once they have their size.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum InputNormalise {
    /// With these numbers, one of each per channel; images are 0 to 1.
    With(Normalise),
    /// Not at all.
    Not(NotNormalised),
}

/// The word `"none"`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NotNormalised {
    /// The word.
    None,
}

impl Input {
    /// Which part of an image the backbone sees, and how large.
    ///
    /// # Errors
    ///
    /// A crop larger than what is cropped, which no plan of a checked experiment has.
    pub fn geometry(&self) -> Result<Geometry, GeometryError> {
        Geometry::new(self.resize, self.crop, self.filter)
    }

    /// How samples are normalised; not at all if `None`.
    pub fn normalise(&self) -> Option<&Normalise> {
        match &self.normalise {
            InputNormalise::With(normalise) => Some(normalise),
            InputNormalise::Not(NotNormalised::None) => None,
        }
    }

    /// In one line: `shorter side 256, crop 224 × 224, bicubic, normalised`.
    pub fn told(&self) -> String {
        let [height, width] = self.crop;
        let scaled = match self.resize {
            Resize::Exactly(sides) if sides == self.crop => format!("{height} × {width}"),
            Resize::Exactly([high, wide]) => format!("{high} × {wide}, crop {height} × {width}"),
            Resize::Shorter(side) => format!("shorter side {side}, crop {height} × {width}"),
        };
        let normalised = match self.normalise() {
            Some(_) => "normalised",
            None => "not normalised",
        };
        format!("{scaled}, {}, {normalised}", self.filter.as_str())
    }
}

impl Experiment {
    /// A dataset as the backbone takes it: normalised as its `input` says, where there is one.
    pub fn seen(&self, dataset: &DatasetUse) -> DatasetUse {
        let mut seen = dataset.clone();
        if let Some(input) = &self.backbone_input {
            seen.normalise = input.normalise().cloned();
        }
        seen
    }
}
