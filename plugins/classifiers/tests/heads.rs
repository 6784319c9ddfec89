//! Every head through the tables that the host uses: the same promises for all, and the methods against scikit-learn.
#![allow(clippy::unwrap_used, reason = "helpers of tests are tests too")]

use serde_json::{Value, json};
use topwork_plugin_classifiers::PLUGIN;
use topwork_sdk::drive::{DrivenClassifier, Driver, TestHost};
use topwork_sdk::{Error, ErrorKind, Features, FitOptions, FitReport};

const HEADS: [&str; 9] = [
    "logistic-regression",
    "linear-svm",
    "ridge",
    "lda",
    "knn",
    "nearest-centroid",
    "naive-bayes",
    "random-forest",
    "auto",
];

const OPTIONS: FitOptions = FitOptions {
    seed: 1,
    threads: 2,
};

fn classifier(head: &str, parameters: &Value) -> Result<DrivenClassifier, Error> {
    let host = TestHost::new().threads(8);
    Driver::new(&PLUGIN, &host).classifier(head, parameters)
}

/// Samples of `dimensions` features with a label each.
struct Data {
    features: Vec<f32>,
    dimensions: usize,
    labels: Vec<u32>,
    classes: usize,
}

/// What a head makes of data: its report, its scores of the same samples, its state.
fn fit(
    head: &str,
    parameters: &Value,
    data: &Data,
    options: FitOptions,
) -> Result<(FitReport, Vec<f32>, Vec<u8>), Error> {
    let mut classifier = classifier(head, parameters)?;
    let features = Features::new(&data.features, data.dimensions)?;
    let report = classifier.fit(features, &data.labels, data.classes, options)?;
    let scores = classifier.predict(features, data.classes)?;
    Ok((report, scores, classifier.save()?))
}

/// The class with the greatest score of each row, of equal ones the first.
fn predicted(scores: &[f32], classes: usize) -> Vec<u32> {
    let best = |row: &[f32]| {
        let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        row.iter().position(|score| *score == most).unwrap() as u32
    };
    scores.chunks(classes).map(best).collect()
}

/// Numbers without a pattern, in −1..1.
fn noise(count: usize) -> Vec<f32> {
    let mut state = 1_u64;
    let mut next = || {
        state = (state * 1_103_515_245 + 12_345) % (1 << 31);
        (state as f64 / f64::from(1 << 30) - 1.0) as f32
    };
    (0..count).map(|_| next()).collect()
}

/// Noise of `spread`, with the feature that has the number of the class raised by 3.
fn blobs(labels: Vec<u32>, dimensions: usize, spread: f32) -> Data {
    let mut features = noise(labels.len() * dimensions);
    for (row, &label) in features.chunks_mut(dimensions).zip(&labels) {
        row.iter_mut().for_each(|x| *x *= spread);
        row[label as usize] += 3.0;
    }
    Data {
        features,
        dimensions,
        classes: labels.iter().max().map_or(2, |&most| most as usize + 1),
        labels,
    }
}

/// So many samples of each of three classes, one class after the other.
fn three(counts: [usize; 3]) -> Vec<u32> {
    let labels = (0..).zip(counts);
    labels
        .flat_map(|(class, count)| vec![class; count])
        .collect()
}

#[test]
fn what_is_apart_is_told_apart() {
    // More samples than a block of rows, features of all kinds of sizes, one constant and one always 0.
    let mut data = blobs(three([200, 300, 250]), 13, 0.9);
    for row in data.features.chunks_mut(13) {
        row[11] = 0.3;
        row[12] = 0.0;
        row[5] *= 100.0;
    }
    for head in HEADS {
        let scaled = match head {
            "knn" | "nearest-centroid" => json!({"scale": "standardise"}),
            "auto" => json!({"candidates": ["lda", "logistic-regression"]}),
            _ => json!({}),
        };
        let (report, scores, _) = fit(head, &scaled, &data, OPTIONS).unwrap();
        assert!(report.converged, "{head}: {report:?}");
        assert_eq!(predicted(&scores, 3), data.labels, "{head}");
        assert!(scores.iter().all(|score| score.is_finite()), "{head}");
    }
}

