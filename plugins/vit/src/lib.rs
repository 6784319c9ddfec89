//! Vision transformers: ViT and DeiT, DeiT III, and DINOv2 with and without registers.
//!
//! A. Dosovitskiy and others, "An image is worth 16×16 words" (2020); H. Touvron and others, "Training data-efficient image
//! transformers" (2021) and "DeiT III" (2022); M. Oquab and others, "DINOv2" (2023); T. Darcet and others, "Vision transformers
//! need registers" (2023). Layers with weights carry timm's names, and files with torchvision's names can be loaded as well.
//!
//! Position embeddings belong to a grid of patches: a file fits the resolution that it was made for.

use serde::Deserialize;
use topwork_sdk::{
    Backbone, Blueprint, Component, Conv2d, Error, Host, Layer, backbone, export_plugin,
};

export_plugin! {
    id: "vit",
    licence: "MIT OR Apache-2.0",
    components: [backbone::<VisionTransformer>()],
}

/// Of all layer normalisations.
const EPSILON: f64 = 1e-6;

/// The first value of layer scales in DeiT III and DINOv2.
const LAYER_SCALE: f64 = 1e-5;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Parameters {
    variant: Variant,
    size: Size,
    width: Option<usize>,
    depth: Option<usize>,
    heads: Option<usize>,
    patch: Option<usize>,
    resolution: Option<usize>,
    registers: usize,
    pool: Pool,
}

/// How the network is built and was trained.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Variant {
    /// The first paper's, and DeiT's.
    Vit,
    /// With layer scale, and no position embedding of the class token.
    Deit3,
    /// With layer scale and patches of 14; with registers, neither they nor the class token have a position embedding.
    Dinov2,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Size {
    Tiny,
    Small,
    Base,
    Large,
}

/// What the features are.
#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Pool {
    ClassToken,
    MeanTokens,
    #[serde(rename = "class+mean")]
    ClassMean,
}

impl Size {
    /// Width, blocks and heads: table 1 of the first paper, and of DeiT for the smaller ones.
    fn sizes(self) -> [usize; 3] {
        match self {
            Size::Tiny => [192, 12, 3],
            Size::Small => [384, 12, 6],
            Size::Base => [768, 12, 12],
            Size::Large => [1024, 24, 16],
        }
    }
}

struct VisionTransformer {
    variant: Variant,
    width: usize,
    depth: usize,
    heads: usize,
    patch: usize,
    resolution: usize,
    registers: usize,
    pool: Pool,
}

