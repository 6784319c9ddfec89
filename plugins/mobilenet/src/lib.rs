//! MobileNetV2 and V3, for photographs.
//!
//! M. Sandler and others, "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018); A. Howard and others, "Searching for
//! MobileNetV3" (2019). Files with torchvision's names of weights and with timm's can be loaded.

mod names;
mod tables;

use serde::Deserialize;
use topwork_sdk::{
    Backbone, BatchNorm, Blueprint, Component, Conv2d, Error, Host, Layer, backbone, export_plugin,
};

use tables::{Activation, Row, Table};

export_plugin! {
    id: "mobilenet",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<MobileNet>()],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    variant: Variant,
    width: f64,
    resolution: usize,
    epsilon: Option<f64>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Variant {
    V2,
    V3Small,
    V3Large,
}

struct MobileNet {
    variant: Variant,
    width: f64,
    resolution: usize,
    norm: BatchNorm,
}

impl Component for MobileNet {
    const ID: &str = "mobilenet";
    const ABOUT: &str =
        "MobileNetV2 and V3 for RGB photographs, with torchvision's and timm's names of weights";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "variant": {"type": "string", "description": "which of the networks",
            "enum": ["v2", "v3-small", "v3-large"], "default": "v2"},
        "width": {"type": "number", "description": "what the numbers of channels are multiplied by, to be multiples of 8 again",
            "exclusiveMinimum": 0, "maximum": 4, "default": 1},
        "resolution": {"type": "integer", "description": "height and width of the images",
            "minimum": 32, "maximum": 1024, "default": 224},
        "epsilon": {"type": "number",
            "description": "what batch normalisations add to the variance: by default 0.00001 with v2, and 0.001 with v3 as torchvision's weights want; timm's of v3 want 0.00001",
            "exclusiveMinimum": 0, "maximum": 1}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let usual = BatchNorm::USUAL;
        let norm = match parameters.variant {
            Variant::V2 => usual,
            // TensorFlow's momentum of 0.99 is the share of the old statistics, PyTorch's that of the new.
            Variant::V3Small | Variant::V3Large => BatchNorm {
                epsilon: 1e-3,
                momentum: 0.01,
                ..usual
            },
        };
        Ok(MobileNet {
            variant: parameters.variant,
            width: parameters.width,
            resolution: parameters.resolution,
            norm: BatchNorm {
                epsilon: parameters.epsilon.unwrap_or(norm.epsilon),
                ..norm
            },
        })
    }
}

impl Backbone for MobileNet {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let table = self.table();
        let stem = Conv2d::new(self.channels(table.stem), [3, 3])
            .stride([2, 2])
            .padding([1, 1]);
        let blueprint = Blueprint::new(&[3, self.resolution, self.resolution]);
        let mut blueprint = self
            .activated(blueprint, "stem", stem, table.ends)
            .cut("stem");
        let mut before = "stem.act".to_owned();
        let mut channels = self.channels(table.stem);
        for (number, row) in table.rows.iter().enumerate() {
            let name = format!("block{number}");
            (blueprint, before) = self.block(blueprint, &name, row, channels, &before);
            blueprint = blueprint.cut(name);
            channels = self.channels(row.filters);
        }
        let head = Conv2d::new(self.head(&table, channels), [1, 1]);
        blueprint = self
            .activated(blueprint, "head", head, table.ends)
            .cut("head")
            .layer("pool", Layer::GlobalAvgPool2d)
            .layer("flatten", Layer::Flatten)
            .cut("pool");
        // V3 has a dense layer behind the pooling that its classifier shares with no other.
        if let Some(units) = table.dense {
            blueprint = blueprint
                .layer("dense", Layer::linear(self.channels(units)))
                .layer("dense.act", table.ends.layer())
                .cut("features");
        }
        Ok(names::of(blueprint, &table)
            .published_normalise(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]))
    }
}

