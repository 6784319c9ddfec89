//! ConvNeXt, for photographs.
//!
//! Z. Liu and others, "A ConvNet for the 2020s" (2022). Layers with weights carry timm's names, and files with torchvision's
//! names can be loaded as well.

use serde::Deserialize;
use topwork_sdk::{
    Backbone, Blueprint, Component, Conv2d, Error, Host, Layer, backbone, export_plugin,
};

export_plugin! {
    id: "convnext",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<ConvNext>()],
}

const NORM: Layer = Layer::LayerNorm { epsilon: 1e-6 };

/// The first value of layer scales.
const LAYER_SCALE: f64 = 1e-6;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    size: Size,
    resolution: usize,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Size {
    Tiny,
    Small,
    Base,
    Large,
}

impl Size {
    /// Channels of the first stage, each later one having twice as many, and the blocks of each stage: section 3 of the paper.
    fn stages(self) -> (usize, [usize; 4]) {
        match self {
            Size::Tiny => (96, [3, 3, 9, 3]),
            Size::Small => (96, [3, 3, 27, 3]),
            Size::Base => (128, [3, 3, 27, 3]),
            Size::Large => (192, [3, 3, 27, 3]),
        }
    }
}

struct ConvNext {
    size: Size,
    resolution: usize,
}

impl Component for ConvNext {
    const ID: &str = "convnext";
    const ABOUT: &str =
        "ConvNeXt for RGB photographs, with timm's and torchvision's names of weights";
    // Four halvings twice over leave one place of 32 × 32.
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "size": {"type": "string", "description": "channels and number of blocks, as the networks are called",
            "enum": ["tiny", "small", "base", "large"], "default": "tiny"},
        "resolution": {"type": "integer", "description": "height and width of the images",
            "minimum": 32, "maximum": 1024, "default": 224}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, Parameters { size, resolution }: Parameters) -> Result<Self, Error> {
        Ok(ConvNext { size, resolution })
    }
}

impl Backbone for ConvNext {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let (width, blocks) = self.size.stages();
        let patches = Conv2d::new(width, [4, 4]).stride([4, 4]);
        let mut blueprint = Blueprint::new(&[3, self.resolution, self.resolution])
            .layer("stem.0", Layer::Conv2d(patches))
            .layer("stem.1", NORM)
            .cut("stem");
        let mut before = "stem.1".to_owned();
        for (stage, &blocks) in blocks.iter().enumerate() {
            let channels = width << stage;
            if stage > 0 {
                let halves = Conv2d::new(channels, [2, 2]).stride([2, 2]);
                before = format!("stages.{stage}.downsample.1");
                blueprint = blueprint
                    .layer(format!("stages.{stage}.downsample.0"), NORM)
                    .layer(&before, Layer::Conv2d(halves))
                    // torchvision counts what halves a map among the stages.
                    .rename_weights(
                        format!("features.{}.*", 2 * stage),
                        format!("stages.{stage}.downsample.*"),
                    );
            }
            for block in 0..blocks {
                (blueprint, before) = self::block(blueprint, stage, block, channels, &before);
            }
            blueprint = named_by_torchvision(blueprint, stage).cut(format!("stages.{stage}"));
        }
        Ok(blueprint
            .layer("head.global_pool", Layer::GlobalAvgPool2d)
            .cut("pool")
            .layer("head.norm", NORM)
            .layer("head.flatten", Layer::Flatten)
            .cut("features")
            .rename_weights("stages.*.blocks.*.gamma", "stages.*.blocks.*.gamma.weight")
            .rename_weights("features.0.*", "stem.*")
            .rename_weights("classifier.0.*", "head.norm.*")
            .ignore_weights(&["head.fc.*", "classifier.2.*"])
            .published_normalise(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225]))
    }
}

/// A block: a depthwise convolution, and two dense layers at each place, which are convolutions of one place; with a shortcut round
/// all of it. Gives the blueprint with the block, and the layer that its result comes from.
fn block(
    blueprint: Blueprint,
    stage: usize,
    number: usize,
    channels: usize,
    before: &str,
) -> (Blueprint, String) {
    let name = format!("stages.{stage}.blocks.{number}");
    let part = |part: &str| format!("{name}.{part}");
    let depthwise = Conv2d::new(channels, [7, 7])
        .padding([3, 3])
        .groups(channels);
    let dense = |filters| Layer::Conv2d(Conv2d::new(filters, [1, 1]));
    let scale = Layer::Scale {
        initial: LAYER_SCALE,
    };
    let blueprint = blueprint
        .layer(part("conv_dw"), Layer::Conv2d(depthwise))
        .layer(part("norm"), NORM)
        .layer(part("mlp.fc1"), dense(4 * channels))
        .layer(part("mlp.act"), Layer::Gelu)
        .layer(part("mlp.fc2"), dense(channels))
        .layer(part("gamma"), scale)
        .layer_from(&[part("gamma"), before.to_owned()], part("add"), Layer::Add)
        .cut(&name);
    (blueprint, part("add"))
}

fn named_by_torchvision(blueprint: Blueprint, stage: usize) -> Blueprint {
    let theirs = format!("features.{}.*", 2 * stage + 1);
    let ours = format!("stages.{stage}.blocks.*");
    let parts = [
        ("0", "conv_dw"),
        ("2", "norm"),
        ("3", "mlp.fc1"),
        ("5", "mlp.fc2"),
    ];
    let blueprint = parts.iter().fold(blueprint, |blueprint, (index, part)| {
        blueprint.rename_weights(
            format!("{theirs}.block.{index}.*"),
            format!("{ours}.{part}.*"),
        )
    });
    blueprint.rename_weights(
        format!("{theirs}.layer_scale"),
        format!("{ours}.gamma.weight"),
    )
}
