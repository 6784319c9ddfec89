//! A fitted classifier, and its form as bytes.

use crate::scaling::Scaling;
use serde::{Deserialize, Serialize};
use topwork_sdk::Error;

/// The number of the form described by [`Saved`].
const FORMAT: u32 = 1;

/// What a fit leaves behind.
pub struct Fitted {
    pub scaling: Scaling,
    /// classes × dimensions, as the kernels take them
    pub weights: Vec<f64>,
    /// One for each class.
    pub biases: Vec<f64>,
}

/// The saved form, as JSON; its numbers read back to the bit.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    scaling: Scaling,
    weights: Vec<f64>,
    biases: Vec<f64>,
}

impl Fitted {
    /// `parameters` are the weights, class by class, and then the biases.
    pub fn new(scaling: Scaling, parameters: &[f64], classes: usize) -> Self {
        let (weights, biases) = parameters.split_at(parameters.len() - classes);
        Fitted {
            scaling,
            weights: weights.to_vec(),
            biases: biases.to_vec(),
        }
    }

    /// The number of features.
    pub fn dimensions(&self) -> usize {
        self.scaling.shift.len()
    }

    /// The number of classes.
    pub fn classes(&self) -> usize {
        self.biases.len()
    }

    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let saved = Saved {
            format: FORMAT,
            scaling: self.scaling.clone(),
            weights: self.weights.clone(),
            biases: self.biases.clone(),
        };
        serde_json::to_vec(&saved)
            .map_err(|error| Error::failed(format!("cannot write the state: {error}")))
    }

    pub fn from_bytes(state: &[u8]) -> Result<Self, Error> {
        let saved: Saved = serde_json::from_slice(state)
            .map_err(|_| Error::data("the bytes are no state that this classifier has saved"))?;
        if saved.format != FORMAT {
            return Err(Error::data(format!(
                "the state has format {}, expected {FORMAT}",
                saved.format
            )));
        }
        let (dimensions, classes) = (saved.scaling.shift.len(), saved.biases.len());
        let fits = saved.scaling.factor.len() == dimensions
            && saved.weights.len() == dimensions * classes
            && dimensions > 0
            && classes > 1;
        if !fits {
            return Err(Error::data(format!(
                "the state has {} weights for {dimensions} features and {classes} classes",
                saved.weights.len()
            )));
        }
        Ok(Fitted {
            scaling: saved.scaling,
            weights: saved.weights,
            biases: saved.biases,
        })
    }
}
