//! ONNX files made here, imported for a small network with a branch.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use prost::Message;

use topwork_onnx::message::{Attribute, Graph, Model, Node, Tensor};

use crate::{Match, WeightsFile, import};

/// Two convolutions one behind the other and a third round them, each with batch normalisation, and a
/// linear layer.
const NETWORK: &str = r#"{"format": 1, "input": [2, 6, 6], "layers": [
    {"name": "stem.conv", "op": "conv2d", "filters": 4, "kernel": [3, 3], "stride": [2, 2], "padding": [0, 0, 1, 1], "bias": false},
    {"name": "stem.norm", "op": "batch-norm2d", "epsilon": 0.001},
    {"name": "stem.relu6", "op": "relu6"},
    {"name": "depthwise.conv", "op": "conv2d", "filters": 4, "kernel": [3, 3], "padding": [1, 1], "groups": 4, "bias": false},
    {"name": "depthwise.norm", "op": "batch-norm2d", "epsilon": 0.001},
    {"name": "shortcut.conv", "op": "conv2d", "inputs": ["stem.relu6"], "filters": 4, "kernel": [1, 1]},
    {"name": "add", "op": "add", "inputs": ["depthwise.norm", "shortcut.conv"]},
    {"name": "pool", "op": "global-avg-pool2d"},
    {"name": "flatten", "op": "flatten"},
    {"name": "scores", "op": "linear", "units": 3}]}"#;

/// What the values of a tensor begin with, another number for each name.
fn first(name: &str) -> f32 {
    name.bytes()
        .fold(0.0, |sum, byte| 100.0 * sum + f32::from(byte))
}

fn tensor(name: &str, dims: &[i64]) -> Tensor {
    let count: i64 = dims.iter().product();
    let values = (0..count).flat_map(|index| (first(name) + index as f32).to_le_bytes());
    Tensor {
        dims: dims.to_vec(),
        data_type: 1,
        name: name.to_owned(),
        raw_data: values.collect::<Vec<u8>>().into(),
        ..Tensor::default()
    }
}

fn ints(name: &str, ints: &[i64]) -> Attribute {
    Attribute {
        name: name.to_owned(),
        ints: ints.to_vec(),
        ..Attribute::default()
    }
}

fn int(name: &str, i: i64) -> Attribute {
    Attribute {
        name: name.to_owned(),
        i: Some(i),
        ..Attribute::default()
    }
}

fn node(op: &str, inputs: &[&str], output: &str, attribute: Vec<Attribute>) -> Node {
    Node {
        input: inputs.iter().map(|&input| input.to_owned()).collect(),
        output: vec![output.to_owned()],
        name: String::new(),
        op_type: op.to_owned(),
        attribute,
        ..Node::default()
    }
}

/// The network as an exporter writes it that folds batch normalisations.
fn folded() -> Graph {
    let conv = |input, name: &str, output, attributes| {
        let (weight, bias) = (format!("{name}w"), format!("{name}b"));
        node("Conv", &[input, &weight, &bias], output, attributes)
    };
    Graph {
        node: vec![
            conv(
                "image",
                "1",
                "a",
                vec![ints("strides", &[2, 2]), ints("pads", &[0, 0, 1, 1])],
            ),
            node("Clip", &["a", "lo", "hi"], "b", vec![]),
            conv(
                "b",
                "2",
                "c",
                vec![int("group", 4), ints("pads", &[1, 1, 1, 1])],
            ),
            conv("b", "3", "d", vec![]),
            node("Add", &["c", "d"], "e", vec![]),
            node("GlobalAveragePool", &["e"], "f", vec![]),
            node("Flatten", &["f"], "g", vec![]),
            node("Gemm", &["g", "4w", "4b"], "h", vec![int("transB", 1)]),
            node("Gemm", &["h", "5w"], "i", vec![]),
        ],
        initializer: vec![
            tensor("lo", &[]),
            tensor("hi", &[]),
            tensor("1w", &[4, 2, 3, 3]),
            tensor("1b", &[4]),
            tensor("2w", &[4, 1, 3, 3]),
            tensor("2b", &[4]),
            tensor("3w", &[4, 4, 1, 1]),
            tensor("3b", &[4]),
            tensor("4w", &[3, 4]),
            tensor("4b", &[3]),
            tensor("5w", &[3, 2]),
        ],
        ..Graph::default()
    }
}

/// The same with batch normalisations.
fn unfolded() -> Graph {
    let mut graph = folded();
    for (place, output, norm) in [(0, "a", "n"), (3, "c", "m")] {
        graph.node[place].input.truncate(2);
        let conv = format!("{output} before");
        graph.node[place].output = vec![conv.clone()];
        let tensors = [1, 2, 3, 4].map(|number| format!("{norm}{number}"));
        let mut inputs = vec![conv.as_str()];
        inputs.extend(tensors.iter().map(String::as_str));
        let epsilon = Attribute {
            name: "epsilon".to_owned(),
            f: Some(0.001),
            ..Attribute::default()
        };
        let norm = node("BatchNormalization", &inputs, output, vec![epsilon]);
        graph.node.insert(place + 1, norm);
        graph
            .initializer
            .extend(tensors.iter().map(|name| tensor(name, &[4])));
    }
    graph
        .initializer
        .retain(|tensor| !["1b", "2b"].contains(&tensor.name.as_str()));
    graph
}

fn file(graph: Graph) -> WeightsFile {
    let model = Model {
        ir_version: 8,
        graph: Some(graph),
        ..Model::default()
    };
    WeightsFile::read(model.encode_to_vec()).unwrap()
}

