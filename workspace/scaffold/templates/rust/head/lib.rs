//! A network head: dropout and one linear layer, which topwork trains on the features.

use serde::Deserialize;
use topwork_sdk::{
    Blueprint, Component, Error, Host, Layer, NetworkHead, export_plugin, network_head,
};

export_plugin! {
    id: "@NAME@",
    licence: "MIT OR Apache-2.0",
    components: [network_head::<Linear>()],
}

struct Linear {
    dropout: f64,
}

/// The parameters; their defaults are those of the schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    dropout: f64,
}

impl Component for Linear {
    const ID: &str = "@NAME@";
    const ABOUT: &str = "dropout and one linear layer";
    const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
        "dropout": {"type": "number", "minimum": 0, "exclusiveMaximum": 1, "default": 0.2,
            "description": "share of the features that are left out in a training step"}
    }}"#;
    type Parameters = Parameters;

    fn create(_: Host, Parameters { dropout }: Parameters) -> Result<Self, Error> {
        Ok(Linear { dropout })
    }
}

impl NetworkHead for Linear {
    fn layers(&self, feature_shape: &[usize], classes: usize) -> Result<Blueprint, Error> {
        let mut layers = Blueprint::new(feature_shape);
        if feature_shape.len() == 3 {
            layers = layers.layer("flatten", Layer::Flatten);
        }
        let dropout = Layer::Dropout { rate: self.dropout };
        Ok(layers
            .layer("dropout", dropout)
            .layer("logits", Layer::linear(classes)))
    }
}
