//! How layers are trained, as a checked plan says it: optimizer, schedule, loss, validation and
//! augmentation.

use serde::{Deserialize, Serialize};

/// How layers are trained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Train {
    /// Passes over the training samples.
    pub epochs: usize,
    /// Samples per optimizer step.
    pub batch_size: usize,
    /// The optimizer.
    pub optimizer: Optimizer,
    /// Step size, before the schedule and the multipliers of layers.
    pub learning_rate: f64,
    /// Momentum of `sgd`, in `[0, 1)`; 0 with the other optimizers.
    pub momentum: f64,
    /// Whether the momentum is Nesterov's; only with a momentum above 0.
    pub nesterov: bool,
    /// Weight decay, 0 or more: an L2 penalty with `sgd` and `adam`, decoupled from the gradient
    /// with `adamw`.
    pub weight_decay: f64,
    /// How the learning rate changes from step to step.
    pub schedule: Schedule,
    /// Epochs, or parts of one, over which the learning rate grows linearly to its full size.
    pub warm_up: f64,
    /// Share of every label that is spread evenly over all classes, in `[0, 1)`.
    pub label_smoothing: f64,
    /// Weights of the classes in the loss; all alike if `None`.
    pub class_weights: Option<ClassWeights>,
    /// Largest norm of all gradients together, above 0; not limited if `None`.
    pub clip_norm: Option<f64>,
    /// Share of the training samples held out for validation, in `[0, 0.9]`, stratified.
    pub validation: f64,
    /// Epochs without a better validation loss after which training stops; the best weights are
    /// kept. Only with a `validation` above 0.
    pub patience: Option<usize>,
    /// Random changes of the training images; none if `None`.
    pub augment: Option<Augment>,
    /// The loss of numbers, [`Loss::Squared`] if `None`; classes have the cross-entropy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss: Option<Loss>,
    /// δ of [`Loss::Huber`], above 0, in standard deviations of the numbers; 1 if `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub huber_delta: Option<f64>,
}

/// The losses of numbers, which are standardised for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Loss {
    /// The mean squared error.
    #[default]
    Squared,
    /// Huber's: squared for small errors, linear for larger ones (Huber, 1964).
    Huber,
}

/// The optimizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent with momentum.
    Sgd,
    /// Adam (Kingma and Ba, 2015).
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter, 2019).
    #[serde(rename = "adamw")]
    AdamW,
}

impl Optimizer {
    /// The word in the experiment file.
    pub fn as_str(self) -> &'static str {
        match self {
            Optimizer::Sgd => "sgd",
            Optimizer::Adam => "adam",
            Optimizer::AdamW => "adamw",
        }
    }
}

/// How the learning rate changes from step to step, after the warm-up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Schedule {
    /// It stays.
    Constant,
    /// It is multiplied by `factor` after every `every` epochs.
    Step {
        /// Epochs from one change to the next, 1 or more.
        every: usize,
        /// Above 0 and at most 1.
        factor: f64,
    },
    /// It falls to 0 along half a cosine (Loshchilov and Hutter, 2017, without restarts).
    Cosine,
    /// It rises to its full size and falls again far below where it began (Smith and Topin, 2018).
    OneCycle,
}

/// Weights of the classes in the loss.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClassWeights {
    /// `samples / (classes × samples of the class)`, so that every class weighs the same.
    Balanced,
    /// One weight above 0 per class, in label order.
    Listed(Vec<f64>),
}

/// Random changes of the training images, drawn anew for every image and epoch. At least one of
/// them is on.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Augment {
    /// Farthest shift along each axis, in pixels; 0 for none.
    pub shift: usize,
    /// Largest rotation either way, in degrees from 0 to 180; 0 for none.
    pub rotate: f64,
    /// Whether every other image, by chance, is mirrored left to right.
    pub flip: bool,
    /// Pixels of black padding on every side before a window of the image's size is cut out at
    /// random; 0 for none.
    pub crop: usize,
}

impl Augment {
    /// Whether any of them is on.
    pub(crate) fn changes_anything(&self) -> bool {
        self.shift > 0 || self.rotate > 0.0 || self.flip || self.crop > 0
    }
}
