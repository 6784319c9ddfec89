//! Layers that move the values of maps, or pool them.

use super::*;

#[test]
fn gradients_of_layers_that_move_values_equal_finite_differences() {
    let cases = [
        ("pad", "[2, 3, 2]", r#""pad", "padding": [1, 2]"#),
        (
            "pad with a value, by side",
            "[2, 2, 3]",
            r#""pad", "padding": [0, 1, 2, 3], "value": -1.5"#,
        ),
        (
            "pad, mirrored",
            "[2, 3, 4]",
            r#""pad", "padding": [2, 3, 1, 2], "mode": "reflect""#,
        ),
        (
            "pad, repeated",
            "[2, 3, 2]",
            r#""pad", "padding": [2, 0, 1, 3], "mode": "replicate""#,
        ),
        (
            "slice of channels",
            "[5, 2, 2]",
            r#""slice", "from": 1, "to": 3"#,
        ),
        ("slice of features", "[7]", r#""slice", "from": 2, "to": 7"#),
        (
            "channel shuffle",
            "[6, 2, 2]",
            r#""channel-shuffle", "groups": 3"#,
        ),
        (
            "blocks to channels",
            "[3, 4, 6]",
            r#""space-to-depth", "block": 2"#,
        ),
        (
            "blocks to channels, by columns",
            "[2, 3, 6]",
            r#""space-to-depth", "block": 3, "order": "columns""#,
        ),
        ("resize", "[2, 3, 2]", r#""resize", "size": [5, 4]"#),
        ("resize to less", "[2, 5, 4]", r#""resize", "size": [2, 3]"#),
        (
            "resize, bilinear",
            "[2, 3, 4]",
            r#""resize", "size": [7, 5], "mode": "bilinear""#,
        ),
        (
            "resize to less, bilinear",
            "[2, 7, 5]",
            r#""resize", "size": [3, 2], "mode": "bilinear""#,
        ),
        (
            "resize from one, bilinear",
            "[2, 1, 3]",
            r#""resize", "size": [4, 6], "mode": "bilinear""#,
        ),
        (
            "adaptive average pool",
            "[2, 5, 7]",
            r#""adaptive-avg-pool2d", "size": [3, 4]"#,
        ),
        (
            "adaptive average pool to more",
            "[2, 2, 3]",
            r#""adaptive-avg-pool2d", "size": [3, 7]"#,
        ),
        (
            "max pool, ceil mode",
            "[2, 5, 6]",
            r#""max-pool2d", "kernel": [2, 3], "stride": [2, 2], "ceil-mode": true"#,
        ),
        (
            "max pool by two, ceil mode",
            "[2, 5, 7]",
            r#""max-pool2d", "kernel": [2, 2], "ceil-mode": true"#,
        ),
        (
            "max pool, dilation",
            "[2, 6, 7]",
            r#""max-pool2d", "kernel": [2, 3], "stride": [1, 2], "padding": [1, 2], "dilation": [3, 2]"#,
        ),
        (
            "average pool, ceil mode",
            "[2, 6, 5]",
            r#""avg-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1], "ceil-mode": true"#,
        ),
        (
            "average pool, padding does not count",
            "[2, 5, 4]",
            r#""avg-pool2d", "kernel": [3, 2], "stride": [2, 1], "padding": [1, 1], "count-include-pad": false"#,
        ),
    ];
    for (case, input, layer) in cases {
        println!("{case}");
        check(&blueprint(input, &[op(layer)]), 3, 11, true);
    }
    // Behind a convolution, into which max pooling may go.
    for rest in [
        r#""ceil-mode": true"#,
        r#""stride": [1, 1], "dilation": [2, 2]"#,
    ] {
        let layers = [
            conv2d(3, [2, 2], [1, 1], [0, 0]),
            op(r#""relu""#),
            op(&format!(r#""max-pool2d", "kernel": [2, 2], {rest}"#)),
        ];
        check(&blueprint("[2, 6, 8]", &layers), 3, 11, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(64) })]

    #[test]
    fn pooling_of_any_shape_equals_plain_loops(
        channels in 1usize..4, samples in 1usize..20, kernel in [1usize..5, 1usize..5],
        stride in [1usize..4, 1usize..4], spare in [0usize..20, 0usize..20], seed in 0u64..1000,
    ) {
        let input = format!("[{channels}, {}, {}]", kernel[0] + spare[0], kernel[1] + spare[1]);
        check(&blueprint(&input, &[max_pool2d(kernel, stride)]), samples, seed, false);
    }

    #[test]
    fn pooling_with_all_its_settings_equals_plain_loops(
        channels in 1usize..3, samples in 1usize..20, kernel in [1usize..5, 1usize..5], stride in [1usize..4, 1usize..4],
        padding in [0usize..3, 0usize..3], dilation in [1usize..4, 1usize..4], ceil: bool, include: bool,
        size in [1usize..14, 1usize..14], seed in 0u64..1000,
    ) {
        let input = format!("[{channels}, {}, {}]", size[0], size[1]);
        let padding = [0, 1].map(|axis| padding[axis].min(kernel[axis] / 2));
        let windows = format!(r#""kernel": {kernel:?}, "stride": {stride:?}, "padding": {padding:?}, "ceil-mode": {ceil}"#);
        for layer in [
            format!(r#""max-pool2d", {windows}, "dilation": {dilation:?}"#),
            format!(r#""avg-pool2d", {windows}, "count-include-pad": {include}"#),
            format!(r#""adaptive-avg-pool2d", "size": {kernel:?}"#),
            format!(r#""resize", "mode": "bilinear", "size": {kernel:?}"#),
        ] {
            let json = format!(
                r#"{{"format": 1, "input": {input}, "layers": [{{"name": "1", "op": {layer}}}]}}"#
            );
            // Windows that do not fit are refused.
            if Blueprint::parse(&json).is_ok() {
                check(&blueprint(&input, &[op(&layer)]), samples, seed, false);
            }
        }
    }
}
