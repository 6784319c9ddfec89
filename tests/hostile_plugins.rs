//! Plugins that misbehave: a sentence, the documented exit code, and a run record that is
//! whole, whatever the plugin does to its process.

use std::fs;

use topwork_testkit::Project;

use crate::small::{experiment, with_classifier};

/// Runs an experiment with a fault and gives exit code, message and the state it was recorded in.
fn outcome(text: &str) -> String {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert!(!output.stderr.contains('\u{1b}'), "{}", output.stderr);
    let state = match project.path().join("runs").exists() {
        true => {
            let listed = project.topwork(&["runs", "list"]);
            assert_eq!(listed.code, 0);
            let line = listed.stdout.lines().last().unwrap_or_default().to_owned();
            line.split_whitespace()
                .nth(1)
                .unwrap_or_default()
                .to_owned()
        }
        false => "no run was made".to_owned(),
    };
    format!("exit code {}, {state}\n{}", output.code, output.stderr)
}

#[test]
fn a_dataset_that_misbehaves() {
    let mut all = String::new();
    for fault in [
        "panic",
        "abort",
        "segfault",
        "fail",
        "bad-data",
        "nan",
        "wrong-lengths",
        "label-out-of-range",
        "duplicate-classes",
        "no-classes",
        "wild-shape",
        "bad-utf8",
    ] {
        let text = experiment(&format!("fault = \"{fault}\""));
        all.push_str(&format!("=== {fault}: {}\n", outcome(&text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_dataset_that_cannot_even_be_made() {
    let mut all = String::new();
    for fault in ["panic", "abort", "segfault", "bad-data"] {
        let text = experiment(&format!("fault = \"{fault}\", at = \"create\""));
        all.push_str(&format!("=== {fault}: {}\n", outcome(&text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_classifier_that_misbehaves() {
    let mut all = String::new();
    for fault in ["panic", "segfault", "nan", "wrong-lengths"] {
        let text = with_classifier(&format!("fault = \"{fault}\""));
        all.push_str(&format!("=== {fault}: {}\n", outcome(&text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_backbone_that_misbehaves() {
    let mut all = String::new();
    for fault in [
        "panic",
        "not-json",
        "json-list",
        "deep-json",
        "huge-json",
        "bad-utf8",
    ] {
        let text = experiment("").replace(
            "use = \"lenet\"",
            &format!("use = \"misbehave\"\nfault = \"{fault}\""),
        );
        all.push_str(&format!("=== {fault}: {}\n", outcome(&text)));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn what_a_plugin_prints_ends_in_the_log() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment("fault = \"print\""));
    let output = project.topwork(&["run", "small.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert!(
        !output.snapshot().contains("a plugin's line"),
        "{}",
        output.snapshot()
    );
    let log = fs::read_to_string(project.run_folder(1).join("worker.log")).unwrap();
    assert!(
        log.contains("a plugin's line on stdout") && log.contains("a plugin's line on stderr"),
        "{log}"
    );
}

#[test]
fn a_plugin_of_another_abi_is_skipped_with_both_versions() {
    let mut project = Project::new();
    project.install("misbehave_abi2");
    project.write("small.toml", &experiment(""));
    insta::assert_snapshot!(
        "abi2_run",
        project.topwork(&["run", "small.toml"]).snapshot()
    );
    insta::assert_snapshot!(
        "abi2_list",
        project.topwork(&["plugins", "list"]).snapshot()
    );
}

#[test]
fn a_file_that_is_no_library_is_skipped() {
    let mut project = Project::new();
    let plugin = project.install("misbehave");
    fs::write(&plugin, "not a library").unwrap();
    let output = project.topwork(&["plugins", "list"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert!(
        output
            .stderr
            .contains("skipped `[PROJECT]/plugins/libtopwork_plugin_misbehave.[LIBRARY]`"),
        "{}",
        output.stderr
    );
}

#[test]
fn a_plugin_changed_after_the_run_was_made_is_refused() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    let folder = project.run_folder(1);
    let manifest = folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let digest = text.split("\"sha256\": \"").nth(1).unwrap()[..64].to_owned();
    fs::write(&manifest, text.replacen(&digest, &"0".repeat(64), 1)).unwrap();
    fs::remove_file(folder.join("events.jsonl")).unwrap();
    let code = project
        .command(&["supervise", folder.to_str().unwrap()])
        .status()
        .unwrap()
        .code();
    assert_eq!(code, Some(3));
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown
            .stderr
            .contains("has changed since the run was created"),
        "{}",
        shown.snapshot()
    );
}
