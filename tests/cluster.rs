//! Runs that several processes work on at once.

use std::{fs, process::Command, thread, time::Duration};

use serde_json::Value;
use topwork_testkit::Project;

use crate::{
    resume::figures,
    small::{experiment, with_classifier},
};

/// Two seeds, two cuts, a figure that is judged by resampling, trainings that take a moment.
fn grid() -> String {
    experiment("")
        .replace("seeds = [1]", "seeds = [1, 2]")
        .replace(
            "cut     = \"pool2\"",
            "cut = [\"pool1\", \"pool2\"]\nmetrics = [\"accuracy\", \"log-loss\"]",
        )
        .replacen(
            "epochs = 1, batch-size = 10, optimizer = \"adam\"",
            "epochs = 20, batch-size = 10, optimizer = \"adam\"",
            1,
        )
}

fn project(text: &str) -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", text);
    project
}

/// Waits until the run with this number has a state that `holds`, and gives that.
fn wait_for_state(project: &Project, run: usize, holds: impl Fn(&str) -> bool) -> String {
    for _ in 0..1200 {
        let listed = project.topwork(&["runs", "list", "--json"]);
        let listed: Value = serde_json::from_str(&listed.stdout).unwrap();
        if let Some(state) = listed[run - 1]["standing"]["state"].as_str()
            && holds(state)
        {
            return state.to_owned();
        }
        thread::sleep(Duration::from_millis(50));
    }
    panic!("{}", project.topwork(&["runs"]).snapshot());
}

fn over(state: &str) -> bool {
    !matches!(state, "running" | "queued" | "stalled")
}

/// What one process makes of the experiment, as run 1.
fn alone(project: &Project) {
    let output = project.topwork(&["run", "small.toml", "--ui", "none"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
}

/// Run 2 has the figures of run 1, and its predictions and models to the bit.
fn equals_alone(project: &Project) {
    assert_eq!(figures(project, 2), figures(project, 1));
    for folder in ["predictions", "models"] {
        let of = |run| {
            let folder = project.run_folder(run).join(folder);
            let mut files = Vec::new();
            files_below(&folder, &folder, &mut files);
            files.sort();
            files
        };
        assert!(!of(1).is_empty());
        assert_eq!(of(1), of(2), "{folder}");
    }
}

fn files_below(root: &std::path::Path, at: &std::path::Path, files: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(at).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files_below(root, &path, files),
            false => {
                let name = path.strip_prefix(root).unwrap().display().to_string();
                files.push((name, fs::read(&path).unwrap()));
            }
        }
    }
}

