//! Plugins that misbehave: a sentence, the documented exit code, and a run record that is
//! whole, whatever the plugin does to its process.

use std::fs;

use topwork_testkit::Project;

use crate::small::{experiment, with_classifier};

/// Runs an experiment with a fault and gives exit code, message and the state it was recorded in.
fn outcome(text: &str, arguments: &[&str]) -> String {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    let run = ["run", "small.toml", "--ui", "none"];
    let output = project.topwork(&[&run, arguments].concat());
    let state = match project.path().join("runs").exists() {
        true => recorded(&project),
        false => "no run was made".to_owned(),
    };
    for said in [&output.stdout, &output.stderr] {
        assert!(!said.contains('\u{1b}'), "{said:?}");
    }
    format!("exit code {}, {state}\n{}", output.code, output.stderr)
}

/// The state run 1 is listed in, after a look at everything that was recorded of it.
fn recorded(project: &Project) -> String {
    let listed = project.topwork(&["runs", "list"]);
    let shown = project.topwork(&["runs", "show", "1"]);
    for output in [&listed, &shown] {
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(
            !output.snapshot().contains('\u{1b}'),
            "{}",
            output.snapshot()
        );
    }
    let folder = project.run_folder(1);
    for line in fs::read_to_string(folder.join("events.jsonl"))
        .unwrap()
        .lines()
    {
        let event: Result<serde_json::Value, _> = serde_json::from_str(line);
        assert!(event.is_ok(), "{line}");
    }
    let log = fs::metadata(folder.join("worker.log")).unwrap().len();
    assert!(log < 17 << 20, "a log of {log} bytes");
    assert_eq!(project.results(1)["run"], "0001-small");
    let line = listed.stdout.lines().last().unwrap_or_default().to_owned();
    let state = line
        .split_whitespace()
        .nth(1)
        .unwrap_or_default()
        .trim_end_matches(':');
    state.to_owned()
}

/// What each of these faults comes to, in the kind of component that `experiment` puts them into.
fn outcomes(faults: &[&str], experiment: impl Fn(&str) -> String) -> String {
    let told = faults.iter().map(|fault| {
        let name = fault.replace('\'', "\"");
        let (fault, at) = fault.split_once(" at ").unwrap_or((fault, "work"));
        let text = experiment(&format!("fault = \"{fault}\", at = \"{at}\""));
        // Nothing here takes long but what hangs.
        let hangs = fault.contains("hang") || fault.contains("endless");
        let limit: &[&str] = if hangs { &["--call-limit", "3s"] } else { &[] };
        format!("=== {name}: {}\n", outcome(&text, limit))
    });
    told.collect()
}

#[test]
fn a_dataset_that_misbehaves() {
    insta::assert_snapshot!(outcomes(
        &[
            "panic",
            "abort",
            "segfault",
            "stack-overflow",
            "exit-zero",
            "exit-folder-lost",
            "hang",
            "endless-output",
            "endless-log",
            "fail",
            "bad-data",
            "nan",
            "wrong-lengths",
            "label-out-of-range",
            "duplicate-classes",
            "no-classes",
            "huge-counts",
            "wild-shape",
            "bad-utf8",
            "hang at second",
            "segfault at second",
        ],
        experiment
    ));
}

#[test]
fn a_dataset_that_cannot_even_be_made() {
    insta::assert_snapshot!(outcomes(
        &[
            "panic at create",
            "abort at create",
            "segfault at create",
            "stack-overflow at create",
            "exit-zero at create",
            "exit-folder-lost at create",
            "bad-data at create",
        ],
        experiment
    ));
}

#[test]
fn a_classifier_that_misbehaves() {
    insta::assert_snapshot!(outcomes(
        &[
            "panic",
            "abort",
            "segfault",
            "stack-overflow",
            "exit-zero",
            "exit-folder-lost",
            "hang",
            "endless-output",
            "endless-log",
            "fail",
            "nan",
            "wrong-lengths",
            "unknown-scores",
            "counts-as-probabilities",
            "negative-probability",
            "panic at second",
            "segfault at second",
            "hang at second",
            "panic at create",
        ],
        with_classifier
    ));
}

fn with_network_head(parameters: &str) -> String {
    let head = format!(
        "head  = {{ use = \"misbehave-network\", {parameters} }}\ntrain = {{ epochs = 1, batch-size = 10, optimizer = \"adam\""
    );
    let sound = "head  = { use = \"mlp\", hidden = [20] }\ntrain = { epochs = 1, batch-size = 10, optimizer = \"adam\"";
    let text = experiment("");
    assert!(text.contains(sound));
    text.replace(sound, &head)
}

#[test]
fn a_network_head_that_misbehaves() {
    insta::assert_snapshot!(outcomes(
        &[
            "panic",
            "segfault",
            "stack-overflow",
            "exit-zero",
            "fail",
            "wrong-lengths",
            "huge-counts",
            "not-json",
            "json-list",
            "deep-json",
            "huge-json",
            "bad-utf8",
            "control-name",
            "panic at create",
        ],
        with_network_head
    ));
}

fn with_backbone(parameters: &str) -> String {
    let backbone = format!("use = \"misbehave\"\n{}", parameters.replace(", ", "\n"));
    experiment("")
        .replace("use = \"lenet\"", &backbone)
        .replace("\"pool2\"", "\"features\"")
}

#[test]
fn a_backbone_that_misbehaves() {
    insta::assert_snapshot!(outcomes(
        &[
            "panic",
            "abort",
            "segfault",
            "stack-overflow",
            "exit-zero",
            "not-json",
            "json-list",
            "deep-json",
            "huge-json",
            "bad-utf8",
            "control-name",
            "panic at create",
        ],
        with_backbone
    ));
}

