//! A network of the engine as nodes.

use topwork_engine::{Activation, LayerOp, LayerSpec, Network};

use crate::graph::{Builder, Op, Setting};

/// Writes the layers of a network; gives the tensor that holds its output. Weights keep their names behind the scope.
pub fn write(builder: &mut Builder, network: &Network, input: String) -> String {
    let mut values = vec![input];
    let mut arrays = network.arrays().peekable();
    for (number, layer) in network.blueprint().layers().iter().enumerate() {
        let mut weights = Vec::new();
        while let Some(array) = arrays.next_if(|array| array.layer == number) {
            weights.push(builder.floats(array.name, array.shape, array.values));
        }
        let inputs = layer.inputs.iter().map(|&input| values[input].as_str());
        let output = of_layer(builder, layer, &inputs.collect::<Vec<_>>(), &weights);
        values.push(output);
    }
    values.pop().unwrap_or_default()
}

fn of_layer(
    builder: &mut Builder,
    layer: &LayerSpec,
    inputs: &[&str],
    weights: &[String],
) -> String {
    let name = &layer.name;
    let first = inputs[0];
    let mut with_weights = vec![first];
    with_weights.extend(weights.iter().map(String::as_str));
    match &layer.op {
        LayerOp::Conv2d {
            kernel,
            stride,
            padding,
            dilation,
            groups,
            ..
        } => builder.node(
            Op("Conv", 1),
            name,
            &with_weights,
            &[
                ("kernel_shape", Setting::Ints(&ints(kernel))),
                ("strides", Setting::Ints(&ints(stride))),
                ("pads", Setting::Ints(&ints(padding))),
                ("dilations", Setting::Ints(&ints(dilation))),
                ("group", Setting::Int(*groups as i64)),
            ],
        ),
        LayerOp::MaxPool2d {
            kernel,
            stride,
            padding: [rows, columns],
        } => builder.node(
            Op("MaxPool", 1),
            name,
            &[first],
            &[
                ("kernel_shape", Setting::Ints(&ints(kernel))),
                ("strides", Setting::Ints(&ints(stride))),
                (
                    "pads",
                    Setting::Ints(&ints(&[*rows, *columns, *rows, *columns])),
                ),
            ],
        ),
        LayerOp::AvgPool2d {
            kernel,
            stride,
            padding: [rows, columns],
        } => builder.node(
            Op("AveragePool", 7),
            name,
            &[first],
            &[
                ("kernel_shape", Setting::Ints(&ints(kernel))),
                ("strides", Setting::Ints(&ints(stride))),
                (
                    "pads",
                    Setting::Ints(&ints(&[*rows, *columns, *rows, *columns])),
                ),
                ("count_include_pad", Setting::Int(1)),
            ],
        ),
        LayerOp::GlobalAvgPool2d => builder.node(Op("GlobalAveragePool", 1), name, &[first], &[]),
        LayerOp::BatchNorm2d { epsilon, .. } | LayerOp::BatchNorm1d { epsilon, .. } => builder
            .node(
                Op("BatchNormalization", 9),
                name,
                &with_weights,
                &[("epsilon", Setting::Float(*epsilon))],
            ),
        // Evaluation drops nothing.
        LayerOp::Dropout { .. } => first.to_owned(),
        LayerOp::Activation(activation) => of_activation(builder, *activation, name, first),
        LayerOp::Flatten => builder.node(
            Op("Flatten", 1),
            name,
            &[first],
            &[("axis", Setting::Int(1))],
        ),
        LayerOp::Linear { bias, .. } => builder.node(
            // The bias may be left out since 11.
            Op("Gemm", if *bias { 7 } else { 11 }),
            name,
            &with_weights,
            &[("transB", Setting::Int(1))],
        ),
        LayerOp::Add => {
            let mut sum = first.to_owned();
            for input in &inputs[1..] {
                sum = builder.binary("Add", name, &sum, input);
            }
            sum
        }
        LayerOp::Multiply => builder.binary("Mul", name, first, inputs[1]),
        LayerOp::Concat => {
            builder.node(Op("Concat", 4), name, inputs, &[("axis", Setting::Int(1))])
        }
    }
}

fn of_activation(builder: &mut Builder, activation: Activation, name: &str, x: &str) -> String {
    match activation {
        Activation::Relu => builder.node(Op("Relu", 6), name, &[x], &[]),
        Activation::Relu6 => {
            let low = builder.floats(&format!("{name}.min"), &[], &[0.0]);
            let high = builder.floats(&format!("{name}.max"), &[], &[6.0]);
            builder.node(Op("Clip", 11), name, &[x, &low, &high], &[])
        }
        Activation::Tanh => builder.node(Op("Tanh", 6), name, &[x], &[]),
        Activation::Sigmoid => builder.node(Op("Sigmoid", 6), name, &[x], &[]),
        Activation::Silu => {
            let sigmoid = builder.node(Op("Sigmoid", 6), &format!("{name}.sigmoid"), &[x], &[]);
            builder.binary("Mul", name, x, &sigmoid)
        }
        // x · ½ (1 + erf(x / √2)); `Gelu` itself is an operator only since 20.
        Activation::Gelu => {
            let root = builder.floats(&format!("{name}.root"), &[], &[std::f32::consts::SQRT_2]);
            let scaled = builder.binary("Div", &format!("{name}.scaled"), x, &root);
            let erf = builder.node(Op("Erf", 9), &format!("{name}.erf"), &[&scaled], &[]);
            let one = builder.floats(&format!("{name}.one"), &[], &[1.0]);
            let sum = builder.binary("Add", &format!("{name}.sum"), &erf, &one);
            let half = builder.floats(&format!("{name}.half"), &[], &[0.5]);
            let share = builder.binary("Mul", &format!("{name}.share"), &sum, &half);
            builder.binary("Mul", name, x, &share)
        }
    }
}

fn ints(sizes: &[usize]) -> Vec<i64> {
    sizes.iter().map(|&size| size as i64).collect()
}
