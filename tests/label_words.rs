//! Several labels and numbers beside what classes have: words in one column, candidates, further test sets, true values beside features.

use std::fs;

use topwork_testkit::Project;

use crate::several_columns::{LABELS, closed, experiment, near, with_labels};

/// A table whose last four columns of 1 and 0 are words in one.
fn in_words(table: &str) -> String {
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().unwrap().split(',').collect();
    let mut text = format!("{},tags\n", header[..6].join(","));
    for line in lines {
        let cells: Vec<&str> = line.split(',').collect();
        let own = (header[6..].iter().zip(&cells[6..])).filter(|(_, has)| **has == "1");
        // Another order, and blanks, change nothing.
        let own: Vec<&str> = own.map(|(name, _)| *name).rev().collect();
        text += &format!("{},{}\n", cells[..6].join(","), own.join(" ; "));
    }
    text
}

fn read(project: &Project, name: &str) -> String {
    fs::read_to_string(project.path().join(name)).unwrap()
}

#[test]
fn words_in_one_column_are_labels() {
    let project = with_labels();
    for name in ["train", "test"] {
        let table = read(&project, &format!("{name}.csv"));
        project.write(&format!("{name}-words.csv"), &in_words(&table));
    }
    let rows =
        closed("ridge", "{ use = \"ridge\" }") + &closed("bayes", "{ use = \"naive-bayes\" }");
    let columns = experiment(6, "multilabel", LABELS, &rows);
    let words = columns
        .replace(LABELS, "\"tags\", label-separator = \";\"")
        .replace("train.csv", "train-words.csv")
        .replace("test.csv", "test-words.csv");
    let in_order = words.replace(
        "label-separator",
        &format!("class-names = {LABELS}, label-separator"),
    );
    for (number, text) in [(1, &columns), (2, &in_order), (3, &words)] {
        project.write("words.toml", text);
        let run = project.topwork(&["run", "words.toml", "--ui", "none"]);
        assert_eq!(run.code, 0, "{number}: {}", run.snapshot());
    }
    let predictions = |number: usize| {
        let folder = project.run_folder(number).join("predictions");
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|file| file.unwrap().path())
            .collect();
        files.sort();
        files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(predictions(1), predictions(2));
    // Without an order they are sorted.
    let sorted = &predictions(3)[0];
    let header = sorted.lines().next().unwrap();
    assert!(
        header.starts_with("example,predicted,true bee,true cat,true cow,true dog,score bee,"),
        "{header}"
    );
    let report = project.topwork(&["report", "3", "--format", "csv"]);
    let mut report = csv::Reader::from_reader(report.stdout.as_bytes());
    let headers = report.headers().unwrap().clone();
    let examples = headers.iter().position(|header| header == "examples");
    let first = report.records().next().unwrap().unwrap();
    assert_eq!(&first[examples.unwrap()], "100");
    // The names of the labels predicted stand beside the scores.
    let mut table = csv::Reader::from_reader(sorted.as_bytes());
    let places = [6, 7, 8, 9];
    for line in table.records() {
        let line = line.unwrap();
        let names = ["bee", "cat", "cow", "dog"].into_iter().zip(places);
        let own = names.filter(|(_, place)| line[*place].parse::<f32>().unwrap() > 0.0);
        let own: Vec<&str> = own.map(|(name, _)| name).collect();
        assert_eq!(own.join(";"), &line[1]);
    }

    let refused = |text: &str, code: i32, expected: &str| {
        project.write("wrong.toml", text);
        let check = project.topwork(&["check", "wrong.toml"]);
        assert_eq!(check.code, code, "{}", check.snapshot());
        assert!(check.stderr.contains(expected), "{}", check.snapshot());
    };
    refused(
        &in_order.replace("\"bee\"", "\"wasp\""),
        4,
        "line 2: label \"bee\", which is not wanted",
    );
    refused(
        &words.replace("multilabel", "numbers"),
        2,
        "`label-separator` stands between several labels of a sample",
    );
}

