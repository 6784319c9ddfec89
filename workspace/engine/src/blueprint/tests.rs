use super::*;
use crate::example_networks::LENET;

fn table(blueprint: &Blueprint) -> String {
    let mut lines = vec![format!("input {}", blueprint.input())];
    for layer in blueprint.summary() {
        lines.push(format!(
            "{} | {} | {} | {} | {} | {}",
            layer.name, layer.op, layer.detail, layer.output, layer.parameters, layer.multiply_adds
        ));
    }
    for cut in blueprint.cuts() {
        lines.push(format!("{} after {}", cut.name, cut.after));
    }
    lines.join("\n")
}

#[test]
fn lenet_has_the_published_sizes() {
    let lenet = Blueprint::parse(LENET).unwrap();
    insta::assert_snapshot!(table(&lenet));
    assert_eq!(lenet.output(), Shape::features(800));
    assert_eq!(lenet.cut("pool1"), Some(3));
    assert_eq!(lenet.cut("features"), Some(7));
    assert_eq!(lenet.cut("conv1"), None);
}

#[test]
fn settings_other_than_the_defaults_show_in_the_summary() {
    let blueprint = Blueprint::parse(
        r#"{"format": 1, "input": [3, 11, 9], "layers": [
            {"name": "a", "op": "conv2d", "filters": 4, "kernel": [3, 2], "stride": [2, 1], "padding": [1, 0]},
            {"name": "b", "op": "max-pool2d", "kernel": [3, 3], "stride": [1, 2]},
            {"name": "e", "op": "conv2d", "filters": 2, "kernel": [3, 3], "padding": [0, 0, 1, 2]},
            {"name": "c", "op": "flatten"},
            {"name": "d", "op": "linear", "units": 10}]}"#,
    );
    insta::assert_snapshot!(table(&blueprint.unwrap()));
}

#[test]
fn a_trunk_keeps_its_own_cuts_only() {
    let lenet = Blueprint::parse(LENET).unwrap();
    let trunk = lenet.keep(3).unwrap();
    assert_eq!(trunk.output(), Shape::image(20, 12, 12));
    assert_eq!(trunk.layers(), &lenet.layers()[..3]);
    assert_eq!(trunk.cut("pool1"), Some(3));
    assert_eq!(trunk.cut("features"), None);
    for layers in [0, 8] {
        let error = lenet.keep(layers).unwrap_err().to_string();
        assert_eq!(
            error,
            format!("cannot keep {layers} layers, expected 1 to 7")
        );
    }
}

