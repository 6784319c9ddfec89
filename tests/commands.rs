//! Every command as a user meets it.

use std::{fs, io::Read, process::Stdio};

use serde_json::Value;
use topwork_testkit::{Project, redact, without_widths};

use crate::small::experiment;

fn small() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    project
}

#[test]
fn a_run_in_a_pipe_is_plain_lines_and_a_table() {
    let project = small();
    let output = project.topwork(&["run", "small.toml", "--threads", "2"]);
    assert!(
        !output.stderr.contains('\u{1b}') && !output.stdout.contains('\u{1b}'),
        "{}",
        output.snapshot()
    );
    insta::assert_snapshot!(without_widths(&output.snapshot()));
    insta::assert_snapshot!("run_folder", files(&project));
}

/// The files of the first run, by name.
fn files(project: &Project) -> String {
    let root = project.run_folder(1);
    let mut names = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path => names.push(path.strip_prefix(&root).unwrap().display().to_string()),
            }
        }
    }
    names.sort();
    names.join("\n")
}

#[test]
fn the_event_stream_is_json_lines_and_the_results_follow_the_contract() {
    let project = small();
    let output = project.topwork(&["run", "small.toml", "--ui", "json"]);
    assert_eq!((output.code, output.stderr.as_str()), (0, ""));
    let events: Vec<Value> = output
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["event"], "run-started");
    assert_eq!(events[0]["format"], 2);
    assert_eq!(events.last().unwrap()["event"], "run-ended");
    let stored = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    assert_eq!(redact(&stored, project.path()), output.stdout);
    let results = project.results(1);
    for key in [
        "format",
        "run",
        "name",
        "status",
        "source",
        "strategies",
        "classes",
        "pairs-among",
        "pairs",
    ] {
        assert!(results.get(key).is_some(), "results.json has no {key}");
    }
    for key in [
        "name",
        "kind",
        "cut",
        "feature-dim",
        "head",
        "weights",
        "train-samples",
        "trainable-parameters",
        "seeds",
        "mean",
        "std",
        "interval",
        "frozen-intact",
        "seconds",
        "features-cached",
        "confusion",
    ] {
        assert!(
            results["strategies"][0].get(key).is_some(),
            "a strategy has no {key}"
        );
    }
    assert_eq!(
        results["strategies"][1]["trainable-parameters"],
        (800 + 1) * 5
    );
    assert_eq!(results["pairs"][0]["test"], "mcnemar-mid-p");
}

