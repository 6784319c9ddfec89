//! The plugins in `examples/python/`, run with their experiments.

use std::fs;

use libtest_mimic::Failed;
use topwork_testkit::Project;

use crate::{Python, root};

/// A classifier on what a network gives that has learnt nothing: a moment.
pub const SMALL: &str = r#"name = "small"
[backbone]
use = "lenet"
[target]
dataset = { use = "mnist", classes = [5, 6, 7, 8, 9] }
cut = "features"
[[strategy]]
name = "control"
kind = "feature-classifier"
weights = "random"
head = { use = "logistic-regression" }
train-samples = 100
"#;

/// Runs an example; gives the accuracies of its rows.
fn run(python: &Python, project: &Project, name: &str) -> Vec<f64> {
    let folder = root().join("examples/python").display().to_string();
    let file = format!("{folder}/{name}.toml");
    let run = python.topwork(
        project,
        &["run", &file, "--plugin-dir", &folder, "--ui", "none"],
    );
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let results = project.results(1);
    let rows = results["strategies"].as_array();
    rows.into_iter()
        .flatten()
        .filter_map(|row| row["mean"].as_f64())
        .collect()
}

/// Cases of `topwork plugins check` that are not well.
fn worse(python: &Python, project: &Project, file: &str, with: &str) -> Vec<String> {
    let file = root()
        .join("examples/python")
        .join(file)
        .display()
        .to_string();
    let check = python.topwork(project, &["plugins", "check", &file, "--with", with]);
    let words = ["warning  ", "failed  ", "crashed  ", "hung  "];
    let told = check
        .stdout
        .lines()
        .filter(|line| words.iter().any(|word| line.starts_with(word)));
    told.map(str::to_owned).collect()
}

pub fn scikit_learn(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let found = run(python, &project, "sklearn");
    assert!(
        found.len() == 3 && found.iter().all(|&accuracy| accuracy > 0.9),
        "{found:?}"
    );
    let wrong = worse(python, &project, "topwork_plugin_sklearn.py", "{}");
    assert_eq!(wrong, Vec::<String>::new());
    // What is kept of a fit gives the same predictions.
    project.write("digits.toml", "use = \"mnist\"\nsplit = \"test\"\n");
    let folder = root().join("examples/python").display().to_string();
    let evaluated = [
        "evaluate",
        "1",
        "--dataset",
        "digits.toml",
        "--row",
        "support vectors",
        "--json",
        "--plugin-dir",
        &folder,
    ];
    let evaluated = python.topwork(&project, &evaluated);
    assert_eq!(evaluated.code, 0, "{}", evaluated.snapshot());
    let evaluated: serde_json::Value = serde_json::from_str(&evaluated.stdout)?;
    let again = evaluated
        .pointer("/strategies/0/mean")
        .and_then(serde_json::Value::as_f64);
    assert_eq!(again, Some(found[0]), "{evaluated}");
    // Only what is scikit-learn's is called.
    let text = fs::read_to_string(root().join("examples/python/sklearn.toml"))?;
    project.write("os.toml", &text.replace("sklearn.svm.SVC", "os.system"));
    let refused = python.topwork(&project, &["check", "os.toml", "--plugin-dir", &folder]);
    let said = refused.snapshot();
    assert!(
        refused.code != 0 && said.contains("expected a class of scikit-learn"),
        "{said}"
    );
    Ok(())
}

pub fn reading(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    project.write("small.toml", SMALL);
    for arguments in [
        &["run", "small.toml", "--ui", "none"][..],
        &[
            "features",
            "1",
            "--random",
            "--split",
            "test",
            "-o",
            "features.npz",
        ],
        &["export", "1", "-o", "model.onnx"],
    ] {
        let done = python.topwork(&project, arguments);
        assert_eq!(done.code, 0, "{}", done.snapshot());
    }
    let untrained = ["features", "1", "--split", "test", "-o", "untrained.npz"];
    let refused = python.topwork(&project, &untrained);
    insta::assert_snapshot!("features_of_nothing_learnt", refused.snapshot());
    let run = project.run_folder(1);
    let run = run.display().to_string();
    let script = root()
        .join("examples/python/read_run.py")
        .display()
        .to_string();
    let said = python.run(&project, &[&script, &run, "features.npz", "model.onnx"])?;
    let expected = [
        "features (4861, 800) float32 of ['class', 'example', 'label', 'split']",
        "model: images [2, 1, 28, 28] to classes (2,) scores (2, 5) features (2, 800)",
    ];
    assert!(expected.iter().all(|line| said.contains(line)), "{said}");
    let right = project.results(1)["strategies"][0]["mean"]
        .as_f64()
        .unwrap_or_default();
    assert!(said.contains(&format!("{right:.6}")), "{right} {said}");
    Ok(())
}

pub fn torch(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let found = run(python, &project, "timm");
    // Random weights, but convolutions all the same.
    assert!(
        found.len() == 3 && found.iter().all(|&accuracy| accuracy > 0.6),
        "{found:?}"
    );
    let wrong = worse(
        python,
        &project,
        "topwork_plugin_timm.py",
        r#"{"model": "resnet10t", "size": 32, "batch": 4}"#,
    );
    assert_eq!(wrong, Vec::<String>::new());
    Ok(())
}
