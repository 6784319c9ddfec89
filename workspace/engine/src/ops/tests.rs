//! Every operation against a plain implementation in `f64`, and its gradients against finite differences
//! of that implementation.

use std::sync::Arc;

use dfdx::shapes::Rank0;
use dfdx::tensor::{Cpu, PutTape, Tape as _, ZerosTensor};
use dfdx::tensor_ops::Backward;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::blueprint::{Blueprint, LayerOp, LayerSpec};
use crate::example_networks::{blueprint, numbers};
use crate::ops::Pair;
use crate::tape::{Activation, Parameters, Tape, Variable, record};
use crate::{Compute, Network, Stream};

/// All numbers a result depends on: the weights in order, then the inputs; or the gradients by them.
type Numbers = Vec<f64>;

/// One sample through one layer, loop by loop.
fn reference_layer(layer: &LayerSpec, parameters: &[f64], input: &[f64]) -> Vec<f64> {
    let mut output = Vec::with_capacity(layer.output.elements());
    match &layer.op {
        LayerOp::Flatten => output.extend(input),
        LayerOp::Relu => output.extend(input.iter().map(|&x| x.max(0.0))),
        LayerOp::Linear { units } => {
            for unit in 0..*units {
                let weights = &parameters[unit * input.len()..(unit + 1) * input.len()];
                let products = weights.iter().zip(input).map(|(w, x)| w * x);
                output.push(parameters[units * input.len() + unit] + products.sum::<f64>());
            }
        }
        LayerOp::MaxPool2d { kernel, stride } => {
            let [channels, height, width] = layer.input.as_image().unwrap();
            let [_, rows, columns] = layer.output.as_image().unwrap();
            for channel in 0..channels {
                for (row, column) in places(rows, columns) {
                    let windows = places(kernel[0], kernel[1]).map(|(y, x)| {
                        let (y, x) = (row * stride[0] + y, column * stride[1] + x);
                        input[(channel * height + y) * width + x]
                    });
                    output.push(windows.fold(f64::NEG_INFINITY, f64::max));
                }
            }
        }
        LayerOp::Conv2d {
            filters,
            kernel,
            stride,
            padding,
        } => {
            let [channels, height, width] = layer.input.as_image().unwrap();
            let [_, rows, columns] = layer.output.as_image().unwrap();
            let window = kernel[0] * kernel[1];
            for filter in 0..*filters {
                for (row, column) in places(rows, columns) {
                    let mut sum = parameters[filters * channels * window + filter];
                    for channel in 0..channels {
                        for (y, x) in places(kernel[0], kernel[1]) {
                            let weight = (filter * channels + channel) * window + y * kernel[1] + x;
                            let y = (row * stride[0] + y).checked_sub(padding[0]);
                            let x = (column * stride[1] + x).checked_sub(padding[1]);
                            if let (Some(y), Some(x)) = (y, x)
                                && y < height
                                && x < width
                            {
                                let value = input[(channel * height + y) * width + x];
                                sum += parameters[weight] * value;
                            }
                        }
                    }
                    output.push(sum);
                }
            }
        }
    }
    output
}

fn places(rows: usize, columns: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |row| (0..columns).map(move |column| (row, column)))
}

/// A batch through all layers.
fn reference(blueprint: &Blueprint, all: &Numbers, samples: usize) -> Vec<f64> {
    let sizes: Vec<usize> = blueprint
        .summary()
        .iter()
        .map(|layer| layer.parameters)
        .collect();
    let (parameters, inputs) = all.split_at(sizes.iter().sum());
    assert_eq!(inputs.len(), samples * blueprint.input().elements());
    inputs
        .chunks_exact(blueprint.input().elements())
        .flat_map(|sample| {
            let mut values = sample.to_vec();
            let mut rest = parameters;
            for (layer, &size) in blueprint.layers().iter().zip(&sizes) {
                let (own, behind) = rest.split_at(size);
                values = reference_layer(layer, own, &values);
                rest = behind;
            }
            values
        })
        .collect()
}

