//! Layers of sequences.

use super::*;

#[test]
fn gradients_of_layers_of_sequences_equal_finite_differences() {
    let tokens = || op(r#""tokens""#);
    let cases = [
        ("class token", vec![op(r#""class-token""#)]),
        (
            "class token with registers",
            vec![op(r#""class-token", "registers": 2"#)],
        ),
        ("position embedding", vec![op(r#""position-embedding""#)]),
        (
            "position embedding behind a class token and registers",
            vec![
                op(r#""class-token", "registers": 1"#),
                op(r#""position-embedding", "skip": 2"#),
            ],
        ),
        ("the first token", vec![op(r#""select-token""#)]),
        ("another token", vec![op(r#""select-token", "index": 3"#)]),
        ("the mean", vec![op(r#""mean-tokens""#)]),
        (
            "the mean of the last",
            vec![op(r#""mean-tokens", "skip": 4"#)],
        ),
        ("some tokens", vec![op(r#""slice", "from": 1, "to": 4"#)]),
        (
            "tokens behind tokens",
            vec![
                op(r#""tanh""#),
                op(r#""slice", "to": 2"#),
                op(r#""concat", "inputs": ["2", "3", "1"]"#),
            ],
        ),
        (
            "attention with biases of positions",
            vec![op(
                r#""attention", "heads": 2, "bias": false, "position-bias": true"#,
            )],
        ),
        (
            "a small vision transformer: class token joined with the mean of the others",
            vec![
                op(r#""class-token""#),
                op(r#""position-embedding""#),
                op(r#""layer-norm""#),
                op(r#""attention", "heads": 2, "position-bias": true"#),
                op(r#""add", "inputs": ["3", "5"]"#),
                op(r#""select-token""#),
                op(r#""mean-tokens", "inputs": ["6"], "skip": 1"#),
                op(r#""concat", "inputs": ["7", "8"]"#),
                op(r#""linear", "units": 3"#),
            ],
        ),
    ];
    for (case, mut layers) in cases {
        println!("{case}");
        layers.insert(0, tokens());
        check(&blueprint("[4, 3, 2]", &layers), 3, 11, true);
    }
}

#[test]
fn gradients_of_attention_in_windows_equal_finite_differences() {
    for (case, input, layers) in [
        (
            "windows side by side",
            "[4, 4, 6]",
            vec![op(r#""window-attention", "heads": 2, "window": [2, 3]"#)],
        ),
        (
            "shifted windows",
            "[4, 4, 6]",
            vec![op(
                r#""window-attention", "heads": 2, "window": [2, 3], "shift": [1, 2], "bias": false"#,
            )],
        ),
        (
            "one window, shifted along one side",
            "[2, 3, 2]",
            vec![op(
                r#""window-attention", "heads": 1, "window": [3, 2], "shift": [0, 1]"#,
            )],
        ),
        (
            "behind a convolution, with its channels last, and merged",
            "[3, 4, 4]",
            vec![
                op(r#""conv2d", "filters": 16, "kernel": [1, 1]"#),
                op(r#""layer-norm""#),
                op(r#""window-attention", "heads": 4, "window": [2, 2], "shift": [1, 1]"#),
                op(r#""add", "inputs": ["1", "3"]"#),
                op(r#""space-to-depth", "block": 2, "order": "columns""#),
            ],
        ),
    ] {
        println!("{case}");
        check(&blueprint(input, &layers), 3, 11, true);
    }
}

/// Learned tokens with more numbers than are added up at a time.
#[test]
fn positions_of_long_sequences_equal_plain_loops() {
    let layers = [
        op(r#""tokens""#),
        op(r#""position-embedding""#),
        op(r#""class-token", "registers": 3"#),
    ];
    check(&blueprint("[70, 8, 9]", &layers), 19, 5, false);
}
