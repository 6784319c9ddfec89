//! A network of the engine as nodes.

mod moves;
mod norms;
mod pooling;
mod tokens;
mod windows;

use topwork_engine::layers::{
    Attention, AvgPool2d, BatchNorm, ChannelShuffle, Conv2d, Elu, GroupNorm, InstanceNorm,
    LayerNorm, LeakyRelu, Linear, LocalResponseNorm, MaxPool2d, MeanTokens, Pad, PositionEmbedding,
    Prelu, Resize, Scale, SelectToken, Slice, SpaceToDepth, WindowAttention,
};
use topwork_engine::{LayerSpec, Network};

use crate::ExportError;
use crate::graph::{Builder, Op, Setting};

/// Writes the layers of a network; gives the tensor that holds its output. Weights keep their names behind the scope.
///
/// # Errors
/// When a layer has no form in ONNX here.
pub fn write(
    builder: &mut Builder,
    network: &Network,
    input: String,
) -> Result<String, ExportError> {
    let mut values = vec![input];
    let mut arrays = network.arrays().peekable();
    for (number, layer) in network.blueprint().layers().iter().enumerate() {
        let mut weights = Vec::new();
        while let Some(array) = arrays.next_if(|array| array.layer == number) {
            weights.push(builder.floats(array.name, array.shape, array.values));
        }
        let inputs = layer.inputs.iter().map(|&input| values[input].as_str());
        let output = of_layer(builder, layer, &inputs.collect::<Vec<_>>(), &weights);
        let output = output.ok_or_else(|| ExportError::Layer {
            name: layer.name.clone(),
            op: layer.op.name(),
        })?;
        values.push(output);
    }
    Ok(values.pop().unwrap_or_default())
}

/// The nodes of one layer; nothing where there is no form for it.
fn of_layer(
    builder: &mut Builder,
    layer: &LayerSpec,
    inputs: &[&str],
    weights: &[String],
) -> Option<String> {
    let name = &layer.name;
    let first = inputs[0];
    let mut with_weights = vec![first];
    with_weights.extend(weights.iter().map(String::as_str));
    if let Some(conv) = layer.op.get::<Conv2d>() {
        return Some(builder.node(
            Op("Conv", 1),
            name,
            &with_weights,
            &[
                ("kernel_shape", Setting::Ints(&ints(&conv.kernel))),
                ("strides", Setting::Ints(&ints(&conv.stride))),
                ("pads", Setting::Ints(&ints(&conv.padding))),
                ("dilations", Setting::Ints(&ints(&conv.dilation))),
                ("group", Setting::Int(conv.groups as i64)),
            ],
        ));
    }
    if let Some(own) = layer.op.get::<MaxPool2d>() {
        return Some(pooling::max(builder, layer, first, own));
    }
    if let Some(own) = layer.op.get::<AvgPool2d>() {
        return Some(pooling::mean(builder, layer, first, own));
    }
    if let Some(norm) = layer.op.get::<BatchNorm>() {
        // ONNX wants scales and shifts in any case.
        let channels = layer.input.dims()[0];
        let plain: Vec<String> = [("weight", 1.0), ("bias", 0.0)]
            .into_iter()
            .filter(|_| !norm.affine)
            .map(|(array, value)| {
                builder.floats(
                    &format!("{name}.{array}"),
                    &[channels],
                    &vec![value; channels],
                )
            })
            .collect();
        with_weights.splice(1..1, plain.iter().map(String::as_str));
        return Some(builder.node(
            Op("BatchNormalization", 9),
            name,
            &with_weights,
            &[("epsilon", Setting::Float(norm.epsilon))],
        ));
    }
    if let Some(linear) = layer.op.get::<Linear>() {
        if let (Some(_), Some(weight)) = (layer.input.as_tokens(), weights.first()) {
            return Some(tokens::linear(builder, name, first, weight, weights.get(1)));
        }
        return Some(builder.node(
            // The bias may be left out since 11.
            Op("Gemm", if linear.bias { 7 } else { 11 }),
            name,
            &with_weights,
            &[("transB", Setting::Int(1))],
        ));
    }
    if let Some(leaky) = layer.op.get::<LeakyRelu>() {
        let settings = [("alpha", Setting::Float(leaky.slope))];
        return Some(builder.node(Op("LeakyRelu", 6), name, &[first], &settings));
    }
    if let Some(elu) = layer.op.get::<Elu>() {
        let settings = [("alpha", Setting::Float(elu.alpha))];
        return Some(builder.node(Op("Elu", 6), name, &[first], &settings));
    }
    if let (Some(Scale { .. }), [weight]) = (layer.op.get(), weights) {
        let weight = norms::per_channel(builder, name, weight, layer.input);
        return Some(builder.binary("Mul", name, first, &weight));
    }
    of_channels(builder, layer, first, weights)
        .or_else(|| of_tokens(builder, layer, first, weights))
        .or_else(|| of_places(builder, layer, first))
        .or_else(|| without_settings(builder, layer.op.name(), name, inputs))
}

