//! The layers that a blueprint is made of. Their arithmetic, and the defaults left out of the JSON, are PyTorch's.

mod settings;

use serde::Serialize;

pub use settings::{BatchNorm, Conv2d, Interpolation, LocalResponseNorm, Pad, PadMode, Pool2d};
use settings::{is_default, is_false, is_true, is_usual_epsilon};

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(
    tag = "op",
    rename_all = "kebab-case",
    rename_all_fields = "kebab-case"
)]
pub enum Layer {
    /// `[channels, h, w]` → `[filters, h', w']`
    Conv2d(Conv2d),
    /// Each channel brought to mean 0 and variance 1, then scaled and shifted by learned numbers.
    #[serde(rename = "batch-norm2d")]
    BatchNorm2d(BatchNorm),
    /// The same for each number of a flat vector: `[features]` → `[features]`
    #[serde(rename = "batch-norm1d")]
    BatchNorm1d(BatchNorm),
    /// The greatest number of each window: `[channels, h, w]` → `[channels, h', w']`; padding is never the greatest.
    #[serde(rename = "max-pool2d")]
    MaxPool2d(Pool2d),
    /// The mean of each window: `[channels, h, w]` → `[channels, h', w']`; padding counts as zeros.
    #[serde(rename = "avg-pool2d")]
    AvgPool2d(Pool2d),
    /// The mean of each channel: `[channels, h, w]` → `[channels, 1, 1]`
    #[serde(rename = "global-avg-pool2d")]
    GlobalAvgPool2d,
    /// The mean of as many parts of each channel as are wanted: `[channels, h, w]` → `[channels, size[0], size[1]]`
    AdaptiveAvgPool2d {
        /// Down and across.
        size: [usize; 2],
    },
    /// Rows and columns added around a map.
    Pad(Pad),
    /// A map of another size, PyTorch's `interpolate` without aligned corners: `[channels, h, w]` → `[channels, size[0], size[1]]`
    Resize {
        /// Down and across.
        size: [usize; 2],
        /// Where its numbers come from.
        mode: Interpolation,
    },
    /// The numbers of a vector, of each token, or of the channels at each place of a map, brought to mean 0 and variance 1, then
    /// scaled and shifted by learned numbers.
    LayerNorm {
        /// Added to the variance; usually 1e-5, in vision transformers 1e-6.
        #[serde(skip_serializing_if = "is_usual_epsilon")]
        epsilon: f64,
    },
    /// The same for all numbers of a group of neighbouring channels.
    GroupNorm {
        /// Into how many the channels are cut.
        groups: usize,
        /// Added to the variance; usually 1e-5.
        #[serde(skip_serializing_if = "is_usual_epsilon")]
        epsilon: f64,
        /// Whether each channel is scaled and shifted by learned numbers.
        #[serde(skip_serializing_if = "is_true")]
        affine: bool,
    },
    /// The same for each channel of a map by itself.
    InstanceNorm {
        /// Added to the variance; usually 1e-5.
        #[serde(skip_serializing_if = "is_usual_epsilon")]
        epsilon: f64,
        /// Whether each channel is scaled and shifted by learned numbers.
        #[serde(skip_serializing_if = "is_false")]
        affine: bool,
    },
    /// Each number divided by a power of the mean square of its neighbours in other channels.
    LocalResponseNorm(LocalResponseNorm),
    /// Each channel, or each feature of a vector or of every token, times a learned number.
    Scale {
        /// The first value of these numbers.
        initial: f64,
    },
    /// The places of a map, row after row: `[channels, h, w]` → `[h × w, channels]`
    Tokens,
    /// A learned class token and learned registers in front of a sequence: `[tokens, width]` → `[1 + registers + tokens, width]`.
    /// Its arrays are `NAME.class` and `NAME.registers`.
    ClassToken {
        /// How many stand behind the class token.
        #[serde(skip_serializing_if = "is_default")]
        registers: usize,
    },
    /// A learned vector added to each token.
    PositionEmbedding {
        /// So many tokens at the front have none.
        #[serde(skip_serializing_if = "is_default")]
        skip: usize,
    },
    /// One token: `[tokens, width]` → `[width]`
    SelectToken {
        /// Which one, from 0.
        #[serde(skip_serializing_if = "is_default")]
        index: usize,
    },
    /// The mean of all tokens: `[tokens, width]` → `[width]`
    MeanTokens {
        /// So many at the front are left out.
        #[serde(skip_serializing_if = "is_default")]
        skip: usize,
    },
    /// Multi-head self-attention between tokens. Its arrays are `NAME.qkv.weight`, `NAME.qkv.bias`, `NAME.proj.weight`,
    /// `NAME.proj.bias` and `NAME.position_bias`, as in timm.
    Attention {
        /// Into how many the width is cut.
        heads: usize,
        /// Whether queries, keys and values have a learned number added.
        #[serde(skip_serializing_if = "is_true")]
        bias: bool,
        /// Whether each head adds a learned number to the score of every pair of tokens.
        #[serde(skip_serializing_if = "is_false")]
        position_bias: bool,
    },
    /// `[features]` → `[units]`, of each token alike.
    Linear {
        /// The number of outputs.
        units: usize,
        /// Whether each output has a learned number added.
        #[serde(skip_serializing_if = "is_true")]
        bias: bool,
    },
    /// `[channels, h, w]` → `[channels × h × w]`
    Flatten,
    /// In training, sets each number to 0 with this probability and scales up the others; otherwise does nothing.
    Dropout {
        /// From 0 to below 1.
        rate: f64,
    },
    /// The greater of 0 and x.
    Relu,
    /// x held between 0 and 6.
    Relu6,
    /// x · Φ(x) with the exact normal distribution function Φ.
    Gelu,
    /// x/2 · (1 + tanh(√(2/π) (x + 0.044715 x³))), which comes near `Gelu`.
    GeluTanh,
    /// The hyperbolic tangent.
    Tanh,
    /// 1 / (1 + e⁻ˣ)
    Sigmoid,
    /// x / (1 + e⁻ˣ)
    Silu,
    /// x + 3 held between 0 and 6, divided by 6.
    HardSigmoid,
    /// x times its `HardSigmoid`.
    HardSwish,
    /// x, or below 0 `slope` · x.
    LeakyRelu {
        /// PyTorch's is 0.01.
        slope: f64,
    },
    /// x, or below 0 `alpha` · (eˣ − 1).
    Elu {
        /// PyTorch's is 1.
        alpha: f64,
    },
    /// x · tanh(ln(1 + eˣ))
    Mish,
    /// x, or below 0 a learned number times x.
    Prelu {
        /// Whether each channel or feature has a number of its own; else there is one for all.
        #[serde(skip_serializing_if = "is_false")]
        per_channel: bool,
        /// Its first value; PyTorch's is 0.25.
        initial: f64,
    },
    /// eˣ over the sum of eˣ of all numbers of a vector, of a token, or of the channels at a place.
    Softmax,
    /// The sum of two or more inputs of one shape.
    Add,
    /// The product of two inputs of one shape; or the second has one number per channel, `[channels, 1, 1]`.
    Multiply,
    /// The channels, tokens or features of two or more inputs, one after the other.
    Concat,
    /// Some neighbouring channels, tokens or features; several on one input split it.
    Slice {
        /// The first one, from 0.
        #[serde(skip_serializing_if = "is_default")]
        from: usize,
        /// The one behind the last.
        to: usize,
    },
    /// The first channel of each group, then the second of each, and so on.
    ChannelShuffle {
        /// Into how many the channels are cut.
        groups: usize,
    },
    /// Multi-head self-attention within windows of a map, as in Swin. Its arrays are those of `Attention` with
    /// `NAME.position_bias_table`, a learned number for each distance in each head, instead of `NAME.position_bias`.
    WindowAttention {
        /// Into how many the channels are cut.
        heads: usize,
        /// Height and width of a window, which divide those of the map.
        window: [usize; 2],
        /// How far windows are moved down and to the right.
        #[serde(skip_serializing_if = "is_default")]
        shift: [usize; 2],
        /// Whether queries, keys and values have a learned number added.
        #[serde(skip_serializing_if = "is_true")]
        bias: bool,
    },
    /// `[channels, h, w]` → `[channels × block², h / block, w / block]`
    SpaceToDepth {
        /// Height and width of a block.
        block: usize,
        /// In which order places of a block become channels.
        #[serde(skip_serializing_if = "is_default")]
        order: BlockOrder,
    },
}

