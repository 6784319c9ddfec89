//! Words that the catalog, the plan and whoever carries it out share.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

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

impl Normalise {
    /// What most networks trained on ImageNet want: the channel statistics that torchvision's models were trained with.
    pub fn imagenet() -> Self {
        Self {
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        }
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

/// From a map of activations, channels × height × width, or from a sequence of tokens to a vector.
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
    /// The class token of a sequence.
    ClassToken,
    /// The mean of the tokens of patches, without class token and registers.
    MeanTokens,
    /// Both, one behind the other.
    #[serde(rename = "class+mean")]
    ClassMean,
}

impl Pool {
    /// Whether it needs to know which token of a sequence is which.
    pub fn is_of_tokens(self) -> bool {
        matches!(self, Pool::ClassToken | Pool::MeanTokens | Pool::ClassMean)
    }

    /// The word in the experiment file.
    pub fn as_str(self) -> &'static str {
        match self {
            Pool::Gap => "gap",
            Pool::Gmp => "gmp",
            Pool::Flatten => "flatten",
            Pool::Pyramid => "pyramid",
            Pool::ClassToken => "class-token",
            Pool::MeanTokens => "mean-tokens",
            Pool::ClassMean => "class+mean",
        }
    }
}

/// What there is to know of a backbone that computes features itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Extractor {
    /// How samples must be normalised for it.
    pub normalise: WantedNormalise,
    /// What names the files that decide its features, if it says so.
    pub digest: Option<String>,
    /// What computes its features, with its version, if it says so.
    #[serde(default)]
    pub runtime: Option<String>,
    /// Whether it is a network that is built here, with weights of its own: it is cut, trained and kept as any other.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub network: bool,
}

/// How samples must be normalised for an extractor.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WantedNormalise {
    /// Any way will do, and none.
    Any,
    /// The experiment must say how: the extractor cannot know.
    Stated,
    /// Exactly so.
    Exactly(Normalise),
}