/// Every weight with the tensor whose values it has: `name` of the tensor, `×` for a constant.
fn weights(graph: Graph) -> (Match, Vec<String>) {
    let file = file(graph);
    let imported = import(&file, NETWORK, None).unwrap();
    let written = WeightsFile::read(imported.safetensors).unwrap();
    let mut lines: Vec<String> = (written.tensors().iter())
        .map(|weight| {
            let values = weight.values().unwrap();
            let same = file.tensors().iter().find(|tensor| {
                let same = tensor.values().unwrap();
                tensor.shape() == weight.shape() && same == values
            });
            let from = same.map_or(format!("{values:?}"), |tensor| tensor.name().to_owned());
            format!("{} = {from}", weight.name())
        })
        .collect();
    lines.sort();
    lines.push(format!("ignored {:?}", imported.ignored));
    (imported.found, lines)
}

#[test]
fn folded_batch_normalisations_leave_a_bias_and_do_nothing_else() {
    let (found, lines) = weights(folded());
    assert_eq!(found, Match::Graph { folded: 2 });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn batch_normalisations_are_taken_where_there_are_some() {
    let (found, lines) = weights(unfolded());
    assert_eq!(found, Match::Graph { folded: 0 });
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn names_come_before_the_graph() {
    let mut graph = unfolded();
    let names = [
        ("1w", "stem.conv.weight"),
        ("n1", "stem.norm.weight"),
        ("n2", "stem.norm.bias"),
        ("n3", "stem.norm.running_mean"),
        ("n4", "stem.norm.running_var"),
        ("2w", "depthwise.conv.weight"),
        ("m1", "depthwise.norm.weight"),
        ("m2", "depthwise.norm.bias"),
        ("m3", "depthwise.norm.running_mean"),
        ("m4", "depthwise.norm.running_var"),
        ("3w", "shortcut.conv.weight"),
        ("3b", "shortcut.conv.bias"),
        ("4w", "scores.weight"),
        ("4b", "scores.bias"),
    ];
    graph.initializer.retain_mut(|tensor| {
        let name = names.iter().find(|(old, _)| *old == tensor.name);
        name.map(|(_, name)| tensor.name = (*name).to_owned())
            .is_some()
    });
    // Without its nodes the graph tells nothing.
    graph.node.clear();
    let imported = import(&file(graph), NETWORK, None).unwrap();
    assert_eq!(imported.found, Match::Names);
    assert_eq!((imported.taken, imported.ignored.len()), (14, 0));
}

#[test]
fn a_weight_of_a_linear_layer_may_be_the_other_way_round() {
    let mut graph = folded();
    let place = graph
        .initializer
        .iter()
        .position(|tensor| tensor.name == "4w")
        .unwrap();
    graph.initializer[place] = tensor("4w", &[4, 3]);
    graph.node[7].attribute.clear();
    let (_, lines) = weights(graph);
    let turned = [0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11].map(|index| first("4w") + index as f32);
    assert!(
        lines.contains(&format!("scores.weight = {turned:?}")),
        "{lines:#?}"
    );
}

#[test]
fn a_graph_of_another_network_is_refused() {
    type Change = fn(&mut Graph);
    let cases: [(&str, Change); 12] = [
        ("another stride", |graph| {
            graph.node[0].attribute[0].ints = vec![1, 1]
        }),
        ("another padding", |graph| {
            graph.node[0].attribute[1].ints = vec![1, 1, 1, 1]
        }),
        ("another dilation", |graph| {
            graph.node[2].attribute.push(ints("dilations", &[2, 2]));
        }),
        ("another number of groups", |graph| {
            graph.node[2].attribute[0].i = Some(1)
        }),
        ("branches mixed up", |graph| {
            graph.node[3].input[0] = "c".to_owned()
        }),
        ("a convolution too few", |graph| {
            graph.node.remove(3);
        }),
        ("a convolution too many", |graph| {
            let more = node("Conv", &["d", "3w", "3b"], "dd", vec![]);
            graph.node.insert(4, more);
            graph.node[5].input[1] = "dd".to_owned();
        }),
        ("another shape", |graph| {
            graph.initializer[6].dims = vec![2, 8, 1, 1]
        }),
        ("whole numbers", |graph| {
            graph.initializer[6].data_type = 6;
        }),
        ("a weight that is computed", |graph| {
            graph.node[3].input[1] = "a".to_owned()
        }),
        ("values elsewhere", |graph| {
            graph.initializer[6].data_location = 1
        }),
        ("fewer values than said", |graph| {
            graph.initializer[6].dims = vec![8, 8, 1, 1]
        }),
    ];
    let told = cases.map(|(case, change)| {
        let mut graph = folded();
        change(&mut graph);
        let model = Model {
            ir_version: 8,
            graph: Some(graph),
            ..Model::default()
        };
        let outcome =
            WeightsFile::read(model.encode_to_vec()).and_then(|file| import(&file, NETWORK, None));
        format!("{case}: {}", outcome.unwrap_err())
    });
    let mut graph = unfolded();
    graph.node[1].attribute[0].f = Some(1e-5);
    let epsilon = import(&file(graph), NETWORK, None).unwrap_err();
    insta::assert_snapshot!(format!("{}\nanother epsilon: {epsilon}", told.join("\n")));
}

/// What an exporter leaves open is not compared.
#[test]
fn padding_may_be_a_node_of_its_own() {
    let mut graph = folded();
    let pad = node("Pad", &["image"], "padded", vec![]);
    graph.node.insert(0, pad);
    graph.node[1].input[0] = "padded".to_owned();
    graph.node[1].attribute.truncate(1);
    let (found, _) = weights(graph);
    assert_eq!(found, Match::Graph { folded: 2 });
}
