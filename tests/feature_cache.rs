//! Features kept across runs: found when nothing changed, and only then.

use std::fs;

use topwork_testkit::{Project, without_widths};

use crate::small::experiment;

fn small() -> Project {
    let mut project = Project::new();
    project.install("misbehave");
    // Without a source the trunk's weights are known, and equal from run to run.
    let text = experiment("").replace("[[strategy]]\n", "[[strategy]]\nweights = \"random\"\n");
    project.write("small.toml", &text);
    project
}

fn cached(project: &Project, run: usize) -> Vec<bool> {
    let results = project.results(run);
    let rows = results["strategies"].as_array().unwrap();
    rows.iter()
        .map(|row| row["features-cached"].as_bool().unwrap())
        .collect()
}

fn run(project: &Project, arguments: &[&str]) {
    let output = project.topwork(&[&["run", "small.toml", "--ui", "none"], arguments].concat());
    assert_eq!(output.code, 0, "{}", output.snapshot());
}

fn why(project: &Project, arguments: &[&str]) -> String {
    let output = project.topwork(&[&["cache", "why", "small.toml"], arguments].concat());
    assert_eq!(output.code, 0, "{}", output.snapshot());
    output.stdout
}

#[test]
fn a_second_run_finds_what_the_first_one_kept() {
    let project = small();
    assert!(why(&project, &[]).contains("miss: the cache is empty"));
    run(&project, &[]);
    run(&project, &[]);
    assert_eq!(
        (cached(&project, 1), cached(&project, 2)),
        (vec![false, true], vec![true, true])
    );
    let figures = |run| project.results(run)["strategies"][0]["seeds"].clone();
    assert_eq!(figures(1), figures(2));
    assert_eq!(why(&project, &[]).matches("hit: entry").count(), 2);
    // Another head, another number of samples for it: the features stay.
    run(&project, &["--set", "strategy.0.head.hidden=[7]"]);
    assert_eq!(cached(&project, 3), [true, true]);
    let output = project.topwork(&["cache"]);
    assert_eq!(output.stdout.lines().count(), 2 + 2, "{}", output.stdout);
    let unasked = project.topwork(&["cache", "clear"]);
    assert_eq!(
        (unasked.code, unasked.stderr.as_str()),
        (
            2,
            "error: nobody is there to be asked whether to remove\nhint: `--yes` removes without asking\n"
        )
    );
    // How long ago an entry was used is as wide as it is long.
    let still = project.topwork(&["cache"]).stdout;
    assert_eq!(without_widths(&still), without_widths(&output.stdout));
    assert!(
        project
            .topwork(&["cache", "clear", "--yes"])
            .stderr
            .starts_with("removed 2 entries")
    );
    run(&project, &[]);
    assert_eq!(cached(&project, 4), [false, true]);
}

#[test]
fn what_features_depend_on_is_told_when_it_differs() {
    let project = small();
    run(&project, &[]);
    let check = |set: &str, expected: &str| {
        let told = why(&project, &["--set", set]);
        assert!(told.contains(expected), "{set}: {told}");
        assert!(!told.contains("hit"), "{set}: {told}");
    };
    check(
        "target.cut=\"pool1\"",
        "differs in weights, cut, layers, feature length",
    );
    check(
        "target.dataset.classes=[5, 6, 7]",
        "differs in images, examples",
    );
    let told = why(&project, &["--seed", "2"]);
    assert_eq!(told.matches("differs in weights").count(), 2, "{told}");
}

#[test]
fn nothing_is_kept_or_used_when_that_is_asked_for() {
    let project = small();
    run(&project, &["--no-cache"]);
    assert_eq!(project.topwork(&["cache"]).stdout, "");
    run(&project, &[]);
    run(&project, &["--no-cache"]);
    assert_eq!(cached(&project, 3), [false, true]);
}

