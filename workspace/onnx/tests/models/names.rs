//! What layers and cuts of an imported model are called.

use topwork_engine::Blueprint;

use crate::networks::imported;
use crate::small::{Is, NONE, Small};

/// Layers and cuts are called as the program was that the model was exported from.
#[test]
fn modules_and_tensors_name_cuts() {
    let model = Small::of(3, 8, 8)
        .weights("conv1.weight", &[4, 3, 3, 3])
        .weights("onnx::Conv_7", &[4, 4, 1, 1])
        .weights("fc.weight", &[2, 4])
        .node(
            "/conv1/Conv Conv",
            &["image", "conv1.weight"],
            "/conv1/Conv_output_0",
            NONE,
        )
        .node(
            "/layer1/layer1.0/conv/Conv Conv",
            &["/conv1/Conv_output_0", "onnx::Conv_7"],
            "c",
            NONE,
        )
        .node(
            "/layer1/layer1.0/Add Add",
            &["c", "/conv1/Conv_output_0"],
            "/layer1/layer1.0/Add_output_0",
            NONE,
        )
        .node(
            "/layer1/layer1.0/relu/Relu Relu",
            &["/layer1/layer1.0/Add_output_0"],
            "r",
            NONE,
        )
        .node(
            "/pool/GlobalAveragePool GlobalAveragePool",
            &["r"],
            "p",
            NONE,
        )
        .node("/Flatten Flatten", &["p"], "/Flatten_output_0", NONE)
        .node(
            "/fc/Gemm Gemm",
            &["/Flatten_output_0", "fc.weight"],
            "logits",
            &[("transB", Is::Int(1))],
        )
        .giving(&["logits"]);
    let blueprint = Blueprint::parse(&imported(&model).blueprint).unwrap();
    let layers: Vec<&str> = blueprint
        .layers()
        .iter()
        .map(|layer| &*layer.name)
        .collect();
    assert_eq!(
        layers,
        [
            "conv1",
            "layer1.0.conv",
            "layer1.0.add",
            "layer1.0.relu",
            "pool",
            "/Flatten_output_0",
            "fc"
        ]
    );
    let cuts: Vec<String> = blueprint
        .cuts()
        .iter()
        .map(|cut| format!("{} after {}", cut.name, cut.after))
        .collect();
    assert_eq!(
        cuts,
        [
            "conv1 after conv1",
            "/conv1/Conv_output_0 after conv1",
            "/layer1/layer1.0/Add_output_0 after layer1.0.add",
            "layer1 after layer1.0.relu",
            "layer1.0 after layer1.0.relu",
            "layer1.0.relu after layer1.0.relu",
            "r after layer1.0.relu",
            "pool after pool",
            "p after pool",
            "/Flatten_output_0 after /Flatten_output_0",
            "fc after fc",
            "logits after fc",
        ]
    );
}

/// A list of blocks ends where its last block does, which is called as the others are.
#[test]
fn the_last_of_a_list_is_called_after_itself() {
    let model = Small::of(3, 8, 8)
        .node("/blocks/blocks.0/Relu Relu", &["image"], "a", NONE)
        .node("/blocks/blocks.1/act/Tanh Tanh", &["a"], "b", NONE)
        .node("/norm/Relu Relu", &["b"], "c", NONE)
        .giving(&["c"]);
    let blueprint = Blueprint::parse(&imported(&model).blueprint).unwrap();
    let cuts: Vec<&str> = blueprint.cuts().iter().map(|cut| &*cut.name).collect();
    assert_eq!(
        cuts,
        [
            "blocks.0",
            "a",
            "blocks.1",
            "blocks.1.act",
            "blocks",
            "b",
            "norm",
            "c"
        ]
    );
}
