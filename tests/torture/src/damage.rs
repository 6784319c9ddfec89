//! Files of a run that are torn or altered while nobody is at work on it.

use std::{fs, path::PathBuf, thread};

use rustix::process::{Signal, kill_process};
use topwork_store::{Process, RunFolder};

use crate::{
    subject::{Subject, processes, wait_for, wait_for_end, wait_for_session},
    table::Table,
};

/// Tries every sort of damage `times` times, each on a run that was killed on its way.
pub fn all(subject: &Subject, times: u32, table: &mut Table) {
    type Damage = fn(&RunFolder) -> bool;
    let faults: [(&str, &str, Damage); 5] = [
        (
            "the last event torn anywhere",
            "what that event told, which was done again",
            |run| cut_end(&run.events_path()),
        ),
        ("half an event appended", "nothing", |run| {
            append(&run.events_path(), br#"{"at":1,"event":"epoch-en"#)
        }),
        (
            "the newest checkpoint altered in one bit",
            "the time since the one before",
            |run| checkpoints(run).last().is_some_and(flip),
        ),
        (
            "the newest checkpoint torn anywhere",
            "the time since the one before",
            |run| checkpoints(run).last().is_some_and(cut_anywhere),
        ),
        (
            "all checkpoints altered",
            "the time since the stage began",
            |run| {
                let all = checkpoints(run);
                all.iter().for_each(|path| {
                    flip(path);
                });
                !all.is_empty()
            },
        ),
    ];
    for (fault, lost, damage) in faults {
        let mut tried = 0;
        while tried < times {
            let run = killed_on_its_way(subject);
            // A run killed before its first checkpoint has none to damage.
            if damage(&run) {
                tried += 1;
                subject.state(&run);
            }
            subject.finish(&run, fault);
            println!("{fault}: {tried} of {times}");
        }
        table.add(fault, tried, lost);
    }
    index(subject, times, table);
}

/// The list of runs comes from an index that can be made again from the folders.
fn index(subject: &Subject, times: u32, table: &mut Table) {
    let path = subject.project.path().join("runs/index.sqlite");
    let listed = || subject.project.topwork(&["runs", "list"]).stdout;
    let before = listed();
    type Damage = fn(&PathBuf) -> bool;
    let faults: [(&str, Damage); 4] = [
        ("the index of runs altered anywhere", flip),
        ("the index of runs torn anywhere", cut_anywhere),
        ("the index of runs replaced by noise", |path| {
            let noise: Vec<u8> = (0..20_000).map(|_| fastrand::u8(..)).collect();
            fs::write(path, noise).is_ok()
        }),
        ("the index of runs removed", |path| {
            fs::remove_file(path).is_ok()
        }),
    ];
    for (fault, damage) in faults {
        for _ in 0..times {
            assert!(damage(&path), "{fault}");
            assert_eq!(listed(), before, "{fault}");
        }
        println!("{fault}: {times}");
        table.add(
            fault,
            times,
            "nothing: it was made again from the run folders",
        );
    }
}

/// A run whose processes were all killed at a random moment.
fn killed_on_its_way(subject: &Subject) -> RunFolder {
    let (mut viewer, run) = subject.start();
    wait_for_session(&run, &mut viewer);
    thread::sleep(subject.took.mul_f64(0.1 + 0.7 * fastrand::f64()));
    let (supervisor, worker) = processes(&run);
    for pid in [supervisor, worker]
        .into_iter()
        .flatten()
        .filter_map(Process::id)
    {
        let _ = kill_process(pid, Signal::KILL);
    }
    wait_for(&mut viewer);
    wait_for_end(&run);
    run
}

fn checkpoints(run: &RunFolder) -> Vec<PathBuf> {
    let entries = fs::read_dir(run.path().join("checkpoints/training"));
    let mut paths: Vec<PathBuf> = entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == "checkpoint")
        })
        .collect();
    paths.sort();
    paths
}

fn append(path: &PathBuf, bytes: &[u8]) -> bool {
    let Ok(mut content) = fs::read(path) else {
        return false;
    };
    content.extend_from_slice(bytes);
    fs::write(path, content).is_ok()
}

fn flip(path: &PathBuf) -> bool {
    let Ok(mut content) = fs::read(path) else {
        return false;
    };
    let place = fastrand::usize(..content.len());
    content[place] ^= 1 << fastrand::u8(..8);
    fs::write(path, content).is_ok()
}

fn cut_anywhere(path: &PathBuf) -> bool {
    let Ok(content) = fs::read(path) else {
        return false;
    };
    fs::write(path, &content[..fastrand::usize(..content.len())]).is_ok()
}

/// Within the last line, so that the lines before stay whole.
fn cut_end(path: &PathBuf) -> bool {
    let Ok(content) = fs::read(path) else {
        return false;
    };
    let end = content.len().saturating_sub(1);
    let last = content[..end]
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    last < end && fs::write(path, &content[..fastrand::usize(last..end)]).is_ok()
}
