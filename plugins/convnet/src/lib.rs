//! A plain convolutional network: blocks of a 3 × 3 convolution and a pooling, each with twice the filters of the last.

use serde::Deserialize;
use topwork_sdk::{
    Backbone, Blueprint, Component, Conv2d, Error, Host, Layer, backbone, export_plugin,
};

export_plugin! {
    id: "convnet",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<ConvNet>()],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Parameters {
    blocks: usize,
    filters: usize,
    batch_norm: bool,
    dropout: f64,
    input: [usize; 3],
}

struct ConvNet(Parameters);

impl Component for ConvNet {
    const ID: &str = "convnet";
    const ABOUT: &str =
        "blocks of convolution, batch normalisation, ReLU and max pooling, as many as you like";
    // Ten halvings leave nothing of an image of 1,024 pixels, and more filters than 1,024 in the first block would need
    // gigabytes.
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "blocks": {"type": "integer", "description": "the number of blocks; each halves height and width", "minimum": 1,
            "maximum": 10, "default": 3},
        "filters": {"type": "integer", "description": "filters of the first block; each later block has twice as many",
            "minimum": 1, "maximum": 1024, "default": 32},
        "batch-norm": {"type": "boolean", "description": "whether batch normalisation stands behind each convolution",
            "default": true},
        "dropout": {"type": "number",
            "description": "the probability that a number at the end of a block is set to 0 in training; 0 for none",
            "minimum": 0, "exclusiveMaximum": 1, "default": 0},
        "input": {"type": "array", "description": "channels, height and width of the images",
            "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 3, "default": [1, 28, 28]}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let [channels, height, width] = parameters.input;
        if channels == 0 {
            return Err(Error::parameters(
                "`input` has 0 channels, expected 1 or more",
            ));
        }
        let most = height.min(width).checked_ilog2().unwrap_or(0) as usize;
        if parameters.blocks > most {
            return Err(Error::parameters(format!(
                "{} blocks leave nothing of {height}×{width} pixels, expected at most {most}",
                parameters.blocks
            )));
        }
        Ok(ConvNet(parameters))
    }
}

impl Backbone for ConvNet {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let Parameters {
            blocks,
            filters,
            batch_norm,
            dropout,
            input,
        } = self.0;
        let mut blueprint = Blueprint::new(&input);
        for block in 0..blocks {
            let number = block + 1;
            let conv = Conv2d::new(filters << block, [3, 3]).padding([1, 1]);
            // Batch normalisation takes a bias away and adds its own.
            let conv = if batch_norm {
                conv.without_bias()
            } else {
                conv
            };
            blueprint = blueprint.layer(format!("conv{number}"), Layer::Conv2d(conv));
            if batch_norm {
                blueprint = blueprint.layer(format!("bn{number}"), Layer::batch_norm2d());
            }
            blueprint = blueprint
                .layer(format!("relu{number}"), Layer::Relu)
                .layer(format!("pool{number}"), Layer::max_pool2d([2, 2]));
            if dropout > 0.0 {
                let dropout = Layer::Dropout { rate: dropout };
                blueprint = blueprint.layer(format!("dropout{number}"), dropout);
            }
            blueprint = blueprint.cut(format!("block{number}"));
        }
        Ok(blueprint.layer("flatten", Layer::Flatten).cut("features"))
    }
}
