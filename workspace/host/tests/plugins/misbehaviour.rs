//! Every kind of garbage ends in a message that names plugin and call.

use crate::stage::{folder_with, load, told};
use serde_json::json;
use topwork_host::{DecodeError, FitOptions, HostError, Plugins, Scores};

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

/// A file that holds the position of a sample is decoded.
fn decoder(plugins: &Plugins, fault: &str, at: &str) -> Result<(), HostError> {
    let parameters = json!({"fault": fault, "at": at});
    let decoder = plugins.decoder("misbehave", &parameters)?.unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "199").unwrap();
    let mut sample = vec![0.0; decoder.shape().iter().product()];
    match decoder.decode(file.path(), &mut sample) {
        Ok(()) => Ok(()),
        Err(DecodeError::Plugin(error)) => Err(without_path(error)),
        Err(DecodeError::File { reason, .. }) => panic!("{reason}"),
    }
}

/// An error without the name of the temporary file.
fn without_path(error: HostError) -> HostError {
    let short = |call: String| match call.split_once('`') {
        Some((before, _)) => format!("{before}a file"),
        None => call,
    };
    match error {
        HostError::Call {
            plugin,
            call,
            ending,
            text,
            hint,
        } => HostError::Call {
            plugin,
            call: short(call),
            ending,
            text,
            hint,
        },
        HostError::Broken {
            plugin,
            call,
            problem,
        } => HostError::Broken {
            plugin,
            call: short(call),
            problem,
        },
        error => error,
    }
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
        (decoder, "panic", "create"),
        (decoder, "panic", "second"),
        (decoder, "fail", "second"),
        (decoder, "wild-shape", "work"),
        (decoder, "wrong-lengths", "work"),
        (decoder, "nan", "work"),
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
    for uses in [dataset, decoder, backbone, classifier] {
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

#[test]
fn a_file_is_decoded_or_told_apart_from_a_broken_plugin() {
    let folder = folder_with(&["misbehave"]);
    let (plugins, _) = load(&[folder.path()]);
    let made = |parameters| plugins.decoder("misbehave", &parameters).unwrap().unwrap();
    let decoder = made(json!({}));
    assert_eq!(decoder.shape(), [1, 28, 28]);
    let path = folder.path().join("sample");
    let mut sample = vec![0.0; 784];
    std::fs::write(&path, "201").unwrap();
    decoder.decode(&path, &mut sample).unwrap();
    // The second test image is the one after 200 training images and the first.
    let dataset = plugins.dataset("misbehave", &json!({})).unwrap();
    let mut expected = vec![0.0; 784];
    dataset.read("test", &[1], &mut expected).unwrap();
    assert_eq!(sample, expected);
    let reason = |decoder: &topwork_host::Decoder, path: &std::path::Path| match decoder
        .decode(path, &mut vec![0.0; 784])
    {
        Err(DecodeError::File { path: told, reason }) => {
            assert_eq!(told, path);
            reason
        }
        other => panic!("{other:?}"),
    };
    std::fs::write(&path, "no number").unwrap();
    assert_eq!(reason(&decoder, &path), "holds no position");
    assert!(reason(&decoder, folder.path()).starts_with("cannot be read: "));
    let missing = made(json!({"fault": "bad-data", "at": "second"}));
    assert_eq!(reason(&missing, &path), "told to miss its data");
    let wrong = |path: &str, room| match decoder.decode(path.as_ref(), &mut vec![0.0; room]) {
        Err(DecodeError::Plugin(error @ HostError::Request { .. })) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(wrong("sample", 783).contains("room for 783 numbers, expected 784"));
    assert!(wrong("", 784).contains("the path is empty or has a zero byte"));
    assert!(wrong("a\0b", 784).contains("the path is empty or has a zero byte"));
    // The file could be decoded again, and this plugin has not panicked.
    std::fs::write(&path, "0").unwrap();
    decoder.decode(&path, &mut sample).unwrap();
}
