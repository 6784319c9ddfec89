use prost::Message;
use topwork_engine::{Blueprint, Stream};
use topwork_tensors::File;

use super::*;

fn network(json: &str) -> Network {
    let blueprint = Blueprint::parse(json).unwrap();
    Network::init(&blueprint, &mut Stream::new(1, "test"))
}

fn trunk() -> Network {
    network(
        r#"{"format": 1, "input": [1, 4, 4], "layers": [
            {"name": "conv", "op": "conv2d", "filters": 2, "kernel": [2, 2]},
            {"name": "norm", "op": "batch-norm2d"}]}"#,
    )
}

fn head() -> Network {
    network(
        r#"{"format": 1, "input": [2], "layers": [{"name": "logits", "op": "linear", "units": 3}]}"#,
    )
}

/// Calls with a small model, whose features are the means of its two channels.
fn with_model<T>(look: impl FnOnce(&Exported<'_>) -> T) -> T {
    let (trunk, head) = (trunk(), head());
    let classes = ["a", "b \"c\"", "d"].map(str::to_owned);
    let metadata = [("digest".to_owned(), "0f".to_owned())];
    look(&Exported {
        name: "small",
        input: [1, 4, 4],
        bytes: false,
        normalise: None,
        trunk: Trunk::Network(&trunk),
        reduction: Reduction {
            pool: Some(topwork_schema::Pool::Gap),
            l2: false,
            pca: None,
        },
        components: None,
        head: Head::Network(&head),
        scores: Scores::Logits,
        temperature: None,
        classes: &classes,
        metadata: &metadata,
    })
}

#[test]
fn a_file_says_what_it_is() {
    let mut file = with_model(|model| model.to_onnx().unwrap());
    append_metadata(&mut file, &[("agreement", "1 of 1")]);
    let model = Model::decode(file.as_slice()).unwrap();
    let words: Vec<(&str, &str)> = (model.metadata_props.iter())
        .map(|entry| (entry.key.as_str(), entry.value.as_str()))
        .collect();
    assert_eq!(
        words,
        [
            ("classes", r#"["a", "b \"c\"", "d"]"#),
            ("digest", "0f"),
            ("agreement", "1 of 1")
        ]
    );
    assert_eq!(model.opset_import[0].version, OPERATOR_SET);
    let graph = model.graph.unwrap();
    let names = |values: &[Value]| {
        values
            .iter()
            .map(|value| value.name.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(names(&graph.input), [IMAGES]);
    assert_eq!(names(&graph.output), [CLASS, SCORES, FEATURES]);
    let weights: Vec<String> = (graph.initializer.iter())
        .map(|weights| {
            topwork_onnx::verbatim::Named::decode(weights.as_slice())
                .unwrap()
                .name
        })
        .collect();
    for name in [
        "trunk.conv.weight",
        "trunk.norm.running_var",
        "head.logits.bias",
    ] {
        assert!(
            weights.iter().any(|weight| weight == name),
            "{name}: {weights:?}"
        );
    }
}

#[test]
fn weights_have_the_names_of_their_layers() {
    let (mean, basis) = ([1.0, 2.0], [0.6, 0.8]);
    let bytes = with_model(|model| {
        let components = Some(Components {
            mean: &mean,
            basis: &basis,
        });
        let model = Exported {
            components,
            ..model.clone()
        };
        model.to_safetensors().unwrap()
    });
    let file = File::read(&bytes).unwrap();
    let mut names: Vec<&str> = file.arrays().map(|(name, _)| name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "components.basis",
            "components.mean",
            "head.logits.bias",
            "head.logits.weight",
            "trunk.conv.bias",
            "trunk.conv.weight",
            "trunk.norm.bias",
            "trunk.norm.running_mean",
            "trunk.norm.running_var",
            "trunk.norm.weight",
        ]
    );
    assert_eq!(
        file.values::<f64>("components.basis", &[1, 2]).unwrap(),
        basis
    );
    let trunk = trunk();
    for array in trunk.arrays() {
        let name = format!("trunk.{}", array.name);
        assert_eq!(
            file.values::<f32>(&name, array.shape).unwrap(),
            array.values,
            "{name}"
        );
    }
}

#[test]
fn parts_that_do_not_fit_are_refused() {
    let check = |change: fn(&mut Exported<'_>), expected: &str| {
        let told = with_model(|model| {
            let mut model = model.clone();
            change(&mut model);
            model.to_onnx().map(|_| ()).unwrap_err().to_string()
        });
        assert_eq!(told, expected);
    };
    check(
        |model| model.input = [3, 4, 4],
        "the trunk takes 1×4×4, expected images of [3, 4, 4]",
    );
    check(
        |model| model.classes = &model.classes[1..],
        "the head gives 3 scores for 2 classes",
    );
    check(
        |model| model.reduction.pool = None,
        "the head takes 2 numbers, and gets 18",
    );
}
