//! Calibrated scores: the same classes as without, and a model that says its temperature.

use std::fs;

use serde_json::Value;
use topwork_testkit::Project;

use crate::small::experiment;

const STRATEGIES: [(&str, &str); 5] = [
    (
        "logits",
        "kind = \"feature-classifier\"\nhead = { use = \"logistic-regression\" }",
    ),
    (
        "votes",
        "kind = \"feature-classifier\"\nhead = { use = \"knn\" }",
    ),
    (
        "margins",
        "kind = \"feature-classifier\"\nhead = { use = \"linear-svm\" }",
    ),
    (
        "network",
        "kind = \"frozen-backbone\"\nhead = { use = \"linear\" }\ntrain = { epochs = 2, batch-size = 10, optimizer = \"sgd\", learning-rate = 0.05 }",
    ),
    (
        "whole",
        "kind = \"fine-tune\"\nhead = { use = \"linear\" }\ntrain = { epochs = 2, batch-size = 10, optimizer = \"sgd\", learning-rate = 0.01 }",
    ),
];

/// The temperatures in the models of a run, by the titles of their rows.
fn temperatures(project: &Project) -> Vec<(String, Option<f64>)> {
    let models = fs::read_dir(project.run_folder(1).join("models")).unwrap();
    let mut found: Vec<(String, Option<f64>)> = models
        .map(|entry| entry.unwrap().path().join("model.json"))
        .map(|path| {
            let model: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            let title = model["title"].as_str().unwrap().to_owned();
            (title, model["temperature"].as_f64())
        })
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    found
}

#[test]
fn calibration_changes_no_class_and_is_in_the_model() {
    let mut project = Project::new();
    project.install("misbehave");
    let mut text = experiment("");
    for (name, strategy) in STRATEGIES {
        for (suffix, calibrate) in [("", ""), (" calibrated", "calibrate = true\n")] {
            text += &format!("\n[[strategy]]\nname = \"{name}{suffix}\"\n{strategy}\n{calibrate}");
        }
    }
    project.write("calibration.toml", &text);
    let output = project.topwork(&["run", "calibration.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    let row = |name: &str| -> Value {
        let rows = results["strategies"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"] == name);
        row.unwrap_or_else(|| panic!("no `{name}`"))["seeds"][0].clone()
    };
    let temperatures = temperatures(&project);
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    assert!(
        temperatures.iter().any(|(_, found)| found.is_some()),
        "{temperatures:?}"
    );
    let temperature = |name: &str| {
        let mut all = temperatures.iter();
        all.find(|(title, _)| title == name)
            .unwrap_or_else(|| panic!("no model of `{name}`: {temperatures:?}"))
            .1
    };
    for (name, _) in STRATEGIES {
        let calibrated = format!("{name} calibrated");
        assert_eq!(row(name)["correct"], row(&calibrated)["correct"], "{name}");
        assert_eq!(temperature(name), None);
        // The images are so plain that some heads recognise all that are held out; how sure to be
        // they do not learn from that, and say so.
        let told = events.contains(&format!("`{calibrated}` is not calibrated: the "));
        match temperature(&calibrated) {
            Some(found) => assert!(!told && (0.001..1000.0).contains(&found), "{name}: {found}"),
            None => assert!(told, "{name}"),
        }
    }
}