impl MobileNet {
    fn table(&self) -> Table {
        match self.variant {
            Variant::V2 => tables::V2,
            Variant::V3Small => tables::V3_SMALL,
            Variant::V3Large => tables::V3_LARGE,
        }
    }

    /// Channels of a network of this width.
    fn channels(&self, wanted: usize) -> usize {
        multiple_of_8(wanted as f64 * self.width)
    }

    /// Channels of the last map, given those before it. V2's are not fewer in narrow networks.
    fn head(&self, table: &Table, before: usize) -> usize {
        match self.variant {
            Variant::V2 => multiple_of_8(table.head as f64 * self.width.max(1.0)),
            Variant::V3Small | Variant::V3Large => table.head * before,
        }
    }

    /// Channels in the middle of a block, given those before it.
    fn expanded(&self, row: &Row, channels: usize) -> usize {
        match self.variant {
            Variant::V2 => row.expanded * channels,
            Variant::V3Small | Variant::V3Large => self.channels(row.expanded),
        }
    }

    /// `PART.conv` and its `PART.norm`, which takes the place of a bias.
    fn normed(&self, blueprint: Blueprint, part: &str, conv: Conv2d) -> Blueprint {
        blueprint
            .layer(format!("{part}.conv"), Layer::Conv2d(conv.without_bias()))
            .layer(format!("{part}.norm"), Layer::BatchNorm2d(self.norm))
    }

    fn activated(
        &self,
        blueprint: Blueprint,
        part: &str,
        conv: Conv2d,
        activation: Activation,
    ) -> Blueprint {
        self.normed(blueprint, part, conv)
            .layer(format!("{part}.act"), activation.layer())
    }

    /// An inverted residual block: widened, filtered channel by channel, narrowed again, with a shortcut round it where shapes
    /// allow. Gives the blueprint with the block, and the layer that its result comes from.
    fn block(
        &self,
        mut blueprint: Blueprint,
        name: &str,
        row: &Row,
        channels: usize,
        before: &str,
    ) -> (Blueprint, String) {
        let part = |part: &str| format!("{name}.{part}");
        let expanded = self.expanded(row, channels);
        let filters = self.channels(row.filters);
        if row.expands() {
            let expand = Conv2d::new(expanded, [1, 1]);
            blueprint = self.activated(blueprint, &part("expand"), expand, row.activation);
        }
        let depthwise = Conv2d::new(expanded, [row.kernel; 2])
            .stride([row.stride; 2])
            .padding([row.kernel / 2; 2])
            .groups(expanded);
        blueprint = self.activated(blueprint, &part("depthwise"), depthwise, row.activation);
        if row.squeezes {
            let dense = |filters| Layer::Conv2d(Conv2d::new(filters, [1, 1]));
            let squeezed = multiple_of_8((expanded / 4) as f64);
            blueprint = blueprint
                .layer(part("squeeze.pool"), Layer::GlobalAvgPool2d)
                .layer(part("squeeze.reduce"), dense(squeezed))
                .layer(part("squeeze.relu"), Layer::Relu)
                .layer(part("squeeze.expand"), dense(expanded))
                .layer(part("squeeze.gate"), Layer::HardSigmoid)
                .layer_from(
                    &[part("depthwise.act"), part("squeeze.gate")],
                    part("squeeze"),
                    Layer::Multiply,
                );
        }
        blueprint = self.normed(blueprint, &part("project"), Conv2d::new(filters, [1, 1]));
        let mut last = part("project.norm");
        if row.stride == 1 && filters == channels {
            blueprint = blueprint.layer_from(&[last.as_str(), before], part("add"), Layer::Add);
            last = part("add");
        }
        (blueprint, last)
    }
}

/// The nearest multiple of 8 that does not lose more than a tenth.
fn multiple_of_8(wanted: f64) -> usize {
    let rounded = ((wanted + 4.0) as usize / 8 * 8).max(8);
    match (rounded as f64) < 0.9 * wanted {
        true => rounded + 8,
        false => rounded,
    }
}
