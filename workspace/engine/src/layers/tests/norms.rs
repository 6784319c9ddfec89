//! Norms over parts of a sample, and what else looks at channels.

use super::*;

#[test]
fn gradients_of_norms_over_parts_of_a_sample_equal_finite_differences() {
    let cases = [
        (
            "group norm",
            "[4, 2, 3]",
            op(r#""group-norm", "groups": 2"#),
        ),
        (
            "one group, another epsilon",
            "[3, 2, 2]",
            op(r#""group-norm", "groups": 1, "epsilon": 0.01"#),
        ),
        (
            "groups without scale and shift",
            "[4, 2, 2]",
            op(r#""group-norm", "groups": 2, "affine": false"#),
        ),
        (
            "group norm of a vector",
            "[6]",
            op(r#""group-norm", "groups": 2"#),
        ),
        ("instance norm", "[3, 2, 4]", op(r#""instance-norm""#)),
        (
            "instance norm with scale and shift",
            "[2, 3, 3]",
            op(r#""instance-norm", "affine": true, "epsilon": 0.1"#),
        ),
        (
            "local response norm",
            "[6, 2, 2]",
            op(r#""local-response-norm", "size": 3, "alpha": 0.7"#),
        ),
        (
            "local response norm of an even size",
            "[5, 1, 3]",
            op(r#""local-response-norm", "size": 4, "alpha": 2, "beta": 0.6, "k": 0.8"#),
        ),
        (
            "more neighbours than channels",
            "[3, 2, 2]",
            op(r#""local-response-norm", "size": 9, "alpha": 3"#),
        ),
        ("softmax of a vector", "[7]", op(r#""softmax""#)),
        ("softmax of a map", "[4, 2, 3]", op(r#""softmax""#)),
        ("prelu", "[3, 2, 3]", op(r#""prelu""#)),
        (
            "prelu with a slope for each channel",
            "[3, 2, 3]",
            op(r#""prelu", "per-channel": true, "initial": -0.4"#),
        ),
        (
            "prelu of a vector",
            "[9]",
            op(r#""prelu", "per-channel": true"#),
        ),
        ("elu", "[9]", op(r#""elu", "alpha": 0.7"#)),
        ("mish", "[9]", op(r#""mish""#)),
    ];
    for (case, input, layer) in cases {
        println!("{case}");
        check(&blueprint(input, &[layer]), 3, 11, true);
    }
    for layer in [op(r#""softmax""#), op(r#""prelu", "per-channel": true"#)] {
        let layers = [op(r#""tokens""#), layer];
        check(&blueprint("[4, 3, 2]", &layers), 3, 11, true);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { rng_seed: RngSeed::Fixed(1), ..ProptestConfig::with_cases(48) })]

    #[test]
    fn norms_of_any_size_equal_plain_loops(
        groups in 1usize..5, each in 1usize..5, size in [1usize..7, 2usize..7], samples in 1usize..20, around in 1usize..9,
        affine: bool, seed in 0u64..1000,
    ) {
        let input = format!("[{}, {}, {}]", groups * each, size[0], size[1]);
        for layer in [
            format!(r#""group-norm", "groups": {groups}, "affine": {affine}"#),
            format!(r#""instance-norm", "affine": {affine}"#),
            format!(r#""local-response-norm", "size": {around}, "alpha": 0.5"#),
        ] {
            check(&blueprint(&input, &[op(&layer)]), samples, seed, false);
        }
    }
}

/// Beyond what the exponential holds, and where nothing is a number.
#[test]
fn softmax_and_mish_hold_at_the_ends() {
    let compute = Compute::new(1).unwrap();
    let run = |layer: &str, input: &[f32]| {
        let blueprint = blueprint(&format!("[{}]", input.len()), &[op(layer)]);
        let network = Network::init(&blueprint, &mut Stream::new(0, "init"));
        let mut output = vec![0.0; input.len()];
        network.forward(&compute, input, &mut output).unwrap();
        output
    };
    let shares = run(r#""softmax""#, &[1e30, 1e30, -1e30]);
    assert_eq!(shares[..2], [0.5, 0.5]);
    assert!(shares[2] < 1e-37, "{shares:?}");
    assert!(
        run(r#""softmax""#, &[0.0, f32::NAN])
            .iter()
            .all(|x| x.is_nan())
    );
    let mish = run(r#""mish""#, &[-1e30, -100.0, 50.0, 1e30, f32::NAN]);
    assert_eq!(mish[2..4], [50.0, 1e30]);
    assert!(mish[1].abs() < 1e-30 && mish[4].is_nan(), "{mish:?}");
}
