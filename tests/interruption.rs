//! Stopping a run, killing it, and leaving it alone.

use std::{
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use topwork_testkit::Project;

use crate::small::{endless, experiment, with_classifier};

fn signal(child: &Child, name: &str) {
    assert!(
        Command::new("kill")
            .args([name, &child.id().to_string()])
            .status()
            .unwrap()
            .success()
    );
}

fn code(mut child: Child) -> Option<i32> {
    let limit = Instant::now() + Duration::from_secs(60);
    while Instant::now() < limit {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        thread::sleep(Duration::from_millis(20));
    }
    child.kill().unwrap();
    panic!("the viewer did not end");
}

#[test]
fn ctrl_c_stops_the_run_at_the_next_step() {
    for name in ["-INT", "-TERM"] {
        let project = endless();
        let child = project.start(&["run", "small.toml"]);
        project.wait_for_event(1, "\"epoch-ended\"");
        signal(&child, name);
        assert_eq!(code(child), Some(130), "{name}");
        assert_eq!(project.results(1)["status"], "stopped", "{name}");
    }
}

#[test]
fn a_second_ctrl_c_kills_a_run_that_hangs() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &with_classifier("fault = \"hang\""));
    let child = project.start(&["run", "small.toml"]);
    // The third strategy's stage: the one whose head never comes back.
    project.wait_for_event(1, "\"stage-started\",\"stage\":5");
    thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    thread::sleep(Duration::from_millis(300));
    signal(&child, "-INT");
    assert_eq!(code(child), Some(130));
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown.stdout.contains("0001-small: stopped"),
        "{}",
        shown.snapshot()
    );
    assert!(
        shown.stdout.contains("logistic"),
        "what was done before is still there: {}",
        shown.stdout
    );
}

#[test]
fn killing_the_viewer_leaves_the_run_alone() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write(
        "small.toml",
        &experiment("").replacen("epochs = 1", "epochs = 30", 1),
    );
    let mut child = project.start(&["run", "small.toml"]);
    project.wait_for_event(1, "\"epoch-ended\"");
    child.kill().unwrap();
    child.wait().unwrap();
    project.wait_for_event(1, "\"run-ended\"");
    assert_eq!(project.results(1)["status"], "done");
}

#[test]
fn a_stop_in_the_first_moments_is_a_stop_too() {
    let project = endless();
    for (number, delay) in [0, 1, 2, 4, 6, 8, 10, 15, 20, 30, 40, 60]
        .into_iter()
        .enumerate()
    {
        let child = project.start(&["run", "small.toml"]);
        // From here on there is a run, whoever looks after it.
        project.wait_for_run(number + 1);
        thread::sleep(Duration::from_millis(delay));
        signal(&child, "-INT");
        assert_eq!(code(child), Some(130), "after {delay} ms");
    }
}

#[test]
fn a_worker_whose_supervisor_was_killed_stops_and_says_so() {
    let project = endless();
    let child = project.start(&["run", "small.toml"]);
    project.wait_for_event(1, "\"epoch-ended\"");
    let owner = std::fs::read_to_string(project.run_folder(1).join("owner.json")).unwrap();
    let owner: serde_json::Value = serde_json::from_str(&owner).unwrap();
    let pid = owner["pid"].to_string();
    assert!(
        Command::new("kill")
            .args(["-KILL", &pid])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(code(child), Some(1));
    assert_eq!(project.results(1)["status"], "crashed");
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown.stderr.contains("the run's supervisor was killed"),
        "{}",
        shown.snapshot()
    );
}

#[test]
fn a_crash_leaves_the_figures_measured_before_it() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &with_classifier("fault = \"segfault\""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        3
    );
    let results = project.results(1);
    assert_eq!(results["status"], "crashed");
    assert_eq!(results["strategies"][1]["seeds"][0]["total"], 50);
    assert_eq!(
        results["strategies"][2]["frozen-intact"],
        serde_json::Value::Null
    );
}
