//! Every layer as JSON, and as the engine understands it.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use topwork_sdk::{
    BatchNorm, BlockOrder, Blueprint, Conv2d, Interpolation, Layer, LocalResponseNorm, Pad,
    PadMode, Pool2d,
};

const MAP: &[usize] = &[4, 6, 5];
const VECTOR: &[usize] = &[8];

/// Layers that take a map or, in front of which tokens are made of it, a sequence, and whatever else is named.
fn cases() -> Vec<(&'static [usize], bool, Layer)> {
    let map = |layer| (MAP, false, layer);
    let sequence = |layer| (MAP, true, layer);
    let vector = |layer| (VECTOR, false, layer);
    let epsilon = 1e-3;
    let pool = Pool2d::new([2, 2]).stride([2, 3]).padding([1, 0]);
    vec![
        map(Layer::conv2d(3, [2, 2])),
        map(Layer::Conv2d(Conv2d::new(4, [3, 3]).groups(2))),
        map(Layer::max_pool2d([2, 2])),
        map(Layer::MaxPool2d(pool.dilation([2, 1]).ceil_mode())),
        map(Layer::avg_pool2d([2, 2])),
        map(Layer::AvgPool2d(pool.without_counting_padding())),
        map(Layer::GlobalAvgPool2d),
        map(Layer::AdaptiveAvgPool2d { size: [2, 3] }),
        map(Layer::Pad(Pad {
            padding: [1, 2, 1, 2],
            mode: PadMode::Constant { value: 0.0 },
        })),
        map(Layer::Pad(Pad {
            padding: [0, 1, 2, 3],
            mode: PadMode::Constant { value: -1.5 },
        })),
        map(Layer::Pad(Pad {
            padding: [1, 1, 1, 1],
            mode: PadMode::Reflect,
        })),
        map(Layer::Pad(Pad {
            padding: [1, 1, 1, 1],
            mode: PadMode::Replicate,
        })),
        map(Layer::Resize {
            size: [12, 10],
            mode: Interpolation::Nearest,
        }),
        map(Layer::Resize {
            size: [3, 4],
            mode: Interpolation::Bilinear,
        }),
        vector(Layer::batch_norm1d()),
        map(Layer::batch_norm2d()),
        map(Layer::BatchNorm2d(BatchNorm {
            affine: false,
            ..BatchNorm::USUAL
        })),
        map(Layer::layer_norm()),
        sequence(Layer::LayerNorm { epsilon }),
        map(Layer::group_norm(2)),
        map(Layer::GroupNorm {
            groups: 1,
            epsilon,
            affine: false,
        }),
        map(Layer::InstanceNorm {
            epsilon: 1e-5,
            affine: false,
        }),
        map(Layer::InstanceNorm {
            epsilon,
            affine: true,
        }),
        map(Layer::LocalResponseNorm(LocalResponseNorm::new(5))),
        map(Layer::LocalResponseNorm(LocalResponseNorm {
            alpha: 2e-5,
            ..LocalResponseNorm::new(3)
        })),
        map(Layer::Scale { initial: 1e-6 }),
        map(Layer::Dropout { rate: 0.5 }),
        map(Layer::Relu),
        map(Layer::Relu6),
        map(Layer::Gelu),
        map(Layer::GeluTanh),
        map(Layer::Tanh),
        map(Layer::Sigmoid),
        map(Layer::Silu),
        map(Layer::HardSigmoid),
        map(Layer::HardSwish),
        map(Layer::LeakyRelu { slope: 0.2 }),
        map(Layer::Elu { alpha: 0.5 }),
        map(Layer::Mish),
        map(Layer::Prelu {
            per_channel: false,
            initial: 0.25,
        }),
        map(Layer::Prelu {
            per_channel: true,
            initial: 0.1,
        }),
        map(Layer::Softmax),
        map(Layer::Flatten),
        map(Layer::Tokens),
        sequence(Layer::ClassToken { registers: 0 }),
        sequence(Layer::ClassToken { registers: 4 }),
        sequence(Layer::PositionEmbedding { skip: 0 }),
        sequence(Layer::PositionEmbedding { skip: 1 }),
        sequence(Layer::SelectToken { index: 0 }),
        sequence(Layer::SelectToken { index: 7 }),
        sequence(Layer::MeanTokens { skip: 0 }),
        sequence(Layer::MeanTokens { skip: 5 }),
        sequence(Layer::attention(2)),
        sequence(Layer::Attention {
            heads: 4,
            bias: false,
            position_bias: true,
        }),
        vector(Layer::linear(3)),
        sequence(Layer::Linear {
            units: 3,
            bias: false,
        }),
        map(Layer::Slice { from: 0, to: 2 }),
        map(Layer::Slice { from: 1, to: 4 }),
        map(Layer::ChannelShuffle { groups: 2 }),
        map(Layer::WindowAttention {
            heads: 2,
            window: [1, 1],
            shift: [0, 0],
            bias: true,
        }),
        map(Layer::SpaceToDepth {
            block: 1,
            order: BlockOrder::Columns,
        }),
        map(Layer::Add),
        map(Layer::Multiply),
        map(Layer::Concat),
    ]
}

#[test]
fn the_engine_reads_every_layer_and_there_is_one_for_each_of_its_own() {
    let mut lines = Vec::new();
    let mut written = Vec::new();
    for (shape, sequence, layer) in cases() {
        let mut blueprint = Blueprint::new(shape);
        if sequence {
            blueprint = blueprint.layer("tokens", Layer::Tokens);
        }
        let joint = matches!(layer, Layer::Add | Layer::Multiply | Layer::Concat);
        let inputs: &[&str] = if joint { &["input", "input"] } else { &[] };
        let json = blueprint.layer_from(inputs, "x", layer).to_json();
        let read =
            topwork_engine::Blueprint::parse(&json).unwrap_or_else(|e| panic!("{e}\n{json}"));
        let summary = read.summary().pop().unwrap();
        written.push(summary.op);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        let own = json["layers"].as_array().unwrap().last().unwrap();
        lines.push(format!("{own}\n  {}: {}", summary.detail, summary.output));
    }
    insta::assert_snapshot!(lines.join("\n"));
    for name in topwork_engine::layers::names() {
        assert!(written.contains(&name), "there is no layer `{name}`");
    }
}
