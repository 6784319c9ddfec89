//! Random networks of the blocks that occur.

use proptest::prelude::*;

use crate::{TOLERANCE, forward, model, names, network, numbers, run};

/// The layers of a network of blocks, one for each number, and how many classes it has.
fn layers(blocks: &[u8]) -> Vec<String> {
    let mut layers: Vec<String> = vec![convolution(4, 3, 1)];
    for block in blocks {
        let start = layers.len();
        let of = |value: usize, layer: &str| format!(r#"{layer}, "inputs": ["{value}"]"#);
        let activation =
            ["relu", "relu6", "gelu", "tanh", "sigmoid", "silu"][usize::from(block % 6)];
        let activation = format!(r#""op": "{activation}""#);
        match block / 6 % 6 {
            // A residual block.
            0 => {
                layers.push(convolution(4, 3, 1));
                layers.push(r#""op": "batch-norm2d""#.to_owned());
                layers.push(activation);
                layers.push(format!(
                    r#""op": "add", "inputs": ["{start}", "{}"]"#,
                    start + 3
                ));
            }
            // Squeeze and excitation.
            1 => {
                layers.push(r#""op": "global-avg-pool2d""#.to_owned());
                layers.push(convolution(4, 1, 1));
                layers.push(r#""op": "sigmoid""#.to_owned());
                layers.push(format!(
                    r#""op": "multiply", "inputs": ["{start}", "{}"]"#,
                    start + 3
                ));
                layers.push(activation);
            }
            // Two branches side by side, back to four channels.
            2 => {
                layers.push(of(start, &convolution(3, 3, 1)));
                layers.push(of(start, &convolution(2, 1, 1)));
                let branches = format!(r#""{}", "{}""#, start + 1, start + 2);
                layers.push(format!(r#""op": "concat", "inputs": [{branches}]"#));
                layers.push(convolution(4, 1, 1));
                layers.push(activation);
            }
            3 => {
                layers.push(convolution(4, 3, 4));
                layers.push(activation);
            }
            4 => layers.push(
                r#""op": "max-pool2d", "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]"#
                    .to_owned(),
            ),
            _ => layers.push(
                r#""op": "avg-pool2d", "kernel": [3, 3], "stride": [1, 1], "padding": [1, 1]"#
                    .to_owned(),
            ),
        }
    }
    layers.push(r#""op": "flatten""#.to_owned());
    layers
}

fn convolution(filters: usize, kernel: usize, groups: usize) -> String {
    let padding = kernel / 2;
    format!(
        r#""op": "conv2d", "filters": {filters}, "kernel": [{kernel}, {kernel}], "padding": [{padding}, {padding}], "groups": {groups}"#
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_written_network_computes_what_the_engine_does(
        blocks in prop::collection::vec(any::<u8>(), 0..6),
        seed in any::<u64>(),
        units in 2_usize..12,
    ) {
        let layers = layers(&blocks);
        let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
        let trunk = network(&[3, 6, 5], &layers, seed);
        let linear = format!(r#""op": "linear", "units": {units}"#);
        let norm = r#""op": "batch-norm1d""#;
        let head = network(&[120], &[norm, r#""op": "gelu""#, &linear], seed ^ 1);
        let images = numbers(3 * 90, seed ^ 2);
        let scores = forward(&head, &forward(&trunk, &images));
        let classes = names(units);
        let what = format!("{layers:?}");
        let agreement = run(&model(&trunk, &head, &classes), &images, &scores, &what);
        prop_assert_eq!((agreement.equal, agreement.of), (3, 3));
        // Normalisations drawn at random may make what is rounded before them ten times as large.
        prop_assert!(agreement.largest_relative_difference <= 10.0 * TOLERANCE, "{}: {:?}", what, agreement);
    }
}