/// What the engine makes of the same: the outputs, and the gradients of `Σ output · factor` by all
/// numbers.
fn engine(
    network: &Network,
    inputs: &[f32],
    samples: usize,
    factors: &[f32],
) -> (Vec<f32>, Numbers) {
    let compute = Compute::new(2).unwrap();
    let buffers = compute.buffers().clone();
    compute.run(|| {
        let device = Cpu::default();
        let new_variable = || Variable::new(&device).unwrap();
        let mut tape = Tape::default();
        let mut variables = Vec::new();
        let input = Activation {
            values: Arc::new(buffers.adopt(inputs.to_vec())),
            variable: new_variable(),
        };
        let mut activation = input.clone();
        for step in network.steps() {
            let parameters = step.weights.map(|index| {
                let pair = &network.pairs()[index];
                let own = Pair {
                    weight: new_variable(),
                    bias: new_variable(),
                };
                variables.extend([own.weight.clone(), own.bias.clone()]);
                Parameters {
                    values: Pair {
                        weight: Arc::clone(&pair.weight.values),
                        bias: Arc::clone(&pair.bias.values),
                    },
                    variables: Some(own),
                }
            });
            activation = record(
                &mut tape,
                &buffers,
                step,
                parameters,
                samples,
                &activation,
                true,
            )
            .unwrap();
        }
        let (last, given) = (activation.variable.clone(), buffers.adopt(factors.to_vec()));
        tape.add_backward_op(move |gradients| last.add_gradient(gradients, given));
        let end = device.zeros::<Rank0>().put_tape(tape);
        let mut gradients = end.try_backward().unwrap();
        variables.push(input.variable);
        let all = variables.iter().flat_map(|variable| {
            let gradient = variable.take_gradient(&mut gradients, &buffers).unwrap();
            let gradient = gradient.expect("a gradient for every variable");
            gradient
                .iter()
                .map(|&value| f64::from(value))
                .collect::<Numbers>()
        });
        let all = all.collect();
        (activation.values.to_vec(), all)
    })
}

fn close(found: f64, expected: f64, scale: f64) -> bool {
    (found - expected).abs() <= 2e-4 * (1.0 + scale)
}

/// The operations in question, fused and not, against the reference: every output, and the derivative
/// along every number by itself if `each`, else along one random direction through all of them.
fn check(blueprint: &Blueprint, samples: usize, seed: u64, each: bool) {
    let fused = Network::init(blueprint, &mut Stream::new(seed, "init"));
    let inputs = numbers(samples * blueprint.input().elements(), seed);
    let factors = numbers(samples * blueprint.output().elements(), seed + 1);
    let weights = fused.weights().flat_map(|weight| weight.values.iter());
    let all: Numbers = weights.chain(&inputs).map(|&x| f64::from(x)).collect();
    let expected = reference(blueprint, &all, samples);
    let sum_along = |direction: &dyn Fn(usize) -> f64, step: f64| -> f64 {
        let moved = all.iter().enumerate();
        let moved = moved
            .map(|(index, &x)| x + step * direction(index))
            .collect();
        let outputs = reference(blueprint, &moved, samples);
        outputs
            .iter()
            .zip(&factors)
            .map(|(x, &f)| x * f64::from(f))
            .sum()
    };
    // Nothing where the slopes ahead and behind differ: a rectifier or a maximum changes over within the
    // step then, and there is no derivative to compare with.
    let slope = |direction: &dyn Fn(usize) -> f64| {
        const STEP: f64 = 1e-6;
        let [behind, here, ahead] = [-STEP, 0.0, STEP].map(|step| sum_along(direction, step));
        let (ahead, behind) = ((ahead - here) / STEP, (here - behind) / STEP);
        close(ahead, behind, ahead.abs()).then_some((ahead + behind) / 2.0)
    };
    for network in [&fused, &fused.without_fusion()] {
        let (outputs, gradients) = engine(network, &inputs, samples, &factors);
        for (index, (&found, &expected)) in outputs.iter().zip(&expected).enumerate() {
            assert!(
                close(f64::from(found), expected, expected.abs()),
                "output {index} is {found}, expected {expected} in {blueprint:?}"
            );
        }
        assert_eq!(gradients.len(), all.len());
        if each {
            for (index, &found) in gradients.iter().enumerate() {
                let expected = slope(&|other| f64::from(u8::from(other == index)));
                let expected = expected.expect("a derivative");
                assert!(
                    close(found, expected, expected.abs()),
                    "gradient {index} is {found}, expected {expected} in {blueprint:?}"
                );
            }
        } else {
            let direction = numbers(all.len(), seed + 2);
            let products = gradients.iter().zip(&direction);
            let products = products.map(|(&g, &d)| g * f64::from(d));
            let scale = products.clone().map(f64::abs).sum::<f64>();
            let found: f64 = products.sum();
            if let Some(expected) = slope(&|index| f64::from(direction[index])) {
                assert!(
                    close(found, expected, scale),
                    "slope is {found}, expected {expected} in {blueprint:?}"
                );
            }
        }
    }
}

