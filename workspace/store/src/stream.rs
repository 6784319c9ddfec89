//! The event stream of a run as its readers see it: one, whoever has written it.
//!
//! What concerns the whole run is in `events.jsonl`. Where several processes work on it at once, each of these *elements* has a file
//! of its own in `elements/`, `SESSION-NAME/events.jsonl`; the session says how often the run had been taken up again when the element
//! was planned. What elements say comes after the beginning of their session and before its end, by the time it was said at.

use std::{
    collections::{BTreeMap, VecDeque},
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use topwork_events::{Event, Record};

use crate::{
    StoreError,
    elements::{ELEMENTS, session_of},
    event_log::LineReader,
};

/// Looking at the files of many elements takes a while: between two looks is so much time for each beyond the first ones.
const EACH: Duration = Duration::from_micros(500);

/// So many are looked at whenever a reader asks.
const FEW: usize = 32;

/// Reads records as they come. Remembers where it was; an incomplete last line waits for
/// its rest, a line that is no record is skipped and counted.
pub struct EventReader {
    run: LineReader,
    /// Records of the run's own file that are read and wait for what comes before them.
    held: VecDeque<Record>,
    elements: Elements,
    /// Records of elements that are read.
    merged: VecDeque<Record>,
    /// How often the run was taken up again.
    session: u32,
}

struct Elements {
    folder: PathBuf,
    known: BTreeMap<String, LineReader>,
    looked: Option<Instant>,
    /// The element that reads what the others say.
    own: Option<String>,
    listed: Option<Instant>,
}

/// An element lists the others at most so often: it may be late to hear of a new one, which costs that a task is done twice.
const LIST_EVERY: Duration = Duration::from_secs(1);

impl EventReader {
    /// A reader from the beginning of the stream of the run whose own file is `path`, which may not exist yet.
    pub fn new(path: &Path) -> Self {
        Self {
            run: LineReader::new(path),
            held: VecDeque::new(),
            elements: Elements {
                folder: path.with_file_name(ELEMENTS),
                known: BTreeMap::new(),
                looked: None,
                own: None,
                listed: None,
            },
            merged: VecDeque::new(),
            session: 0,
        }
    }

    /// From here on what the others say to the element with this name, not what it says itself.
    #[must_use]
    pub fn beside(mut self, own: &str) -> Self {
        self.elements.known.remove(own);
        self.elements.own = Some(own.to_owned());
        self
    }

    /// The records written since the last call.
    pub fn poll(&mut self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        loop {
            let more = self.next_batch(usize::MAX)?;
            if more.is_empty() {
                return Ok(records);
            }
            records.extend(more);
        }
    }

    /// Up to `most` of the records written since the last call; none when there are no more.
    pub fn next_batch(&mut self, most: usize) -> Result<Vec<Record>, StoreError> {
        loop {
            if !self.merged.is_empty() {
                let count = self.merged.len().min(most);
                return Ok(self.merged.drain(..count).collect());
            }
            if self.held.is_empty() {
                self.held = self.run.next_batch(most)?.into();
            }
            let ready = self.held.iter().take(most).position(ends_session);
            let ready = ready.unwrap_or(self.held.len().min(most));
            if ready > 0 {
                return Ok(self.held.drain(..ready).collect());
            }
            let must = !self.held.is_empty();
            self.merged = self.elements.look(self.session, must)?;
            if self.merged.is_empty() {
                let next = self.held.pop_front();
                if let Some(Event::RunResumed { .. }) = next.as_ref().map(|record| &record.event) {
                    self.session += 1;
                }
                return Ok(next.into_iter().collect());
            }
        }
    }

    /// Lines that were no records.
    pub fn skipped(&self) -> u64 {
        let elements = self.elements.known.values();
        self.run.skipped() + elements.map(LineReader::skipped).sum::<u64>()
    }
}

/// Whether all that elements have said so far belongs before this record.
fn ends_session(record: &Record) -> bool {
    matches!(
        record.event,
        Event::RunResumed { .. } | Event::RunEnded { .. }
    )
}

impl Elements {
    /// What the elements of this session and of those before have said since the last look, in the order of time; nothing where the
    /// last look was just now, unless there `must` be one.
    fn look(&mut self, session: u32, must: bool) -> Result<VecDeque<Record>, StoreError> {
        let beyond = self.known.len().saturating_sub(FEW);
        let pause = EACH * u32::try_from(beyond).unwrap_or(u32::MAX);
        if !must && self.looked.is_some_and(|looked| looked.elapsed() < pause) {
            return Ok(VecDeque::new());
        }
        let just_listed = (self.listed).is_some_and(|listed| listed.elapsed() < LIST_EVERY);
        if self.own.is_none() || must || !just_listed {
            self.list(session);
        }
        let mut timed = Vec::new();
        for (name, reader) in &mut self.known {
            let mut latest = 0;
            for record in reader.look()? {
                // Within a file the order is that of the lines, whatever became of the clock meanwhile.
                latest = record.at.max(latest);
                timed.push((latest, record.of_element(name)));
            }
        }
        timed.sort_by_key(|(at, _)| *at);
        self.looked = Some(Instant::now());
        Ok(timed.into_iter().map(|(_, record)| record).collect())
    }

    fn list(&mut self, session: u32) {
        self.listed = Some(Instant::now());
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if session_of(&name).is_some_and(|its| its <= session)
                && self.own.as_ref() != Some(&name)
                && !self.known.contains_key(&name)
            {
                let reader = LineReader::new(&entry.path().join("events.jsonl"));
                self.known.insert(name, reader);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{fs::OpenOptions, io::Write};

    use super::*;
    use crate::EventWriter;
    use topwork_events::LogLevel;

    fn log(text: &str) -> Event {
        Event::Log {
            level: LogLevel::Info,
            from: "test".into(),
            text: text.into(),
        }
    }

    fn texts(records: &[Record]) -> Vec<&str> {
        records
            .iter()
            .map(|record| match &record.event {
                Event::Log { text, .. } => text.as_str(),
                other => panic!("unexpected {other:?}"),
            })
            .collect()
    }

    #[test]
    fn a_reader_follows_a_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let mut reader = EventReader::new(&path);
        assert!(reader.poll().unwrap().is_empty(), "no file yet");
        let mut writer = EventWriter::open(&path).unwrap();
        writer.append(log("one")).unwrap();
        writer.append(log("two")).unwrap();
        assert_eq!(texts(&reader.poll().unwrap()), ["one", "two"]);
        assert!(reader.poll().unwrap().is_empty());
        writer.append(log("three")).unwrap();
        assert_eq!(texts(&reader.poll().unwrap()), ["three"]);
    }

    #[test]
    fn a_torn_line_is_skipped_and_the_next_one_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        EventWriter::open(&path)
            .unwrap()
            .append(log("one"))
            .unwrap();
        let mut file = OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(br#"{"at":1,"event":"lo"#).unwrap();
        let mut reader = EventReader::new(&path);
        assert_eq!(
            texts(&reader.poll().unwrap()),
            ["one"],
            "the torn line waits"
        );
        EventWriter::open(&path)
            .unwrap()
            .append(log("two"))
            .unwrap();
        assert_eq!(texts(&reader.poll().unwrap()), ["two"]);
        assert_eq!(reader.skipped(), 1);
    }

    #[test]
    fn lines_longer_than_what_is_read_at_once_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let lengths = [3_000_000, 1, 2 << 20, 0, 5_000_000];
        let mut writer = EventWriter::open(&path).unwrap();
        for length in lengths {
            writer.append(log(&"x".repeat(length))).unwrap();
        }
        for most in [1, 2, usize::MAX] {
            let mut reader = EventReader::new(&path);
            let mut found = Vec::new();
            loop {
                let records = reader.next_batch(most).unwrap();
                if records.is_empty() {
                    break;
                }
                found.extend(texts(&records).iter().map(|text| text.len()));
            }
            assert_eq!(found, lengths, "{most} at a time");
        }
    }

    #[test]
    fn streams_of_elements_come_within_their_session() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("events.jsonl");
        let tell = |file: &str, at: u64, event: Event| {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let mut file = OpenOptions::new()
                .create(true)
                .append(true)
                .open(path)
                .unwrap();
            let line = Record::new(at, event).to_line().unwrap();
            file.write_all(line.as_bytes()).unwrap();
        };
        let resumed = || Event::RunResumed {
            version: "1".into(),
        };
        let (a, b) = ("elements/0-a/events.jsonl", "elements/0-b/events.jsonl");
        let next = "elements/1-a/events.jsonl";
        let said = |records: &[Record]| -> Vec<String> {
            let word = |record: &Record| match &record.event {
                Event::Log { text, .. } => text.clone(),
                Event::RunResumed { .. } => "resumed".to_owned(),
                other => panic!("unexpected {other:?}"),
            };
            let of = |record: &Record| record.element.clone().unwrap_or_default();
            (records.iter())
                .map(|record| format!("{} {}", of(record), word(record)).trim().to_owned())
                .collect()
        };
        let mut live = EventReader::new(&run);
        tell("events.jsonl", 10, log("begun"));
        // A clock that went back within a file, and one that is ahead.
        for (file, at, text) in [
            (a, 11, "one"),
            (b, 12, "two"),
            (a, 40, "three"),
            (a, 13, "four"),
            (b, 41, "five"),
        ] {
            tell(file, at, log(text));
        }
        let first = [
            "begun",
            "0-a one",
            "0-b two",
            "0-a three",
            "0-a four",
            "0-b five",
        ];
        assert_eq!(said(&live.poll().unwrap()), first);
        tell(next, 5, log("six"));
        tell("events.jsonl", 20, resumed());
        tell(b, 50, log("late"));
        assert_eq!(
            said(&live.poll().unwrap()),
            ["0-b late", "resumed", "1-a six"]
        );
        let all = [
            "begun",
            "0-a one",
            "0-b two",
            "0-a three",
            "0-a four",
            "0-b five",
            "0-b late",
            "resumed",
            "1-a six",
        ];
        for most in [1, 2, 3, usize::MAX] {
            let mut reader = EventReader::new(&run);
            let mut found = Vec::new();
            loop {
                let records = reader.next_batch(most).unwrap();
                assert!(records.len() <= most);
                if records.is_empty() {
                    break;
                }
                found.extend(said(&records));
            }
            assert_eq!(found, all, "{most} at a time");
        }
    }

    #[test]
    fn a_torn_line_of_an_element_waits_for_its_rest() {
        let folder = tempfile::tempdir().unwrap();
        let element = folder.path().join("elements/0-a");
        std::fs::create_dir_all(&element).unwrap();
        let line = Record::new(1, log("whole")).to_line().unwrap();
        let mut file = std::fs::File::create(element.join("events.jsonl")).unwrap();
        let mut reader = EventReader::new(&folder.path().join("events.jsonl"));
        for (part, expected) in [(&line[..9], 0), (&line[9..], 1), (&line[..], 1)] {
            file.write_all(part.as_bytes()).unwrap();
            assert_eq!(reader.poll().unwrap().len(), expected);
        }
    }
}
