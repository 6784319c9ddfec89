//! `topwork plugins check`: our own plugins keep the contract, and what a plugin does wrong is told by its name.

use std::{env, fs, path::Path};

use serde_json::Value;
use topwork_testkit::Project;

/// The results of a check as a program reads them.
fn results(project: &Project, path: &Path, arguments: &[&str]) -> (i32, Vec<Value>) {
    let path = path.display().to_string();
    let check = [&["plugins", "check", &path, "--json"], arguments].concat();
    let output = project.topwork(&check);
    let json: Value = serde_json::from_str(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", output.snapshot()));
    assert_eq!(json["format"], 1);
    let plugins = json["plugins"].as_array().unwrap().iter();
    let results = plugins.flat_map(|plugin| plugin["results"].as_array().unwrap().clone());
    (output.code, results.collect())
}

fn told(results: &[Value], of: &str) -> Vec<String> {
    let results = results.iter().filter(|result| result["result"] == of);
    results
        .map(|result| format!("{}: {}", result["case"], result["why"]))
        .collect()
}

#[test]
fn our_own_plugins_keep_the_contract() {
    let project = Project::new();
    let binary = project.command(&[]);
    let folder = Path::new(binary.get_program()).parent().unwrap().to_owned();
    let names = fs::read_dir(&folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path());
    let plugins: Vec<_> = names
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("libtopwork_plugin_") && name.ends_with(env::consts::DLL_SUFFIX)
        })
        .collect();
    assert!(plugins.len() >= 5, "{plugins:?}");
    let mut cases = 0;
    for plugin in plugins {
        let (code, mut results) = results(&project, &plugin, &[]);
        // The baseline learns nothing of the features, and is there for that.
        results.retain(|of| of["component"][1] != "mean" || of["case"] != "classifier-learns");
        for bad in ["failed", "crashed", "hung", "warning"] {
            let told = told(&results, bad);
            assert!(told.is_empty(), "{}: {bad} {told:#?}", plugin.display());
        }
        assert_eq!(code, 0);
        cases += results
            .iter()
            .filter(|result| result["result"] == "ok")
            .count();
    }
    assert!(cases > 200, "{cases} cases");
}

/// What comes of one case with a plugin that goes wrong on request: the result and the reason.
fn outcome(library: &Path, case: &str, with: &str) -> String {
    let project = Project::new();
    let with = format!("misbehave={with}");
    let arguments = ["--only", case, "--limit", "3", "--with", &with];
    let (code, results) = results(&project, library, &arguments);
    let result = (results.iter())
        .find(|result| result["component"][1] == "misbehave")
        .unwrap_or_else(|| panic!("no case {case}"));
    let word = result["result"].as_str().unwrap();
    let bad = ["failed", "crashed", "hung"].contains(&word);
    assert_eq!(code, if bad { 3 } else { 0 }, "{result}");
    let why = result["why"].as_str().unwrap_or_default();
    format!(
        "{case} with {}: {word}; {why}\n",
        with.trim_start_matches("misbehave=")
    )
}