/// A plugin that hangs while it is only looked at: the one limit that nobody can set.
#[test]
fn a_look_at_a_plugin_that_hangs_ends_too() {
    insta::assert_snapshot!(outcome(
        &experiment("fault = \"endless-output\", at = \"create\""),
        &[]
    ));
}

/// What is odd, but no fault: the run is done, with the figures of one without it.
#[test]
fn what_a_plugin_does_to_its_process_changes_no_figure() {
    let figures = |text: &str| {
        let mut project = Project::new();
        project.install("misbehave");
        project.write("small.toml", text);
        let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
        assert_eq!(output.code, 0, "{text}\n{}", output.snapshot());
        assert_eq!(recorded(&project), "done", "{text}");
        let predictions = fs::read_dir(project.run_folder(1).join("predictions")).unwrap();
        let mut files: Vec<_> = predictions.map(|entry| entry.unwrap().path()).collect();
        files.sort();
        let said: Vec<String> = files
            .iter()
            .map(|file| fs::read_to_string(file).unwrap())
            .collect();
        assert_eq!(said.len(), 3);
        said
    };
    let (dataset, classifier) = (
        figures(&(experiment("fault = \"none\"") + &with_classifier("")[experiment("").len()..])),
        figures(&with_classifier("fault = \"none\"")),
    );
    assert_eq!(dataset, classifier);
    for fault in [
        "print",
        "control-characters",
        "many-lines",
        "many-log-lines",
        "signals",
        "streams",
        "folder",
        "rounding",
        "thread-panic",
        "huge-counts",
    ] {
        let text = with_classifier(&format!("fault = \"{fault}\""));
        assert_eq!(figures(&text), classifier, "classifier: {fault}");
        if fault != "huge-counts" {
            let text = experiment(&format!("fault = \"{fault}\""))
                + &with_classifier("fault = \"none\"")[experiment("").len()..];
            assert_eq!(figures(&text), dataset, "dataset: {fault}");
        }
    }
}

#[test]
fn a_thread_that_crashes_is_told_as_well() {
    let text = experiment("fault = \"thread-crash\"").replacen("epochs = 1", "epochs = 1000", 1);
    let told = outcome(&text, &[]);
    assert!(
        told.starts_with("exit code 1, crashed\nerror: crashed: SIGSEGV ")
            || told.starts_with("exit code 3, crashed\nerror: crashed: SIGSEGV "),
        "{told}"
    );
}

#[test]
fn who_tells_progress_does_not_hang_and_who_listens_ends_when_asked() {
    for fault in ["busy-hang", "polite-hang"] {
        let mut project = Project::new();
        project.install("misbehave");
        project.write(
            "small.toml",
            &with_classifier(&format!("fault = \"{fault}\"")),
        );
        let limit = if fault == "busy-hang" { "1s" } else { "none" };
        let mut child = project.start(&["run", "small.toml", "--call-limit", limit]);
        project.wait_for_event(1, "\"stage-started\",\"stage\":5");
        std::thread::sleep(std::time::Duration::from_secs(2));
        assert!(child.try_wait().unwrap().is_none(), "{fault}");
        let stop = |child: &std::process::Child| {
            let pid = child.id().to_string();
            let sent = std::process::Command::new("kill")
                .args(["-INT", &pid])
                .status();
            assert!(sent.unwrap().success());
        };
        stop(&child);
        if fault == "busy-hang" {
            // It tells, but it does not listen.
            std::thread::sleep(std::time::Duration::from_millis(300));
            stop(&child);
        }
        assert_eq!(child.wait().unwrap().code(), Some(130), "{fault}");
        assert_eq!(recorded(&project), "stopped", "{fault}");
    }
}

#[test]
fn what_is_printed_and_logged_has_an_end() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &with_classifier("fault = \"many-lines\""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    let log = fs::read_to_string(project.run_folder(1).join("worker.log")).unwrap();
    assert!(
        log.len() > 16 << 20 && log.len() < 17 << 20,
        "{} bytes",
        log.len()
    );
    let last = log.lines().last().unwrap();
    assert_eq!(
        last,
        "topwork: more than 16 MiB were printed; the rest is not kept"
    );

    project.write("small.toml", &with_classifier("fault = \"many-log-lines\""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    let events = fs::read_to_string(project.run_folder(2).join("events.jsonl")).unwrap();
    let logged: Vec<&str> = events
        .lines()
        .filter(|line| line.contains("\"from\":\"misbehave\""))
        .collect();
    assert_eq!(logged.len(), 10_001);
    assert!(
        logged[0].contains(&format!("{} …\"", "é".repeat(2048))),
        "{}",
        logged[0]
    );
    assert!(logged[9_999].contains("\"line 9999\""));
    assert!(logged[10_000].contains("more than 10,000 log lines; the rest of the log is not kept"));
}

#[test]
fn schemas_that_lie() {
    let mut told = String::new();
    for liar in ["default", "type", "recursion", "elsewhere", "promise"] {
        let text = experiment("").replace(
            "use = \"misbehave\", classes = [0, 1, 2, 3, 4]",
            &format!("use = \"liar-{liar}\""),
        );
        told.push_str(&format!("=== {liar}: {}\n", outcome(&text, &[])));
    }
    insta::assert_snapshot!(told);
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
        log.contains("a plugin's ^[[2Jline on stdout") && log.contains("a plugin's line on stderr"),
        "{log}"
    );
}
