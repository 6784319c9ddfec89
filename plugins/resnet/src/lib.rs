//! ResNet-18, 34, 50, 101 and 152, for photographs and for small images.
//!
//! K. He, X. Zhang, S. Ren and J. Sun, "Deep Residual Learning for Image Recognition" (2016); the small stem is that of its
//! section 4.2. In bottlenecks the middle convolution halves a map, as in all published weights but the first ones. Layers with weights carry the names that torchvision and timm give them, so that their files can be loaded.

use serde::Deserialize;
use topwork_sdk::{
    Backbone, Blueprint, Component, Conv2d, Error, Host, Layer, Pool2d, backbone, export_plugin,
};

export_plugin! {
    id: "resnet",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<ResNet>()],
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    depth: u32,
    size: Size,
    width: usize,
    input: Option<[usize; 3]>,
}

/// The images that the first layers are made for.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Size {
    /// The first layers shrink an image to a quarter of its height and width.
    Imagenet,
    /// The first layer keeps the size.
    Small,
}

struct ResNet {
    size: Size,
    width: usize,
    input: [usize; 3],
    /// The number of blocks of each stage.
    blocks: [usize; 4],
    kind: Block,
}

/// What blocks are made of.
#[derive(Clone, Copy, PartialEq)]
enum Block {
    /// Two convolutions of three places each way.
    Basic,
    /// One of them between two of one place, the last of which has four times the filters.
    Bottleneck,
}

impl Component for ResNet {
    const ID: &str = "resnet";
    const ABOUT: &str = "ResNet-18, 34, 50, 101 or 152, for photographs or small images, with torchvision's layer names";
    // Wider networks than 1,024 would need gigabytes.
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "depth": {"type": "integer", "description": "the number of layers with weights, as the network is called",
            "enum": [18, 34, 50, 101, 152], "default": 18},
        "size": {"type": "string",
            "description": "imagenet: the first layers shrink the image to a quarter; small: they keep it, for images up to about 64 × 64",
            "enum": ["imagenet", "small"], "default": "imagenet"},
        "width": {"type": "integer", "description": "filters of the first stage; each later stage has twice as many. Blocks of networks from 50 layers on give four times these",
            "minimum": 1, "maximum": 1024, "default": 64},
        "input": {"type": "array",
            "description": "channels, height and width of the images; by default [3, 224, 224], or [3, 32, 32] with size small",
            "items": {"type": "integer", "minimum": 1}, "minItems": 3, "maxItems": 3}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let (kind, blocks) = match parameters.depth {
            18 => (Block::Basic, [2, 2, 2, 2]),
            34 => (Block::Basic, [3, 4, 6, 3]),
            50 => (Block::Bottleneck, [3, 4, 6, 3]),
            101 => (Block::Bottleneck, [3, 4, 23, 3]),
            152 => (Block::Bottleneck, [3, 8, 36, 3]),
            other => {
                return Err(Error::parameters(format!(
                    "`depth` is {other}, expected 18, 34, 50, 101 or 152"
                )));
            }
        };
        let size = parameters.size;
        let input = parameters.input.unwrap_or(match size {
            Size::Imagenet => [3, 224, 224],
            Size::Small => [3, 32, 32],
        });
        if input.contains(&0) {
            return Err(Error::parameters(format!(
                "`input` is {input:?}, expected channels, height and width of 1 or more"
            )));
        }
        Ok(ResNet {
            size,
            width: parameters.width,
            input,
            blocks,
            kind,
        })
    }
}