/// A layer that looks at channels.
fn of_channels(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    weights: &[String],
) -> Option<String> {
    let name = &layer.name;
    if let Some(norm) = layer.op.get::<LayerNorm>() {
        return norms::layer_norm(builder, layer, x, norm, weights);
    }
    if let Some(norm) = layer.op.get::<GroupNorm>() {
        return Some(norms::group_norm(builder, layer, x, norm, weights));
    }
    if let Some(norm) = layer.op.get::<InstanceNorm>() {
        return Some(norms::instance_norm(builder, layer, x, norm, weights));
    }
    if let Some(norm) = layer.op.get::<LocalResponseNorm>() {
        return norms::local_response_norm(builder, layer, x, norm);
    }
    match (layer.op.name(), weights) {
        ("softmax", _) => {
            let maps = layer.input.as_image().is_some();
            let settings = [("axis", Setting::Int(if maps { 1 } else { -1 }))];
            Some(builder.node(Op("Softmax", 13), name, &[x], &settings))
        }
        ("prelu", [weight]) => {
            let several = layer.op.get::<Prelu>()?.per_channel;
            let slopes = match several {
                true => norms::per_channel(builder, name, weight, layer.input),
                false => weight.clone(),
            };
            Some(builder.node(Op("PRelu", 9), name, &[x, &slopes], &[]))
        }
        _ => None,
    }
}

/// A layer of sequences.
fn of_tokens(
    builder: &mut Builder,
    layer: &LayerSpec,
    x: &str,
    weights: &[String],
) -> Option<String> {
    if let Some(own) = layer.op.get::<Attention>() {
        return tokens::attention(builder, layer, x, own, weights);
    }
    if let Some(own) = layer.op.get::<WindowAttention>() {
        return windows::attention(builder, layer, x, own, weights);
    }
    if let Some(own) = layer.op.get::<PositionEmbedding>() {
        return tokens::position_embedding(builder, layer, x, own, weights);
    }
    if let Some(own) = layer.op.get::<SelectToken>() {
        return Some(tokens::select(builder, layer, x, own));
    }
    if let Some(own) = layer.op.get::<MeanTokens>() {
        return tokens::mean(builder, layer, x, own);
    }
    match layer.op.name() {
        "tokens" => tokens::of_map(builder, layer, x),
        "class-token" => Some(tokens::class_token(builder, layer, x, weights)),
        _ => None,
    }
}

/// A layer that moves values, or makes maps of another size.
fn of_places(builder: &mut Builder, layer: &LayerSpec, x: &str) -> Option<String> {
    if let Some(own) = layer.op.get::<Pad>() {
        return Some(moves::pad(builder, layer, x, own));
    }
    if let Some(own) = layer.op.get::<Slice>() {
        return Some(moves::part(builder, layer, x, own));
    }
    if let Some(own) = layer.op.get::<ChannelShuffle>() {
        return moves::shuffle(builder, layer, x, own);
    }
    if let Some(own) = layer.op.get::<SpaceToDepth>() {
        return windows::space_to_depth(builder, layer, x, own);
    }
    if let Some(own) = layer.op.get::<Resize>() {
        return Some(pooling::resize(builder, layer, x, own));
    }
    (layer.op.name() == "adaptive-avg-pool2d").then(|| pooling::adaptive(builder, layer, x))
}

