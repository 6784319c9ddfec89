//! Every operation against a plain implementation in `f64`, and its gradients against finite differences
//! of that implementation.

mod edges;
mod evaluation;
mod large;
mod maps;
mod norms;
mod partly_frozen;
mod reference;
mod refused;
mod tokens;

use std::sync::Arc;

use dfdx::shapes::Rank0;
use dfdx::tensor::{Cpu, PutTape, Tape as _, ZerosTensor};
use dfdx::tensor_ops::Backward;
use proptest::prelude::*;
use proptest::test_runner::RngSeed;

use crate::blueprint::Blueprint;
use crate::example_networks::{blueprint, numbers};
use crate::executor::execute;
use crate::program::{Program, Training};
use crate::tape::{Recorder, Tape, Value, Variable};
use crate::{Compute, Network, Stream};
use reference::reference;

/// All numbers a result depends on: the weights in order, then the inputs; or the gradients by them.
type Numbers = Vec<f64>;

/// What the engine makes of the same: the outputs, and the gradients of `Σ output · factor` by all
/// numbers that are trained and, where wanted, by the inputs.
pub(crate) fn engine(
    network: &Network,
    inputs: &[f32],
    factors: &[f32],
    training: Training<'_>,
    fuse: bool,
) -> (Vec<f32>, Numbers) {
    let compute = Compute::new(2).unwrap();
    let buffers = compute.buffers().clone();
    let samples = inputs.len() / network.blueprint().input().elements();
    compute.run(|| {
        let device = Cpu::default();
        let new_variable = || Variable::new(&device).unwrap();
        let program = Program::compile(network.blueprint(), Some(training), fuse);
        let mut chance = Stream::new(0, "dropout");
        let layers = network.layers();
        let variables: Vec<Vec<Variable>> = layers
            .iter()
            .map(|layer| layer.learned().map(|_| new_variable()).collect())
            .collect();
        let mut recorder = Recorder {
            tape: Tape::default(),
            device: &device,
            buffers: &buffers,
            samples,
            chance: &mut chance,
            part: 0,
            layers,
            variables: &variables,
            observed: Vec::new(),
        };
        let input = training.input.then(new_variable);
        let value = Value {
            numbers: Arc::new(buffers.adopt(inputs.to_vec())),
            variable: input.clone(),
        };
        let result = execute(
            &program,
            layers,
            &buffers,
            samples,
            value.clone(),
            &mut recorder,
        );
        let result = result.unwrap().unwrap_or(value);
        let Some(last) = result.variable.clone() else {
            return (result.numbers.to_vec(), Vec::new());
        };
        let given = buffers.adopt(factors.to_vec());
        let mut tape = recorder.tape;
        tape.add_backward_op(move |gradients| last.add_gradient(gradients, given));
        let end = device.zeros::<Rank0>().put_tape(tape);
        let mut gradients = end.try_backward().unwrap();
        let mut wanted: Vec<Variable> = (variables.into_iter().zip(training.learns))
            .filter(|(_, learns)| **learns)
            .flat_map(|(variables, _)| variables)
            .collect();
        wanted.extend(input);
        let all = wanted.iter().flat_map(|variable| {
            let gradient = variable.take_gradient(&mut gradients, &buffers).unwrap();
            let gradient = gradient.expect("a gradient for every variable");
            gradient
                .iter()
                .map(|&value| f64::from(value))
                .collect::<Numbers>()
        });
        (result.numbers.to_vec(), all.collect())
    })
}

fn close(found: f64, expected: f64, scale: f64) -> bool {
    (found - expected).abs() <= 2e-4 * (1.0 + scale)
}

/// A network whose batch normalisations have seen something.
pub(crate) fn lived_in(blueprint: &Blueprint, seed: u64) -> Network {
    let mut network = Network::init(blueprint, &mut Stream::new(seed, "init"));
    let mut stream = Stream::new(seed, "life");
    for layer in network.layers_mut() {
        if layer.arrays.iter().all(|array| array.learned) {
            continue;
        }
        for array in &mut layer.arrays {
            let shift = f32::from(matches!(array.within, "weight" | "running_var"));
            for value in Arc::make_mut(&mut array.values) {
                *value = shift + stream.uniform(-0.4, 0.4);
            }
        }
    }
    network
}

