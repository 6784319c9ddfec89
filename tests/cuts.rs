//! Cuts that are pooled, normalised, reduced, or chosen by a rule.

use topwork_testkit::Project;

use crate::small::experiment;

/// The small experiment, cut like this, on a backbone and with the rules that are installed.
fn cut_at(cut: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    let text = experiment("").replace("cut     = \"pool2\"", &format!("cut     = {cut}"));
    assert!(text.contains(cut), "{text}");
    project.write("cuts.toml", &text);
    project
}

/// Runs it and gives cut, length of features and whether what was frozen stayed so, row by row.
fn rows(project: &Project) -> Vec<String> {
    let output = project.topwork(&["run", "cuts.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap().iter();
    rows.map(|row| {
        format!(
            "{}: {} features, frozen {}",
            row["cut"].as_str().unwrap(),
            row["feature-dim"],
            row["frozen-intact"]
        )
    })
    .collect()
}

#[test]
fn activations_are_pooled_normalised_and_reduced() {
    let project = cut_at(
        r#"["pool2", { at = "pool2", pool = "gap" }, { at = "pool2", pool = "pyramid", l2 = true }, { at = "pool2", pca = 8 }]"#,
    );
    insta::assert_snapshot!("cut_rows", rows(&project).join("\n"));
    let shown = project.topwork(&["show", "cuts.toml"]);
    insta::assert_snapshot!("cut_show", shown.snapshot());
}

/// The numbers of a table of features, image by image.
fn features(project: &Project, cut: &str) -> Vec<Vec<f64>> {
    let line = [
        "features", "1", "--cut", cut, "--split", "test", "-o", "f.csv",
    ];
    let output = project.topwork(&line);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let mut table = csv::Reader::from_path(project.path().join("f.csv")).unwrap();
    let columns = table.headers().unwrap().clone();
    let is_feature = |name: &str| name.starts_with("feature ");
    let rows = table.records().map(|row| {
        let row = row.unwrap();
        let fields = row.iter().zip(&columns);
        let fields = fields.filter(|(_, name)| is_feature(name));
        fields.map(|(field, _)| field.parse().unwrap()).collect()
    });
    rows.collect()
}

#[test]
fn places_are_joined_in_the_order_written() {
    let project = cut_at(
        r#"[{ at = "pool1", pool = "gap" }, { at = "pool2", pool = "gap" }, { join = ["pool2", "pool1"], pool = "gap" }, { join = ["pool1", "pool2"] }]"#,
    );
    insta::assert_snapshot!("cut_joined_rows", rows(&project).join("\n"));
    let [pool1, pool2] = ["pool1 gap", "pool2 gap"].map(|cut| features(&project, cut));
    let joined = features(&project, "pool2 + pool1 gap");
    assert!(joined.len() >= 50 && joined.len() == pool1.len());
    for ((joined, mut late), early) in joined.iter().zip(pool2).zip(pool1) {
        late.extend(early);
        assert_eq!(joined.len(), 70);
        let near = |(a, b): (&f64, &f64)| (a - b).abs() < 1e-6;
        assert!(joined.iter().zip(&late).all(near), "{joined:?} {late:?}");
    }
    // Resumed, every row is known again.
    let resumed = project.topwork(&["run", "cuts.toml", "--resume", "--ui", "none"]);
    assert_eq!(resumed.code, 0, "{}", resumed.snapshot());
}

#[test]
fn a_rule_chooses_the_cuts() {
    let project = cut_at(r#"{ use = "every-stage", pool = "gap" }"#);
    insta::assert_snapshot!("cut_rule_rows", rows(&project).join("\n"));
}

/// More components than the training images of a row have fail that row and no other.
#[test]
fn components_that_are_not_there_fail_their_row() {
    let project = cut_at(r#"["pool2", { at = "pool2", pca = 60 }]"#);
    let output = project.topwork(&["run", "cuts.toml", "--ui", "none"]);
    assert_ne!(output.code, 0);
    let results = project.results(1);
    let rows = results["strategies"].as_array().unwrap();
    let failures: Vec<&str> = rows
        .iter()
        .filter_map(|row| row["failed"][0]["message"].as_str())
        .collect();
    insta::assert_snapshot!("cut_failures", failures.join("\n"));
}
