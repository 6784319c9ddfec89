//! What is suggested when something went wrong works as it is printed, and nothing passes for done that is lost.

use std::{
    fs, io,
    path::Path,
    process::{Child, Command, Stdio},
};

use topwork_testkit::{Project, Terminal};

use crate::small::{endless, experiment};

/// The command in backquotes that follows `topwork VERB` in what was said, as words.
fn suggested(said: &str, verb: &str) -> Vec<String> {
    let begin = format!("`topwork {verb}");
    let rest = said
        .split(&begin)
        .nth(1)
        .unwrap_or_else(|| panic!("{said}"));
    let command = format!("{verb}{}", rest.split('`').next().unwrap());
    command.split(' ').map(str::to_owned).collect()
}

/// A run whose words can be read once it has ended.
fn heard(project: &Project) -> Child {
    (project.command(&["run", "small.toml", "--ui", "plain"]))
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
}

#[test]
fn suggested_commands_name_another_folder_of_runs() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    let output = project.topwork(&["run", "small.toml", "--runs-dir", "other/runs"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let words = suggested(&output.stderr, "runs show");
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    assert_eq!(words[words.len() - 2..], ["--runs-dir", "other/runs"]);
    let shown = project.topwork(&words);
    assert_eq!(shown.code, 0, "{}", shown.snapshot());
    // Where the folder goes without saying, it is not said.
    let output = project.topwork(&["run", "small.toml"]);
    assert_eq!(
        suggested(&output.stderr, "runs show"),
        ["runs", "show", "0001-small"]
    );
}

#[test]
fn a_folder_that_is_removed_during_the_run_is_a_failure() {
    let check = |name: &str, lose: &dyn Fn(&Path)| {
        let project = endless();
        let child = heard(&project);
        project.wait_for_event(1, "\"epoch-ended\"");
        lose(&project.run_folder(1));
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {said}");
        assert!(
            said.contains("the run's folder was removed"),
            "{name}: {said}"
        );
        assert!(!said.contains("done in"), "{name}: {said}");
        // Nothing that looks like a run comes into being in its place.
        assert!(!project.path().join("runs/0001-small").exists(), "{name}");
    };
    check("removed", &|run| remove(run));
    check("all runs removed", &|run| remove(run.parent().unwrap()));
}

/// Removes a folder that is written to: what is written in the midst of it is removed by the next try.
fn remove(folder: &Path) {
    let removed = || match fs::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => None,
        other => Some(other),
    };
    (0..100).find_map(|_| removed()).unwrap().unwrap();
}

#[test]
fn a_killed_worker_is_told_with_the_way_on() {
    let project = endless();
    let child = heard(&project);
    project.wait_for_event(1, "\"epoch-ended\"");
    let owner = fs::read_to_string(project.run_folder(1).join("owner.json")).unwrap();
    let owner: serde_json::Value = serde_json::from_str(&owner).unwrap();
    let worker = owner["worker"]["pid"].to_string();
    let killed = Command::new("kill").args(["-KILL", &worker]).status();
    assert!(killed.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        suggested(&said, "resume"),
        ["resume", "0001-small"],
        "{said}"
    );
    assert!(said.contains("want of memory"), "{said}");
    assert!(
        !said.contains("worker.log"),
        "the log is empty, so it tells nothing: {said}"
    );
}

#[test]
fn a_run_that_was_stopped_says_how_to_go_on() {
    let project = endless();
    let child = heard(&project);
    project.wait_for_event(1, "\"epoch-ended\"");
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        suggested(&said, "resume"),
        ["resume", "0001-small"],
        "{said}"
    );
}

/// An experiment on images of two classes, the one dark above, the other below, where `light` is the
/// brightest value.
fn images(project: &Project, light: u8) {
    let folder = project.path().join("digits");
    fs::create_dir_all(&folder).unwrap();
    for (split, count) in [("train", 20_u32), ("t10k", 10)] {
        let size = [count, 28, 28].map(u32::to_be_bytes).concat();
        let pixel = |number: u32, at: u32| match (at < 14 * 28) == number.is_multiple_of(2) {
            true => (number * 13 + at * 7) as u8 % 50,
            false => light - (number * 5 + at * 3) as u8 % 50,
        };
        let pixels = (0..count).flat_map(|number| (0..28 * 28).map(move |at| pixel(number, at)));
        let images = [vec![0, 0, 8, 3], size, pixels.collect()].concat();
        let labels = (0..count).map(|number| (number % 2) as u8).collect();
        let labels = [vec![0, 0, 8, 1], count.to_be_bytes().to_vec(), labels].concat();
        fs::write(folder.join(format!("{split}-images-idx3-ubyte")), images).unwrap();
        fs::write(folder.join(format!("{split}-labels-idx1-ubyte")), labels).unwrap();
    }
    project.write(
        "digits.toml",
        r#"
name = "digits"
[backbone]
use = "lenet"
[target]
cut = "features"
dataset = { use = "idx", folder = "digits" }
[[strategy]]
name = "lda"
kind = "feature-classifier"
weights = "random"
head = { use = "lda" }
"#,
    );
}

