//! `topwork plugins new`: every project builds, tests, keeps the contract and runs its experiment, outside of this workspace,
//! with nothing but what the program wrote.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use topwork_testkit::Project;

const KINDS: [&str; 6] = [
    "dataset",
    "backbone",
    "extractor",
    "cut",
    "head",
    "classifier",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Runs a program in a folder; it must succeed.
fn run(folder: &Path, program: &str, arguments: &[&str], target: &Path) -> String {
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let out = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "{program} {arguments:?} in {}\n{out}{said}",
        folder.display()
    );
    out + &said
}

/// What a new plugin's projects are built into: kept from test run to test run, since what they depend on never changes.
fn target() -> PathBuf {
    let binary = env::current_exe().unwrap();
    let build = binary.ancestors().nth(3).unwrap();
    build.join("plugin-projects")
}

/// Makes a project, and gives its folder.
fn make(project: &Project, name: &str, arguments: &[&str]) -> PathBuf {
    let made = project.topwork(&[&["plugins", "new", name], arguments].concat());
    assert_eq!(made.code, 0, "{}", made.snapshot());
    project.path().join(name)
}

/// Checks the library and runs the experiment of a project; every row must be measured.
fn check_and_run(project: &Project, name: &str, library: &Path) {
    let folder = library.parent().unwrap().display().to_string();
    let check = project.topwork(&["plugins", "check", &library.display().to_string()]);
    assert_eq!(check.code, 0, "{name}: {}", check.snapshot());
    let worse = ["warning  ", "failed  ", "crashed  ", "hung  "];
    let told = |line: &str| worse.iter().any(|word| line.starts_with(word));
    assert!(!check.stdout.lines().any(told), "{name}: {}", check.stdout);
    let experiment = format!("{name}/experiment.toml");
    let run = project.topwork(&["run", &experiment, "--plugin-dir", &folder, "--ui", "none"]);
    assert_eq!(run.code, 0, "{name}: {}", run.snapshot());
}

fn library(folder: &Path, name: &str) -> PathBuf {
    let name = name.replace('-', "_");
    folder.join(format!(
        "libtopwork_plugin_{name}{}",
        env::consts::DLL_SUFFIX
    ))
}

#[test]
fn projects_in_rust_build_test_and_run() {
    let project = Project::new();
    for (number, kind) in KINDS.iter().enumerate() {
        let name = format!("my-{kind}");
        let folder = make(&project, &name, &["--kind", kind]);
        // The versions that this project was tested with are the ones at hand.
        fs::copy(root().join("Cargo.lock"), folder.join("Cargo.lock")).unwrap();
        let tested = run(&folder, "cargo", &["test", "--release"], &target());
        assert!(
            tested.contains("test result: ok. 2 passed"),
            "{kind}: {tested}"
        );
        run(&folder, "cargo", &["build", "--release"], &target());
        check_and_run(&project, &name, &library(&target().join("release"), &name));
        let results = project.results(number + 1);
        let rows = results["strategies"].as_array().unwrap();
        assert!(
            rows.iter().all(|row| row["mean"].as_f64().unwrap() > 0.5),
            "{kind}: {results}"
        );
    }
}

#[test]
fn projects_in_c_build_and_run() {
    let project = Project::new();
    for kind in KINDS {
        let name = format!("c-{kind}");
        let folder = make(&project, &name, &["--kind", kind, "--lang", "c"]);
        let said = run(&folder, "make", &["CFLAGS=-O2 -Werror"], &target());
        assert!(!said.contains("warning"), "{kind}: {said}");
        let tested = run(&folder, "make", &["test", "CFLAGS=-O2 -Werror"], &target());
        assert!(tested.ends_with("./run-tests\nok\n"), "{kind}: {tested}");
        check_and_run(&project, &name, &library(&folder, &name));
    }
}

#[test]
fn make_finds_the_program() {
    let project = Project::new();
    let folder = make(&project, "mine", &["--kind", "cut", "--lang", "c"]);
    let fake = project.write("bin/topwork", "#!/bin/sh\necho the one on PATH\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(&fake, executable).unwrap();
    let path = env::var_os("PATH").unwrap();
    // Whoever runs the tests may have installed it.
    let without = env::split_paths(&path).filter(|folder| !folder.join("topwork").exists());
    let without: Vec<PathBuf> = without.collect();
    let with = [&[fake.parent().unwrap().to_owned()], without.as_slice()].concat();
    let check = |path: &[PathBuf], arguments: &[&str], expected: &str| {
        let output = Command::new("make")
            .arg("check")
            .args(arguments)
            .current_dir(&folder)
            .env("PATH", env::join_paths(path).unwrap())
            .env_remove("TOPWORK")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
        assert!(said.contains(expected), "{arguments:?}: {said}");
    };
    check(&without, &[], " cases: ");
    check(&with, &[], "the one on PATH");
    let command = project.command(&[]);
    let named = format!("TOPWORK={}", Path::new(command.get_program()).display());
    check(&with, &[&named], " cases: ");
}

#[test]
fn a_project_can_use_the_sdk_of_a_checkout() {
    let project = Project::new();
    let sdk = root().join("workspace/sdk").canonicalize().unwrap();
    let arguments = ["--kind", "cut", "--sdk-path", &sdk.display().to_string()];
    let folder = make(&project, "mine", &arguments);
    assert!(!folder.join("vendor").exists());
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap();
    let expected = format!("topwork-sdk = {{ path = \"{}\" }}", sdk.display());
    assert!(manifest.contains(&expected), "{manifest}");
}

#[test]
fn mistakes_are_told() {
    let project = Project::new();
    make(&project, "mine", &["--kind", "head"]);
    let told = |arguments: &[&str]| {
        let output = project.topwork(&[&["plugins", "new"], arguments].concat());
        format!("exit code {}\n{}", output.code, output.stderr)
    };
    insta::assert_snapshot!(
        [
            told(&["mine", "--kind", "head"]),
            told(&["My_Plugin", "--kind", "head"]),
            told(&["other", "--kind", "tail"]),
            told(&["other", "--kind", "head", "--sdk-path", "nowhere"]),
        ]
        .join("---\n")
    );
    assert!(!project.path().join("other").exists());
}

#[test]
fn the_sdk_that_projects_get_is_the_packaged_one() {
    let project = Project::new();
    let folder = make(&project, "mine", &["--kind", "head"]);
    for package in ["topwork-abi", "topwork-sdk"] {
        let target = target();
        let arguments = [
            "package",
            "--list",
            "--allow-dirty",
            "--offline",
            "-p",
            package,
        ];
        let listed = run(root(), "cargo", &arguments, &target);
        let sources: Vec<&str> = (listed.lines())
            .filter(|line| line.starts_with("src/") && line.ends_with(".rs"))
            .collect();
        assert!(sources.contains(&"src/lib.rs"), "{listed}");
        let vendored = folder.join("vendor").join(package);
        for source in sources {
            let of = root()
                .join("workspace")
                .join(package.trim_start_matches("topwork-"));
            assert_eq!(
                fs::read_to_string(vendored.join(source)).unwrap(),
                fs::read_to_string(of.join(source)).unwrap(),
                "{package}: {source}"
            );
        }
    }
    // The sdk can only be packed where a registry has the abi.
    let arguments = [
        "package",
        "--no-verify",
        "--allow-dirty",
        "--offline",
        "-p",
        "topwork-abi",
    ];
    run(root(), "cargo", &arguments, &target());
}
