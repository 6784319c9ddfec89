//! Models as networks of the engine: what rten computes of the model the engine computes of the network, at every cut.

use crate::small::{Is, NONE, Small};
use prost::Message;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_onnx::message::{Attribute, Model};
use topwork_onnx::{Imported, Nowhere, Wanted, import};

/// How far numbers may be off, as a share of the largest: both add up in orders of their own.
const ROUNDING: f32 = 2e-6;

pub fn imported(model: &Model) -> Imported {
    import(model, &Nowhere, &Wanted::default()).unwrap()
}

fn network(imported: &Imported) -> Network {
    let blueprint = Blueprint::parse(&imported.blueprint).unwrap();
    let mut weights = topwork_tensors::Writer::default();
    for array in &imported.arrays {
        weights.array(array.name.as_str(), &array.shape, &array.numbers);
    }
    let mut network = Network::init(&blueprint, &mut Stream::new(0, "init/backbone"));
    network
        .load_safetensors(&weights.finish().unwrap())
        .unwrap();
    network
}

/// The model with the strides, dilations and padding that the format lets go without saying, and rten does not.
fn with_windows(model: &Model) -> Model {
    let mut model = model.clone();
    for node in model.graph.iter_mut().flat_map(|graph| &mut graph.node) {
        // rten puts the odd row and column on the other side; by the format they are these.
        let below = |attribute: &Attribute| attribute.s.as_deref() == Some(b"SAME_LOWER");
        if let Some(place) = node.attribute.iter().position(below) {
            node.attribute[place] = Attribute {
                name: "pads".to_owned(),
                ints: vec![1, 1, 0, 0],
                kind: Attribute::INTS,
                ..Attribute::default()
            };
        }
        let settings: &[&str] = match &*node.op_type {
            "Conv" => &["strides", "dilations", "pads"],
            "MaxPool" | "AveragePool" => &["strides", "pads"],
            _ => &[],
        };
        for name in settings {
            let has = |name: &str| {
                node.attribute
                    .iter()
                    .any(|attribute| attribute.name == name)
            };
            if !(has(name) || *name == "pads" && has("auto_pad")) {
                node.attribute.push(Attribute {
                    name: (*name).to_owned(),
                    ints: if *name == "pads" {
                        vec![0; 4]
                    } else {
                        vec![1, 1]
                    },
                    kind: Attribute::INTS,
                    ..Attribute::default()
                });
            }
        }
    }
    model
}

/// Compares both at every cut that is called after a tensor; gives the kinds of the layers.
pub fn agrees(name: &str, model: &Model) -> String {
    let imported = imported(model);
    let network = network(&imported);
    let blueprint = network.blueprint().clone();
    let compute = Compute::new(1).unwrap();
    let size = blueprint.input().elements();
    let image: Vec<f32> = (0..size)
        .map(|place| (place * 7919 % 1009) as f32 / 100.0 - 5.0)
        .collect();
    // Unoptimised, so that every tensor stays.
    let mut options = rten::ModelOptions::with_all_ops();
    options.enable_optimization(false);
    let runtime = options.load(with_windows(model).encode_to_vec()).unwrap();
    let shape = {
        let dims: Vec<usize> = blueprint.input().dims().to_vec();
        [1, dims[0], dims[1], dims[2]]
    };
    let mut compared = 0;
    for cut in blueprint.cuts() {
        let Some(tensor) = runtime.find_node(&cut.name) else {
            continue;
        };
        let input = NdTensor::from_data(shape, image.clone());
        let outputs = runtime.run(
            vec![(runtime.input_ids()[0], input.view().into())],
            &[tensor],
            None,
        );
        let expected: rten_tensor::Tensor<f32> =
            outputs.unwrap().pop().unwrap().try_into().unwrap();
        let mut expected: Vec<f32> = expected.iter().copied().collect();
        let kept = network.keep(blueprint.cut(&cut.name).unwrap()).unwrap();
        let mut found = vec![0.0; kept.blueprint().output().elements()];
        kept.forward(&compute, &image, &mut found).unwrap();
        // Where channels lie last in the file the numbers are the same in another order.
        let in_order = expected.clone();
        let near = |a: &[f32], b: &[f32]| {
            let most = a.iter().fold(0.0f32, |most, x| most.max(x.abs()));
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| (a - b).abs() <= ROUNDING * most)
        };
        if !near(&in_order, &found) {
            expected.sort_by(f32::total_cmp);
            found.sort_by(f32::total_cmp);
            assert!(
                near(&expected, &found) && name.contains("channels last"),
                "{name} at {}: {:?} and {:?}",
                cut.name,
                &in_order[..in_order.len().min(8)],
                &found[..found.len().min(8)]
            );
        }
        compared += 1;
    }
    assert!(compared > 0, "{name}: {:?}", blueprint.cuts());
    let kinds: Vec<&str> = blueprint
        .layers()
        .iter()
        .map(|layer| layer.op.name())
        .collect();
    kinds.join(" ")
}

