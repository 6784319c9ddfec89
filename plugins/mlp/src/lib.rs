//! A multilayer perceptron as a network head: hidden linear layers with ReLU, then one logit for each class.

use serde::Deserialize;
use topwork_sdk::{
    Blueprint, Component, Error, Host, Layer, NetworkHead, export_plugin, network_head,
};

export_plugin! {
    id: "mlp",
    licence: "MIT OR Apache-2.0",
    components: [network_head::<Mlp>()],
}

/// Wider layers than this would need gigabytes; the number is also in the schema.
const WIDEST: usize = 65_536;

/// More hidden layers than this do not train without normalisation; the number is also in the schema.
const DEEPEST: usize = 16;

#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    hidden: Vec<usize>,
}

impl Default for Parameters {
    fn default() -> Self {
        Parameters { hidden: vec![500] }
    }
}

struct Mlp {
    hidden: Vec<usize>,
}

impl Component for Mlp {
    const ID: &str = "mlp";
    const ABOUT: &str = "hidden linear layers with ReLU, then one logit for each class";
    const SCHEMA: &str = r#"{
        "type": "object",
        "properties": {
            "hidden": {
                "type": "array",
                "description": "units of each hidden layer, from the features on; empty for a single linear layer",
                "items": {"type": "integer", "minimum": 1, "maximum": 65536},
                "maxItems": 16,
                "default": [500]
            }
        },
        "additionalProperties": false
    }"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let hidden = parameters.hidden;
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
        Ok(Mlp { hidden })
    }
}

impl NetworkHead for Mlp {
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
        if classes < 2 {
            return Err(Error::parameters(format!(
                "{classes} classes, expected at least 2"
            )));
        }
        let mut blueprint = Blueprint::new(feature_shape);
        match feature_shape.len() {
            1 => {}
            3 => blueprint = blueprint.layer("flatten", Layer::Flatten),
            rank => {
                return Err(Error::parameters(format!(
                    "features of {rank} dimensions, expected 1 or 3"
                )));
            }
        }
        for (index, &units) in self.hidden.iter().enumerate() {
            blueprint = blueprint
                .layer(format!("hidden{}", index + 1), Layer::linear(units))
                .layer(format!("relu{}", index + 1), Layer::Relu);
        }
        Ok(blueprint.layer("logits", Layer::linear(classes)))
    }
}