/// The smallest and the strangest data that a head may meet. Where classes can be told apart at all, they are.
#[test]
fn small_and_strange_data() {
    let constant = |count: usize, labels: Vec<u32>| Data {
        features: vec![0.1; count * 4],
        dimensions: 4,
        labels,
        classes: 2,
    };
    let one_feature = Data {
        features: vec![1.0, 1.1, 1.2, 5.0, 5.1, 5.2],
        dimensions: 1,
        labels: vec![0, 0, 0, 1, 1, 1],
        classes: 2,
    };
    let missing = Data {
        classes: 5,
        ..blobs(
            three([10, 0, 10]).iter().map(|&class| class + 1).collect(),
            5,
            0.5,
        )
    };
    let huge = {
        let mut data = blobs(three([8, 8, 8]), 4, 0.5);
        data.features.iter_mut().for_each(|x| *x *= 1e15);
        data
    };
    let cases = [
        ("one sample per class", blobs(vec![0, 1, 2], 6, 0.5), true),
        (
            "one sample of one class",
            blobs(three([6, 1, 6]), 6, 0.2),
            true,
        ),
        ("two samples", blobs(vec![1, 0], 3, 0.5), true),
        ("one feature", one_feature, true),
        ("classes without samples", missing, true),
        ("large numbers", huge, true),
        ("two identical samples", constant(2, vec![0, 1]), false),
        (
            "constant features",
            constant(10, vec![0, 1, 0, 1, 0, 1, 0, 1, 0, 1]),
            false,
        ),
    ];
    for (case, data, apart) in &cases {
        for head in HEADS {
            // One sample of a class may be in no tree, and five neighbours outvote it.
            let parameters = match head {
                "knn" => json!({"k": 1}),
                "random-forest" => json!({"bootstrap": false, "trees": 50}),
                "auto" => json!({"candidates": ["lda", "nearest-centroid"]}),
                // Numbers of 1e15 have slopes that nothing brings near 0.
                "linear-svm" => json!({"c": 100, "tolerance": 1e-6}),
                _ => json!({}),
            };
            let (report, scores, state) = fit(head, &parameters, data, OPTIONS).unwrap();
            assert!(
                scores.iter().all(|score| score.is_finite()),
                "{head}, {case}"
            );
            assert!(report.converged, "{head}, {case}: {report:?}");
            if *apart {
                assert_eq!(
                    predicted(&scores, data.classes),
                    data.labels,
                    "{head}, {case}"
                );
            }
            let mut loaded = classifier(head, &parameters).unwrap();
            loaded.load(&state).unwrap();
            let features = Features::new(&data.features, data.dimensions).unwrap();
            let again = loaded.predict(features, data.classes).unwrap();
            assert_eq!(again, scores, "{head}, {case}");
        }
    }
}

#[test]
fn a_single_class_is_all_there_is() {
    let data = Data {
        classes: 3,
        ..blobs(vec![1; 5], 4, 0.5)
    };
    for head in HEADS {
        let (report, scores, _) = fit(head, &json!({}), &data, OPTIONS).unwrap();
        assert_eq!(predicted(&scores, 3), data.labels, "{head}");
        assert_eq!(
            (report.converged, report.parameters, &*report.note),
            (true, 0, "every sample is of class 1"),
            "{head}"
        );
    }
}

#[test]
fn threads_change_no_bit_and_states_are_loaded_to_the_bit() {
    // Labels that hardly go with the features, so that every rounding shows.
    let data = Data {
        features: noise(700 * 21),
        dimensions: 21,
        labels: (0..700).map(|sample| sample * 13 % 7 % 3).collect(),
        classes: 3,
    };
    let features = Features::new(&data.features, 21).unwrap();
    for head in HEADS {
        let (report, scores, state) = fit(head, &json!({}), &data, OPTIONS).unwrap();
        for threads in [1, 3, 8] {
            let options = FitOptions { seed: 1, threads };
            let again = fit(head, &json!({}), &data, options).unwrap();
            assert!(
                again == (report.clone(), scores.clone(), state.clone()),
                "{head}, {threads} threads"
            );
        }
        let mut other = classifier(head, &json!({})).unwrap();
        other.load(&state).unwrap();
        assert_eq!(other.predict(features, 3).unwrap(), scores, "{head}");
        assert_eq!(other.save().unwrap(), state, "{head}");
        // Cut off anywhere, it is told.
        for length in [0, 7, state.len() / 2, state.len() - 1] {
            let error = other.load(&state[..length]).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Data, "{head}, {length}");
        }
    }
}

#[test]
fn the_seed_decides_what_is_random_and_nothing_else() {
    let data = Data {
        features: noise(300 * 9),
        dimensions: 9,
        labels: (0..300).map(|sample| sample * 13 % 7 % 2).collect(),
        classes: 2,
    };
    let other = FitOptions { seed: 2, ..OPTIONS };
    for head in HEADS {
        let (_, scores, _) = fit(head, &json!({}), &data, OPTIONS).unwrap();
        let (_, others, _) = fit(head, &json!({}), &data, other).unwrap();
        // Whether `auto` picks the same with another seed is up to the folds.
        if head != "auto" {
            assert_eq!(scores != others, head == "random-forest", "{head}");
        }
    }
}

