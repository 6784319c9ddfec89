//! EfficientNet-Lite 0 to 4: networks for photographs that run fast without a graphics card.
//!
//! M. Tan and Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks" (2019), without its squeeze
//! and excitation and with ReLU6, as in TensorFlow's `efficientnet/lite`. Convolutions have TensorFlow's `"SAME"` padding, batch
//! normalisation its epsilon 1e-3. Weights published for PyTorch can be imported under the names of
//! `efficientnet_lite_pytorch` and under those of timm's `tf_efficientnet_lite*`.
//!
//! Published weights want RGB images with `(x - 127) / 128` for bytes x. In an experiment, where bytes are numbers from 0 to 1,
//! that is `normalise = { mean = [0.498039, 0.498039, 0.498039], std = [0.501961, 0.501961, 0.501961] }` of the dataset.

use serde::Deserialize;
use topwork_sdk::{
    Backbone, BatchNorm, Blueprint, Component, Conv2d, Error, Host, Layer, backbone, export_plugin,
};

export_plugin! {
    id: "efficientnet",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<EfficientNetLite>()],
}

/// Filters of the first and of the last convolution, in every variant.
const STEM: usize = 32;
const HEAD: usize = 1280;

/// TensorFlow's momentum of 0.99 is the share of the old statistics, PyTorch's that of the new.
const NORM: Layer = Layer::BatchNorm2d(BatchNorm {
    epsilon: 1e-3,
    momentum: 0.01,
    ..BatchNorm::USUAL
});

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    variant: usize,
    resolution: Option<usize>,
}

/// How a variant is scaled from the smallest one.
struct Scaling {
    width: f64,
    depth: f64,
    resolution: usize,
}

/// `efficientnet_lite_builder.py` in TensorFlow's `efficientnet/lite`.
const VARIANTS: [Scaling; 5] = [
    Scaling {
        width: 1.0,
        depth: 1.0,
        resolution: 224,
    },
    Scaling {
        width: 1.0,
        depth: 1.1,
        resolution: 240,
    },
    Scaling {
        width: 1.1,
        depth: 1.2,
        resolution: 260,
    },
    Scaling {
        width: 1.2,
        depth: 1.4,
        resolution: 280,
    },
    Scaling {
        width: 1.4,
        depth: 1.8,
        resolution: 300,
    },
];

/// Blocks alike but for the first, which alone has the stride and changes the number of channels.
struct Stage {
    blocks: usize,
    kernel: usize,
    stride: usize,
    expansion: usize,
    filters: usize,
}

/// Table 1 of the paper.
const STAGES: [Stage; 7] = [
    Stage {
        blocks: 1,
        kernel: 3,
        stride: 1,
        expansion: 1,
        filters: 16,
    },
    Stage {
        blocks: 2,
        kernel: 3,
        stride: 2,
        expansion: 6,
        filters: 24,
    },
    Stage {
        blocks: 2,
        kernel: 5,
        stride: 2,
        expansion: 6,
        filters: 40,
    },
    Stage {
        blocks: 3,
        kernel: 3,
        stride: 2,
        expansion: 6,
        filters: 80,
    },
    Stage {
        blocks: 3,
        kernel: 5,
        stride: 1,
        expansion: 6,
        filters: 112,
    },
    Stage {
        blocks: 4,
        kernel: 5,
        stride: 2,
        expansion: 6,
        filters: 192,
    },
    Stage {
        blocks: 1,
        kernel: 3,
        stride: 1,
        expansion: 6,
        filters: 320,
    },
];

impl Scaling {
    /// The nearest multiple of 8 that does not lose more than a tenth.
    fn filters(&self, filters: usize) -> usize {
        let wanted = filters as f64 * self.width;
        let rounded = ((wanted + 4.0) as usize / 8 * 8).max(8);
        if (rounded as f64) < 0.9 * wanted {
            rounded + 8
        } else {
            rounded
        }
    }

    /// The first and the last stage keep their number of blocks.
    fn blocks(&self, stage: usize) -> usize {
        let blocks = STAGES[stage].blocks;
        match stage {
            0 | 6 => blocks,
            _ => (blocks as f64 * self.depth).ceil() as usize,
        }
    }
}

struct EfficientNetLite {
    scaling: &'static Scaling,
    resolution: usize,
}

impl Component for EfficientNetLite {
    const ID: &str = "efficientnet-lite";
    const ABOUT: &str =
        "EfficientNet-Lite 0 to 4 for RGB photographs; published weights want (x - 127) / 128";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "variant": {"type": "integer", "description": "0 is the smallest; each further one is wider, deeper and slower",
            "enum": [0, 1, 2, 3, 4], "default": 0},
        "resolution": {"type": "integer",
            "description": "height and width of the images; by default what the variant was made for: 224, 240, 260, 280 or 300",
            "minimum": 32, "maximum": 1024}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let Some(scaling) = VARIANTS.get(parameters.variant) else {
            return Err(Error::parameters(format!(
                "`variant` is {}, expected 0 to 4",
                parameters.variant
            )));
        };
        let resolution = parameters.resolution.unwrap_or(scaling.resolution);
        Ok(EfficientNetLite {
            scaling,
            resolution,
        })
    }
}

