//! A plugin that goes wrong in every way: what is said, and that nothing is left of it.

use std::{
    fmt::Write as _,
    fs,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use libtest_mimic::Failed;
use topwork_testkit::Project;

use crate::{Python, copy};

/// An experiment on the raw pixels of two digits, with a row for each way of the head.
fn experiment(project: &Project, backbone: &str, ways: &[&str]) {
    copy(project, "tests/python/topwork_plugin_wayward.py");
    let mut text = format!(
        "name = \"ways\"\n[backbone]\nuse = \"wayward-backbone\"\nhow = \"{backbone}\"\n[target]\ndataset = {{ use = \"mnist\", classes = [5, 6] }}\ncut = \"pixels\"\n"
    );
    for (number, way) in ways.iter().enumerate() {
        let _ = write!(
            text,
            "[[strategy]]\nname = \"{number} {way}\"\nkind = \"feature-classifier\"\nhead = {{ use = \"wayward\", how = \"{way}\" }}\ntrain-samples = 20\n"
        );
    }
    project.write("ways.toml", &text);
}

const RUN: [&str; 6] = ["run", "ways.toml", "--plugin-dir", ".", "--ui", "plain"];

pub fn every_way(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    let ways = [
        "well",
        "raise",
        "no file",
        "no module",
        "exit",
        "end",
        "well",
        "crash",
        "well",
        "write to stdout",
        "tell what nobody asked",
        "tell facts",
        "tell a fact of no name",
        "tell a fact of no number",
        "tell a list of facts",
        "give too few",
        "give a column more",
        "give text",
        "give nothing",
        "give NaN",
        "strange scores",
        "false probabilities",
    ];
    experiment(&project, "well", &ways);
    let run = python.topwork(&project, &RUN);
    assert_ne!(run.code, 0, "{}", run.snapshot());
    // One line for each row, without how long it took.
    let told = run.stderr.lines();
    let told = told.filter(|line| line.starts_with(['✓', '✗']) || line.starts_with("warning"));
    let told = told.map(|line| line.rsplit_once(" ([TIME])").map_or(line, |(told, _)| told));
    let told: Vec<&str> = told.collect();
    insta::assert_snapshot!("every_way", told.join("\n"));
    let log = fs::read_to_string(project.run_folder(1).join("worker.log"))?;
    for said in [
        "written to the descriptor\n",
        "printed\n",
        "RuntimeError: the matrix is singular\n",
    ] {
        assert!(log.contains(said), "{log}");
    }

    for (way, expected) in [
        ("mix", "have other features alone than together"),
        ("no cuts", "has 0 cuts, expected 1"),
        ("unknown word", "unknown field `mean`"),
    ] {
        experiment(&project, way, &["well"]);
        let run = python.topwork(&project, &RUN);
        let said = run.snapshot();
        assert!(run.code != 0 && said.contains(expected), "{way}: {said}");
    }
    experiment(&project, "by eight", &["well"]);
    let run = python.topwork(&project, &RUN);
    assert_eq!(run.code, 0, "{}", run.snapshot());
    Ok(())
}

/// A run is of one version of a plugin: after a crash another version does not go on in its place.
pub fn edited(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    experiment(&project, "well", &["well", "be edited and end", "well"]);
    let run = python.topwork(&project, &RUN);
    let said = run.snapshot();
    assert!(
        said.contains("0 well: 958 of 1,850 correct"),
        "before: {said}"
    );
    assert!(
        said.contains("✗ 2 well:") && said.contains("it has changed since it was opened"),
        "after: {said}"
    );
    let again = python.topwork(&project, &["resume", "1", "--ui", "plain"]);
    assert_ne!(again.code, 0, "{}", again.snapshot());
    Ok(())
}

/// Processes of Python that run a plugin of this project.
fn pythons(project: &Project) -> usize {
    let said = Command::new("pgrep")
        .args([
            "-f",
            &format!("{}/topwork_plugin_wayward.py", project.path().display()),
        ])
        .output();
    said.map_or(0, |said| {
        String::from_utf8_lossy(&said.stdout).lines().count()
    })
}

/// Whatever holds Python up: the run ends it as it ends other plugins, and no process of it is left.
pub fn hangs(python: &Python) -> Result<(), Failed> {
    for way in ["hang", "spin"] {
        let project = Project::new();
        experiment(&project, "well", &["well", way, "well"]);
        let run = python.topwork(&project, &[&RUN[..], &["--call-limit", "3s"]].concat());
        let said = run.snapshot();
        assert!(
            said.contains(&format!("✗ 1 {way}: hung: no progress for")),
            "{way}: {said}"
        );
        assert!(
            said.contains("2 well: 958 of 1,850 correct"),
            "{way}: {said}"
        );
        let patience = Instant::now() + Duration::from_secs(5);
        while pythons(&project) > 0 && Instant::now() < patience {
            thread::sleep(Duration::from_millis(50));
        }
        assert_eq!(pythons(&project), 0, "{way}");
    }
    Ok(())
}

pub fn stops(python: &Python) -> Result<(), Failed> {
    let project = Project::new();
    experiment(&project, "well", &["long"]);
    let mut run = python.command(&project, &RUN).spawn()?;
    let patience = Instant::now() + Duration::from_secs(60);
    let began = || {
        let events = fs::read_to_string(project.run_folder(1).join("events.jsonl"));
        events.is_ok_and(|events| events.contains("\"steps\""))
    };
    while !project.path().join("runs").is_dir() || !began() {
        assert!(Instant::now() < patience, "no progress was told");
        thread::sleep(Duration::from_millis(50));
    }
    let asked = Instant::now();
    let stopped = python.topwork(&project, &["stop", "1"]);
    assert_eq!(stopped.code, 0, "{}", stopped.snapshot());
    run.wait()?;
    assert!(
        asked.elapsed() < Duration::from_secs(30),
        "{:?}",
        asked.elapsed()
    );
    let shown = python.topwork(&project, &["runs", "list"]);
    assert!(shown.stdout.contains("stopped"), "{}", shown.snapshot());
    assert_eq!(pythons(&project), 0);
    Ok(())
}
