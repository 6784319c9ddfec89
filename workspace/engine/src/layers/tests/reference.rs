//! Every layer in `f64`, loop by loop, as its definition says.

mod maps;
mod norms;
mod tokens;

use super::{Network, Numbers};
use crate::blueprint::LayerSpec;
use crate::layers::{BatchNorm, Conv2d, Elu, LeakyRelu, Linear};

/// A batch through one layer, loop by loop. `inputs` has one batch per input; `network` knows the running
/// statistics, which are used unless the layer is `trained`.
fn reference_layer(
    network: &Network,
    index: usize,
    parameters: &[f64],
    inputs: &[&Numbers],
    trained: bool,
) -> Numbers {
    let layer = &network.blueprint().layers()[index];
    if let Some(&BatchNorm { epsilon, .. }) = layer.op.get() {
        return reference_norm(
            network,
            index,
            parameters,
            inputs[0],
            f64::from(epsilon),
            trained,
        );
    }
    let size = layer.input.elements();
    let samples = inputs[0].len() / size;
    let others = |sample: usize| -> Vec<&[f64]> {
        let of = |input: &&Numbers| {
            let size = input.len() / samples;
            sample * size..(sample + 1) * size
        };
        inputs.iter().map(|input| &input[of(input)]).collect()
    };
    (0..samples)
        .flat_map(|sample| reference_sample(layer, parameters, &others(sample)))
        .collect()
}

fn reference_norm(
    network: &Network,
    index: usize,
    parameters: &[f64],
    input: &Numbers,
    epsilon: f64,
    trained: bool,
) -> Numbers {
    let layer = &network.blueprint().layers()[index];
    let flat = [layer.input.elements(), 1, 1];
    let [channels, height, width] = layer.input.as_image().unwrap_or(flat);
    let channel_of = |place: usize| place / (height * width) % channels;
    let stored = network.layers()[index].named();
    let (means, variances) = (stored.of("running_mean"), stored.of("running_var"));
    let mut output = vec![0.0; input.len()];
    for channel in 0..channels {
        let own: Vec<usize> = (0..input.len())
            .filter(|&at| channel_of(at) == channel)
            .collect();
        let count = own.len() as f64;
        let mean = own.iter().map(|&at| input[at]).sum::<f64>() / count;
        let variance = own
            .iter()
            .map(|&at| (input[at] - mean).powi(2))
            .sum::<f64>()
            / count;
        let (mean, variance) = match trained {
            true => (mean, variance),
            false => (f64::from(means[channel]), f64::from(variances[channel])),
        };
        for at in own {
            let normal = (input[at] - mean) / (variance + epsilon).sqrt();
            output[at] = match parameters {
                [] => normal,
                own => normal * own[channel] + own[channels + channel],
            };
        }
    }
    output
}

