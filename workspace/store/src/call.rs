//! Which plugin call is in progress, on disk: the only witness when the process dies in it.

use std::{
    fs::File,
    io::{Seek, SeekFrom, Write},
    path::Path,
    time::Duration,
};

use crate::StoreError;

/// Bytes of the record: long texts are cut, short ones padded with spaces, so that one
/// write replaces the whole of it.
const LENGTH: usize = 256;

/// Writes the call in progress to the run folder.
pub struct CallRecorder {
    file: File,
}

/// The plugin call a process was in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LastCall {
    /// The plugin's id, or its file while it is opened.
    pub plugin: String,
    /// What it was asked for: `reading split "train"`.
    pub call: String,
    /// The time without progress for which the process was ended, if it was.
    pub hung: Option<Duration>,
}

impl CallRecorder {
    /// Creates the file at `path`.
    pub fn create(path: &Path) -> Result<Self, StoreError> {
        File::create(path)
            .map(|file| Self { file })
            .map_err(|error| StoreError::io("create", path, &error))
    }

    /// Notes that `plugin` was entered for `call`, `reading split "train"` for instance.
    /// A failure to note it must not hurt the run, so none is told.
    pub fn entered(&mut self, plugin: &str, call: &str) {
        self.replace(&format!("\t{plugin}\t{call}"));
    }

    /// Notes that no plugin call is in progress.
    pub fn left(&mut self) {
        self.replace("");
    }

    /// Notes that `call` made no progress for this time, and that the process ends itself for it.
    pub fn hung(&mut self, plugin: &str, call: &str, silent: Duration) {
        self.replace(&format!("{}\t{plugin}\t{call}", silent.as_millis()));
    }

    fn replace(&mut self, text: &str) {
        let mut record = [b' '; LENGTH];
        let length = text.floor_char_boundary(LENGTH);
        record[..length].copy_from_slice(&text.as_bytes()[..length]);
        let _ = self
            .file
            .seek(SeekFrom::Start(0))
            .and_then(|_| self.file.write_all(&record));
    }

    /// The call in progress when the record at `path` was last written.
    pub fn read(path: &Path) -> Option<LastCall> {
        let text = std::fs::read_to_string(path).ok()?;
        let mut fields = text.trim_end().splitn(3, '\t');
        let silent = fields.next()?;
        Some(LastCall {
            plugin: fields.next()?.to_owned(),
            call: fields.next()?.to_owned(),
            hung: silent.parse().ok().map(Duration::from_millis),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_call_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("call");
        assert_eq!(CallRecorder::read(&path), None);
        let mut recorder = CallRecorder::create(&path).unwrap();
        recorder.entered("mnist", "reading split \"train\"");
        let call = LastCall {
            plugin: "mnist".into(),
            call: "reading split \"train\"".into(),
            hung: None,
        };
        assert_eq!(CallRecorder::read(&path), Some(call.clone()));
        let silent = Duration::from_millis(600_500);
        recorder.hung(&call.plugin, &call.call, silent);
        let hung = LastCall {
            hung: Some(silent),
            ..call
        };
        assert_eq!(CallRecorder::read(&path), Some(hung));
        recorder.entered("x", &"é".repeat(400));
        let long = CallRecorder::read(&path).unwrap();
        assert_eq!(
            (long.plugin.as_str(), long.call.chars().all(|c| c == 'é')),
            ("x", true)
        );
        recorder.left();
        assert_eq!(CallRecorder::read(&path), None);
    }
}
