//! Further test sets: what is fitted for a target is measured on them, too.

use std::fs;

use serde_json::Value;
use topwork_testkit::Project;

use crate::small::{experiment, run};

/// Every kind of strategy, with principal components and a temperature; of the further test sets one has more classes under
/// other names, the other is what was learnt from.
const MORE: &str = r#"
[[target.test]]
name = "renamed, and more"
dataset = { use = "misbehave" }
class-map = { 0 = "7", 1 = "8", 2 = "8" }

[[target.test]]
name = "learnt from"
dataset = { use = "misbehave" }
split = "train"

[[strategy]]
name = "components"
kind = "feature-classifier"
head = { use = "lda" }
cut  = { at = "pool2", pool = "gap", l2 = true, pca = 5 }

[[strategy]]
name      = "calibrated"
kind      = "feature-classifier"
head      = { use = "linear-svm" }
calibrate = true

[[strategy]]
name = "fine-tune"
kind = "fine-tune"
head = { use = "mlp", hidden = [20] }
train = { epochs = 1, batch-size = 10, learning-rate = 1e-3 }
cut  = { at = "pool2", pool = "gap" }

[[strategy]]
name   = "chosen"
kind   = "feature-classifier"
head   = { use = "logistic-regression" }
select = { on = { holdout = 0.25 }, head = { l2 = [1e-3, 1.0] } }
"#;

/// Correct and total of each row.
fn counts(table: &Value) -> Vec<(String, u64, u64)> {
    let rows = table["strategies"].as_array().unwrap().iter();
    rows.map(|row| {
        let seed = &row["seeds"][0];
        let number = |key: &str| seed[key].as_u64().unwrap();
        (
            row["title"].as_str().unwrap().to_owned(),
            number("correct"),
            number("total"),
        )
    })
    .collect()
}

#[test]
fn what_is_fitted_is_measured_as_evaluate_measures_it() {
    for folds in ["", "folds = 2"] {
        // Folds are cut from what the source learns from, unless it has other classes.
        let text = experiment("").replacen("[target]", &format!("[target]\n{folds}"), 1) + MORE;
        let project = run(&text);
        let results = project.results(1);
        let tests = results["tests"].as_array().unwrap();
        assert_eq!(tests.len(), 2, "{folds}");
        let mapped = "[class-map]\n0 = \"7\"\n1 = \"8\"\n2 = \"8\"\n";
        for (test, split, class_map) in [(0, "test", mapped), (1, "train", "")] {
            let measured = counts(&tests[test]);
            assert_eq!(measured.len(), 6);
            let dataset = format!("use = \"misbehave\"\nsplit = \"{split}\"\n{class_map}");
            project.write("other.toml", &dataset);
            let evaluated =
                project.topwork(&["evaluate", "1", "--dataset", "other.toml", "--json"]);
            assert_eq!(evaluated.code, 0, "{}", evaluated.snapshot());
            let evaluated: Value = serde_json::from_str(&evaluated.stdout).unwrap();
            assert_eq!(measured, counts(&evaluated), "{folds}");
        }
        // What stands beside is what the rows come to on their own test examples.
        let own: Vec<&Value> = (results["strategies"].as_array().unwrap().iter())
            .map(|row| &row["figures"]["accuracy"]["mean"])
            .collect();
        let beside: Vec<&Value> = (tests[0]["strategies"].as_array().unwrap().iter())
            .map(|row| &row["own"]["accuracy"])
            .collect();
        assert_eq!(own, beside);
        let remarks = results["remarks"].to_string();
        assert!(
            remarks.contains("have the same image as a training example"),
            "{remarks}"
        );
    }
}

/// The predictions on further test sets.
fn predicted(project: &Project, run: usize) -> Vec<(String, String)> {
    let files = fs::read_dir(project.run_folder(run).join("predictions")).unwrap();
    let mut files: Vec<(String, String)> = (files.map(|file| file.unwrap().path()))
        .map(|path| {
            (
                path.file_name().unwrap().to_string_lossy().into_owned(),
                fs::read_to_string(&path).unwrap(),
            )
        })
        .filter(|(name, _)| name.contains("-on-"))
        .collect();
    files.sort();
    files
}

/// The names of files that are not the same in both.
fn differ(a: &[(String, String)], b: &[(String, String)]) -> Vec<String> {
    let mut names: Vec<String> = (a.iter().filter(|file| !b.contains(file)))
        .chain(b.iter().filter(|file| !a.contains(file)))
        .map(|(name, _)| name.clone())
        .collect();
    names.dedup();
    names
}

/// Whether a run has taken over a row from another.
fn taken_over(project: &Project, run: usize) -> bool {
    let events = fs::read_to_string(project.run_folder(run).join("events.jsonl")).unwrap();
    events.contains("took over `calibrated`")
}

#[test]
fn a_row_is_done_when_it_is_measured_everywhere() {
    let project = run(&(experiment("") + MORE));
    let before = predicted(&project, 1);
    assert_eq!(before.len(), 12);
    let lost = project.run_folder(1).join("predictions").join(&before[3].0);
    fs::remove_file(&lost).unwrap();
    // As if the run had ended before the last row was told.
    let events = project.run_folder(1).join("events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    let last = text.rfind("\"event\":\"strategy-evaluated\"").unwrap();
    let line = text[..last].rfind('\n').unwrap();
    fs::write(&events, &text[..=line]).unwrap();
    let resumed = project.topwork(&["resume", "1", "--ui", "none"]);
    assert_eq!(resumed.code, 0, "{}", resumed.snapshot());
    assert_eq!(differ(&predicted(&project, 1), &before), [""; 0]);

    // Another run takes over what is measured there, too.
    let another = "\n[[strategy]]\nname = \"another\"\nkind = \"feature-classifier\"\nhead = { use = \"knn\" }\n";
    project.write("small.toml", &(experiment("") + MORE + another));
    let again = project.topwork(&["run", "small.toml", "--resume", "--ui", "plain"]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    assert!(taken_over(&project, 2));
    let mut after = predicted(&project, 2);
    after.retain(|(name, _)| !name.contains("another"));
    assert_eq!(differ(&after, &before), [""; 0]);
    let [first, second] = [1, 2].map(|run| project.results(run)["tests"].clone());
    for test in 0..2 {
        assert_eq!(counts(&first[test]), counts(&second[test])[..6]);
    }

    // Without the test sets the rows are others.
    let text = experiment("") + MORE;
    let (without, rest) = text.split_once("[[target.test]]").unwrap();
    let rest = &rest[rest.find("[[strategy]]").unwrap()..];
    project.write("small.toml", &format!("{without}{rest}"));
    let fresh = project.topwork(&["run", "small.toml", "--resume", "--ui", "plain"]);
    assert_eq!(fresh.code, 0, "{}", fresh.snapshot());
    assert!(!taken_over(&project, 3));
}
