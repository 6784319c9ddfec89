//! Runs that outlive whoever has started them: listed, watched, stopped and removed from
//! elsewhere, and told right when they were killed.

use std::{
    fs,
    io::Read,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use topwork_testkit::{Output, Project, without_widths};

use crate::small::{endless, experiment, with_classifier};

/// A project with one run that is done.
fn done() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    assert_eq!(
        project.topwork(&["run", "small.toml", "--ui", "none"]).code,
        0
    );
    project
}

/// A project with a run in its first epochs whose viewer is gone.
fn left_alone() -> Project {
    let project = endless();
    let mut viewer = project.start(&["run", "small.toml"]);
    project.wait_for_event(1, "\"epoch-ended\"");
    viewer.kill().unwrap();
    viewer.wait().unwrap();
    project
}

fn kill(signal: &str, pids: &[String]) {
    let mut kill = Command::new("kill");
    assert!(kill.arg(signal).args(pids).status().unwrap().success());
}

/// Supervisor and worker of the first run.
fn processes(project: &Project) -> [String; 2] {
    let text = fs::read_to_string(project.run_folder(1).join("owner.json")).unwrap();
    let owner: Value = serde_json::from_str(&text).unwrap();
    [owner["pid"].to_string(), owner["worker"]["pid"].to_string()]
}

/// How the first run stands, as the list says.
fn standing(project: &Project) -> Value {
    let output = project.topwork(&["runs", "--json"]);
    let runs: Value = serde_json::from_str(&output.stdout).unwrap();
    runs[0]["standing"].clone()
}

/// Waits until the first run is in this state, and gives how it stands then.
fn wait_for_state(project: &Project, state: &str, limit: u64) -> Value {
    let limit = Instant::now() + Duration::from_secs(limit);
    loop {
        let standing = standing(project);
        if standing["state"] == state {
            return standing;
        }
        assert!(Instant::now() < limit, "not {state} but {standing}");
        thread::sleep(Duration::from_millis(50));
    }
}

/// Ends a viewer within a minute: exit code, standard output, standard error.
fn end(mut viewer: Child) -> (Option<i32>, String, String) {
    fn drain(stream: Option<impl Read + Send + 'static>) -> thread::JoinHandle<String> {
        thread::spawn(move || {
            let mut text = String::new();
            if let Some(mut stream) = stream {
                stream.read_to_string(&mut text).unwrap();
            }
            text
        })
    }
    let (stdout, stderr) = (drain(viewer.stdout.take()), drain(viewer.stderr.take()));
    let limit = Instant::now() + Duration::from_secs(60);
    while viewer.try_wait().unwrap().is_none() {
        if Instant::now() > limit {
            viewer.kill().unwrap();
            panic!("the viewer did not end");
        }
        thread::sleep(Duration::from_millis(20));
    }
    let code = viewer.wait().unwrap().code();
    (code, stdout.join().unwrap(), stderr.join().unwrap())
}

