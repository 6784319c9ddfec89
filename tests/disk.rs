//! Data and disks that are not what they should be.

use std::{fs, path::Path};

use topwork_testkit::Project;

use crate::small::experiment;

fn mnist_experiment(project: &Project) {
    let text = experiment("").replace(
        "use = \"misbehave\"",
        "use = \"mnist\", folder = \"digits\"",
    );
    project.write("mnist.toml", &text);
    let shipped = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/mnist");
    fs::create_dir_all(project.path().join("digits")).unwrap();
    for entry in fs::read_dir(shipped).unwrap().flatten() {
        fs::copy(
            entry.path(),
            project.path().join("digits").join(entry.file_name()),
        )
        .unwrap();
    }
}

#[test]
fn a_missing_data_file_is_named() {
    let project = Project::new();
    mnist_experiment(&project);
    fs::remove_file(project.path().join("digits/t10k-labels-idx1-ubyte.gz")).unwrap();
    insta::assert_snapshot!(project.topwork(&["run", "mnist.toml"]).snapshot());
}

#[test]
fn a_truncated_data_file_is_named() {
    let project = Project::new();
    mnist_experiment(&project);
    let file = project.path().join("digits/train-images-idx3-ubyte.gz");
    let content = fs::read(&file).unwrap();
    fs::write(&file, &content[..content.len() / 2]).unwrap();
    insta::assert_snapshot!(project.topwork(&["run", "mnist.toml"]).snapshot());
    assert_eq!(project.results(1)["status"], "failed");
}

#[test]
fn an_altered_data_file_is_named_with_both_digests() {
    let project = Project::new();
    mnist_experiment(&project);
    // Sound as a gzip file, but other labels than the published ones.
    let labels = project.path().join("digits");
    fs::copy(
        labels.join("t10k-labels-idx1-ubyte.gz"),
        labels.join("train-labels-idx1-ubyte.gz"),
    )
    .unwrap();
    let output = project.command(&["run", "mnist.toml"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(4), "{said}");
    for part in [
        "train-labels-idx1-ubyte.gz",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    ] {
        assert!(said.contains(part), "{part} is missing in: {said}");
    }
}

#[test]
fn more_samples_than_there_are_is_a_mistake_of_the_experiment() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    let output = project.topwork(&["run", "small.toml", "--set", "strategy.1.train-samples=150"]);
    insta::assert_snapshot!(output.snapshot());
}

#[test]
fn a_folder_that_cannot_be_written_is_named() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    project.write("a-file", "");
    insta::assert_snapshot!(
        project
            .topwork(&["run", "small.toml", "--runs-dir", "a-file/runs"])
            .snapshot()
    );
}

/// `/sys` refuses new folders to everybody, like a disk that is mounted read-only.
#[cfg(target_os = "linux")]
#[test]
fn a_read_only_file_system_is_named() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    let output = project.topwork(&["run", "small.toml", "--runs-dir", "/sys/topwork-runs"]);
    assert_eq!(output.code, 1, "{}", output.snapshot());
    assert!(
        output
            .stderr
            .starts_with("error: cannot create `/sys/topwork-runs"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
}

/// Needs the right to mount; without it there is no disk to fill, and the test says so.
#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_ends_the_run_with_a_sentence_and_keeps_what_was_there() {
    let mut project = Project::new();
    project.install("misbehave");
    project.write("small.toml", &experiment(""));
    let disk = project.path().join("disk");
    fs::create_dir(&disk).unwrap();
    let mount = |arguments: &[&str]| {
        let mut command = std::process::Command::new(arguments[0]);
        let status = command
            .args(&arguments[1..])
            .arg(&disk)
            .stderr(std::process::Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=100k", "tmpfs"]) {
        eprintln!("skipped: not allowed to mount a small disk");
        return;
    }
    let output = project.topwork(&["run", "small.toml", "--runs-dir", "disk/runs"]);
    let listed = project.topwork(&["runs", "list", "--runs-dir", "disk/runs"]);
    assert!(mount(&["umount"]));
    assert_eq!(output.code, 1, "{}", output.snapshot());
    assert!(
        output.stderr.contains("the disk is full"),
        "{}",
        output.stderr
    );
    assert!(!output.stderr.contains("panicked"), "{}", output.stderr);
    assert!(
        listed.stdout.contains("0001-small"),
        "{}",
        listed.snapshot()
    );
}