impl Component for VisionTransformer {
    const ID: &str = "vit";
    const ABOUT: &str = "vision transformers with timm's and torchvision's names of weights: ViT, DeiT, DeiT III, DINOv2";
    const SCHEMA: &str = r#"{"type": "object", "properties": {
        "variant": {"type": "string",
            "description": "vit: ViT and DeiT; deit3: with layer scale, and no position of the class token; dinov2: with layer scale, patches of 14 and a resolution of 518",
            "enum": ["vit", "deit3", "dinov2"], "default": "vit"},
        "size": {"type": "string", "description": "width, number of blocks and heads, as the networks are called",
            "enum": ["tiny", "small", "base", "large"], "default": "small"},
        "width": {"type": "integer", "description": "numbers of a token, where it is not that of the size", "minimum": 1, "maximum": 4096},
        "depth": {"type": "integer", "description": "the number of blocks, where it is not that of the size", "minimum": 1, "maximum": 64},
        "heads": {"type": "integer", "description": "heads of an attention, where it is not those of the size", "minimum": 1, "maximum": 64},
        "patch": {"type": "integer", "description": "height and width of a patch; by default 16, and 14 with dinov2", "minimum": 1, "maximum": 64},
        "resolution": {"type": "integer",
            "description": "height and width of the images, a multiple of the patch; by default 224, and 518 with dinov2. Files with weights have that of their position embedding",
            "minimum": 1, "maximum": 1024},
        "registers": {"type": "integer", "description": "further learned tokens; 4 in DINOv2 with registers", "minimum": 0, "maximum": 64, "default": 0},
        "pool": {"type": "string", "description": "what the features are: the class token, the mean of the patches, or both joined",
            "enum": ["class-token", "mean-tokens", "class+mean"], "default": "class-token"}
    }, "additionalProperties": false}"#;
    type Parameters = Parameters;

    fn create(_: Host, parameters: Parameters) -> Result<Self, Error> {
        let [width, depth, heads] = parameters.size.sizes();
        let (patch, resolution) = match parameters.variant {
            Variant::Vit | Variant::Deit3 => (16, 224),
            Variant::Dinov2 => (14, 518),
        };
        let width = parameters.width.unwrap_or(width);
        let heads = parameters.heads.unwrap_or(heads);
        let patch = parameters.patch.unwrap_or(patch);
        let resolution = parameters.resolution.unwrap_or(resolution);
        if !resolution.is_multiple_of(patch) {
            let below = resolution / patch * patch;
            let nearest = match below {
                0 => patch.to_string(),
                below => format!("{below} or {}", below + patch),
            };
            return Err(Error::parameters(format!(
                "`resolution` is {resolution}, expected a multiple of the patch of {patch}, such as {nearest}"
            )));
        }
        if !width.is_multiple_of(heads) {
            return Err(Error::parameters(format!(
                "`heads` is {heads}, expected a number that divides the width of {width}"
            )));
        }
        Ok(VisionTransformer {
            variant: parameters.variant,
            width,
            depth: parameters.depth.unwrap_or(depth),
            heads,
            patch,
            resolution,
            registers: parameters.registers,
            pool: parameters.pool,
        })
    }
}

impl Backbone for VisionTransformer {
    fn blueprint(&self) -> Result<Blueprint, Error> {
        let patches = Conv2d::new(self.width, [self.patch; 2]).stride([self.patch; 2]);
        let registers = self.registers;
        let class_token = Layer::ClassToken { registers };
        let positions = Layer::PositionEmbedding { skip: 0 };
        let mut blueprint = Blueprint::new(&[3, self.resolution, self.resolution])
            .layer("patch_embed.proj", Layer::Conv2d(patches))
            .layer("patch_embed.tokens", Layer::Tokens);
        blueprint = match self.positions_of_patches_alone() {
            true => blueprint
                .layer("pos_embed", positions)
                .layer("class_token", class_token),
            false => blueprint
                .layer("class_token", class_token)
                .layer("pos_embed", positions),
        };
        blueprint = blueprint.cut("embedding");
        let mut before = match self.positions_of_patches_alone() {
            true => "class_token".to_owned(),
            false => "pos_embed".to_owned(),
        };
        for block in 0..self.depth {
            (blueprint, before) = self.block(blueprint, block, &before);
            blueprint = blueprint.cut(format!("block{}", block + 1));
        }
        blueprint = blueprint.layer("norm", NORM).cut("norm");
        Ok(self.named(self.pooled(blueprint).cut("features")))
    }
}

const NORM: Layer = Layer::LayerNorm { epsilon: EPSILON };

impl VisionTransformer {
    /// Whether class token and registers have no position embedding.
    fn positions_of_patches_alone(&self) -> bool {
        match self.variant {
            Variant::Vit => false,
            Variant::Deit3 => true,
            Variant::Dinov2 => self.registers > 0,
        }
    }