/// One sample through one layer.
fn reference_sample(layer: &LayerSpec, parameters: &[f64], inputs: &[&[f64]]) -> Numbers {
    let input = inputs[0];
    let mut output = Vec::with_capacity(layer.output.elements());
    let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
    let hard_sigmoid = |x: f64| (x + 3.0).clamp(0.0, 6.0) / 6.0;
    let mut each = |function: &dyn Fn(f64) -> f64| {
        output.extend(input.iter().map(|&x| function(x)));
    };
    match layer.op.name() {
        "flatten" | "dropout" => each(&|x| x),
        "relu" => each(&|x| x.max(0.0)),
        "relu6" => each(&|x| x.clamp(0.0, 6.0)),
        "gelu" => each(&|x| x * 0.5 * (1.0 + libm::erf(x / 2f64.sqrt()))),
        "tanh" => each(&f64::tanh),
        "sigmoid" => each(&sigmoid),
        "silu" => each(&|x| x * sigmoid(x)),
        "hard-sigmoid" => each(&hard_sigmoid),
        "hard-swish" => each(&|x| x * hard_sigmoid(x)),
        "leaky-relu" => {
            let &LeakyRelu { slope } = layer.op.get().unwrap();
            each(&|x| x.max(0.0) + f64::from(slope) * x.min(0.0));
        }
        "gelu-tanh" => each(&|x| {
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x.powi(3));
            0.5 * x * (1.0 + inner.tanh())
        }),
        "scale" => {
            let (channels, places) = layer.input.channels();
            let values = input.iter().enumerate();
            output.extend(values.map(|(at, x)| x * parameters[at / places % channels]));
        }
        "linear" => {
            let &Linear { units, bias } = layer.op.get().unwrap();
            let width = layer.input.dims().last().copied().unwrap();
            for row in input.chunks_exact(width) {
                for unit in 0..units {
                    let weights = &parameters[unit * width..(unit + 1) * width];
                    let products = weights.iter().zip(row).map(|(w, x)| w * x);
                    let bias = if bias {
                        parameters[units * width + unit]
                    } else {
                        0.0
                    };
                    output.push(bias + products.sum::<f64>());
                }
            }
        }
        "add" => {
            output.extend((0..input.len()).map(|at| inputs.iter().map(|x| x[at]).sum::<f64>()));
        }
        "multiply" => {
            let share = input.len() / inputs[1].len();
            output.extend(
                input
                    .iter()
                    .enumerate()
                    .map(|(at, x)| x * inputs[1][at / share]),
            );
        }
        "concat" => output.extend(inputs.concat()),
        "global-avg-pool2d" => {
            let [channels, height, width] = layer.input.as_image().unwrap();
            let planes = input.chunks_exact(height * width);
            output.extend(planes.map(|plane| plane.iter().sum::<f64>() / plane.len() as f64));
            assert_eq!(output.len(), channels);
        }
        "conv2d" => {
            let &Conv2d {
                filters,
                kernel,
                stride,
                padding,
                dilation,
                groups,
                bias,
            } = layer.op.get().unwrap();
            let [channels, height, width] = layer.input.as_image().unwrap();
            let [_, rows, columns] = layer.output.as_image().unwrap();
            let window = kernel[0] * kernel[1];
            let seen = channels / groups;
            for filter in 0..filters {
                let first = filter / (filters / groups) * seen;
                for (row, column) in places(rows, columns) {
                    let mut sum = if bias {
                        parameters[filters * seen * window + filter]
                    } else {
                        0.0
                    };
                    for channel in 0..seen {
                        for (y, x) in places(kernel[0], kernel[1]) {
                            let weight = (filter * seen + channel) * window + y * kernel[1] + x;
                            let y = (row * stride[0] + y * dilation[0]).checked_sub(padding[0]);
                            let x = (column * stride[1] + x * dilation[1]).checked_sub(padding[1]);
                            if let (Some(y), Some(x)) = (y, x)
                                && y < height
                                && x < width
                            {
                                let value = input[((first + channel) * height + y) * width + x];
                                sum += parameters[weight] * value;
                            }
                        }
                    }
                    output.push(sum);
                }
            }
        }
        "elu" => {
            let &Elu { alpha } = layer.op.get().unwrap();
            each(&|x| x.max(0.0) + f64::from(alpha) * x.min(0.0).exp_m1());
        }
        "mish" => each(&|x| x * x.exp().ln_1p().tanh()),
        other => {
            let found = tokens::sample(layer, parameters, input)
                .or_else(|| norms::sample(layer, parameters, input))
                .or_else(|| maps::sample(layer, input));
            output = found.unwrap_or_else(|| unreachable!("{other} has no reference"));
        }
    }
    output
}

fn places(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

/// A batch through all layers, of which some are trained.
pub(super) fn reference(network: &Network, all: &[f64], trained: &[bool]) -> Numbers {
    let blueprint = network.blueprint();
    let (mut parameters, inputs) = all.split_at(network.parameters());
    let mut values = vec![inputs.to_vec()];
    for (index, (layer, summary)) in blueprint
        .layers()
        .iter()
        .zip(blueprint.summary())
        .enumerate()
    {
        let (own, rest) = parameters.split_at(summary.parameters);
        parameters = rest;
        let inputs: Vec<&Numbers> = layer.inputs.iter().map(|&input| &values[input]).collect();
        values.push(reference_layer(
            network,
            index,
            own,
            &inputs,
            trained[index],
        ));
    }
    values.pop().unwrap()
}