/// The operations in question, all of them trained and all of them frozen; see [`check_training`].
fn check(blueprint: &Blueprint, samples: usize, seed: u64, each: bool) {
    for trained in [true, false] {
        let training = Training {
            learns: &vec![trained; blueprint.layers().len()],
            input: true,
        };
        check_training(blueprint, samples, seed, each, training);
    }
}

/// The operations in question, fused and not, against the reference: every output, and the derivative
/// along every number by itself if `each`, else along one random direction through all of them.
fn check_training(
    blueprint: &Blueprint,
    samples: usize,
    seed: u64,
    each: bool,
    training: Training<'_>,
) {
    let network = lived_in(blueprint, seed);
    let inputs = numbers(samples * blueprint.input().elements(), seed);
    let factors = numbers(samples * blueprint.output().elements(), seed + 1);
    let mut all = Numbers::new();
    // The places in `all` of what a gradient is wanted for.
    let mut moving: Vec<usize> = Vec::new();
    for (layer, &learns) in network.layers().iter().zip(training.learns) {
        let start = all.len();
        for weight in layer.learned() {
            all.extend(weight.values.iter().map(|&x| f64::from(x)));
        }
        moving.extend((start..all.len()).filter(|_| learns));
    }
    let start = all.len();
    all.extend(inputs.iter().map(|&x| f64::from(x)));
    moving.extend((start..all.len()).filter(|_| training.input));
    let expected = reference(&network, &all, training.learns);
    let sum_along = |direction: &dyn Fn(usize) -> f64, step: f64| -> f64 {
        let mut moved = all.clone();
        for (place, &index) in moving.iter().enumerate() {
            moved[index] += step * direction(place);
        }
        let outputs = reference(&network, &moved, training.learns);
        outputs
            .iter()
            .zip(&factors)
            .map(|(x, &f)| x * f64::from(f))
            .sum()
    };
    // Nothing where the slopes ahead and behind differ: a rectifier or a maximum changes over within
    // the step then, and there is no derivative to compare with.
    let slope = |direction: &dyn Fn(usize) -> f64| {
        const STEP: f64 = 1e-6;
        let [behind, here, ahead] = [-STEP, 0.0, STEP].map(|step| sum_along(direction, step));
        let (ahead, behind) = ((ahead - here) / STEP, (here - behind) / STEP);
        close(ahead, behind, ahead.abs()).then_some((ahead + behind) / 2.0)
    };
    for fuse in [true, false] {
        let (outputs, gradients) = engine(&network, &inputs, &factors, training, fuse);
        for (index, (&found, &expected)) in outputs.iter().zip(&expected).enumerate() {
            assert!(
                close(f64::from(found), expected, expected.abs()),
                "output {index} is {found}, expected {expected} in {blueprint:?}"
            );
        }
        if !training.learns.contains(&true) {
            evaluation::check(&network, &inputs, &expected, training, fuse);
        }
        assert_eq!(gradients.len(), moving.len());
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
            let direction = numbers(moving.len(), seed + 2);
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

fn conv2d(
    filters: usize,
    kernel: [usize; 2],
    stride: [usize; 2],
    padding: impl std::fmt::Debug,
) -> String {
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

/// No rectifier, or one of them.
fn rectified(which: usize) -> Option<String> {
    [r#""relu""#, r#""relu6""#].get(which).map(|name| op(name))
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
            "conv, padding behind",
            "[2, 4, 6]",
            vec![conv2d(2, [3, 3], [2, 2], [0, 0, 1, 1])],
        ),
        (
            "conv, four paddings",
            "[1, 3, 4]",
            vec![conv2d(2, [2, 3], plain, [2, 0, 1, 3])],
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
        ("relu6", "[7]", vec![op(r#""relu6""#)]),
        ("gelu", "[7]", vec![op(r#""gelu""#)]),
        ("tanh", "[7]", vec![op(r#""tanh""#)]),
        ("sigmoid", "[7]", vec![op(r#""sigmoid""#)]),
        ("silu", "[7]", vec![op(r#""silu""#)]),
        ("hard sigmoid", "[9]", vec![op(r#""hard-sigmoid""#)]),
        ("hard swish", "[9]", vec![op(r#""hard-swish""#)]),
        (
            "leaky relu",
            "[7]",
            vec![op(r#""leaky-relu", "slope": 0.3"#)],
        ),
        ("gelu by tanh", "[7]", vec![op(r#""gelu-tanh""#)]),
        (
            "layer norm of a vector",
            "[6]",
            vec![op(r#""layer-norm", "epsilon": 0.01"#)],
        ),
        (
            "layer norm of a map",
            "[3, 2, 4]",
            vec![op(r#""layer-norm""#)],
        ),
        (
            "layer norm of tokens",
            "[4, 2, 3]",
            vec![op(r#""tokens""#), op(r#""layer-norm""#)],
        ),
        ("scale of a map", "[3, 2, 4]", vec![op(r#""scale""#)]),
        (
            "scale of tokens",
            "[3, 2, 2]",
            vec![op(r#""tokens""#), op(r#""scale", "initial": 0.5"#)],
        ),
        (
            "norms without scale and shift",
            "[3, 4, 5]",
            vec![
                op(r#""batch-norm2d", "affine": false"#),
                relu(),
                flatten(),
                linear(4),
                op(r#""batch-norm1d", "affine": false"#),
            ],
        ),
        (
            "attention",
            "[4, 3, 1]",
            vec![op(r#""tokens""#), op(r#""attention", "heads": 2"#)],
        ),
        (
            "attention without bias",
            "[3, 2, 2]",
            vec![
                op(r#""tokens""#),
                op(r#""attention", "heads": 1, "bias": false"#),
            ],
        ),
        (
            "linear on tokens, with a rectifier",
            "[3, 2, 2]",
            vec![op(r#""tokens""#), linear(5), relu(), linear(2)],
        ),
        (
            "transformer block",
            "[4, 2, 2]",
            vec![
                op(r#""tokens""#),
                op(r#""layer-norm""#),
                op(r#""attention", "heads": 4"#),
                op(r#""scale""#),
                op(r#""add", "inputs": ["4", "1"]"#),
                op(r#""layer-norm""#),
                linear(6),
                op(r#""gelu""#),
                linear(4),
                op(r#""add", "inputs": ["9", "5"]"#),
                flatten(),
            ],
        ),
        (
            "linear without bias",
            "[5]",
            vec![op(r#""linear", "units": 3, "bias": false"#), relu()],
        ),
        (
            "batch norm",
            "[2, 3, 4]",
            vec![op(r#""batch-norm2d", "epsilon": 0.01"#)],
        ),
        (
            "batch norm, relu",
            "[3, 5, 5]",
            vec![op(r#""batch-norm2d""#), relu()],
        ),
        (
            "batch norm of vectors",
            "[5]",
            vec![op(r#""batch-norm1d", "epsilon": 0.01"#)],
        ),
        (
            "linear, batch norm of vectors, relu, linear",
            "[4]",
            vec![
                linear(19),
                op(r#""batch-norm1d""#),
                relu(),
                op(r#""batch-norm1d", "epsilon": 0.1"#),
                linear(3),
            ],
        ),
        (
            "max pool, padding",
            "[2, 5, 6]",
            vec![op(
                r#""max-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]"#,
            )],
        ),
        (
            "average pool, padding",
            "[2, 5, 6]",
            vec![op(
                r#""avg-pool2d", "kernel": [3, 2], "stride": [2, 2], "padding": [1, 1]"#,
            )],
        ),
        (
            "global average pool",
            "[3, 4, 5]",
            vec![op(r#""global-avg-pool2d""#)],
        ),
        (
            "depthwise and pointwise",
            "[3, 5, 5]",
            vec![
                op(
                    r#""conv2d", "filters": 6, "kernel": [3, 3], "padding": [1, 1], "groups": 3, "bias": false"#,
                ),
                op(r#""batch-norm2d""#),
                op(r#""relu6""#),
                op(r#""conv2d", "filters": 4, "kernel": [1, 1]"#),
            ],
        ),
        (
            "depthwise, two filters a channel",
            "[2, 5, 6]",
            vec![op(
                r#""conv2d", "filters": 4, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 1], "groups": 2"#,
            )],
        ),
        (
            "residual block with a shortcut",
            "[2, 6, 6]",
            vec![
                op(
                    r#""conv2d", "filters": 3, "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "bias": false"#,
                ),
                op(r#""batch-norm2d""#),
                relu(),
                op(r#""conv2d", "filters": 3, "kernel": [3, 3], "padding": [1, 1], "bias": false"#),
                op(r#""batch-norm2d""#),
                op(
                    r#""conv2d", "inputs": ["input"], "filters": 3, "kernel": [1, 1], "stride": [2, 2], "bias": false"#,
                ),
                op(r#""batch-norm2d""#),
                op(r#""add", "inputs": ["5", "7"]"#),
                relu(),
                op(r#""add", "inputs": ["9", "9"]"#),
            ],
        ),
        (
            "squeeze and excitation, parallel branches",
            "[2, 4, 4]",
            vec![
                conv2d(3, [3, 3], plain, [1, 1]),
                op(r#""global-avg-pool2d""#),
                op(r#""conv2d", "filters": 3, "kernel": [1, 1]"#),
                op(r#""sigmoid""#),
                op(r#""multiply", "inputs": ["1", "4"]"#),
                op(r#""tanh", "inputs": ["input"]"#),
                op(r#""concat", "inputs": ["5", "6", "1"]"#),
                op(r#""multiply", "inputs": ["7", "7"]"#),
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
        kernel in [1usize..5, 1usize..5], stride in [1usize..4, 1usize..4], padding in [0usize..3, 0usize..3, 0usize..3, 0usize..3],
        dilation in [1usize..3, 1usize..3], groups in 1usize..3, bias: bool,
        spare in [0usize..9, 0usize..30], rectifier in 0usize..3, pool: bool, seed in 0u64..1000,
    ) {
        let size = |axis: usize| (kernel[axis] + spare[axis]).saturating_sub(padding[axis] + padding[axis + 2]).max(1);
        let reach = |axis: usize| (kernel[axis] - 1) * dilation[axis] + 1;
        let mut layers = vec![format!(
            "{}, \"dilation\": {dilation:?}, \"groups\": {groups}, \"bias\": {bias}",
            conv2d(filters * groups, kernel, stride, padding)
        )];
        prop_assume!((0..2).all(|axis| size(axis) + (padding[axis] + padding[axis + 2]) >= reach(axis)));
        layers.extend(rectified(rectifier));
        let map = |axis: usize| (size(axis) + (padding[axis] + padding[axis + 2]) - reach(axis)) / stride[axis] + 1;
        if pool {
            layers.push(max_pool2d([map(0).min(2), map(1).min(2)], [2, 2]));
        }
        let input = format!("[{}, {}, {}]", channels * groups, size(0), size(1));
        check(&blueprint(&input, &layers), samples, seed, false);
    }

    #[test]
    fn depthwise_convolutions_of_any_shape_equal_plain_loops(
        channels in 2usize..9, filters in 1usize..6, samples in 1usize..20,
        kernel in [1usize..6, 1usize..6], stride in [1usize..4, 1usize..4], padding in [0usize..4, 0usize..4, 0usize..4, 0usize..4],
        dilation in [1usize..4, 1usize..4], bias: bool, spare in [0usize..9, 0usize..40], rectifier in 0usize..3, pool: bool,
        seed in 0u64..1000,
    ) {
        let reach = |axis: usize| (kernel[axis] - 1) * dilation[axis] + 1;
        let size = |axis: usize| (reach(axis) + spare[axis]).saturating_sub(padding[axis] + padding[axis + 2]).max(1);
        let mut layers = vec![format!(
            "{}, \"dilation\": {dilation:?}, \"groups\": {channels}, \"bias\": {bias}",
            conv2d(filters * channels, kernel, stride, padding)
        )];
        layers.extend(rectified(rectifier));
        if pool {
            let map = |axis: usize| (size(axis) + (padding[axis] + padding[axis + 2]) - reach(axis)) / stride[axis] + 1;
            layers.push(max_pool2d([map(0).min(2), map(1).min(2)], [2, 2]));
        }
        let input = format!("[{channels}, {}, {}]", size(0), size(1));
        check(&blueprint(&input, &layers), samples, seed, false);
    }

    #[test]
    fn dense_layers_of_any_size_equal_plain_loops(
        features in 1usize..70, units in 1usize..70, samples in 1usize..40, rectifier in 0usize..3, seed in 0u64..1000,
    ) {
        let mut layers = vec![op(&format!(r#""linear", "units": {units}"#))];
        layers.extend(rectified(rectifier));
        check(&blueprint(&format!("[{features}]"), &layers), samples, seed, false);
    }
}