    /// A block with the pre-normalisation of the first paper: attention and two linear layers, each with a shortcut round it.
    fn block(&self, blueprint: Blueprint, number: usize, before: &str) -> (Blueprint, String) {
        let part = |part: &str| format!("blocks.{number}.{part}");
        let scaled = |blueprint: Blueprint, name: &str| match self.variant {
            Variant::Vit => blueprint,
            Variant::Deit3 | Variant::Dinov2 => blueprint.layer(
                part(name),
                Layer::Scale {
                    initial: LAYER_SCALE,
                },
            ),
        };
        let last = |ours: &str, scale: &str| match self.variant {
            Variant::Vit => part(ours),
            Variant::Deit3 | Variant::Dinov2 => part(scale),
        };
        let blueprint = blueprint
            .layer(part("norm1"), NORM)
            .layer(part("attn"), Layer::attention(self.heads));
        let attended = last("attn", "ls1");
        let blueprint = scaled(blueprint, "ls1")
            .layer_from(&[before, &attended], part("add1"), Layer::Add)
            .layer(part("norm2"), NORM)
            .layer(part("mlp.fc1"), Layer::linear(4 * self.width))
            .layer(part("mlp.act"), Layer::Gelu)
            .layer(part("mlp.fc2"), Layer::linear(self.width));
        let mapped = last("mlp.fc2", "ls2");
        let blueprint =
            scaled(blueprint, "ls2").layer_from(&[part("add1"), mapped], part("add2"), Layer::Add);
        (blueprint, part("add2"))
    }

    fn pooled(&self, blueprint: Blueprint) -> Blueprint {
        let class = Layer::SelectToken { index: 0 };
        let mean = Layer::MeanTokens {
            skip: 1 + self.registers,
        };
        match self.pool {
            Pool::ClassToken => blueprint.layer("pool.class", class),
            Pool::MeanTokens => blueprint.layer("pool.mean", mean),
            Pool::ClassMean => blueprint
                .layer("pool.class", class)
                .layer_from(&["norm"], "pool.mean", mean)
                .layer_from(&["pool.class", "pool.mean"], "pool.both", Layer::Concat),
        }
    }

    /// What weights are called in timm's files, where it is otherwise, and in torchvision's.
    fn named(&self, blueprint: Blueprint) -> Blueprint {
        let theirs = "encoder.layers.encoder_layer_*";
        let blueprint = match self.variant {
            // ViT and DeiT were trained on images normalised in two ways.
            Variant::Vit => blueprint,
            Variant::Deit3 | Variant::Dinov2 => {
                blueprint.published_normalise(&[0.485, 0.456, 0.406], &[0.229, 0.224, 0.225])
            }
        };
        blueprint
            .rename_weights("cls_token", "class_token.class")
            .rename_weights("reg_token", "class_token.registers")
            .rename_weights("pos_embed", "pos_embed.weight")
            .rename_weights("blocks.*.ls*.gamma", "blocks.*.ls*.weight")
            // torchvision.
            .rename_weights("class_token", "class_token.class")
            .rename_weights("conv_proj.*", "patch_embed.proj.*")
            .rename_weights("encoder.pos_embedding", "pos_embed.weight")
            .rename_weights("encoder.ln.*", "norm.*")
            .rename_weights(format!("{theirs}.ln_1.*"), "blocks.*.norm1.*")
            .rename_weights(format!("{theirs}.ln_2.*"), "blocks.*.norm2.*")
            .rename_weights(
                format!("{theirs}.self_attention.in_proj_*"),
                "blocks.*.attn.qkv.*",
            )
            .rename_weights(
                format!("{theirs}.self_attention.out_proj.*"),
                "blocks.*.attn.proj.*",
            )
            .rename_weights(format!("{theirs}.mlp.0.*"), "blocks.*.mlp.fc1.*")
            .rename_weights(format!("{theirs}.mlp.3.*"), "blocks.*.mlp.fc2.*")
            .rename_weights(format!("{theirs}.mlp.linear_1.*"), "blocks.*.mlp.fc1.*")
            .rename_weights(format!("{theirs}.mlp.linear_2.*"), "blocks.*.mlp.fc2.*")
            .ignore_weights(&["head.*", "heads.*", "mask_token"])
    }
}
