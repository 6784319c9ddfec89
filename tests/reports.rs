//! Reports of real runs, and comparisons of several.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;
use topwork_testkit::Project;

use crate::small::experiment;

/// A project with these runs of the small experiment.
fn with_runs(changes: &[&[&str]]) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    for change in changes {
        let mut arguments = vec!["run", "small.toml", "--ui", "none"];
        arguments.extend(*change);
        let output = project.topwork(&arguments);
        assert_eq!(output.code, 0, "{}", output.snapshot());
    }
    project
}

/// The endings of the files in a folder.
fn endings(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().flatten();
    let names = names.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names
        .map(|name| name.rsplit('.').next().unwrap_or("").to_owned())
        .collect()
}

#[test]
fn a_run_is_reported_in_every_format() {
    let project = with_runs(&[&[]]);
    let text = project.topwork(&["report", "--last"]);
    let shown = project.topwork(&["runs", "show", "1"]);
    assert_eq!((text.code, text.stderr.as_str()), (0, ""));
    assert!(shown.stdout.ends_with(&text.stdout), "{}", text.snapshot());

    let formats = "text,markdown,csv,latex,json,html";
    let several = project.topwork(&["report", "1", "--format", formats]);
    assert_eq!(several.code, 2, "{}", several.snapshot());
    assert!(
        several.stderr.contains("-o FOLDER"),
        "{}",
        several.snapshot()
    );
    let written = project.topwork(&["report", "1", "--format", formats, "-o", "pages"]);
    assert_eq!((written.code, written.stderr.as_str()), (0, ""));
    let folder = project.path().join("pages");
    let expected = ["csv", "html", "json", "md", "tex", "txt"];
    assert_eq!(endings(&folder), expected.map(str::to_owned).into());

    let read = |ending: &str| {
        let id = project.run_folder(1);
        let id = id.file_name().unwrap().to_string_lossy().into_owned();
        fs::read_to_string(folder.join(format!("{id}.{ending}"))).unwrap()
    };
    let results: Value = serde_json::from_str(&read("json")).unwrap();
    assert_eq!(results, project.results(1));
    let csv = read("csv");
    let lines: Vec<Vec<&str>> = csv.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(lines.len(), 3, "{csv}");
    let at = lines[0]
        .iter()
        .position(|name| *name == "accuracy")
        .unwrap();
    for (line, row) in lines[1..]
        .iter()
        .zip(results["strategies"].as_array().unwrap())
    {
        assert_eq!(
            line[at].parse::<f64>().unwrap(),
            row["mean"].as_f64().unwrap()
        );
    }
    // The name of one file says the format.
    for (arguments, file, like) in [
        (&["-o", "new/page.html"][..], "new/page.html", "html"),
        (&["-o", "table.tex"], "table.tex", "tex"),
        (&["--format", "csv", "-o", "rows.csv"], "rows.csv", "csv"),
    ] {
        let written = project.topwork(&[&["report", "1"], arguments].concat());
        assert_eq!(
            written.stdout,
            format!("{file}\n"),
            "{}",
            written.snapshot()
        );
        let found = fs::read_to_string(project.path().join(file)).unwrap();
        assert_eq!(found, read(like), "{file}");
    }
    for (arguments, told) in [
        (
            &["--format", "csv", "-o", "page.html"][..],
            "`page.html` ends as a file of html does, but `--format csv` is asked for",
        ),
        (
            &["--format", "csv,html", "-o", "page.html"],
            "2 reports do not go to one file, `page.html`",
        ),
    ] {
        let refused = project.topwork(&[&["report", "1"], arguments].concat());
        assert_eq!(refused.code, 2, "{}", refused.snapshot());
        assert!(refused.stderr.contains(told), "{}", refused.snapshot());
    }
    assert!(!project.path().join("page.html").exists());
    let html = read("html");
    // The trunk's features, class by class, and what the experiment says.
    for part in [
        "Heat map of the trained trunk",
        "class=\"sortable\"",
        "misbehave",
        "</html>",
    ] {
        assert!(html.contains(part), "the page has no {part}");
    }
    assert!(read("tex").contains("\\bottomrule") && read("md").contains("| frozen |"));
}

#[test]
fn trackers_get_their_files() {
    let project = with_runs(&[&[]]);
    for (tracker, file) in [("tensorboard", "topwork"), ("mlflow", "yaml")] {
        let output = project.topwork(&["report", "latest", "--to", tracker, tracker]);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        let mut folders = vec![project.path().join(tracker)];
        let mut found = 0;
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().flatten() {
                match entry.path() {
                    path if path.is_dir() => folders.push(path),
                    path => found += usize::from(path.to_string_lossy().ends_with(file)),
                }
            }
        }
        // TensorBoard: the source, and for two rows a seed and the mean. MLflow: the experiment and two runs.
        assert_eq!(found, if tracker == "mlflow" { 3 } else { 5 }, "{tracker}");
    }
    let unknown = project.topwork(&["report", "latest", "--to", "tensorbord", "x"]);
    assert_eq!(unknown.code, 2);
    assert!(
        unknown.stderr.contains("did you mean `tensorboard`"),
        "{}",
        unknown.snapshot()
    );
}

#[test]
fn runs_are_set_against_each_other_where_that_is_fair() {
    let project = with_runs(&[
        &[],
        &["--set", "source.train.epochs=2"],
        &["--seed", "2"],
        &["--set", "target.folds=2"],
        &["--set", "target.dataset.classes=[5, 6, 7]"],
    ]);
    let check = |other: &str, ranked: bool, why: Option<&str>| {
        let output = project.topwork(&["compare", "1", other, "--json"]);
        assert_eq!((output.code, output.stderr.as_str()), (0, ""));
        let found: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(found["ranked"], ranked, "{other}: {}", output.stdout);
        let reason = found["runs"][1]["not-compared-with-first"].as_str();
        assert!(
            reason.is_none() == why.is_none() && reason.unwrap_or("").contains(why.unwrap_or("")),
            "{other}: {reason:?}"
        );
        let pairs = found["results"]["pairs"].as_array().unwrap();
        assert_eq!(pairs.len(), if why.is_none() { 4 } else { 0 }, "{other}");
        assert!(pairs.iter().all(|pair| pair["test"] == "mcnemar-mid-p"));
        let rows = found["results"]["strategies"].as_array().unwrap();
        assert!(
            rows.iter().all(|row| row["rank"].is_null() != ranked),
            "{other}"
        );
        let text = project.topwork(&["compare", "1", other]);
        assert_eq!(text.code, 0);
        assert_eq!(
            text.stdout.contains("! no rank"),
            !ranked,
            "{}",
            text.snapshot()
        );
    };
    check("2", true, None);
    check("3", false, Some("no seed in common: seed 2, there seed 1"));
    check(
        "4",
        false,
        Some("measured on 2 folds, there on a test split"),
    );
    check("5", false, Some("`target.dataset.classes` is `[5, 6, 7]`"));
    let twice = project.topwork(&["compare", "1", "1"]);
    assert_eq!(twice.code, 2, "{}", twice.snapshot());
}
