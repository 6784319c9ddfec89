//! The first-party backbones with every head and reduction, random weights and few images.

use serde_json::{Value, json};
use topwork_engine::{Blueprint, Network, Stream};
use topwork_export::{Components, Exported, Head};
use topwork_host::{FitOptions, Plugins};
use topwork_measure::{PrincipalComponents, Scores};
use topwork_schema::{Normalise, Pool, Reduction};

use crate::{PLAIN, forward, model, names, network, plugins, reductions::reduced, run};

const CLASSES: usize = 3;
const TRAINED: usize = 30;
const TESTED: usize = 12;

/// Backbones whose maps are a few pixels wide at the end.
const BACKBONES: [(&str, &str); 4] = [
    ("lenet", "{}"),
    ("convnet", r#"{"filters": 8}"#),
    ("resnet", r#"{"size": "small", "width": 8}"#),
    ("efficientnet-lite", r#"{"resolution": 64}"#),
];

const HEADS: [&str; 7] = [
    "logistic-regression",
    "linear-svm",
    "lda",
    "nearest-centroid",
    "naive-bayes",
    "knn",
    "random-forest",
];

const REDUCTIONS: [(Option<Pool>, bool, Option<usize>); 4] = [
    (Some(Pool::Gap), false, None),
    (Some(Pool::Gap), true, None),
    (Some(Pool::Gmp), false, Some(6)),
    (Some(Pool::Pyramid), false, None),
];

/// What features of another engine, off by rounding, may do to scores of these networks.
const THROUGH_NETWORKS: f64 = 1e-4;

/// Images of classes that differ in their brightness from place to place.
fn images(count: usize, shape: [usize; 3], seed: u64) -> Vec<f32> {
    let mut stream = Stream::new(seed, "images");
    let [channels, height, width] = shape;
    let mut images = Vec::new();
    for image in 0..count {
        for channel in 0..channels {
            for y in 0..height {
                for x in 0..width {
                    let wave = ((x * (1 + image % CLASSES) + y * channel) as f32 * 0.4).sin();
                    images.push(0.5 + 0.3 * wave + stream.uniform(-0.2, 0.2));
                }
            }
        }
    }
    images
}

/// The network of a backbone up to its last map.
fn trunk(plugins: &Plugins, id: &str, parameters: &str) -> Network {
    let parameters: Value = serde_json::from_str(parameters).unwrap();
    let blueprint = plugins
        .backbone(id, &parameters)
        .unwrap()
        .blueprint()
        .unwrap();
    let blueprint = Blueprint::parse(&blueprint).unwrap();
    let is_map = |layers: &usize| {
        let output = blueprint.layers()[layers - 1].output;
        output
            .as_image()
            .is_some_and(|[_, height, width]| height * width > 1)
    };
    let last = (1..=blueprint.layers().len()).rev();
    let last = last
        .clone()
        .find(|layers| is_map(layers) && blueprint.keep(*layers).is_ok());
    let mut network = Network::init(
        &blueprint.keep(last.unwrap()).unwrap(),
        &mut Stream::new(3, "backbone"),
    );
    // With PyTorch's bounds every convolution leaves a sixth of the variance, and nothing of it arrives: K. He et al., "Delving
    // deep into rectifiers", ICCV 2015.
    let values = network.arrays().map(|array| match array.shape {
        [_, _, _, _] => array.values.iter().map(|x| x * 6.0_f32.sqrt()).collect(),
        _ => array.values.to_vec(),
    });
    let values: Vec<Vec<f32>> = values.collect();
    network.set_weights(values).unwrap();
    network
}

#[test]
fn every_backbone_with_every_head_and_reduction() {
    let mut told = Vec::new();
    let plugins = plugins();
    for (id, parameters) in BACKBONES {
        let trunk = trunk(&plugins, id, parameters);
        let input = trunk.blueprint().input().as_image().unwrap();
        let normalise = Normalise {
            mean: vec![0.45; input[0]],
            std: vec![0.25; input[0]],
        };
        let map = trunk.blueprint().output();
        let shape = map.as_image().unwrap();
        let maps = |images: &[f32]| {
            let normalised: Vec<f32> = images.iter().map(|x| (x - 0.45) / 0.25).collect();
            forward(&trunk, &normalised)
        };
        let test = images(TESTED, input, 2);
        let (train_maps, test_maps) = (maps(&images(TRAINED, input, 1)), maps(&test));
        for (pool, l2, pca) in REDUCTIONS {
            let reduction = Reduction { pool, l2, ..PLAIN };
            let features = |maps: &[f32]| -> Vec<f32> {
                let maps = maps.chunks_exact(map.elements());
                maps.flat_map(|map| reduced(map, shape, reduction))
                    .collect()
            };
            let (mut train, mut tested) = (features(&train_maps), features(&test_maps));
            let width = train.len() / TRAINED;
            let fitted = pca.map(|count| PrincipalComponents::fit(&train, width, count).unwrap());
            let mut parts = None;
            if let Some(fitted) = &fitted {
                (train, tested) = (fitted.transform(&train), fitted.transform(&tested));
                parts = Some((fitted.mean(), fitted.basis()));
            }
            let width = train.len() / TRAINED;
            let classes = names(CLASSES);
            let layers = format!(r#""op": "linear", "units": {CLASSES}"#);
            let of_layers = network(&[width], &[r#""op": "gelu""#, &layers], 5);
            let whole = Exported {
                normalise: Some(&normalise),
                reduction,
                components: (parts.as_ref()).map(|(mean, basis)| Components { mean, basis }),
                ..model(&trunk, &of_layers, &classes)
            };
            let mut check = |head: &str, model: &Exported<'_>, scores: &[f32], is_smooth: bool| {
                let what = format!("{id} {pool:?} {l2} {pca:?} {head}");
                let agreement = run(model, &test, scores, &what);
                let off = agreement.largest_relative_difference;
                assert!(
                    !is_smooth || off <= THROUGH_NETWORKS,
                    "{what}: {agreement:?}"
                );
                if agreement.equal != agreement.of {
                    told.push(format!("{what}: {agreement:?}"));
                }
            };
            check("layers", &whole, &forward(&of_layers, &tested), true);
            for head in HEADS {
                let mut classifier = plugins.classifier(head, &json!({})).unwrap();
                let labels: Vec<u32> = (0..TRAINED).map(|n| (n % CLASSES) as u32).collect();
                let options = FitOptions {
                    seed: 1,
                    threads: 1,
                };
                (classifier.fit(&train, TRAINED, width, &labels, CLASSES, options)).unwrap();
                let scores = (classifier.predict(&tested, TESTED, width, CLASSES)).unwrap();
                let layers = classifier.layers(width, CLASSES).unwrap().unwrap();
                let model = Exported {
                    head: Head::Classifier(&layers),
                    scores: Scores::Ranking,
                    ..whole.clone()
                };
                // A feature that rounding puts on the other side of a threshold moves a whole vote, and naive Bayes divides
                // rounding by variances that may be next to nothing.
                let is_smooth = !matches!(head, "knn" | "random-forest" | "naive-bayes");
                check(head, &model, &scores, is_smooth);
            }
        }
    }
    assert!(told.is_empty(), "{told:#?}");
}
