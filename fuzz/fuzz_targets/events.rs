//! Any bytes in an event file are read, summed up and shown, and who appends to them begins a line of its own.
#![no_main]

use libfuzzer_sys::fuzz_target;
use topwork_events::{Event, LogLevel, RunState};
use topwork_pages::comparison;
use topwork_results::Results;
use topwork_store::{EventReader, EventWriter};

fuzz_target!(|bytes: &[u8]| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("events.jsonl");
    std::fs::write(&path, bytes).expect("a written file");
    let mut reader = EventReader::new(&path);
    let mut records = reader.poll().expect("a file that can be read");
    let mut writer = EventWriter::open(&path).expect("a file that can be appended to");
    let last = Event::Log {
        level: LogLevel::Info,
        from: "fuzz".to_owned(),
        text: "last".to_owned(),
    };
    let last = writer.append(last).expect("a record that can be written");
    records.extend(reader.poll().expect("a file that can be read"));
    assert_eq!(records.last(), Some(&last));
    let state = RunState::from_records(&records);
    if let Some(results) = Results::from_state(&state) {
        results.to_json().expect("results are JSON");
        comparison(&results, Some(100));
    }
});
