//! Written models run by rten, against the engine and the reference of the layers.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

mod backbones;
mod files;
mod fitted;
mod heads;
mod operators;
mod random;
mod reductions;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use topwork_engine::{Blueprint, Compute, Network, Stream};
use topwork_export::{Agreement, Exported, Head, Images, Trunk, prove};
use topwork_host::{Options, Plugins, Silent};
use topwork_measure::Scores;
use topwork_schema::Reduction;
use topwork_tensors::Writer;

/// The largest relative difference of scores that rounding explains.
pub(crate) const TOLERANCE: f64 = 1e-5;

pub(crate) const PLAIN: Reduction = Reduction {
    pool: None,
    l2: false,
    pca: None,
};

/// A network of these layers, which are named after their place from 1, with weights and running statistics that are all
/// random.
pub(crate) fn network(input: &[usize], layers: &[&str], seed: u64) -> Network {
    let layers: Vec<String> = (1..)
        .zip(layers)
        .map(|(number, layer)| format!(r#"{{"name": "{number}", {layer}}}"#))
        .collect();
    let json = format!(
        r#"{{"format": 1, "input": {input:?}, "layers": [{}]}}"#,
        layers.join(", ")
    );
    let blueprint = Blueprint::parse(&json).unwrap_or_else(|error| panic!("{error}\n{json}"));
    filled(&blueprint, seed)
}

pub(crate) fn filled(blueprint: &Blueprint, seed: u64) -> Network {
    let mut stream = Stream::new(seed, "test");
    let mut network = Network::init(blueprint, &mut stream);
    let values: Vec<Vec<f32>> = (network.arrays())
        .map(|array| {
            let values = array.values.iter();
            match array.name.rsplit('.').next() {
                Some("running_var") => values.map(|_| stream.uniform(0.5, 2.0)).collect(),
                Some("running_mean") => values.map(|_| stream.uniform(-0.5, 0.5)).collect(),
                _ => values.map(|x| x + stream.uniform(-0.05, 0.05)).collect(),
            }
        })
        .collect();
    network.set_weights(values).unwrap();
    network
}

pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, "images");
    (0..count).map(|_| stream.uniform(0.0, 1.0)).collect()
}

pub(crate) fn names(count: usize) -> Vec<String> {
    (0..count).map(|class| format!("class {class}")).collect()
}

pub(crate) fn forward(network: &Network, images: &[f32]) -> Vec<f32> {
    let blueprint = network.blueprint();
    let count = images.len() / blueprint.input().elements();
    let mut outputs = vec![0.0; count * blueprint.output().elements()];
    let compute = Compute::new(1).unwrap();
    network.forward(&compute, images, &mut outputs).unwrap();
    outputs
}

/// The first-party plugins, which lie beside the tests.
pub(crate) fn plugins() -> Plugins {
    let program = std::env::current_exe().unwrap();
    let folder = program.parent().unwrap();
    let plugins = Plugins::load(Options {
        folders: vec![folder.to_owned()],
        data_folders: Vec::new(),
        cache_folder: std::env::temp_dir(),
        threads: 1,
        observer: Arc::new(Silent),
    });
    assert!(
        plugins.list().len() > 4,
        "{folder:?}: {:?}",
        plugins.skipped()
    );
    plugins
}

/// A head that changes nothing, so that a model's scores are what comes out before it.
pub(crate) fn nothing(numbers: usize) -> Network {
    network(&[numbers], &[r#""op": "dropout", "rate": 0.5"#], 0)
}

/// A model of a trunk and a head of layers; the rest is as it is most often.
pub(crate) fn model<'a>(
    trunk: &'a Network,
    head: &'a Network,
    classes: &'a [String],
) -> Exported<'a> {
    let input = trunk.blueprint().input().as_image().unwrap();
    Exported {
        name: "test",
        input,
        bytes: false,
        normalise: None,
        trunk: Trunk::Network(trunk),
        reduction: PLAIN,
        components: None,
        head: Head::Network(head),
        scores: Scores::Logits,
        temperature: None,
        classes,
        metadata: &[],
    }
}

/// Writes the model, runs it and holds its answers against these scores.
pub(crate) fn agrees(model: &Exported<'_>, images: &[f32], scores: &[f32], what: &str) {
    let agreement = run(model, images, scores, what);
    let of = scores.len() / model.classes.len();
    assert_eq!((agreement.equal, agreement.of), (of, of), "{what}");
    assert!(
        agreement.largest_relative_difference <= TOLERANCE,
        "{what}: {agreement:?}"
    );
}

/// Writes the model, runs it and compares its answers with these scores. Where the variable says a folder, the file and what was
/// compared stay there for other runtimes: `bench/exported.py` reads them.
pub(crate) fn run(model: &Exported<'_>, images: &[f32], scores: &[f32], what: &str) -> Agreement {
    let file = (model.to_onnx()).unwrap_or_else(|error| panic!("{what}: {error}"));
    if let Some(folder) = std::env::var_os("TOPWORK_EXPORTED") {
        static WRITTEN: AtomicUsize = AtomicUsize::new(0);
        let number = WRITTEN.fetch_add(1, Ordering::Relaxed);
        let path = PathBuf::from(folder).join(format!("{number:05}"));
        let [c, h, w] = model.input;
        let count = scores.len() / model.classes.len();
        let mut given = Writer::default();
        given.array("images", &[count, c, h, w], images);
        given.array("scores", &[count, model.classes.len()], scores);
        given.words("what", &what).unwrap();
        std::fs::write(path.with_extension("safetensors"), given.finish().unwrap()).unwrap();
        std::fs::write(path.with_extension("onnx"), &file).unwrap();
    }
    let images = Images::Numbers(images);
    let targets = model.scores.gives().of();
    prove(
        &file,
        images,
        model.input,
        scores,
        (targets, model.classes.len()),
    )
    .unwrap_or_else(|error| panic!("{what}: {error}"))
}
