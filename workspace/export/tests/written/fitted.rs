//! The classifier heads of the first-party plugin, fitted and exported: their layers, and rten on them, against `predict`.

use serde_json::{Value, json};
use topwork_engine::Stream;
use topwork_export::{Exported, Head};
use topwork_host::{FitOptions, Plugins};
use topwork_measure::Scores;

use crate::{agrees, model, names, network, nothing, plugins};

/// Features of classes that overlap, around an offset.
struct Samples {
    features: Vec<f32>,
    labels: Vec<u32>,
    classes: usize,
}

const WIDTH: usize = 24;

fn samples(count: usize, classes: usize, offset: f32, seed: u64) -> Samples {
    let mut stream = Stream::new(seed, "samples");
    let labels: Vec<u32> = (0..count).map(|sample| (sample % classes) as u32).collect();
    let features = labels.iter().flat_map(|label| {
        (0..WIDTH)
            .map(|column| {
                let centre = ((column * 7 + *label as usize * 5) % 11) as f32 * 0.1;
                offset + centre + stream.uniform(-0.4, 0.4)
            })
            .collect::<Vec<_>>()
    });
    Samples {
        features: features.collect(),
        classes,
        labels,
    }
}

/// Fits a head, exports the layers that it says, and holds what rten makes of them against `predict`.
fn check(plugins: &Plugins, (head, parameters): (&str, &Value), train: &Samples, test: &Samples) {
    let what = &format!("{head} {parameters}, {} classes", test.classes);
    let mut classifier = plugins.classifier(head, parameters).unwrap();
    let options = FitOptions {
        seed: 1,
        threads: 1,
    };
    let samples = train.labels.len();
    (classifier.fit(
        &train.features,
        samples,
        WIDTH,
        &train.labels,
        test.classes,
        options,
    ))
    .unwrap();
    let samples = test.features.len() / WIDTH;
    let scores = (classifier.predict(&test.features, samples, WIDTH, test.classes)).unwrap();
    let layers = (classifier.layers(WIDTH, test.classes).unwrap()).unwrap();
    let trunk = network(&[WIDTH, 1, 1], &[r#""op": "flatten""#], 1);
    let (classes, unused) = (names(test.classes), nothing(test.classes));
    let exported = Exported {
        head: Head::Classifier(&layers),
        scores: Scores::Ranking,
        ..model(&trunk, &unused, &classes)
    };
    agrees(&exported, &test.features, &scores, what);
}

fn heads() -> Vec<(&'static str, Value)> {
    let mut heads = vec![("lda", json!({})), ("lda", json!({"shrinkage": 0.1}))];
    for scale in ["max", "standardise", "none"] {
        heads.push(("logistic-regression", json!({"scale": scale})));
        heads.push(("linear-svm", json!({"scale": scale})));
        for metric in ["euclidean", "cosine"] {
            heads.push((
                "nearest-centroid",
                json!({"scale": scale, "metric": metric}),
            ));
            for weights in ["uniform", "distance"] {
                heads.push((
                    "knn",
                    json!({"scale": scale, "metric": metric, "weights": weights}),
                ));
            }
        }
    }
    heads.push(("naive-bayes", json!({})));
    heads.push(("naive-bayes", json!({"variance-smoothing": 0.1})));
    heads.push(("random-forest", json!({"trees": 20})));
    heads.push(("auto", json!({})));
    heads.push(("auto", json!({"candidates": ["random-forest"]})));
    heads
}

#[test]
fn every_head_scores_in_onnx_as_it_predicts() {
    let plugins = plugins();
    for (head, parameters) in heads() {
        for classes in [2, 5] {
            let train = samples(200, classes, 0.0, 1);
            let test = samples(60, classes, 0.0, 2);
            check(&plugins, (head, &parameters), &train, &test);
        }
        // Classes of which there is no sample.
        let train = samples(200, 3, 0.0, 1);
        let test = Samples {
            classes: 5,
            ..samples(60, 3, 0.0, 2)
        };
        check(&plugins, (head, &parameters), &train, &test);
        let train = Samples {
            labels: vec![2; 200],
            ..train
        };
        check(&plugins, (head, &parameters), &train, &test);
    }
}