fn conv2d(filters: usize, kernel: [usize; 2], stride: [usize; 2], padding: [usize; 2]) -> String {
    format!(
        r#""op": "conv2d", "filters": {filters}, "kernel": {kernel:?}, "stride": {stride:?}, "padding": {padding:?}"#
    )
}

fn max_pool2d(kernel: [usize; 2], stride: [usize; 2]) -> String {
    format!(r#""op": "max-pool2d", "kernel": {kernel:?}, "stride": {stride:?}"#)
}

fn op(rest: &str) -> String {
    format!(r#""op": {rest}"#)
}

#[test]
fn every_gradient_of_every_operation_equals_its_finite_difference() {
    let relu = || op(r#""relu""#);
    let flatten = || op(r#""flatten""#);
    let linear = |units: usize| op(&format!(r#""linear", "units": {units}"#));
    let plain = [1, 1];
    let cases = [
        ("relu", "[7]", vec![relu()]),
        ("flatten alone", "[2, 3, 2]", vec![flatten()]),
        ("linear", "[5]", vec![linear(3)]),
        ("linear-relu", "[5]", vec![linear(20), relu()]),
        ("two linear", "[4]", vec![linear(6), relu(), linear(2)]),
        ("pool by two", "[2, 4, 6]", vec![max_pool2d([2, 2], [2, 2])]),
        (
            "pool, odd sizes",
            "[1, 5, 7]",
            vec![max_pool2d([2, 2], [2, 2])],
        ),
        (
            "pool, overlap",
            "[2, 5, 6]",
            vec![max_pool2d([3, 2], [1, 2])],
        ),
        ("pool, gaps", "[1, 7, 7]", vec![max_pool2d([2, 1], [3, 2])]),
        ("conv", "[2, 5, 6]", vec![conv2d(3, [3, 2], plain, [0, 0])]),
        (
            "conv, 8 wide",
            "[2, 4, 10]",
            vec![conv2d(2, [2, 3], plain, [0, 0])],
        ),
        (
            "conv, stride",
            "[1, 6, 7]",
            vec![conv2d(2, [2, 3], [2, 3], [0, 0])],
        ),
        (
            "conv, padding",
            "[2, 3, 4]",
            vec![conv2d(2, [3, 3], plain, [1, 2])],
        ),
        (
            "conv, wide padding",
            "[1, 2, 2]",
            vec![conv2d(1, [2, 2], [2, 1], [3, 2])],
        ),
        (
            "conv-relu",
            "[1, 4, 4]",
            vec![conv2d(3, [2, 2], plain, [0, 0]), relu()],
        ),
        (
            "conv-relu-pool-flatten-linear",
            "[1, 7, 7]",
            vec![
                conv2d(2, [2, 2], plain, [0, 0]),
                relu(),
                max_pool2d([2, 2], [2, 2]),
                flatten(),
                linear(3),
            ],
        ),
        (
            "conv-pool-conv-relu-pool with overlap",
            "[1, 8, 8]",
            vec![
                conv2d(2, [3, 3], plain, [1, 1]),
                max_pool2d([2, 2], [2, 2]),
                conv2d(3, [2, 2], plain, [0, 0]),
                relu(),
                max_pool2d([2, 2], [1, 1]),
            ],
        ),
    ];
    for (case, input, layers) in cases {
        println!("{case}");
        check(&blueprint(input, &layers), 3, 11, true);
    }
}

proptest! {
    // The same cases every time: among endlessly many there is one whose rounding in f32 falls on the
    // other side of a rectifier.
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(96) })]

    #[test]
    fn convolutions_of_any_shape_equal_plain_loops(
        channels in 1usize..4, filters in 1usize..6, samples in 1usize..36,
        kernel in [1usize..5, 1usize..5], stride in [1usize..4, 1usize..4], padding in [0usize..3, 0usize..3],
        spare in [0usize..9, 0usize..30], relu: bool, pool: bool, seed in 0u64..1000,
    ) {
        let size = |axis: usize| (kernel[axis] + spare[axis]).saturating_sub(2 * padding[axis]).max(1);
        prop_assume!((0..2).all(|axis| size(axis) + 2 * padding[axis] >= kernel[axis]));
        let mut layers = vec![conv2d(filters, kernel, stride, padding)];
        if relu {
            layers.push(op(r#""relu""#));
        }
        let map = |axis: usize| (size(axis) + 2 * padding[axis] - kernel[axis]) / stride[axis] + 1;
        if pool {
            layers.push(max_pool2d([map(0).min(2), map(1).min(2)], [2, 2]));
        }
        let input = format!("[{channels}, {}, {}]", size(0), size(1));
        check(&blueprint(&input, &layers), samples, seed, false);
    }

    #[test]
    fn pooling_of_any_shape_equals_plain_loops(
        channels in 1usize..4, samples in 1usize..20, kernel in [1usize..5, 1usize..5],
        stride in [1usize..4, 1usize..4], spare in [0usize..20, 0usize..20], seed in 0u64..1000,
    ) {
        let input = format!("[{channels}, {}, {}]", kernel[0] + spare[0], kernel[1] + spare[1]);
        check(&blueprint(&input, &[max_pool2d(kernel, stride)]), samples, seed, false);
    }

    #[test]
    fn dense_layers_of_any_size_equal_plain_loops(
        features in 1usize..70, units in 1usize..70, samples in 1usize..40, relu: bool, seed in 0u64..1000,
    ) {
        let mut layers = vec![op(&format!(r#""linear", "units": {units}"#))];
        if relu {
            layers.push(op(r#""relu""#));
        }
        check(&blueprint(&format!("[{features}]"), &layers), samples, seed, false);
    }
}

/// A diverged network must end in a loss that is not a number, not in units that are silently off.
#[test]
fn what_is_not_a_number_stays_so() {
    let layers = [
        conv2d(1, [1, 1], [1, 1], [0, 0]),
        op(r#""relu""#),
        max_pool2d([2, 2], [2, 2]),
    ];
    let network = Network::init(
        &blueprint("[1, 2, 2]", &layers),
        &mut Stream::new(0, "init"),
    );
    let compute = Compute::new(1).unwrap();
    for place in 0..4 {
        let mut image = [0.5; 4];
        image[place] = f32::NAN;
        for network in [&network, &network.without_fusion()] {
            let mut output = [0.0];
            network.forward(&compute, &image, &mut output).unwrap();
            assert!(output[0].is_nan(), "place {place}");
        }
    }
}

/// Of equal values the first wins, as in PyTorch.
#[test]
fn a_tie_sends_its_gradient_to_the_first_value() {
    for (kernel, stride) in [([2, 2], [2, 2]), ([2, 2], [1, 1])] {
        let network = Network::init(
            &blueprint("[1, 2, 2]", &[max_pool2d(kernel, stride)]),
            &mut Stream::new(0, "init"),
        );
        let (_, gradients) = engine(&network, &[3.0; 4], 1, &[7.0]);
        assert_eq!(gradients, [7.0, 0.0, 0.0, 0.0]);
    }
}