#[test]
fn a_damaged_entry_is_told_and_replaced() {
    let project = small();
    run(&project, &[]);
    let folder = project.path().join(".cache/topwork/features");
    for entry in fs::read_dir(&folder).unwrap().flatten() {
        let mut content = fs::read(entry.path()).unwrap();
        *content.last_mut().unwrap() ^= 1;
        fs::write(entry.path(), content).unwrap();
    }
    let output = project.topwork(&["run", "small.toml"]);
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let told = "removed a damaged entry of the feature cache: the SHA-256 of its numbers";
    assert_eq!(output.stderr.matches(told).count(), 2, "{}", output.stderr);
    run(&project, &[]);
    assert_eq!(cached(&project, 3), [true, true]);
}

/// What the run said of every extraction: how many vectors, and how it came by them.
fn extractions(project: &Project, arguments: &[&str]) -> Vec<String> {
    let output = project.topwork(&[&["run", "small.toml"], arguments].concat());
    assert_eq!(output.code, 0, "{}", output.snapshot());
    let lines = output.stderr.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("✓ extract random features"));
    let told = lines.map(|line| line.rsplit_once(" (").unwrap().0.trim_start_matches(" · "));
    told.map(str::to_owned).collect()
}

/// Cuts of one network are reached in one pass, but for those that the cache has and those of
/// other images.
#[test]
fn cuts_share_a_pass() {
    let project = small();
    let pool1 = "target.cut=\"pool1\"";
    let three = "target.cut=[\"pool1\", 4, \"pool2\"]";
    let four = "target.cut=[\"pool1\", 4, \"pool2\", \"features\"]";
    // The second strategy's images are fewer than those of the first.
    let own = "strategy.1.cut=\"pool2\"";
    let cases: [(&[&str], &[&str]); 5] = [
        (
            &["--no-cache", "--set", three],
            &[
                "pool1: 150 vectors of 2,880 numbers, in one pass with 2 more cuts",
                "layer 4: 150 vectors of 3,200 numbers, from the same pass",
                "pool2: 150 vectors of 800 numbers, from the same pass",
            ],
        ),
        (&["--set", pool1], &[": 150 vectors of 2,880 numbers"]),
        (
            &["--set", three],
            &[
                "pool1: 150 vectors of 2,880 numbers, from the cache; 2 more cuts in one pass",
                "layer 4: 150 vectors of 3,200 numbers, from the same pass",
                "pool2: 150 vectors of 800 numbers, from the same pass",
            ],
        ),
        (
            &["--set", four],
            &[
                "pool1: 150 vectors of 2,880 numbers, from the cache; 1 more cut in one pass",
                "layer 4: 150 vectors of 3,200 numbers, from the cache",
                "pool2: 150 vectors of 800 numbers, from the cache",
                "features: 150 vectors of 800 numbers, from the same pass",
            ],
        ),
        (
            &["--no-cache", "--set", pool1, "--set", own],
            &[
                "pool1: 150 vectors of 2,880 numbers",
                "pool2: 100 vectors of 800 numbers",
            ],
        ),
    ];
    for (arguments, expected) in cases {
        assert_eq!(extractions(&project, arguments), expected, "{arguments:?}");
    }
}

#[test]
fn a_cache_that_cannot_be_written_does_not_hurt() {
    let project = small();
    project.write("a-file", "");
    let mut command = project.command(&["run", "small.toml"]);
    let output = command
        .env("TOPWORK_CACHE_DIR", project.path().join("a-file/cache"))
        .output()
        .unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    assert!(
        said.contains("cannot keep features for other runs"),
        "{said}"
    );
}

#[test]
fn a_source_that_was_trained_before_is_taken_over() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    run(&project, &[]);
    run(&project, &["--set", "strategy.0.head.hidden=[7]"]);
    run(&project, &["--no-cache"]);
    run(&project, &["--seed", "2"]);
    let trained = |run| {
        let events = fs::read_to_string(project.run_folder(run).join("events.jsonl")).unwrap();
        events.contains(r#""event":"epoch-ended","stage":1"#)
    };
    assert_eq!([1, 2, 3, 4].map(trained), [true, false, true, true]);
    let weights = |run| {
        let folder = project.run_folder(run).join("checkpoints");
        fs::read(folder.join("backbone-seed-1.safetensors")).unwrap()
    };
    assert!(weights(1) == weights(2) && weights(1) == weights(3));
}
