//! The dashboard on a real terminal: the real binary in a pseudo-terminal.

use topwork_testkit::{Project, Terminal};

use crate::small::experiment;

/// A project with an experiment that trains until it is stopped.
fn endless() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    let experiment = experiment("").replacen("epochs = 1", "epochs = 100000", 1);
    project.write("small.toml", &experiment);
    project
}

fn open(project: &Project, arguments: &[&str]) -> Terminal {
    Terminal::start(&project.command(arguments), 100, 30)
}

#[test]
fn a_run_is_watched_left_visited_and_stopped() {
    let project = endless();
    let mut terminal = open(&project, &["run", "small.toml"]);
    terminal.wait_for("▶ source");
    assert!(terminal.is_taken());
    for (key, shown) in [
        ("2", "╭ comparison, best first"),
        ("5", "── cut at pool2"),
        ("6", "0001-small begins"),
        ("7", "▶  0001-small"),
        ("1", "▶ source"),
    ] {
        terminal.send(key);
        terminal.wait_for(shown);
    }
    terminal.resize(60, 16);
    terminal.wait_for("╭ stages 1/");
    terminal.send("q");
    // Leaving is no failure of the run, which goes on.
    assert_eq!(terminal.end(), 0);
    let after = terminal.wait_for("topwork attach 0001-small");
    assert!(after.contains("the run goes on"), "{after}");
    assert!(!terminal.is_taken());

    // Ctrl-C leaves just as well.
    let mut terminal = open(&project, &["attach", "1"]);
    terminal.wait_for("▶ source");
    terminal.send("\u{3}");
    assert_eq!(terminal.end(), 0);
    assert!(project.topwork(&["runs"]).stdout.contains("running"));

    let mut terminal = open(&project, &["attach", "1"]);
    terminal.wait_for("▶ source");
    terminal.send("s");
    terminal.wait_for("stop the run `0001-small` at its next step?");
    terminal.send("n");
    terminal.wait_without("at its next step?");
    terminal.send("sy");
    terminal.wait_for("■ stopped after");
    terminal.send("q");
    assert_eq!(terminal.end(), 130);
    terminal.wait_for("the run `0001-small` was stopped");
    assert_eq!(project.results(1)["status"], "stopped");
}

#[test]
fn a_finished_run_leaves_its_table_on_the_terminal() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    let mut terminal = open(&project, &["run", "small.toml", "--ascii"]);
    terminal.wait_for("v done after");
    terminal.send("2");
    terminal.wait_for("McNemar");
    assert!(!terminal.screen().contains('╭'), "{}", terminal.screen());
    terminal.send("q");
    assert_eq!(terminal.end(), 0);
    let after = terminal.wait_for("figures from elsewhere");
    assert!(after.contains("logistic"), "{after}");
    assert!(!terminal.is_taken());
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let project = endless();
    let mut terminal = open(&project, &["run", "small.toml"]);
    terminal.wait_for("▶ source");
    terminal.signal("-TERM");
    assert_eq!(terminal.end(), 0);
    terminal.wait_for("the run goes on");
    assert!(!terminal.is_taken());
    assert_eq!(project.topwork(&["stop", "1"]).code, 0);
}

/// Before there is a plan plugins are asked what they are, and a dataset may look at all of its files for that.
#[test]
fn a_look_that_takes_its_time_says_how_far_it_is() {
    let mut project = Project::new();
    project.install("misbehave");
    let slow = experiment("fault = \"busy-hang\", at = \"create\"");
    project.write("small.toml", &slow);
    let mut terminal = open(&project, &["run", "small.toml"]);
    let shown = terminal.wait_for(" steps");
    let line = shown.lines().find(|line| line.contains(" steps"));
    let line = line.unwrap_or_default();
    assert!(
        line.contains("looking at the plugins and the data: "),
        "{shown}"
    );
    terminal.send("\u{3}");
    assert_ne!(terminal.end(), 0);
}