#[test]
fn class_weights_move_the_border() {
    // Two classes that overlap, one of them rare: with equal classes more samples are taken for the rare one.
    let labels: Vec<u32> = (0..400).map(|sample| u32::from(sample % 10 == 0)).collect();
    let data = blobs(labels, 2, 4.0);
    for head in [
        "logistic-regression",
        "linear-svm",
        "lda",
        "naive-bayes",
        "random-forest",
    ] {
        let rare = |weights: &str| {
            let mut parameters = json!({"class-weights": weights});
            if head == "random-forest" {
                parameters["max-depth"] = json!(3);
            }
            let (_, scores, _) = fit(head, &parameters, &data, OPTIONS).unwrap();
            predicted(&scores, 2).iter().sum::<u32>()
        };
        let (none, balanced) = (rare("none"), rare("balanced"));
        assert!(balanced > none + 20, "{head}: {none} and {balanced}");
    }
}

#[test]
fn a_stop_is_obeyed() {
    let data = blobs(three([40, 40, 40]), 6, 0.9);
    let features = Features::new(&data.features, 6).unwrap();
    for (head, question) in [
        ("logistic-regression", 2),
        ("linear-svm", 2),
        ("lda", 2),
        ("naive-bayes", 0),
        ("random-forest", 30),
        ("auto", 0),
        ("auto", 20),
    ] {
        let host = TestHost::new().stop_at(question);
        let driver = Driver::new(&PLUGIN, &host);
        let mut classifier = driver.classifier(head, &json!({})).unwrap();
        let error = classifier
            .fit(features, &data.labels, 3, OPTIONS)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped, "{head}");
    }
}

/// Scores of logits may all be moved together, those of the support vector machine not.
fn compare(case: &Value, scores: &[f32]) {
    let theirs = case["scores"].as_array().unwrap();
    if case["kind"] == "binary" {
        // Logits differ by theirs; margins of the two machines are theirs with both signs.
        let svm = case["component"] == "linear-svm";
        for (ours, theirs) in scores.chunks(2).zip(theirs) {
            let theirs = theirs.as_f64().unwrap();
            let ours = match svm {
                true => f64::from(ours[1]),
                false => f64::from(ours[1]) - f64::from(ours[0]),
            };
            assert!((ours - theirs).abs() < 1e-5, "{ours} and {theirs}: {case}");
        }
        return;
    }
    assert_eq!(theirs.len(), scores.len() / 3);
    if case["kind"] == "predict" {
        let theirs: Vec<u32> = theirs.iter().map(|c| c.as_u64().unwrap() as u32).collect();
        assert_eq!(predicted(scores, 3), theirs, "{case}");
        return;
    }
    let moved = case["component"] == "lda" || case["component"] == "logistic-regression";
    for (ours, theirs) in scores.chunks(3).zip(theirs) {
        let theirs: Vec<f64> = (theirs.as_array().unwrap().iter())
            .map(|score| score.as_f64().unwrap())
            .collect();
        for class in 0..3 {
            let from = |first: f64| if moved { first } else { 0.0 };
            let ours = f64::from(ours[class]) - from(f64::from(ours[0]));
            let theirs = theirs[class] - from(theirs[0]);
            let near = 1e-5 * theirs.abs().max(1.0);
            assert!((ours - theirs).abs() < near, "{ours} and {theirs}: {case}");
        }
    }
}

