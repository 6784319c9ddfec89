//! `kill -9` at random moments.

use std::thread;

use rustix::process::{Signal, kill_process};
use topwork_store::{Process, RunFolder};

use crate::{
    subject::{Subject, processes, silent, wait_for, wait_for_end, wait_for_session},
    table::Table,
};

/// Who is killed.
const VICTIMS: [&str; 4] = ["worker", "supervisor", "viewer", "all three at once"];

/// Kills each of them in turn, each time at a random moment; goes on after each.
pub fn all(subject: &Subject, kills: u32, table: &mut Table) {
    let mut killed = [0; VICTIMS.len()];
    let mut runs = 0;
    let mut open: Option<RunFolder> = None;
    while killed.iter().sum::<u32>() < kills {
        let victim = killed.iter().sum::<u32>() as usize % VICTIMS.len();
        let (mut viewer, run) = match open.take() {
            Some(run) => (silent(subject.resume(&run)), run),
            None => {
                runs += 1;
                subject.start()
            }
        };
        wait_for_session(&run, &mut viewer);
        thread::sleep(subject.took.mul_f64(fastrand::f64()));
        let (supervisor, worker) = processes(&run);
        let hit = |process: Option<Process>| {
            let pid = process
                .filter(|process| process.alive())
                .and_then(Process::id);
            pid.is_some_and(|pid| kill_process(pid, Signal::KILL).is_ok())
        };
        let is_hit = match VICTIMS[victim] {
            "worker" => hit(worker),
            "supervisor" => hit(supervisor),
            "viewer" => viewer.try_wait().expect("a child").is_none() && viewer.kill().is_ok(),
            _ => {
                let _ = viewer.kill();
                hit(supervisor) | hit(worker)
            }
        };
        wait_for(&mut viewer);
        wait_for_end(&run);
        killed[victim] += u32::from(is_hit);
        let state = subject.state(&run);
        let told = match (VICTIMS[victim], is_hit) {
            // The run goes on without its viewer.
            ("viewer", _) | (_, false) => state == "done" || state == "never",
            // It may have come to its end, or to a step boundary, before the blow.
            _ => ["crashed", "crashed:", "stopped", "done", "never"].contains(&&*state),
        };
        assert!(
            told,
            "the {} was killed and the run is {state}: {}",
            VICTIMS[victim],
            run.path().display()
        );
        if state == "done" {
            subject.check(&run, VICTIMS[victim]);
        } else {
            open = Some(run);
        }
        if is_hit {
            println!(
                "killed {} of {kills}: {}, then {state}",
                killed.iter().sum::<u32>(),
                VICTIMS[victim]
            );
        }
    }
    if let Some(run) = open {
        subject.finish(&run, "the last run");
    }
    for (victim, times) in VICTIMS.iter().zip(killed) {
        table.add(
            &format!("`kill -9` of {victim} at a random moment"),
            times,
            "nothing: the run told what happened, went on where it was and ended equal to the bit",
        );
    }
    println!("{runs} runs");
}
