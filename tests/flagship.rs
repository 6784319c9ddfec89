//! The shipped experiment on the full, real MNIST: its figures, its honesty, its exactness.

use std::{fs, path::PathBuf};

use serde_json::Value;
use topwork_testkit::Project;

fn flagship() -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../experiments/mnist-transfer.toml"
    ))
}

fn run(project: &Project, arguments: &[&str]) {
    let file = flagship();
    let mut all = vec!["run", file.to_str().unwrap(), "--ui", "none", "--no-cache"];
    all.extend(arguments);
    let output = project.topwork(&all);
    assert_eq!(output.code, 0, "{}", output.snapshot());
}

/// The results without what may differ between two runs of the same experiment.
fn timeless(results: &Value) -> Value {
    match results {
        Value::Object(map) => (map.iter())
            .filter(|(key, _)| !["seconds", "run"].contains(&key.as_str()))
            .map(|(key, value)| (key.clone(), timeless(value)))
            .collect(),
        Value::Array(items) => items.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

fn accuracy(seed: &Value) -> f64 {
    let (correct, total) = (
        seed["correct"].as_u64().unwrap(),
        seed["total"].as_u64().unwrap(),
    );
    let accuracy = seed["accuracy"].as_f64().unwrap();
    assert_eq!(accuracy, correct as f64 / total as f64, "{seed}");
    accuracy
}

#[test]
fn five_seeds_reach_what_the_features_can_give() {
    let project = Project::new();
    let seeds = ["1", "2", "3", "4", "5"].map(|seed| ["--seed", seed]);
    run(&project, seeds.as_flattened());
    let results = project.results(1);
    assert_eq!(results["status"], "done");
    for seed in results["source"]["seeds"].as_array().unwrap() {
        assert_eq!(seed["total"], 5139);
        assert!(accuracy(seed) >= 0.990, "source {seed}");
    }
    let strategies = results["strategies"].as_array().unwrap();
    for strategy in strategies {
        let name = strategy["name"].as_str().unwrap();
        let least = match name {
            "frozen backbone" => 0.975,
            "feature classifier, 1,000 samples" => 0.970,
            "feature classifier" => 0.985,
            _ => 0.90,
        };
        assert_eq!(strategy["frozen-intact"], true, "{name}");
        for seed in strategy["seeds"].as_array().unwrap() {
            assert_eq!(seed["total"], 4861);
            assert!(accuracy(seed) >= least, "{name} {seed}");
        }
        let [low, mean, high] = [
            &strategy["interval"][0],
            &strategy["mean"],
            &strategy["interval"][1],
        ]
        .map(|figure| figure.as_f64().unwrap());
        assert!(low < mean && mean < high, "{name}");
    }
    let named = |name: &str| {
        strategies
            .iter()
            .find(|strategy| strategy["name"] == name)
            .unwrap()
    };
    assert!(
        named("feature classifier, 1,000 samples")["mean"]
            .as_f64()
            .unwrap()
            >= 0.975
    );
    // The control: features nobody trained must do worse by more than the intervals' width.
    let (trained, random) = (named("frozen backbone"), named("frozen random backbone"));
    assert!(
        trained["interval"][0].as_f64() > random["interval"][1].as_f64(),
        "{trained} {random}"
    );
    predictions_agree(&project, &results);
    samples_are_small(&project);
    assert!(peak_memory(&project) < 600_000_000);
}

/// Bytes the worker took at most, as its last event tells.
fn peak_memory(project: &Project) -> u64 {
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    let last: Value = serde_json::from_str(events.lines().last().unwrap()).unwrap();
    last["peak-bytes"].as_u64().unwrap()
}

/// The stored predictions say the same as the figures made from them.
fn predictions_agree(project: &Project, results: &Value) {
    let folder = project.run_folder(1).join("predictions");
    for (row, strategy) in results["strategies"].as_array().unwrap().iter().enumerate() {
        for seed in strategy["seeds"].as_array().unwrap() {
            let (first, last) = (
                format!("{}-", row + 1),
                format!("-seed-{}.csv", seed["seed"]),
            );
            let file = fs::read_dir(&folder).unwrap().flatten().find(|entry| {
                let name = entry.file_name().to_string_lossy().into_owned();
                name.starts_with(&first) && name.ends_with(&last)
            });
            let text = fs::read_to_string(file.unwrap().path()).unwrap();
            let right = text.lines().skip(1).filter(|line| {
                let fields: Vec<_> = line.split(',').collect();
                fields[1] == fields[2]
            });
            assert_eq!(
                right.count() as u64,
                seed["correct"].as_u64().unwrap(),
                "{first} {last}"
            );
        }
    }
}

/// Five seeds with two trunks and four strategies each.
fn samples_are_small(project: &Project) {
    let folder = project.run_folder(1).join("samples");
    let sizes = |kind: &str| -> Vec<u64> {
        (fs::read_dir(&folder).unwrap().flatten())
            .filter(|entry| entry.file_name().to_string_lossy().starts_with(kind))
            .map(|entry| entry.metadata().unwrap().len())
            .collect()
    };
    let (features, images) = (sizes("features-"), sizes("images-"));
    assert_eq!((features.len(), images.len()), (10, 20));
    // 500 vectors of 800 numbers; up to a few hundred digits.
    assert!(
        features
            .iter()
            .all(|bytes| (1_600_000..1_700_000).contains(bytes))
    );
    assert!(images.iter().all(|bytes| *bytes < 400_000), "{images:?}");
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let project = Project::new();
    let quick = ["--seed", "7", "--set", "source.train.epochs=1"];
    run(&project, &[&quick[..], &["--threads", "2"]].concat());
    run(&project, &[&quick[..], &["--threads", "1"]].concat());
    assert_eq!(timeless(&project.results(1)), timeless(&project.results(2)));
    let models = fs::read_dir(project.run_folder(1).join("models")).unwrap();
    let models = models.map(|model| format!("models/{}", model.unwrap().file_name().display()));
    let folders = ["checkpoints", "predictions", "samples"].map(str::to_owned);
    for name in folders.into_iter().chain(models) {
        let (first, second) = (
            project.run_folder(1).join(&name),
            project.run_folder(2).join(&name),
        );
        let files: Vec<_> = fs::read_dir(&first)
            .unwrap()
            .flatten()
            .map(|entry| entry.file_name())
            .collect();
        assert!(!files.is_empty());
        for file in files {
            let same =
                fs::read(first.join(&file)).unwrap() == fs::read(second.join(&file)).unwrap();
            assert!(same, "{name}/{} differs", file.display());
        }
    }
}