#[test]
fn data_that_changed_leads_to_a_new_run() {
    let project = Project::new();
    images(&project, 255);
    let first = project.topwork(&["run", "digits.toml", "--ui", "none"]);
    assert_eq!(first.code, 0, "{}", first.snapshot());
    // As if it had been broken off: what is missing is looked for again, on other data.
    let events = project.run_folder(1).join("events.jsonl");
    let text = fs::read_to_string(&events).unwrap();
    let kept: Vec<&str> = (text.lines())
        .filter(|line| !line.contains("\"run-ended\"") && !line.contains("\"strategy-evaluated\""))
        .collect();
    fs::write(&events, kept.join("\n") + "\n").unwrap();
    images(&project, 200);
    let again = project.topwork(&["run", "digits.toml", "--ui", "none", "--resume"]);
    assert_eq!(again.code, 4, "{}", again.snapshot());
    insta::assert_snapshot!("data_changed", again.stderr);
    // What it suggests helps.
    let fresh = project.topwork(&["run", "digits.toml", "--ui", "none", "--resume"]);
    assert_eq!(fresh.code, 0, "{}", fresh.snapshot());
    assert_eq!(project.results(2)["status"], "done");
}

#[test]
fn ascii_reaches_everything_that_is_printed() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    for arguments in [
        &["run", "small.toml", "--ascii"][..],
        &["runs", "show", "1", "--ascii"],
        &["plan", "small.toml", "--ascii"],
        &["--ascii", "runs"],
    ] {
        let output = project.topwork(arguments);
        assert_eq!(output.code, 0, "{}", output.snapshot());
        assert!(output.stdout.is_ascii(), "{}", output.stdout);
        assert!(output.stderr.is_ascii(), "{}", output.stderr);
    }
    // Without the option a pipe gets what is meant, and JSON is never touched.
    assert!(!project.topwork(&["runs", "show", "1"]).stdout.is_ascii());
    let of_pipe = |locale: &str| {
        let mut command = project.command(&["runs", "show", "1"]);
        command.env("LC_ALL", locale).output().unwrap().stdout
    };
    assert_eq!(of_pipe("C"), of_pipe("C.UTF-8"));
    let on_terminal = |locale: &str| {
        let mut command = project.command(&["runs", "show", "1"]);
        let mut terminal = Terminal::start(command.env("LC_ALL", locale), 120, 40);
        let screen = terminal.wait_for("files in");
        terminal.end();
        screen
    };
    assert!(on_terminal("C").is_ascii());
    assert!(on_terminal("en_US.ISO-8859-1").is_ascii());
}

#[test]
fn without_a_home_caches_lie_in_a_folder_of_ones_own() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    let temporary = project.path().join("temporary");
    fs::create_dir(&temporary).unwrap();
    let run = |home: Option<&str>, temporary: &Path| {
        let mut command = project.command(&["run", "small.toml", "--ui", "none"]);
        command.env("TMPDIR", temporary);
        match home {
            Some(home) => command.env("HOME", home),
            None => command.env_remove("HOME"),
        };
        command.output().unwrap()
    };
    for home in [None, Some(""), Some("relative")] {
        let output = run(home, &temporary);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(0), "{home:?}: {said}");
        let names: Vec<String> = (fs::read_dir(&temporary).unwrap().flatten())
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .collect();
        assert!(
            matches!(&names[..], [own] if own.starts_with("topwork-")),
            "{home:?}: {names:?}"
        );
        for stray in [".cache", "relative", "features"] {
            assert!(!project.path().join(stray).exists(), "{home:?}: {stray}");
        }
        fs::remove_dir_all(temporary.join(&names[0])).unwrap();
    }
    // Where even that cannot be had, nothing is kept, and that is said.
    let missing = project.path().join("missing");
    let output = run(None, &missing);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&format!("`{}`", missing.display())) && said.contains("TMPDIR"),
        "{said}"
    );
}
