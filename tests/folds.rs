//! Cross-validation: the target's examples cut into folds.

use std::{collections::BTreeMap, fs, process::Command};

use serde_json::Value;
use topwork_testkit::{Project, without_widths};

use crate::small::experiment;

/// The small experiment in three folds: features, a subset of them, and whole networks.
fn in_folds() -> String {
    experiment("").replace("\"pool2\"", "\"pool2\"\nfolds   = 3")
        + r#"
[[strategy]]
name = "fine-tune"
kind = "fine-tune"
head = { use = "mlp", hidden = [20] }
train = { epochs = 2, batch-size = 10, learning-rate = 1e-3, validation = 0.1 }
learning-rate-multipliers = { "conv1" = 0.0 }
"#
}

fn project(text: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    project
}

/// The records of a file of predictions: example, class, class predicted, fold, scores.
fn predictions(project: &Project, run: usize, name: &str) -> Vec<Vec<String>> {
    let path = project.run_folder(run).join("predictions").join(name);
    let text = fs::read_to_string(&path).unwrap();
    (text.lines().skip(1))
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

const FILES: [&str; 3] = [
    "1-frozen-seed-1.csv",
    "2-logistic-seed-1.csv",
    "3-fine-tune-seed-1.csv",
];

#[test]
fn every_example_is_classified_once_by_every_strategy() {
    let project = project(&in_folds());
    for command in ["check", "plan"] {
        insta::assert_snapshot!(
            format!("folds_{command}"),
            project.topwork(&[command, "small.toml"]).snapshot()
        );
    }
    let output = project.topwork(&["run", "small.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    insta::assert_snapshot!("folds_run", without_widths(&output.snapshot()));
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let mut cut: Option<BTreeMap<String, String>> = None;
    for (row, file) in rows.iter().zip(FILES) {
        let seed = &row["seeds"][0];
        let folds = seed["folds"].as_array().unwrap();
        let sum = |key: &str| -> u64 { folds.iter().map(|fold| fold[key].as_u64().unwrap()).sum() };
        assert_eq!((folds.len(), sum("total")), (3, 100), "{row}");
        assert_eq!(seed["correct"], sum("correct"));
        assert_eq!(seed["total"], sum("total"));
        // What is in the file, counted again.
        let records = predictions(&project, 1, file);
        let mut counted = BTreeMap::new();
        for record in &records {
            let (correct, total) = counted.entry(record[3].clone()).or_insert((0, 0));
            *total += 1;
            *correct += u64::from(record[1] == record[2]);
        }
        let told: Vec<(u64, u64)> = (folds.iter())
            .map(|fold| {
                let count = |key: &str| fold[key].as_u64().unwrap();
                (count("correct"), count("total"))
            })
            .collect();
        assert_eq!(counted.into_values().collect::<Vec<_>>(), told, "{file}");
        let folds_of: BTreeMap<String, String> = (records.iter())
            .map(|record| (record[0].clone(), record[3].clone()))
            .collect();
        assert_eq!(folds_of.len(), 100, "an example is twice in {file}");
        assert_eq!(cut.get_or_insert(folds_of.clone()), &folds_of, "{file}");
    }
    let samples: Vec<_> = rows
        .iter()
        .map(|row| row["train-samples"].clone())
        .collect();
    assert_eq!(samples, [66, 50, 66]);
    assert!(rows.iter().all(|row| row["frozen-intact"] == true));
    assert_eq!(results["pairs"].as_array().unwrap().len(), 3);
    // Of the 100 images all pass through the trunk, once.
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    assert!(
        events.contains(r#"{"features":{"vectors":100,"dim":800,"from":"pass""#),
        "{events}"
    );
    for fitted in [
        "1-frozen-seed-1/fold-1/head.safetensors",
        "2-logistic-seed-1/fold-3/head.state",
        "3-fine-tune-seed-1/fold-2/trunk.safetensors",
    ] {
        let path = project.run_folder(1).join("models").join(fitted);
        assert!(path.is_file(), "{fitted}");
    }
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown.stdout.contains("over the folds"),
        "{}",
        shown.snapshot()
    );
    // A run that has everything takes over every fold.
    let again = project.topwork(&[
        "run",
        "small.toml",
        "--seed",
        "1",
        "--seed",
        "2",
        "--resume",
    ]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    for file in FILES {
        assert_eq!(
            predictions(&project, 1, file),
            predictions(&project, 2, file)
        );
    }
    let of_second = predictions(&project, 2, "1-frozen-seed-2.csv");
    let of_first = predictions(&project, 2, FILES[0]);
    let folds = |records: &[Vec<String>]| -> Vec<String> {
        records.iter().map(|record| record[3].clone()).collect()
    };
    assert_ne!(
        folds(&of_first),
        folds(&of_second),
        "a seed cuts its own folds"
    );
}

#[test]
fn a_dataset_without_a_test_split_is_enough() {
    let text = in_folds().replace(
        "classes = [5, 6, 7, 8, 9]",
        "classes = [5, 6, 7, 8, 9], fault = \"no-test-split\"",
    );
    let without = project(&text.replace("folds   = 3", ""));
    insta::assert_snapshot!(
        "no_test_split_and_no_folds",
        without.topwork(&["check", "small.toml"]).snapshot()
    );
    let project = project(&text);
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let rows = project.results(1)["strategies"].clone();
    assert!(
        (0..3).all(|row| rows[row]["seeds"][0]["total"] == 100),
        "{rows}"
    );
}

/// The components are those of the folds learnt from, so every fold has features of its own.
#[test]
fn principal_components_are_fitted_for_every_fold() {
    let text = in_folds().replace("\"pool2\"\nfolds", "{ at = \"pool2\", pca = 5 }\nfolds");
    // Trunk and head cannot be trained together through principal components.
    let (text, _) = text
        .split_once("\n[[strategy]]\nname = \"fine-tune\"")
        .unwrap();
    let project = project(text);
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    for row in results["strategies"].as_array().unwrap() {
        let seed = &row["seeds"][0];
        assert_eq!(
            (&seed["total"], &row["frozen-intact"]),
            (&100.into(), &true.into())
        );
        assert_eq!(seed["frozen-before"], seed["frozen-after"]);
        assert!(row["mean"].as_f64().unwrap() > 0.2, "{row}");
    }
}

#[test]
fn a_class_smaller_than_the_number_of_folds_is_told() {
    let project = project(&in_folds().replace("folds   = 3", "folds   = 21"));
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(output.code, 2, "{}", output.snapshot());
    assert!(
        output
            .stderr
            .contains("`target.folds` is 21, but the classes `5` (20 samples), "),
        "{}",
        output.snapshot()
    );
}

/// Everything but what time and place say.
fn timeless(value: &Value) -> Value {
    let of_time = |key: &str| ["run", "seconds", "features-cached"].contains(&key);
    match value {
        Value::Object(map) => Value::Object(
            (map.iter().filter(|(key, _)| !of_time(key)))
                .map(|(key, value)| (key.clone(), timeless(value)))
                .collect(),
        ),
        Value::Array(list) => list.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

#[test]
fn a_run_stopped_within_a_fold_goes_on_with_it() {
    let text = in_folds().replacen(
        "epochs = 2, batch-size = 10",
        "epochs = 40, batch-size = 10",
        1,
    );
    let project = project(&text);
    let mut child = project.start(&["run", "small.toml", "--no-cache"]);
    project.wait_for_event(1, "\"fold\":2,\"epoch\":5,\"epochs\":40");
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
    let output = project.topwork(&["run", "small.toml", "--resume"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    assert!(
        events.contains("goes on with fold 2 from epoch"),
        "{events}"
    );
    assert_eq!(
        project.topwork(&["run", "small.toml", "--no-cache"]).code,
        0
    );
    let figures = |run| timeless(&project.results(run));
    assert_eq!(figures(1), figures(2));
    assert_eq!(
        predictions(&project, 1, FILES[2]),
        predictions(&project, 2, FILES[2])
    );
    let left = project.run_folder(1).join("checkpoints/training");
    assert!(!left.exists(), "{}", left.display());
}

#[test]
fn kills_change_no_bit_of_any_fold() {
    let project = project(&in_folds());
    let output = project.topwork(&["verify-resume", "small.toml", "--kills", "10"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert!(
        output.stdout.contains("killed 10 times in all"),
        "{}",
        output.snapshot()
    );
}
