//! Runs that end before they are done, and go on.

use std::{fs, process::Command, thread, time::Duration};

use serde_json::Value;
use topwork_testkit::Project;

use crate::small::{experiment, with_classifier};

/// Augmentation, an order, early stopping and layers that thaw: much that a checkpoint has to hold.
fn all_kinds_of_state() -> String {
    experiment("")
        .replace("seeds = [1]", "seeds = [1, 2]")
        .replacen(
            "epochs = 1, batch-size = 10, optimizer = \"sgd\"",
            "epochs = 12, validation = 0.2, patience = 6, schedule = \"cosine\", batch-size = 10, augment = { shift = 2, rotate = 10 }, optimizer = \"sgd\"",
            1,
        )
        .replacen("epochs = 1, batch-size = 10, optimizer = \"adam\"", "epochs = 30, batch-size = 10, optimizer = \"adam\"", 1)
        + r#"
[[strategy]]
name = "fine-tune"
kind = "fine-tune"
head = { use = "mlp", hidden = [20] }
train = { epochs = 6, batch-size = 10, optimizer = "adam", learning-rate = 1e-3 }
learning-rate-multipliers = { "conv1" = 0.0, "conv2" = 0.1 }
unfreeze-after = 3
"#
}

fn project(text: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    project
}

/// The figures, without what time and place say.
pub fn figures(project: &Project, run: usize) -> Value {
    timeless(&project.results(run))
}

fn timeless(value: &Value) -> Value {
    let of_time = |key: &str| ["run", "seconds", "features-cached"].contains(&key);
    match value {
        Value::Object(map) => Value::Object(
            (map.iter().filter(|(key, _)| !of_time(key)))
                .map(|(key, value)| (key.clone(), timeless(value)))
                .collect(),
        ),
        Value::Array(list) => list.iter().map(timeless).collect(),
        other => other.clone(),
    }
}

