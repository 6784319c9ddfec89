//! What a layer does not take, and the way out.

use super::*;

#[test]
fn what_does_not_fit_is_refused_with_the_way_out() {
    let tokens = r#"{"name": "t", "op": "tokens"}"#;
    let mut report = String::new();
    for (before, layer) in [
        ("", r#""class-token""#),
        (tokens, r#""class-token", "registers": -1"#),
        (tokens, r#""position-embedding", "skip": 6"#),
        ("", r#""position-embedding""#),
        (tokens, r#""select-token", "index": 6"#),
        (tokens, r#""mean-tokens", "skip": 7"#),
        ("", r#""mean-tokens""#),
        (tokens, r#""attention", "heads": 2, "position-bias": 3"#),
        (tokens, r#""concat", "inputs": ["t", "input"]"#),
        (
            "",
            r#""window-attention", "heads": 2, "window": [2, 2], "shift": [2, 1]"#,
        ),
        ("", r#""window-attention", "heads": 2, "window": [2, 2]"#),
        ("", r#""window-attention", "heads": 3, "window": [1, 1]"#),
        ("", r#""space-to-depth", "block": 3"#),
        ("", r#""group-norm", "groups": 3"#),
        (tokens, r#""group-norm", "groups": 2"#),
        (
            r#"{"name": "f", "op": "flatten"}"#,
            r#""group-norm", "groups": 24"#,
        ),
        ("", r#""group-norm""#),
        (
            r#"{"name": "m", "op": "global-avg-pool2d"}"#,
            r#""instance-norm""#,
        ),
        (tokens, r#""instance-norm", "epsilon": 0"#),
        ("", r#""local-response-norm", "size": 0, "k": 0"#),
        ("", r#""elu", "alpha": -1"#),
        ("", r#""pad", "mode": "mirror""#),
        ("", r#""pad", "padding": [1, 1], "mode": "reflected""#),
        ("", r#""pad", "padding": [2, 1, 3, 0], "mode": "reflect""#),
        (
            "",
            r#""pad", "padding": [1, 1], "mode": "replicate", "value": 1"#,
        ),
        ("", r#""pad", "padding": [1048576, 1048576]"#),
        ("", r#""slice", "from": 2, "to": 5"#),
        ("", r#""slice", "from": 2, "to": 2"#),
        ("", r#""slice""#),
        ("", r#""channel-shuffle", "groups": 3"#),
        ("", r#""resize", "size": [4], "mode": "bicubic""#),
        (tokens, r#""adaptive-avg-pool2d", "size": [1, 1]"#),
        (
            "",
            r#""max-pool2d", "kernel": [2, 2], "padding": [0, 2], "dilation": [1, 4]"#,
        ),
        (
            "",
            r#""max-pool2d", "kernel": [2, 2], "dilation": [1, 3], "ceil-mode": "yes""#,
        ),
        (
            "",
            r#""avg-pool2d", "kernel": [2, 2], "count-include-pad": 0"#,
        ),
    ] {
        let separator = if before.is_empty() { "" } else { ", " };
        let json = format!(
            r#"{{"format": 1, "input": [4, 3, 2], "layers": [{before}{separator}{{"name": "l", "op": {layer}}}]}}"#
        );
        let error = Blueprint::parse(&json).unwrap_err();
        report += &format!("# {layer}\n{error}\n\n");
    }
    insta::assert_snapshot!(report);
}