/// In which order places of a block become channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum BlockOrder {
    /// Row by row, as ONNX has it.
    #[default]
    Rows,
    /// Column by column, as Swin has it.
    Columns,
}

impl Layer {
    /// A convolution with bias, stride 1, no padding, no dilation and one group; [`Conv2d`] has the others.
    pub const fn conv2d(filters: usize, kernel: [usize; 2]) -> Layer {
        Layer::Conv2d(Conv2d::new(filters, kernel))
    }

    /// Batch normalisation of an image's channels with the usual settings.
    pub const fn batch_norm2d() -> Layer {
        Layer::BatchNorm2d(BatchNorm::USUAL)
    }

    /// Batch normalisation of a flat vector with the usual settings.
    pub const fn batch_norm1d() -> Layer {
        Layer::BatchNorm1d(BatchNorm::USUAL)
    }

    /// Max pooling with windows side by side and no padding; [`Pool2d`] has the others.
    pub const fn max_pool2d(kernel: [usize; 2]) -> Layer {
        Layer::MaxPool2d(Pool2d::new(kernel))
    }

    /// Average pooling with windows side by side and no padding; [`Pool2d`] has the others.
    pub const fn avg_pool2d(kernel: [usize; 2]) -> Layer {
        Layer::AvgPool2d(Pool2d::new(kernel))
    }

    /// A linear layer with bias.
    pub const fn linear(units: usize) -> Layer {
        Layer::Linear { units, bias: true }
    }

    /// Layer normalisation with the usual epsilon.
    pub const fn layer_norm() -> Layer {
        Layer::LayerNorm {
            epsilon: BatchNorm::USUAL.epsilon,
        }
    }

    /// Group normalisation with the usual settings.
    pub const fn group_norm(groups: usize) -> Layer {
        Layer::GroupNorm {
            groups,
            epsilon: BatchNorm::USUAL.epsilon,
            affine: true,
        }
    }

    /// Attention with biases of queries, keys and values, and without biases of positions.
    pub const fn attention(heads: usize) -> Layer {
        Layer::Attention {
            heads,
            bias: true,
            position_bias: false,
        }
    }
}