#[test]
fn twenty_kills_change_no_bit() {
    let project = project(&all_kinds_of_state());
    let output = project.topwork(&["verify-resume", "small.toml", "--kills", "20"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert!(
        output.stdout.starts_with("equal to the bit: "),
        "{}",
        output.snapshot()
    );
    assert!(
        output.stdout.contains("killed 20 times in all"),
        "{}",
        output.snapshot()
    );
}

#[test]
fn a_row_that_fails_leaves_the_others_alone() {
    let after = r#"
[[strategy]]
name = "after it"
kind = "feature-classifier"
head = { use = "logistic-regression" }
"#;
    for (fault, state) in [("panic", "failed"), ("segfault", "crashed")] {
        let project = project(&(with_classifier(&format!("fault = \"{fault}\"")) + after));
        let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
        assert_eq!(output.code, 3, "{}", output.snapshot());
        assert!(
            output
                .stderr
                .starts_with("error: 1 of 4 results missing: `guess` with seed 1: "),
            "{}",
            output.snapshot()
        );
        let results = project.results(1);
        assert_eq!(results["status"], state);
        assert_eq!(results["strategies"][2]["failed"][0]["status"], state);
        assert_eq!(results["strategies"][3]["seeds"][0]["total"], 50, "{fault}");
        // What was measured stays; what failed is tried again.
        let again = project.topwork(&["resume", "1", "--ui", "none"]);
        assert_eq!(again.code, 3, "{}", again.snapshot());
        assert_eq!(figures(&project, 1), timeless(&results));
    }
}

/// Starts the run and stops it when the event stream says `text`.
fn stopped_at(project: &Project, text: &str) {
    let mut child = project.start(&["run", "small.toml", "--no-cache"]);
    project.wait_for_event(1, text);
    let killed = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(killed.unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn a_stopped_run_goes_on_to_the_same_figures() {
    let text = experiment("").replacen("epochs = 1,", "epochs = 60,", 1);
    let project = project(&text);
    stopped_at(&project, "\"epoch\":3,\"epochs\":60");
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(shown.stdout.contains("stopped"), "{}", shown.snapshot());
    let output = project.topwork(&["run", "small.toml", "--resume"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    assert!(events.contains("goes on from epoch"), "{events}");
    assert_eq!(
        project.topwork(&["run", "small.toml", "--no-cache"]).code,
        0
    );
    assert_eq!(figures(&project, 1), figures(&project, 2));
    let again = project.topwork(&["resume", "1"]);
    assert!(
        again
            .stderr
            .contains("nothing is missing: all 2 results of `0001-small` are there"),
        "{}",
        again.snapshot()
    );
}

#[test]
fn files_altered_between_two_sessions_are_made_again() {
    let text = all_kinds_of_state();
    let project = project(&text);
    stopped_at(&project, "\"event\":\"stage-started\",\"stage\":5");
    let folder = project.run_folder(1);
    // As in a run of an earlier version: the experiment is checked once more.
    fs::remove_file(folder.join("plan.json")).unwrap();
    let predictions = folder.join("predictions/1-frozen-seed-1.csv");
    let text = fs::read_to_string(&predictions).unwrap();
    fs::write(&predictions, &text[..text.len() / 2]).unwrap();
    let weights = folder.join("checkpoints/backbone-seed-1.safetensors");
    let mut bytes = fs::read(&weights).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&weights, bytes).unwrap();
    let manifest = folder.join("manifest.json");
    let mut made_of: Value = serde_json::from_slice(&fs::read(&manifest).unwrap()).unwrap();
    made_of["binary"]["sha256"] = "0".repeat(64).into();
    fs::write(&manifest, made_of.to_string()).unwrap();
    let output = project.topwork(&["resume", "1"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    for said in [
        "the run began with another build of topwork (0.1.0)",
        "1-frozen-seed-1.csv` is missing or was altered: `frozen` is measured again",
        "backbone-seed-1.safetensors` is missing or was altered: the source is trained again",
    ] {
        assert!(output.stderr.contains(said), "{}", output.stderr);
    }
    assert_eq!(
        project.topwork(&["run", "small.toml", "--no-cache"]).code,
        0
    );
    assert_eq!(figures(&project, 1), figures(&project, 2));
}

#[test]
fn rows_of_an_earlier_version_are_compared_with_those_of_this_one() {
    let project = project(&all_kinds_of_state());
    stopped_at(&project, "\"event\":\"stage-started\",\"stage\":5");
    let folder = project.run_folder(1);
    let read = |name: &str| fs::read_to_string(folder.join(name)).unwrap();
    // What told test examples apart before: dataset, split and positions.
    let plan: Value = serde_json::from_str(&read("plan.json")).unwrap();
    let dataset = plan["plan"]["experiment"]["target"]["dataset"]["use"].as_str();
    let mut bytes = [dataset.unwrap(), "test"].concat().into_bytes();
    for line in read("predictions/1-frozen-seed-1.csv").lines().skip(1) {
        let position: u64 = line.split(',').next().unwrap().parse().unwrap();
        bytes.extend(position.to_le_bytes());
    }
    let events = read("events.jsonl");
    let begin = events.find("\"test-set\":\"v2:").unwrap() + "\"test-set\":\"".len();
    let old = topwork_keys::sha256(&bytes);
    let new = &events[begin..begin + 3 + old.len()];
    fs::write(folder.join("events.jsonl"), events.replace(new, &old)).unwrap();
    let output = project.topwork(&["resume", "1"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert_eq!(project.results(1)["strategies"][0]["test-set"], new);
    let again = project.topwork(&["run", "small.toml", "--no-cache"]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    assert_eq!(figures(&project, 1), figures(&project, 2));
    let examples = |run: usize| {
        let files = fs::read_dir(project.run_folder(run).join("examples")).unwrap();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        let name = |path: &std::path::PathBuf| path.file_name().unwrap().to_owned();
        (files.iter())
            .map(|path| (name(path), fs::read(path).unwrap()))
            .collect::<Vec<_>>()
    };
    assert_eq!(examples(1), examples(2));
    assert!(!examples(1).is_empty());
}

#[test]
fn another_run_takes_over_what_is_the_same() {
    let project = project(&experiment(""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    let more = experiment("").replace("seeds = [1]", "seeds = [1, 2]")
        + "\n[[strategy]]\nname = \"all samples\"\nkind = \"feature-classifier\"\nhead = { use = \"logistic-regression\" }\n";
    project.write("small.toml", &more);
    let plan = project.topwork(&["plan", "small.toml"]);
    let matrix = plan.stdout.split("\n\n").nth(1).unwrap_or_default();
    let cells: Vec<Vec<&str>> = (matrix.lines().skip(2))
        .map(|line| {
            line.split("  ")
                .map(str::trim)
                .filter(|cell| !cell.is_empty())
                .collect()
        })
        .collect();
    assert_eq!(cells[0][1..3], ["done in 0001", "to do"], "{}", plan.stdout);
    assert_eq!(cells[1][1..3], ["done in 0001", "to do"], "{}", plan.stdout);
    // The backbone is that of the first run, but other samples are to go through it.
    assert_eq!(cells[2][2], "to do", "{}", plan.stdout);
    assert!(
        plan.stdout.contains("4 of 6 results to do"),
        "{}",
        plan.stdout
    );
    let output = project.topwork(&["run", "small.toml", "--resume"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let events = fs::read_to_string(project.run_folder(2).join("events.jsonl")).unwrap();
    for what in [
        "the source with seed 1",
        "`frozen` with seed 1",
        "`logistic` with seed 1",
    ] {
        let said = format!("took over {what} from the run `0001-small`");
        assert!(events.contains(&said), "{said}: {events}");
    }
    assert_eq!(
        project.topwork(&["run", "small.toml", "--no-cache"]).code,
        0
    );
    assert_eq!(figures(&project, 2), figures(&project, 3));
}

#[test]
fn a_detached_run_needs_nobody() {
    let project = project(&experiment(""));
    let output = project.topwork(&["run", "small.toml", "--detach"]);
    assert_eq!((output.code, output.stdout.as_str()), (0, "0001-small\n"));
    project.wait_for_event(1, "\"run-ended\"");
    assert_eq!(project.results(1)["status"], "done");
}

#[test]
fn nobody_goes_on_with_a_run_that_is_running() {
    let text = experiment("").replacen("epochs = 1", "epochs = 100000", 1);
    let project = project(&text);
    assert_eq!(project.topwork(&["run", "small.toml", "--detach"]).code, 0);
    project.wait_for_event(1, "\"epoch-ended\"");
    let refused = project.topwork(&["resume", "1"]);
    assert_eq!(refused.code, 2, "{}", refused.snapshot());
    assert!(
        refused
            .stderr
            .contains("the run `0001-small` is running: source"),
        "{}",
        refused.snapshot()
    );
    // A second supervisor finds the run taken.
    let folder = project.run_folder(1);
    let second = project
        .command(&["supervise", folder.to_str().unwrap()])
        .output();
    assert_eq!(second.unwrap().status.code(), Some(2));
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
    thread::sleep(Duration::from_millis(50));
    assert_eq!(project.results(1)["status"], "stopped");
}
