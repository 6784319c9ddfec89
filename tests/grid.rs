//! Several cuts and numbers of training samples: one row for each.

use std::fs;

use serde_json::Value;
use topwork_testkit::{Project, without_widths};

use crate::small::experiment;

fn grid() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    let text = experiment("")
        .replace("cut     = \"pool2\"", "cut     = [\"pool1\", \"pool2\"]")
        .replace("train-samples = 50", "train-samples = [10, 30, 50]");
    project.write("grid.toml", &text);
    project
}

#[test]
fn check_plan_and_show_tell_of_every_row() {
    let project = grid();
    for command in ["check", "plan", "show"] {
        insta::assert_snapshot!(
            format!("grid_{command}"),
            project.topwork(&[command, "grid.toml"]).snapshot()
        );
    }
}

#[test]
fn every_row_is_run_and_told() {
    let project = grid();
    let output = project.topwork(&["run", "grid.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    insta::assert_snapshot!("grid_run", without_widths(&output.snapshot()));
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let told: Vec<String> = rows
        .iter()
        .map(|row| {
            let text = |key: &str| row[key].as_str().unwrap();
            let (dim, samples) = (&row["feature-dim"], &row["train-samples"]);
            format!("{}: {} {dim} {samples}", text("title"), text("cut"))
        })
        .collect();
    insta::assert_snapshot!("grid_rows", told.join("\n"));
    assert_eq!(results["pairs"].as_array().unwrap().len(), 8 * 7 / 2);
    let file = "predictions/3-logistic-pool1-10-seed-1.csv";
    assert!(project.run_folder(1).join(file).is_file(), "{file}");
    // The same features, extracted once for each cut.
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    let first: Value = serde_json::from_str(events.lines().next().unwrap()).unwrap();
    let extractions = |stage: &&Value| stage["kind"] == "extract";
    let stages = first["stages"].as_array().unwrap();
    assert_eq!(stages.iter().filter(extractions).count(), 2);
}

/// A row does not depend on what other rows there are.
#[test]
fn a_row_of_a_grid_is_what_it_is_alone() {
    let project = grid();
    let run = |arguments: &[&str]| {
        let output = project.topwork(&[&["run", "grid.toml", "--ui", "none"], arguments].concat());
        assert_eq!(output.code, 0, "{}", output.snapshot());
    };
    run(&[]);
    let alone = ["target.cut=\"pool2\"", "strategy.1.train-samples=30"];
    run(&["--set", alone[0], "--set", alone[1]]);
    let predictions = |run: usize, name: &str| {
        fs::read_to_string(project.run_folder(run).join("predictions").join(name)).unwrap()
    };
    for (of_grid, alone) in [
        ("2-frozen-pool2-seed-1.csv", "1-frozen-seed-1.csv"),
        ("7-logistic-pool2-30-seed-1.csv", "2-logistic-seed-1.csv"),
    ] {
        assert_eq!(predictions(1, of_grid), predictions(2, alone));
    }
    // Every bit of the features too, though those of both cuts came out of one pass.
    let frozen = |run: usize, row: usize| {
        let results = project.results(run);
        let digest = &results["strategies"][row]["seeds"][0]["frozen-before"];
        digest.as_str().unwrap().to_owned()
    };
    assert_eq!(frozen(1, 6), frozen(2, 1));
}

/// Of many rows those with the same cut and number of training samples are compared.
#[test]
fn many_rows_are_compared_in_families() {
    let sizes: Vec<String> = (0..21).map(|size| (10 + 2 * size).to_string()).collect();
    let mut project = Project::new();
    project.install("misbehave");
    let text = experiment("")
        .replace("cut     = \"pool2\"", "cut     = [\"pool1\", \"pool2\"]")
        .replace(
            "train-samples = 50",
            &format!("train-samples = [{}]", sizes.join(", ")),
        );
    let centroid = r#"
[[strategy]]
name          = "centroid"
kind          = "feature-classifier"
head          = { use = "nearest-centroid" }
train-samples = [10, 12]
"#;
    project.write("grid.toml", &(text + centroid));
    let output = project.topwork(&["run", "grid.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    assert_eq!(
        results["strategies"].as_array().unwrap().len(),
        2 + 2 * 21 + 4
    );
    assert_eq!(results["pairs-among"], "families");
    let pairs: Vec<String> = (results["pairs"].as_array().unwrap().iter())
        .map(|pair| format!("{} / {}", pair["a"], pair["b"]).replace('"', ""))
        .collect();
    let expected = [
        "logistic · pool1 · 10 / centroid · pool1 · 10",
        "logistic · pool1 · 12 / centroid · pool1 · 12",
        "logistic · pool2 · 10 / centroid · pool2 · 10",
        "logistic · pool2 · 12 / centroid · pool2 · 12",
    ];
    assert_eq!(pairs, expected);
    let show = project.topwork(&["runs", "show", "1"]).stdout;
    let told = "pairs of the same cut and number of training samples, by accuracy";
    assert!(show.contains(told), "{show}");
    let list = project.topwork(&["runs", "list"]).stdout;
    assert!(
        list.contains(" · pool"),
        "the row that is best has its own name: {list}"
    );
}

/// A run of the time before goes on, and is listed and shown.
#[test]
fn a_run_of_format_1_goes_on() {
    let project = grid();
    let output = project.topwork(&["run", "grid.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let whole = project.results(1);
    let folder = project.run_folder(1);
    let old = |line: &str| {
        let mut record: Value = serde_json::from_str(line).unwrap();
        if record["event"] == "run-started" {
            record["format"] = 1.into();
            let classes = record.as_object_mut().unwrap().remove("classes").unwrap();
            for row in record["rows"].as_array_mut().unwrap() {
                row["classes"] = classes.clone();
            }
        }
        if record["event"] == "strategy-evaluated" {
            let mut rows = vec![vec![0; 5]; 5];
            for cell in record["confusion"]["cells"].as_array().unwrap() {
                let at = |index: usize| cell[index].as_u64().unwrap() as usize;
                rows[at(0)][at(1)] = at(2);
            }
            record["confusion"] = rows.into();
        }
        record.to_string() + "\n"
    };
    let events = fs::read_to_string(folder.join("events.jsonl")).unwrap();
    // Without its end, and what came in the second half.
    let half = events.lines().count() / 2;
    let events: String = events.lines().take(half).map(old).collect();
    assert!(events.contains("[[") && !events.contains("cells"));
    fs::write(folder.join("events.jsonl"), events).unwrap();
    let manifest = fs::read_to_string(folder.join("manifest.json")).unwrap();
    let manifest = manifest.replacen("\"format\": 2", "\"format\": 1", 1);
    fs::write(folder.join("manifest.json"), manifest).unwrap();
    fs::remove_file(folder.join("results.json")).unwrap();
    let list = project.topwork(&["runs", "list", "--json"]).stdout;
    assert!(list.contains("\"format\": 1"), "{list}");
    let output = project.topwork(&["resume", "1", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let figures = |results: &Value| {
        let rows = results["strategies"].as_array().unwrap().iter();
        let rows: Vec<Value> = rows
            .map(|row| serde_json::json!([row["title"], row["seeds"], row["confusion"]]))
            .collect();
        serde_json::json!([rows, results["pairs"], results["classes"]])
    };
    assert_eq!(figures(&project.results(1)), figures(&whole));
}