#[test]
fn candidates_are_judged_by_figures_of_the_target() {
    let project = with_labels();
    let chosen = |name: &str, head: &str, more: &str| {
        format!(
            "\n[[strategy]]\nname = \"{name}\"\nkind = \"feature-classifier\"\nhead = {{ use = \"{head}\" }}\n\
             select = {{ on = {{ folds = 3 }}, {more} }}\n"
        )
    };
    let l2 = "head = { l2 = [1.0, 1e7] }";
    let network = r#"
[[strategy]]
name   = "layer"
kind   = "frozen-backbone"
head   = { use = "linear" }
train  = { epochs = 3, batch-size = 20 }
select = { on = { holdout = 0.25 }, train = { learning-rate = [1e-9, 3e-2] } }
"#;
    let labels = chosen("ridge", "ridge", l2)
        + &chosen("logistic", "logistic-regression", l2)
        + &chosen("by F1", "knn", "by = \"micro-f1\", head = { k = [1, 9] }")
        + network;
    let numbers = chosen("ridge", "ridge", l2) + network;
    for (number, targets, rows) in [(1, "multilabel", &labels), (2, "numbers", &numbers)] {
        let text = experiment(6, targets, LABELS, rows);
        project.write("chosen.toml", &text);
        let run = project.topwork(&["run", "chosen.toml", "--ui", "none"]);
        assert_eq!(run.code, 0, "{}", run.snapshot());
        let results = project.results(number);
        let by = match targets {
            "numbers" => "r2",
            _ => "map",
        };
        for row in results["strategies"].as_array().unwrap() {
            let selected = &row["seeds"][0]["selected"];
            let name = row["name"].as_str().unwrap();
            let expected = if name == "by F1" { "micro-f1" } else { by };
            assert_eq!(selected["by"], expected, "{name}: {selected}");
            // What has not learnt anything is not chosen; with k there is no such candidate.
            let best = match name {
                "layer" => 1,
                "by F1" => continue,
                _ => 0,
            };
            let told = selected["fits"][0]["chosen"].as_u64();
            assert_eq!(told, Some(best), "{name}: {selected}");
        }
    }
    let refused = experiment(
        6,
        "numbers",
        LABELS,
        &chosen(
            "ridge",
            "ridge",
            "by = \"accuracy\", head = { l2 = [1.0, 2.0] }",
        ),
    );
    project.write("wrong.toml", &refused);
    let check = project.topwork(&["check", "wrong.toml"]);
    let said = "the figure `accuracy` is not one of numbers, which this target has";
    assert!(check.stderr.contains(said), "{}", check.snapshot());
}

/// A test set whose columns have another order, or other names, gives the figures that the run has on its own.
#[test]
fn further_test_sets_have_the_columns_of_the_target() {
    let project = with_labels();
    let own = read(&project, "test.csv");
    project.write("renamed.csv", &own.replace("cat,dog", "chat,dog"));
    for (number, targets) in [(1, "numbers"), (2, "multilabel")] {
        let tests = format!(
            r#"
[[target.test]]
name    = "other order"
dataset = {{ use = "csv", file = "test.csv", targets = "{targets}", label = ["bee", "dog", "cat", "cow"] }}
split   = "train"

[[target.test]]
name      = "other names"
dataset   = {{ use = "csv", file = "renamed.csv", targets = "{targets}", label = ["chat", "dog", "cow", "bee"] }}
split     = "train"
class-map = {{ chat = "cat" }}
"#
        );
        let rows = closed("ridge", "{ use = \"ridge\" }")
            + &closed("forest", "{ use = \"random-forest\", trees = 5 }");
        let text = experiment(6, targets, LABELS, &(tests.clone() + &rows));
        project.write("further.toml", &text);
        let run = project.topwork(&["run", "further.toml", "--ui", "none"]);
        assert_eq!(run.code, 0, "{}", run.snapshot());
        let results = project.results(number);
        for test in results["tests"].as_array().unwrap() {
            for (own, there) in (results["strategies"].as_array().unwrap().iter())
                .zip(test["strategies"].as_array().unwrap())
            {
                for (id, figure) in own["figures"].as_object().unwrap() {
                    let expected = figure["mean"].as_f64().unwrap();
                    near(&there["figures"][id]["mean"], expected, 1e-12, id);
                }
                assert_eq!(own["columns"], there["columns"], "{}", test["test"]);
            }
        }
        assert!(run.stderr.is_empty(), "{}", run.snapshot());
        let shown = project.topwork(&["runs", "show", &number.to_string()]);
        assert!(shown.stdout.contains("other order"), "{}", shown.snapshot());
        let missing = text.replace("class-map = { chat = \"cat\" }", "");
        project.write("missing.toml", &missing);
        let check = project.topwork(&["check", "missing.toml"]);
        assert!(
            check.stderr.contains("`cat`, which the target has"),
            "{}",
            check.snapshot()
        );
    }
}

#[test]
fn true_values_stand_beside_features() {
    let project = with_labels();
    let row = closed("ridge", "{ use = \"ridge\" }");
    for (number, targets, labels, expected) in [
        (1, "numbers", "\"bee\"", "split,example,true,feature 0,"),
        (
            2,
            "numbers",
            LABELS,
            "split,example,true cat,true dog,true cow,true bee,feature 0,",
        ),
        (
            3,
            "multilabel",
            LABELS,
            "split,example,true cat,true dog,true cow,true bee,feature 0,",
        ),
    ] {
        project.write(
            "experiment.toml",
            &experiment(if number == 1 { 9 } else { 6 }, targets, labels, &row),
        );
        let run = project.topwork(&["run", "experiment.toml", "--ui", "none"]);
        assert_eq!(run.code, 0, "{}", run.snapshot());
        let features = project.topwork(&[
            "features",
            &number.to_string(),
            "--split",
            "test",
            "--output",
            "features.csv",
        ]);
        assert_eq!(features.code, 0, "{}", features.snapshot());
        let table = read(&project, "features.csv");
        assert!(table.starts_with(expected), "{table}");
        let first: Vec<&str> = table.lines().nth(1).unwrap().split(',').collect();
        let own = read(&project, "test.csv");
        let own: Vec<&str> = own.lines().nth(1).unwrap().split(',').collect();
        let count = expected.matches("true").count();
        assert_eq!(first[2..2 + count], own[own.len() - count..]);
    }
}
