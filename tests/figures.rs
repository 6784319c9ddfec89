//! Figures by choice: what has columns, what ranks, what is compared.

use std::path::Path;

use serde_json::Value;
use topwork_testkit::{Output, Project};

use crate::small::experiment;

/// The small experiment with keys of its target, and a head that promises nothing of its scores.
fn small(target: &str, seeds: &str) -> String {
    experiment("")
        .replace("\"pool2\"", &format!("\"pool2\"\n{target}"))
        .replace("seeds = [1]", &format!("seeds = {seeds}"))
        + "\n[[strategy]]\nname = \"margins\"\nkind = \"feature-classifier\"\nhead = { use = \"linear-svm\" }\n"
}

fn run(text: &str) -> (Project, Output) {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    let output = project.topwork(&["run", "small.toml"]);
    (project, output)
}

fn row<'a>(results: &'a Value, name: &str) -> &'a Value {
    let mut rows = results["strategies"].as_array().unwrap().iter();
    rows.find(|row| row["name"] == name).unwrap()
}

#[test]
fn figures_asked_for_have_columns_with_intervals() {
    let target = "metrics = [\"accuracy\", \"balanced-accuracy\", \"log-loss\", \"top-2\"]";
    for seeds in ["[1]", "[1, 2, 3]"] {
        let (project, output) = run(&small(target, seeds));
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let text = output.snapshot();
        for heading in ["balanced accuracy", "log-loss", "top-2", "n/a (log-loss)"] {
            assert!(text.contains(heading), "{heading}: {text}");
        }
        let results = project.results(1);
        let logistic = row(&results, "logistic");
        for id in ["accuracy", "balanced-accuracy", "log-loss", "top-2"] {
            let figure = &logistic["figures"][id];
            let end = |at: usize| figure["interval"][at].as_f64().unwrap();
            let mean = figure["mean"].as_f64().unwrap();
            assert!(end(0) <= mean && mean <= end(1), "{id} {seeds}: {figure}");
        }
        // What nobody asked for is measured, too, without an interval that would take resamples.
        assert!(logistic["figures"]["mcc"]["mean"].is_f64());
        assert!(row(&results, "margins")["figures"]["log-loss"].is_null());
        assert_eq!(row(&results, "margins")["scores"], "ranking");
        assert_eq!(logistic["scores"], "logits");
        assert_eq!(logistic["per-class"].as_array().unwrap().len(), 5);
    }
}

#[test]
fn the_figure_that_ranks_compares_too() {
    let target = "rank-by = \"log-loss\"\ncompare-to = \"frozen\"\nequivalent-within = 0.5";
    let (project, output) = run(&small(target, "[1, 2]"));
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    // The lower the better.
    let loss = |name: &str| row(&results, name)["figures"]["log-loss"]["mean"].as_f64();
    let rank = |name: &str| row(&results, name)["rank"].as_u64();
    let first = loss("frozen").unwrap() < loss("logistic").unwrap();
    let expected = if first { [1, 2] } else { [2, 1] };
    assert_eq!(
        [rank("frozen"), rank("logistic"), rank("margins")],
        [Some(expected[0]), Some(expected[1]), None]
    );
    let pairs = results["pairs"].as_array().unwrap();
    let pair = pairs.iter().find(|pair| pair["b"] == "logistic").unwrap();
    assert_eq!(
        (&pair["metric"], &pair["test"]),
        (&"log-loss".into(), &"bootstrap".into())
    );
    assert!(
        pair["p-holm"].is_f64() && pair["p-equivalent"].is_f64(),
        "{pair}"
    );
    assert!(
        output
            .snapshot()
            .contains("pairs with `frozen`, by log-loss")
    );
}

#[test]
fn the_file_for_programs_is_as_its_schema_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/results.schema.json");
    let schema: Value = serde_json::from_str(&std::fs::read_to_string(root).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let folds = small("folds = 3", "[1, 2]");
    let calibrated = small("", "[1]").replace(
        "use = \"linear-svm\" }",
        "use = \"linear-svm\" }\ncalibrate = true",
    );
    for text in [small("", "[1]"), folds, calibrated] {
        let (project, output) = run(&text);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let results = project.results(1);
        let wrong: Vec<String> = (schema.iter_errors(&results))
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
}

#[test]
fn what_is_asked_wrongly_is_told() {
    let check = |target: &str, expected: &[&str]| {
        let mut project = Project::new();
        project.install("misbehave");
        project.write("small.toml", &small(target, "[1]"));
        let output = project.topwork(&["check", "small.toml"]);
        assert_eq!(output.code, 2, "{}", output.snapshot());
        for expected in expected {
            assert!(
                output.snapshot().contains(expected),
                "{}",
                output.snapshot()
            );
        }
    };
    check("metrics = [\"acuracy\"]", &["target.metrics", "accuracy"]);
    check("metrics = [\"ece\", \"ece\"]", &["target.metrics", "twice"]);
    check("metrics = []", &["target.metrics"]);
    check("rank-by = \"f1\"", &["target.rank-by", "macro-f1"]);
    check(
        "compare-to = \"logistik\"",
        &[
            "`target.compare-to`: there is no strategy \"logistik\"",
            "logistic",
        ],
    );
    check("equivalent-within = 0", &["target.equivalent-within"]);
}
