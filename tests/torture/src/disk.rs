//! A disk that fills up.

use std::{fs, process::Command};

use topwork_store::RunFolder;

use crate::{
    subject::{Subject, silent, wait_for, wait_for_end},
    table::Table,
};

/// Lets runs meet the end of a disk at different moments, and goes on once there is room.
pub fn all(subject: &Subject, times: u32, table: &mut Table) {
    let mut tried = 0;
    for limit in 1..=times {
        let run = limited(subject, limit * 12);
        let state = subject.state(&run);
        if state == "done" {
            break;
        }
        tried += 1;
        subject.finish(&run, "a file that may not grow");
        println!("files of at most {} kB: {state}", limit * 12);
    }
    table.add(
        "no file may grow beyond a limit (`ulimit -f`), which then is raised",
        tried,
        "nothing: the run ended with a sentence and went on",
    );
    small_disk(subject, times, table);
}

fn limited(subject: &Subject, kilobytes: u32) -> RunFolder {
    let sound = subject.run();
    let mut command = Command::new("sh");
    // With the signal ignored, as services do, writing fails like on a full disk. `sh` counts in blocks of 512 bytes.
    let script = format!("trap '' XFSZ; ulimit -f {}; exec \"$@\"", kilobytes * 2);
    command
        .args(["-c", &script, "sh"])
        .arg(sound.get_program())
        .args(sound.get_args());
    command.current_dir(subject.project.path());
    for (name, value) in sound.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let runs = || {
        fs::read_dir(subject.project.path().join("runs"))
            .expect("runs")
            .flatten()
            .filter(|run| run.path().is_dir())
            .count()
    };
    let before = runs();
    let mut child = silent(command);
    wait_for(&mut child);
    assert_eq!(runs(), before + 1, "a limit that left no run");
    let run = RunFolder::at(subject.project.run_folder(before + 1));
    wait_for_end(&run);
    run
}

/// Needs the right to mount.
fn small_disk(subject: &Subject, times: u32, table: &mut Table) {
    let disk = subject.project.path().join("disk");
    fs::create_dir(&disk).expect("a folder");
    let mount = |arguments: &[&str]| {
        let mut command = Command::new(arguments[0]);
        command
            .args(&arguments[1..])
            .arg(&disk)
            .stderr(std::process::Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let mut tried = 0;
    for step in 1..=times {
        let size = format!("size={}k", 60 + step * 80);
        if !mount(&["mount", "-t", "tmpfs", "-o", &size, "tmpfs"]) {
            println!("a small disk: not allowed to mount one");
            break;
        }
        let mut command = subject.run();
        command.args(["--runs-dir", "disk/runs"]);
        let code = wait_for(&mut silent(command));
        let made = disk.join("runs/0001-tortured/manifest.json").is_file();
        if made {
            let run = RunFolder::at(disk.join("runs/0001-tortured"));
            wait_for_end(&run);
            assert!(mount(&["mount", "-o", "remount,size=64m"]));
            if code != Some(0) {
                tried += 1;
                let output = subject.project.topwork(&[
                    "resume",
                    "1",
                    "--ui",
                    "none",
                    "--runs-dir",
                    "disk/runs",
                ]);
                assert_eq!(output.code, 0, "{size}: {}", output.snapshot());
            }
            subject.check(&run, &size);
        }
        assert!(mount(&["umount"]));
        println!("a disk of {size}: exit code {code:?}");
    }
    if tried > 0 {
        table.add(
            "the disk is full, then there is room again",
            tried,
            "nothing: the run ended with a sentence and went on",
        );
    }
}