#[test]
fn published_weights_may_say_how_their_samples_were_normalised() {
    let with = |weights: &str| {
        Blueprint::parse(&format!(
            r#"{{"format": 1, "input": [3, 1, 1], "weights": {weights},
                "layers": [{{"name": "flat", "op": "flatten"}}]}}"#
        ))
    };
    let said = with(r#"{"normalise": {"mean": [0.5, 0, 1], "std": [0.25, 1, 2]}}"#).unwrap();
    let normalise = said.published_normalise().unwrap();
    assert_eq!((normalise.mean[0], normalise.std[2]), (0.5, 2.0));
    assert!(said.keep(1).unwrap().published_normalise().is_some());
    assert!(with("{}").unwrap().published_normalise().is_none());
    for (wrong, told) in [
        (r#"{"mean": [0.5]}"#, "`std` is missing"),
        (r#"{"mean": [0.5], "std": [0.0]}"#, "numbers above 0"),
        (
            r#"{"mean": ["a"], "std": [1.0]}"#,
            "a list of numbers, one for each channel",
        ),
        (r#"{"mean": [0.5], "std": [1, 1]}"#, "as many as `mean`"),
        (r#"{"mean": [0.5], "std": [1], "x": 1}"#, "unknown key `x`"),
        ("[0.5]", "expected an object"),
    ] {
        let error = with(&format!(r#"{{"normalise": {wrong}}}"#))
            .unwrap_err()
            .to_string();
        assert!(error.contains(told), "{wrong}: {error}");
    }
}

/// One broken blueprint per mistake, each with the whole message it must give.
#[test]
fn mistakes_are_named_with_the_way_out() {
    let layers =
        |layers: &str| format!(r#"{{"format": 1, "input": [1, 8, 8], "layers": [{layers}]}}"#);
    let flat = r#"{"name": "flat", "op": "flatten"}"#;
    let cases = [
        ("not JSON", "{\"format\": 1,".to_owned()),
        ("not an object", "[1, 2]".to_owned()),
        ("empty object", "{}".to_owned()),
        (
            "another format, no layers, wrong input",
            r#"{"format": 2, "input": [1, 2, 3, 8], "layers": []}"#.to_owned(),
        ),
        (
            "unknown keys",
            r#"{"format": 1, "inputs": [8], "input": [8], "layers": [{"name": "a", "op": "relu", "unit": 1}]}"#
                .to_owned(),
        ),
        ("unknown op", layers(r#"{"name": "c", "op": "conv2", "filters": 3}"#)),
        ("a layer that is none", layers("3")),
        ("no name", layers(r#"{"op": "relu"}"#)),
        ("no filters, no kernel", layers(r#"{"name": "c", "op": "conv2d"}"#)),
        (
            "misspelt filters",
            layers(r#"{"name": "c", "op": "conv2d", "filter": 3, "kernel": [2, 2]}"#),
        ),
        (
            "wrong numbers",
            layers(
                r#"{"name": "c", "op": "conv2d", "filters": -3, "kernel": [2], "stride": [0, 1], "padding": "same"}"#,
            ),
        ),
        (
            "kernel larger than the image",
            layers(r#"{"name": "c", "op": "conv2d", "filters": 3, "kernel": [11, 3], "padding": [1, 1]}"#),
        ),
        (
            "pool larger than the image",
            layers(r#"{"name": "p", "op": "max-pool2d", "kernel": [9, 9]}"#),
        ),
        ("batch norm of vectors on an image", layers(r#"{"name": "b", "op": "batch-norm1d"}"#)),
        ("linear on an image", layers(r#"{"name": "l", "op": "linear", "units": 5}"#)),
        (
            "convolution on features",
            layers(&format!(
                r#"{flat}, {{"name": "c", "op": "conv2d", "filters": 3, "kernel": [1, 1]}}"#
            )),
        ),
        ("the same name twice", layers(&format!("{flat}, {flat}"))),
        (
            "far too many units",
            layers(&format!(
                r#"{flat}, {{"name": "a", "op": "linear", "units": 1000000}}, {{"name": "b", "op": "linear", "units": 1000000}}"#
            )),
        ),
        (
            "a sample beyond all measure",
            r#"{"format": 1, "input": [1000000, 1000000, 1000000], "layers": [{"name": "a", "op": "relu"}]}"#.to_owned(),
        ),
        (
            "cuts",
            r#"{"format": 1, "input": [8], "layers": [{"name": "hidden1", "op": "linear", "units": 4}, {"name": "relu1", "op": "relu"}],
                "cuts": [{"name": "a", "after": "hidden"}, {"name": "a", "after": "relu1"}, {"name": "b"}, {"name": "c", "after": "zzz", "before": "x"}]}"#
                .to_owned(),
        ),
        (
            "two layers wrong and a cut",
            r#"{"format": 1, "input": [8], "layers": [{"name": "l", "op": "linear", "units": 0}, {"name": "r", "op": "rellu"}],
                "cuts": [{"name": "a", "after": "s"}]}"#
                .to_owned(),
        ),
    ];
    let mut report = String::new();
    for (case, json) in cases {
        let error = Blueprint::parse(&json).unwrap_err();
        assert!(!error.problems().is_empty(), "{case}");
        report += &format!("# {case}\n{error}\n\n");
    }
    insta::assert_snapshot!(report);
}

/// Two blocks, the second with a shortcut of its own.
const BLOCKS: &str = r#"{"format": 1, "input": [2, 8, 8], "layers": [
    {"name": "conv1", "op": "conv2d", "filters": 2, "kernel": [3, 3], "padding": [1, 1], "bias": false},
    {"name": "bn1", "op": "batch-norm2d", "epsilon": 0.001, "momentum": 0.2},
    {"name": "add1", "op": "add", "inputs": ["bn1", "input"]},
    {"name": "relu1", "op": "relu6"},
    {"name": "conv2", "op": "conv2d", "filters": 4, "kernel": [3, 3], "padding": [2, 2], "dilation": [2, 2], "groups": 2},
    {"name": "shortcut", "op": "conv2d", "inputs": ["relu1"], "filters": 4, "kernel": [1, 1]},
    {"name": "both", "op": "concat", "inputs": ["conv2", "shortcut", "relu1"]},
    {"name": "pool", "op": "avg-pool2d", "kernel": [3, 3], "stride": [2, 2], "padding": [1, 1]},
    {"name": "mean", "op": "global-avg-pool2d"},
    {"name": "gate", "op": "multiply", "inputs": ["pool", "mean"]},
    {"name": "flat", "op": "flatten"},
    {"name": "dropout", "op": "dropout", "rate": 0.5},
    {"name": "scores", "op": "linear", "units": 3, "bias": false}],
    "cuts": [{"name": "block1", "after": "relu1"}], "weights": {"ignore": ["fc.*"]}}"#;

#[test]
fn a_graph_has_its_shapes_and_sizes() {
    insta::assert_snapshot!(table(&Blueprint::parse(BLOCKS).unwrap()));
}

#[test]
fn a_cut_never_runs_through_a_branch() {
    let blocks = Blueprint::parse(BLOCKS).unwrap();
    let legal: Vec<usize> = (1..=13)
        .filter(|&layers| blocks.keep(layers).is_ok())
        .collect();
    assert_eq!(legal, [3, 4, 7, 8, 10, 11, 12, 13]);
    insta::assert_snapshot!(blocks.keep(5).unwrap_err().to_string(), @r"
    the cut after `conv2` runs through a branch: `shortcut` still needs `relu1`
      hint: the nearest legal cuts are after `relu1` and after `both`
    ");
    insta::assert_snapshot!(blocks.keep(1).unwrap_err().to_string(), @r"
    the cut after `conv1` runs through a branch: `add1` still needs `input`
      hint: the nearest legal cut is after `add1`
    ");
}

#[test]
fn mistakes_in_a_graph_are_named_with_the_way_out() {
    let layers =
        |layers: &str| format!(r#"{{"format": 1, "input": [4, 8, 8], "layers": [{layers}]}}"#);
    let conv = r#"{"name": "c", "op": "conv2d", "filters": 6, "kernel": [3, 3]"#;
    let cases = [
        ("unknown input", layers(&format!(r#"{conv}}}, {{"name": "r", "op": "relu", "inputs": ["C", "imput"]}}"#))),
        ("a later layer", layers(r#"{"name": "r", "op": "relu", "inputs": ["r"]}"#)),
        ("inputs that are no list", layers(r#"{"name": "r", "op": "relu", "inputs": "input"}"#)),
        ("too many inputs", layers(r#"{"name": "r", "op": "relu", "inputs": ["input", "input"]}"#)),
        ("too few inputs", layers(r#"{"name": "a", "op": "add"}"#)),
        ("a dead end", layers(&format!(r#"{conv}}}, {{"name": "r", "op": "relu", "inputs": ["input"]}}"#))),
        ("the name input", layers(r#"{"name": "input", "op": "relu"}"#)),
        ("sum of two shapes", layers(&format!(r#"{conv}}}, {{"name": "a", "op": "add", "inputs": ["c", "input"]}}"#))),
        ("product of two shapes", layers(&format!(r#"{conv}}}, {{"name": "m", "op": "multiply", "inputs": ["c", "input"]}}"#))),
        ("concat of two sizes", layers(&format!(r#"{conv}}}, {{"name": "m", "op": "concat", "inputs": ["c", "input"]}}"#))),
        ("batch norm of images on a vector", layers(r#"{"name": "f", "op": "flatten"}, {"name": "b", "op": "batch-norm2d"}"#)),
        ("groups", layers(&format!(r#"{conv}, "groups": 3}}"#))),
        ("dilation", layers(&format!(r#"{conv}, "dilation": [4, 4]}}"#))),
        ("padding of a pool", layers(r#"{"name": "p", "op": "max-pool2d", "kernel": [2, 2], "padding": [2, 0]}"#)),
        ("layers of tokens", layers(r#"{"name": "a", "op": "attention", "heads": 2}, {"name": "t", "op": "tokens", "inputs": ["input"]},
            {"name": "l", "op": "linear", "units": 2}, {"name": "c", "op": "conv2d", "inputs": ["t"], "filters": 2, "kernel": [1, 1]},
            {"name": "h", "op": "attention", "inputs": ["t"], "heads": 3}, {"name": "r", "op": "leaky-relu", "inputs": ["input"], "slope": -1}"#)),
        ("numbers", layers(r#"{"name": "b", "op": "batch-norm2d", "epsilon": 0, "momentum": 2}, {"name": "d", "op": "dropout", "rate": 1}"#)),
        ("flags", layers(&format!(r#"{conv}, "bias": "no"}}"#))),
        ("weights", r#"{"format": 1, "input": [4], "layers": [{"name": "r", "op": "relu"}], "weights": {"ignored": [], "ignore": "fc", "rename": [["a.*", "b"], ["a"], "b", ["c", "d"]]}}"#.to_owned()),
    ];
    let mut report = String::new();
    for (case, json) in cases {
        let error = Blueprint::parse(&json).unwrap_err();
        report += &format!("# {case}\n{error}\n\n");
    }
    insta::assert_snapshot!(report);
}
