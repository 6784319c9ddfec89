//! Every kind of garbage ends in a message that names plugin and call.

use crate::stage::{folder_with, load, told};
use serde_json::json;
use topwork_host::{FitOptions, HostError, Plugins, Scores};

/// The dataset is made, its training labels are read, then its first samples.
fn dataset(plugins: &Plugins, fault: &str, at: &str) -> Result<(), HostError> {
    let dataset = plugins.dataset("misbehave", &json!({"fault": fault, "at": at}))?;
    dataset.labels("train")?;
    let mut samples = vec![0.0; 3 * 784];
    dataset.read("train", &[0, 1, 199], &mut samples)
}

fn backbone(plugins: &Plugins, fault: &str, at: &str) -> Result<(), HostError> {
    let backbone = plugins.backbone("misbehave", &json!({"fault": fault, "at": at}))?;
    backbone.blueprint().map(drop)
}

fn classifier(plugins: &Plugins, fault: &str, at: &str) -> Result<(), HostError> {
    let mut classifier = plugins.classifier("misbehave", &json!({"fault": fault, "at": at}))?;
    let options = FitOptions {
        seed: 1,
        threads: 1,
    };
    classifier.fit(&[0.0; 12], 4, 3, &[0, 1, 1, 2], 3, options)?;
    classifier.predict(&[0.0; 12], 4, 3, 3).map(drop)
}

#[test]
fn garbage_ends_in_a_message() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, _) = load(&[folder.path()]);
    type Use = fn(&Plugins, &str, &str) -> Result<(), HostError>;
    let cases: &[(Use, &str, &str)] = &[
        (dataset, "panic", "create"),
        (dataset, "panic", "second"),
        (dataset, "panic", "work"),
        (dataset, "fail", "work"),
        (dataset, "bad-data", "create"),
        (dataset, "bad-utf8", "work"),
        (dataset, "duplicate-classes", "work"),
        (dataset, "no-classes", "work"),
        (dataset, "wild-shape", "work"),
        (dataset, "wrong-lengths", "work"),
        (dataset, "label-out-of-range", "work"),
        (dataset, "nan", "work"),
        (dataset, "no-such-fault", "work"),
        (backbone, "panic", "work"),
        (backbone, "bad-utf8", "work"),
        (backbone, "not-json", "work"),
        (backbone, "json-list", "work"),
        (backbone, "deep-json", "work"),
        (backbone, "huge-json", "work"),
        (backbone, "control-name", "work"),
        (classifier, "panic", "work"),
        (classifier, "panic", "second"),
        (classifier, "nan", "work"),
        (classifier, "wrong-lengths", "work"),
        (classifier, "unknown-scores", "work"),
        (classifier, "counts-as-probabilities", "work"),
        (classifier, "negative-probability", "work"),
    ];
    let mut messages = Vec::new();
    for (uses, fault, at) in cases {
        let error = uses(&plugins, fault, at).expect_err(fault);
        messages.push(format!("{fault}, {at}: {}", told(&error)));
    }
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn without_a_fault_it_works() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, _) = load(&[folder.path()]);
    for uses in [dataset, backbone, classifier] {
        for fault in ["none", "print"] {
            uses(&plugins, fault, "work").expect(fault);
        }
    }
}

#[test]
fn what_the_scores_are_is_asked_after_a_fit() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, _) = load(&[folder.path()]);
    let cases = [
        ("none", Scores::Ranking),
        ("counts-as-logits", Scores::Logits),
        ("counts-as-probabilities", Scores::Probabilities),
    ];
    for (fault, expected) in cases {
        let parameters = json!({ "fault": fault });
        let mut classifier = plugins.classifier("misbehave", &parameters).unwrap();
        assert_eq!(classifier.scores(), Scores::Ranking, "{fault} before a fit");
        let options = FitOptions {
            seed: 1,
            threads: 1,
        };
        (classifier.fit(&[0.0; 2], 2, 1, &[0, 1], 2, options)).unwrap();
        assert_eq!(classifier.scores(), expected, "{fault}");
    }
}

#[test]
fn control_characters_do_not_pass() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, memory) = load(&[folder.path()]);
    let parameters = json!({"fault": "control-characters"});
    let dataset = plugins.dataset("misbehave", &parameters).unwrap();
    assert_eq!(dataset.describe().classes[4], "4");
    dataset.read("train", &[0], &mut [0.0; 784]).unwrap();
    let mut classifier = plugins.classifier("misbehave", &parameters).unwrap();
    let options = FitOptions {
        seed: 1,
        threads: 1,
    };
    let report = classifier
        .fit(&[0.0; 2], 2, 1, &[0, 1], 2, options)
        .unwrap();
    assert_eq!(report.report.note.as_deref(), Some("counted"));
    drop((dataset, classifier));
    let lines = memory.lines();
    assert!(lines.iter().all(|line| !line.chars().any(char::is_control)));
    insta::assert_snapshot!(lines[2..].join("\n"));
}

#[test]
fn after_a_panic_the_instance_is_left_alone() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, memory) = load(&[folder.path()]);
    let dataset = plugins
        .dataset("misbehave", &json!({"fault": "panic"}))
        .unwrap();
    dataset.read("train", &[0], &mut [0.0; 784]).unwrap_err();
    let calls = memory.lines().len();
    // Reading labels would succeed if it were asked.
    let error = dataset.labels("train").unwrap_err();
    insta::assert_snapshot!(told(&error));
    assert_eq!(memory.lines().len(), calls);
}

#[test]
fn callers_are_checked_too() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, _) = load(&[folder.path()]);
    let dataset = plugins.dataset("misbehave", &json!({})).unwrap();
    let mut classifier = plugins.classifier("misbehave", &json!({})).unwrap();
    let options = FitOptions {
        seed: 1,
        threads: 1,
    };
    let errors = [
        dataset.labels("valid").unwrap_err(),
        dataset.read("test", &[100], &mut [0.0; 784]).unwrap_err(),
        dataset.read("test", &[1], &mut [0.0; 785]).unwrap_err(),
        classifier
            .fit(&[0.0; 5], 2, 3, &[0, 1], 2, options)
            .unwrap_err(),
        classifier
            .fit(&[0.0; 6], 2, 3, &[0], 2, options)
            .unwrap_err(),
        classifier
            .fit(&[0.0; 6], 2, 3, &[0, 2], 2, options)
            .unwrap_err(),
        classifier.predict(&[0.0; 6], usize::MAX, 2, 2).unwrap_err(),
    ];
    let told: Vec<String> = errors.iter().map(told).collect();
    insta::assert_snapshot!(told.join("\n"));
}
