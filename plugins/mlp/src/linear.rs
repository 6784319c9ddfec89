//! The smallest network head.

use crate::flat;
use serde::Deserialize;
use topwork_sdk::{Blueprint, Component, Error, Host, Layer, NetworkHead};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameters {
    dropout: f64,
}

/// One linear layer, with dropout of its inputs if wished.
pub struct Linear(Parameters);

impl Component for Linear {
    const ID: &str = "linear";
    const ABOUT: &str = "one linear layer, which gives a logit for each class";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
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
        let rate = self.0.dropout;
        if rate > 0.0 {
            blueprint = blueprint.layer("dropout", Layer::Dropout { rate });
        }
        Ok(blueprint.layer("logits", Layer::linear(classes)))
    }
}
