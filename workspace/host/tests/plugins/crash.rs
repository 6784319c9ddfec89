//! A crash takes the process with it, but the observer has heard which call it was.
#![cfg(unix)]

use crate::stage::folder_with;
use serde_json::json;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use topwork_host::{Level, Observer, Options, Plugins};

/// Writes every call to a file, as the worker does.
struct Diary(std::fs::File);

impl Observer for Diary {
    fn call(&self, plugin: &str, call: &str) {
        writeln!(&self.0, "{plugin}: {call}").unwrap();
    }
    fn returned(&self) {
        writeln!(&self.0, "returned").unwrap();
    }
    fn log(&self, _: &str, _: Level, _: &str) {}
    fn progress(&self, _: &str, _: u64, _: u64, _: &str) {}
    fn should_stop(&self) -> bool {
        false
    }
}

/// Not a test of its own: the process that crashes.
#[test]
#[ignore = "started by the test below, in a process that may die"]
fn the_process_that_crashes() {
    let setting = |name: &str| std::env::var(name).unwrap();
    let plugins = Plugins::load(Options {
        folders: vec![PathBuf::from(setting("CRASH_FOLDER"))],
        data_folders: Vec::new(),
        cache_folder: PathBuf::new(),
        threads: 1,
        observer: Arc::new(Diary(
            std::fs::File::create(setting("CRASH_DIARY")).unwrap(),
        )),
    });
    let parameters = json!({"fault": setting("CRASH_FAULT")});
    let dataset = plugins.dataset("misbehave", &parameters).unwrap();
    dataset.read("test", &[0], &mut [0.0; 784]).unwrap();
    dataset.read("train", &[0], &mut [0.0; 784]).unwrap();
}

#[test]
fn the_last_call_entered_is_the_one_that_crashed() {
    const SIGABRT: i32 = 6;
    const SIGSEGV: i32 = 11;
    let folder = folder_with(&["misbehave"]);
    for (fault, signal) in [("segfault", SIGSEGV), ("abort", SIGABRT)] {
        let diary = folder.path().join(fault);
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::the_process_that_crashes", "--ignored"])
            .env("CRASH_FOLDER", folder.path())
            .env("CRASH_DIARY", &diary)
            .env("CRASH_FAULT", fault)
            .output()
            .unwrap();
        assert_eq!(output.status.signal(), Some(signal), "{output:?}");
        let diary = std::fs::read_to_string(diary).unwrap();
        let lines: Vec<&str> = diary.lines().collect();
        assert_eq!(
            lines[lines.len() - 3..],
            [
                "misbehave: reading split \"test\"",
                "returned",
                "misbehave: reading split \"train\""
            ]
        );
    }
}