/// The nodes of a layer of which nothing but its kind need be known.
fn without_settings(
    builder: &mut Builder,
    op: &str,
    name: &str,
    inputs: &[&str],
) -> Option<String> {
    let x = inputs[0];
    Some(match op {
        "global-avg-pool2d" => builder.node(Op("GlobalAveragePool", 1), name, &[x], &[]),
        // Evaluation drops nothing.
        "dropout" => x.to_owned(),
        "flatten" => builder.node(Op("Flatten", 1), name, &[x], &[("axis", Setting::Int(1))]),
        "add" => {
            let mut sum = x.to_owned();
            for input in &inputs[1..] {
                sum = builder.binary("Add", name, &sum, input);
            }
            sum
        }
        "multiply" => builder.binary("Mul", name, x, inputs[1]),
        "concat" => builder.node(Op("Concat", 4), name, inputs, &[("axis", Setting::Int(1))]),
        "relu" => builder.node(Op("Relu", 6), name, &[x], &[]),
        "relu6" => {
            let low = builder.floats(&format!("{name}.min"), &[], &[0.0]);
            let high = builder.floats(&format!("{name}.max"), &[], &[6.0]);
            builder.node(Op("Clip", 11), name, &[x, &low, &high], &[])
        }
        "tanh" => builder.node(Op("Tanh", 6), name, &[x], &[]),
        "sigmoid" => builder.node(Op("Sigmoid", 6), name, &[x], &[]),
        // x · tanh(ln(1 + exp(x))); `Mish` itself is an operator only since 18.
        "mish" => {
            let plus = builder.node(Op("Softplus", 1), &format!("{name}.plus"), &[x], &[]);
            let tanh = builder.node(Op("Tanh", 6), &format!("{name}.tanh"), &[&plus], &[]);
            builder.binary("Mul", name, x, &tanh)
        }
        "silu" => {
            let sigmoid = builder.node(Op("Sigmoid", 6), &format!("{name}.sigmoid"), &[x], &[]);
            builder.binary("Mul", name, x, &sigmoid)
        }
        // x · ½ (1 + erf(x / √2)); `Gelu` itself is an operator only since 20.
        "gelu" => {
            let root = builder.floats(&format!("{name}.root"), &[], &[std::f32::consts::SQRT_2]);
            let scaled = builder.binary("Div", &format!("{name}.scaled"), x, &root);
            let erf = builder.node(Op("Erf", 9), &format!("{name}.erf"), &[&scaled], &[]);
            let one = builder.floats(&format!("{name}.one"), &[], &[1.0]);
            let sum = builder.binary("Add", &format!("{name}.sum"), &erf, &one);
            let half = builder.floats(&format!("{name}.half"), &[], &[0.5]);
            let share = builder.binary("Mul", &format!("{name}.share"), &sum, &half);
            builder.binary("Mul", name, x, &share)
        }
        "hard-sigmoid" => hard_sigmoid(builder, name, x),
        "hard-swish" => {
            let share = hard_sigmoid(builder, &format!("{name}.share"), x);
            builder.binary("Mul", name, x, &share)
        }
        // ½ x (1 + tanh(√(2/π) x (1 + 0.044715 x²))).
        "gelu-tanh" => {
            let mut number =
                |what: &str, value: f32| builder.floats(&format!("{name}.{what}"), &[], &[value]);
            let (one, half) = (number("one", 1.0), number("half", 0.5));
            let (cubic, root) = (number("cubic", 0.044_715), number("root", 0.797_884_6));
            let mut binary = |op: &'static str, what: &str, a: &str, b: &str| {
                builder.binary(op, &format!("{name}.{what}"), a, b)
            };
            let square = binary("Mul", "square", x, x);
            let share = binary("Mul", "share", &square, &cubic);
            let bent = binary("Add", "bent", &share, &one);
            let scaled = binary("Mul", "scaled", x, &root);
            let inner = binary("Mul", "inner", &scaled, &bent);
            let tanh = builder.node(Op("Tanh", 6), &format!("{name}.tanh"), &[&inner], &[]);
            let sum = builder.binary("Add", &format!("{name}.sum"), &tanh, &one);
            let halved = builder.binary("Mul", &format!("{name}.halved"), x, &half);
            builder.binary("Mul", name, &halved, &sum)
        }
        _ => return None,
    })
}

fn hard_sigmoid(builder: &mut Builder, name: &str, x: &str) -> String {
    let settings = [
        ("alpha", Setting::Float(1.0 / 6.0)),
        ("beta", Setting::Float(0.5)),
    ];
    builder.node(Op("HardSigmoid", 6), name, &[x], &settings)
}

fn ints(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|&size| size as i64).collect()
}
