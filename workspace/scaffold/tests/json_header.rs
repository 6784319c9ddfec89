//! `docs/topwork_json.h`: its cases, compiled as C and as C++ without a warning.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{path::Path, process::Command};

/// Compiles the cases with this compiler and runs them; `false` where there is no such compiler.
fn cases_are_right(compiler: &str, flags: &[&str]) -> bool {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("cases");
    let compile = |more: &[&str]| {
        Command::new(compiler)
            .args(flags)
            .args(["-Wall", "-Wextra", "-pedantic", "-Werror", "-g", "-O1"])
            .args(more)
            .arg("-I")
            .arg(here.join("../../docs"))
            .arg("-o")
            .args([&program, &here.join("tests/json_cases.c")])
            .arg("-lm")
            .output()
    };
    // They watch that nothing beyond a text is read; not every compiler has them.
    let watched = compile(&["-fsanitize=address,undefined", "-fno-sanitize-recover"]);
    let Ok(watched) = watched else {
        return false;
    };
    if !watched.status.success() {
        let compiled = compile(&[]).unwrap();
        let said = String::from_utf8_lossy(&compiled.stderr).into_owned();
        assert!(compiled.status.success(), "{compiler} {flags:?}: {said}");
    }
    let output = Command::new(&program).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        output.status.success(),
        "{compiler} {flags:?}: {told}{said}"
    );
    assert!(told.ends_with(" cases, 0 wrong\n"), "{told}");
    true
}

#[test]
fn every_case_is_right_in_c() {
    assert!(cases_are_right("cc", &["-std=c99"]));
}

#[test]
fn every_case_is_right_in_cpp() {
    if !cases_are_right("c++", &["-x", "c++", "-std=c++11"]) {
        println!("skipped: there is no C++ compiler");
    }
}
