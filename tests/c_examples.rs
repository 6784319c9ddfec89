//! The plugins in C under `examples/`: built by their own Makefiles, checked, and run with their own experiments.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use topwork_testkit::Project;

const EXAMPLES: [(&str, &str); 2] = [("c-shapes", "shapes"), ("c-hog", "hog")];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// A project with copies of both examples.
fn project() -> Project {
    let project = Project::new();
    for (example, _) in EXAMPLES {
        let from = root().join("examples").join(example);
        fs::create_dir(project.path().join(example)).unwrap();
        for file in fs::read_dir(from).unwrap().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if file.path().is_file() && !name.ends_with(env::consts::DLL_SUFFIX) {
                fs::copy(file.path(), project.path().join(example).join(name)).unwrap();
            }
        }
    }
    project
}

/// Runs `make TARGET` in an example, with this build of the program.
fn make(project: &Project, example: &str, target: &[&str]) -> String {
    let command = project.command(&[]);
    let output = Command::new("make")
        .args(target)
        .arg(format!("HEADER={}", root().join("docs").display()))
        .arg(format!(
            "TOPWORK={}",
            Path::new(command.get_program()).display()
        ))
        .current_dir(project.path().join(example))
        .env("HOME", project.path())
        .env("NO_COLOR", "1")
        .env_remove("TOPWORK_RUNS_DIR")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{example} {target:?}\n{said}");
    said
}

#[test]
fn they_build_without_a_warning_and_every_case_is_ok() {
    let project = project();
    for (example, _) in EXAMPLES {
        let said = make(&project, example, &["check", "CFLAGS=-O2 -Werror"]);
        let counts = said.lines().last().unwrap();
        let (cases, rest) = counts.split_once(" cases: ").unwrap();
        // What an example does not offer is skipped; nothing else is wrong.
        let count = |what: &str| {
            let known = rest.split(", ").find_map(|part| part.strip_suffix(what));
            known.map_or(0, |count| count.parse::<u32>().unwrap())
        };
        let (ok, skipped) = (count(" ok"), count(" skipped"));
        assert_eq!(cases.parse::<u32>().unwrap(), ok + skipped, "{said}");
        assert!(ok > 30, "{said}");
    }
}

#[test]
fn shapes_are_learnt_and_transferred() {
    let project = project();
    make(&project, "c-shapes", &["run"]);
    let inside = Run(project.path().join("c-shapes/runs"));
    assert!(inside.accuracy(1, "feature classifier") > 0.95);
}

#[test]
fn gradients_tell_digits_and_shapes_apart() {
    let project = project();
    make(&project, "c-shapes", &[]);
    make(&project, "c-hog", &["run"]);
    let digits = Run(project.path().join("c-hog/runs"));
    // A row for each cut.
    let found = digits.accuracies(1, "logistic regression");
    assert_eq!(found.len(), 3);
    assert!(
        found[0] > 0.85 && found[1] > 0.96 && found[2] > 0.97,
        "{found:?}"
    );
    let shapes = project.topwork(&[
        "run",
        "c-hog/shapes.toml",
        "--plugin-dir",
        "c-hog",
        "--plugin-dir",
        "c-shapes",
        "--ui",
        "none",
    ]);
    assert_eq!(shapes.code, 0, "{}", shapes.snapshot());
    let shapes = Run(project.path().join("runs"));
    let found = shapes.accuracies(1, "logistic regression");
    assert!(found[1] > 0.7 && found[1] > found[0], "{found:?}");
}

/// Where the sanitizers' library is to be had, nothing they watch for is found.
#[test]
#[cfg(target_os = "linux")]
fn sanitizers_find_nothing() {
    let asked = Command::new("cc")
        .arg("-print-file-name=libasan.so")
        .output()
        .unwrap();
    let library = PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim());
    if !library.is_absolute() {
        println!("skipped: this compiler has no address sanitizer");
        return;
    }
    let project = project();
    for (example, _) in EXAMPLES {
        let said = make(&project, example, &["sanitize"]);
        assert!(said.lines().last().unwrap().contains(" ok, "), "{said}");
        let rows = ["warning  ", "failed  ", "crashed  ", "hung  "];
        let told = |line: &str| rows.iter().any(|word| line.starts_with(word));
        assert!(!said.lines().any(told), "{said}");
    }
}

/// A folder of runs.
struct Run(PathBuf);

impl Run {
    /// The mean accuracies of a strategy's rows.
    fn accuracies(&self, number: usize, strategy: &str) -> Vec<f64> {
        let prefix = format!("{number:04}-");
        let mut folders = fs::read_dir(&self.0).unwrap().flatten();
        let folder = folders.find(|f| f.file_name().to_string_lossy().starts_with(&prefix));
        let results = fs::read_to_string(folder.unwrap().path().join("results.json")).unwrap();
        let results: serde_json::Value = serde_json::from_str(&results).unwrap();
        let rows = results["strategies"].as_array().unwrap().iter();
        rows.filter(|row| row["name"] == strategy)
            .map(|row| row["mean"].as_f64().unwrap())
            .collect()
    }

    fn accuracy(&self, number: usize, strategy: &str) -> f64 {
        self.accuracies(number, strategy)[0]
    }
}