#[test]
fn operators_become_layers() {
    let conv = |attributes: &[(&str, Is<'_>)], weight: &[i64]| {
        Small::of(4, 9, 8)
            .weights("w", weight)
            .weights("b", &[weight[0]])
            .node("Conv", &["image", "w", "b"], "y", attributes)
            .giving(&["y"])
    };
    let pool = |op: &str, attributes: &[(&str, Is<'_>)]| {
        Small::of(3, 9, 8)
            .node(op, &["image"], "y", attributes)
            .giving(&["y"])
    };
    let square = ("kernel_shape", Is::Ints(&[3, 3]));
    let cases = [
        ("convolution", conv(NONE, &[5, 4, 3, 3]), "conv2d"),
        (
            "stride and padding",
            conv(
                &[
                    ("strides", Is::Ints(&[2, 1])),
                    ("pads", Is::Ints(&[1, 0, 2, 1])),
                ],
                &[5, 4, 3, 2],
            ),
            "conv2d",
        ),
        (
            "groups",
            conv(&[("group", Is::Int(2))], &[6, 2, 3, 3]),
            "conv2d",
        ),
        (
            "dilation",
            conv(&[("dilations", Is::Ints(&[2, 1]))], &[5, 4, 3, 3]),
            "conv2d",
        ),
        (
            "same above",
            conv(
                &[
                    ("auto_pad", Is::Text("SAME_UPPER")),
                    ("strides", Is::Ints(&[2, 2])),
                ],
                &[5, 4, 3, 2],
            ),
            "conv2d",
        ),
        (
            "same below",
            conv(
                &[
                    ("auto_pad", Is::Text("SAME_LOWER")),
                    ("strides", Is::Ints(&[2, 2])),
                ],
                &[5, 4, 2, 3],
            ),
            "conv2d",
        ),
        (
            "largest of windows",
            pool(
                "MaxPool",
                &[
                    square,
                    ("strides", Is::Ints(&[2, 2])),
                    ("pads", Is::Ints(&[1, 1, 1, 1])),
                ],
            ),
            "max-pool2d",
        ),
        (
            "rounded up where that is even",
            pool(
                "MaxPool",
                &[
                    ("kernel_shape", Is::Ints(&[3, 2])),
                    ("strides", Is::Ints(&[2, 2])),
                    ("ceil_mode", Is::Int(1)),
                ],
            ),
            "max-pool2d",
        ),
        (
            "rounded up",
            pool(
                "MaxPool",
                &[
                    ("kernel_shape", Is::Ints(&[2, 3])),
                    ("strides", Is::Ints(&[2, 2])),
                    ("ceil_mode", Is::Int(1)),
                ],
            ),
            "max-pool2d",
        ),
        (
            "mean without zeros",
            pool(
                "AveragePool",
                &[
                    ("kernel_shape", Is::Ints(&[3, 3])),
                    ("pads", Is::Ints(&[1, 1, 1, 1])),
                ],
            ),
            "avg-pool2d",
        ),
        (
            "channels in turns, and two of them",
            Small::of(4, 9, 8)
                .integers("split", &[1, 2, 2, 9, 8])
                .integers("whole", &[1, 4, 9, 8])
                .integers("from", &[1])
                .integers("to", &[3])
                .integers("axis", &[1])
                .node("Reshape", &["image", "split"], "a", NONE)
                .node(
                    "Transpose",
                    &["a"],
                    "b",
                    &[("perm", Is::Ints(&[0, 2, 1, 3, 4]))],
                )
                .node("Reshape", &["b", "whole"], "c", NONE)
                .node("Slice", &["c", "from", "to", "axis"], "y", NONE)
                .giving(&["y"]),
            "channel-shuffle slice",
        ),
        (
            "mean of windows",
            pool("AveragePool", &[("kernel_shape", Is::Ints(&[3, 3]))]),
            "avg-pool2d",
        ),
        (
            "mean with zeros",
            pool(
                "AveragePool",
                &[
                    ("kernel_shape", Is::Ints(&[3, 3])),
                    ("pads", Is::Ints(&[1, 1, 1, 1])),
                    ("count_include_pad", Is::Int(1)),
                ],
            ),
            "avg-pool2d",
        ),
        (
            "mean of all",
            pool("AveragePool", &[("kernel_shape", Is::Ints(&[9, 8]))]),
            "global-avg-pool2d",
        ),
        (
            "global mean",
            pool("GlobalAveragePool", NONE),
            "global-avg-pool2d",
        ),
        (
            "mean over axes",
            pool("ReduceMean", &[("axes", Is::Ints(&[-1, 2]))]),
            "global-avg-pool2d",
        ),
        (
            "mean over axes to a row",
            pool(
                "ReduceMean",
                &[("axes", Is::Ints(&[2, 3])), ("keepdims", Is::Int(0))],
            ),
            "global-avg-pool2d flatten",
        ),
        (
            "leaky",
            pool("LeakyRelu", &[("alpha", Is::Float(0.2))]),
            "leaky-relu",
        ),
        (
            "batch normalisation",
            Small::of(3, 4, 4)
                .weights("s", &[3])
                .weights("t", &[3])
                .weights("m", &[3])
                .floats("v", &[3], &[0.5, 1.0, 2.0])
                .node(
                    "BatchNormalization",
                    &["image", "s", "t", "m", "v"],
                    "y",
                    &[("epsilon", Is::Float(1e-3))],
                )
                .giving(&["y"]),
            "batch-norm2d",
        ),
        (
            "scale and shift of channels",
            Small::of(3, 4, 4)
                .weights("s", &[1, 3, 1, 1])
                .weights("t", &[3, 1, 1])
                .node("Mul", &["image", "s"], "a", NONE)
                .node("Add", &["a", "t"], "y", NONE)
                .giving(&["y"]),
            "conv2d",
        ),
        (
            "normalisation within",
            Small::of(3, 4, 4)
                .weights("m", &[1, 3, 1, 1])
                .floats("d", &[], &[0.25])
                .node("Sub", &["image", "m"], "a", NONE)
                .node("Div", &["a", "d"], "y", NONE)
                .giving(&["y"]),
            "conv2d scale",
        ),
        (
            "zeros before a convolution",
            Small::of(3, 4, 4)
                .weights("w", &[2, 3, 3, 3])
                .integers("p", &[0, 0, 0, 1, 0, 0, 1, 2])
                .node("Pad", &["image", "p"], "a", NONE)
                .node("Conv", &["a", "w"], "y", NONE)
                .giving(&["y"]),
            "conv2d",
        ),
        (
            "classifier",
            Small::of(3, 2, 2)
                .weights("w", &[5, 12])
                .weights("b", &[5])
                .weights("v", &[5, 4])
                .weights("u", &[4, 6])
                .weights("c", &[6])
                .node("Flatten", &["image"], "f", NONE)
                .node(
                    "Gemm",
                    &["f", "w", "b"],
                    "g",
                    &[("transB", Is::Int(1)), ("alpha", Is::Float(0.5))],
                )
                .node("Gemm", &["g", "v"], "h", NONE)
                .node("MatMul", &["h", "u"], "m", NONE)
                .node("Add", &["c", "m"], "y", NONE)
                .giving(&["y"]),
            "flatten linear linear linear",
        ),
        (
            "a shape worked out",
            Small::of(3, 2, 2)
                .integers("i", &[0])
                .integers("rest", &[-1])
                .weights("w", &[12, 2])
                .node("Shape", &["image"], "s", NONE)
                .node("Gather", &["s", "i"], "n", NONE)
                .node("Concat", &["n", "rest"], "t", &[("axis", Is::Int(0))])
                .node("Reshape", &["image", "t"], "f", NONE)
                .node("MatMul", &["f", "w"], "y", NONE)
                .giving(&["y"]),
            "flatten linear",
        ),
        (
            "residual block",
            Small::of(3, 4, 4)
                .weights("w", &[3, 3, 3, 3])
                .node(
                    "Conv",
                    &["image", "w"],
                    "a",
                    &[("pads", Is::Ints(&[1, 1, 1, 1]))],
                )
                .node("Relu", &["a"], "r", NONE)
                .node("Add", &["r", "image"], "s", NONE)
                .node("Concat", &["s", "image"], "y", &[("axis", Is::Int(1))])
                .giving(&["y"]),
            "conv2d relu add concat",
        ),
        (
            "squeeze and excitation",
            Small::of(4, 3, 3)
                .weights("w", &[2, 4, 1, 1])
                .weights("v", &[4, 2, 1, 1])
                .node(
                    "ReduceMean",
                    &["image"],
                    "p",
                    &[("axes", Is::Ints(&[2, 3]))],
                )
                .node("Conv", &["p", "w"], "a", NONE)
                .node("Relu", &["a"], "r", NONE)
                .node("Conv", &["r", "v"], "b", NONE)
                .node("Sigmoid", &["b"], "g", NONE)
                .node("Mul", &["g", "image"], "y", NONE)
                .giving(&["y"]),
            "global-avg-pool2d conv2d relu conv2d sigmoid multiply",
        ),
        (
            "channels last within",
            Small::of(4, 3, 3)
                .weights("g", &[4])
                .weights("b", &[4])
                .weights("w", &[4, 6])
                .weights("c", &[6])
                .weights("v", &[6, 4])
                .weights("s", &[4])
                .node(
                    "Transpose",
                    &["image"],
                    "t",
                    &[("perm", Is::Ints(&[0, 2, 3, 1]))],
                )
                .node(
                    "LayerNormalization",
                    &["t", "g", "b"],
                    "n",
                    &[("epsilon", Is::Float(1e-6))],
                )
                .node("MatMul", &["n", "w"], "m", NONE)
                .node("Add", &["m", "c"], "l", NONE)
                .node("MatMul", &["l", "v"], "k", NONE)
                .node("Mul", &["s", "k"], "z", NONE)
                .node(
                    "Transpose",
                    &["z"],
                    "u",
                    &[("perm", Is::Ints(&[0, 3, 1, 2]))],
                )
                .node("Add", &["u", "image"], "y", NONE)
                .giving(&["y"]),
            "layer-norm conv2d conv2d scale add",
        ),
        (
            "layer normalisation out of means, channels last",
            Small::of(4, 3, 3)
                .operator_set(13)
                .weights("g", &[4])
                .weights("b", &[4])
                .floats("two", &[], &[2.0])
                .floats("e", &[], &[1e-5])
                .node(
                    "Transpose",
                    &["image"],
                    "t",
                    &[("perm", Is::Ints(&[0, 2, 3, 1]))],
                )
                .node("ReduceMean", &["t"], "m", &[("axes", Is::Ints(&[-1]))])
                .node("Sub", &["t", "m"], "d", NONE)
                .node("Pow", &["d", "two"], "q", NONE)
                .node("ReduceMean", &["q"], "v", &[("axes", Is::Ints(&[-1]))])
                .node("Add", &["v", "e"], "ve", NONE)
                .node("Sqrt", &["ve"], "r", NONE)
                .node("Div", &["d", "r"], "x", NONE)
                .node("Mul", &["x", "g"], "xg", NONE)
                .node("Add", &["xg", "b"], "y", NONE)
                .giving(&["y"]),
            "layer-norm",
        ),
        (
            "places as tokens",
            Small::of(4, 3, 2)
                .integers("p", &[1, 4, 6])
                .weights("w", &[4, 5])
                .node("Reshape", &["image", "p"], "a", NONE)
                .node("Transpose", &["a"], "t", &[("perm", Is::Ints(&[0, 2, 1]))])
                .node("MatMul", &["t", "w"], "y", NONE)
                .giving(&["y"]),
            "tokens linear",
        ),
        (
            "nodes in any order, and what is nothing",
            Small::of(3, 4, 4)
                .node("Relu", &["b"], "y", NONE)
                .node("Identity", &["a"], "b", NONE)
                .node("Tanh", &["image"], "a", NONE)
                .giving(&["y"]),
            "tanh relu",
        ),
        (
            "a Softmax behind the network",
            Small::of(3, 4, 4)
                .weights("w", &[2, 3, 4, 4])
                .node("Conv", &["image", "w"], "c", NONE)
                .node("Flatten", &["c"], "f", NONE)
                .node("Softmax", &["f"], "y", NONE)
                .giving(&["y"]),
            "conv2d flatten",
        ),
    ];
    for (name, model, kinds) in cases {
        // rten wants nodes in order; the others are checked by what they become.
        let found = match name.contains("any order") {
            true => {
                let network = network(&imported(&model));
                let layers = network.blueprint().layers().iter();
                layers
                    .map(|layer| layer.op.name())
                    .collect::<Vec<_>>()
                    .join(" ")
            }
            false => agrees(name, &model),
        };
        assert_eq!(found, kinds, "{name}");
    }
}
