//! The smallest network head.

use crate::flat;
use serde::Deserialize;
use topwork_sdk::{BatchNorm, Blueprint, Component, Error, Host, Layer, NetworkHead};

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    /// Experiments of earlier versions do not say it.
    #[serde(default)]
    batch_norm: bool,
    dropout: f64,
}

/// How a linear probe normalises features: as MAE's (He et al., CVPR 2022, appendix A.1), with nothing learned.
const NORM: BatchNorm = BatchNorm {
    epsilon: 1e-6,
    affine: false,
    ..BatchNorm::USUAL
};

/// One linear layer, with batch normalisation and dropout of its inputs if wished.
pub struct Linear(Parameters);

impl Component for Linear {
    const ID: &str = "linear";
    const ABOUT: &str = "one linear layer, which gives a logit for each class";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "batch-norm": {"type": "boolean", "description": "bring every feature to mean 0 and variance 1 over the batch, with nothing learned, as linear probes of MAE do", "default": false},
        "dropout": {"type": "number", "minimum": 0, "exclusiveMaximum": 1,
            "description": "probability with which training sets each feature to 0", "default": 0}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(Linear(parameters))
    }
}

impl NetworkHead for Linear {
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
        let mut blueprint = flat(feature_shape, classes)?;
        if self.0.batch_norm {
            blueprint = blueprint.layer("bn", Layer::BatchNorm1d(NORM));
        }
        let rate = self.0.dropout;
        if rate > 0.0 {
            blueprint = blueprint.layer("dropout", Layer::Dropout { rate });
        }
        Ok(blueprint.layer("logits", Layer::linear(classes)))
    }
}
