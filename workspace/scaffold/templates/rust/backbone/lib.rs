//! A backbone: two convolutions with pooling, which topwork builds, trains and cuts.

use serde::Deserialize;
use topwork_sdk::{Backbone, Blueprint, Component, Error, Host, Layer, backbone, export_plugin};

export_plugin! {
    id: "@NAME@",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<Small>()],
}

struct Small {
    filters: usize,
}

/// The parameters; their defaults are those of the schema.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    filters: usize,
}

impl Component for Small {
    const ID: &str = "@NAME@";
    const ABOUT: &str = "two convolutions with pooling, for images of 1 x 28 x 28";
    const SCHEMA: &str = r#"{"type": "object", "additionalProperties": false, "properties": {
        "filters": {"type": "integer", "minimum": 1, "maximum": 256, "default": 8,
            "description": "filters of the first convolution; the second has twice as many"}
    }}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        Ok(Small {
            filters: parameters.filters,
        })
    }
}

impl Backbone for Small {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        Ok(Blueprint::new(&[1, 28, 28])
            .layer("conv1", Layer::conv2d(self.filters, [5, 5]))
            .layer("relu1", Layer::Relu)
            .layer("pool1", Layer::max_pool2d([2, 2]))
            .cut("pool1")
            .layer("conv2", Layer::conv2d(2 * self.filters, [5, 5]))
            .layer("relu2", Layer::Relu)
            .layer("pool2", Layer::max_pool2d([2, 2]))
            .layer("flatten", Layer::Flatten)
            .cut("features"))
    }
}
