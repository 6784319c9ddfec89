//! Heads that a run tells more of than their figures, and network heads with all their layers.

use topwork_testkit::Project;

use crate::small::experiment;

fn project(strategies: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("heads.toml", &(experiment("") + strategies));
    project
}

/// `auto` picks by the training samples, and says so wherever its row is shown.
#[test]
fn auto_picks_and_tells() {
    let project = project(
        r#"
[[strategy]]
name = "the best"
kind = "feature-classifier"
head = { use = "auto", candidates = ["nearest-centroid", { use = "knn", k = 1 }, "lda"], folds = 4 }
"#,
    );
    let output = project.topwork(&["run", "heads.toml", "--threads", "2"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    let row = &results["strategies"][2];
    assert_eq!(row["head"], "auto");
    let note = row["seeds"][0]["note"].as_str().unwrap();
    assert!(note.starts_with("picked "), "{note}");
    assert!(note.ends_with(" % in cross-validation"), "{note}");
    // How all of them did is in the log.
    let events = std::fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    for candidate in ["nearest-centroid", "knn (k 1)", "lda"] {
        let tried = format!("tried {candidate}: ");
        let mut lines = events.lines();
        let line = lines.find(|line| line.contains(&tried));
        let line = line.unwrap_or_else(|| panic!("no {tried:?} in {events}"));
        assert!(line.contains(" of 100 in 4 folds"), "{line}");
    }
    // In the log, under the table, and when the run is shown again.
    assert!(
        output.stderr.contains(&format!("  {note}\n")),
        "{}",
        output.stderr
    );
    let footnote = format!("the best: {note}\n");
    assert!(output.stdout.contains(&footnote), "{}", output.stdout);
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(shown.stdout.contains(&footnote), "{}", shown.stdout);
    // The others have nothing to say.
    assert!(results["strategies"][1]["seeds"][0].get("note").is_none());
}

#[test]
fn every_head_runs() {
    let heads = [
        ("linear-svm", "feature-classifier"),
        ("lda", "feature-classifier"),
        ("knn", "feature-classifier"),
        ("nearest-centroid", "feature-classifier"),
        ("naive-bayes", "feature-classifier"),
        ("random-forest", "feature-classifier"),
        ("linear", "frozen-backbone"),
    ];
    let mut strategies = String::new();
    for (head, kind) in heads {
        let train = match kind {
            "frozen-backbone" => "train = { epochs = 1 }\n",
            _ => "",
        };
        strategies += &format!(
            "\n[[strategy]]\nname = \"{head}\"\nkind = \"{kind}\"\nhead = {{ use = \"{head}\" }}\n{train}"
        );
    }
    strategies += r#"
[[strategy]]
name  = "deep"
kind  = "frozen-backbone"
head  = { use = "mlp", hidden = [20, 10], batch-norm = true, dropout = 0.2 }
train = { epochs = 2 }
"#;
    let project = project(&strategies);
    let output = project.topwork(&["run", "heads.toml", "--threads", "2"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    assert_eq!(rows.len(), 2 + heads.len() + 1);
    for row in rows {
        assert!(row["mean"].as_f64().is_some(), "{row}");
        assert_eq!(row["frozen-intact"], true, "{row}");
    }
    let parameters = |name: &str| {
        let row = rows.iter().find(|row| row["name"] == name).unwrap();
        row["trainable-parameters"].as_u64().unwrap()
    };
    assert_eq!(parameters("linear"), 801 * 5);
    // Batch normalisation has a weight and a bias for each unit, in the place of the layer's bias.
    let deep = 800 * 20 + 2 * 20 + 20 * 10 + 2 * 10 + 11 * 5;
    assert_eq!(parameters("deep"), deep);
}
