//! What telling events and signs of life costs a run.

use std::{fs, path::Path, process::Command, time::Instant};

use topwork_store::RunFolder;

use crate::table::Table;

/// How often each write is timed.
const REPEATS: u32 = 20;

/// Runs `experiment`, then writes all its events, calls and signs of life again, and nothing else, in the same place: their time
/// over the run's is the share that bookkeeping takes. The supervisor writes the signs of life, so they cost the worker less.
pub fn measure(experiment: &Path, table: &mut Table) {
    let temp = std::env::temp_dir().join(format!("topwork-overhead-{}", std::process::id()));
    let binary = std::env::current_exe()
        .expect("a program")
        .with_file_name("topwork");
    let status = Command::new(binary)
        .arg("run")
        .arg(experiment)
        .args(["--ui", "none", "--no-cache", "--runs-dir"])
        .arg(&temp)
        .status();
    assert!(status.expect("a binary that starts").success());
    let entry = fs::read_dir(&temp)
        .expect("runs")
        .flatten()
        .find(|entry| entry.path().is_dir());
    let run = RunFolder::at(entry.expect("a run").path());
    let records = run.event_reader().poll().expect("events");
    let seconds = run
        .state()
        .expect("a state")
        .ending
        .expect("an end")
        .seconds;

    let copy = RunFolder::at(temp.join("copy"));
    fs::create_dir(copy.path()).expect("a folder");
    let begun = Instant::now();
    for _ in 0..REPEATS {
        let _ = fs::remove_file(copy.events_path());
        let mut writer = copy.event_writer().expect("an event file");
        let mut state = topwork_events::RunState::default();
        for record in &records {
            state.apply(&writer.append(record.event.clone()).expect("an event"));
        }
    }
    let events = begun.elapsed().as_secs_f64() / f64::from(REPEATS);
    let begun = Instant::now();
    for _ in 0..REPEATS {
        copy.beat().expect("a sign of life");
    }
    let beats = begun.elapsed().as_secs_f64() / f64::from(REPEATS) * seconds;
    let share = (events + beats) / seconds;
    table.measured(&format!(
        "{} events of a run of {} ({}) take {}, the signs of life of that time {}: {:.3} % of it together.",
        records.len(),
        topwork_measure::seconds(seconds),
        experiment.display(),
        topwork_measure::seconds(events),
        topwork_measure::seconds(beats),
        share * 100.0,
    ));
    fs::remove_dir_all(temp).expect("a folder that can be removed");
    assert!(
        share < 0.01,
        "bookkeeping takes {:.2} % of a run",
        share * 100.0
    );
}