impl Backbone for EfficientNetLite {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let mut size = self.resolution;
        let stem = Conv2d::new(STEM, [3, 3]).stride([2, 2]);
        let blueprint = Blueprint::new(&[3, size, size]);
        let mut blueprint = with_norm(blueprint, "stem", stem.same_padding([size; 2]))
            .layer("stem.relu6", Layer::Relu6)
            .cut("stem")
            .rename_weights("_conv_stem.*", "stem.conv.*")
            .rename_weights("_bn0.*", "stem.norm.*");
        size = size.div_ceil(2);
        let mut channels = STEM;
        let mut number = 0;
        let mut before = "stem.relu6".to_owned();
        for (stage, plan) in STAGES.iter().enumerate() {
            for index in 0..self.scaling.blocks(stage) {
                let block = Block {
                    name: format!("block{number}"),
                    channels,
                    expanded: channels * plan.expansion,
                    filters: self.scaling.filters(plan.filters),
                    kernel: plan.kernel,
                    stride: if index == 0 { plan.stride } else { 1 },
                    size,
                };
                (blueprint, before) = block.append(blueprint, &before);
                blueprint = block.timm_names(blueprint, &format!("blocks.{stage}.{index}"));
                size = size.div_ceil(block.stride);
                channels = block.filters;
                number += 1;
            }
        }
        Ok(with_norm(blueprint, "head", Conv2d::new(HEAD, [1, 1]))
            .layer("head.relu6", Layer::Relu6)
            .cut("head")
            .layer("gap.pool", Layer::GlobalAvgPool2d)
            .layer("gap.flatten", Layer::Flatten)
            .cut("gap")
            .rename_weights("_conv_head.*", "head.conv.*")
            .rename_weights("_bn1.*", "head.norm.*")
            .rename_weights("_blocks.*._expand_conv.*", "block*.expand.conv.*")
            .rename_weights("_blocks.*._bn0.*", "block*.expand.norm.*")
            .rename_weights("_blocks.*._depthwise_conv.*", "block*.depthwise.conv.*")
            .rename_weights("_blocks.*._bn1.*", "block*.depthwise.norm.*")
            .rename_weights("_blocks.*._project_conv.*", "block*.project.conv.*")
            .rename_weights("_blocks.*._bn2.*", "block*.project.norm.*")
            .rename_weights("conv_stem.*", "stem.conv.*")
            .rename_weights("bn1.*", "stem.norm.*")
            .rename_weights("conv_head.*", "head.conv.*")
            .rename_weights("bn2.*", "head.norm.*")
            .ignore_weights(&["_fc.*", "classifier.*", "*.num_batches_tracked"])
            // (x - 127) / 128 for bytes.
            .published_normalise(&[127.0 / 255.0; 3], &[128.0 / 255.0; 3]))
    }
}

/// `PART.conv` and its `PART.norm`, which takes the place of a bias.
fn with_norm(blueprint: Blueprint, part: &str, conv: Conv2d) -> Blueprint {
    blueprint
        .layer(format!("{part}.conv"), Layer::Conv2d(conv.without_bias()))
        .layer(format!("{part}.norm"), NORM)
}

/// An inverted residual block: widened, filtered channel by channel, narrowed again, with a shortcut round it where shapes allow.
///
/// M. Sandler and others, "MobileNetV2: Inverted Residuals and Linear Bottlenecks" (2018).
struct Block {
    name: String,
    channels: usize,
    expanded: usize,
    filters: usize,
    kernel: usize,
    stride: usize,
    /// Height and width of what enters.
    size: usize,
}

impl Block {
    /// The blueprint with the block, and the layer that its result comes from.
    fn append(&self, mut blueprint: Blueprint, before: &str) -> (Blueprint, String) {
        let part = |part: &str| format!("{}.{part}", self.name);
        if self.expanded != self.channels {
            let expand = Conv2d::new(self.expanded, [1, 1]);
            blueprint = with_norm(blueprint, &part("expand"), expand)
                .layer(part("expand.relu6"), Layer::Relu6);
        }
        let depthwise = Conv2d::new(self.expanded, [self.kernel; 2])
            .stride([self.stride; 2])
            .groups(self.expanded)
            .same_padding([self.size; 2]);
        blueprint = with_norm(blueprint, &part("depthwise"), depthwise)
            .layer(part("depthwise.relu6"), Layer::Relu6);
        let project = Conv2d::new(self.filters, [1, 1]);
        blueprint = with_norm(blueprint, &part("project"), project);
        let mut last = part("project.norm");
        if self.stride == 1 && self.filters == self.channels {
            blueprint = blueprint.layer_from(&[last.as_str(), before], part("add"), Layer::Add);
            last = part("add");
        }
        (blueprint.cut(self.name.clone()), last)
    }

    /// timm counts blocks stage by stage, and batch normalisations from the first convolution that there is.
    fn timm_names(&self, mut blueprint: Blueprint, theirs: &str) -> Blueprint {
        let convolutions: &[_] = match self.expanded == self.channels {
            true => &[("conv_dw", "depthwise"), ("conv_pw", "project")],
            false => &[
                ("conv_pw", "expand"),
                ("conv_dw", "depthwise"),
                ("conv_pwl", "project"),
            ],
        };
        for (index, (conv, part)) in convolutions.iter().enumerate() {
            let ours = format!("{}.{part}", self.name);
            blueprint = blueprint
                .rename_weights(format!("{theirs}.{conv}.*"), format!("{ours}.conv.*"))
                .rename_weights(
                    format!("{theirs}.bn{}.*", index + 1),
                    format!("{ours}.norm.*"),
                );
        }
        blueprint
    }
}
