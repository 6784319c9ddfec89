//! A cut rule: behind every layer of one sort, whatever the backbone.

use serde::Deserialize;
use topwork_sdk::{
    Component, CutBackbone, CutRule, Error, Host, Pool, RuleCut, cut_rule, export_plugin,
};

export_plugin! {
    id: "@NAME@",
    licence: "MIT OR Apache-2.0",
    components: [cut_rule::<Behind>()],
}

struct Behind {
    op: String,
}

/// The parameters; their defaults are those of the schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    op: String,
}

impl Component for Behind {
    const ID: &str = "@NAME@";
    const ABOUT: &str = "behind every layer of one sort, each channel averaged";
    const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
        "op": {"type": "string", "default": "relu",
            "description": "the sort of layer: relu, max-pool2d, conv2d and so on"}
    }}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(Behind { op: parameters.op })
    }
}

impl CutRule for Behind {
    fn cuts(&self, backbone: &CutBackbone) -> Result<Vec<RuleCut>, Error> {
        let cuts: Vec<RuleCut> = backbone
            .places
            .iter()
            .filter(|place| place.op == self.op)
            .map(|place| RuleCut {
                name: place.name.clone(),
                after: place.name.clone(),
                // Maps become one number per channel; a row of features stays as it is.
                pool: (place.shape.len() == 3).then_some(Pool::Gap),
            })
            .collect();
        if cuts.is_empty() {
            let message = format!("the backbone has no layer `{}`", self.op);
            return Err(Error::parameters(message));
        }
        Ok(cuts)
    }
}
