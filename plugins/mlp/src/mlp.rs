//! The multilayer perceptron.

use crate::flat;
use serde::Deserialize;
use topwork_sdk::{Blueprint, Component, Error, Host, Layer, NetworkHead};

/// Wider layers than this would need gigabytes; the number is also in the schema.
const WIDEST: usize = 65_536;

/// More hidden layers than this do not train without normalisation; the number is also in the schema.
const DEEPEST: usize = 16;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Parameters {
    hidden: Vec<usize>,
    batch_norm: bool,
    dropout: f64,
}

/// Hidden linear layers, each followed by batch normalisation if wished, ReLU, and dropout if wished; then the logits.
pub struct Mlp(Parameters);

impl Component for Mlp {
    const ID: &str = "mlp";
    const ABOUT: &str = "hidden linear layers with ReLU, then one logit for each class";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "hidden": {"type": "array",
            "description": "units of each hidden layer, from the features on; empty for a single linear layer",
            "items": {"type": "integer", "minimum": 1, "maximum": 65536}, "maxItems": 16, "default": [500]},
        "batch-norm": {"type": "boolean",
            "description": "whether batch normalisation stands between each hidden layer and its ReLU",
            "default": false},
        "dropout": {"type": "number", "minimum": 0, "exclusiveMaximum": 1,
            "description": "probability with which training sets each number behind a hidden layer's ReLU to 0",
            "default": 0}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let hidden = &parameters.hidden;
        if hidden.len() > DEEPEST {
            return Err(Error::parameters(format!(
                "`hidden` has {} layers, expected at most {DEEPEST}",
                hidden.len()
            )));
        }
        if let Some(units) = hidden.iter().find(|units| !(1..=WIDEST).contains(units)) {
            return Err(Error::parameters(format!(
                "`hidden` has a layer of {units} units, expected 1 to {WIDEST}"
            )));
        }
        Ok(Mlp(parameters))
    }
}

impl NetworkHead for Mlp {
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
        let mut blueprint = flat(feature_shape, classes)?;
        let Parameters {
            hidden,
            batch_norm,
            dropout: rate,
        } = &self.0;
        for (number, &units) in (1..).zip(hidden) {
            // Batch normalisation takes a bias away and adds its own.
            let bias = !batch_norm;
            blueprint = blueprint.layer(format!("hidden{number}"), Layer::Linear { units, bias });
            if *batch_norm {
                blueprint = blueprint.layer(format!("bn{number}"), Layer::batch_norm1d());
            }
            blueprint = blueprint.layer(format!("relu{number}"), Layer::Relu);
            if *rate > 0.0 {
                let dropout = Layer::Dropout { rate: *rate };
                blueprint = blueprint.layer(format!("dropout{number}"), dropout);
            }
        }
        Ok(blueprint.layer("logits", Layer::linear(classes)))
    }
}