#[test]
fn a_reader_that_goes_away_does_not_hurt() {
    let project = small();
    let mut child = project
        .command(&["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    assert_eq!((child.wait().unwrap().code(), said.as_str()), (Some(0), ""));
}

#[test]
fn check_plan_and_show_tell_what_a_run_would_be() {
    let project = small();
    for command in ["check", "plan", "show"] {
        insta::assert_snapshot!(
            command,
            project.topwork(&[command, "small.toml"]).snapshot()
        );
    }
}

#[test]
fn programs_are_told_what_people_are() {
    let project = small();
    let told = |command: &[&str], code: i32| {
        let output = project.topwork(&[command, &["--json"]].concat());
        assert_eq!(output.code, code, "{}", output.snapshot());
        assert_eq!(output.stderr, "", "{command:?}");
        let told: Value = serde_json::from_str(&output.stdout).unwrap();
        assert_eq!(told["format"], 1);
        serde_json::to_string_pretty(&told).unwrap()
    };
    insta::assert_snapshot!("check_json", told(&["check", "small.toml"], 0));
    let mistaken = ["--set", "source.train.epochs=0", "--set", "target.cot=1"];
    let mistaken = [&["check", "small.toml"], &mistaken[..]].concat();
    insta::assert_snapshot!("check_json_mistakes", told(&mistaken, 2));
    insta::assert_snapshot!("plan_json", told(&["plan", "small.toml", "--seed", "1"], 0));
    let run = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    let planned = told(&["plan", "small.toml", "--seed", "1", "--seed", "2"], 0);
    let planned: Value = serde_json::from_str(&planned).unwrap();
    let part = &planned["parts"][0];
    let states = part["results"].as_array().unwrap().iter();
    let states: Vec<_> = states.map(|result| &result["state"]).collect();
    assert_eq!(states, ["done", "to do", "done", "to do"]);
    assert_eq!(part["to-do"], 2);
    assert_eq!(part["results"][0]["run"], "0001-small");
    assert!(part["seconds"].as_f64().unwrap() > 0.0, "{part}");
    assert!(part["bytes"].as_u64().unwrap() > 1000, "{part}");
    assert!(part["memory"].as_u64().unwrap() > 1 << 20, "{part}");
}

#[test]
fn features_that_do_not_fit_are_told_before_a_run() {
    let project = small();
    let run = |limit: &str| {
        let mut command = project.command(&["run", "small.toml", "--ui", "none"]);
        let output = command.env("TOPWORK_CACHE_LIMIT", limit).output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let plan = project.topwork(&["plan", "small.toml", "--json"]);
    let plan: Value = serde_json::from_str(&plan.stdout).unwrap();
    let bytes = plan["parts"][0]["feature-bytes"].as_u64().unwrap();
    // Of 800 numbers for each example.
    assert!(bytes > 0 && bytes.is_multiple_of(4 * 800), "{bytes}");
    assert_eq!(run("100"), "");
    let said = run("0");
    assert!(
        said.contains("more than the 0.0 MB that the cache may hold"),
        "{said}"
    );
}

#[test]
fn overrides_are_checked_like_the_file() {
    let project = small();
    let check = |set: &str| project.topwork(&["check", "small.toml", "--seed", "4", "--set", set]);
    assert_eq!(check("source.train.epochs=2").code, 0);
    insta::assert_snapshot!(check("source.train.epochs=0").snapshot());
    insta::assert_snapshot!(check("source.train.epoch=2").snapshot());
    insta::assert_snapshot!(check("strategy.7.name=x").snapshot());
}

#[test]
fn runs_are_listed_and_shown() {
    let project = small();
    insta::assert_snapshot!("no_runs", project.topwork(&["runs"]).snapshot());
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    let list = project.topwork(&["runs", "list"]);
    assert!(list.stdout.contains("0001-small  done"), "{}", list.stdout);
    let shown = project.topwork(&["runs", "show", "latest"]);
    assert!(
        shown.stdout.contains("0001-small: done") && shown.stdout.contains("frozen"),
        "{}",
        shown.stdout
    );
    insta::assert_snapshot!(
        "no_such_run",
        project.topwork(&["runs", "show", "9"]).snapshot()
    );
}

#[test]
fn plugins_are_listed_and_shown() {
    let project = small();
    insta::assert_snapshot!("plugins_list", project.topwork(&["plugins"]).snapshot());
    insta::assert_snapshot!(
        "plugins_show",
        project
            .topwork(&["plugins", "show", "classifiers"])
            .snapshot()
    );
    insta::assert_snapshot!(
        "plugins_show_unknown",
        project.topwork(&["plugins", "show", "resnet"]).snapshot()
    );
}

#[test]
fn the_schema_is_the_shipped_one() {
    let output = Project::new().topwork(&["schema"]);
    let shipped = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../experiments/experiment.schema.json"
    );
    assert_eq!(
        output.stdout,
        fs::read_to_string(shipped).unwrap(),
        "`just generate` makes it afresh"
    );
}

#[test]
fn help_names_the_exit_codes_and_an_example() {
    let project = Project::new();
    insta::assert_snapshot!("help", project.topwork(&["--help"]).snapshot());
    assert!(
        project
            .topwork(&["run", "--help"])
            .stdout
            .contains("topwork run experiments/mnist-transfer.toml")
    );
    assert_eq!(project.topwork(&["rum"]).code, 2);
}
