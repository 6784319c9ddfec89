//! The header against compilers, and against what it was.

use crate::{HEADER, generate, header_of};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}\n{said}");
    assert_eq!(said, "", "{program} {arguments:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn the_header_in_the_project_is_fresh() {
    let generated = generate(&project().join("workspace/abi/src")).unwrap();
    assert!(
        fs::read_to_string(project().join(HEADER)).unwrap() == generated,
        "`{HEADER}` is stale: `just generate` makes it afresh"
    );
}

#[test]
fn a_stale_header_is_told() {
    let folder = tempfile::tempdir().unwrap();
    for path in ["workspace/abi/src", "docs"] {
        fs::create_dir_all(folder.path().join(path)).unwrap();
    }
    for file in fs::read_dir(project().join("workspace/abi/src")).unwrap() {
        let file = file.unwrap();
        let copy = folder
            .path()
            .join("workspace/abi/src")
            .join(file.file_name());
        fs::copy(file.path(), copy).unwrap();
    }
    let complaint = |check| header_of(folder.path(), check).map_err(|error| error.to_string());
    let stale = Err("stale: `docs/topwork_plugin.h`\nhint: `just generate` makes it afresh".into());
    assert_eq!(complaint(true), stale);
    assert_eq!(complaint(false), Ok(()));
    assert_eq!(complaint(true), Ok(()));
    let component = folder.path().join("workspace/abi/src/component.rs");
    let text = fs::read_to_string(&component).unwrap();
    fs::write(&component, text.replace("Kind(31)", "Kind(32)")).unwrap();
    assert_eq!(complaint(true), stale);
}

#[test]
fn compilers_take_the_header_and_its_example() {
    let include = format!("-I{}", project().join("docs").display());
    let example = format!("{}/src/example.c", env!("CARGO_MANIFEST_DIR"));
    let strict = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"];
    let languages: [(&str, &[&str]); 4] = [
        ("cc", &["-std=c99"]),
        ("cc", &["-std=c17", "-Wcast-qual"]),
        ("c++", &["-std=c++11", "-x", "c++"]),
        ("c++", &["-std=c++17", "-x", "c++"]),
    ];
    for (compiler, language) in languages {
        run(
            compiler,
            &[language, &strict, &[&include, &example]].concat(),
        );
    }
}
