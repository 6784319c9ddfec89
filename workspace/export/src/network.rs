//! A network of the engine as nodes.

mod pooling;

use topwork_engine::layers::{AvgPool2d, BatchNorm, Conv2d, LeakyRelu, Linear, MaxPool2d, Scale};
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
    if let Some(layer) = layer.op.get::<MaxPool2d>() {
        return Some(pooling::max(builder, name, first, layer));
    }
    if let Some(layer) = layer.op.get::<AvgPool2d>() {
        return Some(pooling::mean(builder, name, first, layer));
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
    if let (Some(Scale { .. }), [weight]) = (layer.op.get(), weights) {
        let weight = match layer.input.as_image() {
            // One number for every place of a channel.
            Some([channels, ..]) => {
                builder.reshape(&format!("{name}.places"), weight, &[channels as i64, 1, 1])
            }
            None => weight.clone(),
        };
        return Some(builder.binary("Mul", name, first, &weight));
    }
    without_settings(builder, layer.op.name(), name, inputs)
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