#[test]
fn several_processes_make_what_one_makes() {
    for (to, threads) in [("local:1", "2"), ("local:3", "1")] {
        let project = project(&grid());
        alone(&project);
        let output = project.topwork(&[
            "submit",
            "small.toml",
            "--to",
            to,
            "--threads",
            threads,
            "--no-cache",
        ]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(
            output.stdout.starts_with("0002-small"),
            "{}",
            output.snapshot()
        );
        assert_eq!(wait_for_state(&project, 2, over), "done");
        equals_alone(&project);
        let again = project.topwork(&["submit", "--missing", "2", "--to", to]);
        assert_eq!(again.code, 0, "{}", again.snapshot());
        assert!(
            again
                .stderr
                .starts_with("nothing is missing: all 8 results"),
            "{}",
            again.snapshot()
        );
    }
}

#[test]
fn killed_processes_cost_time_alone() {
    let project = project(&grid());
    alone(&project);
    let output = project.topwork(&["submit", "small.toml", "--to", "local:2", "--no-cache"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    // Elements with their workers, then the workers alone.
    for round in 0..6 {
        thread::sleep(Duration::from_millis(300));
        kill_elements(&project, 2, round % 2 == 0);
        let state = wait_for_state(&project, 2, over);
        if state == "done" {
            break;
        }
        let again = project.topwork(&["submit", "--missing", "2", "--to", "local:2"]);
        assert_eq!(again.code, 0, "{}", again.snapshot());
    }
    if wait_for_state(&project, 2, over) != "done" {
        project.topwork(&["submit", "--missing", "2", "--to", "local:2"]);
        assert_eq!(wait_for_state(&project, 2, over), "done");
    }
    equals_alone(&project);
}

#[test]
fn a_stopped_run_goes_on_by_one_process_or_several() {
    for goes_on in [
        vec!["resume", "2", "--ui", "none"],
        vec!["submit", "--missing", "2", "--to", "local:2"],
    ] {
        let project = project(&grid().replacen("epochs = 20", "epochs = 200", 1));
        alone(&project);
        let output = project.topwork(&["submit", "small.toml", "--to", "local:2", "--no-cache"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        wait_for_state(&project, 2, |state| state == "running");
        let stopped = project.topwork(&["stop", "2"]);
        assert_eq!(stopped.code, 0, "{}", stopped.snapshot());
        assert_eq!(wait_for_state(&project, 2, over), "stopped");
        let output = project.topwork(&goes_on);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert_eq!(wait_for_state(&project, 2, over), "done");
        equals_alone(&project);
    }
}

/// A job that is preempted while it brings together what all have done leaves a run in which no result is missing.
#[test]
fn a_run_that_was_stopped_at_its_very_end_is_brought_to_it() {
    for goes_on in [
        &["submit", "--missing", "2", "--to", "local:1"][..],
        &["task", "2", "--end"],
        &["task", "2", "--element", "0-local-0000"],
        &["resume", "2", "--ui", "none"],
    ] {
        let project = project(&grid());
        alone(&project);
        let output = project.topwork(&["submit", "small.toml", "--to", "local:1", "--no-cache"]);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert_eq!(wait_for_state(&project, 2, over), "done");
        let run = project.run_folder(2);
        let events = fs::read_to_string(run.join("events.jsonl")).unwrap();
        let (before, last) = events.trim_end().rsplit_once('\n').unwrap();
        let stopped = last
            .replace("\"status\":\"done\"", "\"status\":\"stopped\"")
            .replace("\"exit-code\":0", "\"exit-code\":130");
        assert_ne!(stopped, last);
        fs::write(run.join("events.jsonl"), format!("{before}\n{stopped}\n")).unwrap();
        fs::remove_file(run.join("results.json")).unwrap();
        assert_eq!(wait_for_state(&project, 2, over), "stopped");
        let output = project.topwork(goes_on);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert_eq!(wait_for_state(&project, 2, over), "done", "{goes_on:?}");
        equals_alone(&project);
    }
}

/// A process whose files may not grow stands for a node whose disk is full: what fails is a write in the midst of a file.
#[cfg(target_os = "linux")]
#[test]
fn a_node_that_cannot_write_says_so_and_loses_nothing() {
    let project = project(&grid());
    alone(&project);
    let sound = project.command(&["submit", "small.toml", "--to", "local:1", "--no-cache"]);
    let mut limited = Command::new("sh");
    // 100 kB: room for the plan and the events, not for the weights of a network.
    limited
        .args(["-c", "trap '' XFSZ; ulimit -f 200; exec \"$@\"", "sh"])
        .arg(sound.get_program())
        .args(sound.get_args())
        .current_dir(project.path());
    for (name, value) in sound.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    let output = project.output_of(limited);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert_eq!(wait_for_state(&project, 2, over), "failed");
    let told = project.topwork(&["runs", "list"]);
    assert!(
        told.stdout.contains("element `0-local-0000`: cannot write"),
        "{}",
        told.snapshot()
    );
    let again = project.topwork(&["submit", "--missing", "2", "--to", "local:2"]);
    assert_eq!(again.code, 0, "{}", again.snapshot());
    assert_eq!(wait_for_state(&project, 2, over), "done");
    equals_alone(&project);
}

#[test]
fn a_row_that_crashes_leaves_the_others_alone() {
    let project = project(&with_classifier("fault = \"segfault\""));
    let output = project.topwork(&["submit", "small.toml", "--to", "local:2", "--no-cache"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert_eq!(wait_for_state(&project, 1, over), "crashed");
    let results = project.results(1);
    assert_eq!(results["strategies"][2]["failed"][0]["status"], "crashed");
    assert_eq!(results["strategies"][1]["seeds"][0]["total"], 50);
    let whole = project.topwork(&["runs", "show", "1"]);
    assert!(whole.stdout.contains("logistic"), "{}", whole.snapshot());
}

/// Kills the workers of all elements with SIGKILL, and those who look after them, too, where these go `with_them`.
fn kill_elements(project: &Project, run: usize, with_them: bool) {
    let elements = project.run_folder(run).join("elements");
    for element in fs::read_dir(&elements).into_iter().flatten().flatten() {
        let owner = fs::read_to_string(element.path().join("owner.json")).unwrap_or_default();
        let owner: Value = serde_json::from_str(&owner).unwrap_or_default();
        let supervisor = Some(&owner["pid"]).filter(|_| with_them);
        for victim in supervisor.into_iter().chain([&owner["worker"]["pid"]]) {
            if let Some(victim) = victim.as_u64() {
                let _ = Command::new("kill")
                    .args(["-KILL", &victim.to_string()])
                    .output();
            }
        }
    }
}

#[test]
fn rows_of_another_kind_of_machine_are_named() {
    let project = project(&grid().replacen("epochs = 20", "epochs = 200", 1));
    let output = project.topwork(&["submit", "small.toml", "--to", "local:1", "--no-cache"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let events = project
        .run_folder(1)
        .join("elements/0-local-0000/events.jsonl");
    let said = || fs::read_to_string(&events).unwrap_or_default();
    while !said().contains("strategy-evaluated") {
        thread::sleep(Duration::from_millis(20));
    }
    project.topwork(&["stop", "1"]);
    let mut changed = said();
    let began = changed.find("\"kind\":\"").unwrap() + 8;
    changed.insert_str(began, "another ");
    fs::write(&events, changed).unwrap();
    let output = project.topwork(&["submit", "--missing", "1", "--to", "local:1"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    assert_eq!(wait_for_state(&project, 1, over), "done");
    let remarks = project.results(1)["remarks"].to_string();
    let told =
        "measured on several kinds of machine, whose figures may differ in the last digits: ";
    assert!(remarks.contains(told), "{remarks}");
    assert!(remarks.contains("on `another "), "{remarks}");
}

#[test]
fn an_element_that_comes_to_nothing_is_given_up() {
    let project = project(&grid());
    let output = project.topwork(&["submit", "small.toml", "--to", "local:1", "--no-cache"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let element = project.run_folder(1).join("elements/0-local-0000");
    while !element.join("owner.json").exists() {
        thread::sleep(Duration::from_millis(5));
    }
    kill_elements(&project, 1, true);
    let events = element.join("events.jsonl");
    let begun = r#"{"at":1,"event":"element-started","host":"a","kind":"k"}"#;
    fs::write(&events, [begun; 3].join("\n") + "\n").unwrap();
    let tried = project.topwork(&["task", "1", "--element", "0-local-0000"]);
    assert_eq!(tried.code, 1, "{}", tried.snapshot());
    let said = "the element `0-local-0000` is given up: begun 3 times in a row without completing";
    assert!(tried.stderr.contains(said), "{}", tried.snapshot());
    assert_eq!(wait_for_state(&project, 1, over), "failed");
}

#[test]
fn what_cannot_be_submitted_is_told() {
    let project = project(&grid());
    let check = |arguments: &[&str], code: i32, said: &str| {
        let output = project.topwork(arguments);
        assert_eq!(output.code, code, "{}", output.snapshot());
        assert!(
            output.stderr.contains(said),
            "{said}\n{}",
            output.snapshot()
        );
    };
    check(
        &["submit", "small.toml", "--to", "pbs"],
        2,
        "expected `slurm`, `hyperqueue` or `local:N`",
    );
    check(
        &["submit", "small.toml", "--to", "local:0"],
        2,
        "no number of processes from 1 to 1024",
    );
    check(&["submit", "--to", "local:1"], 2, "required");
    check(
        &["submit", "absent.toml", "--to", "local:1"],
        2,
        "absent.toml",
    );
    check(&["submit", "--missing", "7", "--to", "local:1"], 2, "7");
    assert!(!project.path().join("runs").join("0001-small").exists());
    alone(&project);
    let to_local = ["submit", "small.toml", "--to", "local:1"];
    for (more, said) in [
        (
            &["--partition", "cpu"][..],
            "--partition means nothing to `local:1`",
        ),
        (&["--time", "1:00"], "--time means nothing to `local:1`"),
        (
            &["--", "--mem=8G"],
            "what stands behind `--` means nothing to `local:1`",
        ),
    ] {
        let arguments = [&to_local[..], more].concat();
        check(&arguments, 2, said);
    }
    check(
        &[
            "submit",
            "small.toml",
            "--to",
            "hyperqueue",
            "--account",
            "x",
        ],
        2,
        "--account means nothing to `hyperqueue`",
    );
    check(&["task", "1"], 0, "has ended: done");
    check(&["task", "1", "--end"], 0, "has ended: done");
}

#[test]
fn a_dry_run_shows_what_would_be_asked_for() {
    let project = project(&grid());
    let show = |to: &str, more: &[&str]| {
        let mut arguments = vec![
            "submit",
            "small.toml",
            "--dry-run",
            "--threads",
            "2",
            "--to",
            to,
        ];
        arguments.extend(more);
        let output = project.topwork(&arguments);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        output.stdout
    };
    let slurm = show(
        "slurm",
        &[
            "--partition",
            "cpu",
            "--time",
            "2:00:00",
            "--array-limit",
            "4",
            "--",
            "--mem=8G",
        ],
    );
    insta::assert_snapshot!(
        "submit_slurm",
        topwork_testkit::redact(&slurm, project.path())
    );
    let hyperqueue = show("hyperqueue", &["--time", "2h"]);
    insta::assert_snapshot!(
        "submit_hyperqueue",
        topwork_testkit::redact(&hyperqueue, project.path())
    );
    insta::assert_snapshot!("submit_local", show("local:2", &[]));
    assert!(
        !project.path().join("runs").exists(),
        "nothing is left of a dry run"
    );
}

#[test]
fn tasks_are_given_for_programs_and_done_by_their_keys() {
    let project = project(&experiment(""));
    let plan = project.topwork(&["plan", "small.toml", "--tasks", "json"]);
    let tasks: Value = serde_json::from_str(&plan.stdout).unwrap();
    let tasks = tasks["tasks"].as_array().unwrap();
    let kinds: Vec<&str> = tasks
        .iter()
        .map(|task| task["kind"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["data", "source", "features", "row", "row"]);
    let key = |index: usize| tasks[index]["task"].as_str().unwrap();
    assert_eq!(tasks[4]["needs"], serde_json::json!([key(0), key(2)]));
    // Planned, and stopped before anybody has begun.
    let made = project.topwork(&["submit", "small.toml", "--to", "local:1", "--no-cache"]);
    assert_eq!(made.code, 0, "{}", made.snapshot());
    wait_for_state(&project, 1, over);
    let over = project.topwork(&["task", "1", "zzzz"]);
    assert_eq!(over.code, 0, "{}", over.snapshot());
    assert!(
        over.stderr.contains("has ended: done"),
        "{}",
        over.snapshot()
    );
}

#[test]
fn tasks_and_elements_that_are_none_are_told() {
    let project = project(&grid().replacen("epochs = 20", "epochs = 2000", 1));
    let made = project.topwork(&["submit", "small.toml", "--to", "local:1", "--no-cache"]);
    assert_eq!(made.code, 0, "{}", made.snapshot());
    for (arguments, said) in [
        (
            &["zzzz"][..],
            "the run has no task whose key begins with `zzzz`",
        ),
        (
            &["--element", "0-local-0009"],
            "its elements begin with 0-local-0000",
        ),
        (
            &["--element", "0-../../x"],
            "the run has no element `0-../../x`",
        ),
    ] {
        let output = project.topwork(&[&["task", "1"], arguments].concat());
        assert_eq!(output.code, 2, "{}", output.snapshot());
        assert!(
            output.stderr.contains(said),
            "{said}\n{}",
            output.snapshot()
        );
    }
    let stopped = project.topwork(&["stop", "1"]);
    assert_eq!(stopped.code, 0, "{}", stopped.snapshot());
}