#[test]
fn a_plugin_that_misbehaves_is_found_out() {
    let mut project = Project::new();
    let library = project.install("misbehave");
    let cases = [
        ("create-defaults", r#"{"fault": "none"}"#),
        ("create-defaults", r#"{"fault": "panic", "at": "create"}"#),
        ("create-defaults", r#"{"fault": "abort", "at": "create"}"#),
        ("create-defaults", r#"{"fault": "hang", "at": "create"}"#),
        (
            "create-defaults",
            r#"{"fault": "exit-zero", "at": "create"}"#,
        ),
        (
            "create-defaults",
            r#"{"fault": "bad-data", "at": "create"}"#,
        ),
        ("dataset-labels", r#"{"fault": "none"}"#),
        ("dataset-labels", r#"{"fault": "segfault", "at": "second"}"#),
        ("dataset-labels", r#"{"fault": "wrong-lengths"}"#),
        ("dataset-labels", r#"{"fault": "label-out-of-range"}"#),
        ("dataset-reads", r#"{"fault": "nan"}"#),
        ("dataset-reads", r#"{"fault": "stack-overflow"}"#),
        ("dataset-reads", r#"{"fault": "busy-hang"}"#),
        ("dataset-describes", r#"{"fault": "duplicate-classes"}"#),
        ("dataset-describes", r#"{"fault": "bad-utf8"}"#),
        ("dataset-describes", r#"{"fault": "huge-counts"}"#),
        ("dataset-provenance", r#"{"fault": "none"}"#),
        ("dataset-provenance", r#"{"fault": "fewer-names"}"#),
        ("dataset-decoder-refuses", r#"{"fault": "none"}"#),
        (
            "dataset-decoder-refuses",
            r#"{"fault": "panic", "at": "create"}"#,
        ),
        ("dataset-decoder-without-data", r#"{"fault": "wild-shape"}"#),
        ("backbone-valid", r#"{"fault": "none"}"#),
        ("backbone-valid", r#"{"fault": "not-json"}"#),
        ("classifier-learns", r#"{"fault": "none"}"#),
        ("classifier-learns", r#"{"fault": "segfault"}"#),
        ("classifier-alike", r#"{"fault": "nan"}"#),
        ("classifier-scores-unsure", r#"{"fault": "none"}"#),
        (
            "classifier-scores-unsure",
            r#"{"fault": "counts-as-logits"}"#,
        ),
        ("classifier-scores", r#"{"fault": "unknown-scores"}"#),
        (
            "classifier-scores",
            r#"{"fault": "counts-as-probabilities"}"#,
        ),
        ("classifier-scores", r#"{"fault": "negative-probability"}"#),
        ("classifier-stop", r#"{"fault": "polite-hang"}"#),
        ("classifier-stop", r#"{"fault": "hang"}"#),
    ];
    let told: String = (cases.iter())
        .map(|(case, with)| outcome(&library, case, with))
        .collect();
    insta::assert_snapshot!(told);
}

#[test]
fn schemas_that_lie_are_found_out() {
    let mut project = Project::new();
    let library = project.install("misbehave");
    let mut lies = Vec::new();
    for case in ["schema-", "create-defaults", "create-each-default"] {
        let (_, results) = results(&project, &library, &["--only", case]);
        for result in results {
            let component = result["component"][1].as_str().unwrap_or_default();
            if component.starts_with("liar-") && result["result"] != "ok" {
                lies.push(format!(
                    "{component} {}: {} {}\n",
                    result["case"].as_str().unwrap(),
                    result["result"].as_str().unwrap(),
                    result["why"].as_str().unwrap_or_default()
                ));
            }
        }
    }
    lies.sort();
    insta::assert_snapshot!(lies.concat());
}

#[test]
fn what_is_no_plugin_is_told() {
    let project = Project::new();
    project.write("libtopwork_plugin_text.so", "text");
    project.write("empty/nothing.txt", "");
    let told = |path: &str| {
        let output = project.topwork(&["plugins", "check", path]);
        format!(
            "exit code {}\n{}{}",
            output.code, output.stdout, output.stderr
        )
    };
    let no_library = told("libtopwork_plugin_text.so");
    assert!(no_library.starts_with("exit code 3\n"), "{no_library}");
    assert!(no_library.contains("cannot be opened"), "{no_library}");
    let (empty, nowhere) = (told("empty"), told("nowhere"));
    assert!(
        empty.starts_with("exit code 2\nerror: there is no plugin in"),
        "{empty}"
    );
    assert!(
        nowhere.starts_with("exit code 2\nerror: cannot open `nowhere`"),
        "{nowhere}"
    );
}

#[test]
fn a_table_counts_and_names_what_is_wrong() {
    let mut project = Project::new();
    let library = project.install("misbehave").display().to_string();
    let output = project.topwork(&[
        "plugins",
        "check",
        &library,
        "--only",
        "dataset-labels",
        "--with",
        r#"misbehave={"fault": "abort", "at": "second"}"#,
    ]);
    assert_eq!(output.code, 3, "{}", output.snapshot());
    let table = output.stdout.replace(env::consts::DLL_SUFFIX, ".so");
    let rows: Vec<&str> = table
        .lines()
        .filter(|line| line.contains("SIGABRT"))
        .collect();
    assert_eq!(rows.len(), 2, "{table}");
    assert!(
        rows[0].starts_with("crashed  misbehave  dataset-labels "),
        "{table}"
    );
    assert!(
        rows[0].ends_with(r#"while reading the labels of split "train""#),
        "{table}"
    );
    assert!(table.contains("misbehave       dataset"), "{table}");
}
