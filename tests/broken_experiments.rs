//! Every broken experiment file, through the real binary and the real plugins: one message
//! with all its mistakes, and the documented exit code.

use std::{fs, path::Path};

use topwork_testkit::Project;

#[test]
fn every_mistake_is_told_with_its_place() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/tests/broken");
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .collect();
    files.sort();
    assert!(files.len() >= 12);
    let mut all = String::new();
    for file in files {
        let project = Project::new();
        let name = file.file_name().unwrap().to_str().unwrap();
        project.write(name, &fs::read_to_string(&file).unwrap());
        let output = project.topwork(&["check", name]);
        assert!(output.stdout.is_empty(), "{name}: {}", output.stdout);
        assert!(
            [2, 3, 4].contains(&output.code),
            "{name}: exit code {}",
            output.code
        );
        all.push_str(&format!(
            "=== {name}, exit code {}\n{}\n",
            output.code, output.stderr
        ));
    }
    insta::assert_snapshot!(all);
}

#[test]
fn a_file_that_is_not_there_is_told_with_its_neighbour() {
    let project = Project::new();
    project.write("experiments/transfer.toml", "");
    insta::assert_snapshot!(
        project
            .topwork(&["run", "experiments/transfers.toml"])
            .snapshot()
    );
    for (name, is_run) in [
        ("3", true),
        ("0003-digits", true),
        ("latest", true),
        ("3.toml", false),
    ] {
        let told = project.topwork(&["show", name]);
        assert_eq!(told.code, 2, "{}", told.snapshot());
        let hint = format!("`topwork runs show {name}` shows one");
        assert_eq!(told.stderr.contains(&hint), is_run, "{}", told.snapshot());
    }
}

#[test]
fn a_broken_file_makes_no_run() {
    let project = Project::new();
    project.write("broken.toml", "name = 3\n");
    assert_eq!(project.topwork(&["run", "broken.toml"]).code, 2);
    assert!(!project.path().join("runs").exists());
}