impl Backbone for ResNet {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let stem = match self.size {
            Size::Imagenet => Conv2d::new(self.width, [7, 7])
                .stride([2, 2])
                .padding([3, 3]),
            Size::Small => Conv2d::new(self.width, [3, 3]).padding([1, 1]),
        };
        let mut blueprint = Blueprint::new(&self.input)
            .layer("conv1", Layer::Conv2d(stem.without_bias()))
            .layer("bn1", Layer::batch_norm2d())
            .layer("relu", Layer::Relu);
        let mut before = "relu".to_owned();
        if self.size == Size::Imagenet {
            let pool = Pool2d::new([3, 3]).stride([2, 2]).padding([1, 1]);
            blueprint = blueprint.layer("maxpool", Layer::MaxPool2d(pool));
            before = "maxpool".to_owned();
        }
        blueprint = blueprint.cut("stem");
        for (stage, &blocks) in self.blocks.iter().enumerate() {
            for block in 0..blocks {
                let residual = Residual {
                    name: format!("layer{}.{block}", stage + 1),
                    kind: self.kind,
                    filters: self.width << stage,
                    halves: stage > 0 && block == 0,
                    // Where there are as many channels behind the first block as before it, its shortcut is bare.
                    reshapes: block == 0 && (stage > 0 || self.kind == Block::Bottleneck),
                };
                blueprint = residual.append(blueprint, &before);
                before = residual.layer("relu");
            }
            blueprint = blueprint.cut(format!("layer{}", stage + 1));
        }
        if self.size == Size::Imagenet && self.input[0] == 3 {
            // torchvision's, as for nearly all networks trained on ImageNet.
            blueprint =
                blueprint.published_normalise(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]);
        }
        Ok(blueprint
            .layer("avgpool", Layer::GlobalAvgPool2d)
            .cut("pool")
            .layer("flatten", Layer::Flatten)
            .cut("features")
            .ignore_weights(&["fc.*", "*.num_batches_tracked"]))
    }
}

/// Convolutions and a shortcut round them.
struct Residual {
    name: String,
    kind: Block,
    filters: usize,
    /// Whether it halves height and width, as the first block of a stage does.
    halves: bool,
    /// Whether it changes height and width or the number of channels, so that its shortcut has to do the same.
    reshapes: bool,
}

impl Residual {
    fn layer(&self, part: &str) -> String {
        format!("{}.{part}", self.name)
    }

    fn append(&self, blueprint: Blueprint, before: &str) -> Blueprint {
        let stride = if self.halves { 2 } else { 1 };
        let conv = |filters, kernel, stride| {
            let conv = Conv2d::new(filters, [kernel; 2]).padding([kernel / 2; 2]);
            Layer::Conv2d(conv.stride([stride; 2]).without_bias())
        };
        let filters = self.filters;
        let convolutions = match self.kind {
            Block::Basic => vec![conv(filters, 3, stride), conv(filters, 3, 1)],
            Block::Bottleneck => vec![
                conv(filters, 1, 1),
                conv(filters, 3, stride),
                conv(4 * filters, 1, 1),
            ],
        };
        let last = convolutions.len();
        let mut blueprint = blueprint;
        for (number, conv) in (1..).zip(convolutions) {
            blueprint = blueprint
                .layer(self.layer(&format!("conv{number}")), conv)
                .layer(self.layer(&format!("bn{number}")), Layer::batch_norm2d());
            if number < last {
                blueprint = blueprint.layer(self.layer(&format!("relu{number}")), Layer::Relu);
            }
        }
        let mut shortcut = before.to_owned();
        if self.reshapes {
            let channels = match self.kind {
                Block::Basic => filters,
                Block::Bottleneck => 4 * filters,
            };
            blueprint = blueprint
                .layer_from(
                    &[before],
                    self.layer("downsample.0"),
                    conv(channels, 1, stride),
                )
                .layer(self.layer("downsample.1"), Layer::batch_norm2d());
            shortcut = self.layer("downsample.1");
        }
        blueprint
            .layer_from(
                &[self.layer(&format!("bn{last}")), shortcut],
                self.layer("add"),
                Layer::Add,
            )
            .layer(self.layer("relu"), Layer::Relu)
            .cut(self.name.clone())
    }
}