fn attach(project: &Project, ui: &str) -> Child {
    project
        .command(&["attach", "1", "--ui", ui])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn runs_are_listed_and_shown_as_text_and_as_json() {
    let project = done();
    insta::assert_snapshot!(
        "list",
        without_widths(&project.topwork(&["runs"]).snapshot())
    );
    let listed = project.topwork(&["runs", "list", "--json"]);
    let mut runs: Value = serde_json::from_str(&listed.stdout).unwrap();
    assert!(runs[0]["bytes"].as_u64().unwrap() > 10_000);
    for key in ["created-at", "seconds", "host", "version", "bytes"] {
        assert!(!runs[0][key].is_null(), "{key}");
        runs[0][key] = json!(format!("[{}]", key.to_uppercase()));
    }
    insta::assert_snapshot!("list_json", serde_json::to_string_pretty(&runs).unwrap());
    assert_eq!(project.topwork(&["runs", "--json"]).stdout, listed.stdout);
    let mut show = project.command(&["runs", "show", "latest", "--json"]);
    let shown = show.output().unwrap().stdout;
    let shown: Value = serde_json::from_slice(&shown).unwrap();
    assert_eq!(shown["run"]["standing"], json!({ "state": "done" }));
    assert_eq!(shown["results"], project.results(1));
}

#[test]
fn an_ended_run_is_seen_again_with_its_exit_code() {
    let project = done();
    let whole = project.topwork(&["attach", "latest"]);
    assert_eq!(whole.code, 0);
    insta::assert_snapshot!("attach_ended", without_widths(&whole.snapshot()));
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    let again = end(attach(&project, "json"));
    assert_eq!(again, (Some(0), events, String::new()));
}

#[test]
fn runs_are_removed_but_never_a_live_one() {
    let project = left_alone();
    insta::assert_snapshot!(
        "rm_live",
        project.topwork(&["runs", "rm", "1", "--yes"]).snapshot()
    );
    insta::assert_snapshot!("stop", project.topwork(&["stop", "1"]).snapshot());
    insta::assert_snapshot!("stop_ended", project.topwork(&["stop", "1"]).snapshot());
    insta::assert_snapshot!("rm_asks", project.topwork(&["runs", "rm", "1"]).snapshot());
    let mistaken = project.topwork(&["runs", "rm", "1", "7", "--yes"]);
    assert_eq!(mistaken.code, 2);
    assert!(project.run_folder(1).exists(), "a mistake removes nothing");
    insta::assert_snapshot!(
        "rm",
        project
            .topwork(&["runs", "rm", "1", "1", "--yes"])
            .snapshot()
    );
    let left: Vec<_> = fs::read_dir(project.path().join("runs"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.contains("index"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
}

/// Ages the run with this number by days.
fn age(project: &Project, number: usize, days: u64) {
    let manifest = project.run_folder(number).join("manifest.json");
    let mut content: Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    let created = content["created-at"].as_u64().unwrap();
    content["created-at"] = json!(created - days * 24 * 3_600_000);
    fs::write(&manifest, content.to_string()).unwrap();
}

#[test]
fn runs_are_removed_by_age_state_and_number() {
    let project = done();
    let run = |arguments: &[&str]| project.topwork(&[&["run", "small.toml"], arguments].concat());
    // Done, failed, done, done; the first two are old.
    project.write("small.toml", &with_classifier("fault = \"panic\""));
    assert_ne!(run(&["--ui", "none"]).code, 0);
    project.write("small.toml", &experiment(""));
    for _ in 0..2 {
        assert_eq!(run(&["--ui", "none"]).code, 0);
    }
    age(&project, 1, 40);
    age(&project, 2, 31);
    let going = |arguments: &[&str]| {
        let line = [&["runs", "rm", "--dry-run"], arguments].concat();
        let output = project.topwork(&line);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        let numbers = output.stdout.lines().map(|line| line[..4].parse().unwrap());
        numbers.collect::<Vec<u32>>()
    };
    let check = |arguments: &[&str], expected: &[u32]| {
        assert_eq!(going(arguments), expected, "{arguments:?}");
    };
    check(&["--older", "30d"], &[1, 2]);
    check(&["--older", "5w"], &[1]);
    check(&["--older", "60d"], &[]);
    check(&["--state", "failed"], &[2]);
    check(&["--state", "failed,done"], &[1, 2, 3, 4]);
    check(&["--state", "stopped", "--state", "crashed"], &[]);
    check(&["--keep", "1"], &[1, 2, 3]);
    check(&["--keep", "0"], &[1, 2, 3, 4]);
    check(&["--keep", "9"], &[]);
    check(&["--older", "30d", "--state", "done"], &[1]);
    check(&["--older", "30d", "--keep", "3"], &[1]);
    check(&["--state", "failed", "--older", "30d", "--keep", "3"], &[]);
    check(&["3"], &[3]);
    let told = |arguments: &[&str]| {
        let output = project.topwork(&[&["runs", "rm"], arguments].concat());
        format!("{arguments:?}: {}\n", without_widths(&output.snapshot()))
    };
    let mistakes = [
        told(&[]),
        told(&["--yes"]),
        told(&["--dry-run"]),
        told(&["--older", "soon"]),
        told(&["--state", "running"]),
        told(&["3", "--older", "30d"]),
        told(&["--older", "60d"]),
        told(&["--state", "failed"]),
    ];
    insta::assert_snapshot!("rm_mistakes", mistakes.concat());
    let dry = project.topwork(&["runs", "rm", "--older", "30d", "--dry-run"]);
    assert!(
        dry.stdout.contains("[SIZE], 40 days old\n"),
        "{}",
        dry.snapshot()
    );
    assert!(
        dry.stderr.starts_with("these 2 runs, "),
        "{}",
        dry.snapshot()
    );
    let removed = project.topwork(&["runs", "rm", "--older", "30d", "--yes"]);
    assert_eq!(removed.code, 0, "{}", removed.snapshot());
    check(&["--keep", "0"], &[3, 4]);
}

#[test]
fn a_run_that_goes_on_is_never_among_those_that_go() {
    let project = left_alone();
    let all = project.topwork(&["runs", "rm", "--keep", "0", "--yes"]);
    assert_eq!(all.code, 0, "{}", all.snapshot());
    assert!(project.run_folder(1).exists());
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
    let all = project.topwork(&["runs", "rm", "--keep", "0", "--yes"]);
    assert!(
        all.stderr.starts_with("removed 0001-small, "),
        "{}",
        all.snapshot()
    );
}

#[test]
fn two_viewers_see_the_same_run_to_its_end() {
    let project = left_alone();
    let viewers = [attach(&project, "json"), attach(&project, "json")];
    thread::sleep(Duration::from_millis(300));
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
    let events = fs::read_to_string(project.run_folder(1).join("events.jsonl")).unwrap();
    for viewer in viewers {
        let (code, seen, said) = end(viewer);
        assert_eq!((code, seen.as_str()), (Some(130), events.as_str()));
        let resume = "hint: `topwork resume 0001-small` goes on with what is left\n";
        assert_eq!(
            said,
            format!("error: the run `0001-small` was stopped\n{resume}")
        );
    }
}

#[test]
fn leaving_a_viewer_leaves_the_run_alone() {
    let project = left_alone();
    for signal in ["-INT", "-TERM"] {
        let viewer = attach(&project, "none");
        thread::sleep(Duration::from_millis(300));
        kill(signal, &[viewer.id().to_string()]);
        let (code, _, said) = end(viewer);
        assert_eq!(code, Some(0), "{signal}");
        assert_eq!(
            said,
            "the run goes on: `topwork attach 0001-small` comes back to it, `topwork stop \
             0001-small` stops it\n"
        );
        assert_eq!(
            standing(&project),
            json!({ "state": "running", "stage": "source" })
        );
    }
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
}

#[test]
fn a_terminal_that_hangs_up_leaves_the_run_alone() {
    let project = endless();
    let viewer = project.start(&["run", "small.toml"]);
    project.wait_for_event(1, "\"epoch-ended\"");
    let mut session = processes(&project).to_vec();
    session.push(viewer.id().to_string());
    kill("-HUP", &session);
    assert_eq!(end(viewer).0, None, "the viewer ends of the signal");
    let events = project.run_folder(1).join("events.jsonl");
    let length = || fs::metadata(&events).unwrap().len();
    let before = length();
    thread::sleep(Duration::from_secs(1));
    assert!(length() > before, "the run goes on");
    assert_eq!(standing(&project)["state"], "running");
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
    assert_eq!(project.results(1)["status"], "stopped");
}

#[test]
fn whoever_is_killed_the_run_is_told_right() {
    let supervisor_and_worker = |project: &Project| processes(project).to_vec();
    let check = |name: &str, victims: &dyn Fn(&Project) -> Vec<String>, expected: Value, code| {
        let project = left_alone();
        let viewer = attach(&project, "none");
        kill("-KILL", &victims(&project));
        let state = expected["state"].as_str().unwrap();
        assert_eq!(wait_for_state(&project, state, 5), expected, "{name}");
        let (found, _, said) = end(viewer);
        assert_eq!(found, Some(code), "{name}: {said}");
        project
    };
    let gone = "its supervisor and worker are gone";
    let project = check(
        "both",
        &supervisor_and_worker,
        json!({ "state": "crashed", "message": gone }),
        1,
    );
    let shown = project.topwork(&["runs", "show", "1"]);
    assert!(
        shown.stdout.starts_with("0001-small: crashed\n"),
        "{}",
        shown.snapshot()
    );
    let resume = "`topwork resume 0001-small` goes on with what is left";
    assert_eq!(shown.stderr, format!("error: {gone}\nhint: {resume}\n"));
    insta::assert_snapshot!(
        "attach_crashed",
        project.topwork(&["attach", "1", "--ui", "none"]).stderr
    );
    check(
        "the supervisor",
        &|project| supervisor_and_worker(project)[..1].to_vec(),
        json!({
            "state": "crashed",
            "message": "the run's supervisor was killed, and the worker stopped at its next step"
        }),
        1,
    );
    check(
        "the worker",
        &|project| supervisor_and_worker(project)[1..].to_vec(),
        json!({ "state": "crashed", "message": "crashed: SIGKILL outside of any plugin call" }),
        1,
    );
}

#[test]
fn a_run_that_hangs_is_stalled_until_it_is_killed() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &with_classifier("fault = \"hang\""));
    let viewer = project.start(&["run", "small.toml"]);
    project.wait_for_event(1, "\"stage-started\",\"stage\":5");
    let stalled = wait_for_state(&project, "stalled", 40);
    assert_eq!(stalled["stage"], "guess");
    assert!(stalled["silent"].as_f64().unwrap() > 10.0, "{stalled}");
    let stopped = project.topwork(&["stop", "1", "--kill"]);
    assert!(
        stopped
            .stderr
            .ends_with("killing\nthe run `0001-small` was stopped\n"),
        "{}",
        stopped.snapshot()
    );
    assert_eq!(end(viewer).0, Some(130));
}

#[test]
fn a_run_on_another_machine_is_stopped_through_its_folder() {
    let project = left_alone();
    let owner = project.run_folder(1).join("owner.json");
    let mut content: Value = serde_json::from_str(&fs::read_to_string(&owner).unwrap()).unwrap();
    content["host"] = json!("elsewhere");
    fs::write(&owner, content.to_string()).unwrap();
    assert_eq!(
        standing(&project),
        json!({ "state": "running", "stage": "source", "host": "elsewhere" })
    );
    insta::assert_snapshot!("stop_elsewhere", project.topwork(&["stop", "1"]).snapshot());
    assert_eq!(project.results(1)["status"], "stopped");
}

#[test]
fn a_newer_run_is_shown_and_not_touched() {
    let project = done();
    let manifest = project.run_folder(1).join("manifest.json");
    let mut content: Value = serde_json::from_str(&fs::read_to_string(&manifest).unwrap()).unwrap();
    content["format"] = json!(9);
    fs::write(&manifest, content.to_string()).unwrap();
    let warned = |output: &Output| {
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(
            output.stdout.contains("0001-small"),
            "{}",
            output.snapshot()
        );
        output.stderr.clone()
    };
    let said = warned(&project.topwork(&["runs"]));
    insta::assert_snapshot!("newer_run", said);
    assert_eq!(warned(&project.topwork(&["runs", "show", "1"])), said);
    insta::assert_snapshot!(
        "rm_newer",
        project.topwork(&["runs", "rm", "1", "--yes"]).snapshot()
    );
    assert_eq!(project.topwork(&["stop", "1"]).code, 2);
    assert!(manifest.exists());
    // Beyond recognition, and unknown to the index.
    fs::remove_file(project.path().join("runs/index.sqlite")).unwrap();
    fs::write(&manifest, r#"{ "format": 9, "all": "different" }"#).unwrap();
    let listed = project.topwork(&["runs"]);
    insta::assert_snapshot!("newer_run_unreadable", without_widths(&listed.snapshot()));
}

#[test]
fn a_damaged_index_is_told_once_and_made_again() {
    let project = done();
    let listed = project.topwork(&["runs"]);
    fs::write(
        project.path().join("runs/index.sqlite"),
        "no database".repeat(500),
    )
    .unwrap();
    let after = project.topwork(&["runs"]);
    assert_eq!(after.stdout, listed.stdout);
    insta::assert_snapshot!("damaged_index", after.stderr);
    assert_eq!(project.topwork(&["runs"]).stderr, "");
}
