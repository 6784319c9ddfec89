//! The event file: appended line by line by one process, read by many while it grows.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use topwork_events::{Event, Record};

use crate::{StoreError, clock::now, replace::removed};

/// Bytes of the event file that are held in memory at a time.
const READ_AT_ONCE: u64 = 1 << 20;

/// Appends records. Every record reaches the system in one write, so a reader sees whole
/// lines, or at worst a torn last one after a crash.
pub struct EventWriter {
    path: PathBuf,
    file: File,
    /// By how much this machine's clock is behind the one that the records are told by, milliseconds.
    behind: i64,
}

impl EventWriter {
    /// Opens the file for appending, creating it. A line torn by a crash is closed first,
    /// so that the next record starts on its own line.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let fail = |error: &io::Error| StoreError::io("write", path, error);
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .map_err(|e| fail(&e))?;
        if ends_torn(&mut file).map_err(|e| fail(&e))? {
            file.write_all(b"\n").map_err(|e| fail(&e))?;
        }
        Ok(Self {
            path: path.to_owned(),
            file,
            behind: 0,
        })
    }

    /// The same with records told by another clock, which this machine's is so much behind, milliseconds.
    pub fn by_clock(mut self, behind: i64) -> Self {
        self.behind = behind;
        self
    }

    /// Appends one event of the first part, stamped with the present time, and returns the record.
    pub fn append(&mut self, event: Event) -> Result<Record, StoreError> {
        self.append_of(0, event)
    }

    /// Appends one event of a part of the run.
    pub fn append_of(&mut self, part: usize, event: Event) -> Result<Record, StoreError> {
        let record = Record {
            at: now().saturating_add_signed(self.behind),
            part,
            element: None,
            event,
        };
        let line = record.to_line().map_err(|error| StoreError::Damaged {
            path: self.path.clone(),
            reason: error.to_string(),
        })?;
        self.file
            .write_all(line.as_bytes())
            .and_then(|()| self.is_still_there())
            .map_err(|error| StoreError::io("write", &self.path, &error))?;
        Ok(record)
    }

    /// A file that was removed takes what is written to it and keeps nothing.
    fn is_still_there(&self) -> io::Result<()> {
        #[cfg(unix)]
        if std::os::unix::fs::MetadataExt::nlink(&self.file.metadata()?) == 0 {
            return Err(removed());
        }
        Ok(())
    }
}

/// True when the file holds something whose last byte is not a line end.
fn ends_torn(file: &mut File) -> io::Result<bool> {
    // Only a regular file has an end to look at; a device or pipe is appended to as it is.
    let metadata = file.metadata()?;
    if !metadata.is_file() || metadata.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

/// Reads records as they come. Remembers where it was; an incomplete last line waits for
/// its rest, a line that is no record is skipped and counted.
pub(crate) struct LineReader {
    path: PathBuf,
    file: Option<File>,
    /// Where to go on in a file that was closed.
    position: u64,
    rest: Vec<u8>,
    /// Bytes at the beginning of `rest` that hold no line end: a line may be longer than what is
    /// read at once.
    searched: usize,
    skipped: u64,
}

impl LineReader {
    /// A reader from the beginning of `path`, which may not exist yet.
    pub fn new(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            position: 0,
            rest: Vec::new(),
            searched: 0,
            skipped: 0,
        }
    }

    /// The records written since the last call, of a file that is not held open meanwhile: there may be more of them than a process
    /// may have open.
    pub fn look(&mut self) -> Result<Vec<Record>, StoreError> {
        let mut records = Vec::new();
        while fs::metadata(&self.path).is_ok_and(|file| file.len() > self.position) {
            let more = self.next_batch(usize::MAX)?;
            if let Some(mut file) = self.file.take() {
                let position = file.stream_position();
                self.position =
                    position.map_err(|error| StoreError::io("read", &self.path, &error))?;
            }
            records.extend(more);
        }
        Ok(records)
    }

    /// Up to `most` of the records written since the last call; none when there are no more.
    pub fn next_batch(&mut self, most: usize) -> Result<Vec<Record>, StoreError> {
        let fail = |error: &io::Error| StoreError::io("read", &self.path, error);
        if self.file.is_none() {
            match File::open(&self.path) {
                Ok(mut file) => {
                    file.seek(SeekFrom::Start(self.position))
                        .map_err(|error| fail(&error))?;
                    self.file = Some(file);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
                Err(error) => return Err(fail(&error)),
            }
        }
        let mut records = Vec::new();
        loop {
            let mut used = 0;
            while records.len() < most {
                let found = self.rest[self.searched..]
                    .iter()
                    .position(|byte| *byte == b'\n');
                let Some(end) = found.map(|length| self.searched + length) else {
                    self.searched = self.rest.len();
                    break;
                };
                let line = &self.rest[used..end];
                used = end + 1;
                self.searched = used;
                match std::str::from_utf8(line).ok().and_then(Record::from_line) {
                    Some(record) => records.push(record),
                    None if line.is_empty() => {}
                    None => self.skipped += 1,
                }
            }
            self.rest.drain(..used);
            self.searched -= used;
            if !records.is_empty() {
                return Ok(records);
            }
            let Some(file) = &mut self.file else {
                return Ok(records);
            };
            let read = file
                .take(READ_AT_ONCE)
                .read_to_end(&mut self.rest)
                .map_err(|error| fail(&error))?;
            if read == 0 {
                return Ok(records);
            }
        }
    }

    /// Lines that were no records.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }
}

/// An end record with its message is shorter than so many bytes.
const LAST_RECORD: u64 = 64 << 10;

/// The last record of an event file; `None` when there is none, or it is longer than an end
/// record ever is.
pub(crate) fn last_record(path: &Path) -> Option<Record> {
    let mut end = Vec::new();
    open_at_tail(path, LAST_RECORD)
        .ok()?
        .read_to_end(&mut end)
        .ok()?;
    let mut lines = end.strip_suffix(b"\n")?.rsplit(|byte| *byte == b'\n');
    Record::from_line(std::str::from_utf8(lines.next()?).ok()?)
}

/// Opens a file at its beginning, one that is longer than `most` bytes at the last so many.
///
/// # Errors
/// When it cannot be opened.
pub fn open_at_tail(path: &Path, most: u64) -> io::Result<File> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    if length > most {
        file.seek(SeekFrom::Start(length - most))?;
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_told_as_such() {
        let mut writer = EventWriter::open(Path::new("/dev/full")).unwrap();
        let version = String::new();
        let error = writer.append(Event::RunResumed { version }).unwrap_err();
        assert_eq!(
            error.to_string(),
            "cannot write `/dev/full`: the disk is full"
        );
    }
}
