//! Convolutions large enough to be done in other ways than small ones.

use super::*;

/// Convolutions with many weights, whose gradients are cut another way.
#[test]
fn large_convolutions_equal_plain_loops() {
    for (input, rest) in [
        (
            "[64, 6, 6]",
            r#""filters": 64, "kernel": [3, 3], "padding": [1, 1]"#,
        ),
        (
            "[64, 7, 6]",
            r#""filters": 64, "kernel": [3, 3], "padding": [1, 1], "stride": [2, 2]"#,
        ),
        (
            "[64, 5, 5]",
            r#""filters": 128, "kernel": [3, 3], "padding": [1, 1], "groups": 2"#,
        ),
        ("[150, 3, 4]", r#""filters": 300, "kernel": [1, 1]"#),
        (
            "[150, 3, 4]",
            r#""filters": 300, "kernel": [1, 1], "stride": [2, 2]"#,
        ),
        (
            "[3, 40, 50]",
            r#""filters": 5, "kernel": [7, 7], "padding": [3, 3]"#,
        ),
        (
            "[8, 40, 50]",
            r#""filters": 3, "kernel": [5, 5], "padding": [1, 0], "stride": [2, 1]"#,
        ),
        // By Winograd's algorithm; by columns, where windows move by two.
        (
            "[64, 7, 6]",
            r#""filters": 64, "kernel": [3, 3], "padding": [0, 2, 1, 1]"#,
        ),
        (
            "[64, 8, 6]",
            r#""filters": 64, "kernel": [3, 3], "padding": [0, 0, 1, 1], "stride": [2, 2]"#,
        ),
    ] {
        let layers = [format!(r#""op": "conv2d", {rest}"#), op(r#""relu""#)];
        for samples in [1, 5] {
            check(&blueprint(input, &layers), samples, 3, false);
        }
    }
    let layers = [
        op(r#""conv2d", "filters": 64, "kernel": [3, 3], "padding": [1, 1]"#),
        op(r#""relu""#),
        max_pool2d([2, 2], [2, 2]),
    ];
    check(&blueprint("[64, 6, 6]", &layers), 5, 4, false);
}