/// `bench/reference/heads.py` writes what they say.
#[test]
fn the_scores_are_those_of_scikit_learn() {
    let reference: Value = serde_json::from_str(include_str!("scikit-learn.json")).unwrap();
    let rows = |key: &str| -> Vec<f32> {
        let rows = reference[key].as_array().unwrap().iter();
        rows.flat_map(|row| row.as_array().unwrap())
            .map(|x| x.as_f64().unwrap() as f32)
            .collect()
    };
    let labels: Vec<u32> = serde_json::from_value(reference["labels"].clone()).unwrap();
    let (features, queries) = (rows("features"), rows("queries"));
    let cases = reference["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 17);
    for case in cases {
        let head = case["component"].as_str().unwrap();
        let mut classifier = classifier(head, &case["parameters"]).unwrap();
        let features = Features::new(&features, 4).unwrap();
        let (labels, classes) = match case["kind"] == "binary" {
            true => (labels.iter().map(|label| (*label).min(1)).collect(), 2),
            false => (labels.clone(), 3),
        };
        let report = classifier.fit(features, &labels, classes, OPTIONS).unwrap();
        assert!(report.converged, "{}: {case}", report.note);
        let queries = Features::new(&queries, 4).unwrap();
        compare(case, &classifier.predict(queries, classes).unwrap());
    }
}

#[test]
fn reports_count_and_tell() {
    let data = blobs(three([20, 30, 1]), 4, 0.3);
    let alone = blobs(vec![0, 1, 2], 4, 0.3);
    let cases = [
        (
            "logistic-regression",
            json!({"max-iterations": 1, "tolerance": 1e-9}),
            &data,
        ),
        ("linear-svm", json!({}), &data),
        ("lda", json!({}), &data),
        ("lda", json!({"shrinkage": 0}), &alone),
        ("knn", json!({"k": 60}), &data),
        ("nearest-centroid", json!({}), &data),
        ("naive-bayes", json!({}), &data),
        ("auto", json!({}), &data),
        (
            "auto",
            json!({"folds": 3, "candidates": [{"use": "knn", "k": 3, "weights": "distance"}, "lda"]}),
            &data,
        ),
        ("auto", json!({}), &alone),
    ];
    let mut told = Vec::new();
    for (head, parameters, data) in cases {
        let (report, ..) = fit(head, &parameters, data, OPTIONS).unwrap();
        let FitReport {
            converged,
            parameters,
            note,
            ..
        } = report;
        told.push(format!(
            "{head}: converged {converged}, {parameters} parameters; {note}"
        ));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn facts_of_a_fit_are_told() {
    // One feature that tells three classes apart: each tree needs two splits.
    let data = Data {
        features: (0..30).map(|at| (at / 10) as f32).collect(),
        dimensions: 1,
        labels: (0..30).map(|at| at / 10).collect(),
        classes: 3,
    };
    let check = |head: &str, parameters: Value, expected: Value| {
        let mut classifier = classifier(head, &parameters).unwrap();
        let features = Features::new(&data.features, data.dimensions).unwrap();
        (classifier.fit(features, &data.labels, data.classes, OPTIONS)).unwrap();
        assert_eq!(
            Value::Object(classifier.facts().unwrap()),
            expected,
            "{head}"
        );
    };
    let trees = json!({"greatest-depth": 2, "leaves-per-tree": 3});
    check(
        "random-forest",
        json!({"trees": 4, "bootstrap": false}),
        trees,
    );
    let stumps = json!({"greatest-depth": 1, "leaves-per-tree": 2});
    check(
        "random-forest",
        json!({"trees": 4, "bootstrap": false, "max-depth": 1}),
        stumps,
    );
    check("ridge", json!({}), json!({}));
    let picked = json!({"picked": "knn"});
    check("auto", json!({"candidates": ["knn", "lda"]}), picked);
    let mut linear = classifier("logistic-regression", &json!({"tolerance": 1e-3})).unwrap();
    let features = Features::new(&data.features, 1).unwrap();
    (linear.fit(features, &data.labels, 3, OPTIONS)).unwrap();
    let gradient = linear.facts().unwrap()["largest-gradient"].as_f64();
    assert!(gradient.is_some_and(|gradient| gradient <= 1e-3));
}

#[test]
fn wrong_parameters_are_refused() {
    let cases = [
        ("linear-svm", json!({"c": 0})),
        ("linear-svm", json!({"tolerance": -1})),
        ("lda", json!({"shrinkage": 1.5})),
        ("lda", json!({"shrinkage": "some"})),
        ("knn", json!({"k": 0})),
        ("knn", json!({"weights": "near"})),
        ("nearest-centroid", json!({"metric": "l1"})),
        ("naive-bayes", json!({"variance-smoothing": 0})),
        ("random-forest", json!({"trees": 0})),
        ("random-forest", json!({"max-depth": 65})),
        ("random-forest", json!({"class-weights": "even"})),
        ("auto", json!({"candidates": []})),
        ("auto", json!({"candidates": ["ldaa"]})),
        ("auto", json!({"candidates": ["auto"]})),
        ("auto", json!({"candidates": [{"k": 3}]})),
        ("auto", json!({"candidates": [3]})),
        ("auto", json!({"candidates": [{"use": "knn", "k": 0}]})),
        ("auto", json!({"candidates": [{"use": "knn", "c": 1}]})),
        ("auto", json!({"folds": 1})),
        ("auto", json!({"fold": 5})),
    ];
    let mut told = Vec::new();
    for (head, parameters) in cases {
        let error = classifier(head, &parameters).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Parameters);
        told.push(format!("{head} {parameters}: {error}"));
    }
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn lda_refuses_more_features_than_memory_holds() {
    let data = Data {
        features: noise(4 * 20_000),
        dimensions: 20_000,
        labels: vec![0, 1, 0, 1],
        classes: 2,
    };
    let error = fit("lda", &json!({}), &data, OPTIONS).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Parameters);
    let told = "20000 features, lda takes at most 16384";
    assert_eq!(error.to_string(), told);
    // Among others it is told and passed over, also where nothing can be held out.
    let both = json!({"candidates": ["lda", "nearest-centroid"], "folds": 2});
    let same = Data {
        features: vec![1.0; 4 * 20_000],
        labels: data.labels.clone(),
        dimensions: 20_000,
        classes: 2,
    };
    for data in [data, same] {
        let host = TestHost::new();
        let mut auto = Driver::new(&PLUGIN, &host)
            .classifier("auto", &both)
            .unwrap();
        let features = Features::new(&data.features, data.dimensions).unwrap();
        let report = auto.fit(features, &data.labels, 2, OPTIONS).unwrap();
        let start = "picked nearest-centroid: ";
        assert!(report.note.starts_with(start), "{}", report.note);
        let line = format!("tried lda: {told}");
        assert!(host.lines().iter().any(|logged| logged.ends_with(&line)));
    }
}

/// The note is short; the log has a line for every candidate, best first.
#[test]
fn auto_logs_what_it_tried() {
    let data = blobs(three([20, 30, 1]), 4, 0.3);
    let host = TestHost::new().threads(2);
    let parameters = json!({"candidates": [
        {"use": "naive-bayes", "variance-smoothing": 1e9}, "lda", {"use": "knn", "k": 3},
    ]});
    let mut classifier = Driver::new(&PLUGIN, &host)
        .classifier("auto", &parameters)
        .unwrap();
    let features = Features::new(&data.features, 4).unwrap();
    let report = classifier.fit(features, &data.labels, 3, OPTIONS).unwrap();
    let note = "picked lda: 100.0 % in cross-validation";
    assert_eq!(report.note, note);
    let expected = [
        "tried lda: 100.0 % right, 50 of 50 in 5 folds",
        "tried knn (k 3): 100.0 % right, 50 of 50 in 5 folds",
        "tried naive-bayes (variance-smoothing 1000000000.0): 60.0 % right, 30 of 50 in 5 folds",
        "the samples of 1 class were never held out: they are all the same",
    ];
    // The level stands before each.
    let lines = host.lines();
    let lines: Vec<&str> = (lines.iter())
        .filter_map(|line| Some(line.split_once(": ")?.1))
        .collect();
    assert_eq!(lines, expected);
}

/// Labels that nothing can be learnt of, every sample three times: who holds out one of the three has learnt it from the
/// others.
#[test]
fn auto_is_not_taken_in_by_samples_that_are_there_several_times() {
    let once = noise(120 * 6);
    let thrice: Vec<f32> = (once.chunks(6).flat_map(|row| [row, row, row]))
        .flatten()
        .copied()
        .collect();
    let data = Data {
        features: thrice,
        dimensions: 6,
        labels: (0..360).map(|sample| sample / 3 * 13 % 7 % 2).collect(),
        classes: 2,
    };
    let knn = json!({"candidates": [{"use": "knn", "k": 1}]});
    let (report, ..) = fit("auto", &knn, &data, OPTIONS).unwrap();
    let share = report.note.split([':', '%']).nth(1).unwrap();
    let share: f64 = share.trim().parse().unwrap();
    assert!((35.0..65.0).contains(&share), "{}", report.note);
}

#[test]
fn the_defaults_of_the_schemas_are_the_defaults() {
    let data = blobs(three([20, 30, 25]), 5, 2.0);
    for listed in Driver::new(&PLUGIN, &TestHost::new()).list().unwrap() {
        let properties = listed.schema["properties"].as_object().unwrap();
        for (key, value) in properties {
            for needed in ["default", "description"] {
                assert!(
                    value.get(needed).is_some(),
                    "{}: {key}: {needed}",
                    listed.id
                );
            }
        }
        let defaults = properties
            .iter()
            .map(|(key, value)| (key.clone(), value["default"].clone()));
        let defaults = Value::Object(defaults.collect());
        let by_schema = fit(&listed.id, &defaults, &data, OPTIONS).unwrap();
        let plain = fit(&listed.id, &json!({}), &data, OPTIONS).unwrap();
        assert!(by_schema == plain, "{}", listed.id);
    }
}
