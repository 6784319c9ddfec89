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
