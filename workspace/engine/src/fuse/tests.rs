use std::sync::Arc;

use proptest::prelude::*;

use crate::example_networks::{blueprint, numbers};
use crate::program::Program;
use crate::{Compute, Network, Stream};

/// A network whose norms have something to do.
fn drawn(input: [usize; 3], layers: &[String], seed: u64) -> Network {
    let blueprint = blueprint(&format!("{input:?}"), layers);
    let mut network = Network::init(&blueprint, &mut Stream::new(seed, "init"));
    for (number, weight) in (seed..).zip(network.weights_mut()) {
        if weight.shape.len() == 1 {
            let values = numbers(weight.values.len(), number);
            weight.values = Arc::new(values.iter().map(|x| 1.5 + x).collect());
        }
    }
    network
}

fn features(network: &Network, images: &[f32], threads: usize) -> Vec<f32> {
    let compute = Compute::new(threads).unwrap();
    let shape = network.blueprint();
    let samples = images.len() / shape.input().elements();
    let mut output = vec![f32::NAN; samples * shape.output().elements()];
    network.forward(&compute, images, &mut output).unwrap();
    output
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn bottlenecks_give_what_their_convolutions_give_to_the_bit(
        channels in 2usize..40, widened in 2usize..70, filters in 1usize..40,
        image in [5usize..40, 5usize..40], kernel in 0usize..3, stride in 1usize..3,
        padding in [0usize..3, 0usize..3, 0usize..3, 0usize..3], dilation in 1usize..3,
        activations in [0usize..4, 0usize..4, 0usize..4], norms: [bool; 3], biases: [bool; 3],
        expands: bool, projects: bool, samples in 1usize..40, threads in 1usize..5, seed in 0u64..1000,
    ) {
        let kernel = [1, 3, 5][kernel];
        let reach = (kernel - 1) * dilation + 1;
        let projects = projects || !expands;
        let widened = if expands { widened } else { channels };
        if (0..2).any(|axis| image[axis] + padding[axis] + padding[axis + 2] < reach) {
            return Ok(());
        }
        let depthwise = format!(
            r#""filters": {widened}, "kernel": [{kernel}, {kernel}], "stride": [{stride}, {stride}],
            "padding": {padding:?}, "dilation": [{dilation}, {dilation}], "groups": {widened}"#
        );
        let pointwise = |filters: usize| format!(r#""filters": {filters}, "kernel": [1, 1]"#);
        let parts = [
            expands.then(|| pointwise(widened)),
            Some(depthwise),
            projects.then(|| pointwise(filters)),
        ];
        let mut layers = Vec::new();
        for (number, part) in parts.iter().enumerate() {
            let Some(part) = part else { continue };
            layers.push(format!(r#""op": "conv2d", {part}, "bias": {}"#, biases[number]));
            if norms[number] {
                layers.push(r#""op": "batch-norm2d""#.to_owned());
            }
            if let Some(name) = [None, Some("relu"), Some("relu6"), Some("silu")][activations[number]] {
                layers.push(format!(r#""op": "{name}""#));
            }
        }
        let network = drawn([channels, image[0], image[1]], &layers, seed);
        // Besides the bottleneck, values are turned where they enter and leave.
        let steps = Program::compile(network.blueprint(), None, true).steps;
        prop_assert!(steps.len() <= 3);
        let images = numbers(samples * channels * image[0] * image[1], seed);
        let fused = features(&network, &images, threads);
        prop_assert_eq!(&fused, &features(&network.without_fusion(), &images, 1));
        let first = &images[..images.len() / samples];
        prop_assert_eq!(&fused[..fused.len() / samples], features(&network, first, 1));
    }
}

#[test]
fn sums_and_further_convolutions_come_behind_a_bottleneck() {
    let point = |filters: usize| {
        format!(r#""op": "conv2d", "filters": {filters}, "kernel": [1, 1], "bias": false"#)
    };
    let depthwise = |kernel: usize| {
        let padding = kernel / 2;
        format!(
            r#""op": "conv2d", "filters": 50, "kernel": [{kernel}, {kernel}], "padding": [{padding}, {padding}], "groups": 50"#
        )
    };
    let op = |name: &str| format!(r#""op": "{name}""#);
    let mut layers = vec![point(12), op("relu")];
    let block = [
        point(50),
        op("batch-norm2d"),
        op("relu6"),
        depthwise(5),
        op("batch-norm2d"),
        op("relu6"),
        point(12),
        op("batch-norm2d"),
    ];
    layers.extend(block.clone());
    layers.push(r#""op": "add", "inputs": ["10", "2"]"#.to_owned());
    layers.extend(block);
    // Another bottleneck without an expansion, whose depthwise convolution takes the sum.
    layers.extend([point(50), depthwise(3)]);
    layers.push(r#""op": "add", "inputs": ["21", "20"]"#.to_owned());
    layers.push(point(7));
    let network = drawn([5, 17, 23], &layers, 3);
    let images = numbers(9 * 5 * 17 * 23, 4);
    for threads in [1, 2, 5] {
        let fused = features(&network, &images, threads);
        assert_eq!(fused, features(&network.without_fusion(), &images, threads));
        let singly = images.chunks_exact(5 * 17 * 23);
        let singly: Vec<_> = singly
            .map(|image| features(&network, image, threads))
            .collect();
        assert_eq!(fused, singly.concat());
    }
}
