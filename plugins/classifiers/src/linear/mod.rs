//! Linear classifiers: their model, what it is fitted by, and the arithmetic.

mod kernels;
mod objective;
mod origin;
mod path;
mod solve;

pub use objective::{Biases, Loss, Objective};
pub use path::fit_path;
pub use solve::{Limits, fit};

use crate::method::Model;
use crate::scaling::Scaling;
use crate::state::{Reader, Writer};
use kernels::{Logits, ROWS, Read, Tile};
use topwork_sdk::{ClassifierLayers, Error};

/// The name of this form of model in saved states.
pub const FORM: &str = "linear";

/// A score for each class: weights · scaled features + bias.
pub struct Linear {
    scaling: Scaling,
    /// classes × dimensions
    weights: Vec<f64>,
    /// One for each class.
    biases: Vec<f64>,
}

impl Linear {
    /// `weights` are classes × dimensions, as many as there are numbers in the scaling.
    pub fn new(scaling: Scaling, weights: Vec<f64>, biases: Vec<f64>) -> Self {
        Linear {
            scaling,
            weights,
            biases,
        }
    }

    /// The model that knows a single class.
    pub fn constant(dimensions: usize) -> Self {
        Linear::new(Scaling::none(dimensions), vec![0.0; dimensions], vec![0.0])
    }

    /// The model that was written to a state.
    pub fn read(state: &Reader<'_>) -> Result<Self, Error> {
        let scaling = Scaling::read(state)?;
        let biases: Vec<f64> = state.array("biases")?;
        let biases = state.finite("biases", biases.len().max(1))?;
        let weights = state.finite("weights", scaling.dimensions() * biases.len())?;
        Ok(Linear::new(scaling, weights, biases))
    }
}

impl Model for Linear {
    fn form(&self) -> &'static str {
        FORM
    }

    fn dimensions(&self) -> usize {
        self.scaling.dimensions()
    }

    fn classes(&self) -> usize {
        self.biases.len()
    }

    fn score(&self, features: &[f32], scores: &mut [f64]) {
        let scaled = self.scaling.apply(features);
        let (size, classes) = (self.dimensions(), self.classes());
        let arch = pulp::Arch::new();
        let mut tile = Tile::new(size);
        let mut logits = vec![[0.0; ROWS]; classes];
        let blocks = scaled.chunks(ROWS * size);
        for (rows, scores) in blocks.zip(scores.chunks_mut(ROWS * classes)) {
            let (tile, weights) = (&mut tile, &self.weights);
            arch.dispatch(Read { tile, rows });
            arch.dispatch(Logits {
                tile,
                weights,
                logits: &mut logits,
            });
            for (row, scores) in scores.chunks_exact_mut(classes).enumerate() {
                let columns = logits.iter().zip(&self.biases);
                for (score, (logits, bias)) in scores.iter_mut().zip(columns) {
                    *score = logits[row] + bias;
                }
            }
        }
    }

    fn layers(&self, layers: ClassifierLayers) -> ClassifierLayers {
        self.scaling
            .layers(layers)
            .linear(&self.weights, &self.biases)
    }

    fn write(&self, state: &mut Writer) {
        self.scaling.write(state);
        state.array("weights", &self.weights);
        state.array("biases", &self.biases);
    }
}
